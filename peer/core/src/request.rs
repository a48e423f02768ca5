//! What one machine wants of another, as values: the machines do not know each other, `messaging` hands these on.

use std::collections::BTreeSet;

use common::ident::{GroupName, MessageId, RoomId, TerminalId, UserId};
use common::limits::SUCCESSORS_ASKED;
use common::msg::{
    Body, Broadcast, Letter, ListedUser, MailItem, Member, Outgoing, SUCCESSIONS, SuccessorsReq, ToDirectory,
    UserCertificate,
};
use zeroize::Zeroizing;

use crate::command::Ticket;
use crate::context::Context;
use crate::event::LinkId;
use crate::model::{Conversation, StoredMessage};
use crate::notice::{DirectoryRefusal, Next};
use crate::verify::LookupResult;

/// What one machine wants of another.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Something of `directory`.
    Directory(DirectoryRequest),
    /// Something of `delivery`.
    Delivery(DeliveryRequest),
    /// Something of `groups`.
    Group(GroupRequest),
    /// Something of `mailbox`.
    Mailbox(MailboxRequest),
    /// Of `files`: a verified caller wants a file, from a byte on.
    Fetch { link: LinkId, from: UserId, file: MessageId, offset: u64 },
    /// Of `calls`: a lookup was answered; nothing where the directory does not know.
    FoundForCall { user: UserId, reason: LookupReason, found: Result<Option<LookupResult>, NotLookedUp> },
    /// Of several: a user came, or is there.
    Came(UserId),
    /// Of several: a letter that is no text, or not for delivery.
    Opened(Box<OpenedLetter>),
    /// Of several: the directory has said who is online.
    Listed(Vec<ListedUser>),
}

/// What is wanted of the machine that talks to the directory.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum DirectoryRequest {
    /// Ask the directory; the answer comes back to whoever asks such questions.
    Ask { message: ToDirectory, question: Question },
    /// A question that is not answered any more.
    Unanswered(Asked),
    /// A question that the directory would not answer, or could not; it may be asked again after so many seconds.
    Failed { question: Question, why: DirectoryRefusal, again_in: u64 },
    /// Say something to the directory that is not answered.
    Tell(ToDirectory),
    /// Ask where a user is and which key the user has.
    LookUp { user: UserId, reason: LookupReason },
    /// Have the directory say where these users are.
    Watch(Vec<UserId>),
}

/// What is wanted of the machine that sends what the user writes, and takes what others write.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum DeliveryRequest {
    /// Send a letter that is no text.
    Send { to: Conversation, letter: Letter },
    /// Something may have become possible in this conversation.
    Flush(Conversation),
    /// Say again what was said in a group in this epoch or later: it goes on in another room, or these terminals were taken in
    /// again that could not follow.
    SayAgain { to: Conversation, epoch: u64, whom: Vec<Member> },
    /// A terminal of this user was not in the room in which its texts were confirmed, and is in one now: confirm them again.
    ConfirmAgain(UserId),
    /// What was held back in this conversation may go now.
    Retry(Conversation),
    /// Nothing can go in this conversation until then, by the tick clock.
    BackOff { to: Conversation, next: Next, until: u64 },
    /// A room is ready for mail to a conversation.
    RoomReady { to: Conversation, room: RoomId },
    /// Letters were sealed, by their numbers.
    Sealed { to: Conversation, room: RoomId, epoch: u64, sealed: Vec<(u64, Outgoing)> },
    /// The user does not take part in this conversation any more.
    ConversationOver(Conversation),
    /// Our goodbye to a group was not the last word: say it again.
    GoodbyeAgain(Conversation),
    /// What the directory kept for terminals of a receiver that are gone never arrives.
    ReceiverReplaced(Conversation),
    /// The directory may have lost what it kept of ours.
    StoredLost,
    /// The directory goes on from an older state; these groups are not what they were.
    Restored(Vec<(GroupName, Option<UserId>)>),
    /// A letter was opened by its room.
    Letter(Box<SealedLetter>),
    /// All letters that were there were taken.
    LettersTaken,
    /// Somebody has said something to everyone, and it is genuine.
    Broadcast(Box<Broadcast>),
    /// A link to a user stands.
    LinkUp(UserId),
    /// A link to a user is gone.
    LinkDown(UserId, LinkId),
    /// The user has decided about a key, or a block.
    KeyDecided(UserId),
    /// The directory knows no such user: what was for them is given up.
    NoSuchUser(UserId),
}

