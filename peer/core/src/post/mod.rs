//! The post office: what is sent while nobody is there, and groups (decisions D16, D17; protocol sections 6.5 to 6.9).
//!
//! A pure machine inside the engine. Whatever it decides is a list of [`Effect`]s in which every `Keep` stands before the
//! sends that rest on it, so that a crash between any two of them loses and doubles nothing (threats G5, T6).
//!
//! - [`outbox`], [`seen`], [`ids`]: letters under way, letters that have arrived, names
//! - [`rooms`]: the MLS rooms of this terminal, and how they are kept
//! - [`sending`]: which way a letter takes; receipts
//! - [`inbox`]: items of the mailbox, one after the other
//! - [`letters`]: what a letter that was opened means
//! - [`errands`]: what takes several questions to the directory: rooms, members, admins
//! - [`files`]: files that were offered
//! - [`groups`]: wishes about groups; [`leaving`]: the end of a membership
//! - [`broadcasts`]: what is said to everyone
//! - [`desk`]: the questions that wait for an answer of the directory; [`answers`]: what it says
//! - [`people`]: who is there
#![expect(missing_docs, reason = "fields are named after what they hold")]

mod answers;
mod broadcasts;
mod desk;
mod errands;
mod files;
mod groups;
mod ids;
mod inbox;
mod leaving;
mod letters;
mod outbox;
mod people;
mod rooms;
mod seen;
mod sending;

use std::collections::{BTreeMap, BTreeSet};

use common::crypto::terminal::TerminalIdentity;
use common::ident::{KeyDigest, TerminalId, UserId};
use common::msg::{Away, Body, Chat, Letter, MailboxReq, PresenceStatus, Receipt, Received, TerminalRemove};
use zeroize::Zeroizing;

pub(crate) use self::desk::Asked;
use self::desk::Desk;
use self::errands::Errands;
use self::files::Files;
pub use self::files::{AcceptFiles, Download, FilePolicy, Offer, Source, SourceState, TransferOutcome};
use self::groups::Groups;
use self::ids::Ids;
use self::inbox::Inbox;
use self::outbox::{Outbox, Way, name_of};
use self::rooms::Rooms;
use self::seen::Seen;
use self::sending::Sending;
use super::command::{Answer, Command, DirectoryCommand, FileCommand, MessageCommand, SessionCommand, Ticket};
use super::contacts::{Contacts, PinCheck};
use super::engine::{Effect, LinkId, Now, key_changed};
use super::mls::RoomError;
use super::model::{Conversation, DeliveryStatus, MessageKey, StoredMessage};
use super::notice::{CallFailed, CallNotice, DirectoryNotice, GroupNews, MessageNotice, NotSent, Notice};
use super::persistence::{HistoryWrite, Table, Write};
use super::verify::LocalIdentity;

use self::inbox::Counters;

/// Rows of one kind, as they were kept.
pub type Rows = Vec<(Vec<u8>, Zeroizing<Vec<u8>>)>;

/// What was kept.
#[derive(Default)]
pub struct Snapshot {
    pub mls: Rows,
    pub outbox: Rows,
    pub seen: Rows,
    pub group: Rows,
    pub counter: Rows,
    pub file: Rows,
    /// Messages the person has not seen.
    pub unread: BTreeMap<Conversation, usize>,
}

/// What a post office needs to begin.
pub struct Start {
    pub me: LocalIdentity,
    /// Signs for this terminal in rooms.
    pub terminal: TerminalIdentity,
    /// Our certificate, whose fingerprint our leaves carry.
    pub certificate: common::msg::Certificate,
    /// The directory's key, part of the handles of groups.
    pub directory: KeyDigest,
    /// From which names are drawn.
    pub seed: [u8; 32],
    /// Whether others are told what was read.
    pub read_receipts: bool,
    /// Which offers of files are taken.
    pub files: FilePolicy,
}

