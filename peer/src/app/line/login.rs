//! Before the session: who logs in, registration, passcode, invitation, first contact with a directory.

mod end;

use common::ident::{BadUserId, UserId};
use common::msg::Registration;
use common::secret::Passcode;

use super::outputs::Outputs;
use super::session::Session;
use super::{Echo, Input, Lines, Output, Start, State};
use crate::app::model::Account;
use crate::app::sanitise::SafeText;
use crate::app::{exit, grammar, texts};
use peer_core::command::{Answer, Command, SessionCommand};
use peer_core::notice::{LoginRefused, Notice, RegisterRefused, SessionNotice};

/// How far the login has come.
#[derive(Debug)]
pub(super) enum Login {
    User,
    Identifying { user: UserId },
    Trust { user: UserId },
    Register(Newcomer),
    NewPasscode(Newcomer),
    Again { newcomer: Newcomer, first: Passcode },
    Registering { newcomer: Newcomer, passcode: Passcode },
    Passcode { user: UserId, passcode_min: u16, doubted: Option<Passcode> },
    LoggingIn { user: UserId, passcode: Passcode, passcode_min: u16 },
    Vault { user: UserId, passcode: Passcode, passcode_min: u16 },
    Join,
    Joining,
}

/// How far a login is, for a front end that shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LoginStep {
    /// Who logs in, and whether the directory is the right one.
    User,
    Passcode,
    LoggingIn,
}

/// Somebody about to be registered.
#[derive(Debug)]
pub(super) struct Newcomer {
    user: UserId,
    passcode_min: u16,
    /// The directory that the invitation named; absent without invitation.
    invited_by: Option<String>,
}

impl Login {
    pub(super) fn begin(outputs: &mut Outputs) -> State {
        match (outputs.options.start, outputs.options.user.clone()) {
            (Start::Join, _) => Self::Join.ask(outputs),
            (Start::Login, Some(user)) => identify(user, outputs),
            (Start::Login, None) => Self::User.ask(outputs),
        }
    }

    pub(super) fn asks(&self) -> bool {
        match self {
            Self::Identifying { .. } | Self::Registering { .. } | Self::LoggingIn { .. } | Self::Joining => false,
            Self::User
            | Self::Trust { .. }
            | Self::Register(_)
            | Self::NewPasscode(_)
            | Self::Again { .. }
            | Self::Passcode { .. }
            | Self::Vault { .. }
            | Self::Join => true,
        }
    }

    pub(super) fn how_far(&self) -> LoginStep {
        match self {
            Self::User | Self::Identifying { .. } | Self::Trust { .. } | Self::Join | Self::Joining => LoginStep::User,
            Self::Register(_) | Self::NewPasscode(_) | Self::Again { .. } | Self::Passcode { .. } => {
                LoginStep::Passcode
            }
            Self::Registering { .. } | Self::LoggingIn { .. } | Self::Vault { .. } => LoginStep::LoggingIn,
        }
    }

    pub(super) fn step(self, input: Input, outputs: &mut Outputs) -> State {
        match input {
            Input::Line(line) => {
                outputs.count_refused();
                if outputs.gives_up_reading() { outputs.exit(exit::USAGE) } else { self.line(line, outputs) }
            }
            Input::End if self.asks() && outputs.exit_at_end_of_input == exit::OK => self.end_of_input(outputs),
            Input::CtrlC => self.ctrl_c(outputs),
            Input::CtrlD | Input::End if self.asks() => self.ctrl_d(outputs),
            Input::Notice(_, notice) => self.notice(notice, outputs),
            Input::CtrlD | Input::End | Input::Tick | Input::Next | Input::Stop(_) | Input::EngineGone => {
                State::Login(self)
            }
        }
    }

