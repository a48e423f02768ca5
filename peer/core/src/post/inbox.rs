//! Items of the mailbox, one after the other (protocol section 6.6).
//!
//! What an item changes and the number of the item are kept together, so that one that comes again after a crash is
//! skipped; the directory is told only then.

use std::collections::{BTreeMap, VecDeque};

use common::crypto::identity::PublicKey;
use common::ident::{MessageId, TerminalId, UserId};
use common::limits::{CERTIFICATES_ASKED, RECEIPT_IDS};
use common::msg::{
    Body, CertificatesReply, CertificatesReq, FetchReq, MailItem, MailKind, MailboxAck, MailboxState, Member, Received,
    UserCertificate,
};
use zeroize::Zeroizing;

use super::desk::Asked;
use super::rooms::{Opened, VerifiedCredential};
use super::{Effect, Post, Rows, Step};
use crate::model::{Conversation, StoredMessage};
use crate::notice::{Arrival, MessageNotice, Notice};
use crate::persistence::{Table, Write};

const ACKED: &[u8] = b"acked";
const WRITTEN: &[u8] = b"written";
const REPLACED: &[u8] = b"replaced";

/// Numbers that only grow; the directory has its own, and if those are greater, this state is an old copy (threat G5).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    /// The last item that was kept.
    acked: u64,
    /// How often we gave something to the directory.
    written: u64,
}

impl Counters {
    pub(super) fn load(rows: &Rows) -> Self {
        let value = |name: &[u8]| {
            let row = rows.iter().find(|(key, _)| key == name)?;
            Some(u64::from_be_bytes(row.1.as_slice().try_into().ok()?))
        };
        Self { acked: value(ACKED).unwrap_or_default(), written: value(WRITTEN).unwrap_or_default() }
    }
}

/// The terminal that this one took the place of, until the directory has forgotten it.
pub(super) fn replaced(rows: &Rows) -> Option<TerminalId> {
    let row = rows.iter().find(|(key, _)| key == REPLACED)?;
    Some(TerminalId(row.1.as_slice().try_into().ok()?))
}

/// Remembers which terminal this one takes the place of.
pub(super) fn replaces(terminal: TerminalId) -> Write {
    let value = Zeroizing::new(terminal.as_bytes().to_vec());
    Write::Put { kind: Table::Counter, key: REPLACED.to_vec(), value }
}

/// The directory has forgotten that terminal.
pub(super) fn is_replaced() -> Write {
    Write::Delete { kind: Table::Counter, key: REPLACED.to_vec() }
}

fn counter(name: &[u8], value: u64) -> Write {
    Write::Put { kind: Table::Counter, key: name.to_vec(), value: Zeroizing::new(value.to_be_bytes().to_vec()) }
}

/// The item that is being taken.
#[derive(Debug)]
struct Taking {
    item: MailItem,
    bytes: Vec<u8>,
    /// Terminals whose certificates are to be fetched before it can be judged.
    missing: VecDeque<Member>,
    certificates: Vec<UserCertificate>,
}

/// The mail that has come and was not taken yet.
#[derive(Debug)]
pub(super) struct Inbox {
    counters: Counters,
    /// The last item whose number was kept.
    kept: u64,
    items: VecDeque<MailItem>,
    taking: Option<Taking>,
    /// Changes of items that were taken, not kept yet.
    changes: Vec<Write>,
    /// Their letters, for the person.
    pub(super) arrivals: Vec<Arrival>,
    /// What this user has written at other terminals.
    pub(super) said_elsewhere: Vec<StoredMessage>,
    /// Letters to confirm, by sender.
    pub(super) receipts: BTreeMap<UserId, Vec<MessageId>>,
    /// How many items waited when the session began.
    waited: u64,
    state: State,
    /// Whether `changes` may hold something. Until they are kept nothing is sealed or committed: what would be kept of it
    /// is newer than they are, and must not be overwritten by them.
    is_taking: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No session, or it has not said what waits.
    Unknown,
    /// What waited at the beginning is being taken.
    Draining,
    /// All of it was taken.
    Drained,
}

impl Inbox {
    pub(super) fn new(counters: Counters) -> Self {
        Self {
            counters,
            kept: counters.acked,
            items: VecDeque::new(),
            taking: None,
            changes: Vec::new(),
            arrivals: Vec::new(),
            said_elsewhere: Vec::new(),
            receipts: BTreeMap::new(),
            waited: 0,
            state: State::Unknown,
            is_taking: false,
        }
    }

