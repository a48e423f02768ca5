//! Mailboxes: what waits for a terminal, how it gets there and how it is taken (protocol section 6.6; decision D17).
//!
//! Owns the order of delivery within a session: one `MAILBOX` at a time, the next behind its acknowledgement. What may
//! be kept (threat L11) and what the numbers are is decided in one transaction of the store.

use common::limits::Budget;
use common::msg::{
    AUTHORITY, ErrorCode, Features, FetchReply, FetchReq, MailRefusal, Mailbox, MailboxAck, MailboxPut, Member, Piece,
    Withdrawn, WithdrawnAck,
};

use crate::budgets::Payer;
use crate::directory::Directory;
use crate::presence::PresenceGuard;
use crate::records::{Deposit, DepositOutcome};
use crate::reply::Reply;
use crate::sealed::{self, Content};
use crate::store::{Store, StoreResult};
use crate::timestamp::Timestamp;

/// How far a session has taken its mail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// The terminal has not asked for its mail.
    #[default]
    Closed,
    /// Everything that was sent has been acknowledged.
    Open,
    /// `MAILBOX` was sent up to this item.
    Outstanding(u64),
}

/// Answers `MAILBOXREQ`; the mail follows as a push.
pub(crate) async fn open<S: Store>(
    directory: &Directory<S>,
    presence: &PresenceGuard,
    (delivery, told_lost): (&mut Delivery, &mut u64),
    now: Timestamp,
) -> StoreResult<Reply> {
    let state = directory.store.open_mailbox(presence.member(), directory.mail_expired(now)).await?;
    (*delivery, *told_lost) = (Delivery::Open, state.lost);
    presence.outbound.mail();
    Ok(Reply::Message(state.into()))
}

/// Sends what waits, unless the terminal owes an acknowledgement.
pub(crate) async fn deliver<S: Store>(
    directory: &Directory<S>,
    member: &Member,
    delivery: &mut Delivery,
    now: Timestamp,
) -> StoreResult<Reply> {
    if *delivery != Delivery::Open {
        return Ok(Reply::Silent);
    }
    let items = directory.store.mail(member, directory.mail_expired(now)).await?;
    let Some(last) = items.last().map(|last| last.item) else { return Ok(Reply::Silent) };
    *delivery = Delivery::Outstanding(last);
    Ok(Reply::Message(Mailbox { items }.into()))
}

/// Takes `MAILBOXACK`; what waits behind it follows as a push. How many items were lost is forgotten only now: a terminal says
/// so behind `MAILBOXSTATE`, which told it.
pub(crate) async fn acknowledge<S: Store>(
    directory: &Directory<S>,
    presence: &PresenceGuard,
    (delivery, told_lost): (&mut Delivery, &mut u64),
    ack: MailboxAck,
) -> StoreResult<Reply> {
    directory.store.acknowledge(presence.member(), ack.upto, *told_lost).await?;
    *told_lost = 0;
    if matches!(delivery, Delivery::Outstanding(last) if ack.upto >= *last) {
        *delivery = Delivery::Open;
        presence.outbound.mail();
    }
    Ok(Reply::Silent)
}

/// Answers `FETCHREQ`.
pub(crate) async fn fetch<S: Store>(
    directory: &Directory<S>,
    member: &Member,
    request: FetchReq,
) -> StoreResult<Reply> {
    let piece = directory.store.piece(member, request.item, request.offset).await?;
    Ok(Reply::Message(FetchReply { piece: Piece(piece) }.into()))
}

/// Sends reports of messages that were stored and are dropped, unless the terminal owes an acknowledgement (decision D32).
pub(crate) async fn report<S: Store>(
    directory: &Directory<S>,
    member: &Member,
    reports: &mut Delivery,
) -> StoreResult<Reply> {
    if *reports != Delivery::Open {
        return Ok(Reply::Silent);
    }
    let messages = directory.store.withdrawn(member).await?;
    let Some(last) = messages.last().map(|last| last.report) else { return Ok(Reply::Silent) };
    *reports = Delivery::Outstanding(last);
    Ok(Reply::Message(Withdrawn { messages }.into()))
}

