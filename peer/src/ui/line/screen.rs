//! The line terminal on a terminal that can move its cursor: one entry at the bottom, everything else above it in the
//! terminal's own scrollback.
//!
//! Each update is one write: erase the entry, print what is new, draw the entry again. Rows are cut here, not by the
//! terminal, so that it is known where the entry begins.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{self, Write};

use async_channel::Receiver;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use signal_hook::consts::{SIGTSTP, SIGWINCH};
use signal_hook::low_level::raise;

use super::external_editor::{self, Written};
use super::{Front, Pastes};
use crate::app::keys::{Key, KeyAction};
use crate::app::line::{Echo, Input, Lines, Output, Prompt};
use crate::app::sanitise::{Glyphs, SafeText, harmless};
use crate::app::texts;
use crate::ui::completion::Completer;
use crate::ui::editor::{Editor, Effect};
use crate::ui::event_loop::screen_size;
use crate::ui::keymap::entry_action;
use crate::ui::keys::{self, Events, Pause, TerminalEvent, Unmarked};
use crate::ui::layout::{Layout, wrap};
use crate::ui::pastes::commands;
use crate::ui::raw_mode::{Modes, RawMode};
use peer_core::notice::Notice;

/// What stands on the screen, apart from the terminal itself: everything to be written is in `pending`.
#[derive(Debug)]
pub(super) struct Canvas {
    width: usize,
    height: usize,
    prompt: Prompt,
    /// What is being done; it stands where the prompt stands when something is asked.
    meanwhile: SafeText,
    /// Shows that a hidden entry takes keys, and neither which nor how many; absent while it is empty.
    mark: Option<&'static str>,
    /// The entry as it stands on the screen.
    drawn: Option<Layout>,
    pending: String,
}

impl Canvas {
    pub(super) fn new((columns, rows): (u16, u16)) -> Self {
        let prompt = Prompt { text: SafeText::default(), echo: Echo::Hidden, lines: Lines::One, history: None };
        // Terminals that claim to have no columns exist; two are needed for a wide character.
        let (width, height) = (usize::from(columns).max(2), usize::from(rows).max(2));
        Self { width, height, prompt, meanwhile: SafeText::default(), mark: None, drawn: None, pending: String::new() }
    }

    fn erase(&mut self) {
        if let Some(drawn) = self.drawn.take() {
            self.pending.push('\r');
            self.up(drawn.rows_above_cursor(self.width));
            self.pending.push_str("\x1b[J");
        }
    }

    fn up(&mut self, rows: usize) {
        if rows > 0 {
            // Writing to a String cannot fail.
            let _ = write!(self.pending, "\x1b[{rows}A");
        }
    }

    fn print(&mut self, line: &str) {
        self.erase();
        self.pending.push_str(line);
        self.pending.push_str("\r\n");
    }

    fn remote(&mut self, line: &SafeText) {
        for row in wrap(line.as_str(), self.width) {
            self.print(&row);
        }
    }

    fn picture(&mut self, rows: &[SafeText]) {
        if rows.len() < self.height && rows.iter().all(|row| row.columns() <= self.width) {
            rows.iter().for_each(|row| self.print(row.as_str()));
        }
    }

    /// The prompt's line is complete.
    fn complete(&mut self, entry: &str, result: &str) {
        let prompt = std::mem::take(&mut self.prompt.text);
        let entry = if self.prompt.echo == Echo::Visible { entry } else { "" };
        if prompt.is_empty() && entry.is_empty() && result.is_empty() {
            return;
        }
        // A line end is shown as one, so these are the rows as they were typed.
        let mut lines = SafeText::message(entry, Glyphs::Unicode).into_iter();
        let first = lines.next().unwrap_or_default();
        self.print(&format!("{}{}{result}", prompt.as_str(), first.as_str()));
        lines.for_each(|line| self.print(line.as_str()));
    }

    fn draw(&mut self, editor: &Editor) {
        let (entry, cursor) = match self.prompt.echo {
            Echo::Visible => (editor.text(), editor.cursor()),
            // While nothing is asked there is nothing that takes keys.
            Echo::Hidden if self.prompt.text.is_empty() => ("", 0),
            Echo::Hidden => self.mark.map_or(("", 0), |mark| (mark, mark.len())),
        };
        let front = if self.prompt.text.is_empty() { &self.meanwhile } else { &self.prompt.text };
        let layout = Layout::new(front.as_str(), entry, cursor, self.width, self.height - 1);
        if self.drawn.as_ref() == Some(&layout) {
            return;
        }
        self.erase();
        self.pending.push_str(&layout.rows.join("\r\n"));
        self.up(layout.rows.len() - 1 - layout.row);
        self.pending.push('\r');
        if layout.column > 0 {
            let _ = write!(self.pending, "\x1b[{}C", layout.column);
        }
        self.drawn = Some(layout);
    }

