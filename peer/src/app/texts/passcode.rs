//! Words about changing the passcode.

use peer_core::notice::NotChanged;

/// `p.current`
pub(crate) const CURRENT: &str = "Enter the passcode you have now: ";
/// `e.current`
pub(crate) const NOT_YOURS: &str = "-- That is not your passcode. Nothing was changed; /passwd tries again.";
/// `n.passcode`
pub(crate) const CHANGED: &str = "-- Passcode changed. The old one opens nothing after your next login.";
/// `n.former`
pub(crate) const FORMER: &str = "-- Your passcode was changed, and this was the one from before. It works until the first \
     login with the new one. If it was not you: /passwd";

/// `e.not_changed`
pub(crate) fn not_changed(why: NotChanged) -> String {
    match why {
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
