//! Words about this screen alone: clock, bell, silence, texts once more.

use std::fmt::Display;

use jiff::tz::TimeZone;

use super::format;
use crate::app::grammar::Switch;
use peer_core::model::Conversation;

/// `n.not_done`: a command that was typed while a call was under way that came to nothing.
pub(crate) fn not_carried_out(line: &str) -> String {
    format!("-- Not carried out: \"{}\". Type it again where it is meant.", format::quoted(line))
}

/// `e.copy`: nobody has said anything so far back.
pub(crate) const NOTHING_TO_COPY: &str =
    "-- There is no such message of somebody else. /copy 2 copies the last but one.";
/// `e.no_clipboard`: only a terminal has one.
pub(crate) const NO_CLIPBOARD: &str =
    "-- Nothing was copied: that needs a terminal whose cursor can be moved. /history shows the text again.";
/// `e.retry`
pub(crate) const NOTHING_TO_RETRY: &str =
    "-- Nothing waits to be sent again. What is under way goes out by itself; /why says how far it is.";
/// `e.no_editor`: only a terminal can be lent to another program.
pub(crate) const NO_TERMINAL_FOR_AN_EDITOR: &str =
    "-- Nothing was edited: that needs a terminal whose cursor can be moved. Type the text here.";
/// `n.copied`
pub(crate) fn copied(text: &str) -> String {
    format!("-- Copied: \"{}\". (If your terminal allows it.)", format::quoted(text))
}

/// `n.saved`: a text of a conversation.
pub(crate) fn saved(path: impl Display) -> String {
    format!("-- Saved to {path}.")
}

/// `e.not_saved`: the same.
pub(crate) fn not_saved(folder: impl Display, why: impl Display) -> String {
    format!("-- Nothing was saved in {folder}: {}. Choose another folder: [files] dir", format::reason(why))
}

/// `n.time`
pub(crate) fn time(switch: Switch, date: u64, zone: &TimeZone) -> String {
    match switch {
        Switch::On => {
            let name = format::zone_name(date, zone);
            format!("-- The time ({name}) stands behind every message from now on.")
        }
        Switch::Off => "-- No times from now on.".to_owned(),
    }
}

/// `n.time`, on the full screen.
pub(crate) fn clock_shown(switch: Switch) -> &'static str {
    match switch {
        Switch::On => "-- The time stands in front of messages.",
        Switch::Off => "-- No times from now on; Enter on a selected message tells when it came.",
    }
}

/// `n.clock`: the time, after a silence.
pub(crate) fn clock(date: u64, zone: &TimeZone) -> String {
    format!("-- {} --", format::clock(date, zone))
}

/// Behind a message.
pub(crate) fn behind(date: u64, zone: &TimeZone) -> String {
    format!(" ({})", format::clock(date, zone))
}

/// `n.mouse`
pub(crate) fn mouse(switch: Switch) -> &'static str {
    match switch {
        Switch::On => {
            "-- Click a conversation or a message, drag over messages, scroll by the wheel. To select text as the terminal does, \
             hold Shift (in most terminals), or /mouse off."
        }
        Switch::Off => "-- The mouse is the terminal's own again.",
    }
}

/// `e.no_mouse`: here the terminal scrolls and selects by itself.
pub(crate) const NO_MOUSE: &str =
    "-- The mouse is the terminal's own here. The full screen can take it: peer tui, then /mouse on";

/// `n.bell`
pub(crate) fn bell(switch: Switch) -> &'static str {
    match switch {
        Switch::On => "-- Every message rings the bell of the terminal.",
        Switch::Off => "-- No bell from now on.",
    }
}

/// `n.mute`
pub(crate) fn mute(of: &Conversation, switch: Switch) -> String {
    match switch {
        Switch::On => format!("-- Nothing is told of {of} while you talk to others. /unmute {of} ends that."),
        Switch::Off => format!("-- You are told of {of} again."),
    }
}

/// `n.again`
pub(crate) fn sent_again(to: &Conversation, text: &str) -> String {
    format!("-- Once more to {to}: \"{}\"", format::quoted(text))
}

/// `n.editing`: `$EDITOR` could not be started, or was left with an error.
pub(crate) fn not_edited(editor: &str, why: &str) -> String {
    format!("-- {editor} did not work: {why}. Set another: export EDITOR=nano")
}
