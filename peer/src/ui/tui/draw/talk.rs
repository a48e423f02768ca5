//! The conversation: messages with their times, authors and marks, what is new, what this program says.

use common::ident::UserId;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::question;
use super::row::{MARK, NAME, Row, progress};
use crate::app::grammar::Switch;
use crate::app::model::Transfer;
use crate::app::sanitise::SafeText;
use crate::app::screen::{Anchor, Chat, Line, Message, Target, View};
use crate::app::texts::{files, format, screen};
use crate::ui::layout::broken;
use crate::ui::tui::cells::{Cells, shortened, wide};
use crate::ui::tui::theme::Look;
use peer_core::model::DeliveryStatus;

/// From this width on the text has a column of its own.
const WITH_COLUMNS: u16 = 50;
/// Where further rows begin if it has not.
const INDENT: u16 = 3;
/// `14:02`, and what stands around it.
const CLOCK: u16 = 7;
/// Seconds.
const MINUTE: u64 = 60;
/// Columns of the bar of a transfer.
const BAR: u16 = 28;
/// A shorter one says nothing.
const SHORTEST_BAR: u16 = 4;

/// Draws it, and says where which line is.
pub(super) fn draw(cells: &mut Cells<'_>, view: &View, area: Rect) -> Vec<(Rect, Target)> {
    let look = cells.look;
    let mut targets = Vec::new();
    let Some(chat) = view.current_chat() else {
        for (line, y) in screen::EMPTY.iter().zip(area.y + 1..area.bottom()) {
            cells.put((area.x + 1, y), area.width - 1, line, look.faint());
        }
        return targets;
    };
    let asked = question::rows(view, area, look);
    let height = area.height.saturating_sub(u16::try_from(asked.len()).unwrap_or(0));
    let (mut rows, from) = around_selection(view, chat, area.width, look, height.into());
    rows.reverse();
    if chat.is_empty() && asked.is_empty() {
        cells.put((area.x + 1, area.bottom() - 1), area.width - 1, screen::NOTHING_YET, look.faint());
    }
    // What was said last stands next to what is being written.
    let taken = u16::try_from(rows.len() + asked.len()).unwrap_or(u16::MAX);
    let mut y = area.y + area.height.saturating_sub(taken);
    for row in &rows {
        let place = Rect { y, height: 1, ..area };
        row.draw(cells, place);
        targets.extend(row.anchor.filter(|_| row.rule.is_none()).map(|anchor| (place, Target::Line(anchor.line))));
        if row.anchor.is_some_and(|anchor| view.selection.has(anchor.line)) && row.rule.is_none() {
            cells.buffer.set_style(place, look.chosen());
        }
        y += 1;
    }
    for row in &asked {
        row.draw(cells, Rect { y, height: 1, ..area });
        y += 1;
    }
    if let Some(anchor) = from {
        let below = chat.numbered().filter(|(number, line)| *number > anchor.line && matches!(line, Line::Message(_)));
        let text = screen::more_below(below.count());
        let inside = wide(&text) + 4;
        let x = area.x + area.width.saturating_sub(inside) / 2;
        let last = area.bottom() - 1;
        cells.clear(Rect { y: last, height: 1, ..area });
        cells.rule((x, last), inside.min(area.width), &text, look.careful());
    }
    targets
}

/// The rows that are shown, and from where: a selected message is always among them.
fn around_selection(view: &View, chat: &Chat, width: u16, look: Look, most: usize) -> (Vec<Row>, Option<Anchor>) {
    let shown = rows(view, chat, width, look, most, chat.anchor);
    let Some(line) = view.selection.message else { return (shown, chat.anchor) };
    if shown.iter().any(|row| row.rule.is_none() && row.anchor.is_some_and(|anchor| anchor.line == line)) {
        return (shown, chat.anchor);
    }
    let from = Some(Anchor { line, below: 0 });
    (rows(view, chat, width, look, most, from), from)
}

