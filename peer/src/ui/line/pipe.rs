//! The line terminal where the cursor cannot be moved: pipes, files, `TERM=dumb`, `--plain`.
//!
//! The same texts and prompts, never an escape byte, and one line of input per prompt: the next line is read only when
//! it would be taken. What is read from a pipe or file is repeated behind its prompt, so that the output reads like
//! the session on a terminal.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read as _, Write as _};

use async_channel::{Receiver, Sender};
use common::limits::MESSAGE_TEXT;

use super::{Asks, Front};
use crate::app::exit;
use crate::app::line::{Echo, Input, Lines, Output, Prompt};
use crate::app::sanitise::{Glyphs, SafeText};
use crate::app::texts;
use crate::ui::hang_up;
use crate::ui::raw_mode::TerminalEcho;
use zeroize::Zeroizing;

/// Lines that are handed over together at most, of those that have been read in any case. Chosen arbitrarily.
const TOGETHER: usize = 64;

/// One line of input.
#[derive(Debug)]
enum Read {
    Line(String),
    /// Not UTF-8.
    NotText,
    /// More bytes than a message may have.
    TooLong(usize),
    End,
}

/// Standard input and output, line by line.
#[derive(Debug)]
pub(super) struct Pipe {
    /// Asks the reading thread for the next lines.
    requests: Sender<()>,
    lines: Receiver<VecDeque<Read>>,
    /// Lines that have come with one before them.
    ahead: VecDeque<Read>,
    /// Whether a line was asked for and has not been taken.
    reading: bool,
    echo: TerminalEcho,
    glyphs: Glyphs,
    /// What is asked; its text is empty when it was answered.
    prompt: Prompt,
    /// The prompt that stands on the last line, which has no end yet.
    open: Option<SafeText>,
    pending: String,
}

impl Pipe {
    pub(super) fn open(glyphs: Glyphs) -> io::Result<Self> {
        let (requests, asked) = async_channel::bounded(1);
        let (found, lines) = async_channel::bounded(1);
        // Reading blocks, so it has a thread of its own, which ends with the program.
        let mut input = BufReader::new(io::stdin());
        std::thread::Builder::new().name("input".to_owned()).spawn(move || {
            while asked.recv_blocking().is_ok() {
                if found.send_blocking(read_lines(&mut input)).is_err() {
                    break;
                }
            }
        })?;
        Ok(Self::new(requests, lines, TerminalEcho::of_stdin()?, glyphs))
    }

    fn new(requests: Sender<()>, lines: Receiver<VecDeque<Read>>, echo: TerminalEcho, glyphs: Glyphs) -> Self {
        let prompt = Prompt { text: SafeText::default(), echo: Echo::Hidden, lines: Lines::One, history: None };
        let (ahead, pending) = Default::default();
        Self { requests, lines, ahead, reading: false, echo, glyphs, prompt, open: None, pending }
    }

    /// What a line that was read is for the machine; nothing if it only concerns us.
    fn taken(&mut self, read: Read) -> Option<Input> {
        match read {
            // The end of a file, a pipe or CTRL-D is another thing.
            Read::End if hang_up::is_gone() => Some(Input::Stop(exit::HANG_UP)),
            Read::End => Some(Input::End),
            Read::Line(line) => {
                if self.echo.is_terminal() && self.prompt.echo == Echo::Visible {
                    // The terminal has shown the entry and its end.
                    self.open = None;
                    self.prompt.text = SafeText::default();
                }
                Some(Input::Line(line))
            }
            Read::NotText => {
                self.print(texts::NOT_TEXT);
                None
            }
            Read::TooLong(bytes) => {
                self.print(&texts::too_long(bytes));
                None
            }
        }
    }

    fn print(&mut self, line: &str) {
        self.end_line();
        self.pending.push_str(line);
        self.pending.push('\n');
    }

    fn end_line(&mut self) {
        if self.open.take().is_some() {
            self.pending.push('\n');
        }
    }

    fn put_prompt(&mut self) {
        if self.open.as_ref() != Some(&self.prompt.text) {
            self.end_line();
            if !self.prompt.text.is_empty() {
                self.pending.push_str(self.prompt.text.as_str());
                self.open = Some(self.prompt.text.clone());
            }
        }
    }

    /// Ends the line of the prompt, if there is one.
    fn complete(&mut self, behind: &str) {
        self.put_prompt();
        if self.open.is_some() {
            self.pending.push_str(behind);
        }
        self.end_line();
        self.prompt.text = SafeText::default();
    }

