//! Before the session: who logs in, registration, passcode, invitation, first contact with a directory.

use common::ident::{BadUserId, UserId};
use common::msg::Registration;
use common::secret::Passcode;

use super::session::Session;
use super::stage::Stage;
use super::{Echo, Input, Lines, Start, State};
use crate::app::{exit, grammar, texts};
use peer_core::command::{Answer, Command, SessionCommand};
use peer_core::notice::{LoginRefused, Notice, SessionNotice};

/// Where in the entrance the person stands.
#[derive(Debug)]
pub(super) enum Entrance {
    Login,
    Identifying { user: UserId },
    Trust { user: UserId },
    Register(Newcomer),
    NewPasscode(Newcomer),
    Again { newcomer: Newcomer, first: Passcode },
    Registering { newcomer: Newcomer, passcode: Passcode },
    Passcode { user: UserId, passcode_min: u16 },
    LoggingIn { user: UserId, passcode: Passcode, passcode_min: u16 },
    Join,
    Joining,
}

/// Somebody about to be registered.
#[derive(Debug)]
pub(super) struct Newcomer {
    user: UserId,
    passcode_min: u16,
    /// The directory that the invitation named; absent without invitation.
    invited_by: Option<String>,
}

impl Entrance {
    pub(super) fn begin(stage: &mut Stage) -> State {
        match (stage.options.start, stage.options.user.clone()) {
            (Start::Join, _) => Self::Join.ask(stage),
            (Start::Login, Some(user)) => identify(user, stage),
            (Start::Login, None) => Self::Login.ask(stage),
        }
    }

    pub(super) fn asks(&self) -> bool {
        match self {
            Self::Identifying { .. } | Self::Registering { .. } | Self::LoggingIn { .. } | Self::Joining => false,
            Self::Login
            | Self::Trust { .. }
            | Self::Register(_)
            | Self::NewPasscode(_)
            | Self::Again { .. }
            | Self::Passcode { .. }
            | Self::Join => true,
        }
    }

    pub(super) fn step(self, input: Input, stage: &mut Stage) -> State {
        match input {
            Input::Line(line) => self.line(line, stage),
            Input::CtrlC => self.ctrl_c(stage),
            Input::CtrlD | Input::End if self.asks() => self.ctrl_d(stage),
            Input::Notice(notice) => self.notice(notice, stage),
            Input::CtrlD | Input::End | Input::Tick | Input::Next | Input::Stop(_) | Input::EngineGone => {
                State::Entrance(self)
            }
        }
    }

    fn ctrl_c(self, stage: &mut Stage) -> State {
        stage.abandon_entry();
        match self {
            Self::Trust { user } => trust(user, Answer::No, stage),
            Self::Register(newcomer) | Self::NewPasscode(newcomer) | Self::Again { newcomer, .. }
                if newcomer.invited_by.is_none() =>
            {
                Self::Login.ask(stage)
            }
            _ => stage.exit(exit::INTERRUPT),
        }
    }

    fn ctrl_d(self, stage: &mut Stage) -> State {
        stage.abandon_entry();
        match self {
            Self::Trust { user } => trust(user, Answer::No, stage),
            Self::NewPasscode(newcomer) | Self::Again { newcomer, .. } if newcomer.invited_by.is_none() => {
                Self::Login.ask(stage)
            }
            _ => {
                let code = stage.exit_at_end_of_input;
                stage.exit(code)
            }
        }
    }

    fn line(self, line: String, stage: &mut Stage) -> State {
        match self {
            Self::Login => {
                stage.echo(&line);
                match grammar::user_id(&line) {
                    Ok(user) => return identify(user, stage),
                    Err(BadUserId::Empty) => {}
                    Err(why) => stage.say(&texts::not_an_id(why)),
                }
                Self::Login.ask(stage)
            }
            Self::Trust { user } => {
                stage.echo(&line);
                match line.trim().to_lowercase().as_str() {
                    "yes" => trust(user, Answer::Yes, stage),
                    "no" => trust(user, Answer::No, stage),
                    _ => Self::Trust { user }.ask(stage),
                }
            }
            Self::Register(newcomer) => {
                stage.echo(&line);
                match line.trim().to_lowercase().as_str() {
                    "" | "y" | "yes" => newcomer.choose_passcode(stage),
                    "n" | "no" => Self::Login.ask(stage),
                    _ => Self::Register(newcomer).ask(stage),
                }
            }
            Self::Join => {
                stage.echo(&line);
                if line.trim().is_empty() {
                    return Self::Join.ask(stage);
                }
                stage.no_prompt(Echo::Hidden);
                stage.command(Command::Session(SessionCommand::Invitation { line: line.trim().to_owned() }));
                State::Entrance(Self::Joining)
            }
            hidden => hidden.passcode(Passcode::new(line), stage),
        }
    }

