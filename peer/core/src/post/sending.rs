//! Which way a letter takes: over a link that stands, otherwise by mail (decision D17).

use std::collections::BTreeMap;

use common::ident::{MessageId, UserId};
use common::limits::{MAIL_IN_ONE, PIECE_MAX};
use common::msg::{Body, Chat, MailRefusal, MailboxPut, MailboxReply, Outgoing, Received};

use super::desk::Asked;
use super::errands::Errand;
use super::outbox::{Way, name_of};
use super::{Effect, HistoryWrite, Post, Step};
use crate::model::{Conversation, DeliveryStatus};
use crate::notice::{Explained, MessageNotice, Next, Notice};
use crate::persistence::Write;

/// How long, in seconds, a full mailbox is left alone unless something of it is fetched. Chosen arbitrarily.
const FULL_PATIENCE: u64 = 60;
/// So often that time doubles while nothing is taken.
const FULL_DOUBLINGS: u32 = 6;

/// How long, in seconds, a receiver without keys is left alone who is there …
const NEWCOMER_PATIENCE: u64 = 1;
/// … and who is not; their coming ends it sooner. Both chosen arbitrarily.
const STRANGER_PATIENCE: u64 = 60;

/// What holds letters back.
#[derive(Debug, Default)]
pub(super) struct Sending {
    held: BTreeMap<Conversation, Held>,
    /// How often in a row a mailbox took nothing.
    full: BTreeMap<Conversation, u32>,
    /// Where the person was told that something waits.
    told: BTreeMap<Conversation, usize>,
}

#[derive(Debug, Clone)]
struct Held {
    next: Next,
    /// By the tick clock; nothing: until something happens.
    until: Option<u64>,
}

impl Sending {
    /// Holds back what is for `to`.
    pub(super) fn hold(&mut self, to: &Conversation, next: Next, until: Option<u64>) {
        self.held.insert(to.clone(), Held { next, until });
    }

    /// Something has happened that makes another try worth while.
    pub(super) fn encourage(&mut self, to: &Conversation) {
        self.held.remove(to);
    }

    pub(super) fn forgive(&mut self, tick: u64) {
        self.held.retain(|_, held| held.until.is_none_or(|until| until > tick));
    }

    /// The session is gone. A full mailbox is as full in the next: one try for each would use up what receivers skip.
    pub(super) fn start_over(&mut self) {
        self.held.retain(|_, held| held.next == Next::Space);
    }

    pub(super) fn next_deadline(&self) -> Option<u64> {
        self.held.values().filter_map(|held| held.until).min()
    }
}

impl Post {
    /// Sends what can be sent now.
    pub(super) fn pump(&mut self, step: &mut Step<'_>, to: &Conversation) {
        if let Conversation::User(user) = to {
            // A changed key stops everything until the person decides (decision D14).
            if step.contacts.offered(user).is_some() || step.is_blocked(user) {
                return;
            }
            if self.pump_link(step, user, to) {
                return self.pump_mail(step, to, |body| !matches!(body, Body::Text { .. }));
            }
        }
        self.pump_mail(step, to, |_| true);
    }

    /// Says over the link what waits for the user, and what went by mail and was not confirmed, so that nothing comes
    /// before what was written earlier; false if there is no link.
    fn pump_link(&mut self, step: &mut Step<'_>, user: &UserId, to: &Conversation) -> bool {
        let Some(standing) = self.links.get(user).copied() else { return false };
        // Mail under way is taken first by whoever has just logged in, so order is kept by a little patience.
        let mail = |way| matches!(way, Way::ToDirectory | Way::Stored);
        let held = standing.patience.is_some_and(|until| step.now.tick < until)
            && self.outbox.queue(to).any(|(_, entry)| entry.text().is_some() && mail(entry.way));
        if held {
            return true;
        }
        if !self.outbox.queue(to).any(|(_, entry)| entry.text().is_some() && entry.way == Way::Waiting) {
            return true;
        }
        let unsaid: Vec<(u64, Chat)> = self
            .outbox
            .queue(to)
            .filter(|(_, entry)| entry.way != Way::OnLink(standing.link))
            .filter_map(|(number, entry)| {
                let message = entry.text()?.to_owned();
                let nick = self.me.user.to_string();
                Some((number, Chat { id: entry.letter.id, nick, message, date: entry.letter.date }))
            })
            .collect();
        for (number, chat) in unsaid {
            self.outbox.take_way(to, number, Way::OnLink(standing.link), step.now.date);
            step.out.push(Effect::Say { link: standing.link, chat });
        }
        true
    }