    fn line(self, line: String, outputs: &mut Outputs) -> State {
        match self {
            Self::User => {
                outputs.echo(&line);
                match grammar::user_id(&line) {
                    _ if grammar::is_invite(&line) => return join(&line, outputs),
                    Ok(user) => return identify(user, outputs),
                    Err(BadUserId::Empty) => {}
                    Err(why) => outputs.say(&texts::not_an_id(why)),
                }
                Self::User.ask(outputs)
            }
            Self::Trust { user } => {
                outputs.echo(&line);
                match line.trim().to_lowercase().as_str() {
                    "yes" => trust(user, Answer::Yes, outputs),
                    "no" => trust(user, Answer::No, outputs),
                    _ => Self::Trust { user }.ask(outputs),
                }
            }
            Self::Vault { user, passcode, passcode_min } => {
                outputs.echo(&line);
                let login = (user, passcode, passcode_min);
                match line.trim().to_lowercase().as_str() {
                    "yes" => take_vault(login, Answer::Yes, outputs),
                    "no" => take_vault(login, Answer::No, outputs),
                    _ => Self::vault(login).ask(outputs),
                }
            }
            Self::Register(newcomer) => {
                outputs.echo(&line);
                match line.trim().to_lowercase().as_str() {
                    "" | "y" | "yes" => newcomer.choose_passcode(outputs),
                    "n" | "no" => Self::User.ask(outputs),
                    _ => Self::Register(newcomer).ask(outputs),
                }
            }
            Self::Join => {
                outputs.echo(&line);
                if line.trim().is_empty() {
                    return Self::Join.ask(outputs);
                }
                join(&line, outputs)
            }
            hidden @ (Self::Identifying { .. }
            | Self::NewPasscode(_)
            | Self::Again { .. }
            | Self::Registering { .. }
            | Self::Passcode { .. }
            | Self::LoggingIn { .. }
            | Self::Joining) => hidden.passcode(Passcode::new(line), outputs),
        }
    }

    /// A hidden line at one of the three passcode prompts; an empty one is ignored.
    fn passcode(self, passcode: Passcode, outputs: &mut Outputs) -> State {
        if passcode.is_empty() {
            return State::Login(self);
        }
        match self {
            Self::NewPasscode(newcomer) => {
                outputs.finish("");
                if let Some(why) = newcomer.refuses(&passcode) {
                    outputs.say(&why);
                    return Self::NewPasscode(newcomer).ask(outputs);
                }
                Self::Again { newcomer, first: passcode }.ask(outputs)
            }
            Self::Again { newcomer, first } => {
                outputs.finish("");
                if first.expose() != passcode.expose() {
                    outputs.say(texts::DIFFERENT);
                    return Self::NewPasscode(newcomer).ask(outputs);
                }
                newcomer.register(passcode, outputs)
            }
            Self::Passcode { user, passcode_min, doubted } => match grammar::hardly_a_passcode(&passcode, passcode_min)
            {
                Some(why) if doubted.is_none_or(|doubted| doubted.expose() != passcode.expose()) => {
                    // As after a refusal; what follows was meant for other prompts.
                    outputs.discard_type_ahead();
                    outputs.exit_at_end_of_input = exit::LOGIN_REFUSED;
                    outputs.finish("");
                    outputs.say(&why);
                    Self::Passcode { user, passcode_min, doubted: Some(passcode) }.ask(outputs)
                }
                Some(_) | None => log_in(user, passcode, passcode_min, outputs),
            },
            other @ (Self::Vault { .. }
            | Self::User
            | Self::Identifying { .. }
            | Self::Trust { .. }
            | Self::Register(_)
            | Self::Registering { .. }
            | Self::LoggingIn { .. }
            | Self::Join
            | Self::Joining) => State::Login(other),
        }
    }