/// What is wanted of the machine that has the rooms.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum GroupRequest {
    /// Mail for this conversation needs a room.
    NeedsRoom(Conversation),
    /// Seal these letters, as many as go in one message.
    Seal { to: Conversation, room: RoomId, letters: Vec<PlainLetter> },
    /// Open an item of the mailbox.
    Open(Box<WholeItem>),
    /// The epoch of a room was ended by a commit that comes.
    EpochEnded(RoomId),
    /// The directory does not know a room any more.
    RoomGone(RoomId),
    /// The directory has closed a room, because its group was founded anew.
    RoomMoved(RoomId),
    /// Our goodbye to a group is with the directory.
    GoodbyeStored(Conversation),
    /// Everything that waited in the mailbox when the session began was taken.
    CaughtUp,
    /// Whom the user calls is not online.
    NotOnline(UserId),
    /// The directory goes on from an older state: what it knows of this terminal is made anew and compared.
    Restored { has_packages: bool },
}

/// What is wanted of the machine that takes items from the mailbox.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum MailboxRequest {
    /// The item of this number was taken.
    Taken(u64),
    /// An item cannot be judged without the certificates of these terminals.
    NeedsCertificates { whole: Box<WholeItem>, missing: Vec<Member> },
    /// Something is given to the directory, which counts it as we do.
    CountWritten,
    /// The directory has the key packages that were made anew.
    PackagesMade,
    /// All is made anew that an older state of the directory spoils.
    Repaired,
}

/// Why a lookup has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotLookedUp {
    /// The directory is out of reach.
    Unreachable,
    /// The directory does not tell, or tells nothing that can be used.
    Refused(DirectoryRefusal),
}

/// Why a user is looked up; comes back with the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LookupReason {
    /// To place a call.
    Call,
    /// To verify the caller of this link.
    Caller(LinkId),
    /// To show a safety number.
    Number,
    /// To fetch the file of this number.
    File(u64),
    /// To have what the directory signs of a contact's terminals.
    Record,
}

/// What was asked of the directory, with what is needed when the answer comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Question {
    /// Where a user is.
    LookUp { user: UserId, reason: LookupReason },
    /// Who is online; who was named so far.
    List { listed: Vec<ListedUser> },
    /// To be brought together with a terminal of a user whom we call.
    Meeting(UserId),
    /// The same for the file of this number.
    FileMeeting(u64),
    /// Which terminals our user has.
    OwnTerminals,
    /// Whether there is such a user, whom our user wanted to call.
    Reachable(UserId),
    /// Whether there is such a user, for whom our user wants to do something.
    Destination(UserId),
    /// To tell everyone something.
    Broadcast { id: MessageId, text: String, ticket: Ticket },
    /// For a page of the log of broadcasts, behind these.
    Log { count: usize, entries: Vec<StoredMessage>, before: Option<u64>, pages: usize },
    /// To begin with the mail.
    Mailbox,
    /// For the next piece of the item that is being taken.
    Piece,
    /// For certificates that judging it needs.
    Certificates,
    /// To forget the terminal that this one took the place of.
    Replaced,
    /// In which epochs these rooms are.
    Epochs(Vec<RoomId>),
    /// The same of rooms whose epoch was ended by a commit that has not come.
    Overdue(Vec<RoomId>),
    /// To take letters, by their numbers in the outbox.
    Put { to: Conversation, numbers: Vec<u64>, room: RoomId },
    /// For the commit of the operation under way.
    Commit { room: RoomId, epoch: u64 },
    /// To give up the room of a group.
    GiveUp(GroupName),
    /// Whose group it is that has the name of one that the user wants to found.
    Owner(GroupName),
    /// For a group that the user wants to join.
    Group(GroupName),
    /// For the operation of this number: which terminals there are.
    Terminals(u64),
    /// For the operation of this number: certificates that the leaves of its room are compared with.
    Leaves(u64),
    /// For the operation of this number: key packages of a user.
    Packages(UserId, u64),
    /// To begin with a proof of the passcode.
    Proof(Aim),
    /// To complete it.
    ProofEnd(Aim),
    /// To begin with a change of the passcode.
    PasscodeChange,
    /// To complete it.
    PasscodeUpload,
    /// To begin with a new identity key.
    KeyChange,
    /// To complete it.
    KeyUpload,
    /// Whether the keys of these users have taken the place of others.
    Successors(Vec<UserId>),
    /// The same of a user whose key was found to differ from the pinned one.
    ChangedKey(UserId),
}

