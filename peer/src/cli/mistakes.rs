//! Parsing the command line, and what a mistyped one is answered.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, FromArgMatches as _};
use clap_complete::Shell;
use clap_mangen::Man;
use common::settings::manual::configuration;

use super::overview::overview;
use super::{Cli, Command, EXAMPLES, Page};
use crate::app::texts::failure::Report;
use crate::app::texts::setup;
use crate::app::{exit, rpc};
use crate::config;

/// Why the program stops before it has begun.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// Help or version, which were asked for: for the output.
    Wanted(String),
    /// A mistake: for the error output.
    Mistaken(Report),
}

/// Parses the command line.
pub(crate) fn parse(arguments: Vec<OsString>) -> Result<Cli, Stopped> {
    let parsed = program().try_get_matches_from(&arguments).and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = parsed.map_err(|error| stopped(&error, &arguments))?;
    match &cli.command {
        Some(Command::Help { about }) => Err(help(about.as_deref())),
        _ => Ok(cli),
    }
}

/// The grammar of the command line.
fn program() -> clap::Command {
    let mut program = Cli::command();
    // What clap adds by itself belongs into the overview too.
    program.build();
    let overview = overview(&program, EXAMPLES);
    short(program).override_help(overview)
}

/// The help of a command tells its own options; those of all commands are in the overview.
fn short(command: clap::Command) -> clap::Command {
    command.mut_subcommands(|inner| {
        let own = |option: clap::Arg| {
            let elsewhere = option.is_global_set();
            option.hide(elsewhere)
        };
        short(inner).mut_args(own).after_help(setup::SEE_HELP)
    })
}

/// The completions for a shell.
pub(crate) fn completions(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "peer", &mut script);
    script
}

/// A manual page.
pub(crate) fn manual(page: Page) -> std::io::Result<Vec<u8>> {
    match page {
        Page::Peer => {
            let mut page = Vec::new();
            Man::new(Cli::command()).render(&mut page)?;
            Ok(page)
        }
        Page::Config => {
            let places = ["$XDG_CONFIG_HOME/peer/config.toml", "/etc/peer/config.toml"];
            Ok(configuration("peer", &places, config::EXAMPLE).into_bytes())
        }
        Page::Json => Ok(rpc::manual().into_bytes()),
    }
}

fn help(about: Option<&str>) -> Stopped {
    let mut program = program();
    program.build();
    let Some(name) = about else { return Stopped::Wanted(program.render_help().to_string()) };
    match program.find_subcommand_mut(name) {
        Some(command) => Stopped::Wanted(command.render_help().to_string()),
        None => mistaken(setup::no_command(name, program.get_subcommands().map(clap::Command::get_name))),
    }
}

fn mistaken(what: String) -> Stopped {
    Stopped::Mistaken(Report { lines: vec![what, setup::SEE_HELP.to_owned()], exit: exit::USAGE })
}

fn stopped(error: &clap::Error, arguments: &[OsString]) -> Stopped {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let known = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => return Stopped::Wanted(error.to_string()),
        ErrorKind::InvalidSubcommand => context(ContextKind::InvalidSubcommand),
        ErrorKind::UnknownArgument => context(ContextKind::InvalidArg),
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            return mistaken(incomplete(arguments));
        }
        ErrorKind::MissingRequiredArgument => return mistaken(lacking(error, arguments)),
        _ => None,
    };
    let what = known.map(|typed| unknown(typed, arguments)).unwrap_or_else(|| {
        // The first paragraph; the others repeat the usage.
        let text = error.to_string();
        let text = text.strip_prefix("error: ").unwrap_or(&text);
        let paragraph = text.split("\n\n").next().unwrap_or(text);
        // One line, as every mistake is told.
        paragraph.split_whitespace().collect::<Vec<_>>().join(" ")
    });
    mistaken(what)
}

/// The command that is named in `arguments`, of those within each other the innermost.
fn named(arguments: &[OsString]) -> clap::Command {
    let mut command = Cli::command();
    command.build();
    for argument in arguments.iter().skip(1).filter_map(|argument| argument.to_str()) {
        if let Some(inner) = command.find_subcommand(argument) {
            command = inner.clone();
        }
    }
    command
}

fn incomplete(arguments: &[OsString]) -> String {
    let command = named(arguments);
    let name = format!("peer {}", command.get_name());
    let inner = command.get_subcommands().map(clap::Command::get_name).filter(|inner| *inner != "help");
    let inner: Vec<String> = inner.map(|inner| format!("{name} {inner}")).collect();
    setup::which_command(&name, &inner)
}

/// What a command does not do without, and how it is typed.
fn lacking(error: &clap::Error, arguments: &[OsString]) -> String {
    let missing = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::Strings(names)) => names.join(" and "),
        _ => String::new(),
    };
    let mut command = named(arguments);
    let usage = command.render_usage().to_string();
    let name = command.get_bin_name().unwrap_or(command.get_name());
    let usage: Vec<&str> = usage.split_whitespace().skip_while(|word| *word == "Usage:").collect();
    setup::lacking(name, &missing, usage.join(" "))
}

