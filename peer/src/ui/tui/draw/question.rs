//! A question, below what was said in the conversation it belongs to.

use ratatui::layout::Rect;

use super::row::Row;
use crate::app::qr;
use crate::app::sanitise::SafeText;
use crate::app::screen::{Question, View};
use crate::app::texts::{mail, screen, verification};
use crate::ui::layout::broken;
use crate::ui::tui::theme::Look;

/// Where the text of a question begins, behind its sign.
const TEXT: u16 = 3;
/// So many groups of a number are shown where the whole of it is not compared.
const GROUPS: usize = 4;

pub(super) fn rows(view: &View, area: Rect, look: Look) -> Vec<Row> {
    let mut rows = match view.question() {
        None | Some(Question::Passcode(_)) => return Vec::new(),
        Some(Question::Accept(from)) => paragraph(&View::accept_words(from), area.width, look),
        Some(Question::Key { of, how, since, old, new }) => {
            let mut rows = paragraph(&screen::key_changed(of, *how, *since, &view.zone), area.width, look);
            for (word, number) in [("Old", old), ("New", new)] {
                rows.push(Row::ours(TEXT, &fitting(word, number, area.width), look.plain()));
            }
            rows.extend(screen::key_choices(of).iter().map(|choice| Row::ours(TEXT, choice, look.plain())));
            rows
        }
        Some(Question::Again { .. }) => paragraph(mail::SEND_AGAIN.trim_end(), area.width, look),
        Some(Question::Number { with, digits }) => number(with, digits, area, look),
    };
    rows.insert(0, Row::default());
    let most = usize::from(area.height);
    // Where there is no room for all of it, the last rows say what can be answered.
    rows.drain(..rows.len().saturating_sub(most));
    rows
}

fn paragraph(text: &str, width: u16, look: Look) -> Vec<Row> {
    let text = SafeText::ours(text);
    let room = usize::from(width.saturating_sub(TEXT + 1).max(4));
    let rows = broken(text.as_str(), room, room).into_iter();
    let mut rows: Vec<Row> = rows.map(|row| Row::ours(TEXT, row.trim_end(), look.alarming())).collect();
    if let Some(first) = rows.first_mut() {
        first.sign("!", look.alarming());
    }
    rows
}

/// The first groups of the number, by which it is recognised, or as many as fit.
fn fitting(word: &str, number: &str, width: u16) -> String {
    let room = usize::from(width.saturating_sub(TEXT + 1));
    let mut text = word.to_owned();
    for (place, group) in number.split_whitespace().enumerate() {
        if place == GROUPS || text.len() + 1 + group.len() + 2 > room {
            text.push_str(" …");
            break;
        }
        text.push(' ');
        text.push_str(group);
    }
    text
}

fn number(with: &common::ident::UserId, digits: &str, area: Rect, look: Look) -> Vec<Row> {
    let lines = verification::safety_number(with, digits);
    let mut rows = Vec::new();
    for line in &lines {
        let line = line.trim_start_matches("-- ").trim_start();
        let room = usize::from(area.width.saturating_sub(TEXT + 1).max(4));
        rows.extend(broken(line, room, room).iter().map(|row| Row::ours(TEXT, row.trim_end(), look.plain())));
    }
    let code: String = digits.split_whitespace().collect();
    let picture = qr::picture(&code);
    let fits = picture.len() + rows.len() + 2 <= usize::from(area.height)
        && picture.iter().all(|row| row.columns() + usize::from(TEXT) < usize::from(area.width));
    if fits && look.glyphs == crate::app::sanitise::Glyphs::Unicode {
        rows.extend(picture.iter().map(|row| Row::ours(TEXT, row.as_str(), look.picture())));
    }
    rows.push(Row::ours(TEXT, crate::app::texts::VERIFY.trim_end(), look.alarming()));
    rows
}
