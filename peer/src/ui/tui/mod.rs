//! The full screen: the loop between a person, [`FullScreen`] and the engine, on a screen of its own.
//!
//! [`keys`] says what keys mean and [`bindings`] which ones, [`draw`] what is on the screen, [`look`] how it looks,
//! [`osc`] what reaches the person beside it. Nothing here depends on a runtime; the screen is drawn anew after every
//! input, and only cells that differ are written.

mod bindings;
mod cells;
mod draw;
mod keys;
mod osc;
mod theme;

use std::io::{self, Stdout, Write as _};

use async_channel::Receiver;
use common::limits::MESSAGE_TEXT;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use signal_hook::consts::{SIGTSTP, SIGWINCH};
use signal_hook::low_level::raise;

use super::completion::Completer;
use super::editor::{Editor, Effect, Key};
use super::event_loop::{Channels, Event, NOTICES_PER_UPDATE, can_move_the_cursor, lost_terminal, now};
use super::raw_mode::{Modes, RawMode};
use crate::app::exit;
use crate::app::line::{Echo, Options};
use crate::app::sanitise::SafeText;
use crate::app::screen::{Action, Alerts, FullScreen, Input, Output, Overlay, Scene, View};
use crate::app::texts;
pub(crate) use bindings::Bindings;
pub(crate) use draw::Widths;
use draw::talk::{self, Scrolled};
use draw::{Drawn, Entry, keypad};
use keys::Press;
use osc::Mouse;
pub(crate) use osc::Via;
use peer_core::notice::Notification;
pub(crate) use theme::{Look, Theme};

/// How the full screen looks and begins.
#[derive(Debug, Clone)]
pub(crate) struct TuiOptions {
    /// For the entrance.
    pub(crate) session: Options,
    /// Entries remembered per conversation.
    pub(crate) history: usize,
    pub(crate) look: Look,
    pub(crate) widths: Widths,
    pub(crate) bindings: Bindings,
    pub(crate) alerts: Alerts,
    pub(crate) via: Via,
}

/// Whether there is a screen for [`run`]; elsewhere the line terminal does.
pub(crate) fn has_a_screen() -> bool {
    can_move_the_cursor()
}

/// Runs the full screen until the person or the engine ends it; returns the exit code.
pub(crate) async fn run(options: TuiOptions, channels: Channels) -> i32 {
    let ended = match Screen::open(&options) {
        Ok(screen) => converse(channels, screen, options.session, options.alerts).await,
        Err(error) => Err(error),
    };
    ended.unwrap_or_else(|error| lost_terminal(&error))
}

async fn converse(channels: Channels, mut screen: Screen, options: Options, alerts: Alerts) -> io::Result<i32> {
    let (mut full, first) = FullScreen::new(options, alerts, now());
    let mut ended = screen.carry_out(first, &channels).await?;
    loop {
        if let Some(code) = ended {
            screen.close()?;
            return Ok(code);
        }
        screen.draw(&full)?;
        let mut inputs = match channels.next(screen.next(), full.deadline(now())).await? {
            Event::Person(press) => screen.pressed(press, &full)?,
            Event::CtrlC => vec![Input::CtrlC],
            Event::Stop(code) => vec![Input::Stop(code)],
            Event::Notice(notice) => vec![Input::Notice(notice)],
            Event::EngineGone => vec![Input::EngineGone],
            Event::Tick => vec![Input::Tick],
        };
        while inputs.len() < NOTICES_PER_UPDATE
            && let Ok(Notification { notice, .. }) = channels.notices.try_recv()
        {
            inputs.push(Input::Notice(notice));
        }
        for input in inputs {
            if let Input::Notice(notice) = &input {
                screen.completer.hear(notice);
            }
            let output = full.handle(now(), screen.typed(&full), input);
            ended = screen.carry_out(output, &channels).await?.or(ended);
        }
    }
}

/// What a key asks for while a message is selected, or what was found is walked through.
fn on_messages(view: &View, key: &Key) -> Option<Action> {
    let finding = view.overlay == Some(Overlay::Found);
    match key {
        Key::Insert('n') if finding || view.has_selection() => Some(Action::FoundOlder),
        Key::Insert('N') if finding || view.has_selection() => Some(Action::FoundNewer),
        Key::Insert(_) | Key::Paste(_) if finding => Some(Action::Escape),
        _ if !view.has_selection() => None,
        Key::Insert('c') => Some(Action::Copy),
        Key::Insert('r') => Some(Action::Reply),
        Key::Enter => Some(Action::Inspect),
        Key::Escape => Some(Action::Escape),
        _ => Some(Action::Unselect),
    }
}

/// What becomes of keys that were read before what is asked now can be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TypeAhead {
    Counts,
    /// They are forgotten until the next change of the size, real or not: it comes after them.
    Discarded,
}

