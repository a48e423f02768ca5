//! The engine: one logged-in terminal, as a pure machine.
//!
//! Everything that happens is an [`Input`]; everything to be done is an [`Effect`]. The shell feeds one and carries out
//! the other, in order. Time comes in with each input.
//!
//! - `outgoing`: calls this terminal places, crossed calls included (protocol sections 7.3, 7.4)
//! - `incoming`: callers and how they are verified (protocol section 7.2)
//! - `people`: list, safety numbers, changed keys
//! - `answers`: what is asked of the directory, and what becomes of it (protocol section 3.4)
#![expect(missing_docs, reason = "fields are named after what they hold")]

mod answers;
mod incoming;
mod outgoing;
mod people;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use common::ident::{MessageId, TerminalId, UserId};
use common::msg::{
    ByeReason, Chat, ConnectRefusal, ConnectReply, Envelope, FromDirectory, PasscodeChallenge, Receipt, RequestNumber,
    ToDirectory,
};

use self::incoming::{CallerLimiter, Fetching, Incoming};
use self::outgoing::Outgoing;
pub use self::people::key_changed;
use super::command::{
    CallCommand, Command, ContactCommand, DirectoryCommand, FileCommand, JournalCommand, MessageCommand, SessionCommand,
};
use super::contacts::{Contact, Contacts};
use super::notice::{AfterLoss, CallNotice, DirectoryNotice, EndedBy, LoggedOut, Notice, SessionNotice};
use super::persistence::Write;
use super::post::{Download, HistoryQuery, Post, Source, Step, TransferOutcome};
use super::verify::{LocalIdentity, LookupResult, Request};

/// A link of the shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LinkId(pub u64);

/// One attempt to reach somebody at all of that person's addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DialId(pub u64);

/// How long a conversation must have lasted, in seconds, for its lost link to be called again. Chosen arbitrarily: longer
/// than a call takes to be placed.
const WORTH_ANOTHER_CALL: u64 = 10;

/// How long, in seconds, what was just sent may hold up the end of the program. Chosen arbitrarily; it is kept anyway.
const LAST_MAIL: u64 = 5;

/// What a lookup is for; comes back with its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To place a call.
    Call,
    /// To verify the caller of this link.
    Caller(LinkId),
    /// To show a safety number.
    Number,
    /// To fetch the file of this number.
    File(u64),
}

/// A step of a change of the passcode: the shell holds the passcode and does the work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasscodeStep {
    /// Send `PASSCODEREQ` with this number, for the passcode that the user typed last.
    Begin { request: RequestNumber },
    /// Send `PASSCODEUPLOAD` with this number.
    Seal { request: RequestNumber, challenge: Box<PasscodeChallenge> },
    /// The new one holds.
    Changed,
    /// The old one holds, as far as we know.
    NotChanged,
}

/// The directory is out of reach, so there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreachable;

/// Why a dial came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DialFailed {
    /// The callee said no.
    Refused(ConnectRefusal),
    /// Nobody answered at any address, after so many seconds.
    NoAnswer { seconds: u64 },
    /// Somebody answered who does not hold the key.
    WrongKey,
}

/// How a link ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkEnd {
    /// The other side said goodbye.
    Bye(ByeReason),
    /// The other side, or the network, is gone.
    Lost,
    /// The other side broke a rule, or does not read.
    Broken,
}

