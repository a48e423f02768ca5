//! What is known of the conversation, beside it.

use common::ident::{GroupName, UserId};
use ratatui::layout::Rect;

use crate::app::model::{Here, Membership};
use crate::app::sanitise::SafeText;
use crate::app::screen::{Chat, View};
use crate::app::texts::{files, format, screen, talk};
use crate::ui::tui::cells::Cells;
use peer_core::model::Conversation;
use peer_core::notice::KeyState;

/// Files that are shown.
const SHARED: usize = 4;
/// Characters of their names.
const NAME_WIDTH: usize = 10;

/// One row: a heading, or what stands below it.
enum Row {
    Heading(String),
    Text(String),
    Key(String, KeyState),
    Gap,
}

/// Draws them without the first so many rows.
pub(super) fn draw(cells: &mut Cells<'_>, view: &View, area: Rect, from: usize) {
    let look = cells.look;
    let Some(to) = &view.current else { return };
    let mut rows = Vec::new();
    match to {
        Conversation::User(user) => about_user(&mut rows, view, user),
        Conversation::Group(group) => about_group(&mut rows, view, group),
        Conversation::Everyone => head(&mut rows, screen::EVERYONE),
    }
    head(&mut rows, screen::COMMANDS);
    let commands: &[&str] = match to {
        Conversation::User(_) => &screen::DETAIL_COMMANDS,
        Conversation::Group(_) | Conversation::Everyone => &screen::GROUP_COMMANDS,
    };
    rows.extend(commands.iter().map(|command| Row::Text((*command).to_owned())));
    if let Conversation::User(user) = to {
        shared_with(&mut rows, view, user);
        head(&mut rows, screen::CONNECTION);
        let lines = screen::connection_way(view.model.conversations.way(user));
        rows.extend(lines.iter().map(|line| Row::Text((*line).to_owned())));
        if let Some(why) = view.model.conversations.no_way(user) {
            rows.push(Row::Text(talk::no_way(why)));
        }
    }
    head(&mut rows, screen::OUTBOX);
    rows.push(Row::Text(screen::outbox(view.chats.get(to).map_or(0, Chat::waiting))));
    for (row, y) in rows.iter().skip(from).zip(area.y..area.bottom()) {
        let (x, text, style) = match row {
            Row::Heading(text) => (1, text.as_str(), look.strong()),
            Row::Text(text) => (2, text.as_str(), look.plain()),
            Row::Key(text, key) => (2, text.as_str(), look.security_style(*key)),
            Row::Gap => (2, "", look.plain()),
        };
        cells.cut((area.x + x, y), area.width - x, SafeText::ours(text).as_str(), style);
    }
}

fn head(rows: &mut Vec<Row>, text: &str) {
    if !rows.is_empty() {
        rows.push(Row::Gap);
    }
    rows.push(Row::Heading(text.to_owned()));
}

fn about_user(rows: &mut Vec<Row>, view: &View, user: &UserId) {
    let known = view.model.people.known(user);
    head(rows, &user.as_str().to_uppercase());
    rows.push(Row::Text(match view.model.here(user) {
        Here::Online { since: Some(since) } => screen::online_since(&format::clock(since, &view.zone)),
        Here::Online { since: None } => screen::ONLINE.to_owned(),
        Here::Away(text) if text.is_empty() => screen::AWAY.to_owned(),
        Here::Away(text) => format!("{}: {text}", screen::AWAY),
        Here::Offline => screen::NOT_ONLINE.to_owned(),
        Here::Unknown => screen::UNKNOWN.to_owned(),
    }));
    let key = match known.key {
        KeyState::Verified => screen::KEY_VERIFIED,
        KeyState::NotVerified => screen::KEY_NOT_VERIFIED,
        KeyState::Changed => screen::KEY_CHANGED,
        KeyState::Blocked => screen::BLOCKED,
    };
    rows.push(Row::Key(key.to_owned(), known.key));
    if let Some(number) = view.model.people.safety_number(user) {
        let groups: Vec<&str> = number.split_whitespace().collect();
        rows.extend(groups.chunks(4).map(|row| Row::Text(row.join(" "))));
    }
}

fn about_group(rows: &mut Vec<Row>, view: &View, group: &GroupName) {
    head(rows, &group.to_string());
    if let Some(Membership::Member(listed)) = view.model.people.groups.get(group) {
        rows.push(Row::Text(format::count(listed.members, "member", "members")));
        if listed.waiting > 0 {
            rows.push(Row::Text(screen::ask_to_join(listed.waiting)));
        }
    }
    if let Some(members) = view.model.people.members(group) {
        head(rows, screen::MEMBERS);
        rows.extend(members.iter().map(|user| Row::Text(user.to_string())));
    }
}

fn shared_with(rows: &mut Vec<Row>, view: &View, user: &UserId) {
    let mut transfers = view.model.transfers.with(user).take(SHARED).peekable();
    if transfers.peek().is_some() {
        head(rows, screen::SHARED_FILES);
        rows.extend(transfers.map(|transfer| Row::Text(files::shared(&transfer.file, NAME_WIDTH))));
    }
}