fn unknown(typed: &str, arguments: &[OsString]) -> String {
    let command = named(arguments);
    if !typed.starts_with('-') {
        return setup::no_command(typed, command.get_subcommands().map(clap::Command::get_name));
    }
    let long = command.get_arguments().filter_map(|argument| argument.get_long().map(|long| format!("--{long}")));
    let long: Vec<String> = long.collect();
    setup::no_option(typed, long.iter().map(String::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    fn complaint(line: &str) -> String {
        match parse(arguments(line)) {
            Err(Stopped::Mistaken(report)) => {
                assert_eq!(report.exit, exit::USAGE);
                report.lines[0].clone()
            }
            other => panic!("{line}: {other:?}"),
        }
    }

    fn wanted(line: &str) -> String {
        match parse(arguments(line)) {
            Err(Stopped::Wanted(text)) => text,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn a_mistyped_command_or_option_names_the_nearest_one() {
        assert_eq!(complaint("peer jion"), "No command 'jion'. Did you mean 'join'?");
        assert_eq!(complaint("peer config shwo"), "No command 'shwo'. Did you mean 'show'?");
        assert_eq!(complaint("peer --sevrer x"), "No option '--sevrer'. Did you mean '--server'?");
        assert_eq!(complaint("peer join --usr ali"), "No option '--usr'. Did you mean '--user'?");
        assert_eq!(complaint("peer help jion"), "No command 'jion'. Did you mean 'join'?");
        assert_eq!(complaint("peer banana"), "No command 'banana'.");
    }

    #[test]
    fn abbreviations_are_not_accepted() {
        assert!(complaint("peer trust dir.example.org").starts_with("No command 'trust'."));
        assert!(complaint("peer --serv x").starts_with("No option '--serv'."));
    }

    #[test]
    fn a_value_that_does_not_fit_is_explained() {
        assert!(complaint("peer --user a/b").contains("a user id consists of"));
        assert!(complaint("peer --listen nowhere").contains("an address to listen on is"));
        assert!(complaint("peer --timeout soon").contains("soon"));
    }

    #[test]
    fn whatever_is_missing_is_told_in_one_line_with_the_usage() {
        let complaint = complaint("peer send");
        assert_eq!(complaint, "peer send needs <TO>. Usage: peer send [OPTIONS] <TO> [TEXT]");
    }

    #[test]
    fn a_command_that_has_others_names_them() {
        let all = "peer config path, peer config show, peer config check, peer config init";
        assert_eq!(complaint("peer config"), format!("peer config needs to know what. Choose one: {all}"));
    }

    #[test]
    fn a_page_goes_by_its_whole_name_too() {
        for (short, whole) in [("peer man config", "peer man peer-config"), ("peer man json", "peer man peer-json")] {
            let page = |line| match parse(arguments(line)).unwrap().command {
                Some(Command::Man { page }) => page,
                other => panic!("{other:?}"),
            };
            assert_eq!(page(short), page(whole));
        }
    }

    #[test]
    fn there_is_no_option_for_the_passcode_itself() {
        assert!(complaint("peer --passcode 482193").starts_with("No option '--passcode'."));
    }

    #[test]
    fn the_help_begins_with_examples_and_fits_a_terminal() {
        let help = wanted("peer -h");
        assert!(help.starts_with("Examples:"), "{help}");
        assert!(help.lines().count() <= 24, "{help}");
        assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
        assert_eq!(wanted("peer help"), help);
        assert!(wanted("peer help join").contains("Use an invite"));
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_and_option_that_a_text_names_is_there() {
        let program = Cli::command();
        let is_there = |word: &str| match word.strip_prefix("--") {
            Some("help" | "version") => true,
            Some(option) => program.get_arguments().any(|argument| argument.get_long() == Some(option)),
            None => program.get_subcommands().any(|command| command.get_name() == word),
        };
        let mut named = 0;
        for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/app/texts")).unwrap() {
            let path = file.unwrap().path();
            let source = std::fs::read_to_string(&path).unwrap();
            let said = source.lines().filter(|line| !line.trim_start().starts_with("//"));
            for rest in said.flat_map(|line| line.split("peer ").skip(1)) {
                let word = rest.split(|c: char| !c.is_ascii_lowercase() && c != '-').next().unwrap_or_default();
                assert!(word.is_empty() || is_there(word), "{}: there is no `peer {word}`", path.display());
                named += usize::from(!word.is_empty());
            }
        }
        assert!(named > 10, "only {named} are named");
    }

    #[test]
    fn the_version_is_one_line() {
        assert_eq!(wanted("peer --version"), format!("peer {}\n", env!("CARGO_PKG_VERSION")));
    }
}