    fn pump_mail(&mut self, step: &mut Step<'_>, to: &Conversation, takes: impl Fn(&Body) -> bool) {
        let waits = |post: &Self| {
            let mut queue = post.outbox.queue(to);
            queue.any(|(_, entry)| entry.way == Way::Waiting && takes(&entry.letter.body))
        };
        let may = self.desk.is_up() && self.inbox.is_drained() && !self.sending.held.contains_key(to);
        if !may || !waits(self) || self.outbox.any(to, |way| way == Way::ToDirectory) {
            return;
        }
        let Some(id) = self.room_for(step, to) else { return };
        let Some(epoch) = self.rooms.epoch(&id) else { return };
        // What is refused was sealed in vain, and receivers skip only so many ratchet steps: a mailbox that was full is tried
        // with one letter.
        let most = if self.sending.full.contains_key(to) { 1 } else { MAIL_IN_ONE };
        let (mut numbers, mut items, mut size) = (Vec::new(), Vec::new(), 0);
        for (number, entry) in self.outbox.queue(to) {
            if entry.way != Way::Waiting || !takes(&entry.letter.body) {
                continue;
            }
            let Some(sealed) = self.rooms.seal(&id, &entry.letter.encode()) else { break };
            size += sealed.len();
            numbers.push(number);
            items.push(Outgoing { id: entry.letter.id, piece: common::msg::Piece(sealed) });
            if items.len() == most || size > PIECE_MAX / 2 {
                break;
            }
        }
        if items.is_empty() {
            return;
        }
        let mut changes = self.rooms.changes(&id);
        changes.push(self.inbox.count_written());
        step.keep(changes);
        for number in &numbers {
            self.outbox.take_way(to, *number, Way::ToDirectory, step.now.date);
        }
        let asked = Asked::Put { to: to.clone(), numbers, room: id };
        self.desk.ask(step, MailboxPut { room: id, epoch, items }, asked);
    }

    /// Whether something is on its way that will leave without anybody's doing. Without key packages nobody could write to
    /// this user until the next login.
    pub fn is_sending(&self) -> bool {
        self.rooms.is_publishing()
            || self.outbox.conversations().iter().any(|to| {
                let held = self.sending.held.contains_key(to);
                self.outbox.any(to, |way| match way {
                    Way::OnLink(_) | Way::ToDirectory => true,
                    Way::Waiting => !held,
                    Way::Stored => false,
                })
            })
    }

    /// The room that mail for `to` goes to, if it is ready; otherwise what makes it ready is begun.
    fn room_for(&mut self, step: &mut Step<'_>, to: &Conversation) -> Option<common::ident::RoomId> {
        let id = match to {
            Conversation::User(user) => match self.rooms.pair_with(user) {
                Some(id) => id,
                None => {
                    self.run(step, Errand::Pair(user.clone()));
                    return None;
                }
            },
            Conversation::Group(group) => self.groups.room(group)?,
            Conversation::Everyone => return None,
        };
        if !self.rooms.is_usable(&id) || self.rooms.expects_commit(&id) || self.errands.is_busy_with(&id) {
            return None;
        }
        if !self.rooms.is_synced(&id) || self.rooms.has_leaving(&id) {
            self.run(step, Errand::Sync(id));
            return None;
        }
        if let Conversation::User(user) = to
            && !self.rooms.users(&id).contains(user)
        {
            // Somebody who has just logged in for the first time publishes keys in a moment, without any other sign of it.
            let patience = if self.is_online(user) { NEWCOMER_PATIENCE } else { STRANGER_PATIENCE };
            self.sending.hold(to, Next::Terminal, Some(step.now.tick + patience));
            self.rooms.set_not_synced(&id);
            self.watch(step, [user.clone()]);
            return None;
        }
        Some(id)
    }

    /// The directory has taken letters, or not.
    pub(super) fn put_answered(
        &mut self,
        step: &mut Step<'_>,
        to: &Conversation,
        numbers: &[u64],
        room: common::ident::RoomId,
        reply: &MailboxReply,
    ) {
        let stored = usize::try_from(reply.stored).unwrap_or(usize::MAX).min(numbers.len());
        let mut changes = Vec::new();
        let (mut texts, mut left) = (Vec::new(), false);
        for number in &numbers[..stored] {
            let Some((_, entry)) = self.outbox.queue(to).find(|(other, _)| other == number) else { continue };
            let (id, is_text) = (entry.letter.id, entry.text().is_some());
            if entry.letter.body == Body::Leave {
                left = true;
                if self.are_alone(to) {
                    // Done when the directory has given the room up; until then it is repeated.
                    continue;
                }
            }
            texts.extend(is_text.then_some(id));
            if is_text {
                let name = name_of(to, &self.me.user, id);
                changes.push(Write::History(HistoryWrite::SetMark {
                    name,
                    mark: DeliveryStatus::Stored,
                    since: step.now.date,
                }));
            }
            // Only people's messages to one user are confirmed by the receiver.
            if is_text && matches!(to, Conversation::User(_)) {
                changes.extend(self.outbox.take_way(to, *number, Way::Stored, step.now.date));
            } else {
                changes.extend(self.outbox.remove(to, *number).map(|(_, change)| change));
            }
        }
        for number in &numbers[stored..] {
            changes.extend(self.outbox.take_way(to, *number, Way::Waiting, step.now.date));
        }
        match reply.refused {
            Some(MailRefusal::Full | MailRefusal::Other) => {
                let tries = if stored > 0 { 0 } else { self.sending.full.get(to).copied().unwrap_or_default() };
                self.sending.full.insert(to.clone(), tries + 1);
                let patience = FULL_PATIENCE << tries.min(FULL_DOUBLINGS);
                self.sending.hold(to, Next::Space, Some(step.now.tick + patience));
            }
            // What ended the epoch waits in our mailbox; once it was taken, this is tried again.
            Some(MailRefusal::Epoch) => self.rooms.expect_commit(&room),
            Some(MailRefusal::Room) => changes.extend(self.lose_room(step, &room)),
            None => drop(self.sending.full.remove(to)),
        }
        step.keep(changes);
        if !texts.is_empty() {
            let late = self.sending.told.contains_key(to);
            step.tell(Notice::Message(MessageNotice::Marked {
                to: to.clone(),
                ids: texts,
                mark: DeliveryStatus::Stored,
                late,
            }));
        }
        if left {
            return self.left(step, to);
        }
        self.pump(step, to);
        self.tell_if_waiting(step, to);
    }

