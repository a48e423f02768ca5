//! `peer --help`: fits a terminal of 80 columns and 24 rows, so commands stand in two columns and options side by side.

use clap::{Arg, Command};

const WIDTH: usize = 79;
const COLUMN: usize = 40;

/// The help of the program; that of its commands is clap's.
pub(super) fn overview(program: &Command, examples: &str) -> String {
    let commands: Vec<String> = program
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .map(|command| format!("{:<13} {}", command.get_name(), command.get_about().unwrap_or_default()))
        .collect();
    let (left, right) = commands.split_at(commands.len().div_ceil(2));
    let mut lines = vec![examples.to_owned(), String::new(), "Usage: peer [OPTIONS] [COMMAND]".to_owned()];
    lines.push("Commands (peer help COMMAND says more; without one: the line terminal):".to_owned());
    for (number, first) in left.iter().enumerate() {
        let second = right.get(number).map_or("", String::as_str);
        lines.push(format!("  {first:<width$}{second}", width = COLUMN - 2).trim_end().to_owned());
    }
    lines.push("Options (most of them also as PEER_… in the environment):".to_owned());
    let mut row = String::new();
    for option in program.get_arguments().filter(|option| !option.is_hide_set()).map(form) {
        if row.chars().count() + option.chars().count() + 3 > WIDTH {
            lines.push(std::mem::take(&mut row));
        }
        row.push_str(if row.is_empty() { "  " } else { "   " });
        row.push_str(&option);
    }
    lines.push(row);
    lines.join("\n") + "\n"
}

/// `-s, --server <HOST[:PORT]>`
fn form(option: &Arg) -> String {
    let names = [option.get_short().map(|c| format!("-{c}")), option.get_long().map(|long| format!("--{long}"))];
    let mut form = names.into_iter().flatten().collect::<Vec<_>>().join(", ");
    if option.get_action().takes_values() {
        form.extend(option.get_value_names().into_iter().flatten().map(|name| format!(" {name}")));
    }
    form
}
