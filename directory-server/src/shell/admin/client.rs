//! The command's side: asks the running server, or works on the store itself when none runs.

use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::execute::Desk;
use super::{Answer, Request, socket_path};
use crate::config::Config;
use crate::failure::{Failure, Kind};
use crate::shell::clock::Clock;
use crate::shell::{rt, stores};

/// How long a running server may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who carried out a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    Server,
    Store,
}

/// Carries out a request.
pub(crate) fn ask(data_dir: &Path, config: &Config, request: Request) -> Result<(Answer, By), Failure> {
    let (answer, by) = match ask_server(data_dir, &request)? {
        Some(answer) => (answer, By::Server),
        None => (on_store(data_dir, config, request)?, By::Store),
    };
    match answer {
        Answer::Failed { failure } => Err(failure),
        answer => Ok((answer, by)),
    }
}

/// Asks the running server; nothing if none runs.
pub(crate) fn ask_server(data_dir: &Path, request: &Request) -> Result<Option<Answer>, Failure> {
    let path = socket_path(data_dir);
    let stream = match UnixStream::connect(&path) {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => return Ok(None),
        Err(error) => return Err(Failure::io(format_args!("ask the server at {}", path.display()), &error)),
    };
    let asked = || {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        (&stream).write_all(&line)?;
        let mut reply = String::new();
        BufReader::new(&stream).read_line(&mut reply)?;
        Ok(reply)
    };
    let reply: String =
        asked().map_err(|error| Failure::io(format_args!("ask the server at {}", path.display()), &error))?;
    serde_json::from_str(&reply).map(Some).map_err(|_| {
        let message =
            "The running server does not answer as this version of directory-server does. Restart the server.";
        Failure::new(Kind::Version, message)
    })
}

fn on_store(data_dir: &Path, config: &Config, request: Request) -> Result<Answer, Failure> {
    let (opened, store) = stores::open_for_command(data_dir, config.place()?)?;
    let public = config.public_name(&config.addresses()?);
    let invite_ttl = config.register.invite_ttl.into();
    let now = Clock::start(0).now();
    let desk = Desk { store: &store, node: None, now, public: &public, invite_ttl, data_dir: Some(data_dir) };
    let answer = rt::block_on(desk.execute(request));
    rt::block_on(store.close());
    drop(opened);
    Ok(answer)
}
