//! The vocabulary of the engine: what happens ([`Input`]), what is to be done ([`Effect`]), and by which names links,
//! dials and moments go.
#![expect(missing_docs, reason = "fields are named after what they hold")]

use std::net::SocketAddr;

use common::crypto::identity::PublicKey;
use common::crypto::terminal::TerminalIdentity;
use common::ident::{ConversationId, DirectoryGeneration, MeetingToken, MessageId, UserId};
use common::msg::{
    AuthChallenge, AuthReply, ByeReason, Certificate, Chat, ConnectRefusal, ConnectReply, Envelope, Features,
    FromDirectory, KeyChallenge, Meet, PasscodeChallenge, Receipt, Record, RequestNumber, ToDirectory,
};

use crate::command::{Command, Ticket};
use crate::contacts::Contact;
use crate::files::model::{Download, LeftOut, Source, TransferOutcome};
use crate::model::{LinkWay, MessageKey, Named, StoredMessage};
use crate::notice::{ContactNotice, DirectoryLoss, Failure, LoggedOut, MessageNotice, Notice, Unreached};
use crate::persistence::{HistoryQuery, Snapshot, Write};
use crate::verify::{ConnectRequest, LookupResult};
use crate::vouching::Kept;

/// A link of the shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LinkId(pub u64);

/// One attempt to reach a user at all of the user's addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DialId(pub u64);

/// A call to talk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    pub to: UserId,
    pub found: LookupResult,
    /// The conversation that goes on with it.
    pub conversation: Option<ConversationId>,
}

/// What is tried where a dial comes to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// Nothing: whatever may lead to the callee is tried, for as long as a call takes.
    Nothing,
    /// A relay: what is most unlikely is not waited for, and what the callee has to refuse is not tried.
    Relay,
    /// A meeting, and then a relay: a connection is waited for even less.
    Meeting,
    /// A meeting alone: a connection is waited for as little, and everything is tried that may lead to the callee.
    MeetingAlone,
}

/// Where a call for a file goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// To all addresses.
    Addresses(Fallback),
    /// To a meeting.
    Relay(MeetingToken),
}

/// Why a dial came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DialFailed {
    /// The callee said no.
    Refused(ConnectRefusal),
    /// The callee said no to a call from an address of another family (IPv4, IPv6) than its own.
    RefusedFamily(ConnectRefusal),
    /// Nobody answered at any address within this time.
    NoAnswer { seconds: u64 },
    /// No address can be reached.
    Unreached(Unreached),
    /// Whoever answered broke the rules of the protocol.
    Broken,
    /// Our own machine cannot, in its system's words.
    Local { detail: String },
    /// Somebody answered who does not hold the key.
    WrongKey,
}

/// A step of a change of the passcode: the shell holds the passcode and does the work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasscodeStep {
    /// Send `AUTHREQ` with this number: prove the passcode that the user gave as the present one.
    Prove { request: RequestNumber },
    /// Send `AUTHPROOF` with this number.
    Confirm { request: RequestNumber, challenge: Box<AuthChallenge> },
    /// Send `PASSCODEREQ` with this number, for the passcode that the user wants; the present one was proved with this answer.
    Begin { request: RequestNumber, proved: Box<AuthReply> },
    /// Send `PASSCODEUPLOAD` with this number.
    Seal { request: RequestNumber, challenge: Box<PasscodeChallenge> },
    /// Make a new identity key and send `KEYREQ` with this number, as [`PasscodeStep::Begin`].
    BeginKey { request: RequestNumber, proved: Box<AuthReply> },
    /// Send `KEYUPLOAD` with this number.
    SealKey { request: RequestNumber, challenge: Box<KeyChallenge> },
    /// The new key holds; the directory ends the session, which begins again.
    KeyChanged,
    /// The new one holds.
    Changed,
    /// The old one holds, as far as we know.
    NotChanged,
}

/// How a link ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkEnd {
    /// The other side said goodbye.
    Bye(ByeReason),
    /// The other side, or the network, is gone.
    Lost,
    /// The other side broke a rule.
    Broken,
    /// The other side does not read.
    Stalled,
}

/// What a terminal begins with, at the start and whenever its state in memory is not what the disk has.
#[derive(Debug)]
pub struct Opening {
    /// Signs for this terminal in rooms.
    pub terminal: TerminalIdentity,
    /// Our certificate, whose fingerprint our leaves carry.
    pub certificate: Certificate,
    /// From which names and keys are drawn; never the same twice.
    pub seed: [u8; 32],
    /// What was written.
    pub rows: Snapshot,
}

