//! Signals as values (decision D2: signal-hook): CTRL-C, termination, hang-up.

use std::time::Duration;

use async_channel::{Receiver, Sender};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::ui::event_loop::Interrupt;

/// How long the goodbyes may take that a program says when it is told to stop. Chosen arbitrarily: a round trip to the
/// directory and a write to a disk; whatever takes longer is kept and goes on at the next start.
const GOODBYES: Duration = Duration::from_millis(500);

/// Tells a program that is still there after a while once more that it is to stop; it does not wait for anything then.
fn say_again(sender: Sender<Interrupt>, interrupt: Interrupt) {
    let again = move || {
        std::thread::sleep(GOODBYES);
        // Whoever has stopped does not listen any more.
        let _ = sender.send_blocking(interrupt);
    };
    // Without threads there are no goodbyes to wait for either.
    let _ = std::thread::Builder::new().name("goodbyes".to_owned()).spawn(again);
}

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
            if interrupt != Interrupt::CtrlC {
                say_again(sender.clone(), interrupt);
            }
        }
    })?;
    Ok(receiver)
}