    fn repeat(&mut self, entry: &str) {
        let mut lines = SafeText::message(entry, self.glyphs).into_iter();
        let first = lines.next().unwrap_or_default();
        if self.prompt.text.is_empty() {
            self.print(first.as_str());
        } else {
            self.complete(first.as_str());
        }
        lines.for_each(|line| self.print(line.as_str()));
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        out.write_all(self.pending.as_bytes())?;
        self.pending.clear();
        out.flush()
    }
}

impl Front for Pipe {
    async fn next(&mut self) -> io::Result<Option<Input>> {
        if !self.reading {
            return std::future::pending().await;
        }
        if self.ahead.is_empty() {
            self.ahead = self.lines.recv().await.unwrap_or_default();
        }
        self.reading = false;
        let read = self.ahead.pop_front().unwrap_or(Read::End);
        Ok(self.taken(read))
    }

    fn next_ahead(&mut self) -> Option<Input> {
        let read = self.ahead.pop_front()?;
        self.taken(read)
    }

    /// What is half typed is known to the terminal only.
    fn typed(&self) -> &str {
        ""
    }

    fn show(&mut self, output: Output) {
        match output {
            Output::Print(line)
            | Output::Earlier(line)
            | Output::Remote { line, .. }
            | Output::Progress { row: Some(line), quarter: true, .. } => self.print(line.as_str()),
            Output::Prompt(prompt) => self.prompt = prompt,
            Output::Echo(_) if self.echo.is_terminal() => {}
            Output::Echo(entry) => self.repeat(&entry),
            Output::Finish(result) => self.complete(result.as_str()),
            Output::DiscardTypeAhead => self.echo.discard_input(),
            Output::Copy(_) => self.print(texts::local_commands::NO_CLIPBOARD),
            Output::Edit => self.print(texts::local_commands::NO_TERMINAL_FOR_AN_EDITOR),
            // A picture needs a screen, what passes one that can be taken back, a draft an entry of our own, a bell somebody who listens.
            Output::Picture(_)
            | Output::Past { .. }
            | Output::Bell
            | Output::Meanwhile(_)
            | Output::Progress { .. }
            | Output::Entry(_)
            | Output::Command(_)
            | Output::Exit(_) => {}
        }
    }

    fn settle(&mut self, asks: Asks) -> io::Result<()> {
        match self.prompt.echo {
            Echo::Visible => self.echo.on()?,
            Echo::Hidden => self.echo.off()?,
        }
        self.put_prompt();
        self.flush()?;
        if asks == Asks::Yes && !self.reading {
            self.reading = !self.ahead.is_empty() || self.requests.try_send(()).is_ok();
        }
        Ok(())
    }

    fn close(&mut self) -> io::Result<()> {
        self.end_line();
        self.flush()?;
        self.echo.on()
    }
}

/// Reads a line, and as many more as came with it.
fn read_lines(input: &mut BufReader<impl io::Read>) -> VecDeque<Read> {
    let mut lines = VecDeque::from([read_line(input)]);
    while lines.len() < TOGETHER && input.buffer().contains(&b'\n') {
        lines.push_back(read_line(input));
    }
    lines
}

/// Reads one line without its end. Of a line that is too long nothing is kept.
fn read_line(input: &mut impl BufRead) -> Read {
    // It may be a passcode.
    let mut line = Zeroizing::new(Vec::new());
    // One byte more than allowed, and the line end.
    let bound = u64::try_from(MESSAGE_TEXT).unwrap_or(u64::MAX).saturating_add(2);
    match input.take(bound).read_until(b'\n', &mut line) {
        Ok(0) | Err(_) => return Read::End,
        Ok(_) => {}
    }
    let ended = line.last() == Some(&b'\n');
    let content = line.strip_suffix(b"\n").unwrap_or(line.as_slice());
    let content = content.strip_suffix(b"\r").unwrap_or(content);
    if content.len() > MESSAGE_TEXT {
        let rest = if ended { 0 } else { skip_line(input) };
        return Read::TooLong(content.len() + rest);
    }
    std::str::from_utf8(content).map_or(Read::NotText, |text| Read::Line(text.to_owned()))
}

