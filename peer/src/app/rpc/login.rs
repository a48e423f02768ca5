//! From nothing to logged in, for a client that cannot be asked anything.

use common::ident::UserId;
use common::msg::Registration;
use common::secret::Passcode;

use serde_json::json;

use super::methods::Login;
use super::pending::Replay;
use super::results::Session;
use super::wire::RpcError;
use super::{Asker, ClientId, Output, Rpc, State};
use crate::app::model::{Account, Model};
use crate::app::texts;
use crate::app::{exit, grammar};
use peer_core::command::{After, Answer, Command, DirectoryCommand, SessionCommand};
use peer_core::notice::{Notice, SessionNotice};

/// A login under way.
#[derive(Debug)]
pub(super) struct Entering {
    /// Who is to be told; nobody where the program does it by itself.
    asker: Option<Asker>,
    user: UserId,
    passcode: Passcode,
    register: bool,
    server_key: Option<String>,
    older_vault: bool,
}

impl Entering {
    /// Whether this client is to be told.
    pub(super) fn is_asked_by(&self, client: ClientId) -> bool {
        self.asker.as_ref().is_some_and(|asker| asker.client == client)
    }

    /// Who is to be told.
    pub(super) fn asker(self) -> Option<Asker> {
        self.asker
    }
}

impl Rpc {
    /// A client logs in, or the program by itself with what it was started with.
    pub(super) fn log_in(&mut self, asker: Option<Asker>, params: Login) {
        if !matches!(self.state, State::LoggedOut) {
            let why = "There is a login already; one program is one user's.";
            return self.reply(asker, Err(RpcError::of(exit::ALREADY_RUNNING, why)));
        }
        let user = match params.user.map(|typed| grammar::user_id(&typed)) {
            Some(Err(why)) => return self.reply(asker, Err(RpcError::params(texts::not_an_id(why)))),
            Some(Ok(user)) => Some(user),
            None => self.options.user.clone(),
        };
        let passcode = params.passcode.map(Passcode::new).or_else(|| self.options.passcode.clone());
        let (Some(user), Some(passcode)) = (user, passcode) else {
            return self.reply(asker, Err(RpcError::params("login needs a user and a passcode")));
        };
        let Login { register, server_key, older_vault, .. } = params;
        self.command(Command::Session(SessionCommand::Identify { user: user.clone() }));
        self.state = State::Entering(Entering { asker, user, passcode, register, server_key, older_vault });
    }