    /// The receiver has kept, or shown, letters of ours.
    pub(super) fn receipt(&mut self, step: &mut Step<'_>, by: &UserId, ids: &[MessageId], state: Received) {
        let to = Conversation::User(by.clone());
        let mark = match state {
            Received::Delivered => DeliveryStatus::Delivered,
            Received::Read => DeliveryStatus::Read,
        };
        let (mut changes, mut arrived, mut shown) = (Vec::new(), Vec::new(), Vec::new());
        for id in ids {
            if let Some(number) = self.outbox.find(&to, id) {
                changes.extend(self.outbox.remove(&to, number).map(|(_, change)| change));
                arrived.push(*id);
            } else if state == Received::Read {
                shown.push(*id);
            } else {
                continue;
            }
            let name = name_of(&to, &self.me.user, *id);
            changes.push(Write::History(HistoryWrite::SetMark { name, mark, since: step.now.date }));
        }
        step.keep(changes);
        self.sending.encourage(&to);
        let late = self.sending.told.contains_key(&to);
        for (ids, late) in [(arrived, late), (shown, false)] {
            if !ids.is_empty() {
                step.tell(Notice::Message(MessageNotice::Marked { to: to.clone(), ids, mark, late }));
            }
        }
        if self.outbox.queue(&to).next().is_none() {
            self.sending.told.remove(&to);
        }
        self.pump(step, &to);
    }

    /// Tells the person that what was just sent waits, once.
    pub(super) fn tell_if_waiting(&mut self, step: &mut Step<'_>, to: &Conversation) {
        let waiting = self.outbox.queue(to).filter(|(_, entry)| entry.text().is_some()).count();
        if waiting == 0 {
            return;
        }
        let Some(next) = self.next_of(step, to) else { return };
        if matches!(next, Next::Confirmation | Next::Keys) {
            return;
        }
        let told = self.sending.told.insert(to.clone(), waiting);
        if told.is_none() || next == Next::Space {
            step.tell(Notice::Message(MessageNotice::Waiting { to: to.clone(), waiting, next }));
        }
    }

    /// What the first letter under way waits for.
    fn next_of(&self, step: &Step<'_>, to: &Conversation) -> Option<Next> {
        let (_, entry) = self.outbox.queue(to).find(|(_, entry)| entry.text().is_some())?;
        Some(self.next(step, to, entry.way))
    }

    fn next(&self, step: &Step<'_>, to: &Conversation, way: Way) -> Next {
        if let Conversation::User(user) = to
            && step.contacts.offered(user).is_some()
        {
            return Next::KeyDecision;
        }
        match way {
            Way::OnLink(_) => Next::Confirmation,
            Way::Stored if matches!(to, Conversation::User(user) if self.is_online(user)) => Next::Confirmation,
            Way::Stored => Next::Receiver,
            Way::ToDirectory | Way::Waiting if !self.desk.is_up() => Next::Directory,
            Way::ToDirectory => Next::Confirmation,
            Way::Waiting => self.sending.held.get(to).map_or(Next::Keys, |held| held.next.clone()),
        }
    }

    /// What has become of messages (`/why`).
    pub(super) fn explain(&self, step: &mut Step<'_>, of: Conversation) {
        let explained = self.outbox.queue(&of).filter_map(|(_, entry)| {
            let next = self.next(step, &of, entry.way);
            Some(Explained { text: entry.text()?.to_owned(), mark: entry.mark(), since: entry.since, next })
        });
        let messages: Vec<Explained> = explained.collect();
        if messages.is_empty() {
            // The last one that has arrived stands in the history.
            step.out.push(Effect::QueryHistory(super::HistoryQuery::LastSent { to: of }));
        } else {
            step.tell(Notice::Message(MessageNotice::Explained { of, messages }));
        }
    }
}
