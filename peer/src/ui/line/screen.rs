//! The line terminal on a terminal that can move its cursor: one entry at the bottom, everything else above it in the
//! terminal's own scrollback.
//!
//! Each update is one write: erase the entry, print what is new, draw the entry again. Rows are cut here, not by the
//! terminal, so that it is known where the entry begins.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{self, Write};

use async_channel::Receiver;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use signal_hook::consts::{SIGTSTP, SIGWINCH};
use signal_hook::low_level::raise;

use super::canvas::Canvas;
use super::paint::Paint;
use super::{Front, Pastes};
use crate::app::keys::{Key, KeyAction};
use crate::app::line::{Echo, Input, Lines, Output};
use crate::app::sanitise::{Glyphs, SafeText, harmless};
use crate::app::texts;
use crate::ui::completion::Completer;
use crate::ui::editor::{Editor, Effect};
use crate::ui::event_loop::screen_size;
use crate::ui::external_editor::{self, Written};
use crate::ui::keymap::entry_action;
use crate::ui::keys::{self, Events, Pause, TerminalEvent, Unmarked};
use crate::ui::mark;
use crate::ui::pastes::commands;
use crate::ui::raw_mode::{Modes, RawMode};
use peer_core::notice::Notice;

/// Letters taken in one update, so that a flood of them does not keep the other side waiting. Chosen arbitrarily.
const LETTERS_PER_UPDATE: usize = 1024;

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
    pub(super) fn open(editor: Editor, pastes: Pastes, paint: Paint, glyphs: Glyphs) -> io::Result<Self> {
        let raw = RawMode::enter(Modes::Line)?;
        let pause = Pause::default();
        let unmarked = match pastes {
            Pastes::PointedOut => Unmarked::Paste,
            Pastes::Silent => Unmarked::Typed,
        };
        let keys = keys::listen(pause.clone(), unmarked, entry_action)?;
        let canvas = Canvas::new(screen_size(), paint, glyphs);
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
        self.canvas.mark = (!self.editor.text().is_empty()).then(|| mark::another(self.canvas.mark));
        match effect {
            Effect::None => None,
            Effect::Entered(line) => Some(Input::Line(line)),
            Effect::Pasted(lines) => {
                if self.pastes == Pastes::PointedOut {
                    self.canvas.notice(&texts::pasted(lines));
                }
                None
            }
            Effect::Complete(tab) => {
                if let Some(list) = self.completer.press(tab, &mut self.editor, &self.canvas.prompt) {
                    self.canvas.notice(SafeText::ours(&list).as_str());
                }
                None
            }
            Effect::TooLong(bytes) => {
                self.canvas.notice(&texts::too_long(bytes));
                None
            }
            Effect::Full(bytes) => {
                self.canvas.notice(&texts::full(bytes));
                None
            }
        }
    }

    /// Takes a letter and those that have come with it: what arrives together is drawn once.
    fn typed_together(&mut self, first: TerminalEvent) -> io::Result<Option<Input>> {
        let mut event = first;
        for _ in 0..LETTERS_PER_UPDATE {
            let TerminalEvent::Key(action @ KeyAction::Edit(Key::Insert(_))) = event else {
                self.waiting.push_front(event);
                return Ok(None);
            };
            if let Some(input) = self.pressed(action)? {
                return Ok(Some(input));
            }
            event = match self.waiting.pop_front() {
                Some(event) => event,
                None => match self.keys.try_recv() {
                    Ok(event) => event?,
                    Err(_) => return Ok(None),
                },
            };
        }
        self.waiting.push_front(event);
        Ok(None)
    }

    fn pressed(&mut self, action: KeyAction) -> io::Result<Option<Input>> {
        let discarded = self.type_ahead == TypeAhead::Discarded;
        Ok(match action {
            KeyAction::Edit(_) | KeyAction::EndOrDelete | KeyAction::NextUnread if discarded => None,
            KeyAction::Edit(key) => self.edit(key),
            KeyAction::Interrupt => self.interrupted(),
            KeyAction::EndOrDelete if self.editor.search().is_some() && !self.editor.has_found() => {
                self.edit(Key::Escape)
            }
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
                self.canvas.notice(&why);
                None
            }
        })
    }

    /// To the clipboard of the terminal (OSC 52), as base64, so that nothing in the text reaches it as a command.
    fn copy(&mut self, text: &str) {
        let _ = write!(self.canvas.pending, "\x1b]52;c;{}\x07", STANDARD.encode(harmless(text)));
        self.canvas.notice(&texts::local_commands::copied(text));
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
            TerminalEvent::Key(KeyAction::Edit(Key::Insert(_))) => self.typed_together(event),
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
            TerminalEvent::Focus(_)
            | TerminalEvent::Click(_)
            | TerminalEvent::Drag(_)
            | TerminalEvent::Probed { .. }
            | TerminalEvent::Nothing => Ok(None),
        }
    }

    fn interrupted(&mut self) -> Option<Input> {
        // It closes the search, and nothing else.
        if self.editor.search().is_some() { self.edit(Key::Escape) } else { Some(Input::CtrlC) }
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
            Output::Print(line) => self.canvas.notice(line.as_str()),
            Output::Earlier(line) => self.canvas.earlier(&line),
            Output::Remote { line, name } => self.canvas.remote(&line, name.as_deref()),
            Output::Progress { number, row: Some(row), percent, .. } => {
                self.canvas.progress.insert(number, (row, percent));
            }
            Output::Progress { number, row: None, .. } => drop(self.canvas.progress.remove(&number)),
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
