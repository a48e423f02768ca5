//! The login screen: the login of the line terminal's machine, on a screen instead of line by line.

use std::time::{Duration, Instant};

use super::{Input, Now, Output, Surface};
use crate::app::keys::{Key, KeyAction};
use crate::app::line::{self, Echo, LineTerminal, Lines, LoginStep, Options, Prompt};
use crate::app::model::Account;
use crate::app::sanitise::SafeText;
use crate::app::texts::format;

/// Lines that are kept; the login screen shows the last ones.
const LINES: usize = 12;

/// Who logs in, and what was said about it so far.
#[derive(Debug)]
pub(crate) struct LoginScreen {
    machine: LineTerminal,
    options: Options,
    /// What was asked, answered and told.
    pub(crate) lines: Vec<SafeText>,
    prompt: Prompt,
    /// Since when an answer of the directory is being waited for.
    waiting: Option<Instant>,
    now: Instant,
}

impl LoginScreen {
    pub(super) fn new(options: Options, now: Now) -> (Self, Vec<Output>) {
        let (machine, first) = LineTerminal::new(options.clone(), now);
        let prompt = Prompt { text: SafeText::default(), echo: Echo::Hidden, lines: Lines::One, history: None };
        let mut login_screen = Self { machine, options, lines: Vec::new(), prompt, waiting: None, now: now.instant };
        let output = login_screen.carry_out(first, now);
        (login_screen, output)
    }

    pub(super) fn options(&self) -> &Options {
        &self.options
    }

    pub(crate) fn prompt(&self) -> &Prompt {
        &self.prompt
    }

    /// How far the login is.
    pub(crate) fn step(&self) -> LoginStep {
        self.machine.login_step()
    }

    /// The directory, as people call it.
    pub(crate) fn directory(&self) -> &str {
        format::without_default_port(&self.options.server)
    }

    /// The number of the last ticket that was given.
    pub(super) fn last_ticket(&self) -> u64 {
        self.machine.last_ticket()
    }

    pub(super) fn logged_in(&self) -> Option<Account> {
        self.machine.account()
    }

    /// While the directory is waited for, the seconds are shown.
    pub(super) fn deadline(&self, now: Now) -> Option<Instant> {
        self.waiting.map(|_| now.instant + Duration::from_secs(1))
    }

    /// For how many seconds the directory has been waited for, if it is.
    pub(crate) fn waits(&self) -> Option<u64> {
        self.waiting.map(|since| self.now.saturating_duration_since(since).as_secs())
    }

    pub(super) fn handle(&mut self, now: Now, surface: Surface<'_>, input: Input) -> Vec<Output> {
        self.now = now.instant;
        let mut output = Vec::new();
        let input = match input {
            Input::Key(key) => {
                let (edit, input) = self.key(&key, surface.is_blank);
                output.extend(edit.map(Output::Edit));
                input
            }
            Input::Line(line) => Some(line::Input::Line(line)),
            Input::Stop(code) => Some(line::Input::Stop(code)),
            Input::Notice(answers, notice) => Some(line::Input::Notice(answers, notice)),
            Input::EngineGone => Some(line::Input::EngineGone),
            Input::Tell(line) => {
                self.lines.push(SafeText::ours(&line));
                None
            }
            // The session asks for them; at the login nothing is shown of what others have written.
            Input::Glyphs(glyphs) => {
                self.options.glyphs = glyphs;
                None
            }
            Input::Focus(_)
            | Input::Pointed(_)
            | Input::Dragged(_)
            | Input::Scrolled(_)
            | Input::Older
            | Input::Tick => None,
        };
        if let Some(input) = input {
            let told = self.machine.handle(now, surface.typed, input);
            output.extend(self.carry_out(told, now));
        }
        output
    }