    /// Whether everything that waited at the beginning of the session was taken, and nothing is being taken.
    pub(super) fn is_drained(&self) -> bool {
        self.state == State::Drained && !self.is_taking
    }

    /// Counts something that is about to be given to the directory.
    pub(super) fn count_written(&mut self) -> Write {
        self.counters.written += 1;
        counter(WRITTEN, self.counters.written)
    }

    /// The session is gone; what was not taken comes again.
    pub(super) fn stop(&mut self) {
        self.items.clear();
        self.taking = None;
        self.state = State::Unknown;
    }
}

impl Post {
    pub(super) fn mailbox_state(&mut self, step: &mut Step<'_>, state: MailboxState) {
        let ours = self.inbox.counters;
        if state.acked > ours.acked || state.written > ours.written {
            return step.out.push(Effect::NewTerminal);
        }
        if state.lost > 0 {
            step.tell(Notice::Message(MessageNotice::Lost { count: state.lost }));
            // Confirmations may have been among it. Receivers drop what they have had, and confirm it again.
            self.outbox.turn_back_all_stored();
        }
        self.inbox.waited = state.waiting;
        self.inbox.state = State::Draining;
        if state.waiting == 0 {
            self.drained(step);
        }
    }

    fn drained(&mut self, step: &mut Step<'_>) {
        self.inbox.state = State::Drained;
        self.rooms.expect_nothing();
        self.found_what_was_begun(step);
        self.go_on(step);
        for conversation in self.outbox.conversations() {
            self.pump(step, &conversation);
        }
    }

    pub(super) fn take_items(&mut self, step: &mut Step<'_>, items: Vec<MailItem>) {
        self.inbox.items.extend(items);
        self.take_on(step);
    }

    /// Takes items until one needs something of the directory, or there are no more.
    fn take_on(&mut self, step: &mut Step<'_>) {
        self.inbox.is_taking = true;
        while self.inbox.taking.is_some() || !self.inbox.items.is_empty() {
            if self.inbox.taking.is_none() {
                let Some(item) = self.inbox.items.pop_front() else { break };
                if item.item <= self.inbox.counters.acked {
                    self.inbox.waited = self.inbox.waited.saturating_sub(1);
                    continue;
                }
                let bytes = item.piece.as_ref().map(|piece| piece.0.clone()).unwrap_or_default();
                let (missing, certificates) = (VecDeque::new(), Vec::new());
                self.inbox.taking = Some(Taking { item, bytes, missing, certificates });
            }
            if self.needs_more(step) {
                return self.keep_what_was_taken(step);
            }
            let Some(taking) = self.inbox.taking.take() else { break };
            if !self.take(step, taking) {
                return self.keep_what_was_taken(step);
            }
        }
        self.keep_what_was_taken(step);
        if self.inbox.state == State::Draining && self.inbox.waited == 0 {
            self.drained(step);
        }
        self.go_on(step);
    }

    /// Asks for what the item lacks; false if it lacks nothing.
    fn needs_more(&mut self, step: &mut Step<'_>) -> bool {
        let Some(taking) = &mut self.inbox.taking else { return false };
        let have = taking.bytes.len();
        if u32::try_from(have).is_ok_and(|have| have < taking.item.size) {
            let (item, offset) = (taking.item.item, u32::try_from(have).unwrap_or(u32::MAX));
            self.desk.ask(step, FetchReq { item, offset }, Asked::Piece);
            return true;
        }
        if taking.missing.is_empty() {
            return false;
        }
        let members = taking.missing.drain(..taking.missing.len().min(CERTIFICATES_ASKED)).collect();
        self.desk.ask(step, CertificatesReq { members }, Asked::Certificates);
        true
    }

    pub(super) fn fetched(&mut self, step: &mut Step<'_>, piece: &[u8]) {
        let Some(taking) = &mut self.inbox.taking else { return };
        if piece.is_empty() {
            // The directory has it no more; what it was is lost.
            taking.item.size = 0;
            taking.bytes.clear();
        } else {
            taking.bytes.extend_from_slice(piece);
        }
        self.take_on(step);
    }

    pub(super) fn certificates_came(&mut self, step: &mut Step<'_>, reply: CertificatesReply) {
        let Some(taking) = &mut self.inbox.taking else { return };
        taking.certificates.extend(reply.certificates);
        self.take_on(step);
    }

