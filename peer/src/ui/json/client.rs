//! One client: a thread that reads its lines, and one that writes what it is sent.

use std::io::{self, BufRead, BufReader, Read, Write};

use async_channel::{Receiver, Sender};

use super::LINES;
use crate::app::rpc::methods::Call;
use crate::app::rpc::{ClientId, Input, LINE_MAX, ToClient};

/// What a client says.
#[derive(Debug)]
pub(crate) enum FromClient {
    /// A line without its end.
    Line(String),
    /// A request of a client within this program, under this number.
    Call(u64, Box<Call>),
    /// A line that was too long; it was skipped.
    Oversize,
    /// A line that was not UTF-8.
    NotText,
    /// Nothing more will come.
    Closed,
}

/// What reaches the loop.
pub(crate) enum Told {
    /// A client has come, and is written to like this.
    Opened(ClientId, Out),
    /// A client says something.
    Said(ClientId, FromClient),
    /// Anything that is not a client's.
    Other(Input),
}

/// The way to a client.
#[derive(Debug)]
pub(crate) struct Out {
    way: Way,
    /// Closed when everything was written.
    written: Receiver<()>,
    is_lost: bool,
}

/// In which form a client is told things.
#[derive(Debug)]
enum Way {
    Lines(Sender<String>),
    /// To a client within this program.
    Values(Sender<ToClient>),
}

impl Out {
    /// Tells something; what does not fit any more loses the client.
    pub(super) fn send(&mut self, told: ToClient) {
        self.is_lost |= match &self.way {
            Way::Lines(lines) => lines.try_send(told.line()).is_err(),
            Way::Values(values) => values.try_send(told).is_err(),
        };
    }

    /// What was told and not taken yet.
    pub(super) fn waiting(&self) -> usize {
        match &self.way {
            Way::Lines(lines) => lines.len(),
            Way::Values(values) => values.len(),
        }
    }

    pub(super) fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// Waits until everything was written.
    pub(super) async fn finish(self) {
        drop(self.way);
        // Nobody ever sends: this ends when the writer is gone.
        let _ = self.written.recv().await;
    }
}

/// Opens a client: its lines go to `told`.
///
/// # Errors
/// The operating system's, if there can be no more threads.
pub(crate) fn open(
    client: ClientId,
    input: impl Read + Send + 'static,
    output: impl Write + Send + 'static,
    told: Sender<Told>,
) -> io::Result<()> {
    let (lines, to_write) = async_channel::bounded(LINES);
    let (writing, written) = async_channel::bounded::<()>(1);
    let write = move || {
        // A client that is gone is noticed by its reader.
        let _ = write_all(output, &to_write);
        drop(writing);
    };
    std::thread::Builder::new().name("client output".to_owned()).spawn(write)?;
    let read = move || {
        if told.send_blocking(Told::Opened(client, Out { way: Way::Lines(lines), written, is_lost: false })).is_err() {
            return;
        }
        let mut reader = BufReader::new(input);
        loop {
            // What cannot be read is the end.
            let said = next_line(&mut reader).unwrap_or(FromClient::Closed);
            let last = matches!(said, FromClient::Closed);
            if told.send_blocking(Told::Said(client, said)).is_err() || last {
                return;
            }
        }
    };
    std::thread::Builder::new().name("client input".to_owned()).spawn(read)?;
    Ok(())
}

/// Opens a client within this program: what it is sent. What it says, [`said`] makes.
pub(crate) fn connect(client: ClientId, told: &Sender<Told>) -> Receiver<ToClient> {
    let (values, to_read) = async_channel::bounded(LINES);
    // There is nothing to wait for: what was sent is in the queue.
    let (_, written) = async_channel::bounded::<()>(1);
    // A front end that is gone has closed the way back.
    let _ = told.try_send(Told::Opened(client, Out { way: Way::Values(values), written, is_lost: false }));
    to_read
}

/// A request of a client within this program.
pub(crate) fn said(client: ClientId, id: u64, call: Call) -> Told {
    Told::Said(client, FromClient::Call(id, Box::new(call)))
}

fn write_all(mut output: impl Write, lines: &Receiver<String>) -> io::Result<()> {
    while let Ok(mut line) = lines.recv_blocking() {
        line.push('\n');
        output.write_all(line.as_bytes())?;
        if lines.is_empty() {
            output.flush()?;
        }
    }
    output.flush()
}

fn next_line(reader: &mut impl BufRead) -> io::Result<FromClient> {
    let mut line = Vec::new();
    let limit = u64::try_from(LINE_MAX + 1).unwrap_or(u64::MAX);
    if reader.by_ref().take(limit).read_until(b'\n', &mut line)? == 0 {
        return Ok(FromClient::Closed);
    }
    if line.len() > LINE_MAX && line.last() != Some(&b'\n') {
        reader.skip_until(b'\n')?;
        return Ok(FromClient::Oversize);
    }
    while matches!(line.last(), Some(b'\n' | b'\r')) {
        line.pop();
    }
    Ok(String::from_utf8(line).map_or(FromClient::NotText, FromClient::Line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_long_is_skipped_whole_and_the_next_is_read() {
        let mut input = vec![b'x'; 3 * LINE_MAX];
        input.extend_from_slice(b"\nhello\r\n");
        input.extend_from_slice(&vec![b'y'; LINE_MAX]);
        input.extend_from_slice(b"\nlast");
        let mut reader = BufReader::new(&input[..]);
        assert!(matches!(next_line(&mut reader).unwrap(), FromClient::Oversize));
        assert!(matches!(next_line(&mut reader).unwrap(), FromClient::Line(line) if line == "hello"));
        assert!(matches!(next_line(&mut reader).unwrap(), FromClient::Line(line) if line.len() == LINE_MAX));
        assert!(matches!(next_line(&mut reader).unwrap(), FromClient::Line(line) if line == "last"));
        assert!(matches!(next_line(&mut reader).unwrap(), FromClient::Closed));
    }

    #[test]
    fn a_line_that_is_not_utf8_is_told_from_one_that_is_too_long() {
        let mut reader = BufReader::new(&b"{\"a\": \"\xff\"}\nnext\n"[..]);
        assert!(matches!(next_line(&mut reader).unwrap(), FromClient::NotText));
        assert!(matches!(next_line(&mut reader).unwrap(), FromClient::Line(line) if line == "next"));
    }
}