/// A question about the history, which lies on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HistoryQuery {
    /// The last messages of a conversation, or of those kept before the one named; answered by `History`.
    History { with: Conversation, count: usize, before: Option<MessageKey>, unread: usize },
    /// Messages with these words; answered by `LookupResult`.
    Find { words: String },
    /// Our last message; answered by `Explained`.
    LastSent { to: Conversation },
}

/// Where somebody is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresenceInfo {
    pub status: PresenceStatus,
    pub text: Option<String>,
}

/// The post office of one terminal.
#[derive(Debug)]
pub struct Post {
    me: LocalIdentity,
    directory: KeyDigest,
    ids: Ids,
    outbox: Outbox,
    seen: Seen,
    rooms: Rooms,
    groups: Groups,
    files: Files,
    errands: Errands,
    sending: Sending,
    inbox: Inbox,
    desk: Desk,
    /// Links that stand, by user.
    links: BTreeMap<UserId, Standing>,
    there: BTreeMap<UserId, PresenceInfo>,
    watched: BTreeSet<UserId>,
    unread: BTreeMap<Conversation, usize>,
    read_receipts: bool,
    /// The terminal that this one took the place of, until the directory has forgotten it.
    replaced: Option<TerminalId>,
    /// What others are told while the person is away.
    away: Option<String>,
}

/// A link to a user.
#[derive(Debug, Clone, Copy)]
struct Standing {
    link: LinkId,
    /// Until when mail that was not confirmed holds back what is said over it, by the tick clock; nothing once that is over.
    patience: Option<u64>,
}

/// How long, in seconds, mail sent before a call may hold back what is said in it, so that the order is kept. Chosen
/// arbitrarily: whoever answers a call has logged in and takes the mail first, within milliseconds.
const PATIENCE: u64 = 5;

/// One step: the time, the pinned keys, and what is to be done.
pub(super) struct Step<'a> {
    pub(super) me: &'a LocalIdentity,
    pub(super) now: Now,
    pub(super) contacts: &'a mut Contacts,
    pub(super) out: &'a mut Vec<Effect>,
}

impl Step<'_> {
    pub(super) fn tell(&mut self, notice: Notice) {
        self.out.push(Effect::Notify(notice));
    }

    /// Keeps these changes; what follows rests on them.
    pub(super) fn keep(&mut self, changes: Vec<Write>) {
        if !changes.is_empty() {
            self.out.push(Effect::Persist(changes));
        }
    }

    /// Judges a key against the pin of its user; a first one is pinned.
    pub(super) fn is_pinned(&mut self, user: &UserId, key: &common::crypto::identity::PublicKey) -> bool {
        match self.contacts.judge(user, key, self.now.date) {
            PinCheck::First(contact) => {
                self.out.push(Effect::Save(contact));
                true
            }
            PinCheck::Same => true,
            PinCheck::Changed => {
                self.out.extend(key_changed(self.me, self.contacts, user).map(Effect::Notify));
                false
            }
            PinCheck::Blocked => false,
        }
    }

    pub(super) fn is_blocked(&self, user: &UserId) -> bool {
        self.contacts.contact(user).is_some_and(|contact| contact.blocked)
    }
}

impl Post {
    /// Opens the office with what was kept.
    ///
    /// # Errors
    /// [`RoomError`] if rooms were kept that this version cannot read.
    pub fn open(start: Start, kept: Snapshot) -> Result<Self, RoomError> {
        let rooms = Rooms::load(&start.me.user, start.terminal, &start.certificate, start.seed, kept.mls)?;
        let replaced = inbox::replaced(&kept.counter);
        let mut outbox = Outbox::load(kept.outbox);
        if replaced.is_some() {
            // Confirmations went to the terminal that is gone; receivers drop what they have had, and confirm again.
            outbox.turn_back_all_stored();
        }
        Ok(Self {
            me: start.me,
            directory: start.directory,
            ids: Ids::new(start.seed),
            outbox,
            seen: Seen::load(kept.seen),
            groups: Groups::load(kept.group),
            files: Files::load(kept.file, start.files),
            rooms,
            errands: Errands::default(),
            sending: Sending::default(),
            inbox: Inbox::new(Counters::load(&kept.counter)),
            desk: Desk::default(),
            links: BTreeMap::new(),
            there: BTreeMap::new(),
            watched: BTreeSet::new(),
            unread: kept.unread,
            read_receipts: start.read_receipts,
            replaced,
            away: None,
        })
    }