    /// Takes one item; false if it needs certificates first.
    fn take(&mut self, step: &mut Step<'_>, taking: Taking) -> bool {
        let Taking { item, bytes, certificates, .. } = taking;
        let room = item.room;
        let vouched = vouched(step, &certificates);
        let opened = match item.kind {
            MailKind::Welcome => {
                let expected = self.groups.expected(&self.rooms);
                self.rooms.join(&item, &bytes, &vouched, &expected, |user| step.is_blocked(user))
            }
            MailKind::Message | MailKind::Commit => self.rooms.open(&item, &bytes, &vouched),
        };
        match opened {
            Opened::Needs(members) if certificates.is_empty() => {
                self.inbox.taking = Some(Taking { item, bytes, missing: members.into(), certificates });
                return true;
            }
            // Asked for, and none came: whoever it is cannot be judged.
            Opened::Needs(_) => self.frozen(step, &room, "certificates of its members are missing".to_owned()),
            Opened::Nothing => {}
            Opened::Letter { from, bytes } => self.take_letter(step, &room, &from, &bytes),
            Opened::Committed(news) => self.take_commit(step, &room, &item.from, news),
            Opened::Joined => self.joined(step, &room),
            Opened::Frozen(why) => self.frozen(step, &room, why),
            // A commit is missing in between: nothing of this room can be read any more.
            Opened::OldCopy => {
                step.out.push(Effect::NewTerminal);
                return false;
            }
        }
        self.inbox.changes.extend(self.rooms.changes(&room));
        self.inbox.counters.acked = item.item;
        self.inbox.waited = self.inbox.waited.saturating_sub(1);
        true
    }

    /// Makes durable what was taken, tells the person, and confirms.
    fn keep_what_was_taken(&mut self, step: &mut Step<'_>) {
        let mut changes = std::mem::take(&mut self.inbox.changes);
        let receipts = std::mem::take(&mut self.inbox.receipts);
        let state = if self.read_receipts { Received::Read } else { Received::Delivered };
        for (user, ids) in &receipts {
            for ids in ids.chunks(RECEIPT_IDS) {
                let body = Body::Receipt { ids: ids.to_vec(), state };
                changes.push(self.write(step, &Conversation::User(user.clone()), body));
            }
        }
        if self.inbox.counters.acked != self.inbox.kept {
            self.inbox.kept = self.inbox.counters.acked;
            changes.push(counter(ACKED, self.inbox.kept));
        }
        step.keep(changes);
        self.inbox.is_taking = false;
        // Before the confirmations: whoever gets one finds that there is space again.
        if self.inbox.counters.acked > 0 {
            self.desk.say(step, MailboxAck { upto: self.inbox.counters.acked });
        }
        for record in std::mem::take(&mut self.inbox.said_elsewhere) {
            step.tell(Notice::Message(MessageNotice::Sent { ticket: None, record }));
        }
        let arrivals = std::mem::take(&mut self.inbox.arrivals);
        if !arrivals.is_empty() {
            step.tell(Notice::Message(MessageNotice::Arrived(arrivals)));
        }
        // Whatever was held back meanwhile.
        for conversation in self.outbox.conversations() {
            self.pump(step, &conversation);
        }
    }

    /// Whether what is being taken now had waited when the session began.
    pub(super) fn had_waited(&self) -> bool {
        self.inbox.state == State::Draining
    }

    /// Whether items are being taken whose changes are not kept yet.
    pub(super) fn is_taking(&self) -> bool {
        self.inbox.is_taking
    }

    /// Adds changes to those of the items that are being taken.
    pub(super) fn also_keep(&mut self, changes: impl IntoIterator<Item = Write>) {
        self.inbox.changes.extend(changes);
    }
}

/// The terminals whose certificates were made with the pinned identity key of their user.
fn vouched(step: &mut Step<'_>, certificates: &[UserCertificate]) -> Vec<VerifiedCredential> {
    let vouched = certificates.iter().filter_map(|told| {
        let key = PublicKey::from_pkcs1(&told.publickey.0).ok()?;
        let vouched = VerifiedCredential::verify(&told.userid, &told.certificate, &key).ok()?;
        (told.userid == step.me.user && key == step.me.key || step.is_pinned(&told.userid, &key)).then_some(vouched)
    });
    vouched.collect()
}