/// Rows from the end, or from the anchor, upwards; at most so many.
fn rows(view: &View, chat: &Chat, width: u16, look: Look, most: usize, from: Option<Anchor>) -> Vec<Row> {
    if most == 0 {
        return Vec::new();
    }
    // Both of two have their room from the beginning, so that nothing moves when the other one speaks.
    let both = view.partner().into_iter().chain([view.me().clone()]).map(|user| wide(user.as_str()));
    let authors = chat.messages().map(|message| wide(message.author.as_str()));
    let names = authors.chain(both).max().unwrap_or(0).min(NAME);
    let mut lines =
        chat.numbered().rev().skip_while(|(number, _)| from.is_some_and(|anchor| *number > anchor.line)).peekable();
    let mut rows = Vec::new();
    while let Some((number, line)) = lines.next() {
        let mut block = Vec::new();
        if lines.peek().is_none_or(|(_, before)| !format::is_same_day(before.date(), line.date(), &view.zone)) {
            let day = screen::day(line.date(), &view.zone);
            let row = Row { rule: Some(day), mark_style: look.faint(), ..Row::default() };
            block.push(row);
        }
        if chat.news == Some(number) {
            let new = chat.numbered().filter(|(at, line)| *at >= number && is_new(view, line)).count();
            block.push(Row { rule: Some(screen::new_below(new)), mark_style: look.careful(), ..Row::default() });
        }
        match line {
            Line::Message(message) => {
                let before = lines.peek().map(|(_, before)| *before).filter(|_| block.is_empty());
                let clock = view.clock == Switch::On && !before.is_some_and(|before| is_same_minute(before, message));
                block.extend(message_rows(view, (message, clock), (width, names), look));
            }
            Line::Note { text, .. } => block.extend(note_rows(text, width, look)),
            Line::Connection(connection) => {
                block.extend(note_rows(&connection.words(&view.zone), width, look));
            }
            Line::File { date, number } => {
                let transfer = view.model.transfers.get(*number).into_iter();
                block.extend(transfer.flat_map(|transfer| file_rows(view, transfer, *date, (width, names), look)));
            }
        }
        let hidden = from.filter(|anchor| anchor.line == number).map_or(0, |anchor| anchor.below);
        for (below, mut row) in block.into_iter().rev().enumerate().skip(hidden) {
            row.anchor = Some(Anchor { line: number, below });
            rows.push(row);
            if rows.len() == most {
                return rows;
            }
        }
    }
    rows
}

fn is_new(view: &View, line: &Line) -> bool {
    matches!(line, Line::Message(message) if message.author != *view.me())
}

/// Whether a message follows another of the same author in the same minute, which tells the time already.
fn is_same_minute(before: &Line, message: &Message) -> bool {
    matches!(before, Line::Message(before)
        if before.author == message.author && before.date / MINUTE == message.date / MINUTE)
}

/// The rows of a message, with its time if that was not told just above.
fn message_rows(view: &View, (message, clock): (&Message, bool), (width, names): (u16, u16), look: Look) -> Vec<Row> {
    let mine = message.author == *view.me();
    let name = shortened(message.author.as_str(), NAME, look);
    let text_at = CLOCK + names + 2;
    let rest_at = if width >= WITH_COLUMNS { text_at } else { INDENT };
    let end = width.saturating_sub(if mine { 1 + MARK } else { 1 });
    let room = |at: u16| usize::from(end.saturating_sub(at).max(2));
    let mut rows: Vec<Row> = Vec::new();
    for line in SafeText::message(&message.text, view.glyphs) {
        let at = if rows.is_empty() { text_at } else { rest_at };
        for piece in broken(line.as_str(), room(at), room(rest_at)) {
            let at = if rows.is_empty() { text_at } else { rest_at };
            rows.push(Row { spans: vec![(at, piece.trim_end().to_owned(), look.plain())], ..Row::default() });
        }
    }
    if let Some(first) = rows.first_mut() {
        if clock {
            first.spans.push((1, format::clock(message.date, &view.zone), look.faint()));
        }
        first.spans.push((CLOCK, name, author_style(view, &message.author, look)));
    }
    if let (Some(last), true) = (rows.last_mut(), mine) {
        last.mark = look.mark(message.mark);
        last.mark_style = if matches!(message.mark, DeliveryStatus::Failed | DeliveryStatus::Withdrawn(_)) {
            look.alarming()
        } else {
            look.plain()
        };
    }
    rows
}

/// One's own name stands back; where there are several others, each has a colour.
fn author_style(view: &View, author: &UserId, look: Look) -> Style {
    match view.partner() {
        _ if author == view.me() => look.faint(),
        Some(_) => look.strong(),
        None => look.person(author.as_str()),
    }
}