    /// Where the directory is asked; the engine asks there, too.
    pub(crate) fn desk(&mut self) -> &mut Desk {
        &mut self.desk
    }

    /// The session stands: take mail, publish keys, watch people.
    pub(super) fn session_began(&mut self, step: &mut Step<'_>) {
        self.desk.open();
        self.desk.ask(step, MailboxReq {}, Asked::Mailbox);
        if let Some(terminal) = self.replaced {
            // Before our key packages are there: whoever adds us finds that the other one is gone.
            self.desk.ask(step, TerminalRemove { terminal }, Asked::Replaced);
        }
        self.rooms.ask_for_key_packages(&mut self.desk, step);
        if self.away.is_some() {
            self.desk.say(step, Away { text: self.away.clone() });
        }
        self.watched.clear();
        let mut users: BTreeSet<UserId> = step.contacts.users().cloned().collect();
        users.extend(self.rooms.all_users());
        users.insert(self.me.user.clone());
        self.watch(step, users);
        self.fetch_from(step, None);
    }

    /// The session is gone; what was asked is not answered any more.
    pub(super) fn session_lost(&mut self, step: &mut Step<'_>, asked: Vec<Asked>) {
        for asked in asked {
            match asked {
                Asked::Broadcast { text, ticket, .. } => {
                    let (to, why) = (Conversation::Everyone, NotSent::DirectoryLost);
                    step.tell(Notice::Message(MessageNotice::NotSent { to, text, why, ticket }));
                }
                Asked::Group(group) | Asked::GiveUp(group) => {
                    step.tell(Notice::Group { group, news: GroupNews::DirectoryLost })
                }
                Asked::Log { .. } => step.tell(Notice::Directory(DirectoryNotice::NoPeople)),
                Asked::Reachable(to) => {
                    step.tell(Notice::Call(CallNotice::Failed { to, why: CallFailed::DirectoryLost }))
                }
                _ => {}
            }
        }
        self.inbox.stop();
        self.rooms.stop_publishing();
        self.errands.start_over();
        self.sending.start_over();
        self.stop_looking_up();
        self.outbox.turn_back(|way| way == Way::ToDirectory);
        self.there.clear();
    }

    /// Which links stand now. What was said over one that is gone, and not confirmed, takes another way.
    pub(super) fn links_stand(&mut self, step: &mut Step<'_>, standing: BTreeMap<UserId, LinkId>) {
        let gone: Vec<(UserId, LinkId)> = self
            .links
            .iter()
            .filter(|(user, known)| standing.get(*user) != Some(&known.link))
            .map(|(user, known)| (user.clone(), known.link))
            .collect();
        let new: Vec<(UserId, LinkId)> = standing
            .into_iter()
            .filter(|(user, link)| self.links.get(user).is_none_or(|known| known.link != *link))
            .collect();
        for (user, link) in &gone {
            self.links.remove(user);
            self.outbox.turn_back(|way| way == Way::OnLink(*link));
        }
        for (user, link) in &new {
            let patience = Some(step.now.tick + PATIENCE);
            self.links.insert(user.clone(), Standing { link: *link, patience });
        }
        for (user, _) in gone.into_iter().chain(new) {
            self.pump(step, &Conversation::User(user));
        }
    }

