//! What must hold: at every step here, at rest in [`super::rest`].

use std::collections::{BTreeMap, BTreeSet};

use common::ident::{MessageId, RoomId, UserId};
use common::msg::{CommitStatus, FromDirectory, Member, ToDirectory};
use directory_core::session::Reply;

use super::disk::Disk;
use super::people::{everybody, users};
use super::weather::Weather;
use super::world::{HostId, World};
use crate::notice::{ContactNotice, MessageNotice, Notice};
use crate::persistence::{Conversation, DeliveryStatus, HistoryWrite, MessageKey, StoredMessage, Write};

/// A text that was sent.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    /// At which terminal.
    pub(super) by: HostId,
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
    pub(super) host: HostId,
    pub(super) room: RoomId,
    pub(super) disk: Disk,
    /// So much had been overheard by then.
    pub(super) since: usize,
}

/// Somebody who sees everything.
pub(super) struct Oracle {
    /// Texts that were sent: their sender has kept them.
    pub(super) sent: BTreeMap<MessageId, Sent>,
    /// Texts that the directory has said it stores.
    stored: BTreeSet<MessageId>,
    /// Who was in the room when the directory took a text for a group.
    pub(super) readers: BTreeMap<MessageId, BTreeSet<Member>>,
    /// Everything that was said in rooms.
    pub(super) overheard: Vec<Overheard>,
    pub(super) formers: Vec<Former>,
    /// The rooms, as the directory has them.
    pub(super) rosters: BTreeMap<RoomId, Vec<Member>>,
    /// The place of the last text of a terminal that another has kept.
    last: BTreeMap<(HostId, HostId, Conversation), usize>,
    /// Texts that were shown to the person at a terminal.
    shown: Vec<BTreeSet<MessageId>>,
    /// Terminals whose user has left the group of their own will: what was under way to them then was not read.
    pub(super) left: BTreeSet<HostId>,
    /// Items that the directory said it had not kept for a terminal.
    pub(super) lost: Vec<u64>,
}

impl Oracle {
    pub(super) fn new(hosts: usize) -> Self {
        Self {
            sent: BTreeMap::new(),
            stored: BTreeSet::new(),
            readers: BTreeMap::new(),
            overheard: Vec::new(),
            formers: Vec::new(),
            rosters: BTreeMap::new(),
            last: BTreeMap::new(),
            shown: vec![BTreeSet::new(); hosts],
            left: BTreeSet::new(),
            lost: vec![0; hosts],
        }
    }

    fn sends(&mut self, id: MessageId, by: HostId, to: &Conversation, text: &str) {
        let place = self.sent.values().filter(|sent| sent.by == by && sent.to == *to).count();
        self.sent.entry(id).or_insert(Sent { by, to: to.clone(), text: text.to_owned(), place });
    }
}

/// How far a message has come.
fn rank(mark: DeliveryStatus) -> u8 {
    match mark {
        DeliveryStatus::Received { .. } | DeliveryStatus::Failed => 0,
        DeliveryStatus::Queued => 1,
        DeliveryStatus::Stored => 2,
        DeliveryStatus::Delivered => 3,
        DeliveryStatus::Read => 4,
    }
}

impl World {
    /// A terminal is about to keep something.
    pub(super) fn before_keeping(&mut self, host: HostId, changes: &[Write]) {
        for change in changes {
            match change {
                Write::History(HistoryWrite::Append(record)) => self.appends(host, record),
                Write::History(HistoryWrite::SetMark { name, mark, .. }) => self.marks(host, name, *mark),
                _ => {}
            }
        }
    }

    fn appends(&mut self, host: HostId, record: &StoredMessage) {
        let MessageKey { conversation, author, id } = &record.name;
        let who = self.hosts[host].name.clone();
        let own = self.hosts[host].person.me.user.clone();
        if self.hosts[host].disk.find(&record.name).is_some() {
            return self.violated(format!("{who} keeps {:?} twice", record.text));
        }
        if record.mark == DeliveryStatus::Queued {
            return self.oracle.sends(*id, host, conversation, &record.text);
        }
        let Some(sent) = self.oracle.sent.get(id).cloned() else {
            return self.violated(format!("{who} keeps {:?}, which nobody sent", record.text));
        };
        let (sender, group) = (&everybody()[sent.by].me.user, !matches!(sent.to, Conversation::User(_)));
        let to_me = sent.to == Conversation::User(own.clone());
        let here = if group || *sender == own { sent.to.clone() } else { Conversation::User(sender.clone()) };
        let meant = group || to_me || *sender == own;
        if !meant || here != *conversation || sender != author || sent.text != record.text {
            return self.violated(format!("{who} keeps {:?}, which was {sent:?}", record.text));
        }
        if let (Conversation::Group(_), true) = (&sent.to, sent.by != host) {
            let reads = self.oracle.readers.get(id).is_some_and(|all| all.contains(&everybody()[host].member()));
            if !reads {
                return self.violated(format!("{who} reads {:?}, which was not for it", record.text));
            }
        }
        if sent.by != host {
            let last = self.oracle.last.insert((host, sent.by, sent.to.clone()), sent.place);
            // What a full mailbox lost at one of several terminals is sent again, behind what came through.
            let whole = self.weather.quota == Weather::ENOUGH || own != users()[0];
            if whole && last.is_some_and(|last| last > sent.place) {
                self.violated(format!("{who} keeps {:?} behind a later one of the same sender", record.text));
            }
        }
    }

