//! The title row: with whom, how sure that is, and on the right what concerns the whole session.

use crate::app::model::{Directory, Here, Link, Membership};
use crate::app::screen::View;
use crate::app::texts::{format, screen};
use crate::ui::tui::cells::{Cells, shortened, wide};
use peer_core::model::Conversation;
use peer_core::notice::KeyState;

pub(super) fn draw(cells: &mut Cells<'_>, view: &View, roomy: bool) {
    let (width, look) = (cells.buffer.area.width, cells.look);
    let gap = if roomy { 2 } else { 1 };
    let mut x = 1;
    let mut put = |cells: &mut Cells<'_>, text: &str, style| {
        if !text.is_empty() {
            x += cells.put((x, 0), width.saturating_sub(x + 1), text, style) + gap;
        }
    };
    match &view.current {
        None => put(cells, view.me().as_str(), look.strong()),
        Some(Conversation::User(with)) => {
            let (known, here) = (view.model.people.known(with), view.model.here(with));
            let (sign, presence) = (look.presence(&here), presence(view, &here));
            let security = security(known.key);
            // The security word is never dropped: first the presence in words gives way, then its sign, then the name.
            let name = |rest: u16| shortened(with.as_str(), width.saturating_sub(wide(security) + rest), look);
            let full_name = wide(with.as_str()) + wide(security);
            let fits = |rest: u16| full_name + rest <= width;
            let style = look.presence_style(&here);
            if roomy && fits(wide(&presence) + 2 * gap + 4) {
                put(cells, with.as_str(), look.strong());
                put(cells, &format!("{sign} {presence}"), style);
            } else if fits(2 * gap + 3) {
                put(cells, with.as_str(), look.strong());
                put(cells, sign, style);
            } else {
                put(cells, &name(gap + 2), look.strong());
            }
            put(cells, security, look.security_style(known.key));
        }
        Some(Conversation::Group(group)) => {
            put(cells, &group.to_string(), look.strong());
            if let Some(Membership::Member(listed)) = view.model.people.groups.get(group) {
                let mut words = format::count(listed.members, "member", "members");
                // How many are there is not known without the directory.
                if view.model.directory == Directory::Here {
                    words.push_str(&format!(", {} {}", view.model.online_in(listed), screen::ONLINE));
                }
                put(cells, &words, look.plain());
            }
        }
        Some(Conversation::Everyone) => {
            put(cells, screen::EVERYONE, look.strong());
            put(cells, screen::NOT_SECRET, look.careful());
        }
    }
    right(cells, view, x);
}

fn presence(view: &View, here: &Here) -> String {
    let chat = view.current_chat();
    let link = view.current.as_ref().map(|to| view.link(to));
    match (here, link) {
        (_, Some(Link::Calling)) => screen::CALLING.to_owned(),
        (Here::Online { .. }, _) => screen::ONLINE.to_owned(),
        (Here::Away(_), _) => screen::AWAY.to_owned(),
        (Here::Offline | Here::Unknown, _) => match chat.map_or(0, crate::app::screen::Chat::waiting) {
            0 if *here == Here::Unknown => screen::UNKNOWN.to_owned(),
            0 => screen::NOT_ONLINE.to_owned(),
            waiting => screen::waiting(waiting),
        },
    }
}

fn security(key: KeyState) -> &'static str {
    match key {
        KeyState::Verified => screen::VERIFIED,
        KeyState::NotVerified => screen::NOT_VERIFIED,
        KeyState::Changed => screen::KEY_CHANGED,
        KeyState::Blocked => screen::BLOCKED,
    }
}

/// Dropped piece by piece where there is no room: the clock, the server, what is unread.
fn right(cells: &mut Cells<'_>, view: &View, from: u16) {
    let (width, look) = (cells.buffer.area.width, cells.look);
    let here = format!("{}@{}", view.me(), format::without_default_port(&view.server));
    let server = match view.model.directory {
        Directory::Here => here,
        Directory::Lost { retry } => match retry.saturating_duration_since(view.now.instant).as_secs() {
            0 => screen::OFFLINE.to_owned(),
            seconds => screen::offline_retry(seconds),
        },
    };
    let (messages, chats) = view.unread();
    let unread = if messages > 0 { screen::unread_in(messages, chats) } else { String::new() };
    let unread_short = if messages > 0 { screen::unread_in(messages, 1) } else { String::new() };
    let running = view.model.transfers.running().count();
    let transfers = if running > 0 { format::count(running, "transfer", "transfers") } else { String::new() };
    let clock = format::clock(view.now.date, &view.zone);
    let lost = view.model.directory != Directory::Here;
    let shorter = if lost { server.clone() } else { String::new() };
    let ways = [
        vec![server.as_str(), &unread, &transfers, &clock],
        vec![server.as_str(), &unread, &clock],
        vec![server.as_str(), &unread],
        vec![shorter.as_str(), &unread],
        vec![shorter.as_str(), &unread_short],
        vec![shorter.as_str()],
        vec![&unread_short],
    ];
    for way in ways {
        let pieces: Vec<&str> = way.into_iter().filter(|piece| !piece.is_empty()).collect();
        let text = pieces.join("  ");
        if from + wide(&text) < width && !text.is_empty() {
            let style = if lost { look.alarming() } else { look.plain() };
            cells.put_right((width - 1, 0), &text, style);
            return;
        }
    }
}
