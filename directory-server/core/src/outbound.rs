//! What one session is sent without having asked: its end, mail, presence, broadcasts (protocol section 6).
//!
//! Owns what waits between whoever has something to tell and the task that serves the session. It is small while nothing
//! waits, bounded while the session's task is slow to take it, and wakes that task.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use common::ident::UserId;
use common::limits::{PENDING_OUTPUT, WATCHED};
use common::msg::ByeReason;
use futures::task::AtomicWaker;

/// One thing to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Push {
    /// The directory ends the session.
    End(ByeReason),
    /// The terminal's mailbox has something new.
    Mail,
    /// There are reports of dropped messages for the terminal.
    Withdrawn,
    /// Send this encoded message.
    Message(Arc<[u8]>),
}

/// Whether the connection can take anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writability {
    /// What was sent before is on its way.
    Ready,
    /// The other side has not taken it yet.
    Busy,
}

/// What waits for one session.
#[derive(Debug, Default)]
pub struct OutboundQueue {
    waiting: Mutex<Waiting>,
    /// Whether anything waits; saves the lock on the way of every request.
    some: AtomicBool,
    waker: AtomicWaker,
}

#[derive(Debug, Default)]
struct Waiting {
    end: Option<ByeReason>,
    mail: bool,
    withdrawn: bool,
    messages: VecDeque<Arc<[u8]>>,
    /// Bytes of `messages`.
    bytes: usize,
    /// The newest `PRESENCE` of each user: a session that reads slowly does not get every state in between.
    presence: BTreeMap<UserId, Arc<[u8]>>,
}

impl OutboundQueue {
    /// The session ends; what else waits is not sent any more.
    pub fn end(&self, reason: ByeReason) {
        self.tell(|waiting| *waiting = Waiting { end: Some(waiting.end.unwrap_or(reason)), ..Waiting::default() });
    }

    /// The terminal's mailbox has something new.
    pub fn mail(&self) {
        self.tell(|waiting| waiting.mail = true);
    }

    /// There are reports of dropped messages for the terminal.
    pub fn withdrawn(&self) {
        self.tell(|waiting| waiting.withdrawn = true);
    }

    /// Sends an encoded message. A session that has left too many untaken ends.
    pub fn message(&self, message: Arc<[u8]>) {
        self.tell(|waiting| {
            waiting.bytes += message.len();
            waiting.messages.push_back(message);
            waiting.keep_in_bounds();
        });
    }

    /// Sends the encoded `PRESENCE` of a user, in the place of an older one.
    pub fn presence(&self, user: &UserId, message: Arc<[u8]>) {
        self.tell(|waiting| {
            waiting.presence.insert(user.clone(), message);
            waiting.keep_in_bounds();
        });
    }

    /// Whom to wake from now on; to be called before [`OutboundQueue::take`].
    pub fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    /// The next thing to tell: the end even through a busy writability, everything else when it is free.
    pub fn take(&self, writability: Writability) -> Option<Push> {
        if !self.some.load(Ordering::Acquire) {
            return None;
        }
        let mut waiting = self.lock();
        let push = waiting.take(writability);
        self.some.store(!waiting.is_empty(), Ordering::Release);
        push
    }