/// Something that happened.
#[derive(Debug)]
pub enum Input {
    /// A person wants something.
    Command(Command),
    /// Answers `Effect::Dial`: the callee accepted, or why not.
    Dialed { dial: DialId, outcome: Result<LinkId, DialFailed> },
    /// Somebody with a good preface and a key of his own asks to be connected.
    Requested { link: LinkId, request: Request },
    /// The same by somebody who wants a file of us, from a byte on.
    FileRequested { link: LinkId, request: Request, file: MessageId, offset: u64 },
    /// The person offers a file, which is there.
    FileRead { to: UserId, name: String, source: Source, left_out: usize },
    /// So many bytes of a file have been sent, or have come.
    FileProgress { number: u64, done: u64 },
    /// A file came, or was sent, or not.
    FileWent { number: u64, went: TransferOutcome },
    /// The caller took this link.
    Connected { link: LinkId },
    /// A text arrived.
    Text { link: LinkId, chat: Chat },
    /// The other side has kept, or shown, texts of ours.
    Receipt { link: LinkId, receipt: Receipt },
    /// The directory says something about mail, rooms, presence or broadcasts.
    Said { request: Option<RequestNumber>, message: Box<FromDirectory> },
    /// The directory answers this request with something that this version does not know.
    Misunderstood { request: RequestNumber },
    /// The session stands for the first time.
    Began,
    /// The disk would not keep something: this is what it has.
    Reopened(Box<Post>),
    /// This terminal has become another one; the session follows.
    Renewed { terminal: TerminalId, post: Box<Post> },
    /// A link is gone.
    LinkEnded { link: LinkId, end: LinkEnd },
    /// The directory's connection is gone; the shell tries again in so many seconds.
    DirectoryLost { retry_in: u64 },
    /// The session stands again.
    DirectoryBack,
    /// The directory ended the session for good.
    SessionEnded(LoggedOut),
    /// A deadline of [`Engine::next_deadline`] has passed.
    Tick,
}

/// Something to be done.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// Tell the person.
    Notify(Notice),
    /// Call at all addresses; the first terminal to accept takes it.
    Dial { dial: DialId, to: UserId, found: LookupResult },
    /// Call at all addresses for a file.
    Fetch { to: UserId, found: LookupResult, wanted: Box<Download> },
    /// Accept a caller and give it a file, from a byte on.
    Serve { link: LinkId, reply: ConnectReply, number: u64, source: Source, offset: u64 },
    /// Stop fetching or giving a file; throw away what has come of it.
    StopFile { number: u64, came: Option<Box<Download>> },
    /// Give up a dial.
    Hang(DialId),
    /// Answer a caller; a refused link is closed behind the answer.
    Reply { link: LinkId, reply: ConnectReply },
    /// Keep all of this or none of it. What follows rests on it: if it fails, nothing that follows is done, the session
    /// begins anew, and so does the post office with what the disk has, which comes as [`Input::Reopened`]; until then
    /// nothing is done that [rests on the disk](Effect::rests_on_the_disk).
    Persist(Vec<Write>),
    /// Say something to the directory; what it answers comes as [`Input::Said`].
    Ask(Box<Envelope<ToDirectory>>),
    /// Go on with the change of the passcode.
    Passcode(PasscodeStep),
    /// Look something up in the history and tell the person.
    QueryHistory(HistoryQuery),
    /// This state is an old copy: go on as a new terminal (threat G5).
    NewTerminal,
    /// Send a text.
    Say { link: LinkId, chat: Chat },
    /// Confirm texts.
    Confirm { link: LinkId, receipt: Receipt },
    /// Say goodbye and close.
    Close { link: LinkId, reason: ByeReason },
    /// Keep a contact.
    Save(Contact),
    /// End the session with the directory and stop.
    LogOut,
}

impl Effect {
    /// Whether it may only be carried out while the disk has what this state rests on: what is said to others, and asked
    /// of the directory by the post office.
    pub fn rests_on_the_disk(&self) -> bool {
        match self {
            Self::Ask(envelope) => !matches!(envelope.message, ToDirectory::LookupReq(_) | ToDirectory::ListReq(_)),
            effect => matches!(effect, Self::Persist(_) | Self::Say { .. } | Self::Confirm { .. }),
        }
    }

    /// Whether it ends something, which is done even if what stands before it could not be kept.
    pub fn is_an_end(&self) -> bool {
        matches!(
            self,
            Self::Close { .. } | Self::LogOut | Self::Notify(Notice::Session(SessionNotice::LoggedOut { .. }))
        )
    }
}

/// The moment of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Seconds of a clock that only goes forward; deadlines are measured by it.
    pub tick: u64,
    /// Seconds since the epoch, for dates shown to people.
    pub date: u64,
}

