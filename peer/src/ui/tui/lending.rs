//! Who has the terminal: the full screen, an editor, or the shell, and how it is taken over again.

use std::io;

use signal_hook::consts::SIGTSTP;
use signal_hook::low_level::raise;

use super::{Drawn, Mouse, Screen};
use crate::app::keys::{Key, KeyAction};
use crate::app::screen::Input;
use crate::ui::external_editor::{self, Written};

impl Screen {
    /// `/edit`: the editor gets the terminal as the shell had it. Nobody else reads keys, and nothing is drawn.
    pub(super) fn lend(&mut self) -> io::Result<()> {
        self.pause.begin(&self.keys)?;
        self.raw.leave()?;
        self.lent = Some(external_editor::start()?);
        Ok(())
    }

    /// The terminal is ours again; what was written is for the entry.
    pub(super) fn take_back(&mut self, written: Written) -> io::Result<Input> {
        self.lent = None;
        self.take_over()?;
        self.pause.end();
        Ok(match written {
            Ok(text) => Input::Key(KeyAction::Edit(Key::Paste(text))),
            Err(why) => Input::Tell(why),
        })
    }

    /// CTRL-Z: the shell gets the terminal as it was, until it wakes us.
    pub(super) fn suspend(&mut self) -> io::Result<()> {
        self.raw.leave()?;
        raise(SIGTSTP)?;
        self.take_over()
    }

    /// After another program has had the terminal everything is set and drawn again.
    fn take_over(&mut self) -> io::Result<()> {
        self.raw.again()?;
        self.mouse = Mouse::Terminals;
        self.title.as_mut().into_iter().for_each(String::clear);
        self.drawn = Drawn::default();
        self.redraw()
    }

    /// Every cell is written at the next draw. `Terminal::clear` would ask the terminal where the cursor is, and wait for
    /// an answer that whoever reads the keys may take.
    pub(super) fn redraw(&mut self) -> io::Result<()> {
        let size = self.terminal.size()?;
        self.terminal.resize(size.into())
    }
}
