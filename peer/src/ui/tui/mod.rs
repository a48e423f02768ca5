//! The full screen: the loop between a user, [`FullScreen`] and the engine, on a screen of its own.
//!
//! A key comes from [`keys`] as what it asks for, goes to the machine, and comes back as [`Output::Edit`] if no layer there
//! has consumed it. [`draw`] says what is on the screen, [`theme`] how it looks, [`osc`] what reaches the user beside it.
//! Nothing here depends on a runtime. What is drawn waits for letters that are there; only cells that differ are written.

mod cells;
mod colours;
mod draw;
mod entry;
mod lending;
mod osc;
mod probe;
mod saved;
mod theme;

use std::collections::VecDeque;
use std::io::{self, Stdout, Write as _};
use std::mem::ManuallyDrop;
use std::path::PathBuf;

use async_channel::Receiver;
use common::limits::MESSAGE_TEXT;
use crossterm::event::KeyEvent;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use signal_hook::consts::SIGWINCH;
use signal_hook::low_level::raise;

use super::completion::Completer;
use super::editor::{Editor, Effect};
use super::event_loop::{Channels, Event, NOTICES_PER_UPDATE, can_move_the_cursor, lost_terminal, now};
use super::external_editor::Written;
use super::keymap::Keymap;
use super::keys::{self, Events, Pause, TerminalEvent, Unmarked};
use super::mark;
use super::raw_mode::{Modes, RawMode};
use crate::app::exit;
use crate::app::grammar::Switch;
use crate::app::keys::{Key, KeyAction, Scroll};
use crate::app::line::{Echo, Options};
use crate::app::sanitise::{Glyphs, SafeText};
use crate::app::screen::{Alerts, Clock, FullScreen, Input, Output, Scene, ScreenOptions, Surface, Target};
use crate::app::texts;
pub(crate) use draw::Widths;
use draw::talk::{self, Scrolled};
use draw::{Drawn, Entry, keypad};
use osc::Mouse;
pub(crate) use osc::Via;
use peer_core::notice::Notification;
pub(crate) use probe::Probe;
pub(crate) use theme::{Look, Theme};

/// Letters that are taken before the screen is drawn, where they have come together. Chosen arbitrarily.
const LETTERS_PER_UPDATE: usize = 1024;
/// Rows that the wheel scrolls.
const WHEEL: isize = 3;

/// How the full screen looks and begins.
#[derive(Debug, Clone)]
pub(crate) struct TuiOptions {
    /// For the entrance.
    pub(crate) session: Options,
    /// Entries remembered per conversation.
    pub(crate) history: usize,
    pub(crate) look: Look,
    /// Whether the terminal is asked how wide it draws our signs.
    pub(crate) probe: Probe,
    pub(crate) widths: Widths,
    pub(crate) keymap: Keymap,
    pub(crate) alerts: Alerts,
    pub(crate) via: Via,
    /// Where files are saved.
    pub(crate) folder: PathBuf,
    pub(crate) clock: Clock,
    /// Whether clicks, wheel and dragging are for this screen from the beginning.
    pub(crate) mouse: bool,
    /// Whether the title of the terminal's window is set.
    pub(crate) title: bool,
}

/// Whether there is a screen for [`run`]; elsewhere the line terminal does.
pub(crate) fn has_a_screen() -> bool {
    can_move_the_cursor()
}

/// Runs the full screen until the user or the engine ends it; returns the exit code.
pub(crate) async fn run(options: TuiOptions, channels: Channels) -> i32 {
    let ended = match Screen::open(&options) {
        Ok(screen) => {
            let of_screen = ScreenOptions {
                alerts: options.alerts,
                keys: options.keymap.explained(),
                clock: options.clock,
                mouse: options.mouse,
            };
            let session = Options { glyphs: screen.look.glyphs, ..options.session };
            converse(channels, screen, session, of_screen).await
        }
        Err(error) => Err(error),
    };
    ended.unwrap_or_else(|error| lost_terminal(&error))
}