/// The terminal, the entry and the keys.
struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    editor: Editor,
    completer: Completer,
    keys: Receiver<io::Result<Press>>,
    type_ahead: TypeAhead,
    look: Look,
    widths: Widths,
    via: Via,
    drawn: Drawn,
    /// As it was last set.
    title: String,
    farewell: Vec<SafeText>,
    raw: RawMode,
}

impl Screen {
    fn open(options: &TuiOptions) -> io::Result<Self> {
        let raw = RawMode::enter(Modes::Full)?;
        let keys = super::keys::listen({
            let bindings = options.bindings.clone();
            move |event| keys::press(event, &bindings)
        })?;
        let terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
        Ok(Self {
            terminal,
            editor: Editor::new(MESSAGE_TEXT, options.history),
            completer: Completer::default(),
            keys,
            type_ahead: TypeAhead::Counts,
            look: options.look,
            widths: options.widths,
            via: options.via,
            drawn: Drawn::default(),
            title: String::new(),
            farewell: Vec::new(),
            raw,
        })
    }

    async fn next(&self) -> io::Result<Press> {
        self.keys.recv().await.unwrap_or(Ok(Press::Gone))
    }

    /// What is being typed; secrets are not told.
    fn typed(&self, full: &FullScreen) -> &str {
        match full.prompt() {
            Some(prompt) if prompt.echo == Echo::Visible => self.editor.text(),
            _ => "",
        }
    }

    fn draw(&mut self, full: &FullScreen) -> io::Result<()> {
        if self.type_ahead == TypeAhead::Discarded {
            return Ok(());
        }
        let scene = full.scene();
        let prompt = full.prompt();
        if let Some(prompt) = &prompt {
            self.editor.treat(prompt.echo, prompt.lines, prompt.history.as_deref());
        }
        let entry = Entry {
            prompt: prompt.as_ref().map_or("", |prompt| prompt.text.as_str()),
            echo: prompt.as_ref().map_or(Echo::Hidden, |prompt| prompt.echo),
            text: self.editor.text(),
            cursor: self.editor.cursor(),
        };
        let (look, widths) = (self.look, self.widths);
        let mut drawn = Drawn::default();
        self.terminal.draw(|frame| {
            drawn = draw::scene(frame.buffer_mut(), &scene, &entry, look, widths);
            if let Some(place) = drawn.cursor {
                frame.set_cursor_position(place);
            }
        })?;
        // The mouse is the terminal's own, for selecting, but for the keypad.
        if drawn.keypad.is_some() != self.drawn.keypad.is_some() {
            osc::mouse(if drawn.keypad.is_some() { Mouse::Ours } else { Mouse::Terminals })?;
        }
        self.drawn = drawn;
        self.set_title(&scene)
    }

    /// The title of the terminal's window says how much is unread.
    fn set_title(&mut self, scene: &Scene<'_>) -> io::Result<()> {
        let unread = if let Scene::View(view) = scene { view.unread().0 } else { 0 };
        let title = texts::screen::window(unread);
        if title != self.title {
            crossterm::execute!(io::stdout(), crossterm::terminal::SetTitle(&title))?;
            self.title = title;
        }
        Ok(())
    }

    /// What a key means where the scene is.
    fn pressed(&mut self, press: Press, full: &FullScreen) -> io::Result<Vec<Input>> {
        let discarded = self.type_ahead == TypeAhead::Discarded;
        let input = match press {
            Press::Edit(_) | Press::EndOrDelete | Press::Do(_) | Press::Scroll(_) if discarded => None,
            Press::Edit(key) => return Ok(self.edit(key, full)),
            Press::EndOrDelete if self.editor.text().is_empty() => Some(Input::CtrlD),
            Press::EndOrDelete => return Ok(self.edit(Key::DeleteRight, full)),
            Press::Interrupt => Some(Input::CtrlC),
            Press::Do(action) => Some(Input::Do(action)),
            Press::Scroll(scroll) => return Ok(self.scrolled(scroll, full)),
            Press::Click(place) => {
                let key = self.drawn.keypad.and_then(|area| keypad::key_at(area, place));
                return Ok(key.map(|key| self.edit(key, full)).unwrap_or_default());
            }
            Press::Focus(focus) => Some(Input::Focus(focus)),
            Press::Gone => Some(Input::Stop(exit::HANG_UP)),
            Press::Resized => {
                self.type_ahead = TypeAhead::Counts;
                None
            }
            Press::Redraw => {
                self.redraw()?;
                None
            }
            Press::Suspend => {
                self.suspend()?;
                None
            }
            Press::Nothing => None,
        };
        Ok(input.into_iter().collect())
    }