    /// Carries out what the person wants.
    pub(super) fn command(&mut self, step: &mut Step<'_>, command: Command, is_up: bool) {
        match command {
            Command::Message(MessageCommand::Send { to, text, ticket }) => self.send(step, to, text, ticket),
            Command::Message(MessageCommand::Why { of }) => self.explain(step, of),
            Command::Message(MessageCommand::History { with: Conversation::Everyone, count, before: None }) => {
                self.ask_for_log(step, count)
            }
            Command::Message(MessageCommand::History { with, count, before }) => {
                let unread = self.unread(&with);
                step.out.push(Effect::QueryHistory(HistoryQuery::History {
                    with: with.clone(),
                    count,
                    before,
                    unread,
                }));
                self.saw(step, with);
            }
            Command::Message(MessageCommand::Find { words }) => {
                step.out.push(Effect::QueryHistory(HistoryQuery::Find { words }))
            }
            Command::Message(MessageCommand::Seen { with }) => self.saw(step, with),
            Command::Group { group, wish } => self.group(step, group, wish),
            Command::Directory(DirectoryCommand::Away { text }) => self.tell_away(step, text),
            Command::Message(MessageCommand::ReadReceipts(answer)) => self.read_receipts = answer == Answer::Yes,
            Command::File(FileCommand::Change { number, wish }) => self.file_wish(step, number, wish),
            Command::File(FileCommand::All) => self.list_files(step),
            Command::Session(SessionCommand::Terminals) if is_up => self.own_terminals(step),
            Command::Session(SessionCommand::RemoveTerminal { terminal }) if is_up => {
                self.remove_terminal(step, terminal)
            }
            Command::Session(SessionCommand::Terminals) | Command::Session(SessionCommand::RemoveTerminal { .. }) => {
                step.tell(Notice::Directory(DirectoryNotice::NoPeople))
            }
            _ => {}
        }
    }

    /// A text came over the verified link of `from`.
    pub(super) fn chat(&mut self, step: &mut Step<'_>, from: &UserId, link: LinkId, chat: Chat) {
        let receipt = |state| Effect::Confirm { link, receipt: Receipt { ids: vec![chat.id], state } };
        let Some(mut changes) = self.seen.note(from, chat.id) else {
            // Its confirmation was lost.
            return step.out.push(receipt(Received::Delivered));
        };
        // Shown even if it cannot be kept; then it is not confirmed, and comes again.
        let (text, id, date) = (chat.message.clone(), chat.id, chat.date);
        step.tell(Notice::Message(MessageNotice::Text { from: from.clone(), text, id, date }));
        let conversation = Conversation::User(from.clone());
        changes.push(arrived(step.now, conversation, from, chat.id, chat.message.clone(), chat.date, true));
        step.keep(changes);
        step.out.push(receipt(if self.read_receipts { Received::Read } else { Received::Delivered }));
    }

    /// The other side of a link has kept, or shown, texts of ours.
    pub(super) fn confirmed(&mut self, step: &mut Step<'_>, by: &UserId, receipt: &Receipt) {
        self.receipt(step, by, &receipt.ids, receipt.state);
    }

    /// The person sends something.
    fn send(&mut self, step: &mut Step<'_>, to: Conversation, text: String, ticket: Ticket) {
        let why = match &to {
            _ if !common::msg::fits_in_chat(&text) => Some(NotSent::TooLong),
            Conversation::User(user) if *user == self.me.user => Some(NotSent::Yourself),
            Conversation::User(user) if step.is_blocked(user) => Some(NotSent::Blocked),
            Conversation::Group(group) if self.groups.room(group).is_none() => Some(NotSent::NotAMember),
            Conversation::Everyone => return self.broadcast(step, text, ticket),
            Conversation::User(_) | Conversation::Group(_) => None,
        };
        if let Some(why) = why {
            return step.tell(Notice::Message(MessageNotice::NotSent { to, text, why, ticket }));
        }
        let letter = Letter { id: self.ids.message(), date: step.now.date, body: Body::Text { text: text.clone() } };
        let record = StoredMessage {
            name: name_of(&to, &self.me.user, letter.id),
            text,
            date: step.now.date,
            arrived: step.now.date,
            mark: DeliveryStatus::Queued,
            since: step.now.date,
        };
        let added = self.outbox.add(&to, letter, step.now.date);
        step.keep(vec![added, Write::History(HistoryWrite::Append(record.clone()))]);
        step.tell(Notice::Message(MessageNotice::Sent { ticket: Some(ticket), record }));
        self.pump(step, &to);
        self.tell_if_waiting(step, &to);
    }