async fn converse(
    mut channels: Channels,
    mut screen: Screen,
    options: Options,
    of_screen: ScreenOptions,
) -> io::Result<i32> {
    let (mut full, first) = FullScreen::new(options, of_screen, now());
    let mut ended = screen.carry_out(first, &full, &channels).await?.ended;
    let mut undrawn = 0;
    loop {
        if let Some(code) = ended {
            screen.close()?;
            return Ok(code);
        }
        screen.treat(&full);
        // Letters that arrive together are drawn once.
        if undrawn == 0 || undrawn == LETTERS_PER_UPDATE || screen.keys.is_empty() {
            undrawn = 0;
            screen.draw(&full)?;
        }
        let happened = channels.next(screen.next(), full.deadline(now())).await?;
        let is_letter = matches!(
            &happened,
            Event::Person(Happened::AtTerminal(Some(TerminalEvent::Key(KeyAction::Edit(Key::Insert(_))))))
        );
        let first = match happened {
            Event::Person(Happened::AtTerminal(event)) => screen.happened(event)?,
            Event::Person(Happened::Written(written)) => Some(screen.take_back(written)?),
            // It was meant for the program that has the terminal.
            Event::CtrlC if screen.lent.is_some() || screen.searches(&KeyAction::Interrupt) => None,
            Event::CtrlC => Some(Input::Key(KeyAction::Interrupt)),
            Event::Stop(code) => Some(Input::Stop(code)),
            Event::Notice(answers, notice) => Some(Input::Notice(answers, *notice)),
            Event::EngineGone => Some(Input::EngineGone),
            Event::Tick => Some(Input::Tick),
        };
        let mut inputs: VecDeque<Input> = first.into_iter().collect();
        while inputs.len() < NOTICES_PER_UPDATE
            && let Ok(Notification { answers, notice }) = channels.notices.try_recv()
        {
            inputs.push_back(Input::Notice(answers, notice));
        }
        undrawn = if is_letter && inputs.len() == 1 { undrawn + 1 } else { 0 };
        while let Some(input) = inputs.pop_front() {
            if let Input::Notice(_, notice) = &input {
                screen.completer.hear(notice);
            }
            let output = full.handle(now(), screen.surface(&full), input);
            let carried = screen.carry_out(output, &full, &channels).await?;
            ended = carried.ended.or(ended);
            // What a key comes to is older than the notices.
            carried.inputs.into_iter().rev().for_each(|input| inputs.push_front(input));
        }
    }
}

/// What becomes of keys that were read before what is asked now can be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TypeAhead {
    Counts,
    /// They are forgotten until the next change of the size, real or not: it comes after them.
    Discarded,
}

/// What somebody did.
enum Happened {
    /// At the terminal; nothing once that is gone.
    AtTerminal(Option<TerminalEvent>),
    /// They have left the editor.
    Written(Written),
}

/// What became of outputs.
#[derive(Default)]
struct Carried {
    /// The exit code if that was all.
    ended: Option<i32>,
    inputs: Vec<Input>,
}

/// The terminal, the entry and the keys.
struct Screen {
    /// Never dropped: it would want to show the cursor, and panic where there is nothing left to show it on. [`RawMode`]
    /// gives the cursor back.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<Stdout>>>,
    editor: Editor,
    completer: Completer,
    keys: Events,
    pause: Pause,
    lent: Option<Receiver<Written>>,
    type_ahead: TypeAhead,
    look: Look,
    widths: Widths,
    via: Via,
    folder: PathBuf,
    drawn: Drawn,
    /// Whether the terminal has been asked and has not answered yet: but for characters, what it sends meanwhile is lost.
    probe: Probe,
    mouse: Mouse,
    /// What answers keys where nothing is shown of what is typed.
    mark: Option<&'static str>,
    /// What the title of the terminal's window is, if it is set.
    title: Option<String>,
    farewell: Vec<SafeText>,
    raw: RawMode,
}

impl Screen {
    fn open(options: &TuiOptions) -> io::Result<Self> {
        let raw = RawMode::enter(Modes::Full)?;
        let keymap = options.keymap.clone();
        let pause = Pause::default();
        let action = move |key: &KeyEvent| keymap.action(key);
        let keys = match options.probe {
            Probe::Ask => {
                probe::ask()?;
                keys::listen_behind(probe::read_answers, pause.clone(), Unmarked::Paste, action)?
            }
            Probe::Settled => keys::listen(pause.clone(), Unmarked::Paste, action)?,
        };
        let terminal = ManuallyDrop::new(Terminal::new(CrosstermBackend::new(io::stdout()))?);
        Ok(Self {
            terminal,
            editor: Editor::new(MESSAGE_TEXT, options.history),
            completer: Completer::default(),
            keys,
            pause,
            lent: None,
            type_ahead: TypeAhead::Counts,
            look: options.look,
            widths: options.widths,
            via: options.via,
            folder: options.folder.clone(),
            drawn: Drawn::default(),
            probe: options.probe,
            mouse: Mouse::Terminals,
            mark: None,
            title: options.title.then(String::new),
            farewell: Vec::new(),
            raw,
        })
    }

