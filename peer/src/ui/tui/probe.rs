//! Whether the terminal draws our signs one column wide: it is asked once, at the start, and not waited for long.
//!
//! Tables of widths disagree with terminals. Where the signs of the screen are wider than we think nothing would stand
//! where it belongs, so that ASCII signs take their place. A terminal that does not answer is believed to be usual.

use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_millis(100);
/// Signs of presence, of messages, of lines and bars.
const ASKED: [&str; 4] = ["●◐○", "✓✗·…", "─│┬┴┌┐└┘", "█░▌»▸↑↓"];

/// What was found out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Probed {
    /// Every sign is one column wide, as far as is known.
    pub(super) fits: bool,
    /// What came besides: somebody has typed it ahead.
    pub(super) typed: String,
}

/// Asks; the terminal is in raw mode, nobody else reads it, and its screen is empty again afterwards.
pub(super) fn ask() -> io::Result<Probed> {
    let questions: String = ASKED.iter().map(|signs| format!("\x1b[1;1H{signs}\x1b[6n")).collect();
    let mut out = io::stdout().lock();
    out.write_all(format!("{questions}\x1b[1;1H\x1b[2J").as_bytes())?;
    out.flush()?;
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
    // Keys that are no characters, such as arrows, mean nothing where nobody has seen the screen yet.
    let typed = String::from_utf8_lossy(&typed).chars().take_while(|c| *c != '').collect();
    Probed { fits: !wide, typed }
}

/// The columns in which the cursor stood (`CSI row ; column R`), and everything else.
fn answers(read: &[u8]) -> (Vec<usize>, Vec<u8>) {
    let (mut columns, mut rest, mut at) = (Vec::new(), Vec::new(), 0);
    while at < read.len() {
        match answer(&read[at..]) {
            Some((column, length)) => {
                columns.push(column);
                at += length;
            }
            None => {
                rest.push(read[at]);
                at += 1;
            }
        }
    }
    (columns, rest)
}

/// An answer at the beginning: the column, and how many bytes it is long.
fn answer(bytes: &[u8]) -> Option<(usize, usize)> {
    let body = bytes.strip_prefix(b"\x1b[")?;
    let end = body.iter().position(|byte| !byte.is_ascii_digit() && *byte != b';')?;
    if body.get(end) != Some(&b'R') {
        return None;
    }
    let (_, column) = std::str::from_utf8(&body[..end]).ok()?.split_once(';')?;
    Some((column.parse().ok()?, 2 + end + 1))
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
        assert_eq!((fits, typed.as_str()), (true, "4821"));
        assert_eq!(judged("4821\x1b[1;4R93\r".as_bytes()).typed, "482193\r");
    }
}
