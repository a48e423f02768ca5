//! The manual page, made from the grammar.

use std::io::{self, Write};

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;

use super::Cli;

/// Writes the page: the program, then every command with its options.
pub(super) fn render(out: &mut dyn Write) -> io::Result<()> {
    let mut program = Cli::command();
    program.build();
    let page = Man::new(program.clone());
    page.render_title(out)?;
    page.render_name_section(out)?;
    page.render_synopsis_section(out)?;
    page.render_description_section(out)?;
    page.render_options_section(out)?;
    for command in program.get_subcommands().filter(|command| command.get_name() != "help") {
        section(command, out)?;
    }
    Ok(())
}

fn section(command: &Command, out: &mut dyn Write) -> io::Result<()> {
    let path = command.get_display_name().unwrap_or(command.get_name()).replacen("directory-server-", "", 1);
    writeln!(out, ".SH \"{}\"", path.replace('-', " ").to_uppercase())?;
    let page = Man::new(command.clone());
    let mut body = Vec::new();
    page.render_synopsis_section(&mut body)?;
    writeln!(body, ".PP")?;
    page.render_description_section(&mut body)?;
    for line in String::from_utf8_lossy(&body).lines().filter(|line| !line.starts_with(".SH")) {
        writeln!(out, "{line}")?;
    }
    for argument in command.get_arguments().filter(|argument| !argument.is_global_set() && !argument.is_hide_set()) {
        let Some(help) = argument.get_help() else { continue };
        let name = argument.get_long().map_or_else(|| argument.get_id().to_string(), |long| format!("--{long}"));
        if name != "--help" {
            writeln!(out, ".TP\n\\fB{}\\fR\n{help}", name.replace('-', "\\-"))?;
        }
    }
    for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
        section(inner, out)?;
    }
    Ok(())
}
