//! A peer without a terminal: lines in, lines out.

use std::io::Write as _;
use std::process::{ChildStdin, Stdio};

use super::Owned;
use super::stage::Seat;
use super::watch::{Seen, Watch};

/// A running peer on pipes.
#[derive(Debug)]
pub(crate) struct Piped {
    pub(crate) child: Owned,
    keys: Option<ChildStdin>,
    out: Watch<()>,
    errors: Watch<()>,
}

fn text(seen: &mut Seen<()>) -> String {
    String::from_utf8_lossy(&seen.bytes).into_owned()
}

impl Piped {
    /// Starts a peer.
    pub(crate) fn start(seat: &Seat) -> Self {
        let mut command = seat.command();
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = Watch::new(child.stdout.take().unwrap(), (), |(), _| ());
        let errors = Watch::new(child.stderr.take().unwrap(), (), |(), _| ());
        Self { keys: child.stdin.take(), out, errors, child: Owned(child) }
    }

    /// Writes a line.
    pub(crate) fn enters(&mut self, line: &str) {
        self.writes(format!("{line}\n").as_bytes());
    }

    /// Writes bytes.
    pub(crate) fn writes(&mut self, bytes: &[u8]) {
        // A program that has ended reads nothing more; the test sees that elsewhere.
        let _ = self.keys.as_mut().map(|keys| keys.write_all(bytes));
    }

    /// Ends the input.
    pub(crate) fn ends_input(&mut self) {
        self.keys = None;
    }

    /// Everything on standard output so far.
    pub(crate) fn output(&self) -> String {
        self.out.look(text)
    }

    /// Everything on standard error so far.
    pub(crate) fn errors(&self) -> String {
        self.errors.look(text)
    }

    /// Waits until `what` is in the output.
    #[track_caller]
    pub(crate) fn shows(&self, what: &str) {
        self.shows_times(what, 1);
    }

    /// Waits until `what` occurs `times` times in the output.
    #[track_caller]
    pub(crate) fn shows_times(&self, what: &str, times: usize) {
        let found = |seen: &mut Seen<()>| (text(seen).matches(what).count() >= times).then_some(());
        self.out.wait(&format!("{times} times {what:?}"), found, |seen| text(seen) + &self.errors());
    }

    /// What was shown in all by a program that has ended has `what` in it.
    #[track_caller]
    pub(crate) fn shows_in_the_end(&self, what: &str) {
        let said = self.output() + &self.errors();
        assert!(said.contains(what), "{what:?} is missing in {said:?}");
    }

    /// Waits until the output is as wanted.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, wanted: impl Fn(&str) -> bool) {
        let found = |seen: &mut Seen<()>| wanted(&text(seen)).then_some(());
        self.out.wait(what, found, |seen| text(seen) + &self.errors());
    }

    /// Kills the program without warning; gives everything it has printed.
    #[track_caller]
    pub(crate) fn kill(&mut self) -> String {
        self.child.kill();
        let ended = |seen: &mut Seen<()>| seen.ended.then_some(());
        self.out.wait("the end of the output", ended, text);
        self.output()
    }

    /// Waits for the line of this number, counted from 1.
    #[track_caller]
    pub(crate) fn line(&self, number: usize) -> String {
        let whole = |seen: &mut Seen<()>| {
            let lines = text(seen);
            let mut whole = lines.split_inclusive('\n').filter(|line| line.ends_with('\n'));
            whole.nth(number - 1).map(|line| line.trim_end().to_owned())
        };
        self.out.wait(&format!("line {number}"), whole, |seen| text(seen) + &self.errors())
    }

    /// Waits until `what` is in the errors.
    #[track_caller]
    pub(crate) fn tells(&self, what: &str) {
        let found = |seen: &mut Seen<()>| text(seen).contains(what).then_some(());
        self.errors.wait(&format!("{what:?}"), found, text);
    }

    /// Waits until the output ends with `what`.
    #[track_caller]
    pub(crate) fn asks(&self, what: &str) {
        let found = |seen: &mut Seen<()>| text(seen).ends_with(what).then_some(());
        self.out.wait(&format!("the question {what:?}"), found, |seen| text(seen) + &self.errors());
    }

    /// Logs in with the example passcode, where the user was named on the command line.
    #[track_caller]
    pub(crate) fn logs_in(&mut self) {
        self.enters(super::PASSCODE);
        self.shows("Enter passcode on keypad. Logged in.\n");
        self.asks("Enter destination user ID: ");
    }

    /// Chooses the example passcode, registers and logs in, where an invitation has been given.
    #[track_caller]
    pub(crate) fn registers(&mut self) {
        self.enters(super::PASSCODE);
        self.enters(super::PASSCODE);
        // A new identity key may take its time.
        self.shows("\nRegistered ");
        self.asks("Enter destination user ID: ");
    }

    /// Waits for the end; gives the exit code.
    #[track_caller]
    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        let ended = |seen: &mut Seen<()>| seen.ended.then_some(());
        self.out.wait("the end of the output", ended, |seen| text(seen) + &self.errors());
        self.errors.wait("the end of the errors", ended, text);
        self.child.wait().code()
    }
}

/// Runs a command to its end with this input; gives the exit code, the output and the errors. None of them ever has an
/// escape in it.
#[track_caller]
pub(crate) fn runs(seat: &Seat, arguments: &[&str], input: &str) -> (Option<i32>, String, String) {
    let mut peer = Piped::start(&seat.clone().with(arguments));
    peer.writes(input.as_bytes());
    peer.ends_input();
    let code = peer.exit_code();
    let (output, errors) = (peer.output(), peer.errors());
    assert!(!(output.clone() + &errors).contains('\u{1b}'), "an escape in {output:?} {errors:?}");
    (code, output, errors)
}
