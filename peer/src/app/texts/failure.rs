//! Why the program stops: for each [`Failure`] what happened, what to do next, and the exit code. One table.

use jiff::tz::TimeZone;

use super::{format, help, refused, refused_exit};
use crate::app::exit;
use peer_core::notice::Failure;

/// What a user is told about a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Report {
    /// What happened, then what to do next.
    pub(crate) lines: Vec<String>,
    /// The exit code.
    pub(crate) exit: i32,
}

/// The one conversion from failures to words and exit codes; dates are told in `zone`.
pub(crate) fn report(failure: &Failure, zone: &TimeZone) -> Report {
    let (exit, lines) = match failure {
        Failure::ServerUnreachable { server, detail } => (
            exit::SERVER_UNREACHABLE,
            vec![
                format!("Cannot reach the directory server at {server} ({}).", format::reason(detail)),
                "Start one with: directory-server serve   or choose another: peer --server HOST".to_owned(),
            ],
        ),
        Failure::DirectoryKeyChanged { server, since, old, new } => (
            exit::KEY_CHANGED,
            vec![
                format!(
                    "The key of {server} is not the one you trusted on {}. Nothing was sent.",
                    format::day(*since, zone)
                ),
                format!("Old {} New {}", old.short(), new.short()),
                format!(
                    "If the administrator confirms the new key: peer trust-server {}",
                    format::without_default_port(server)
                ),
            ],
        ),
        Failure::DirectoryNotTrusted { server } => (
            exit::REFUSED,
            vec![format!("The key of {server} was not accepted. Nothing was sent. Ask its administrator for the key.")],
        ),
        Failure::BadInvite => (
            exit::USAGE,
            vec![
                "That is not an invite; nothing was sent. Copy the whole line, it looks like: ID@HOST/CODE".to_owned(),
            ],
        ),
        Failure::InviteNotProved { server } => (
            exit::LOGIN_REFUSED,
            vec![
                format!("{server} does not know this invite, or it was used or is out of date. Nothing was sent."),
                "If you have used it yourself, log in: peer. Otherwise ask the administrator for a new one.".to_owned(),
            ],
        ),
        Failure::AlreadyRunning { user, pid } => (
            exit::ALREADY_RUNNING,
            vec![
                match pid {
                    Some(pid) => format!("{user} is already open in another window (process {pid})."),
                    None => format!("{user} is already open in another window."),
                },
                "Use that one, or close it first.".to_owned(),
            ],
        ),
        Failure::Version { server } => (
            exit::VERSION,
            vec![format!(
                "{server} speaks another version of the protocol than this one, {}. Get the version that its administrator has.",
                help::version()
            )],
        ),
        Failure::Io { path, detail } => (
            exit::IO,
            vec![
                format!("Cannot use {path}: {}.", format::reason(detail)),
                "Check its permissions and the space on the disk.".to_owned(),
            ],
        ),
        Failure::StoreLocked => (
            exit::ALREADY_RUNNING,
            vec![
                "Another program, such as a backup or a database browser, has the local store open and locked."
                    .to_owned(),
                "Close it, or wait until it is done, and try again.".to_owned(),
            ],
        ),
        Failure::VaultUnusable { detail } => (
            exit::LOGIN_REFUSED,
            vec![
                format!("Your key, as the directory server keeps it, cannot be used: {detail}."),
                "Tell the administrator; a backup of the directory may be needed.".to_owned(),
            ],
        ),
        Failure::Protocol { server, detail } => (
            exit::SERVER_UNREACHABLE,
            vec![
                format!("What answers at {server} is not a sound directory server: {detail}."),
                "Check the address, or choose another: peer --server HOST".to_owned(),
            ],
        ),
        Failure::ServerRefused { server, why } => {
            (refused_exit(*why), vec![format!("{server}: {}", refused(*why).trim_start_matches("-- "))])
        }
        Failure::Timeout { server, seconds } => (
            exit::TIMEOUT,
            vec![format!("No answer from {server} in {seconds} s. Try again, or wait longer: --timeout SECS")],
        ),
        Failure::CannotListen { address, detail } => (
            exit::IO,
            vec![format!(
                "Cannot listen on {address}: {}. Choose another: peer --listen ADDR[:PORT]",
                format::reason(detail)
            )],
        ),
        Failure::Internal { detail } => (exit::INTERNAL, vec![internal(detail)]),
    };
    Report { lines, exit }
}

/// [`report`] of a failure that has no date, such as one of this machine.
pub(crate) fn undated(failure: &Failure) -> Report {
    report(failure, &TimeZone::UTC)
}

fn internal(detail: &str) -> String {
    format!("Internal error (this is a bug). Details: {detail}")
}

/// `e.bug`: the program has panicked; `details` is where to read more.
pub(crate) fn bug(details: &str) -> [String; 2] {
    [
        internal(details),
        format!("Report it with that file to whoever gave you this program ({}), and start it again.", help::version()),
    ]
}

#[cfg(test)]
mod tests {
    use common::ident::KeyDigest;

    use super::*;

    #[test]
    fn an_unreachable_server_is_named_with_the_next_step() {
        let failure =
            Failure::ServerUnreachable { server: "127.0.0.1:7420".into(), detail: "connection refused".into() };
        assert_eq!(
            report(&failure, &TimeZone::UTC),
            Report {
                lines: vec![
                    "Cannot reach the directory server at 127.0.0.1:7420 (connection refused).".into(),
                    "Start one with: directory-server serve   or choose another: peer --server HOST".into(),
                ],
                exit: 3
            }
        );
    }

    #[test]
    fn a_changed_server_key_shows_both_and_how_to_accept() {
        let failure = Failure::DirectoryKeyChanged {
            server: "dir.example.org:7420".into(),
            since: 1_793_664_000,
            old: KeyDigest([0x3f; 32]),
            new: KeyDigest([0x77; 32]),
        };
        let report = report(&failure, &TimeZone::UTC);
        assert_eq!(report.exit, 8);
        assert_eq!(
            report.lines,
            [
                "The key of dir.example.org:7420 is not the one you trusted on 3 Nov. Nothing was sent.",
                "Old 3F3F 3F3F 3F3F 3F3F 3F3F New 7777 7777 7777 7777 7777",
                "If the administrator confirms the new key: peer trust-server dir.example.org",
            ]
        );
    }
}