/// Something that happened.
#[derive(Debug)]
pub enum Input {
    /// The user wants something; what answers it repeats the ticket.
    Command(Ticket, Command),
    /// Answers `Effect::Dial`: the callee accepted, or why not.
    Dialed { dial: DialId, outcome: Result<LinkId, DialFailed> },
    /// What the terminal that a dial has reached shows of itself, in front of the dial's end.
    Shown { link: LinkId, record: Box<Record> },
    /// By which name the terminal that a dial has reached knows the conversation, in front of the dial's end.
    LinkNamed { link: LinkId, named: Named },
    /// How a link goes; in front of whatever else is said of it.
    LinkStands { link: LinkId, way: LinkWay },
    /// Somebody with a good preface and a key of its own asks to be connected.
    Requested { link: LinkId, request: ConnectRequest },
    /// The same by somebody who wants a file of us, from a byte on.
    FileRequested { link: LinkId, request: ConnectRequest, file: MessageId, offset: u64 },
    /// The user offers a file, which is there.
    FileRead { ticket: Ticket, to: UserId, name: String, source: Source, left_out: LeftOut },
    /// Bytes of a file that have been sent, or have come, so far.
    FileProgress { number: u64, done: u64 },
    /// A file came, or was sent, or not.
    FileEnded { number: u64, outcome: TransferOutcome },
    /// The caller took this link.
    Connected { link: LinkId },
    /// A text arrived.
    Text { link: LinkId, chat: Chat },
    /// The other side has kept, or shown, texts of ours.
    Receipt { link: LinkId, receipt: Receipt },
    /// The directory says something: by itself, or as the answer to a request.
    DirectoryMessage { request: Option<RequestNumber>, message: Box<FromDirectory> },
    /// The directory answers this request with something that this version does not know.
    Misunderstood { request: RequestNumber },
    /// By which name what the directory remembers goes; in front of `Began` and `DirectoryBack`.
    Generation(DirectoryGeneration),
    /// Answers `Effect::Recall`.
    Recalled { name: MessageKey, record: Option<Box<StoredMessage>> },
    /// The session stands for the first time; the directory understands this.
    Began(Features),
    /// The disk would not keep something, in these words: what was asked by commands of the user is not done. Until
    /// [`Input::Reopened`] nothing that rests on the disk is.
    NotKept { detail: String },
    /// The disk would not keep something: this is what it has.
    Reopened(Box<Opening>),
    /// This terminal has become another one; the session follows.
    Renewed(Box<Opening>),
    /// Our user has another identity key, by which this terminal is certified now; the session follows.
    Rekeyed(Box<(PublicKey, Opening)>),
    /// A link is gone.
    LinkEnded { link: LinkId, end: LinkEnd },
    /// The directory's connection is gone; the shell tries again after this many seconds.
    DirectoryLost { retry_in: u64, why: DirectoryLoss },
    /// The session stands again.
    DirectoryBack(Features),
    /// The directory ended the session for good.
    SessionEnded(LoggedOut),
    /// A deadline of `Engine::next_deadline` has passed.
    Tick,
}

impl Input {
    /// The directory says this by itself.
    pub fn of_directory(message: impl Into<FromDirectory>) -> Self {
        Self::DirectoryMessage { request: None, message: Box::new(message.into()) }
    }
}

/// Something to be done.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// Tell the user.
    Notify(Notice),
    /// Answer a command of the user.
    Answer(Ticket, Notice),
    /// Say something to the directory; what it answers comes as [`Input::DirectoryMessage`].
    Ask(Box<Envelope<ToDirectory>>),
    /// Go on with the change of the passcode.
    Passcode(PasscodeStep),
    /// Call at all addresses, and show what the directory has said of us; the first terminal to accept takes it.
    Dial { dial: DialId, call: Call, fallback: Fallback, shown: Option<Box<Record>> },
    /// Call over the leg that this token opens; ends as a dial does.
    DialByRelay { dial: DialId, call: Call, token: MeetingToken },
    /// Call by connecting to each other: to this address, so many milliseconds from when the directory has said so; ends as a
    /// dial does.
    DialToMeet { dial: DialId, call: Call, address: SocketAddr, after: u32 },
    /// Come to a meeting that another terminal has asked for, and wait for its call.
    Meet(Box<Meet>),
    /// Call at all addresses for a file, or over the leg that a token opens.
    Fetch { to: UserId, found: LookupResult, over: Over, wanted: Box<Download> },
    /// Accept a caller and give it a file, from a byte on.
    Serve { link: LinkId, reply: ConnectReply, number: u64, source: Source, offset: u64 },
    /// Stop fetching or giving a file; throw away what has come of it.
    StopFile { number: u64, came: Option<Box<Download>> },
    /// Give up a dial.
    Hang(DialId),
    /// Answer a caller; a refused link is closed behind the answer.
    Reply { link: LinkId, reply: ConnectReply },
    /// Write all of this or none of it, as durably as [rests on it](Effect::rests_on) what is carried out next. At most one
    /// in a step, in front of whatever rests on it; those of several steps may be one, and one that is synced makes those
    /// before it so. If it fails, nothing that rests on it is done, the session begins again, and so does this state with what the disk
    /// has, which comes as [`Input::Reopened`]; until then nothing is done that rests on the disk.
    Persist(Vec<Write>),
    /// Look something up in the history and tell the user.
    QueryHistory(HistoryQuery),
    /// Look a message up in the history, for the engine itself.
    Recall(Box<MessageKey>),
    /// This state is an old copy: go on as a new terminal (threat G5). Nothing else of the step counts.
    NewTerminal,
    /// Send a text.
    Say { link: LinkId, chat: Chat },
    /// Confirm texts.
    Confirm { link: LinkId, receipt: Receipt },
    /// Say goodbye and close.
    Close { link: LinkId, reason: ByeReason },
    /// Write what was seen of a user, where nothing else is written: calls go on if the disk refuses it.
    Save(Contact),
    /// Write the records of a user's terminals in the place of those from before.
    KeepRecords(Kept),
    /// End the session with the directory and stop.
    LogOut,
    /// Nothing can go on: stop.
    Fail(Failure),
}

