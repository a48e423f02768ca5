//! The exit codes of the program. Scripts rely on them; they never change meaning.

/// All went well.
pub(crate) const OK: i32 = 0;
/// A bug of this program.
pub(crate) const INTERNAL: i32 = 1;
/// Wrong usage, or a question that `--no-input` forbids.
pub(crate) const USAGE: i32 = 2;
/// The directory server cannot be reached.
pub(crate) const SERVER_UNREACHABLE: i32 = 3;
/// The login was refused.
pub(crate) const LOGIN_REFUSED: i32 = 4;
/// No such user, or the user is not shown.
pub(crate) const UNKNOWN_USER: i32 = 5;
/// The other side is offline, and nothing was to wait.
pub(crate) const OFFLINE: i32 = 6;
/// Declined.
pub(crate) const REFUSED: i32 = 7;
/// A pinned key is not the one seen now.
pub(crate) const KEY_CHANGED: i32 = 8;
/// No answer in time.
pub(crate) const TIMEOUT: i32 = 9;
/// A disk, file or socket of this machine failed.
pub(crate) const IO: i32 = 10;
/// The configuration is wrong.
pub(crate) const CONFIG: i32 = 11;
/// The same state is open in another process, or the session went to another one.
pub(crate) const ALREADY_RUNNING: i32 = 12;
/// The directory does not permit it.
pub(crate) const NOT_PERMITTED: i32 = 13;
/// The other side speaks another protocol version.
pub(crate) const VERSION: i32 = 14;
/// It was done, but not for all of what was named.
pub(crate) const INCOMPLETE: i32 = 15;
/// Ended by SIGHUP.
pub(crate) const HANG_UP: i32 = 129;
/// Ended by CTRL-C or SIGINT.
pub(crate) const INTERRUPT: i32 = 130;
/// Nobody reads the output any more.
pub(crate) const BROKEN_PIPE: i32 = 141;
/// Ended by SIGTERM.
pub(crate) const TERMINATE: i32 = 143;

/// The word for a code, for programs.
pub(crate) fn word(code: i32) -> &'static str {
    match code {
        OK => "ok",
        USAGE => "usage",
        SERVER_UNREACHABLE => "server_unreachable",
        LOGIN_REFUSED => "login_refused",
        UNKNOWN_USER => "unknown_user",
        OFFLINE => "offline",
        REFUSED => "refused",
        KEY_CHANGED => "key_changed",
        TIMEOUT => "timeout",
        IO => "io",
        CONFIG => "config",
        ALREADY_RUNNING => "already_running",
        NOT_PERMITTED => "not_permitted",
        VERSION => "version",
        INCOMPLETE => "incomplete",
        HANG_UP | INTERRUPT | TERMINATE => "signal",
        BROKEN_PIPE => "broken_pipe",
        _ => "internal",
    }
}