/// A file: what it is and how far, and below that where it stands.
fn file_rows(view: &View, transfer: &Transfer, date: u64, (width, names): (u16, u16), look: Look) -> Vec<Row> {
    let file = &transfer.file;
    let author = if file.ours { view.me() } else { &file.with };
    let (text_at, end) = (CLOCK + names + 2, width.saturating_sub(1));
    let rest_at = if width >= WITH_COLUMNS { text_at } else { INDENT };
    let mut what = format!("{} {} {}", look.way(file.ours), file.name, files::extent(file));
    if transfer.is_running() {
        what.push_str(&format!("  {}%", files::percent(file.done, file.size)));
    }
    let what = shortened(SafeText::ours(&what).as_str(), end.saturating_sub(text_at), look);
    let bar = end.saturating_sub(text_at + wide(&what) + 1).min(BAR);
    let clock = if view.clock == Switch::On { format::clock(date, &view.zone) } else { String::new() };
    let mut spans = vec![
        (1, clock, look.faint()),
        (CLOCK, shortened(author.as_str(), NAME, look), author_style(view, author, look)),
        (text_at, what.clone(), look.plain()),
    ];
    if transfer.is_running() && bar >= SHORTEST_BAR {
        spans.push((text_at + wide(&what) + 1, progress(file.done, file.size, bar, look), look.good()));
    }
    let standing = files::standing(file, &transfer.news, transfer.per_second(view.now.instant));
    let standing = SafeText::ours(&standing);
    let room = usize::from(end.saturating_sub(rest_at).max(2));
    let below = broken(standing.as_str(), room, room).into_iter();
    let below = below.map(|piece| Row::ours(rest_at, piece.trim_end(), look.faint()));
    std::iter::once(Row { spans, ..Row::default() }).chain(below).collect()
}

/// What this program says begins where nobody else can write.
fn note_rows(text: &str, width: u16, look: Look) -> Vec<Row> {
    let text = SafeText::ours(text);
    let room = usize::from(width.saturating_sub(2).max(4));
    let rows = broken(text.as_str(), room, room.saturating_sub(INDENT.into()).max(2)).into_iter().enumerate();
    rows.map(|(number, piece)| {
        let at = if number == 0 { 1 } else { 1 + INDENT };
        Row { spans: vec![(at, piece.trim_end().to_owned(), look.faint())], ..Row::default() }
    })
    .collect()
}

/// From where to show the conversation so that the line above what is new is on top, or as far up as there is text.
pub(crate) fn to_unread(view: &View, chat: &Chat, area: Rect, look: Look) -> Option<Anchor> {
    let all = rows(view, chat, area.width, look, usize::MAX, None);
    let top = all.iter().rposition(|row| row.anchor.map(|anchor| anchor.line) == chat.news)?;
    let last = (top + 1).checked_sub(area.height.into()).filter(|last| *last > 0)?;
    all.get(last).and_then(|row| row.anchor)
}

/// Where a conversation stands after it was scrolled by so many rows, up if positive.
pub(crate) enum Scrolled {
    To(Option<Anchor>),
    /// The top is on the screen already.
    Top(Option<Anchor>),
}

pub(crate) fn scrolled(view: &View, chat: &Chat, area: Rect, look: Look, by: isize) -> Scrolled {
    let all = rows(view, chat, area.width, look, usize::MAX, None);
    let at = chat.anchor.and_then(|anchor| all.iter().position(|row| row.anchor == Some(anchor))).unwrap_or(0);
    let highest = all.len().saturating_sub(area.height.into());
    let wanted = at.saturating_add_signed(by);
    let place = wanted.min(highest);
    let anchor = if place == 0 { None } else { all.get(place).and_then(|row| row.anchor) };
    if wanted > highest { Scrolled::Top(anchor) } else { Scrolled::To(anchor) }
}

#[cfg(test)]
mod tests {
    use common::ident::MessageId;

    use super::*;

    #[test]
    fn the_clock_is_told_once_a_minute_and_author() {
        let message = |author: &str, date| {
            let (author, id) = (UserId::parse(author).unwrap(), MessageId([1; 16]));
            Message { author, id, text: "hi".to_owned(), date, mark: DeliveryStatus::Queued }
        };
        let follows = message("bianca", 119);
        for (before, is_same) in [
            (Line::Message(message("bianca", 60)), true),
            (Line::Message(message("bianca", 59)), false),
            (Line::Message(message("ali", 119)), false),
            (Line::Note { date: 119, text: "-- bianca is verified.".to_owned() }, false),
        ] {
            assert_eq!(is_same_minute(&before, &follows), is_same, "{before:?}");
        }
    }
}
