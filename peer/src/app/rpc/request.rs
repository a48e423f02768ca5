//! Requests of clients, and what is asked of the engine for them.

use common::ident::{GroupName, MessageId, UserId};
use common::limits::AWAY_TEXT;
use common::secret::Passcode;
use serde_json::json;

use super::answers::Await;
use super::events::{TYPES, file_shown};
use super::methods::{self, Availability, Call, METHODS};
use super::pending::{Message, Replay};
use super::refusals::vouched_at;
use super::results::{Done, Position, Reach, Sent, SentState, Status, Way};
use super::subject::{
    ContactCall, DirectoryCall, FileCall, GroupCall, JournalCall, LinkCall, MessageCall, ProgramCall, SessionCall,
    Subject,
};
use super::wire::{self, Misunderstood, Request, RpcError, ToClient};
use super::{Asker, ClientId, Output, Rpc, State};
use crate::app::model::Directory;
use crate::app::texts::talk;
use crate::app::{exit, grammar, texts};
use peer_core::command::{
    After, Answer, CallCommand, Command, ContactCommand, DirectoryCommand, FileCommand, JournalCommand, MessageCommand,
    SessionCommand, Ticket,
};
use peer_core::model::{Conversation, LinkWay, MessageKey};
use peer_core::notice::CallFailed;

/// Requests of one client that may wait for answers.
const PENDING: usize = 256;
/// Stored messages that one request gives.
const HISTORY: usize = 1000;
/// Characters of the name of a cursor, or of a client's own name for a message.
const NAME: usize = 128;

impl Rpc {
    pub(super) fn line(&mut self, client: ClientId, line: &str) {
        if line.trim().is_empty() {
            return;
        }
        match wire::read(line) {
            Err(Misunderstood { id, why }) => {
                self.out.push(Output::Tell(client, ToClient::Answer { id, outcome: Err(why) }));
            }
            Ok(Request { id, call }) => self.asked(Asker { client, id }, call),
        }
    }

    pub(super) fn asked(&mut self, asker: Asker, call: Call) {
        self.take(asker, Subject::from(call));
    }

    /// Does what is asked for, or keeps it until the login under way has an end.
    pub(super) fn take(&mut self, asker: Asker, subject: Subject) {
        let outcome = if self.waiting_requests_of(asker.client) < PENDING {
            if self.waits_for_login(&subject) {
                return self.held.push((asker, subject));
            }
            self.request(asker.clone(), subject)
        } else {
            Err(RpcError::of(exit::NOT_PERMITTED, "Too many requests wait for answers. Read those first."))
        };
        if let Err(why) = outcome {
            self.reply(Some(asker), Err(why));
        }
    }

    fn request(&mut self, asker: Asker, subject: Subject) -> Result<(), RpcError> {
        let call = match subject {
            Subject::Program(call) => return self.program_request(asker, call),
            Subject::Session(call) if matches!(self.state, State::LoggedIn(_)) => call,
            Subject::Session(_) => {
                return Err(RpcError::of(exit::LOGIN_REFUSED, "Nobody is logged in. Log in first."));
            }
        };
        match call {
            SessionCall::Directory(call) => self.directory_request(asker, call),
            SessionCall::Link(call) => self.link_request(asker, call),
            SessionCall::Message(call) => self.message_request(asker, call),
            SessionCall::Group(call) => self.group_request(asker, call),
            SessionCall::File(call) => self.file_request(asker, call),
            SessionCall::Contact(call) => self.contact_request(asker, call),
            SessionCall::Journal(call) => self.journal_request(asker, call),
        }
    }

    fn program_request(&mut self, asker: Asker, call: ProgramCall) -> Result<(), RpcError> {
        match call {
            ProgramCall::Hello => {
                let told = json!({
                    "name": "peer", "version": env!("CARGO_PKG_VERSION"), "protocol": 1, "methods": METHODS, "events": TYPES
                });
                self.reply(Some(asker), Ok(told.into()));
            }
            ProgramCall::Login(params) => self.log_in(Some(asker), params),
            ProgramCall::Leave => {
                self.reply(Some(asker), Ok(Done {}.into()));
                self.leave(exit::OK);
            }
            ProgramCall::Status => {
                let (session, passcode_min, online) = (self.session(), self.passcode_min, self.user().is_some());
                let told = match self.model() {
                    None => Status {
                        session,
                        passcode_min,
                        online,
                        connections: Vec::new(),
                        ways: Vec::new(),
                        directory: Reach::Unknown,
                        outbox: 0,
                        unread: 0,
                        transfers: Vec::new(),
                    },
                    Some(model) => Status {
                        session,
                        passcode_min,
                        online,
                        connections: model.conversations.linked().cloned().collect(),
                        ways: model
                            .conversations
                            .ways()
                            .map(|known| way(known, model.conversations.vouched(known.0)))
                            .collect(),
                        directory: match model.directory {
                            Directory::Here => Reach::Here,
                            Directory::Lost { .. } => Reach::Lost,
                        },
                        outbox: model.outbox.len(),
                        unread: model.conversations.all_unread().0,
                        transfers: model.transfers.running().map(|transfer| file_shown(&transfer.file)).collect(),
                    },
                };
                self.reply(Some(asker), Ok(told.into()));
            }
        }
        Ok(())
    }