    /// What somebody does next at the terminal; nothing once that is gone.
    async fn next(&mut self) -> io::Result<Happened> {
        if let Some(lent) = &self.lent {
            // An editor that could not even be started has said so.
            return Ok(Happened::Written(lent.recv().await.unwrap_or_else(|_| Ok(String::new()))));
        }
        let event = self.keys.recv().await.map_or(Ok(None), |event| event.map(Some));
        event.map(Happened::AtTerminal)
    }

    /// What there is to see; secrets are not told.
    fn surface(&self, full: &FullScreen) -> Surface<'_> {
        let typed = match full.prompt() {
            Some(prompt) if prompt.echo == Echo::Visible => self.editor.text(),
            _ => "",
        };
        let Drawn { talk, has_room_for_details, .. } = &self.drawn;
        Surface {
            typed,
            is_blank: self.editor.text().is_empty(),
            rows: talk.height,
            has_room_for_details: *has_room_for_details,
        }
    }

    fn draw(&mut self, full: &FullScreen) -> io::Result<()> {
        if self.type_ahead == TypeAhead::Discarded || self.lent.is_some() {
            return Ok(());
        }
        let scene = full.scene();
        let prompt = full.prompt();
        let searched = self.editor.search().map(|sought| texts::searched(sought, self.editor.has_found()));
        let asked = prompt.as_ref().map_or("", |prompt| prompt.text.as_str());
        let entry = Entry {
            prompt: searched.as_deref().unwrap_or(asked),
            echo: prompt.as_ref().map_or(Echo::Hidden, |prompt| prompt.echo),
            text: self.editor.text(),
            cursor: self.editor.cursor(),
            mark: self.mark,
        };
        let (look, widths) = (self.look, self.widths);
        let mut drawn = Drawn::default();
        self.terminal.draw(|frame| {
            drawn = draw::scene(frame.buffer_mut(), &scene, &entry, look, widths);
            if let Some(place) = drawn.cursor {
                frame.set_cursor_position(place);
            }
        })?;
        // The mouse is the terminal's own, for selecting, but for the keypad and where the user wants it otherwise.
        let wanted = matches!(&scene, Scene::View(view) if view.mouse == Switch::On);
        let is_heard = self.probe == Probe::Settled;
        let mouse = if is_heard && (wanted || drawn.keypad.is_some()) { Mouse::Ours } else { Mouse::Terminals };
        if mouse != self.mouse {
            osc::mouse(mouse)?;
            self.mouse = mouse;
        }
        self.drawn = drawn;
        self.set_title(&scene)
    }

    /// The title of the terminal's window says how much is unread.
    fn set_title(&mut self, scene: &Scene<'_>) -> io::Result<()> {
        let unread = if let Scene::View(view) = scene { view.unread().0 } else { 0 };
        let title = texts::screen::window(unread);
        if let Some(last) = self.title.as_mut().filter(|last| **last != title) {
            crossterm::execute!(io::stdout(), crossterm::terminal::SetTitle(&title))?;
            *last = title;
        }
        Ok(())
    }

    /// What somebody did at the terminal, for the machine.
    fn happened(&mut self, event: Option<TerminalEvent>) -> io::Result<Option<Input>> {
        let Some(event) = event else { return Ok(Some(Input::Stop(exit::HANG_UP))) };
        Ok(match event {
            TerminalEvent::Key(KeyAction::Redraw) => {
                self.redraw()?;
                None
            }
            TerminalEvent::Key(KeyAction::Suspend) => {
                self.suspend()?;
                None
            }
            TerminalEvent::Key(key) if self.searches(&key) => None,
            TerminalEvent::Key(KeyAction::Interrupt) => Some(Input::Key(KeyAction::Interrupt)),
            TerminalEvent::Key(_) if self.type_ahead == TypeAhead::Discarded => None,
            TerminalEvent::Key(key) => Some(Input::Key(key)),
            TerminalEvent::Lines(_) if self.type_ahead == TypeAhead::Discarded => None,
            TerminalEvent::Lines(lines) => Some(Input::Key(KeyAction::Edit(Key::Paste(lines)))),
            TerminalEvent::Click(place) => match self.drawn.keypad {
                Some(area) => keypad::key_at(area, place).map(|key| Input::Key(KeyAction::Edit(key))),
                None => self.drawn.target(place).map(Input::Pointed),
            },
            TerminalEvent::Drag(place) => {
                if let Some(Target::Line(line)) = self.drawn.target(place) {
                    Some(Input::Dragged(line))
                } else {
                    None
                }
            }
            TerminalEvent::Focus(focus) => Some(Input::Focus(focus)),
            TerminalEvent::Resized => {
                self.type_ahead = TypeAhead::Counts;
                // It may be the size again that it was before others, in which the terminal has cut what was there.
                self.redraw()?;
                None
            }
            TerminalEvent::Probed { fits } => {
                self.probe = Probe::Settled;
                self.type_ahead = TypeAhead::Counts;
                (!fits).then(|| {
                    self.look.glyphs = Glyphs::Ascii;
                    Input::Glyphs(Glyphs::Ascii)
                })
            }
            TerminalEvent::Nothing => None,
        })
    }

    /// A key that no layer has consumed; what it comes to.
    fn edit(&mut self, key: Key, full: &FullScreen) -> Option<Input> {
        let effect = self.editor.press(key);
        self.mark = (!self.editor.text().is_empty()).then(|| mark::another(self.mark));
        match effect {
            Effect::Entered(line) => Some(Input::Line(line)),
            Effect::Complete(tab) => {
                full.prompt().and_then(|prompt| self.completer.press(tab, &mut self.editor, &prompt)).map(Input::Tell)
            }
            Effect::TooLong(bytes) => Some(Input::Tell(texts::too_long(bytes))),
            Effect::Full(bytes) => Some(Input::Tell(texts::full(bytes))),
            Effect::Pasted(lines) => Some(Input::Tell(texts::pasted(lines))),
            Effect::None => None,
        }
    }

    /// Where the conversation stands after it was moved.
    fn scrolled(&self, scroll: Scroll, full: &FullScreen) -> Vec<Input> {
        let Scene::View(view) = full.scene() else { return Vec::new() };
        let Some(chat) = view.current_chat() else { return Vec::new() };
        let page = isize::try_from(self.drawn.talk.height.saturating_sub(2).max(1)).unwrap_or(1);
        let by = match scroll {
            Scroll::Up => page,
            Scroll::Down => -page,
            Scroll::WheelUp => WHEEL,
            Scroll::WheelDown => -WHEEL,
            Scroll::Top => isize::MAX,
            Scroll::End => isize::MIN,
            Scroll::Unread => {
                let news = chat.news.map(|_| talk::to_unread(view, chat, self.drawn.talk, self.look));
                return news.map(Input::Scrolled).into_iter().collect();
            }
        };
        match talk::scrolled(view, chat, self.drawn.talk, self.look, by) {
            Scrolled::To(anchor) => vec![Input::Scrolled(anchor)],
            Scrolled::Top(anchor) => vec![Input::Scrolled(anchor), Input::Older],
        }
    }

    async fn carry_out(&mut self, outputs: Vec<Output>, full: &FullScreen, channels: &Channels) -> io::Result<Carried> {
        let mut carried = Carried::default();
        for output in outputs {
            match output {
                // An engine that is gone says so by closing its notices.
                Output::Command(command) => channels.command(command).await,
                Output::Edit(key) => carried.inputs.extend(self.edit(key, full)),
                Output::Scroll(scroll) => carried.inputs.extend(self.scrolled(scroll, full)),
                Output::Entry(entry) => {
                    self.editor.set(&entry);
                    self.mark = None;
                }
                Output::Copy(text) => osc::copy(&text)?,
                Output::Save { name, text } => {
                    carried.inputs.push(Input::Tell(saved::told(&self.folder, &name, &text)));
                }
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
                Output::LendToEditor => self.lend()?,
                Output::Farewell(line) => self.farewell.push(line),
                Output::Exit(code) => carried.ended = Some(code),
            }
        }
        Ok(carried)
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
