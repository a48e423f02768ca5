//! Words of `peer export` and `peer import`.

use std::fmt::Display;

use common::crypto::backup::Broken;
use common::ident::UserId;

use super::failure::Report;
use super::format;
use crate::app::exit;

/// `p.backup`
pub(crate) const PASSCODE: &str = "Passcode of the backup: ";

/// `p.newbackup`
pub(crate) fn new_passcode(min: usize) -> String {
    format!("Passcode for the backup, {min} characters or more: ")
}

/// `e.short`
pub(crate) fn too_short(min: usize) -> String {
    format!("-- Too short: {min} characters or more, because whoever has the file can try as often as they like.")
}

/// `p.reinvite`
pub(crate) fn invite(user: &UserId) -> String {
    format!("Paste an invite for {user} if you were given one; Enter logs in: ")
}

/// `n.exported`
pub(crate) fn exported(user: &UserId, file: impl Display, contacts: usize) -> String {
    format!("The key of {user} and {} are in {file}. Keep its passcode elsewhere.", pins(contacts))
}

/// `n.imported`
pub(crate) fn imported(user: &UserId, server: &str, new: usize, all: usize) -> String {
    format!(
        "{user} has the same key as before on {}; {} of {} restored, the others were here already. Log in: peer",
        format::without_default_port(server),
        new,
        pins(all)
    )
}

fn pins(contacts: usize) -> String {
    if contacts == 1 { "1 contact".to_owned() } else { format!("{contacts} contacts") }
}

/// `e.exists`
pub(crate) fn exists(file: impl Display) -> Report {
    Report { lines: vec![format!("{file} exists already and stays as it is. Choose another name.")], exit: exit::IO }
}

/// `e.backup`
pub(crate) fn broken(file: impl Display, why: Broken) -> Report {
    let (line, exit) = match why {
        Broken::NotABackup => (format!("{file} is not a backup that this version can read. Choose another."), exit::IO),
        Broken::Sealed => (
            format!("{file} does not open with this passcode, or was altered. Nothing was changed. Try again."),
            exit::LOGIN_REFUSED,
        ),
    };
    Report { lines: vec![line], exit }
}

/// `e.backup`: of another user.
pub(crate) fn somebody_elses(owner: &UserId, wanted: &UserId) -> Report {
    let line = format!("The backup is {owner}'s, not {wanted}'s. Nothing was changed. Choose another.");
    Report { lines: vec![line], exit: exit::USAGE }
}

/// `e.backup`: the directory knows another key.
pub(crate) fn other_key(user: &UserId, server: &str) -> Report {
    let lines = vec![
        format!("{user} has another key on {server} than in this backup. Nothing was changed."),
        "Take a newer backup; or ask the administrator to reset the passcode, and import with the new invite."
            .to_owned(),
    ];
    Report { lines, exit: exit::KEY_CHANGED }
}
