//! Questions of commands that run and end. They go to the error output, because the output carries results only; the
//! answers are lines of the input.

use std::io::{self, Write as _};
use std::sync::Arc;

use common::secret::Passcode;
use zeroize::Zeroizing;

use crate::app::exit;
use crate::app::line::Questions;
use crate::app::sanitise::SafeText;
use crate::app::texts;
use crate::app::texts::failure::{self, Report};
use crate::signals::{self, Terminal};
use crate::ui::TerminalEcho;
use crate::ui::event_loop::Interrupt;
use crate::ui::hang_up;
use peer_core::command::Answer;
use peer_core::notice::Failure;

/// Somebody who can be asked.
#[derive(Debug)]
pub(super) struct Person {
    questions: Questions,
    echo: Arc<TerminalEcho>,
}

impl Person {
    /// From now on a signal ends the program, and the terminal shows again what is typed (threat T5).
    pub(super) fn new(questions: Questions) -> Result<Self, Report> {
        let echo = Arc::new(TerminalEcho::of_stdin().map_err(lost)?);
        let interrupts = signals::listen(Terminal::Needed).map_err(lost)?;
        let restored = Arc::clone(&echo);
        let end = move || {
            let Ok(interrupt) = interrupts.recv_blocking() else { return };
            // Nobody is left to be told.
            let _ = restored.on();
            std::process::exit(match interrupt {
                Interrupt::CtrlC => exit::INTERRUPT,
                Interrupt::Terminate => exit::TERMINATE,
                Interrupt::HangUp => exit::HANG_UP,
            });
        };
        std::thread::Builder::new().name("interrupts".to_owned()).spawn(end).map_err(lost)?;
        Ok(Self { questions, echo })
    }

    /// Tells something.
    pub(super) fn told(&self, line: &str) {
        // Whoever closed the error output does not want to know; a question notices.
        let _ = writeln!(io::stderr(), "{}", SafeText::ours(line).as_str());
    }

    /// Asks for a line.
    pub(super) fn asked(&self, question: &str) -> Result<String, Report> {
        Ok(self.line(question)?.trim().to_owned())
    }

    /// Asks a question of security: what was typed before it could be seen is no answer, and neither is anything but a
    /// whole word. What a script has written counts.
    pub(super) fn decides(&self, question: &str) -> Result<Answer, Report> {
        self.echo.discard_input();
        loop {
            match self.asked(question)?.to_lowercase().as_str() {
                "yes" => return Ok(Answer::Yes),
                "no" => return Ok(Answer::No),
                _ => {}
            }
        }
    }

    /// Asks for a passcode, which is not shown.
    pub(super) fn asked_hidden(&self, question: &str) -> Result<Passcode, Report> {
        self.echo.off().map_err(lost)?;
        let line = self.line(question);
        self.echo.on().map_err(lost)?;
        if self.echo.is_terminal() {
            self.told("");
        }
        Ok(Passcode::new(line?.trim_end_matches(['\r', '\n']).to_owned()))
    }

    /// Asks for a new passcode twice, and again as long as something is wrong with it.
    pub(super) fn chooses(
        &self,
        question: &str,
        unfit: impl Fn(&Passcode) -> Option<String>,
    ) -> Result<Passcode, Report> {
        loop {
            let first = self.asked_hidden(question)?;
            if let Some(why) = unfit(&first) {
                self.told(&why);
            } else if self.asked_hidden(texts::AGAIN)?.expose() == first.expose() {
                return Ok(first);
            } else {
                self.told(texts::DIFFERENT);
            }
        }
    }

    fn line(&self, question: &str) -> Result<Zeroizing<String>, Report> {
        if self.questions == Questions::Forbidden {
            return Err(Report { lines: vec![texts::no_input(question)], exit: exit::USAGE });
        }
        write!(io::stderr(), "{}", SafeText::ours(question).as_str()).map_err(lost)?;
        io::stderr().flush().map_err(lost)?;
        let mut line = Zeroizing::new(String::new());
        match io::stdin().read_line(&mut line).map_err(lost)? {
            0 if hang_up::is_gone() => Err(Report { lines: Vec::new(), exit: exit::HANG_UP }),
            0 => Err(Report { lines: vec![texts::no_answer(question)], exit: exit::USAGE }),
            _ => Ok(line),
        }
    }
}

fn lost(error: io::Error) -> Report {
    if hang_up::is_gone() {
        return Report { lines: Vec::new(), exit: exit::HANG_UP };
    }
    failure::undated(&Failure::Io { path: "the terminal".to_owned(), detail: error.to_string() })
}