    fn edit(&mut self, key: Key, full: &FullScreen) -> Vec<Input> {
        let above = matches!(full.scene(), Scene::View(view) if view.overlay.is_some());
        if let Scene::View(view) = full.scene()
            && let Some(action) = on_messages(view, &key)
        {
            let mut inputs = vec![Input::Do(action)];
            if action == Action::Unselect {
                inputs.extend(self.edit_entry(key, full));
            }
            return inputs;
        }
        match key {
            Key::Older if above => return vec![Input::Do(Action::Up)],
            Key::Newer if above => return vec![Input::Do(Action::Down)],
            // The ends of the conversation, where there is no entry to go to the ends of.
            Key::Start if self.editor.text().is_empty() => return self.scrolled(keys::Scroll::Top, full),
            Key::End if self.editor.text().is_empty() => return self.scrolled(keys::Scroll::End, full),
            _ => {}
        }
        self.edit_entry(key, full)
    }

    fn edit_entry(&mut self, key: Key, full: &FullScreen) -> Vec<Input> {
        let escape = key == Key::Escape;
        match self.editor.press(key) {
            Effect::Entered(line) => vec![Input::Line(line)],
            Effect::Complete(_) if self.editor.text().is_empty() => vec![Input::Do(Action::People)],
            Effect::Complete(tab) => {
                let list = full.prompt().and_then(|prompt| self.completer.press(tab, &mut self.editor, &prompt));
                list.map(Input::Tell).into_iter().collect()
            }
            Effect::TooLong(bytes) => vec![Input::Tell(texts::too_long(bytes))],
            Effect::Pasted(lines) => vec![Input::Tell(texts::pasted(lines))],
            Effect::None if escape => vec![Input::Do(Action::Escape)],
            Effect::None => Vec::new(),
        }
    }

    fn scrolled(&self, scroll: keys::Scroll, full: &FullScreen) -> Vec<Input> {
        let Scene::View(view) = full.scene() else { return Vec::new() };
        let page = isize::try_from(self.drawn.talk.height.saturating_sub(2).max(1)).unwrap_or(1);
        let by = match scroll {
            keys::Scroll::Up => page,
            keys::Scroll::Down => -page,
            keys::Scroll::Top => isize::MAX,
            keys::Scroll::End => isize::MIN,
            keys::Scroll::Unread => {
                let chat = view.current_chat().filter(|chat| chat.news.is_some());
                let to = chat.map(|chat| talk::to_unread(view, chat, self.drawn.talk, self.look));
                return to.map(Input::Scrolled).into_iter().collect();
            }
        };
        if view.page().is_some() {
            let action = if by > 0 { Action::Up } else { Action::Down };
            return (0..page).map(|_| Input::Do(action)).collect();
        }
        let Some(chat) = view.current_chat() else { return Vec::new() };
        match talk::scrolled(view, chat, self.drawn.talk, self.look, by) {
            Scrolled::To(anchor) => vec![Input::Scrolled(anchor)],
            Scrolled::Top(anchor) => vec![Input::Scrolled(anchor), Input::Older],
        }
    }

    /// Returns the exit code if that is all.
    async fn carry_out(&mut self, outputs: Vec<Output>, channels: &Channels) -> io::Result<Option<i32>> {
        let mut ended = None;
        for output in outputs {
            match output {
                // An engine that is gone says so by closing its notices.
                Output::Command(command) => channels.command(command).await,
                Output::Entry(entry) => self.editor.set(&entry),
                Output::Copy(text) => osc::copy(&text)?,
                Output::Bell => osc::ring()?,
                Output::Announce(words) => self.via.announce(&words)?,
                Output::Remember(entry) => self.editor.remember(&entry),
                Output::DiscardTypeAhead => {
                    self.editor.set("");
                    // A failure leaves the whole word that must be typed as the only guard.
                    let _ = rustix::termios::tcflush(io::stdin(), rustix::termios::QueueSelector::IFlush);
                    if raise(SIGWINCH).is_ok() {
                        self.type_ahead = TypeAhead::Discarded;
                    }
                }
                Output::Farewell(line) => self.farewell.push(line),
                Output::Exit(code) => ended = Some(code),
            }
        }
        Ok(ended)
    }

    /// CTRL-Z: the shell gets the terminal as it was, until it wakes us.
    fn suspend(&mut self) -> io::Result<()> {
        self.raw.leave()?;
        raise(SIGTSTP)?;
        self.raw.again()?;
        self.title.clear();
        self.drawn = Drawn::default();
        self.redraw()
    }

    /// Every cell is written at the next draw. `Terminal::clear` would ask the terminal where the cursor is, and wait for
    /// an answer that whoever reads the keys may take.
    fn redraw(&mut self) -> io::Result<()> {
        let size = self.terminal.size()?;
        self.terminal.resize(size.into())
    }

    /// Gives the terminal back and says what is left to say.
    fn close(&mut self) -> io::Result<()> {
        self.raw.leave()?;
        let mut out = io::stdout().lock();
        for line in &self.farewell {
            writeln!(out, "{}", line.as_str())?;
        }
        out.flush()
    }
}
