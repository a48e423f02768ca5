//! Mailboxes: what is kept for whom, within the rule (threat L11).
//!
//! A body is stored once, however many mailboxes it lies in. What waits is counted beside the mailboxes, so that a put
//! costs the same whether much waits or little.

use common::ident::{MessageId, UserId};
use common::msg::{MailKind, MailRefusal, MailboxReply, Member};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::error::SqlResult;
use super::situation::past;
use super::{roster, withdrawn};
use crate::store::bounds::{REPORTS_OF_A_PUT, kind_code};
use crate::store::filling::{Letter, Receiver, full, without_room};
use directory_core::authority::Past;
use directory_core::records::{Deposit, DepositOutcome, MailRule};
use directory_core::timestamp::Timestamp;

/// A terminal, before anything is added to its mailbox by this transaction.
pub(super) fn receiver(connection: &Connection, member: Member, sender: &UserId) -> SqlResult<Receiver> {
    let mut statement = connection.prepare_cached(
        "SELECT m.bytes, coalesce(s.messages, 0), coalesce(s.bytes, 0) FROM mailbox_states AS m
         LEFT JOIN mailbox_senders AS s ON s.user = m.user AND s.terminal = m.terminal AND s.sender = ?3
         WHERE m.user = ?1 AND m.terminal = ?2",
    )?;
    let found = statement
        .query_row(params![member.userid.as_str(), member.terminal.as_bytes(), sender.as_str()], |row| {
            Ok((row.get(0)?, (row.get(1)?, row.get(2)?)))
        })
        .optional()?;
    let (bytes, theirs) = found.unwrap_or_default();
    Ok(Receiver::new(member, bytes, theirs))
}

/// What became of a letter.
pub(super) struct Kept {
    /// Whether anybody has it.
    pub(super) by_somebody: bool,
    /// Reports that were written.
    pub(super) reports: usize,
}

/// Keeps a letter, whose number is one of [`numbers`], for every receiver that has room for it; the others have lost it.
pub(super) fn keep(
    connection: &Connection,
    (item, letter): (i64, &Letter<'_>),
    receivers: &mut [Receiver],
    rule: &MailRule,
    now: Timestamp,
) -> SqlResult<Kept> {
    let mut reports = 0;
    for user in without_room(letter, receivers, rule) {
        if let Some(id) = letter.id {
            reports += withdrawn::full(connection, letter.from, (letter.room, id), &user)?;
        }
    }
    let keepers = receivers.iter().filter(|receiver| receiver.has_room_for(letter, rule)).count();
    if keepers > 0 {
        insert_body(connection, (item, letter), now)?;
    }
    for receiver in receivers {
        if !receiver.has_room_for(letter, rule) {
            receiver.loses();
            continue;
        }
        let Member { userid, terminal } = &receiver.member;
        connection
            .prepare_cached(
                "INSERT INTO mailbox (user, terminal, item, sender, kind, size, shared)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                userid.as_str(),
                terminal.as_bytes(),
                item,
                letter.from.userid.as_str(),
                kind_code(letter.kind),
                letter.body.len(),
                keepers > 1
            ])?;
        receiver.takes(letter);
    }
    Ok(Kept { by_somebody: keepers > 0, reports })
}

/// Takes this many numbers of items and gives the first. One that is not used is lost.
pub(super) fn numbers(connection: &Connection, count: usize) -> SqlResult<i64> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached("UPDATE mail_numbers SET last = last + ?1 RETURNING last")?;
    Ok(statement.query_row([count], |row| row.get::<_, i64>(0))? - count + 1)
}

fn insert_body(connection: &Connection, (item, letter): (i64, &Letter<'_>), now: Timestamp) -> SqlResult<()> {
    let Letter { room, from, kind, epoch, id, body } = letter;
    connection
        .prepare_cached(
            "INSERT INTO mail (item, room, epoch, from_user, from_terminal, kind, date, body, id)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            item,
            room.as_bytes(),
            epoch,
            from.userid.as_str(),
            from.terminal.as_bytes(),
            kind_code(*kind),
            now.seconds(),
            body,
            id.map(MessageId::as_bytes)
        ])?;
    Ok(())
}

