//! What must hold: at every step here, at rest in [`super::final_checks`].

use std::collections::{BTreeMap, BTreeSet};

use common::ident::{MessageId, RoomId, UserId};
use common::msg::{CommitStatus, FromDirectory, Member, ToDirectory};
use directory_core::reply::Reply;

use super::disk::Disk;
use super::faults_profile::FaultsProfile;
use super::fixtures::{fixtures, users};
use super::world::{ClientId, World};
use crate::command::{Command, MessageCommand, Ticket};
use crate::model::{Conversation, DeliveryStatus, MessageKey, StoredMessage};
use crate::notice::{ContactNotice, FileNotice, GroupNews, MessageNotice, Notice};
use crate::persistence::{HistoryWrite, Table, Write};

/// A text that was sent.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    /// At which terminal.
    pub(super) by: ClientId,
    pub(super) to: Conversation,
    pub(super) text: String,
    /// Its place among the texts of this terminal to this conversation.
    place: usize,
}

/// What the directory took for a room of a group.
pub(super) struct Overheard {
    pub(super) room: RoomId,
    pub(super) sealed: Vec<u8>,
    /// Who was in the room then.
    pub(super) readers: Vec<Member>,
}

/// A terminal that is no longer in a room, with all it had kept while it was.
pub(super) struct Former {
    pub(super) client: ClientId,
    pub(super) room: RoomId,
    pub(super) disk: Disk,
    /// So much had been overheard by then.
    pub(super) since: usize,
}

/// Somebody who sees everything.
pub(super) struct Invariants {
    /// Texts that were sent: their sender has kept them.
    pub(super) sent: BTreeMap<MessageId, Sent>,
    /// Texts that their sender has lost with the power: only written, they were neither stored nor confirmed.
    pub(super) lost_with_power: BTreeSet<MessageId>,
    /// Texts that the directory has said it stores.
    stored: BTreeSet<MessageId>,
    /// Who was in the room when the directory took a text for a group.
    pub(super) readers: BTreeMap<MessageId, BTreeSet<Member>>,
    /// Everything that was said in rooms.
    pub(super) overheard: Vec<Overheard>,
    pub(super) formers: Vec<Former>,
    /// The rooms, as the directory has them.
    pub(super) rosters: BTreeMap<RoomId, Vec<Member>>,
    /// And in which epochs.
    pub(super) epochs: BTreeMap<RoomId, u64>,
    /// The place of the last text of a terminal that another has kept.
    last: BTreeMap<(ClientId, ClientId, Conversation), usize>,
    /// Texts that were shown at a terminal.
    shown: Vec<BTreeSet<MessageId>>,
    /// Terminals whose user has left the group: what was under way to them then was not read.
    pub(super) left: BTreeSet<ClientId>,
    /// Texts that users want to send and have had no answer about, by the number of the ticket.
    pub(super) asked: Vec<BTreeMap<u64, String>>,
    /// Texts that the directory has forgotten, because it went back.
    pub(super) forgotten: BTreeSet<MessageId>,
    /// Whether it ever did.
    pub(super) went_back: bool,
    /// Rooms that users have left or given up, as the directory has carried it out.
    parted: BTreeSet<(RoomId, UserId)>,
    /// Items that the directory said it had not kept for a terminal.
    pub(super) lost: Vec<u64>,
}

impl Invariants {
    pub(super) fn new(clients: usize) -> Self {
        Self {
            sent: BTreeMap::new(),
            lost_with_power: BTreeSet::new(),
            stored: BTreeSet::new(),
            readers: BTreeMap::new(),
            overheard: Vec::new(),
            formers: Vec::new(),
            rosters: BTreeMap::new(),
            epochs: BTreeMap::new(),
            last: BTreeMap::new(),
            shown: vec![BTreeSet::new(); clients],
            left: BTreeSet::new(),
            asked: vec![BTreeMap::new(); clients],
            forgotten: BTreeSet::new(),
            went_back: false,
            parted: BTreeSet::new(),
            lost: vec![0; clients],
        }
    }

    pub(super) fn stored(&self) -> &BTreeSet<MessageId> {
        &self.stored
    }

    /// The directory has forgotten what was stored behind these. Whoever was in a room may have been in another one then.
    pub(super) fn goes_back(&mut self, stored: &BTreeSet<MessageId>) {
        self.forgotten.extend(self.stored.difference(stored).copied());
        self.went_back = true;
    }