    fn resize(&mut self, (columns, rows): (u16, u16)) {
        self.width = usize::from(columns).max(2);
        self.height = usize::from(rows).max(2);
        self.erase();
    }
}

/// What a mark can look like; ASCII, so that it is one column everywhere.
const MARKS: [&str; 4] = ["*", "+", "x", "o"];

/// Another mark than `before`, by chance: marks that came in turn could be counted.
fn another(before: Option<&'static str>) -> &'static str {
    let others = MARKS.iter().filter(|mark| Some(**mark) != before);
    let chance = RandomState::new().build_hasher().finish();
    others.copied().nth(usize::try_from(chance % 3).unwrap_or_default()).unwrap_or("*")
}

/// What becomes of keys that were read before what is asked now can be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TypeAhead {
    Counts,
    /// They are forgotten, and nothing is shown, until the next change of the size, real or not: it comes after them.
    Discarded,
}

/// The terminal, the entry and the keys.
#[derive(Debug)]
pub(super) struct Screen {
    canvas: Canvas,
    editor: Editor,
    completer: Completer,
    keys: Events,
    /// Keys that came before those that were not read yet.
    waiting: VecDeque<TerminalEvent>,
    pause: Pause,
    pastes: Pastes,
    /// Another program has the terminal.
    lent: Option<Receiver<Written>>,
    wants_editor: bool,
    type_ahead: TypeAhead,
    raw: RawMode,
}

impl Screen {
    /// Takes the terminal over.
    pub(super) fn open(editor: Editor, pastes: Pastes) -> io::Result<Self> {
        let raw = RawMode::enter(Modes::Line)?;
        let pause = Pause::default();
        let unmarked = match pastes {
            Pastes::PointedOut => Unmarked::Paste,
            Pastes::Silent => Unmarked::Typed,
        };
        let keys = keys::listen_between(pause.clone(), unmarked, entry_action)?;
        let canvas = Canvas::new(screen_size());
        Ok(Self {
            canvas,
            editor,
            completer: Completer::default(),
            keys,
            waiting: VecDeque::new(),
            pause,
            pastes,
            lent: None,
            wants_editor: false,
            type_ahead: TypeAhead::Counts,
            raw,
        })
    }

    fn edit(&mut self, key: Key) -> Option<Input> {
        let effect = self.editor.press(key);
        self.canvas.mark = (!self.editor.text().is_empty()).then(|| another(self.canvas.mark));
        match effect {
            Effect::None => None,
            Effect::Entered(line) => Some(Input::Line(line)),
            Effect::Pasted(lines) => {
                if self.pastes == Pastes::PointedOut {
                    self.canvas.print(&texts::pasted(lines));
                }
                None
            }
            Effect::Complete(tab) => {
                if let Some(list) = self.completer.press(tab, &mut self.editor, &self.canvas.prompt) {
                    self.canvas.remote(&SafeText::ours(&list));
                }
                None
            }
            Effect::TooLong(bytes) => {
                self.canvas.print(&texts::too_long(bytes));
                None
            }
        }
    }

    fn pressed(&mut self, action: KeyAction) -> io::Result<Option<Input>> {
        let discarded = self.type_ahead == TypeAhead::Discarded;
        Ok(match action {
            KeyAction::Edit(_) | KeyAction::EndOrDelete | KeyAction::NextUnread if discarded => None,
            KeyAction::Edit(key) => self.edit(key),
            KeyAction::Interrupt => Some(Input::CtrlC),
            KeyAction::EndOrDelete if self.editor.text().is_empty() => Some(Input::CtrlD),
            KeyAction::EndOrDelete => self.edit(Key::DeleteRight),
            KeyAction::NextUnread => Some(Input::Next),
            KeyAction::Redraw => {
                self.canvas.resize(screen_size());
                None
            }
            KeyAction::Suspend => {
                self.suspend()?;
                None
            }
            // The full screen's alone; no key here asks for them.
            KeyAction::Previous
            | KeyAction::Next
            | KeyAction::Nth(_)
            | KeyAction::Open
            | KeyAction::People
            | KeyAction::Details
            | KeyAction::SelectAbove
            | KeyAction::SelectBelow
            | KeyAction::Scroll(_)
            | KeyAction::Quit => None,
        })
    }

    /// CTRL-Z: the shell gets the terminal as it was, until it wakes us.
    fn suspend(&mut self) -> io::Result<()> {
        self.canvas.erase();
        self.flush()?;
        self.raw.leave()?;
        raise(SIGTSTP)?;
        self.raw.again()?;
        self.canvas.resize(screen_size());
        Ok(())
    }

