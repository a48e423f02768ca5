//! What a mistyped command line is answered.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, Parser as _};
use common::settings::did_you_mean;

use super::Cli;
use crate::failure::{Failure, Kind};

/// Text that was asked for: help or the version.
pub(crate) struct Wanted(pub(crate) clap::Error);

/// Parses the command line.
pub(crate) fn parse(arguments: Vec<OsString>) -> Result<Result<Cli, Wanted>, Failure> {
    let error = match Cli::try_parse_from(&arguments) {
        Ok(cli) => return Ok(Ok(cli)),
        Err(error) => error,
    };
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let message = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => return Ok(Err(Wanted(error))),
        ErrorKind::InvalidSubcommand => {
            context(ContextKind::InvalidSubcommand).map(|typed| unknown_command(typed, &arguments))
        }
        ErrorKind::UnknownArgument => context(ContextKind::InvalidArg).map(|typed| unknown_argument(typed, &arguments)),
        _ => None,
    };
    let message = message.unwrap_or_else(|| {
        let text = error.to_string();
        text.strip_prefix("error: ").unwrap_or(&text).trim_end().to_owned()
    });
    Err(Failure::new(Kind::Usage, message))
}

/// The commands named in `arguments`, outermost first.
fn named(arguments: &[OsString]) -> clap::Command {
    let mut command = Cli::command();
    for argument in arguments.iter().skip(1).filter_map(|argument| argument.to_str()) {
        if let Some(inner) = command.find_subcommand(argument) {
            command = inner.clone();
        }
    }
    command
}

fn unknown_command(typed: &str, arguments: &[OsString]) -> String {
    let command = named(arguments);
    let near = did_you_mean(typed, command.get_subcommands().map(clap::Command::get_name), '\'');
    format!("No command '{typed}'.{near}")
}

fn unknown_argument(typed: &str, arguments: &[OsString]) -> String {
    if !typed.starts_with('-') {
        return unknown_command(typed, arguments);
    }
    let (top, inner) = (Cli::command(), named(arguments));
    let long: Vec<String> = top
        .get_arguments()
        .chain(inner.get_arguments())
        .filter(|argument| !argument.is_hide_set())
        .filter_map(|argument| argument.get_long().map(|long| format!("--{long}")))
        .collect();
    let near = did_you_mean(typed, long.iter().map(String::as_str), '\'');
    format!("No option '{typed}'.{near}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(line: &str) -> String {
        let arguments = line.split(' ').map(OsString::from).collect();
        match parse(arguments) {
            Err(failure) => failure.message,
            Ok(_) => panic!("{line} was understood"),
        }
    }

    #[test]
    fn a_mistyped_command_or_option_names_the_nearest_one() {
        assert_eq!(complaint("directory-server sevre"), "No command 'sevre'. Did you mean 'serve'?");
        assert_eq!(complaint("directory-server user lsit"), "No command 'lsit'. Did you mean 'list'?");
        assert_eq!(complaint("directory-server serve --lisen x"), "No option '--lisen'. Did you mean '--listen'?");
        assert_eq!(complaint("directory-server banana"), "No command 'banana'.");
    }

    #[test]
    fn abbreviations_are_not_accepted() {
        assert_eq!(complaint("directory-server stat"), "No command 'stat'. Did you mean 'status'?");
        assert!(complaint("directory-server serve --lis 127.0.0.1:1").starts_with("No option '--lis'."));
    }

    #[test]
    fn the_grammar_is_sound() {
        Cli::command().debug_assert();
        assert!(Cli::command().render_help().to_string().lines().count() <= 24);
    }
}