    /// The only layer there is: what a key is for the entry, and for the machine.
    fn key(&self, key: &KeyAction, is_blank: bool) -> (Option<Key>, Option<line::Input>) {
        match key {
            KeyAction::Interrupt | KeyAction::Quit => (None, Some(line::Input::CtrlC)),
            KeyAction::EndOrDelete if is_blank => (None, Some(line::Input::CtrlD)),
            KeyAction::EndOrDelete => (Some(Key::DeleteRight), None),
            // What is being waited for is given up in the same way as by the line terminal.
            KeyAction::Edit(Key::Escape) => (Some(Key::Escape), self.waiting.is_some().then_some(line::Input::CtrlC)),
            // There is no list of people yet.
            KeyAction::Edit(Key::Complete) if is_blank => (None, None),
            KeyAction::Edit(key) => (Some(key.clone()), None),
            KeyAction::NextUnread
            | KeyAction::Previous
            | KeyAction::Next
            | KeyAction::Nth(_)
            | KeyAction::Open
            | KeyAction::People
            | KeyAction::Details
            | KeyAction::SelectAbove
            | KeyAction::SelectBelow
            | KeyAction::Scroll(_)
            | KeyAction::Redraw
            | KeyAction::Suspend => (None, None),
        }
    }

    fn carry_out(&mut self, outputs: Vec<line::Output>, now: Now) -> Vec<Output> {
        let told = self.lines.len();
        let mut out = Vec::new();
        for output in outputs {
            match output {
                line::Output::Print(line) | line::Output::Remote { line, .. } => self.lines.push(line),
                // They belong to a session.
                line::Output::Picture(_)
                | line::Output::Past { .. }
                | line::Output::Bell
                | line::Output::Progress { .. }
                | line::Output::Earlier(_)
                // The title says for how long the directory has been waited for.
                | line::Output::Meanwhile(_)
                | line::Output::Copy(_)
                | line::Output::Edit => {}
                line::Output::Prompt(prompt) => self.prompt = prompt,
                line::Output::Echo(entry) => self.complete(SafeText::ours(&entry)),
                line::Output::Finish(result) => self.complete(result),
                line::Output::Entry(entry) => out.push(Output::Entry(entry)),
                line::Output::DiscardTypeAhead => out.push(Output::DiscardTypeAhead),
                line::Output::Command(command) => out.push(Output::Command(command)),
                line::Output::Exit(code) => {
                    let last = self.lines.iter().skip(told).cloned().map(Output::Farewell);
                    out.extend(last);
                    out.push(Output::Exit(code));
                }
            }
        }
        self.lines.drain(..self.lines.len().saturating_sub(LINES));
        self.waiting = if self.machine.asks() { None } else { self.waiting.or(Some(now.instant)) };
        out
    }

    /// The line of the prompt is complete.
    fn complete(&mut self, result: SafeText) {
        let prompt = std::mem::take(&mut self.prompt.text);
        if !prompt.is_empty() || !result.is_empty() {
            self.lines.push(result.after(&prompt));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::screen::tests::options;

    #[test]
    fn the_login_screen_leaves_to_the_entry_what_edits_and_consumes_the_rest() {
        let now = Now { instant: Instant::now(), date: 0 };
        let (mut login, _) = LoginScreen::new(options(), now);
        for (waiting, is_blank) in [(None, true), (None, false), (Some(now.instant), true)] {
            login.waiting = waiting;
            for key in KeyAction::all() {
                let edit = match &key {
                    KeyAction::Edit(Key::Complete) if is_blank => None,
                    KeyAction::Edit(key) => Some(key.clone()),
                    KeyAction::EndOrDelete if !is_blank => Some(Key::DeleteRight),
                    _ => None,
                };
                let input = match &key {
                    KeyAction::Interrupt | KeyAction::Quit => "Some(CtrlC)",
                    KeyAction::Edit(Key::Escape) if waiting.is_some() => "Some(CtrlC)",
                    KeyAction::EndOrDelete if is_blank => "Some(CtrlD)",
                    _ => "None",
                };
                let (for_entry, for_machine) = login.key(&key, is_blank);
                assert_eq!((for_entry, format!("{for_machine:?}").as_str()), (edit, input), "{key:?}");
            }
        }
    }
}
