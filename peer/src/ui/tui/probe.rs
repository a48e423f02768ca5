//! Whether the terminal draws our signs one column wide: it is asked once, at the start, and nobody waits for the answer.
//!
//! Tables of widths disagree with terminals. Where the signs of the screen are wider than we think nothing would stand
//! where it belongs, so that ASCII signs take their place. A terminal that does not answer is believed to be usual.

use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::ui::keys::{ReadBefore, TerminalEvent};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_millis(100);
/// Signs of presence, of messages, of lines and bars.
const ASKED: [&str; 4] = ["●◐○", "✓✗·…", "─│┬┴┌┐└┘", "█░▌»▸↑↓"];

/// Whether the terminal is asked how wide it draws our signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Probe {
    Ask,
    /// The user has said which signs are drawn.
    Settled,
}

/// What was found out.
#[derive(Debug, PartialEq, Eq)]
struct Probed {
    /// Every sign is one column wide, as far as is known.
    fits: bool,
    /// What came besides: somebody has typed it.
    typed: String,
}

/// Asks; the terminal is in raw mode, and its screen is empty again afterwards. The terminal does in its order what it is
/// told, so that the answers hold whatever is drawn behind the questions.
pub(super) fn ask() -> io::Result<()> {
    let questions: String = ASKED.iter().map(|signs| format!("\x1b[1;1H{signs}\x1b[6n")).collect();
    let mut out = io::stdout().lock();
    out.write_all(format!("{questions}\x1b[1;1H\x1b[2J").as_bytes())?;
    out.flush()
}

/// Takes the answers, if they come; nobody else reads the terminal meanwhile. A terminal that is gone is noticed by
/// whoever reads it next.
pub(super) fn read_answers() -> ReadBefore {
    let Probed { fits, typed } = answered().unwrap_or(Probed { fits: true, typed: String::new() });
    ReadBefore { found: Some(TerminalEvent::Probed { fits }), typed }
}

fn answered() -> io::Result<Probed> {
    let until = Instant::now() + PATIENCE;
    let stdin = io::stdin();
    let mut read = Vec::new();
    while answers(&read).0.len() < ASKED.len() {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = Timespec { tv_sec: 0, tv_nsec: left.subsec_nanos().into() };
        let ready = poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&timeout))?;
        if left.is_zero() || ready == 0 {
            break;
        }
        let mut piece = [0; 256];
        // Not through the buffer of the standard library, in which a key could stay behind.
        match rustix::io::read(&stdin, &mut piece)? {
            0 => break,
            count => read.extend_from_slice(&piece[..count]),
        }
    }
    Ok(judged(&read))
}

fn judged(read: &[u8]) -> Probed {
    let (columns, typed) = answers(read);
    let wide = columns.iter().zip(ASKED).any(|(column, signs)| *column > signs.chars().count() + 1);
    Probed { fits: !wide, typed: String::from_utf8_lossy(&typed).into_owned() }
}

/// The columns in which the cursor stood (`CSI row ; column R`), and what else was typed. Of keys that are no characters,
/// such as arrows, nothing is kept.
fn answers(read: &[u8]) -> (Vec<usize>, Vec<u8>) {
    let (mut columns, mut rest, mut at) = (Vec::new(), Vec::new(), 0);
    while let Some(byte) = read.get(at) {
        let length = sequence(&read[at..]);
        match length {
            0 => rest.push(*byte),
            length => columns.extend(column(&read[at..at + length])),
        }
        at += length.max(1);
    }
    (columns, rest)
}

/// How many bytes of an escape sequence are at the beginning.
fn sequence(bytes: &[u8]) -> usize {
    match bytes {
        [0x1b, b'[', body @ ..] => {
            body.iter().position(|byte| (0x40..=0x7e).contains(byte)).map_or(bytes.len(), |end| end + 3)
        }
        [0x1b, b'O', _, ..] => 3,
        [0x1b, ..] => 1,
        _ => 0,
    }
}

/// The column that a sequence tells, if it is an answer.
fn column(sequence: &[u8]) -> Option<usize> {
    let place = sequence.strip_prefix(b"\x1b[")?.strip_suffix(b"R")?;
    let (_, column) = std::str::from_utf8(place).ok()?.split_once(';')?;
    column.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sign_that_is_too_wide_is_enough_and_no_answer_is_none() {
        let probed = |read: &str| judged(read.as_bytes()).fits;
        assert!(probed("\x1b[1;4R\x1b[1;5R\x1b[1;9R\x1b[1;8R"));
        assert!(!probed("\x1b[1;4R\x1b[1;6R\x1b[1;9R\x1b[1;8R"));
        assert!(!probed("\x1b[1;7R"));
        assert!(probed(""));
    }

    #[test]
    fn what_was_typed_ahead_is_kept_in_its_order() {
        let Probed { fits, typed } = judged("48\x1b[1;4R21\x1b[1;5R\x1b[A93\r".as_bytes());
        assert_eq!((fits, typed.as_str()), (true, "482193\r"));
        assert_eq!(judged("4821\x1b[1;4R93\r".as_bytes()).typed, "482193\r");
        // An answer that is not whole yet is none, and no part of it was typed.
        assert_eq!(judged(b"48\x1b[I21\x1bOQ\x1b[1;"), Probed { fits: true, typed: "4821".to_owned() });
    }
}