    /// A hidden line at one of the three passcode prompts; an empty one is ignored.
    fn passcode(self, passcode: Passcode, stage: &mut Stage) -> State {
        match self {
            ignored if passcode.is_empty() => State::Entrance(ignored),
            Self::NewPasscode(newcomer) => {
                stage.finish("");
                if newcomer.finds_too_short(&passcode) {
                    stage.say(&texts::too_short(newcomer.passcode_min));
                    return Self::NewPasscode(newcomer).ask(stage);
                }
                Self::Again { newcomer, first: passcode }.ask(stage)
            }
            Self::Again { newcomer, first } => {
                stage.finish("");
                if first.expose() != passcode.expose() {
                    stage.say(texts::DIFFERENT);
                    return Self::NewPasscode(newcomer).ask(stage);
                }
                newcomer.register(passcode, stage)
            }
            Self::Passcode { user, passcode_min } => log_in(user, passcode, passcode_min, stage),
            other => State::Entrance(other),
        }
    }

    fn notice(self, notice: Notice, stage: &mut Stage) -> State {
        match (self, notice) {
            (Self::Identifying { user }, Notice::Session(SessionNotice::FirstContact { server, key })) => {
                stage.discard_type_ahead();
                stage.say(&texts::first_contact(&server, &key));
                Self::Trust { user }.ask(stage)
            }
            (
                Self::Identifying { .. },
                Notice::Session(SessionNotice::Identified { user, known, registration, passcode_min }),
            ) => {
                if known == Some(false) && registration == Registration::Open {
                    return Self::Register(Newcomer { user, passcode_min, invited_by: None }).ask(stage);
                }
                ask_passcode(user, passcode_min, stage)
            }
            (Self::Joining, Notice::Session(SessionNotice::InviteProved { user, server, key, passcode_min })) => {
                stage.say(&texts::invite_proved(&key));
                Newcomer { user, passcode_min, invited_by: Some(server) }.choose_passcode(stage)
            }
            (Self::Registering { newcomer, passcode }, Notice::Session(SessionNotice::Registered { user, server })) => {
                let passcode_min = newcomer.passcode_min;
                stage.say(&match newcomer.invited_by {
                    None => texts::registered(&user),
                    Some(_) => texts::registered_by_invite(&user, &server),
                });
                // The engine logs in with the passcode just given, so this line is printed complete.
                stage.prompt(texts::PASSCODE, Echo::Hidden, Lines::One, None);
                State::Entrance(Self::LoggingIn { user, passcode, passcode_min })
            }
            (Self::Registering { newcomer, .. }, Notice::Session(SessionNotice::RegisterRefused { user, why })) => {
                let server = newcomer.invited_by.unwrap_or_else(|| stage.options.server.clone());
                stage.say(&texts::register_refused(&user, &server, why));
                stage.exit_at_end_of_input = exit::LOGIN_REFUSED;
                if stage.options.passcode.is_some() { stage.exit(exit::LOGIN_REFUSED) } else { Self::Login.ask(stage) }
            }
            (Self::LoggingIn { user, passcode, passcode_min }, Notice::Session(SessionNotice::LoggedIn { .. })) => {
                stage.finish(texts::LOGGED_IN);
                Session::begin(user, passcode, passcode_min, stage)
            }
            (Self::LoggingIn { user, passcode_min, .. }, Notice::Session(SessionNotice::LoginRefused { why, .. })) => {
                login_refused(user, passcode_min, why, stage)
            }
            (unmoved, _) => State::Entrance(unmoved),
        }
    }