/// Which calls are taken (`[peer] accept`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accept {
    /// Every verified caller.
    All,
    /// Whose key was known before.
    Contacts,
    /// The person is asked.
    Ask,
    /// Nobody.
    None,
}

/// A link that both sides agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Conversation {
    link: LinkId,
    direction: Direction,
    /// When it began, by the tick clock.
    since: u64,
}

/// Who placed the call; after a loss, that side calls again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Ours,
    Theirs,
}

/// Whether the directory can be asked now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Directory {
    Up,
    Down,
}

/// One logged-in terminal.
#[derive(Debug)]
pub struct Engine {
    me: LocalIdentity,
    accept: Accept,
    contacts: Contacts,
    conversations: BTreeMap<UserId, Conversation>,
    outgoing: BTreeMap<UserId, Outgoing>,
    incoming: BTreeMap<LinkId, Incoming>,
    strangers: CallerLimiter,
    directory: Directory,
    dials: u64,
    post: Post,
    /// The person wants to leave; until when what was just sent may hold that up, by the tick clock.
    leaving: Option<u64>,
}

impl Engine {
    /// A terminal that has just announced itself.
    pub fn new(me: LocalIdentity, accept: Accept, contacts: Contacts, mut post: Post) -> Self {
        post.desk().connect();
        Self {
            me,
            accept,
            contacts,
            conversations: BTreeMap::new(),
            outgoing: BTreeMap::new(),
            incoming: BTreeMap::new(),
            strangers: CallerLimiter::default(),
            directory: Directory::Up,
            dials: 0,
            post,
            leaving: None,
        }
    }

    /// Takes one input; appends what has to be done, in order.
    pub fn handle(&mut self, now: Now, input: Input, out: &mut Vec<Effect>) {
        self.happened(now, input, out);
        self.settle_refused(now, out);
        self.tell_links(now, out);
        self.leave_when_sent(now, out);
    }

    /// Logs out, as asked, once what was just sent has left.
    fn leave_when_sent(&mut self, now: Now, out: &mut Vec<Effect>) {
        let waits = self.directory == Directory::Up && self.post.is_sending();
        if self.leaving.take_if(|until| !waits || *until <= now.tick).is_some() {
            self.close_everything(ByeReason::Ended, out);
            out.push(Effect::LogOut);
        }
    }