    fn sends(&mut self, id: MessageId, by: ClientId, to: &Conversation, text: &str) {
        let place = self.sent.values().filter(|sent| sent.by == by && sent.to == *to).count();
        self.sent.entry(id).or_insert(Sent { by, to: to.clone(), text: text.to_owned(), place });
    }
}

/// How far a message has come.
fn rank(mark: DeliveryStatus) -> u8 {
    match mark {
        DeliveryStatus::Received { .. } | DeliveryStatus::Failed | DeliveryStatus::Withdrawn(_) => 0,
        DeliveryStatus::Queued => 1,
        DeliveryStatus::Stored => 2,
        DeliveryStatus::Delivered => 3,
        DeliveryStatus::Read => 4,
    }
}

impl World {
    /// A terminal is about to keep something.
    pub(super) fn before_keeping(&mut self, client: ClientId, changes: &[Write]) {
        for change in changes {
            match change {
                Write::History(HistoryWrite::Append(record)) => self.appends(client, record),
                Write::History(HistoryWrite::SetMark { name, mark, .. }) => self.marks(client, name, *mark),
                _ => {}
            }
        }
    }

    fn appends(&mut self, client: ClientId, record: &StoredMessage) {
        let MessageKey { conversation, author, id } = &record.name;
        let who = self.clients[client].name.clone();
        let own = self.clients[client].fixture.me.user.clone();
        if self.clients[client].disk.find(&record.name).is_some() {
            return self.violated(format!("{who} keeps {:?} twice", record.text));
        }
        if record.mark == DeliveryStatus::Queued {
            return self.invariants.sends(*id, client, conversation, &record.text);
        }
        let Some(sent) = self.invariants.sent.get(id).cloned() else {
            return self.violated(format!("{who} keeps {:?}, which nobody sent", record.text));
        };
        let (sender, group) = (&fixtures()[sent.by].me.user, !matches!(sent.to, Conversation::User(_)));
        let to_me = sent.to == Conversation::User(own.clone());
        let here = if group || *sender == own { sent.to.clone() } else { Conversation::User(sender.clone()) };
        let meant = group || to_me || *sender == own;
        if !meant || here != *conversation || sender != author || sent.text != record.text {
            return self.violated(format!("{who} keeps {:?}, which was {sent:?}", record.text));
        }
        if let (Conversation::Group(_), true) = (&sent.to, sent.by != client) {
            let reads = self.invariants.readers.get(id).is_some_and(|all| all.contains(&fixtures()[client].member()));
            if !reads {
                return self.violated(format!("{who} reads {:?}, which was not for it", record.text));
            }
        }
        if sent.by != client {
            let last = self.invariants.last.insert((client, sent.by, sent.to.clone()), sent.place);
            // What a full mailbox lost at one of several terminals is sent again, behind what came through.
            let whole = self.profile.quota == FaultsProfile::ENOUGH || own != users()[0];
            if whole && last.is_some_and(|last| last > sent.place) {
                self.violated(format!("{who} keeps {:?} behind a later one of the same sender", record.text));
            }
        }
    }

    /// What is said of a message of ours is true.
    fn marks(&mut self, client: ClientId, name: &MessageKey, mark: DeliveryStatus) {
        let Some(record) = self.clients[client].disk.find(name).cloned() else { return };
        let (who, text) = (self.clients[client].name.clone(), record.text);
        let fails = matches!(mark, DeliveryStatus::Failed | DeliveryStatus::Withdrawn(_));
        if rank(mark) < rank(record.mark) && !fails {
            return self.violated(format!("{who} takes back that {text:?} was {:?}", record.mark));
        }
        let true_word = match (mark, &name.conversation) {
            (DeliveryStatus::Failed, Conversation::Group(_)) => true,
            (DeliveryStatus::Stored | DeliveryStatus::Withdrawn(_), _) => self.invariants.stored.contains(&name.id),
            (DeliveryStatus::Delivered | DeliveryStatus::Read, Conversation::User(receiver)) => {
                self.has_kept(receiver, &name.author, name.id)
            }
            _ => false,
        };
        if !true_word {
            self.violated(format!("{who} is told that {text:?} is {mark:?}, which is not so"));
        }
    }