    /// Prints the prompt of this step and waits at it.
    fn ask(self, stage: &mut Stage) -> State {
        let (question, echo) = match &self {
            Self::Trust { .. } => (texts::TRUST.to_owned(), Echo::Visible),
            Self::Register(newcomer) => (texts::register(&newcomer.user, &stage.options.server), Echo::Visible),
            Self::NewPasscode(newcomer) => (texts::new_passcode(newcomer.passcode_min), Echo::Hidden),
            Self::Again { .. } => (texts::AGAIN.to_owned(), Echo::Hidden),
            Self::Passcode { .. } => (texts::PASSCODE.to_owned(), Echo::Hidden),
            Self::Join => (texts::JOIN.to_owned(), Echo::Visible),
            Self::Login
            | Self::Identifying { .. }
            | Self::Registering { .. }
            | Self::LoggingIn { .. }
            | Self::Joining => (texts::LOGIN.to_owned(), Echo::Visible),
        };
        stage.question(&question, echo, State::Entrance(self))
    }
}

impl Newcomer {
    fn finds_too_short(&self, passcode: &Passcode) -> bool {
        passcode.length() < usize::from(self.passcode_min)
    }

    fn choose_passcode(self, stage: &mut Stage) -> State {
        match stage.options.passcode.clone() {
            None => Entrance::NewPasscode(self).ask(stage),
            Some(passcode) if self.finds_too_short(&passcode) => {
                stage.say(&texts::too_short(self.passcode_min));
                stage.exit(exit::LOGIN_REFUSED)
            }
            Some(passcode) => self.register(passcode, stage),
        }
    }

    fn register(self, passcode: Passcode, stage: &mut Stage) -> State {
        stage.no_prompt(Echo::Hidden);
        stage.command(Command::Session(SessionCommand::Register {
            user: self.user.clone(),
            passcode: passcode.clone(),
        }));
        State::Entrance(Entrance::Registering { newcomer: self, passcode })
    }
}

fn identify(user: UserId, stage: &mut Stage) -> State {
    // Hidden already, because a passcode typed early must not be seen.
    stage.no_prompt(Echo::Hidden);
    stage.command(Command::Session(SessionCommand::Identify { user: user.clone() }));
    State::Entrance(Entrance::Identifying { user })
}

fn trust(user: UserId, answer: Answer, stage: &mut Stage) -> State {
    stage.no_prompt(Echo::Hidden);
    stage.command(Command::Session(SessionCommand::TrustDirectory(answer)));
    State::Entrance(Entrance::Identifying { user })
}

fn ask_passcode(user: UserId, passcode_min: u16, stage: &mut Stage) -> State {
    match stage.options.passcode.clone() {
        None => Entrance::Passcode { user, passcode_min }.ask(stage),
        Some(passcode) => {
            stage.prompt(texts::PASSCODE, Echo::Hidden, Lines::One, None);
            log_in(user, passcode, passcode_min, stage)
        }
    }
}

fn log_in(user: UserId, passcode: Passcode, passcode_min: u16, stage: &mut Stage) -> State {
    stage.command(Command::Session(SessionCommand::Login { user: user.clone(), passcode: passcode.clone() }));
    State::Entrance(Entrance::LoggingIn { user, passcode, passcode_min })
}

fn login_refused(user: UserId, passcode_min: u16, why: LoginRefused, stage: &mut Stage) -> State {
    // What was typed ahead was meant for other prompts; taken as passcodes it would use up the tries.
    stage.discard_type_ahead();
    stage.exit_at_end_of_input = exit::LOGIN_REFUSED;
    let words = texts::login_refused(&user, why);
    if let LoginRefused::Passcode { .. } = why {
        stage.finish(&words);
    } else {
        stage.finish("");
        stage.say(&words);
    }
    match why {
        _ if stage.options.passcode.is_some() => stage.exit(exit::LOGIN_REFUSED),
        LoginRefused::Locked { .. } => Entrance::Login.ask(stage),
        LoginRefused::Passcode { .. } | LoginRefused::TooMany { .. } => {
            Entrance::Passcode { user, passcode_min }.ask(stage)
        }
    }
}
