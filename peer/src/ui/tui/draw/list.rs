//! The column of people and groups.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::row::{NAME, progress};
use crate::app::model::{Here, Membership, Transfer};
use crate::app::sanitise::SafeText;
use crate::app::screen::{Target, View};
use crate::app::texts::{files, screen};
use crate::ui::tui::cells::{Cells, wide};
use peer_core::model::Conversation;
use peer_core::notice::KeyState;

/// Transfers that are shown.
const TRANSFERS: usize = 2;

/// What one row says.
pub(super) struct Item {
    sign: &'static str,
    name: String,
    /// Behind the name.
    beside: &'static str,
    /// At the end of the row.
    at_end: String,
    sign_style: Style,
    end_style: Style,
}

/// Draws the list, and says where which conversation is; `chosen` counts them in the order of the list.
pub(super) fn draw(cells: &mut Cells<'_>, view: &View, area: Rect, chosen: Option<usize>) -> Vec<(Rect, Target)> {
    let look = cells.look;
    let mut targets = Vec::new();
    let order = view.model.people.conversations();
    let people = order.iter().take_while(|to| matches!(to, Conversation::User(_))).count();
    let mut y = area.y;
    cells.put((area.x + 1, y), area.width - 1, screen::PEOPLE, look.strong());
    y += 1;
    let rows = usize::from(area.height).saturating_sub(1);
    let groups = order.len() - people;
    let running: Vec<&Transfer> = view.model.transfers.running().take(TRANSFERS).collect();
    let transfers = if running.is_empty() { 0 } else { 2 + 2 * running.len() };
    // Groups and transfers keep their rows; of the people those are shown that fit.
    let room = rows.saturating_sub(groups + 2 + transfers).max(1).min(rows);
    let marked = chosen.or_else(|| order.iter().position(|to| view.current.as_ref() == Some(to)));
    let first = marked.filter(|place| *place < people).map_or(0, |place| (place + 1).saturating_sub(room));
    for (place, to) in order.iter().enumerate().take(people).skip(first).take(room) {
        let at = Rect { y, height: 1, ..area };
        row(cells, view, to, at, marked == Some(place), chosen.is_some());
        targets.push((at, Target::Conversation(to.clone())));
        y += 1;
    }
    y += 1;
    if y >= area.bottom() {
        return targets;
    }
    cells.put((area.x + 1, y), area.width - 1, screen::GROUPS, look.strong());
    y += 1;
    for (place, to) in order.iter().enumerate().skip(people) {
        if y >= area.bottom() {
            break;
        }
        let at = Rect { y, height: 1, ..area };
        row(cells, view, to, at, marked == Some(place), chosen.is_some());
        targets.push((at, Target::Conversation(to.clone())));
        y += 1;
    }
    draw_transfers(cells, &running, Rect { y: y + 1, height: area.bottom().saturating_sub(y + 1), ..area });
    targets
}

/// Files on the way: a row that says which and how far, and a bar.
fn draw_transfers(cells: &mut Cells<'_>, running: &[&Transfer], area: Rect) {
    let look = cells.look;
    if running.is_empty() || area.height < 3 {
        return;
    }
    cells.put((area.x + 1, area.y), area.width - 1, screen::TRANSFERS, look.strong());
    for (transfer, y) in running.iter().zip((area.y + 1..area.bottom().saturating_sub(1)).step_by(2)) {
        let (file, width) = (&transfer.file, area.width.saturating_sub(4));
        let percent = format!("{}%", files::percent(file.done, file.size));
        let name = format!("{} {}", look.way(file.ours), SafeText::ours(&file.name).as_str());
        cells.cut((area.x + 1, y), width.saturating_sub(wide(&percent) - 1), &name, look.plain());
        cells.put_right((area.right() - 1, y), &percent, look.plain());
        cells.put((area.x + 1, y + 1), width, &progress(file.done, file.size, width, look), look.good());
    }
}

/// One row, for the opener too.
pub(super) fn row(cells: &mut Cells<'_>, view: &View, to: &Conversation, area: Rect, marked: bool, choosing: bool) {
    let look = cells.look;
    let item = item(cells, view, to);
    let style = match (marked, choosing) {
        (true, true) => look.chosen(),
        (true, false) => look.accent(),
        (false, _) => look.plain(),
    };
    if marked && choosing {
        cells.put((area.x, area.y), area.width, &" ".repeat(area.width.into()), style);
    } else if marked {
        cells.put((area.x, area.y), 1, look.bar_of_chosen(), style);
    }
    let or_chosen = |own: Style| if marked && choosing { style } else { own };
    cells.put((area.x + 1, area.y), 1, item.sign, or_chosen(item.sign_style));
    let used = cells.cut((area.x + 3, area.y), NAME.min(area.width.saturating_sub(4)), &item.name, style);
    let beside = or_chosen(look.faint());
    cells.put((area.x + 3 + used + 2, area.y), area.width.saturating_sub(used + 5), item.beside, beside);
    cells.put_right((area.right() - 1, area.y), &item.at_end, or_chosen(item.end_style));
}

fn item(cells: &Cells<'_>, view: &View, to: &Conversation) -> Item {
    let chat = view.chats.get(to);
    let unread = view.model.conversations.unread(to);
    let look = cells.look;
    let number = match (unread, chat.is_some_and(|chat| chat.incoming_call)) {
        (0, true) => "!".to_owned(),
        (0, false) => String::new(),
        (unread, _) => unread.to_string(),
    };
    match to {
        Conversation::User(user) => {
            let known = view.model.people.known(user);
            let key = match known.key {
                KeyState::Verified => "verified",
                KeyState::Changed => "KEY",
                KeyState::Blocked => "blocked",
                KeyState::NotVerified => "",
            };
            let here = view.model.here(user);
            let away = matches!(here, Here::Away(_)) && number.is_empty();
            let (at_end, end_style) = match number.is_empty() && !away {
                true => (key.to_owned(), look.security_style(known.key)),
                false => (number, look.careful()),
            };
            let beside = if view.is_muted(to) {
                screen::MUTED
            } else if away {
                screen::AWAY
            } else {
                ""
            };
            let (sign, sign_style) = (look.presence(&here), look.presence_style(&here));
            Item { sign, name: user.to_string(), beside, at_end, sign_style, end_style }
        }
        Conversation::Group(group) => {
            let at_end = match view.model.people.groups.get(group) {
                Some(Membership::Pending) => screen::PENDING.to_owned(),
                Some(Membership::Member(listed)) if listed.waiting > 0 && number.is_empty() => "?".to_owned(),
                _ => number,
            };
            let name = group.to_string().trim_start_matches('#').to_owned();
            Item { sign: "#", name, beside: "", at_end, sign_style: look.faint(), end_style: look.careful() }
        }
        Conversation::Everyone => Item {
            sign: "*",
            name: screen::EVERYONE.trim_start_matches("* ").to_owned(),
            beside: "",
            at_end: number,
            sign_style: look.faint(),
            end_style: look.careful(),
        },
    }
}