    fn happened(&mut self, now: Now, input: Input, out: &mut Vec<Effect>) {
        match input {
            Input::Command(command) => self.command(now, command, out),
            Input::FileRequested { link, request, file, offset } => {
                self.file_requested(now, link, request, Fetching { file, offset }, out);
            }
            Input::FileRead { to, name, source, left_out } => {
                let (post, mut step) = self.post(now, out);
                post.offer_file(&mut step, to, &name, (source, left_out));
            }
            Input::FileProgress { number, done } => {
                let (post, mut step) = self.post(now, out);
                post.file_progress(&mut step, number, done);
            }
            Input::FileWent { number, went } => {
                let (post, mut step) = self.post(now, out);
                post.file_went(&mut step, number, went);
            }
            Input::Dialed { dial, outcome } => self.dialed(now, dial, outcome, out),
            Input::Requested { link, request } => self.requested(now, link, request, out),
            Input::Connected { link } => self.connected(now, link, out),
            Input::Text { link, chat } => {
                // A text says as well as CONNECTED that the caller took this link.
                self.connected(now, link, out);
                if let Some(from) = self.user_of(link) {
                    let (post, mut step) = self.post(now, out);
                    post.chat(&mut step, &from, link, chat);
                }
            }
            Input::Receipt { link, receipt } => {
                if let Some(by) = self.user_of(link) {
                    let (post, mut step) = self.post(now, out);
                    post.confirmed(&mut step, &by, &receipt);
                }
            }
            Input::Said { request, message } => self.said(now, request, *message, out),
            Input::Misunderstood { request } => self.misunderstood(now, request, out),
            Input::Began => {
                let (post, mut step) = self.post(now, out);
                post.session_began(&mut step);
            }
            Input::Reopened(reopened) => {
                self.replace_post(*reopened);
                // Texts that came meanwhile were not confirmed; their senders send them by mail when the link has ended.
                for (with, conversation) in std::mem::take(&mut self.conversations) {
                    out.push(Effect::Close { link: conversation.link, reason: ByeReason::Stopping });
                    out.push(Effect::Notify(Notice::Call(CallNotice::Ended { with, by: EndedBy::Us })));
                }
                if self.directory == Directory::Up {
                    let (post, mut step) = self.post(now, out);
                    post.session_began(&mut step);
                }
            }
            Input::Renewed { terminal, post } => {
                self.me.terminal = terminal;
                self.replace_post(*post);
            }
            Input::LinkEnded { link, end } => self.link_ended(now, link, end, out),
            Input::DirectoryLost { retry_in } => {
                let asked = self.session_gone(now, out);
                self.directory = Directory::Down;
                let (post, mut step) = self.post(now, out);
                post.session_lost(&mut step, asked);
                out.push(Effect::Notify(Notice::Directory(DirectoryNotice::Lost { retry_in })));
            }
            Input::DirectoryBack => {
                self.directory = Directory::Up;
                self.post.desk().connect();
                out.push(Effect::Notify(Notice::Directory(DirectoryNotice::Back)));
                let (post, mut step) = self.post(now, out);
                post.session_began(&mut step);
            }
            Input::SessionEnded(why) => {
                self.session_gone(now, out);
                self.close_everything(ByeReason::Ended, out);
                out.push(Effect::Notify(Notice::Session(SessionNotice::LoggedOut { why })));
            }
            Input::Tick => {
                self.expire_outgoing(now, out);
                self.expire_incoming(now, out);
                let (post, mut step) = self.post(now, out);
                post.tick(&mut step);
            }
        }
    }