/// Skips to behind the next line end; returns how many bytes stood before it.
fn skip_line(input: &mut impl BufRead) -> usize {
    let mut skipped = 0;
    loop {
        let Ok(buffer) = input.fill_buf() else { return skipped };
        if buffer.is_empty() {
            return skipped;
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let length = buffer.len();
        input.consume(end.map_or(length, |end| end + 1));
        skipped += end.unwrap_or(length);
        if end.is_some() {
            return skipped;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pipe() -> Pipe {
        Pipe::new(async_channel::bounded(1).0, async_channel::bounded(1).1, TerminalEcho::none(), Glyphs::Unicode)
    }

    fn prompt(text: &str) -> Output {
        Output::Prompt(Prompt { text: SafeText::ours(text), echo: Echo::Visible, lines: Lines::One, history: None })
    }

    fn shown(outputs: Vec<Output>) -> String {
        let mut pipe = pipe();
        for output in outputs {
            pipe.show(output);
            pipe.put_prompt();
        }
        pipe.pending
    }

    fn print(text: &str) -> Output {
        Output::Print(SafeText::ours(text))
    }

    #[test]
    fn an_entry_is_repeated_behind_its_prompt() {
        assert_eq!(shown(vec![prompt("To: "), Output::Echo("ali\u{1b}".into())]), "To: ali␛\n");
    }

    #[test]
    fn a_result_stands_behind_its_prompt() {
        let result = Output::Finish(SafeText::ours("Logged in."));
        assert_eq!(shown(vec![prompt("Passcode "), result, prompt("To: ")]), "Passcode Logged in.\nTo: ");
    }

    #[test]
    fn a_line_in_between_repeats_the_prompt() {
        assert_eq!(shown(vec![prompt("To: "), print("news"), prompt("To: ")]), "To: \nnews\nTo: ");
    }

    #[test]
    fn without_a_prompt_lines_stand_alone() {
        let outputs =
            vec![prompt(""), Output::Echo("hi\nthere".into()), print("news"), Output::Finish(SafeText::default())];
        assert_eq!(shown(outputs), "hi\n  there\nnews\n");
    }

    fn read_all(mut input: &[u8]) -> Vec<String> {
        let mut read = Vec::new();
        loop {
            match read_line(&mut input) {
                Read::End => return read,
                Read::Line(line) => read.push(line),
                Read::NotText => read.push("not text".into()),
                Read::TooLong(bytes) => read.push(format!("{bytes} bytes")),
            }
        }
    }

    #[test]
    fn lines_are_read_with_any_line_end() {
        assert_eq!(read_all(b"one\ntwo\r\n\nlast"), ["one", "two", "", "last"]);
    }

    #[test]
    fn lines_that_came_together_are_taken_together_one_for_each_prompt() {
        let (asked, requests) = async_channel::bounded(1);
        let (found, lines) = async_channel::bounded(1);
        let mut pipe = Pipe::new(asked, lines, TerminalEcho::none(), Glyphs::Unicode);
        let mut input = BufReader::new(b"one\ntwo\nthree".as_slice());
        let next = |pipe: &mut Pipe| match futures::FutureExt::now_or_never(Front::next(pipe)) {
            Some(Ok(Some(Input::Line(line)))) => Some(line),
            _ => None,
        };
        assert_eq!(next(&mut pipe), None, "nobody asks");
        pipe.settle(Asks::Yes).unwrap();
        requests.try_recv().unwrap();
        found.try_send(read_lines(&mut input)).unwrap();
        assert_eq!(next(&mut pipe).as_deref(), Some("one"));
        assert_eq!(next(&mut pipe), None, "nobody asks again");
        pipe.settle(Asks::Yes).unwrap();
        requests.try_recv().unwrap_err();
        assert_eq!(next(&mut pipe).as_deref(), Some("two"));
        pipe.settle(Asks::Yes).unwrap();
        requests.try_recv().unwrap();
        assert_eq!(read_lines(&mut input).len(), 1, "what has no end may go on");
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        assert_eq!(read_all(b"a\xff\nb\n"), ["not text", "b"]);
    }

    #[test]
    fn a_line_that_is_too_long_is_refused_whole() {
        let longest = "x".repeat(MESSAGE_TEXT);
        let input = format!("{longest}\n{longest}\r\n{longest}y\n{longest}{longest}\nz");
        let expected = [longest.clone(), longest, "16385 bytes".into(), "32768 bytes".into(), "z".into()];
        assert_eq!(read_all(input.as_bytes()), expected);
    }
}