    fn notice(self, notice: Notice, outputs: &mut Outputs) -> State {
        match (self, notice) {
            (Self::Identifying { user }, Notice::Session(SessionNotice::FirstContact { server, key })) => {
                outputs.discard_type_ahead();
                outputs.say(&texts::first_contact(&server, &key));
                Self::Trust { user }.ask(outputs)
            }
            (
                Self::Identifying { .. },
                Notice::Session(SessionNotice::Identified { user, known, refused, registration, passcode_min }),
            ) => {
                if let Some(why) = refused {
                    let server = outputs.options.server.clone();
                    return not_registered(&user, &server, why, outputs);
                }
                if known == Some(false) && registration == Registration::Open {
                    return Self::Register(Newcomer { user, passcode_min, invited_by: None }).ask(outputs);
                }
                ask_passcode(user, passcode_min, outputs)
            }
            (step, Notice::Session(SessionNotice::WouldForget { user, messages })) => {
                outputs.say(&texts::would_forget(&user, messages));
                State::Login(step)
            }
            (Self::Joining, Notice::Session(SessionNotice::InviteProved { user, server, key, passcode_min })) => {
                outputs.say(&texts::invite_proved(&key));
                Newcomer { user, passcode_min, invited_by: Some(server) }.choose_passcode(outputs)
            }
            (Self::Registering { newcomer, passcode }, Notice::Session(SessionNotice::Registered { user, server })) => {
                let passcode_min = newcomer.passcode_min;
                outputs.say(&match newcomer.invited_by {
                    None => texts::registered(&user),
                    Some(_) => texts::registered_by_invite(&user, &server),
                });
                // The engine logs in with the passcode just given, so this line is printed complete.
                outputs.prompt(texts::PASSCODE, Echo::Hidden, Lines::One, None);
                State::Login(Self::LoggingIn { user, passcode, passcode_min })
            }
            (Self::Registering { newcomer, .. }, Notice::Session(SessionNotice::RegisterRefused { user, why })) => {
                let server = newcomer.invited_by.unwrap_or_else(|| outputs.options.server.clone());
                not_registered(&user, &server, why, outputs)
            }
            (Self::LoggingIn { user, passcode, passcode_min }, Notice::Session(SessionNotice::LoggedIn { .. })) => {
                outputs.finish(texts::LOGGED_IN);
                Session::begin(Account::new(user, passcode, passcode_min), outputs)
            }
            (
                Self::LoggingIn { user, passcode, passcode_min },
                Notice::Session(SessionNotice::OlderVault { seen, told }),
            ) => {
                outputs.discard_type_ahead();
                outputs.finish("");
                texts::older_vault(seen, told).iter().for_each(|line| outputs.say(line));
                Self::vault((user, passcode, passcode_min)).ask(outputs)
            }
            (Self::LoggingIn { user, passcode_min, .. }, Notice::Session(SessionNotice::LoginRefused { why, .. })) => {
                login_refused(user, passcode_min, why, outputs)
            }
            (unmoved, _) => State::Login(unmoved),
        }
    }

    fn vault((user, passcode, passcode_min): (UserId, Passcode, u16)) -> Self {
        Self::Vault { user, passcode, passcode_min }
    }

    /// Prints the prompt of this step and waits at it.
    fn ask(self, outputs: &mut Outputs) -> State {
        let (question, echo) = self.question(outputs);
        outputs.question(&question, echo, State::Login(self))
    }

    fn question(&self, outputs: &Outputs) -> (String, Echo) {
        match self {
            Self::Trust { .. } => (texts::TRUST.to_owned(), Echo::Visible),
            Self::Vault { .. } => (texts::VAULT.to_owned(), Echo::Visible),
            Self::Register(newcomer) => (texts::register(&newcomer.user, &outputs.options.server), Echo::Visible),
            Self::NewPasscode(newcomer) => (texts::new_passcode(newcomer.passcode_min), Echo::Hidden),
            Self::Again { .. } => (texts::AGAIN.to_owned(), Echo::Hidden),
            Self::Passcode { .. } => (texts::PASSCODE.to_owned(), Echo::Hidden),
            Self::Join => (texts::JOIN.to_owned(), Echo::Visible),
            Self::User
            | Self::Identifying { .. }
            | Self::Registering { .. }
            | Self::LoggingIn { .. }
            | Self::Joining => (texts::LOGIN.to_owned(), Echo::Visible),
        }
    }
}

impl Newcomer {
    fn refuses(&self, passcode: &Passcode) -> Option<String> {
        grammar::unfit_passcode(passcode, self.passcode_min)
    }

    fn choose_passcode(self, outputs: &mut Outputs) -> State {
        match outputs.options.passcode.clone() {
            None => Login::NewPasscode(self).ask(outputs),
            Some(passcode) => match self.refuses(&passcode) {
                Some(why) => {
                    outputs.say(&why);
                    outputs.exit(exit::LOGIN_REFUSED)
                }
                None => self.register(passcode, outputs),
            },
        }
    }