    fn directory_request(&mut self, asker: Asker, call: DirectoryCall) -> Result<(), RpcError> {
        match call {
            DirectoryCall::List => self.ask(asker, Await::List, Command::Directory(DirectoryCommand::List)),
            DirectoryCall::Presence(methods::Presence { state, text }) => {
                if text.len() > AWAY_TEXT {
                    return Err(RpcError::params(format!("an away text has at most {AWAY_TEXT} bytes")));
                }
                let text = (state == Availability::Away).then_some(text);
                self.command(Command::Directory(DirectoryCommand::Away { text }));
                self.reply(Some(asker), Ok(Done {}.into()));
            }
            DirectoryCall::Passwd(params) => {
                let to = Passcode::new(params.passcode);
                let own = self.model().map(|model| model.account.passcode.clone());
                let Some(current) = params.current.map(Passcode::new).or(own) else { return Ok(()) };
                if let Some(why) = grammar::unfit_passcode(&to, self.passcode_min) {
                    return Err(RpcError::params(why));
                }
                self.passcode_change_given_up();
                let command = match params.new_key {
                    false => SessionCommand::ChangePasscode { current, to },
                    true => SessionCommand::ChangeKey { current, to },
                };
                self.ask(asker, Await::Passcode, Command::Session(command));
            }
        }
        Ok(())
    }

    fn link_request(&mut self, asker: Asker, call: LinkCall) -> Result<(), RpcError> {
        match call {
            LinkCall::Connect(params) => {
                let to = user(&params.to)?;
                let command = match self.takes_call_of(&to, Answer::Yes) {
                    true => CallCommand::Answer { from: to.clone(), answer: Answer::Yes },
                    false => CallCommand::Place { to: to.clone() },
                };
                self.ask(asker, Await::Call(to), Command::Call(command));
            }
            LinkCall::End(params) => {
                let with = user(&params.to)?;
                let command = match self.takes_call_of(&with, Answer::No) {
                    true => CallCommand::Answer { from: with.clone(), answer: Answer::No },
                    false => CallCommand::End { with: with.clone() },
                };
                self.command(Command::Call(command));
                self.call_given_up(&with);
                self.reply(Some(asker), Ok(Done {}.into()));
            }
        }
        Ok(())
    }

    fn message_request(&mut self, asker: Asker, call: MessageCall) -> Result<(), RpcError> {
        match call {
            MessageCall::Send(params) => self.send_request(asker, params)?,
            MessageCall::Retry(methods::Retry { to, msg, readers }) => {
                let id = msg.parse().map_err(|_| RpcError::params("msg is not an id"))?;
                let readers =
                    readers.map(|readers| readers.iter().map(|reader| user(reader)).collect::<Result<_, _>>());
                let (to, readers) = (conversation(&to)?, readers.transpose()?);
                let again = MessageCommand::SendAgain { to, id: Some(id), readers, ticket: Ticket::default() };
                self.ask(asker, Await::Again, Command::Message(again));
            }
            MessageCall::History(methods::History { with, before, limit }) => {
                let with = conversation(&with)?;
                let before = before.map(|before| {
                    let id: MessageId = before.msg.parse().map_err(|_| RpcError::params("before.msg is not an id"))?;
                    Ok::<_, RpcError>(MessageKey { conversation: with.clone(), author: user(&before.from)?, id })
                });
                let (before, count) = (before.transpose()?, limit.clamp(1, HISTORY));
                let command = MessageCommand::History { with: with.clone(), count, before };
                self.ask(asker, Await::History(with), Command::Message(command));
            }
            MessageCall::Search(params) => {
                let limit = params.limit.clamp(1, HISTORY);
                let command = MessageCommand::Find { words: params.words };
                self.ask(asker, Await::Search { limit }, Command::Message(command));
            }
            MessageCall::Read(params) => {
                self.command(Command::Message(MessageCommand::Seen { with: conversation(&params.with)? }));
                self.reply(Some(asker), Ok(Done {}.into()));
            }
        }
        Ok(())
    }

    fn group_request(&mut self, asker: Asker, call: GroupCall) -> Result<(), RpcError> {
        let (group, wish) = match call {
            GroupCall::Whole(params, wish) => (params.group, wish),
            GroupCall::Member(params, wish) => {
                let user = user(&params.user)?;
                (params.group, wish(user))
            }
        };
        let group: GroupName = grammar::group_name(&group).map_err(|why| RpcError::params(texts::not_an_id(why)))?;
        let awaited = Await::Group { group: group.clone(), wish: wish.clone() };
        self.ask(asker, awaited, Command::Group { group, wish });
        Ok(())
    }

