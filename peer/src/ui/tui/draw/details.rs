//! What is known of the conversation, beside it.

use ratatui::layout::Rect;

use crate::app::model::{Here, Link, Membership};
use crate::app::screen::View;
use crate::app::texts::{files, format, screen};
use crate::ui::tui::cells::Cells;
use peer_core::model::Conversation;
use peer_core::notice::KeyState;

/// Files that are shown.
const SHARED: usize = 4;
/// Characters of their names.
const NAME_WIDTH: usize = 10;

pub(super) fn draw(cells: &mut Cells<'_>, view: &View, area: Rect) {
    let look = cells.look;
    let Some(to) = &view.current else { return };
    let mut rows: Vec<(String, bool)> = Vec::new();
    let head = |rows: &mut Vec<(String, bool)>, text: &str| {
        if !rows.is_empty() {
            rows.push((String::new(), false));
        }
        rows.push((text.to_owned(), true));
    };
    match to {
        Conversation::User(user) => {
            let known = view.model.people.known(user);
            head(&mut rows, &user.as_str().to_uppercase());
            rows.push((
                match known.here {
                    Here::Online { since: Some(since) } => screen::online_since(&format::clock(since)),
                    Here::Online { since: None } => screen::ONLINE.to_owned(),
                    Here::Away(text) if text.is_empty() => screen::AWAY.to_owned(),
                    Here::Away(text) => format!("{}: {text}", screen::AWAY),
                    Here::Offline | Here::Unknown => screen::NOT_ONLINE.to_owned(),
                },
                false,
            ));
            let key = match known.key {
                KeyState::Verified => screen::KEY_VERIFIED,
                KeyState::NotVerified => screen::KEY_NOT_VERIFIED,
                KeyState::Changed => screen::KEY_CHANGED,
                KeyState::Blocked => screen::BLOCKED,
            };
            rows.push((key.to_owned(), false));
            if let Some(number) = view.model.people.safety_number(user) {
                let groups: Vec<&str> = number.split_whitespace().collect();
                rows.extend(groups.chunks(4).map(|row| (row.join(" "), false)));
            }
        }
        Conversation::Group(group) => {
            head(&mut rows, &group.to_string());
            if let Some(Membership::Member(listed)) = view.model.people.groups.get(group) {
                rows.push((format::count(listed.members, "member", "members"), false));
                if listed.waiting > 0 {
                    rows.push((screen::ask_to_join(listed.waiting), false));
                }
            }
            if let Some(members) = view.model.people.members(group) {
                head(&mut rows, screen::MEMBERS);
                rows.extend(members.iter().map(|user| (user.to_string(), false)));
            }
        }
        Conversation::Everyone => head(&mut rows, screen::EVERYONE),
    }
    head(&mut rows, screen::COMMANDS);
    rows.extend(screen::DETAIL_COMMANDS.iter().map(|command| ((*command).to_owned(), false)));
    let chat = view.chats.get(to);
    if let Conversation::User(user) = to
        && view.model.transfers.with(user).next().is_some()
    {
        head(&mut rows, screen::SHARED_FILES);
        let shared = view.model.transfers.with(user).take(SHARED);
        rows.extend(shared.map(|transfer| (files::shared(&transfer.file, NAME_WIDTH), false)));
    }
    if let Conversation::User(_) = to {
        head(&mut rows, screen::CONNECTION);
        let up = view.link(to) == Link::Up;
        rows.extend(if up { screen::DIRECT } else { screen::BY_MAIL }.iter().map(|line| ((*line).to_owned(), false)));
    }
    head(&mut rows, screen::OUTBOX);
    rows.push((screen::outbox(chat.map_or(0, crate::app::screen::Chat::waiting)), false));
    for ((text, heading), y) in rows.iter().zip(area.y..area.bottom()) {
        let (x, style) = if *heading { (1, look.strong()) } else { (2, look.plain()) };
        let text = crate::app::sanitise::SafeText::ours(text);
        cells.cut((area.x + x, y), area.width - x, text.as_str(), style);
    }
}
