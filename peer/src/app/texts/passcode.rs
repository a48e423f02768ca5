//! Words about changing the passcode.

use peer_core::notice::NotChanged;

use super::format;

/// `p.current`
pub(crate) const CURRENT: &str = "Enter the passcode you have now: ";
/// `n.passcode_changed`
pub(crate) const CHANGED_ELSEWHERE: &str = "-- Logged out: your passcode was changed at another terminal. If it was not \
     you: terminals older than that one take the former passcode for 7 days, to change it back with /passwd.";
/// `n.passcode`
pub(crate) const CHANGED: &str = "-- Passcode changed. The old one opens nothing here after your next login; terminals older \
     than this one take it for 7 days.";
/// `n.making_key`
pub(crate) const MAKING_KEY: &str = "-- Making a new key. This takes a few seconds.";
/// `n.new_key`
pub(crate) const NEW_KEY: &str = "-- You have a new key, confirmed by the former one, which opens nothing any more. Your other \
     terminals log in again with the new passcode; whoever knows you is told. A backup from before holds the former key: \
     make another with `peer export`.";
/// `n.key_taken`
pub(crate) const KEY_TAKEN: &str = "-- You have a new key, made at another terminal and confirmed by the former one. If it was \
     not you: /passwd --new-key there or here, and /terminal.";
/// `n.former`
pub(crate) const FORMER: &str = "-- Your passcode was changed, and this was the one from before. It works here for 7 days at \
     most. If it was not you: /passwd";

/// `e.not_changed`
pub(crate) fn not_changed(why: NotChanged) -> String {
    match why {
        // `e.current`
        NotChanged::Wrong { tries_left } => {
            format!("-- That is not your passcode. Nothing was changed; /passwd tries again.{}", tries(tries_left))
        }
        NotChanged::Locked { retry_after } => locked(retry_after),
        NotChanged::Older => {
            "-- Not changed: another terminal of yours has been there longer, and no terminal can take a new \
             key back. Make the new key there; or remove that terminal first, there, with /terminal remove."
                .to_owned()
        }
        NotChanged::NotKnown => "-- Not changed: the directory server is of a version that knows no new keys. Ask its \
             administrator to update it."
            .to_owned(),
        NotChanged::Meanwhile => "-- Not changed: it was changed elsewhere since this login. Log in again with the \
             newest one, then /passwd."
            .to_owned(),
        NotChanged::Refused(why) => super::refused(why),
        NotChanged::DirectoryLost => {
            "-- Not changed: the directory server cannot be reached. /passwd again when it is back.".to_owned()
        }
        NotChanged::Unsure => "-- The directory server was lost before it answered. At the next login try the new \
             passcode first, then the old one."
            .to_owned(),
    }
}

/// `e.not_removed`
pub(crate) fn terminal_not_removed(why: NotChanged) -> String {
    match why {
        NotChanged::Wrong { tries_left } => {
            format!(
                "-- That is not your passcode. Nothing was removed; /terminal remove tries again.{}",
                tries(tries_left)
            )
        }
        NotChanged::Locked { retry_after } => locked(retry_after),
        NotChanged::Older => {
            "-- Not removed: it has been there longer than this terminal. Remove it at an older one, or \
             ask an administrator of the directory server."
                .to_owned()
        }
        NotChanged::Refused(why) => super::refused(why),
        NotChanged::DirectoryLost | NotChanged::Unsure => {
            "-- Not removed: the directory server cannot be reached. Try again when it is back.".to_owned()
        }
        NotChanged::Meanwhile | NotChanged::NotKnown => {
            "-- Not removed: the directory server did not take the proof. Try again.".to_owned()
        }
    }
}

fn tries(left: Option<u32>) -> String {
    match left {
        Some(1) => " 1 try left.".to_owned(),
        Some(left) => format!(" {left} tries left."),
        None => String::new(),
    }
}

/// `e.too_many_wrong`
fn locked(retry_after: Option<u64>) -> String {
    match retry_after {
        Some(seconds) => {
            format!(
                "-- Too many wrong passcodes: none is taken here for {}. Nothing was changed; wait that long.",
                format::duration(seconds)
            )
        }
        None => "-- Too many wrong passcodes; an administrator can unlock you. Nothing was changed.".to_owned(),
    }
}