    fn file_request(&mut self, asker: Asker, call: FileCall) -> Result<(), RpcError> {
        match call {
            FileCall::Offer(methods::FileSend { to, path }) => {
                let to = user(&to)?;
                let awaited = Await::Offer { to: to.clone(), path: path.clone() };
                self.ask(asker, awaited, Command::File(FileCommand::Offer { to, path }));
            }
            FileCall::Wish(number, wish) => {
                self.ask(asker, Await::File(number), Command::File(FileCommand::Change { number, wish }));
            }
            FileCall::List => self.ask(asker, Await::Files, Command::File(FileCommand::All)),
        }
        Ok(())
    }

    fn contact_request(&mut self, asker: Asker, call: ContactCall) -> Result<(), RpcError> {
        let (awaited, command) = match call {
            ContactCall::Number(params) => {
                let with = user(&params.id)?;
                (Await::Number(with.clone()), ContactCommand::SafetyNumber { with })
            }
            ContactCall::Confirm(methods::Verify { id, digits, verified }) => {
                let with = user(&id)?;
                let answer = if verified { Answer::Yes } else { Answer::No };
                let awaited = Await::Confirmed { of: with.clone(), verified };
                (awaited, ContactCommand::ConfirmNumber { with, digits: digits.join(" "), answer })
            }
            ContactCall::Block(params) => {
                let user = user(&params.id)?;
                (Await::Block(user.clone()), ContactCommand::Block { user })
            }
            ContactCall::Unblock(params) => {
                let user = user(&params.id)?;
                (Await::Unblock(user.clone()), ContactCommand::Unblock { user })
            }
        };
        self.ask(asker, awaited, Command::Contact(command));
        Ok(())
    }

    fn journal_request(&mut self, asker: Asker, call: JournalCall) -> Result<(), RpcError> {
        match call {
            JournalCall::Subscribe(params) => self.subscribe(asker, params),
            JournalCall::Ack(methods::Ack { name, seq }) => {
                let name = named(name)?;
                let command = JournalCommand::Acknowledge { name: name.clone(), seq };
                self.ask(asker, Await::Acknowledged(name), Command::Journal(command));
                Ok(())
            }
        }
    }

    fn send_request(&mut self, asker: Asker, params: methods::Send) -> Result<(), RpcError> {
        let to = conversation(&params.to)?;
        let reference = params.reference.map(named).transpose()?;
        if params.text.trim().is_empty() {
            return Err(RpcError::params("there is no text"));
        }
        if let Some(sent) = reference.as_ref().and_then(|name| self.references.sent(name, self.date)) {
            self.reply(Some(asker), Ok(Sent { msg: sent, state: SentState::Sent }.into()));
            return Ok(());
        }
        self.send_once(asker, Message { to, text: params.text, reference, queue: params.queue });
        Ok(())
    }

    /// Whether somebody waits to be let in, who is answered now.
    fn takes_call_of(&mut self, user: &UserId, answer: Answer) -> bool {
        let Some(model) = self.model_mut().filter(|model| model.is_calling_us(user)) else { return false };
        model.answers(user, answer);
        true
    }

    fn subscribe(&mut self, asker: Asker, params: methods::Subscribe) -> Result<(), RpcError> {
        let last = self.last;
        let Some(feed) = self.clients.get_mut(&asker.client) else { return Ok(()) };
        feed.choose(params.types)?;
        match (params.since, params.name) {
            (otherwise, Some(name)) => {
                let after = After::Cursor { name: named(name)?, otherwise };
                self.replay(Replay::Cursor(asker), after, 1);
            }
            (Some(since), None) => {
                feed.begin_behind(since.min(last));
                self.reply(Some(asker), Ok(Position { seq: last }.into()));
            }
            (None, None) => self.reply(Some(asker), Ok(Position { seq: last }.into())),
        }
        Ok(())
    }
}

fn user(typed: &str) -> Result<UserId, RpcError> {
    grammar::user_id(typed).map_err(|why| RpcError::params(texts::not_an_id(why)))
}

fn conversation(typed: &str) -> Result<Conversation, RpcError> {
    grammar::conversation(typed).map_err(|why| RpcError::params(texts::not_an_id(why)))
}

fn named(name: String) -> Result<String, RpcError> {
    let fits = (1..=NAME).contains(&name.chars().count());
    fits.then_some(name).ok_or_else(|| RpcError::params(format!("a name has 1 to {NAME} characters")))
}

/// How what is said goes to a user, for `status`.
fn way((id, way, why): (&UserId, Option<LinkWay>, Option<&CallFailed>), vouched: Option<u64>) -> Way {
    let why = why.filter(|_| way.is_none()).map(talk::no_way);
    let way = way.map_or("mailbox", talk::way_word).to_owned();
    Way { id: id.clone(), way, why, vouched: vouched.map(vouched_at) }
}
