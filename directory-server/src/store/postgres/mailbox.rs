//! Mailboxes: what is kept for whom, within the rule (threat L11).
//!
//! A body is stored once, however many mailboxes it lies in. The room is locked first, then the mailboxes in the order of
//! their owners; items are numbered in each mailbox while it is locked, so the numbers ascend in the order of the commits.

use std::collections::{BTreeMap, BTreeSet};

use common::ident::{MessageId, UserId};
use common::msg::{MailKind, MailRefusal, MailboxReply, Member};
use directory_core::authority::Past;
use directory_core::records::{Deposit, DepositOutcome, MailRule};
use directory_core::store::StoreError;
use directory_core::timestamp::Timestamp;
use futures::future::{try_join, try_join_all, try_join3};

use super::error::PgResult;
use super::lanes::Lane;
use super::row::{number, params};
use super::situation::past;
use super::{roster, withdrawn};
use crate::store::bounds::{REPORTS_OF_A_PUT, kind_code};
use crate::store::filling::{Letter, Receiver, full, without_room};

/// Terminals whose mailboxes are locked, those of one user together, and the last item of each mailbox.
pub(super) struct Locked {
    pub(super) receivers: Vec<Receiver>,
    last: Vec<i64>,
}

/// What is written down of a commit or a welcome beside the letter.
pub(super) struct Signed {
    /// JSON.
    pub(super) signed: String,
    /// How many terminals had gone.
    pub(super) departures: i64,
}

/// Locks the mailboxes of these terminals, in which something of this sender may wait, and the sender's own.
pub(super) async fn lock(lane: &Lane, members: BTreeSet<Member>, sender: &Member) -> PgResult<Locked> {
    let (mut users, mut terminals) = (Vec::new(), Vec::new());
    for member in members.iter().chain([sender]) {
        users.push(member.userid.as_str());
        terminals.push(&member.terminal.as_bytes()[..]);
    }
    let them = params![users, terminals];
    let theirs = params![users, terminals, sender.userid.as_str()];
    // What is counted by sender is read when the mailboxes are locked, not before.
    let lock = "SELECT userid, terminal, bytes, last FROM mailbox_states
                WHERE userid = ANY($1) AND terminal = ANY($2) ORDER BY userid, terminal FOR UPDATE";
    lane.know(lock).await?;
    let (states, senders) = try_join(
        lane.rows(lock, them),
        lane.rows(
            "SELECT userid, terminal, messages, bytes FROM mailbox_senders
             WHERE userid = ANY($1) AND terminal = ANY($2) AND sender = $3",
            theirs,
        ),
    )
    .await?;
    let mut known = BTreeMap::new();
    for row in &senders {
        known.insert(row.member(0)?, (row.small(2)?, row.number(3)?));
    }
    let mut found = BTreeMap::new();
    for row in &states {
        found.insert(row.member(0)?, (row.number(2)?, row.get::<i64>(3)?));
    }
    let mut locked = Locked { receivers: Vec::new(), last: Vec::new() };
    for member in members {
        let theirs = known.get(&member).copied().unwrap_or_default();
        let (bytes, last) = found.get(&member).copied().unwrap_or_default();
        locked.receivers.push(Receiver::new(member, bytes, theirs));
        locked.last.push(last);
    }
    Ok(locked)
}

/// Keeps a letter for every receiver that has room for it; the others have lost it. How many reports of that were written.
pub(super) async fn keep(
    lane: &Lane,
    letter: &Letter<'_>,
    signed: Option<&Signed>,
    to: &mut Locked,
    (rule, now): (&MailRule, Timestamp),
) -> PgResult<usize> {
    let mut reports = 0;
    for user in without_room(letter, &to.receivers, rule) {
        if let Some(id) = letter.id {
            reports += withdrawn::full(lane, letter.from, (letter.room, id), &user).await?;
        }
    }
    let mail: [u8; 16] = common::crypto::random().map_err(|error| StoreError::Failed(error.to_string()))?;
    let mut places = Vec::new();
    for (receiver, last) in to.receivers.iter_mut().zip(&to.last) {
        if receiver.has_room_for(letter, rule) {
            receiver.takes(letter);
            places.push((receiver.member.clone(), last.saturating_add(receiver.kept.items.into())));
        } else {
            receiver.loses();
        }
    }
    if places.is_empty() {
        return Ok(reports);
    }
    let (sender, shared) = (letter.from.userid.as_str(), places.len() > 1);
    let (kind, size) = (kind_code(letter.kind), number(letter.body.len() as u64));
    let items = try_join_all(places.iter().map(|(to, item)| async move {
        lane.run(
            "INSERT INTO mailbox (userid, terminal, item, mail, sender, kind, size, shared)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            params![to.userid.as_str(), &to.terminal.as_bytes()[..], item, &mail[..], sender, kind, size, shared],
        )
        .await
    }));
    try_join(insert_body(lane, letter, signed, (&mail, now)), items).await?;
    Ok(reports)
}

async fn insert_body(
    lane: &Lane,
    letter: &Letter<'_>,
    signed: Option<&Signed>,
    (mail, now): (&[u8; 16], Timestamp),
) -> PgResult<u64> {
    let Letter { room, from, kind, epoch, id, body } = letter;
    lane.run(
        "INSERT INTO mail
             (mail, room, epoch, from_user, from_terminal, kind, date, id, signed, departures, body)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        params![
            &mail[..],
            &room.as_bytes()[..],
            number(*epoch),
            from.userid.as_str(),
            &from.terminal.as_bytes()[..],
            kind_code(*kind),
            number(now.seconds()),
            id.map(|id: &MessageId| &id.as_bytes()[..]),
            signed.map(|signed| signed.signed.as_str()),
            signed.map_or(0, |signed| signed.departures),
            *body
        ],
    )
    .await
}

