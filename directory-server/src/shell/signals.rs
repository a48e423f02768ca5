//! Signals: CTRL-C and termination stop the server, a hang-up does what the program says, USR1 opens the log file again.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::Signals;

use crate::failure::Failure;

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Stop; the value is the exit code.
    Stop(u8),
    /// Do this and go on.
    Attend(Errand),
}

/// What a running server is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Errand {
    /// Read the configuration again.
    Reload,
    /// Open the log file again, and say in it how things are.
    Reopen,
}

/// Turns signals into messages; `hang_up` is what a hang-up asks for. A second request to stop ends the process at once.
pub(crate) fn listen(hang_up: Asked) -> Result<async_channel::Receiver<Asked>, Failure> {
    let mut signals =
        Signals::new([SIGINT, SIGTERM, SIGHUP, SIGUSR1]).map_err(|error| Failure::io("listen for signals", &error))?;
    let (sender, receiver) = async_channel::unbounded();
    let forward = move || {
        let mut stopping = false;
        for signal in signals.forever() {
            let asked = match signal {
                SIGHUP => hang_up,
                SIGUSR1 => Asked::Attend(Errand::Reopen),
                SIGINT if stopping => std::process::exit(130),
                _ if stopping => std::process::exit(143),
                SIGINT => Asked::Stop(130),
                _ => Asked::Stop(0),
            };
            stopping |= matches!(asked, Asked::Stop(_));
            if sender.send_blocking(asked).is_err() {
                return;
            }
        }
    };
    let spawned = std::thread::Builder::new().name("signals".into()).spawn(forward);
    spawned.map_err(|error| Failure::io("listen for signals", &error))?;
    Ok(receiver)
}
