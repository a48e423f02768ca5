//! `peer config …`: where the configuration is, what is in effect, whether it is in order, and a file to begin with.

use std::io;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::{internal, lost, oneshot, print};
use crate::app::exit;
use crate::app::texts::failure::{self, Report};
use crate::app::texts::oneshot::Form;
use crate::app::texts::setup;
use crate::cli::{ConfigCommand, Settings};
use crate::config;
use crate::store::places;

/// Answers the command in the form that was asked for.
pub(super) fn run(settings: &Settings, command: ConfigCommand) -> Result<i32, Report> {
    let (lines, value) = match command {
        ConfigCommand::Path => paths(settings),
        ConfigCommand::Check => (
            vec![setup::sound(&settings.origin.files)],
            json!({ "files": shown(&settings.origin.files), "in_order": true }),
        ),
        ConfigCommand::Init => init(settings)?,
        ConfigCommand::Show => {
            let text = settings.config.to_toml().map_err(internal)?;
            (text.lines().map(str::to_owned).collect(), serde_json::to_value(&settings.config).map_err(internal)?)
        }
    };
    if settings.form == Form::Json {
        return oneshot::print::result(&value).map(|()| exit::OK);
    }
    Ok(print(lines.iter().map(String::as_str), &mut io::stdout()).map_or_else(lost, |()| exit::OK))
}

fn paths(settings: &Settings) -> (Vec<String>, Value) {
    let socket = settings.socket_of(settings.config.server.user.0.as_ref());
    let own_file = &settings.own_file;
    let lines =
        setup::places(&settings.origin.files, own_file.display(), settings.data_dir.display(), socket.display());
    let told = json!({
        "files": shown(&settings.origin.files),
        "own_file": own_file.display().to_string(),
        "data_dir": settings.data_dir.display().to_string(),
        "socket": socket.display().to_string(),
    });
    (lines, told)
}

/// Paths for programs; what of one is not UTF-8 is shown as that.
fn shown(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().map(|path| path.display().to_string()).collect()
}

/// Writes every key with its meaning, its values and its default as a comment, for the user to change.
fn init(settings: &Settings) -> Result<(Vec<String>, Value), Report> {
    let path = &settings.own_file;
    if path.symlink_metadata().is_ok() {
        return Err(setup::config_is_there(path.display()));
    }
    let text = config::commented_example();
    places::create_config(path, text.as_bytes()).map_err(|error| failure::undated(&error.into()))?;
    Ok((vec![setup::config_written(path.display())], json!({ "file": path.display().to_string() })))
}