/// Takes `WITHDRAWNACK`; what waits behind it follows as a push.
pub(crate) async fn acknowledge_report<S: Store>(
    directory: &Directory<S>,
    presence: &PresenceGuard,
    reports: &mut Delivery,
    ack: WithdrawnAck,
) -> StoreResult<Reply> {
    directory.store.acknowledge_withdrawn(presence.member(), ack.upto).await?;
    if matches!(reports, Delivery::Outstanding(last) if ack.upto >= *last) {
        *reports = Delivery::Open;
        presence.outbound.withdrawn();
    }
    Ok(Reply::Silent)
}

/// Answers `MAILBOXPUT`. What it leaves to report is known when it was done, and is charged then (threat L13).
pub(crate) async fn put<S: Store>(
    directory: &Directory<S>,
    payer: Payer<'_>,
    now: Timestamp,
    features: &Features,
    put: MailboxPut,
) -> StoreResult<Reply> {
    let MailboxPut { room, epoch, items, leave } = put;
    let messages: Vec<_> = items.into_iter().map(|outgoing| (outgoing.id, outgoing.piece.0)).collect();
    // Each says what it is for, and says the truth (threat G7).
    let is_sound = |bytes: &[u8]| sealed::is_for(bytes, &room, epoch, Content::Application);
    if messages.is_empty() || !messages.iter().all(|(_, bytes)| is_sound(bytes)) {
        return Ok(Reply::error(ErrorCode::Malformed));
    }
    let paid = messages.len();
    let deposit = Deposit { from: payer.member.clone(), room, epoch, messages, leave };
    let (rule, date) = (directory.policy().mail, directory.date(now));
    let DepositOutcome { mut reply, notify, reports } = directory.store.deposit(deposit, rule, date).await?;
    let more = (Budget::Messages, reports.saturating_sub(paid));
    directory.budgets().charge(payer, more, now, &directory.policy());
    directory.presence.mail_for(&notify);
    if reply.refused == Some(MailRefusal::Moved) && !features.include(AUTHORITY) {
        reply.refused = Some(MailRefusal::Room);
    }
    Ok(Reply::Message(reply.into()))
}

#[cfg(test)]
mod tests {
    use common::ident::{MessageId, RoomId};
    use common::msg::Outgoing;
    use common::testkit::{sealed_commit, sealed_message, sealed_welcome};
    use futures::executor::block_on;

    use super::*;
    use crate::closed_store::{NOW, directory, member, policy};
    use crate::store::StoreError;

    #[test]
    fn a_put_of_nothing_or_of_what_is_for_another_room_or_epoch_does_not_reach_the_store() {
        let directory = directory(policy());
        let room = RoomId([7; 16]);
        let good = || sealed_message(&room, 5, b"x");
        let table = [
            ("nothing", vec![], false),
            ("an empty one", vec![Vec::new()], false),
            ("one", vec![good()], true),
            ("two", vec![good(), good()], true),
            ("one that is empty behind a good one", vec![good(), Vec::new()], false),
            ("of an epoch before", vec![good(), sealed_message(&room, 4, b"x")], false),
            ("of the next epoch", vec![sealed_message(&room, 6, b"x")], false),
            ("of another room", vec![sealed_message(&RoomId([8; 16]), 5, b"x")], false),
            ("a commit", vec![sealed_commit(&room, 5, b"x")], false),
            ("a welcome", vec![sealed_welcome(b"x")], false),
        ];
        for (what, messages, sound) in table {
            let items = messages.into_iter().map(|bytes| Outgoing { id: MessageId([1; 16]), piece: Piece(bytes) });
            let request = MailboxPut { room, epoch: 5, items: items.collect(), leave: false };
            let ali = member("ali");
            let payer = Payer { member: &ali, source: None };
            match block_on(put(&directory, payer, NOW, &Features::default(), request)) {
                Ok(Reply::Last(_)) => assert!(!sound, "{what}"),
                outcome => assert_eq!(outcome.err(), sound.then_some(StoreError::Closed), "{what}"),
            }
        }
    }

    #[test]
    fn nothing_is_delivered_before_the_mailbox_is_open_and_while_an_acknowledgement_is_owed() {
        let directory = directory(policy());
        for (mut delivery, asks) in
            [(Delivery::Closed, false), (Delivery::Outstanding(3), false), (Delivery::Open, true)]
        {
            let outcome = block_on(deliver(&directory, &member("ali"), &mut delivery, NOW));
            assert_eq!(outcome.is_err(), asks, "{delivery:?}");
        }
    }
}