    /// A notice that came before the session stands.
    pub(super) fn entering(&mut self, entering: Entering, notice: &Notice) {
        let (user, passcode) = (entering.user.clone(), entering.passcode.clone());
        match notice {
            Notice::Session(SessionNotice::FirstContact { server, key }) => {
                let digits = |text: &str| text.to_lowercase().replace([' ', ':'], "");
                let known = entering.server_key.as_deref().map(digits);
                if known.is_some_and(|known| known == digits(&key.short()) || known == key.to_string()) {
                    self.command(Command::Session(SessionCommand::TrustDirectory(Answer::Yes)));
                } else {
                    let why =
                        format!("{}. Compare it, then log in with server_key.", texts::first_contact(server, key));
                    self.reply(entering.asker, Err(RpcError::of(exit::REFUSED, why).with("server_key", key.short())));
                    self.command(Command::Session(SessionCommand::TrustDirectory(Answer::No)));
                    self.state = State::LoggedOut;
                    return self.take_held();
                }
            }
            Notice::Session(SessionNotice::OlderVault { .. }) if entering.older_vault => {
                self.command(Command::Session(SessionCommand::TakeVault(Answer::Yes)));
            }
            Notice::Session(SessionNotice::OlderVault { seen, told }) => {
                let why = texts::older_vault_untaken(*seen, *told);
                let why =
                    RpcError::of(exit::LOGIN_REFUSED, why).with("older_vault", json!({"seen": seen, "told": told}));
                self.command(Command::Session(SessionCommand::TakeVault(Answer::No)));
                return self.not_logged_in(entering, why);
            }
            Notice::Session(SessionNotice::Identified { known, refused, registration, passcode_min, .. }) => {
                self.passcode_min = *passcode_min;
                if let Some(why) = refused.filter(|_| entering.register) {
                    let why = texts::register_refused(&user, &self.options.server, why);
                    return self.not_logged_in(entering, RpcError::of(exit::LOGIN_REFUSED, why));
                }
                match (known, registration) {
                    (Some(false), Registration::Open) if !entering.register => {
                        let none = texts::not_registered(&user, &self.options.server);
                        return self.not_logged_in(entering, RpcError::of(exit::UNKNOWN_USER, none));
                    }
                    (Some(false), Registration::Open) => match grammar::unfit_passcode(&passcode, *passcode_min) {
                        Some(why) => return self.not_logged_in(entering, RpcError::params(why)),
                        None => self.command(Command::Session(SessionCommand::Register { user, passcode })),
                    },
                    _ if passcode.is_empty() => {
                        let why = RpcError::of(exit::LOGIN_REFUSED, texts::EMPTY_PASSCODE);
                        return self.not_logged_in(entering, why);
                    }
                    _ => self.command(Command::Session(SessionCommand::Login { user, passcode })),
                }
            }
            Notice::Session(SessionNotice::RegisterRefused { why, .. }) => {
                let why = texts::register_refused(&user, &self.options.server, *why);
                return self.not_logged_in(entering, RpcError::of(exit::LOGIN_REFUSED, why));
            }
            Notice::Session(SessionNotice::LoginRefused { why, .. }) => {
                let why = texts::login_refused(&user, *why);
                return self.not_logged_in(entering, RpcError::of(exit::LOGIN_REFUSED, why));
            }
            Notice::Session(SessionNotice::LoggedIn { .. }) => {
                // Whom one knows, and what the journal knows, come first.
                self.command(Command::Directory(DirectoryCommand::List));
                self.replay(Replay::Beginning(entering.asker), After::Seq(0), super::feed::PAGE);
                self.state = State::LoggedIn(Box::new(Model::new(Account::new(user, passcode, self.passcode_min))));
                return;
            }
            Notice::Session(
                SessionNotice::WouldForget { .. }
                | SessionNotice::Forgot { .. }
                | SessionNotice::InviteProved { .. }
                | SessionNotice::Registered { .. }
                | SessionNotice::FormerPasscode
                | SessionNotice::PasscodeChanged
                | SessionNotice::KeyReplaced
                | SessionNotice::KeyTakenOver
                | SessionNotice::PasscodeProved
                | SessionNotice::TerminalNotRemoved(_)
                | SessionNotice::PasscodeNotChanged(_)
                | SessionNotice::AlsoElsewhere { .. }
                | SessionNotice::NewTerminal
                | SessionNotice::Terminals { .. }
                | SessionNotice::StoreFailed { .. }
                | SessionNotice::LoggedOut { .. }
                | SessionNotice::Failed(_),
            )
            | Notice::Directory(_)
            | Notice::Call(_)
            | Notice::Message(_)
            | Notice::Contact(_)
            | Notice::Group { .. }
            | Notice::File(_)
            | Notice::Journal(_) => {}
        }
        self.state = State::Entering(entering);
    }

    fn not_logged_in(&mut self, entering: Entering, why: RpcError) {
        let own = entering.asker.is_none();
        self.reply(entering.asker, Err(why.clone()));
        self.state = State::LoggedOut;
        self.take_held();
        if own {
            // Nobody can do better: it was told on the command line.
            let (text, code) = why.into_end();
            self.out.push(Output::Complain(text));
            self.out.push(Output::Exit(code));
        }
    }

    /// The result of a login.
    pub(super) fn session(&self) -> Session {
        Session { user: self.user().cloned(), server: self.options.server.clone(), seq: self.last }
    }
}