/// Writes down what [`keep`] has counted; the terminals whose mailboxes have something new.
pub(super) async fn settle(lane: &Lane, sender: &UserId, to: Locked) -> PgResult<Vec<Member>> {
    let changed = to.receivers.iter().filter(|receiver| receiver.kept.items > 0 || receiver.kept.lost > 0);
    try_join_all(changed.map(|Receiver { member, kept, .. }| async move {
        let (user, terminal) = (member.userid.as_str(), &member.terminal.as_bytes()[..]);
        let (bytes, items, lost) = (number(kept.bytes), i64::from(kept.items), i64::from(kept.lost));
        lane.run(
            "UPDATE mailbox_states SET bytes = bytes + $3, last = last + $4, lost = lost + $5
             WHERE userid = $1 AND terminal = $2",
            params![user, terminal, bytes, items, lost],
        )
        .await
    }))
    .await?;
    let kept = to.receivers.iter().filter(|receiver| receiver.kept.items > 0);
    try_join_all(kept.map(|Receiver { member, kept, .. }| async move {
        let (user, terminal) = (member.userid.as_str(), &member.terminal.as_bytes()[..]);
        lane.run(
            "INSERT INTO mailbox_senders (userid, terminal, sender, messages, bytes) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (userid, terminal, sender) DO UPDATE SET
                 messages = mailbox_senders.messages + excluded.messages,
                 bytes = mailbox_senders.bytes + excluded.bytes",
            params![user, terminal, sender.as_str(), i64::from(kept.messages), number(kept.bytes)],
        )
        .await
    }))
    .await?;
    let kept = to.receivers.into_iter().filter(|receiver| receiver.kept.items > 0);
    Ok(kept.map(|receiver| receiver.member).collect())
}

/// Counts a request of this terminal that was carried out.
pub(super) async fn count_written(lane: &Lane, member: &Member) -> PgResult<()> {
    let sql = "UPDATE mailbox_states SET written = written + 1 WHERE userid = $1 AND terminal = $2";
    lane.run(sql, params![member.userid.as_str(), &member.terminal.as_bytes()[..]]).await?;
    Ok(())
}

pub(super) async fn deposit(
    lane: &Lane,
    deposit: &Deposit,
    rule: &MailRule,
    now: Timestamp,
) -> PgResult<DepositOutcome> {
    let refused = |refusal| {
        let reply = MailboxReply { stored: 0, refused: Some(refusal), full: Vec::new() };
        Ok(DepositOutcome { reply, notify: Vec::new(), reports: 0 })
    };
    let lock_room = "SELECT 1 FROM rooms WHERE room = $1 FOR UPDATE";
    lane.know(lock_room).await?;
    let (_, epoch, members) = try_join3(
        lane.rows(lock_room, params![&deposit.room.as_bytes()[..]]),
        roster::epoch_for(lane, &deposit.room, &deposit.from),
        roster::roster(lane, &deposit.room),
    )
    .await?;
    match epoch {
        None if past(lane, &deposit.room).await? == Some(Past::Moved) => return refused(MailRefusal::Moved),
        None => return refused(MailRefusal::Room),
        Some(epoch) if epoch != deposit.epoch => return refused(MailRefusal::Epoch),
        Some(_) => {}
    }
    let sender = &deposit.from.userid;
    let others = members.iter().filter(|member| member.userid != *sender).map(|member| &member.userid);
    let is_pair = others.clone().min().is_some() && others.clone().min() == others.max();
    let has_ghosts = !roster::ghosts(lane, &deposit.room).await?.is_empty();
    let receivers = members.into_iter().filter(|member| *member != deposit.from).collect();
    let mut to = lock(lane, receivers, &deposit.from).await?;
    let mut reply = MailboxReply { stored: 0, refused: None, full: Vec::new() };
    let mut reports = 0;
    for (letter_id, body) in &deposit.messages {
        let (kind, id) = (MailKind::Message, Some(letter_id));
        let letter = Letter { room: &deposit.room, from: &deposit.from, kind, epoch: deposit.epoch, id, body };
        let mut theirs = to.receivers.iter().filter(|receiver| receiver.member.userid != *sender);
        if is_pair && !theirs.any(|receiver| receiver.has_room_for(&letter, rule)) {
            reply.refused = Some(MailRefusal::Full);
            break;
        }
        reports += keep(lane, &letter, None, &mut to, (rule, now)).await?;
        if has_ghosts {
            reports += withdrawn::gone(lane, &deposit.from, (&deposit.room, letter_id)).await?;
        }
        reply.stored += 1;
        if reports >= REPORTS_OF_A_PUT {
            break;
        }
    }
    reply.full = full(sender, &to.receivers);
    let notify = settle(lane, sender, to).await?;
    if reply.stored > 0 {
        count_written(lane, &deposit.from).await?;
    }
    let are_all_stored = usize::try_from(reply.stored).is_ok_and(|stored| stored == deposit.messages.len());
    if deposit.leave && are_all_stored {
        roster::leave(lane, &deposit.room, sender).await?;
    }
    Ok(DepositOutcome { reply, notify, reports })
}