    /// `/edit`: the editor gets the terminal as the shell had it. Nobody else reads keys, and nothing is drawn.
    fn lend(&mut self) -> io::Result<()> {
        self.pause.begin(&self.keys)?;
        self.canvas.erase();
        self.flush()?;
        self.raw.leave()?;
        self.lent = Some(external_editor::start()?);
        Ok(())
    }

    /// The terminal is ours again.
    fn take_back(&mut self, written: Written) -> io::Result<Option<Input>> {
        self.lent = None;
        self.raw.again()?;
        self.pause.end();
        self.canvas.resize(screen_size());
        Ok(match written {
            Ok(text) => self.edit(Key::Paste(text)),
            Err(why) => {
                self.canvas.print(&why);
                None
            }
        })
    }

    /// To the clipboard of the terminal (OSC 52), as base64, so that nothing in the text reaches it as a command.
    fn copy(&mut self, text: &str) {
        let _ = write!(self.canvas.pending, "\x1b]52;c;{}\x07", STANDARD.encode(harmless(text)));
        self.canvas.print(&texts::local_commands::copied(text));
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.canvas.pending.is_empty() {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        out.write_all(self.canvas.pending.as_bytes())?;
        self.canvas.pending.clear();
        out.flush()
    }
}

impl Front for Screen {
    async fn next(&mut self) -> io::Result<Option<Input>> {
        if let Some(lent) = &self.lent {
            let written = lent.recv().await.unwrap_or_else(|_| Ok(String::new()));
            return self.take_back(written);
        }
        let event = match self.waiting.pop_front() {
            Some(event) => event,
            None => match self.keys.recv().await {
                Ok(event) => event?,
                Err(_) => return Ok(Some(Input::Stop(crate::app::exit::HANG_UP))),
            },
        };
        match event {
            TerminalEvent::Key(action) => self.pressed(action),
            // Nothing of a paste is carried out. At a question, answers may come ahead of the further ones.
            TerminalEvent::Lines(lines) if self.canvas.prompt.lines == Lines::One && !commands(&lines) => {
                self.waiting.extend(keys::typed(&lines));
                Ok(None)
            }
            TerminalEvent::Lines(lines) => self.pressed(KeyAction::Edit(Key::Paste(lines))),
            TerminalEvent::Resized => {
                self.type_ahead = TypeAhead::Counts;
                self.canvas.resize(screen_size());
                Ok(None)
            }
            TerminalEvent::Focus(_) | TerminalEvent::Click(_) | TerminalEvent::Nothing => Ok(None),
        }
    }

    fn typed(&self) -> &str {
        match self.canvas.prompt.echo {
            Echo::Visible => self.editor.text(),
            Echo::Hidden => "",
        }
    }

    fn hear(&mut self, notice: &Notice) {
        self.completer.hear(notice);
    }

    fn show(&mut self, output: Output) {
        if !matches!(output, Output::Command(_)) {
            self.canvas.meanwhile = SafeText::default();
        }
        match output {
            Output::Meanwhile(what) => self.canvas.meanwhile = what,
            Output::Print(line) => self.canvas.print(line.as_str()),
            Output::Remote(line) => self.canvas.remote(&line),
            Output::Picture(rows) => self.canvas.picture(&rows),
            Output::Prompt(prompt) => {
                self.editor.treat(prompt.echo, prompt.lines, prompt.history.as_deref());
                self.canvas.prompt = prompt;
            }
            Output::Echo(entry) => {
                self.canvas.complete(&entry, "");
                self.editor.remember(&entry);
            }
            Output::Finish(result) => self.canvas.complete(self.editor.text(), result.as_str()),
            Output::Entry(entry) => {
                self.editor.set(&entry);
                self.canvas.mark = None;
            }
            Output::DiscardTypeAhead => {
                self.editor.set("");
                self.canvas.mark = None;
                self.waiting.clear();
                // A failure leaves the whole word that must be typed as the only guard.
                let _ = rustix::termios::tcflush(io::stdin(), rustix::termios::QueueSelector::IFlush);
                if raise(SIGWINCH).is_ok() {
                    self.type_ahead = TypeAhead::Discarded;
                }
            }
            Output::Past { place, entries } => self.editor.recall_earlier(&place, entries),
            Output::Bell => self.canvas.pending.push('\x07'),
            Output::Copy(text) => self.copy(&text),
            Output::Edit => self.wants_editor = true,
            Output::Command(_) | Output::Exit(_) => {}
        }
    }

    fn settle(&mut self, _asks: super::Asks) -> io::Result<()> {
        if self.type_ahead == TypeAhead::Discarded || self.lent.is_some() {
            return Ok(());
        }
        if std::mem::take(&mut self.wants_editor) {
            return self.lend();
        }
        self.canvas.draw(&self.editor);
        self.flush()
    }

    fn close(&mut self) -> io::Result<()> {
        self.canvas.erase();
        self.flush()?;
        self.raw.leave()
    }
}