    /// Adds a letter of ours that is not for people.
    fn write(&mut self, step: &mut Step<'_>, to: &Conversation, body: Body) -> Write {
        let letter = Letter { id: self.ids.message(), date: step.now.date, body };
        self.outbox.add(to, letter, step.now.date)
    }

    /// The person has seen what arrived.
    fn saw(&mut self, step: &mut Step<'_>, with: Conversation) {
        if self.unread.remove(&with).is_some() {
            step.keep(vec![Write::History(HistoryWrite::MarkRead { conversation: with })]);
        }
    }

    /// Messages of a conversation that were not seen.
    pub(super) fn unread(&self, with: &Conversation) -> usize {
        self.unread.get(with).copied().unwrap_or_default()
    }

    /// When something must be looked at again, by the tick clock.
    pub(super) fn next_deadline(&self) -> Option<u64> {
        let patience = self.links.iter().filter_map(|(user, standing)| {
            let conversation = Conversation::User(user.clone());
            standing.patience.filter(|_| self.outbox.any(&conversation, |way| way == Way::Waiting))
        });
        patience
            .chain(self.sending.next_deadline())
            .chain(self.errands.next_deadline())
            .chain(self.next_transfer())
            .min()
    }

    /// A deadline has passed.
    pub(super) fn tick(&mut self, step: &mut Step<'_>) {
        self.sending.forgive(step.now.tick);
        self.errands.wake(step.now.tick);
        self.rooms.forget_old_comparisons(step.now.tick);
        for standing in self.links.values_mut() {
            standing.patience = standing.patience.filter(|until| *until > step.now.tick);
        }
        self.go_on(step);
        self.try_transfers(step);
        for conversation in self.outbox.conversations() {
            self.pump(step, &conversation);
        }
    }

    fn count_unread(&mut self, with: &Conversation) {
        *self.unread.entry(with.clone()).or_default() += 1;
    }
}

/// The change that adds a received text to the history.
fn arrived(
    now: Now,
    conversation: Conversation,
    from: &UserId,
    id: common::ident::MessageId,
    text: String,
    date: u64,
    read: bool,
) -> Write {
    let name = name_of(&conversation, from, id);
    let mark = DeliveryStatus::Received { read };
    Write::History(HistoryWrite::Append(StoredMessage { name, text, date, arrived: now.date, mark, since: now.date }))
}

/// What makes a terminal begin without rooms and key packages, in the place of `replaced` (threat G5).
pub fn forget_rooms(replaced: TerminalId, mls: &Rows, counters: &Rows) -> Vec<Write> {
    let forget = |kind, rows: &Rows| {
        let keys: Vec<Vec<u8>> = rows.iter().map(|(key, _)| key.clone()).collect();
        keys.into_iter().map(move |key| Write::Delete { kind, key })
    };
    forget(Table::Mls, mls).chain(forget(Table::Counter, counters)).chain([inbox::replaces(replaced)]).collect()
}

/// An office that has kept nothing, of a terminal nobody has certified.
#[cfg(any(test, feature = "testkit"))]
pub fn blank(me: &LocalIdentity) -> Option<Post> {
    let seed = common::secret::Secret::new(vec![7; 32]);
    let terminal = TerminalIdentity::from_seed(me.terminal, &seed).ok()?;
    let (key, signature) = (terminal.key(), common::msg::Blob(vec![7; 64]));
    let certificate = common::msg::Certificate { terminal: me.terminal, key, issued: 0, signature };
    let directory = KeyDigest([7; 32]);
    let files = FilePolicy { accept: AcceptFiles::Ask, max: u64::MAX };
    let start = Start { me: me.clone(), terminal, certificate, directory, seed: [7; 32], read_receipts: false, files };
    Post::open(start, Snapshot::default()).ok()
}