    /// What is said of a message of ours is true.
    fn marks(&mut self, host: HostId, name: &MessageKey, mark: DeliveryStatus) {
        let Some(record) = self.hosts[host].disk.find(name).cloned() else { return };
        let (who, text) = (self.hosts[host].name.clone(), record.text);
        if rank(mark) < rank(record.mark) && mark != DeliveryStatus::Failed {
            return self.violated(format!("{who} takes back that {text:?} was {:?}", record.mark));
        }
        let true_word = match (mark, &name.conversation) {
            (DeliveryStatus::Failed, Conversation::Group(_)) => true,
            (DeliveryStatus::Stored, _) => self.oracle.stored.contains(&name.id),
            (DeliveryStatus::Delivered | DeliveryStatus::Read, Conversation::User(receiver)) => {
                self.has_kept(receiver, &name.author, name.id)
            }
            _ => false,
        };
        if !true_word {
            self.violated(format!("{who} is told that {text:?} is {mark:?}, which is not so"));
        }
    }

    /// Whether any terminal of a user has kept a text.
    pub(super) fn has_kept(&self, receiver: &UserId, author: &UserId, id: MessageId) -> bool {
        let name = MessageKey { conversation: Conversation::User(author.clone()), author: author.clone(), id };
        let theirs = self.hosts.iter().filter(|host| host.person.me.user == *receiver);
        theirs.into_iter().any(|host| host.disk.find(&name).is_some())
    }

    /// The person at a terminal is told something.
    pub(super) fn told(&mut self, host: HostId, notice: &Notice) {
        match notice {
            Notice::Message(MessageNotice::Text { id, text, .. }) => self.shows(host, *id, text),
            Notice::Message(MessageNotice::Arrived(arrivals)) => {
                arrivals.iter().for_each(|arrival| self.shows(host, arrival.id, &arrival.text))
            }
            Notice::Message(MessageNotice::Lost { count }) => self.oracle.lost[host] += count,
            Notice::Message(MessageNotice::Frozen { with, why }) => {
                self.violated(format!("{} gives up {with}: {why}", self.hosts[host].name));
            }
            Notice::Contact(ContactNotice::KeyChanged { of, .. }) => {
                self.violated(format!("{} sees another key of {of}", self.hosts[host].name))
            }
            _ => {}
        }
    }

    fn shows(&mut self, host: HostId, id: MessageId, text: &str) {
        if !self.oracle.shown[host].insert(id) {
            self.violated(format!("{} shows {text:?} twice", self.hosts[host].name));
        }
    }

    /// A terminal goes on from what it has kept: what was shown and not kept may be shown again.
    pub(super) fn begun_anew(&mut self, host: HostId) {
        let kept: BTreeSet<MessageId> = self.hosts[host].disk.history.iter().map(|record| record.name.id).collect();
        self.oracle.shown[host].retain(|id| kept.contains(id));
    }

    /// The directory has carried out a request.
    pub(super) fn requested(&mut self, host: HostId, request: &ToDirectory, answer: &Reply) {
        match (request, answer) {
            (ToDirectory::MailboxPut(put), Reply::Message(FromDirectory::MailboxReply(reply))) => {
                let roster = self.oracle.rosters.get(&put.room).cloned().unwrap_or_default();
                for item in put.items.iter().take(usize::try_from(reply.stored).unwrap()) {
                    let (room, sealed, readers) = (put.room, item.piece.0.clone(), roster.clone());
                    self.oracle.overheard.push(Overheard { room, sealed, readers });
                    self.oracle.stored.insert(item.id);
                    self.oracle.readers.entry(item.id).or_default().extend(roster.iter().cloned());
                }
            }
            (ToDirectory::CommitReq(commit), Reply::Message(FromDirectory::CommitReply(reply)))
                if reply.status == CommitStatus::Accepted =>
            {
                let before = self.oracle.rosters.insert(commit.room, commit.members.clone()).unwrap_or_default();
                for gone in before.iter().filter(|member| !commit.members.contains(member)) {
                    let host = everybody().iter().position(|person| person.member() == *gone).unwrap();
                    let (room, disk, since) = (commit.room, self.hosts[host].disk.clone(), self.oracle.overheard.len());
                    self.oracle.formers.push(Former { host, room, disk, since });
                }
            }
            (ToDirectory::BroadcastReq(request), Reply::Message(FromDirectory::BroadcastReply(_))) => {
                self.oracle.sends(request.id, host, &Conversation::Everyone, &request.message);
                self.oracle.stored.insert(request.id);
            }
            _ => {}
        }
    }
}
