//! Words about the command line, the configuration and the passcode file.

use std::fmt::Display;
use std::path::PathBuf;

use common::settings::did_you_mean;

use super::failure::Report;
use super::format::reason;
use crate::app::exit;

/// `e.usage`: a command that does not exist.
pub(crate) fn no_command<'a>(typed: &str, commands: impl IntoIterator<Item = &'a str>) -> String {
    format!("No command '{typed}'.{}", did_you_mean(typed, commands, '\''))
}

/// `e.usage`: an option that does not exist.
pub(crate) fn no_option<'a>(typed: &str, options: impl IntoIterator<Item = &'a str>) -> String {
    format!("No option '{typed}'.{}", did_you_mean(typed, options, '\''))
}

/// `e.usage`: the next step.
pub(crate) const SEE_HELP: &str = "peer --help lists what there is.";

/// `e.config`: the file cannot be read.
pub(crate) fn unreadable(file: impl Display, why: impl Display) -> Report {
    Report {
        lines: vec![format!("Cannot read {file}: {}. Check its name and permissions.", reason(why))],
        exit: exit::IO,
    }
}

/// A file of the system that does not count, beside one of the user's own.
pub(crate) fn passed_over(file: impl Display, why: impl Display) -> String {
    format!("{file} cannot be read ({}) and does not count", reason(why))
}

/// `e.config`: nowhere to keep anything.
pub(crate) const NO_HOME: &str = "Neither HOME nor XDG_DATA_HOME is set. Say where to keep your data: --data-dir DIR";

/// `n.config`: `config check` found nothing wrong.
pub(crate) fn sound(files: &[PathBuf]) -> String {
    match named(files).as_slice() {
        [] => "There is no configuration file; all keys have their defaults.".to_owned(),
        [file] => format!("{file} is in order."),
        files => format!("{} are in order; the last one beats those in front of it.", files.join(", ")),
    }
}

/// The files by their names.
fn named(files: &[PathBuf]) -> Vec<String> {
    files.iter().map(|file| file.display().to_string()).collect()
}

/// `n.config`: where things are; where there is no configuration `file` yet, it would be at `own`.
pub(crate) fn places(files: &[PathBuf], own: impl Display, data: impl Display, socket: impl Display) -> Vec<String> {
    let mut files = named(files);
    if files.is_empty() {
        files.push(format!("{own} (none yet; peer config init writes it)"));
    }
    let files = files.iter().map(|file| format!("configuration {file}"));
    files.chain([format!("data          {data}"), format!("daemon socket {socket}")]).collect()
}

/// `e.passcode_file`: others could read it.
pub(crate) fn open_to_others(file: impl Display) -> Report {
    Report {
        lines: vec![format!("Others can read {file}, so the passcode in it is not used. Close it: chmod 600 {file}")],
        exit: exit::NOT_PERMITTED,
    }
}

/// `e.passcode_file`: nothing in it.
pub(crate) fn empty_passcode(file: impl Display) -> Report {
    Report {
        lines: vec![format!("There is no passcode in the first line of {file}. Write it there.")],
        exit: exit::USAGE,
    }
}

/// `n.config`
pub(crate) fn config_written(path: impl Display) -> String {
    format!("{path} explains every key and has its default, as a comment. Take away the # of what you change.")
}

/// `e.config`: `config init` where there is a file.
pub(crate) fn config_is_there(path: impl Display) -> Report {
    let line = format!("{path} exists already and stays as it is. To begin anew, move it away and try again.");
    Report { lines: vec![line], exit: exit::IO }
}

/// `e.config`: a file that was named and is not there.
pub(crate) fn no_config(path: impl Display) -> Report {
    let line =
        format!("There is no configuration file {path}. Check its name; for one with every key: peer config init");
    Report { lines: vec![line], exit: exit::IO }
}

/// `e.usage`: a command that has commands of its own, alone.
pub(crate) fn which_command(of: &str, commands: &[String]) -> String {
    format!("{of} needs to know what. Choose one: {}", commands.join(", "))
}

/// `e.usage`: something is missing.
pub(crate) fn lacking(command: &str, missing: &str, usage: impl Display) -> String {
    format!("{command} needs {missing}. Usage: {usage}")
}

/// `n.daemon`
pub(crate) fn daemon_listens(path: impl Display) -> String {
    format!("Listening on {path} (for your own programs only). CTRL-C ends it.")
}

/// `e.daemon`
pub(crate) fn daemon_of_whom() -> Report {
    let line = "A daemon is one user's: peer --user ID daemon, or say where with --socket PATH.";
    Report { lines: vec![line.to_owned()], exit: exit::USAGE }
}

/// `e.running`: a daemon.
pub(crate) fn socket_in_use(path: impl Display) -> Report {
    let line = format!("Another daemon listens at {path}. Use that one, or end it first.");
    Report { lines: vec![line], exit: exit::ALREADY_RUNNING }
}

/// `e.daemon`: something else has that name.
pub(crate) fn no_socket(path: impl Display) -> Report {
    let line = format!("{path} is no socket; it stays as it is. Choose a name that is free: --socket PATH");
    Report { lines: vec![line], exit: exit::USAGE }
}

/// `e.log`: the file cannot be written.
pub(crate) fn no_log(file: impl Display, why: impl Display) -> Report {
    Report {
        lines: vec![format!("Cannot write a log to {file}: {}. Choose another: --log-file FILE", reason(why))],
        exit: exit::IO,
    }
}

/// `e.log`: it would disturb what is on the screen.
pub(crate) fn log_on_a_terminal(file: impl Display) -> Report {
    let line = format!("{file} is a terminal, where a log would disturb the texts. Choose a file: --log-file FILE");
    Report { lines: vec![line], exit: exit::USAGE }
}
