//! Signals as values (decision D2: signal-hook): CTRL-C, termination, hang-up.

use std::time::Duration;

use async_channel::{Receiver, Sender};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::ui::event_loop::Interrupt;
use crate::ui::hang_up;

/// How long the goodbyes may take that a program says when it is told to stop. Chosen arbitrarily: a round trip to the
/// directory and a write to a disk on a busy machine, and no more than people wait for without asking why; whatever takes
/// longer is kept and goes on at the next start.
pub(crate) const GOODBYES: Duration = Duration::from_secs(2);

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

/// Whether a program ends with its terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Terminal {
    /// It is for the user in front of it, also where no signal tells that it is gone.
    Needed,
    /// Only a signal says that.
    NotNeeded,
}

/// Turns signals, and the end of a terminal that is needed, into interrupts for the front end. The threads end with the
/// program.
///
/// # Errors
/// The operating system's, if no handler can be set.
pub(crate) fn listen(terminal: Terminal) -> std::io::Result<Receiver<Interrupt>> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let (sender, receiver) = async_channel::unbounded();
    if terminal == Terminal::Needed {
        let sender = sender.clone();
        let watch = move || {
            if hang_up::wait().is_ok() {
                // Nobody listens: the program has ended.
                let _ = sender.send_blocking(Interrupt::HangUp);
                say_again(sender, Interrupt::HangUp);
            }
        };
        std::thread::Builder::new().name("terminal".to_owned()).spawn(watch)?;
    }
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
