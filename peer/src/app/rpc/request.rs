//! Requests of clients, and what is asked of the engine for them.

use common::ident::{GroupName, MessageId, UserId};
use common::limits::AWAY_TEXT;
use serde_json::json;

use super::answers::Await;
use super::events::TYPES;
use super::methods::{self, Availability, Call, METHODS};
use super::pending::{Message, Replay};
use super::wire::{self, Misunderstood, Request, RpcError};
use super::{Asker, ClientId, Output, Rpc, State};
use crate::app::{exit, grammar, texts};
use peer_core::command::{
    After, Answer, CallCommand, Command, ContactCommand, DirectoryCommand, FileCommand, FileWish, GroupWish,
    JournalCommand, MessageCommand, SessionCommand,
};
use peer_core::model::{Conversation, MessageKey};

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
            Err(Misunderstood { id, why }) => self.out.push(Output::Line(client, wire::answer(&id, Err(why)))),
            Ok(Request { id, call }) => {
                let asker = Asker { client, id };
                let waiting = self.waiting_requests_of(client);
                let outcome = if waiting < PENDING {
                    self.request(asker.clone(), call)
                } else {
                    Err(RpcError::of(exit::NOT_PERMITTED, "Too many requests wait for answers. Read those first."))
                };
                if let Err(why) = outcome {
                    self.reply(Some(asker), Err(why));
                }
            }
        }
    }

    fn request(&mut self, asker: Asker, call: Call) -> Result<(), RpcError> {
        match call {
            Call::Hello(_) => {
                let told = json!({
                    "name": "peer", "version": env!("CARGO_PKG_VERSION"), "protocol": 1, "methods": METHODS, "events": TYPES
                });
                self.reply(Some(asker), Ok(told));
            }
            Call::Login(params) => {
                self.log_in(Some(asker), params);
            }
            Call::Logout(_) | Call::Shutdown(_) => {
                self.reply(Some(asker), Ok(json!({})));
                self.leave(exit::OK);
            }
            Call::Status(_) => {
                let mut told = self.session();
                told["passcode_min"] = self.passcode_min.into();
                told["online"] = self.user().is_some().into();
                let linked: Vec<&UserId> =
                    self.model().into_iter().flat_map(|model| model.conversations.linked()).collect();
                told["connections"] = json!(linked);
                self.reply(Some(asker), Ok(told));
            }
            call if matches!(self.state, State::LoggedIn(_)) => self.session_request(asker, call)?,
            Call::List(_)
            | Call::Connect(_)
            | Call::End(_)
            | Call::Send(_)
            | Call::History(_)
            | Call::Search(_)
            | Call::Read(_)
            | Call::Presence(_)
            | Call::GroupCreate(_)
            | Call::GroupJoin(_)
            | Call::GroupLeave(_)
            | Call::GroupMembers(_)
            | Call::GroupApprove(_)
            | Call::GroupDeny(_)
            | Call::GroupRemove(_)
            | Call::GroupAdmin(_)
            | Call::FileSend(_)
            | Call::FileAccept(_)
            | Call::FileRefuse(_)
            | Call::FileCancel(_)
            | Call::FileResume(_)
            | Call::FileList(_)
            | Call::VerifyNumber(_)
            | Call::VerifySet(_)
            | Call::Block(_)
            | Call::Unblock(_)
            | Call::Passwd(_)
            | Call::Subscribe(_)
            | Call::Ack(_) => {
                return Err(RpcError::of(exit::LOGIN_REFUSED, "Nobody is logged in. Log in first."));
            }
        }
        Ok(())
    }

    fn session_request(&mut self, asker: Asker, call: Call) -> Result<(), RpcError> {
        match call {
            Call::List(_) => self.ask(asker, Await::List, Command::Directory(DirectoryCommand::List)),
            Call::Connect(params) => {
                let to = user(&params.to)?;
                let command = match self.takes_call_of(&to, Answer::Yes) {
                    true => Command::Call(CallCommand::Answer { from: to.clone(), answer: Answer::Yes }),
                    false => Command::Call(CallCommand::Place { to: to.clone() }),
                };
                self.ask(asker, Await::Call(to), command);
            }
            Call::End(params) => {
                let with = user(&params.to)?;
                let command = match self.takes_call_of(&with, Answer::No) {
                    true => Command::Call(CallCommand::Answer { from: with, answer: Answer::No }),
                    false => Command::Call(CallCommand::End { with }),
                };
                self.command(command);
                self.reply(Some(asker), Ok(json!({})));
            }
            Call::Send(params) => self.send_request(asker, params)?,
            Call::History(methods::History { with, before, limit }) => {
                let with = conversation(&with)?;
                let before = before.map(|before| {
                    let id: MessageId = before.msg.parse().map_err(|_| RpcError::params("before.msg is not an id"))?;
                    Ok::<_, RpcError>(MessageKey { conversation: with.clone(), author: user(&before.from)?, id })
                });
                let (before, count) = (before.transpose()?, limit.clamp(1, HISTORY));
                self.ask(
                    asker,
                    Await::History(with.clone()),
                    Command::Message(MessageCommand::History { with, count, before }),
                );
            }
            Call::Search(params) => {
                let limit = params.limit.clamp(1, HISTORY);
                self.ask(
                    asker,
                    Await::Search { limit },
                    Command::Message(MessageCommand::Find { words: params.words }),
                );
            }
            Call::Read(params) => {
                self.command(Command::Message(MessageCommand::Seen { with: conversation(&params.with)? }));
                self.reply(Some(asker), Ok(json!({})));
            }
            Call::Presence(methods::Presence { state, text }) => {
                if text.len() > AWAY_TEXT {
                    return Err(RpcError::params(format!("an away text has at most {AWAY_TEXT} bytes")));
                }
                let text = (state == Availability::Away).then_some(text);
                self.command(Command::Directory(DirectoryCommand::Away { text }));
                self.reply(Some(asker), Ok(json!({})));
            }
            Call::GroupCreate(params) => self.wish(asker, &params.group, GroupWish::Create)?,
            Call::GroupJoin(params) => self.wish(asker, &params.group, GroupWish::Join)?,
            Call::GroupLeave(params) => self.wish(asker, &params.group, GroupWish::Leave)?,
            Call::GroupMembers(params) => self.wish(asker, &params.group, GroupWish::Members)?,
            Call::GroupApprove(params) => {
                self.wish(asker, &params.group, GroupWish::Approve(user(&params.user)?))?;
            }
            Call::GroupDeny(params) => self.wish(asker, &params.group, GroupWish::Deny(user(&params.user)?))?,
            Call::GroupRemove(params) => self.wish(asker, &params.group, GroupWish::Remove(user(&params.user)?))?,
            Call::GroupAdmin(params) => self.wish(asker, &params.group, GroupWish::Admin(user(&params.user)?))?,
            Call::FileSend(methods::FileSend { to, path }) => {
                let to = user(&to)?;
                let awaited = Await::Offer { to: to.clone(), path: path.clone() };
                self.ask(asker, awaited, Command::File(FileCommand::Offer { to, path }));
            }
            Call::FileAccept(methods::FileAccept { file, dir }) => {
                self.file_wish(asker, file, FileWish::Accept { folder: dir });
            }
            Call::FileRefuse(params) => self.file_wish(asker, params.file, FileWish::Refuse),
            Call::FileCancel(params) => self.file_wish(asker, params.file, FileWish::Cancel),
            Call::FileResume(params) => self.file_wish(asker, params.file, FileWish::Resume),
            Call::FileList(_) => self.ask(asker, Await::Files, Command::File(FileCommand::All)),
            Call::VerifyNumber(params) => {
                let with = user(&params.id)?;
                self.ask(asker, Await::Number(with.clone()), Command::Contact(ContactCommand::SafetyNumber { with }));
            }
            Call::VerifySet(methods::Verify { id, digits, verified }) => {
                let with = user(&id)?;
                let answer = if verified { Answer::Yes } else { Answer::No };
                let awaited = Await::Confirmed { of: with.clone(), verified };
                self.ask(
                    asker,
                    awaited,
                    Command::Contact(ContactCommand::ConfirmNumber { with, digits: digits.join(" "), answer }),
                );
            }
            Call::Block(params) => {
                let user = user(&params.id)?;
                self.ask(asker, Await::Block(user.clone()), Command::Contact(ContactCommand::Block { user }));
            }
            Call::Unblock(params) => {
                let user = user(&params.id)?;
                self.ask(asker, Await::Unblock(user.clone()), Command::Contact(ContactCommand::Unblock { user }));
            }
            Call::Passwd(params) => {
                let to = common::secret::Passcode::new(params.passcode);
                if to.length() < usize::from(self.passcode_min) {
                    return Err(RpcError::params(texts::too_short(self.passcode_min)));
                }
                self.ask(asker, Await::Passcode, Command::Session(SessionCommand::ChangePasscode { to }));
            }
            Call::Subscribe(params) => self.subscribe(asker, params)?,
            Call::Ack(methods::Ack { name, seq }) => {
                let name = named(name)?;
                self.ask(
                    asker,
                    Await::Acknowledged(name.clone()),
                    Command::Journal(JournalCommand::Acknowledge { name, seq }),
                );
            }
            // Answered before they come here.
            Call::Hello(_) | Call::Login(_) | Call::Logout(_) | Call::Shutdown(_) | Call::Status(_) => {}
        }
        Ok(())
    }

    fn send_request(&mut self, asker: Asker, params: methods::Send) -> Result<(), RpcError> {
        let to = conversation(&params.to)?;
        let reference = params.reference.map(named).transpose()?;
        if params.text.trim().is_empty() {
            return Err(RpcError::params("there is no text"));
        }
        if let Some(sent) = reference.as_ref().and_then(|name| self.references.sent(name, self.date)) {
            self.reply(Some(asker), Ok(json!({ "msg": sent, "state": "sent" })));
            return Ok(());
        }
        let call = match &to {
            Conversation::User(user) if !params.queue && !self.is_linked(user) => {
                Some(Command::Call(CallCommand::Place { to: user.clone() }))
            }
            Conversation::User(_) | Conversation::Group(_) | Conversation::Everyone => None,
        };
        let message = Message { to, text: params.text, reference };
        match call {
            Some(call) => self.call_to_send(asker, message, call),
            None => self.send(asker, message),
        }
        Ok(())
    }

    /// Whether somebody waits to be let in, who is answered now.
    fn takes_call_of(&mut self, user: &UserId, answer: Answer) -> bool {
        let Some(model) = self.model_mut().filter(|model| model.is_calling_us(user)) else { return false };
        model.answers(user, answer);
        true
    }

    fn file_wish(&mut self, asker: Asker, number: u64, wish: FileWish) {
        self.ask(asker, Await::File(number), Command::File(FileCommand::Change { number, wish }));
    }

    fn wish(&mut self, asker: Asker, group: &str, wish: GroupWish) -> Result<(), RpcError> {
        let group: GroupName = grammar::group_name(group).map_err(|why| RpcError::params(texts::not_an_id(why)))?;
        let awaited = Await::Group { group: group.clone(), wish: wish.clone() };
        self.ask(asker, awaited, Command::Group { group, wish });
        Ok(())
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
                self.reply(Some(asker), Ok(json!({ "seq": last })));
            }
            (None, None) => self.reply(Some(asker), Ok(json!({ "seq": last }))),
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
