//! Signals as values (decision D2: signal-hook): CTRL-C, termination, hang-up.

use async_channel::Receiver;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::ui::event_loop::Interrupt;

/// Turns signals into interrupts for the front end. The thread ends with the program.
///
/// # Errors
/// The operating system's, if no handler can be set.
pub(crate) fn listen() -> std::io::Result<Receiver<Interrupt>> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let (sender, receiver) = async_channel::unbounded();
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            let interrupt = match signal {
                SIGTERM => Interrupt::Terminate,
                SIGHUP => Interrupt::HangUp,
                _ => Interrupt::CtrlC,
            };
            if sender.send_blocking(interrupt).is_err() {
                break;
            }
        }
    })?;
    Ok(receiver)
}