    /// A terminal has what it had synced, and no more: what comes again is behind that.
    pub(super) fn lost_power(&mut self, client: ClientId) {
        self.invariants.last.retain(|(receiver, ..), _| *receiver != client);
        for record in &self.clients[client].disk.history {
            if let Some(sent) = self.invariants.sent.get(&record.name.id).filter(|sent| sent.by != client) {
                self.invariants.last.insert((client, sent.by, sent.to.clone()), sent.place);
            }
        }
    }

    /// Whether any terminal of a user has kept a text so that no loss of power takes it away.
    pub(super) fn has_kept(&self, receiver: &UserId, author: &UserId, id: MessageId) -> bool {
        let name = MessageKey { conversation: Conversation::User(author.clone()), author: author.clone(), id };
        let theirs = self.clients.iter().filter(|client| client.fixture.me.user == *receiver);
        theirs.into_iter().any(|client| client.sync.synced.find(&name).is_some())
    }

    /// A user wants something; what answers it repeats the ticket.
    pub(super) fn asks(&mut self, client: ClientId, command: &Command) -> Ticket {
        match command {
            Command::Message(MessageCommand::Send { text, ticket, .. }) => {
                if self.clients[client].is_running() && ticket.number > 0 {
                    self.invariants.asked[client].insert(ticket.number, text.clone());
                }
                ticket.clone()
            }
            _ => Ticket::default(),
        }
    }

    /// What was asked with this ticket was answered by the shell: the disk does not keep it.
    pub(super) fn answered(&mut self, client: ClientId, ticket: &Ticket) {
        if let Some(text) = self.invariants.asked[client].remove(&ticket.number) {
            self.note(&self.clients[client].name, format_args!("tells that {text:?} cannot be kept"));
            self.not_sent(client, &text);
        }
    }

    /// A user hears that a text is not sent.
    fn not_sent(&mut self, client: ClientId, text: &str) {
        if self.invariants.sent.values().any(|sent| sent.text == text && sent.to != Conversation::Everyone) {
            self.violated(format!("{} tells that {text:?} is not sent, and it is", self.clients[client].name));
        }
    }

    /// What is told of messages of ours has been kept.
    fn tells_marks(&mut self, client: ClientId, to: &Conversation, ids: &[MessageId], mark: DeliveryStatus) {
        let author = &self.clients[client].fixture.me.user;
        for id in ids {
            let name = MessageKey::new(to, author, *id);
            let kept = self.clients[client].disk.find(&name);
            if kept.is_some_and(|kept| rank(kept.mark) < rank(mark)) {
                let text = kept.map(|kept| kept.text.clone());
                return self.violated(format!("{} tells of {text:?} what was not kept", self.clients[client].name));
            }
        }
    }

    /// A terminal tells its user something.
    pub(super) fn told(&mut self, client: ClientId, notice: &Notice) {
        match notice {
            Notice::Message(MessageNotice::Text { id, text, .. }) => self.shows(client, *id, text),
            Notice::Message(MessageNotice::Arrived(arrivals)) => {
                arrivals.iter().for_each(|arrival| self.shows(client, arrival.id, &arrival.text))
            }
            Notice::Message(MessageNotice::Sent { ticket, record }) => {
                let number = ticket.as_ref().map_or(0, |ticket| ticket.number);
                self.invariants.asked[client].remove(&number);
                if self.clients[client].disk.find(&record.name).is_none() {
                    self.violated(format!("{} tells that {:?} is kept", self.clients[client].name, record.text));
                }
            }
            Notice::Message(MessageNotice::NotSent { text, ticket, .. }) => {
                self.invariants.asked[client].remove(&ticket.number);
                self.not_sent(client, text);
            }
            Notice::Message(MessageNotice::Marked { to, ids, mark, .. }) => self.tells_marks(client, to, ids, *mark),
            Notice::File(FileNotice::News { file, .. }) => self.tells_file(client, file.id, file.state, file.ours),
            Notice::Message(MessageNotice::Lost { count }) => self.invariants.lost[client] += count,
            // Its author is named, and it is mended: what cannot be is found at the end.
            Notice::Message(MessageNotice::Frozen { .. }) if self.profile.hostile || self.invariants.went_back => {}
            Notice::Group { news: GroupNews::Lost, group }
                if !self.is_hostile(client) && !self.invariants.went_back && !self.has_missed_its_goodbye(client) =>
            {
                self.violated(format!("{} loses {group}", self.clients[client].name));
            }
            Notice::Message(MessageNotice::Frozen { with, why }) => {
                self.violated(format!("{} gives up {with}: {why}", self.clients[client].name));
            }
            Notice::Contact(ContactNotice::KeyChanged { of, .. }) => {
                self.violated(format!("{} sees another key of {of}", self.clients[client].name))
            }
            _ => {}
        }
    }