    fn register(self, passcode: Passcode, outputs: &mut Outputs) -> State {
        outputs.no_prompt(Echo::Hidden);
        outputs.put(Output::Meanwhile(SafeText::ours(&texts::registering(&self.user))));
        outputs.command(Command::Session(SessionCommand::Register {
            user: self.user.clone(),
            passcode: passcode.clone(),
        }));
        State::Login(Login::Registering { newcomer: self, passcode })
    }
}

fn identify(user: UserId, outputs: &mut Outputs) -> State {
    // Hidden already, because a passcode typed early must not be seen.
    outputs.no_prompt(Echo::Hidden);
    outputs.command(Command::Session(SessionCommand::Identify { user: user.clone() }));
    State::Login(Login::Identifying { user })
}

fn join(line: &str, outputs: &mut Outputs) -> State {
    outputs.no_prompt(Echo::Hidden);
    outputs.command(Command::Session(SessionCommand::Invitation { line: line.trim().to_owned() }));
    State::Login(Login::Joining)
}

fn not_registered(user: &UserId, server: &str, why: RegisterRefused, outputs: &mut Outputs) -> State {
    outputs.say(&texts::register_refused(user, server, why));
    outputs.exit_at_end_of_input = exit::LOGIN_REFUSED;
    if outputs.options.passcode.is_some() { outputs.exit(exit::LOGIN_REFUSED) } else { Login::User.ask(outputs) }
}

fn trust(user: UserId, answer: Answer, outputs: &mut Outputs) -> State {
    outputs.no_prompt(Echo::Hidden);
    outputs.command(Command::Session(SessionCommand::TrustDirectory(answer)));
    State::Login(Login::Identifying { user })
}

/// Answers whether the older vault is taken; the line of the passcode is printed once more, to be completed.
fn take_vault((user, passcode, passcode_min): (UserId, Passcode, u16), answer: Answer, outputs: &mut Outputs) -> State {
    match answer {
        Answer::Yes => outputs.prompt(texts::PASSCODE, Echo::Hidden, Lines::One, None),
        Answer::No => outputs.no_prompt(Echo::Hidden),
    }
    outputs.command(Command::Session(SessionCommand::TakeVault(answer)));
    State::Login(Login::LoggingIn { user, passcode, passcode_min })
}

fn ask_passcode(user: UserId, passcode_min: u16, outputs: &mut Outputs) -> State {
    match outputs.options.passcode.clone() {
        None => Login::Passcode { user, passcode_min, doubted: None }.ask(outputs),
        Some(passcode) => {
            outputs.prompt(texts::PASSCODE, Echo::Hidden, Lines::One, None);
            log_in(user, passcode, passcode_min, outputs)
        }
    }
}

fn log_in(user: UserId, passcode: Passcode, passcode_min: u16, outputs: &mut Outputs) -> State {
    outputs.command(Command::Session(SessionCommand::Login { user: user.clone(), passcode: passcode.clone() }));
    State::Login(Login::LoggingIn { user, passcode, passcode_min })
}

fn login_refused(user: UserId, passcode_min: u16, why: LoginRefused, outputs: &mut Outputs) -> State {
    // What was typed ahead was meant for other prompts; taken as passcodes it would use up the tries.
    outputs.discard_type_ahead();
    outputs.exit_at_end_of_input = exit::LOGIN_REFUSED;
    let words = texts::login_refused(&user, why);
    if let LoginRefused::Passcode { .. } = why {
        outputs.finish(&words);
    } else {
        outputs.finish("");
        outputs.say(&words);
    }
    match why {
        _ if outputs.options.passcode.is_some() => outputs.exit(exit::LOGIN_REFUSED),
        LoginRefused::Locked { .. } | LoginRefused::Terminals => Login::User.ask(outputs),
        LoginRefused::Passcode { .. } | LoginRefused::TooMany { .. } => {
            Login::Passcode { user, passcode_min, doubted: None }.ask(outputs)
        }
    }
}
