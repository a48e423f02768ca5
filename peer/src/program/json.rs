//! `peer json` and `peer daemon`: JSON-RPC 2.0, one object a line.

use std::io;
use std::path::PathBuf;

use async_channel::Receiver;
use futures::executor::block_on;

use super::{internal, interrupts, print, setup, sleep, start_engine};
use crate::app::rpc::{self, ClientId, Life};
use crate::app::texts::failure::{self, Report};
use crate::app::texts::setup as said;
use crate::cli::Settings;
use crate::shell::setup::Setup;
use crate::signals::Terminal;
use crate::ui::json::{self, Channels, NotBound, Socket, Told};
use peer_core::notice::Failure;

/// What clients have said that the loop has not taken; then they wait.
const TOLD: usize = 64;

/// One client, on input and output.
pub(super) fn stdio(settings: &Settings) -> Result<i32, Report> {
    let passcode = settings.passcode()?;
    let (told, clients) = async_channel::bounded(TOLD);
    json::open(ClientId(0), io::stdin(), io::stdout(), told).map_err(internal)?;
    serve(settings, settings.rpc_options(Life::Client, passcode), clients, Terminal::Needed)
}

/// Several clients, on a socket.
pub(super) fn daemon(settings: &Settings, socket: Option<PathBuf>) -> Result<i32, Report> {
    let Some(path) = socket.or_else(|| Some(settings.socket(settings.config.server.user.0.as_ref()?))) else {
        return Err(said::daemon_of_whom());
    };
    let passcode = settings.passcode()?;
    let (told, clients) = async_channel::bounded(TOLD);
    let _socket = Socket::listen(&path, told).map_err(|why| match why {
        NotBound::InUse => said::socket_in_use(path.display()),
        NotBound::NoSocket => said::no_socket(path.display()),
        NotBound::Io(error) => {
            failure::undated(&Failure::Io { path: path.display().to_string(), detail: error.to_string() })
        }
    })?;
    // Whoever closed the error output does not want to know.
    let _ = print([said::daemon_listens(path.display()).as_str()], &mut io::stderr());
    serve(settings, settings.rpc_options(Life::Daemon, passcode), clients, Terminal::NotNeeded)
}

fn serve(
    settings: &Settings,
    options: rpc::Options,
    clients: Receiver<Told>,
    terminal: Terminal,
) -> Result<i32, Report> {
    let interrupts = interrupts(terminal)?;
    let (commands, notices) = start_engine(Setup { event_filter: Some(rpc::event_filter), ..setup(settings) })?;
    Ok(block_on(json::run(options, Channels { commands, notices, interrupts, clients, sleep })))
}