    /// Whether the user of a terminal has ended its membership in a group at another one, and the directory has told this one
    /// that it did not keep mail: the goodbye was promised to nobody, and who ended it is not known here (decision D32).
    fn has_missed_its_goodbye(&self, client: ClientId) -> bool {
        let own = &self.clients[client].fixture.me.user;
        let groups = self.clients[client].disk.load(Table::Group);
        let was_in = |room: &RoomId| {
            let former = format!("\"former\":{{\"room\":\"{room}\"");
            groups.iter().any(|(_, value)| String::from_utf8_lossy(value).contains(&former))
        };
        let has_parted = self.invariants.parted.iter().any(|(room, user)| user == own && was_in(room));
        has_parted && self.invariants.lost[client] > 0
    }

    fn shows(&mut self, client: ClientId, id: MessageId, text: &str) {
        if !self.invariants.shown[client].insert(id) {
            self.violated(format!("{} shows {text:?} twice", self.clients[client].name));
        }
    }

    /// A terminal goes on from what it has kept: what was shown and not kept may be shown again.
    pub(super) fn began_again(&mut self, client: ClientId) {
        let kept: BTreeSet<MessageId> = self.clients[client].disk.history.iter().map(|record| record.name.id).collect();
        self.invariants.shown[client].retain(|id| kept.contains(id));
    }

    /// The directory has carried out a request.
    pub(super) fn requested(&mut self, client: ClientId, request: &ToDirectory, answer: &Reply) {
        match (request, answer) {
            (ToDirectory::MailboxPut(put), Reply::Message(FromDirectory::MailboxReply(reply))) => {
                if put.leave && reply.refused.is_none() {
                    self.invariants.parted.insert((put.room, self.clients[client].fixture.me.user.clone()));
                }
                let roster = self.invariants.rosters.get(&put.room).cloned().unwrap_or_default();
                for item in put.items.iter().take(usize::try_from(reply.stored).unwrap()) {
                    let (room, sealed, readers) = (put.room, item.piece.0.clone(), roster.clone());
                    self.invariants.overheard.push(Overheard { room, sealed, readers });
                    self.invariants.stored.insert(item.id);
                    self.invariants.readers.entry(item.id).or_default().extend(roster.iter().cloned());
                }
                let leaver = &self.clients[client].fixture.me.user;
                if put.leave && reply.refused.is_none() && roster.iter().all(|member| member.userid == *leaver) {
                    // Nobody is left in it.
                    self.invariants.rosters.insert(put.room, Vec::new());
                }
            }
            (ToDirectory::CommitReq(commit), Reply::Message(FromDirectory::CommitReply(reply)))
                if reply.status == CommitStatus::Accepted =>
            {
                if commit.members.is_empty() {
                    self.invariants.parted.insert((commit.room, self.clients[client].fixture.me.user.clone()));
                }
                let before = self.invariants.rosters.insert(commit.room, commit.members.clone()).unwrap_or_default();
                let epoch = commit.epoch + u64::from(commit.commit > 0);
                self.invariants.epochs.insert(commit.room, epoch);
                for gone in before.iter().filter(|member| !commit.members.contains(member)) {
                    let client = fixtures().iter().position(|fixture| fixture.member() == *gone);
                    let Some(client) = client else { continue };
                    let (room, disk, since) =
                        (commit.room, self.clients[client].disk.clone(), self.invariants.overheard.len());
                    self.invariants.formers.push(Former { client, room, disk, since });
                }
            }
            (ToDirectory::BroadcastReq(request), Reply::Message(FromDirectory::BroadcastReply(_))) => {
                self.invariants.sends(request.id, client, &Conversation::Everyone, &request.message);
                self.invariants.stored.insert(request.id);
            }
            _ => {}
        }
    }
}