    /// The post office, and what it needs for a step.
    fn post<'a>(&'a mut self, now: Now, out: &'a mut Vec<Effect>) -> (&'a mut Post, Step<'a>) {
        (&mut self.post, Step { me: &self.me, now, contacts: &mut self.contacts, out })
    }

    /// Another office takes over; what the engine itself has asked is still answered.
    fn replace_post(&mut self, mut post: Post) {
        post.desk().take_over(self.post.desk());
        self.post = post;
    }

    /// Lets the post office know which links stand.
    fn tell_links(&mut self, now: Now, out: &mut Vec<Effect>) {
        let standing: BTreeMap<UserId, LinkId> =
            self.conversations.iter().map(|(user, conversation)| (user.clone(), conversation.link)).collect();
        let (post, mut step) = self.post(now, out);
        post.links_stand(&mut step, standing);
    }

    /// When [`Input::Tick`] is due, by the tick clock.
    pub fn next_deadline(&self) -> Option<u64> {
        let outgoing = self.outgoing.values().filter_map(Outgoing::deadline);
        let incoming = self.incoming.values().filter_map(Incoming::deadline);
        outgoing.chain(incoming).chain(self.post.next_deadline()).chain(self.leaving).min()
    }

    fn command(&mut self, now: Now, command: Command, out: &mut Vec<Effect>) {
        match command {
            Command::Call(CallCommand::Place { to }) => self.call(now, to, out),
            Command::Call(CallCommand::End { with }) => self.end(&with, out),
            Command::Call(CallCommand::Answer { from, answer }) => self.answer_call(now, &from, answer, out),
            Command::Directory(DirectoryCommand::List) => self.list(out),
            Command::Contact(ContactCommand::SafetyNumber { with }) => self.safety_number(with, out),
            Command::Contact(ContactCommand::ConfirmNumber { with, digits, answer }) => {
                self.confirm_number(now, with, &digits, answer, out)
            }
            Command::Contact(ContactCommand::DecideKey { of, decision }) => self.decide_key(now, of, decision, out),
            Command::Contact(ContactCommand::Block { user }) => self.block(user, out),
            Command::Contact(ContactCommand::Unblock { user }) => self.unblock(now, user, out),
            Command::Message(MessageCommand::Send { .. })
            | Command::Message(MessageCommand::Why { .. })
            | Command::Message(MessageCommand::History { .. })
            | Command::Message(MessageCommand::Find { .. })
            | Command::Message(MessageCommand::Seen { .. })
            | Command::Group { .. }
            | Command::Directory(DirectoryCommand::Away { .. })
            | Command::Message(MessageCommand::ReadReceipts(_))
            | Command::Session(SessionCommand::Terminals)
            | Command::File(FileCommand::Change { .. })
            | Command::File(FileCommand::All)
            | Command::Session(SessionCommand::RemoveTerminal { .. }) => {
                let is_up = self.directory == Directory::Up;
                let (post, mut step) = self.post(now, out);
                post.command(&mut step, command, is_up);
            }
            Command::Session(SessionCommand::Logout) => self.leaving = Some(now.tick + LAST_MAIL),
            Command::Session(SessionCommand::ChangePasscode { .. }) => self.change_passcode(out),
            // The shell's: files and the journal carry them out.
            Command::File(FileCommand::Offer { .. })
            | Command::Journal(JournalCommand::Replay { .. })
            | Command::Journal(JournalCommand::Acknowledge { .. }) => {}
            // Login is over; a front end does not send these any more.
            Command::Session(SessionCommand::Identify { .. })
            | Command::Session(SessionCommand::TrustDirectory(_))
            | Command::Session(SessionCommand::Login { .. })
            | Command::Session(SessionCommand::Register { .. })
            | Command::Session(SessionCommand::Invitation { .. }) => {}
        }
    }

    fn end(&mut self, with: &UserId, out: &mut Vec<Effect>) {
        self.give_up(with, out);
        if let Some(conversation) = self.conversations.remove(with) {
            out.push(Effect::Close { link: conversation.link, reason: ByeReason::Ended });
            out.push(Effect::Notify(Notice::Call(CallNotice::Ended { with: with.clone(), by: EndedBy::Us })));
        }
    }

    fn link_ended(&mut self, now: Now, link: LinkId, end: LinkEnd, out: &mut Vec<Effect>) {
        self.caller_gone(link, out);
        let Some(with) = self.user_of(link) else { return };
        let Some(conversation) = self.conversations.remove(&with) else { return };
        // Whoever hangs up at once, again and again, is not called again and again.
        let lasted = now.tick.saturating_sub(conversation.since) >= WORTH_ANOTHER_CALL;
        let can_call = conversation.direction == Direction::Ours && lasted && self.directory == Directory::Up;
        match end {
            LinkEnd::Bye(_) => out.push(Effect::Notify(Notice::Call(CallNotice::Ended { with, by: EndedBy::Them }))),
            LinkEnd::Lost if can_call => {
                out.push(Effect::Notify(Notice::Call(CallNotice::LinkLost {
                    with: with.clone(),
                    then: AfterLoss::CalledAgain,
                })));
                self.call_again(with, out);
            }
            LinkEnd::Lost | LinkEnd::Broken => {
                out.push(Effect::Notify(Notice::Call(CallNotice::LinkLost { with, then: AfterLoss::Over })))
            }
        }
    }

    fn close_everything(&mut self, reason: ByeReason, out: &mut Vec<Effect>) {
        for (_, conversation) in std::mem::take(&mut self.conversations) {
            out.push(Effect::Close { link: conversation.link, reason });
        }
        for outgoing in std::mem::take(&mut self.outgoing).into_values() {
            out.extend(outgoing.dial().map(Effect::Hang));
        }
        for link in std::mem::take(&mut self.incoming).into_keys() {
            out.push(Effect::Close { link, reason });
        }
    }

    fn user_of(&self, link: LinkId) -> Option<UserId> {
        self.conversations.iter().find(|(_, conversation)| conversation.link == link).map(|(user, _)| user.clone())
    }
}