/// Writes down what [`keep`] has counted; the terminals whose mailboxes have something new.
pub(super) fn settle(connection: &Connection, sender: &UserId, receivers: Vec<Receiver>) -> SqlResult<Vec<Member>> {
    let mut notify = Vec::new();
    for Receiver { member, kept, .. } in receivers {
        let (user, terminal) = (member.userid.as_str(), member.terminal.as_bytes());
        connection
            .prepare_cached(
                "INSERT INTO mailbox_states (user, terminal, bytes, lost) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes, lost = lost + excluded.lost",
            )?
            .execute(params![user, terminal, kept.bytes, kept.lost])?;
        if kept.items > 0 {
            connection
                .prepare_cached(
                    "INSERT INTO mailbox_senders (user, terminal, sender, messages, bytes) VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT DO UPDATE SET messages = messages + excluded.messages, bytes = bytes + excluded.bytes",
                )?
                .execute(params![user, terminal, sender.as_str(), kept.messages, kept.bytes])?;
            notify.push(member);
        }
    }
    Ok(notify)
}

/// Counts a request of this terminal that was carried out.
pub(super) fn count_written(connection: &Connection, member: &Member) -> SqlResult<()> {
    connection
        .prepare_cached(
            "INSERT INTO mailbox_states (user, terminal, written) VALUES (?1, ?2, 1)
             ON CONFLICT DO UPDATE SET written = written + 1",
        )?
        .execute(params![member.userid.as_str(), member.terminal.as_bytes()])?;
    Ok(())
}

pub(super) fn deposit(
    connection: &Connection,
    deposit: &Deposit,
    rule: &MailRule,
    now: Timestamp,
) -> SqlResult<DepositOutcome> {
    let refused = |refusal| {
        let reply = MailboxReply { stored: 0, refused: Some(refusal), full: Vec::new() };
        Ok(DepositOutcome { reply, notify: Vec::new(), reports: 0 })
    };
    match roster::epoch_for(connection, &deposit.room, &deposit.from)? {
        None if past(connection, &deposit.room)? == Some(Past::Moved) => return refused(MailRefusal::Moved),
        None => return refused(MailRefusal::Room),
        Some(epoch) if epoch != deposit.epoch => return refused(MailRefusal::Epoch),
        Some(_) => {}
    }
    let sender = &deposit.from.userid;
    let members = roster::roster(connection, &deposit.room)?;
    let others = members.iter().filter(|member| member.userid != *sender).map(|member| &member.userid);
    let is_pair = others.clone().min().is_some() && others.clone().min() == others.max();
    let receivers = members.into_iter().filter(|member| *member != deposit.from);
    let receivers = receivers.map(|member| receiver(connection, member, sender));
    let mut receivers = receivers.collect::<SqlResult<Vec<_>>>()?;
    let mut reply = MailboxReply { stored: 0, refused: None, full: Vec::new() };
    let first = numbers(connection, deposit.messages.len())?;
    let mut reports = 0;
    for (item, (letter_id, body)) in (first..).zip(&deposit.messages) {
        let (kind, id) = (MailKind::Message, Some(letter_id));
        let letter = Letter { room: &deposit.room, from: &deposit.from, kind, epoch: deposit.epoch, id, body };
        let mut theirs = receivers.iter().filter(|receiver| receiver.member.userid != *sender);
        if is_pair && !theirs.any(|receiver| receiver.has_room_for(&letter, rule)) {
            reply.refused = Some(MailRefusal::Full);
            break;
        }
        reports += keep(connection, (item, &letter), &mut receivers, rule, now)?.reports;
        reports += withdrawn::gone(connection, &deposit.from, (&deposit.room, letter_id))?;
        reply.stored += 1;
        if reports >= REPORTS_OF_A_PUT {
            break;
        }
    }
    if reply.stored > 0 {
        count_written(connection, &deposit.from)?;
    }
    reply.full = full(sender, &receivers);
    let notify = settle(connection, sender, receivers)?;
    let are_all_stored = usize::try_from(reply.stored).is_ok_and(|stored| stored == deposit.messages.len());
    if deposit.leave && are_all_stored {
        roster::leave(connection, &deposit.room, sender)?;
    }
    Ok(DepositOutcome { reply, notify, reports })
}