/// What a passcode is proved for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aim {
    /// To know whether it is the right one.
    Check,
    /// To change it.
    Change,
    /// To put a new identity key in the place of the present one.
    Rekey,
    /// To remove a terminal.
    Remove(TerminalId),
}

/// A question on its way to the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) question: Question,
    /// The command of the user that it is asked for.
    pub(crate) ticket: Option<Ticket>,
}

impl Asked {
    /// A question that is asked for what happens now.
    pub(crate) fn now(cx: &Context, question: Question) -> Self {
        Self { question, ticket: cx.answering.clone() }
    }

    /// It is answered, or never will be: what happens now goes on with the command that it was asked for.
    pub(crate) fn go_on(self, cx: &mut Context) -> Question {
        cx.answering = self.ticket;
        self.question
    }
}

/// Asks whether the keys of these users have taken the place of others, where the directory can tell. What it says has to be
/// known before certificates and key packages of theirs are judged.
pub(crate) fn successors(cx: &Context, users: impl IntoIterator<Item = UserId>) -> Option<Request> {
    let users: BTreeSet<UserId> = users.into_iter().collect();
    let users: Vec<UserId> = users.into_iter().take(SUCCESSORS_ASKED).collect();
    let message = SuccessorsReq { users: users.clone() }.into();
    let asks = cx.features.include(SUCCESSIONS) && !users.is_empty();
    asks.then(|| Request::Directory(DirectoryRequest::Ask { message, question: Question::Successors(users) }))
}

/// Asks whether the key that was found to differ has taken the place of the pinned one.
pub(crate) fn changed_key(user: UserId) -> Request {
    let message = SuccessorsReq { users: vec![user.clone()] }.into();
    Request::Directory(DirectoryRequest::Ask { message, question: Question::ChangedKey(user) })
}

/// A letter to be sealed, by its number in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlainLetter {
    pub(crate) number: u64,
    pub(crate) id: MessageId,
    pub(crate) bytes: Vec<u8>,
}

/// A letter as its room gives it: who wrote it is certain, what it says was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SealedLetter {
    pub(crate) room: RoomId,
    pub(crate) conversation: Conversation,
    pub(crate) from: UserId,
    /// At which terminal.
    pub(crate) terminal: TerminalId,
    pub(crate) bytes: Zeroizing<Vec<u8>>,
}

/// A letter that was read, and has not come before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OpenedLetter {
    pub(crate) room: RoomId,
    pub(crate) conversation: Conversation,
    pub(crate) from: UserId,
    pub(crate) terminal: TerminalId,
    pub(crate) id: MessageId,
    pub(crate) body: Body,
}

/// An item with all of its bytes, to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WholeItem {
    pub(crate) item: MailItem,
    pub(crate) bytes: Vec<u8>,
    /// The certificates that came, once they were asked for.
    pub(crate) certificates: Option<Vec<UserCertificate>>,
}