    fn tell(&self, change: impl FnOnce(&mut Waiting)) {
        let mut waiting = self.lock();
        change(&mut waiting);
        self.some.store(true, Ordering::Release);
        drop(waiting);
        self.waker.wake();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn take(&mut self, writability: Writability) -> Option<Push> {
        if let Some(reason) = self.end.take() {
            return Some(Push::End(reason));
        }
        if writability == Writability::Busy {
            return None;
        }
        if std::mem::take(&mut self.mail) {
            return Some(Push::Mail);
        }
        if std::mem::take(&mut self.withdrawn) {
            return Some(Push::Withdrawn);
        }
        let message = match self.messages.pop_front() {
            Some(message) => {
                self.bytes -= message.len();
                message
            }
            None => self.presence.pop_first()?.1,
        };
        Some(Push::Message(message))
    }

    fn is_empty(&self) -> bool {
        self.end.is_none() && !self.mail && !self.withdrawn && self.messages.is_empty() && self.presence.is_empty()
    }

    /// In a small directory everybody hears of everybody without watching them, so many more than are watched is no flood.
    fn keep_in_bounds(&mut self) {
        if self.bytes > PENDING_OUTPUT || self.presence.len() > 2 * WATCHED {
            *self = Self { end: Some(ByeReason::Protocol), ..Self::default() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: &str) -> UserId {
        UserId::parse(id).unwrap()
    }

    fn bytes(text: &str) -> Arc<[u8]> {
        text.as_bytes().into()
    }

    #[test]
    fn only_the_end_goes_through_a_busy_outlet_and_nothing_follows_it() {
        let outbound = OutboundQueue::default();
        outbound.mail();
        outbound.message(bytes("broadcast"));
        assert_eq!(outbound.take(Writability::Busy), None);
        outbound.end(ByeReason::Replaced);
        outbound.end(ByeReason::Stopping);
        assert_eq!(outbound.take(Writability::Busy), Some(Push::End(ByeReason::Replaced)), "the first reason counts");
        assert_eq!(outbound.take(Writability::Ready), None);
    }

    #[test]
    fn mail_is_told_once_and_presence_in_its_newest_state() {
        let outbound = OutboundQueue::default();
        outbound.mail();
        outbound.mail();
        outbound.presence(&user("ali"), bytes("online"));
        outbound.presence(&user("ali"), bytes("offline"));
        outbound.message(bytes("broadcast"));
        let told: Vec<_> = std::iter::from_fn(|| outbound.take(Writability::Ready)).collect();
        assert_eq!(told, [Push::Mail, Push::Message(bytes("broadcast")), Push::Message(bytes("offline"))]);
    }

    #[test]
    fn whoever_leaves_too_much_untaken_is_cut_off() {
        let outbound = OutboundQueue::default();
        let large: Arc<[u8]> = vec![0; PENDING_OUTPUT / 4].into();
        (0..4).for_each(|_| outbound.message(Arc::clone(&large)));
        assert!(matches!(outbound.take(Writability::Ready), Some(Push::Message(_))));
        outbound.message(Arc::clone(&large));
        outbound.message(large);
        assert_eq!(outbound.take(Writability::Ready), Some(Push::End(ByeReason::Protocol)));
        assert_eq!(outbound.take(Writability::Ready), None, "and nothing is kept");
    }

    #[test]
    fn whoever_waits_is_woken() {
        let outbound = Arc::new(OutboundQueue::default());
        let other = Arc::clone(&outbound);
        let waited = std::future::poll_fn(|cx| {
            outbound.register(cx.waker());
            outbound.take(Writability::Ready).map_or(std::task::Poll::Pending, std::task::Poll::Ready)
        });
        let teller = std::thread::spawn(move || other.mail());
        assert_eq!(futures::executor::block_on(waited), Push::Mail);
        teller.join().unwrap();
    }

    #[test]
    fn what_waits_is_bounded_to_the_byte_and_to_the_user() {
        let (outbound, piece) = (OutboundQueue::default(), |size: usize| Arc::<[u8]>::from(vec![0; size]));
        outbound.message(piece(PENDING_OUTPUT - 1));
        outbound.message(piece(1));
        assert!(matches!(outbound.take(Writability::Ready), Some(Push::Message(_))));
        outbound.message(piece(PENDING_OUTPUT));
        assert_eq!(outbound.take(Writability::Ready), Some(Push::End(ByeReason::Protocol)), "a byte too many");

        let outbound = OutboundQueue::default();
        for n in 0..2 * WATCHED {
            outbound.presence(&user(&format!("u{n}")), bytes("online"));
        }
        outbound.presence(&user("u0"), bytes("offline"));
        assert!(matches!(outbound.take(Writability::Ready), Some(Push::Message(_))), "as many as may be");
        outbound.presence(&user("more"), bytes("online"));
        outbound.presence(&user("most"), bytes("online"));
        assert_eq!(outbound.take(Writability::Ready), Some(Push::End(ByeReason::Protocol)));
    }
}