/// How durable what was written must be before an effect may be carried out (decision D17).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Durability {
    /// It rests on nothing.
    Nothing,
    /// It survives the end of the program.
    Written,
    /// It survives the loss of power.
    Synced,
}

impl Effect {
    /// What it rests on: a text over a link, and that a text waits to be sent, on its row being written; a letter sealed by a
    /// ratchet, a receipt, an acknowledgement, whatever else the user is told about messages, groups and files, and that
    /// something was decided about another user, on its being synced.
    pub fn rests_on(&self) -> Durability {
        match self {
            // Calls can be placed and answered while the disk fails.
            Self::Ask(envelope)
                if matches!(
                    envelope.message,
                    ToDirectory::LookupReq(_) | ToDirectory::ListReq(_) | ToDirectory::MeetReq(_)
                ) =>
            {
                Durability::Nothing
            }
            Self::Ask(_) | Self::Confirm { .. } => Durability::Synced,
            // What was written in this step is found.
            Self::Say { .. } | Self::StopFile { .. } | Self::Recall(_) => Durability::Written,
            // Shown even if it cannot be kept; then it is not confirmed, and comes again.
            Self::Notify(notice) | Self::Answer(_, notice) => match notice {
                Notice::Message(MessageNotice::Text { .. }) => Durability::Nothing,
                Notice::Message(MessageNotice::Sent { .. }) => Durability::Written,
                Notice::Message(_)
                | Notice::Group { .. }
                | Notice::File(_)
                | Notice::Contact(
                    ContactNotice::NumberConfirmed { .. }
                    | ContactNotice::KeyDecided { .. }
                    | ContactNotice::Unblocked { .. },
                ) => Durability::Synced,
                Notice::Session(_)
                | Notice::Directory(_)
                | Notice::Call(_)
                | Notice::Contact(_)
                | Notice::Journal(_) => Durability::Nothing,
            },
            Self::Dial { .. }
            | Self::DialByRelay { .. }
            | Self::DialToMeet { .. }
            | Self::Meet(_)
            | Self::Fetch { .. }
            | Self::Serve { .. }
            | Self::Hang(_)
            | Self::Reply { .. }
            | Self::Persist(_)
            | Self::QueryHistory(_)
            | Self::Passcode(_)
            | Self::NewTerminal
            | Self::Close { .. }
            | Self::Save(_)
            | Self::KeepRecords(_)
            | Self::LogOut
            | Self::Fail(_) => Durability::Nothing,
        }
    }

    /// Whether it may be carried out later than what stands behind it, when what it rests on is synced: a receipt for texts
    /// of a link, and what the user is told of how far messages have come.
    pub fn may_wait(&self) -> bool {
        matches!(self, Self::Confirm { .. } | Self::Notify(Notice::Message(MessageNotice::Marked { .. })))
    }

    /// Whether it says to others, or to the directory, what this state is: while the state in memory is not what the disk
    /// has, it is not carried out, whatever it rests on. Lookups and lists say nothing.
    pub fn speaks_of_state(&self) -> bool {
        match self {
            Self::Ask(_) => self.rests_on() > Durability::Nothing,
            effect => matches!(effect, Self::Say { .. } | Self::Confirm { .. }),
        }
    }
}

/// The moment of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Now {
    /// Seconds of a clock that only goes forward; deadlines are measured by it.
    pub tick: u64,
    /// Seconds since the epoch, for dates shown to users.
    pub date: u64,
    /// Seconds since the epoch by the directory's clock, which counts the time in which this machine sleeps.
    pub directory: u64,
}

/// Which calls are taken (`[peer] accept`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accept {
    /// Every verified caller.
    All,
    /// Whom the user has chosen before.
    Contacts,
    /// The user is asked.
    Ask,
    /// Nobody.
    None,
}
