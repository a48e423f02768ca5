//! Mailboxes: what is kept for whom, within the rule (threat L11).
//!
//! A body is stored once, however many mailboxes it lies in. What waits is counted beside the mailboxes, so that a put
//! costs the same whether much waits or little.

use common::ident::{RoomId, TerminalId, UserId};
use common::limits::{MAIL_IN_ONE, PIECE_MAX};
use common::msg::{MailItem, MailKind, MailRefusal, MailboxReply, MailboxState, Member, Piece};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::rooms;
use super::users::user_id;
use crate::core::mailbox::{MailRule, Put, Stored};
use crate::core::moment::Moment;
use crate::core::store::Answer;

/// Bytes of one `MAILBOX`, as it goes over the wire.
const MAILBOX_BYTES: usize = 48 * 1024;
/// What an item takes in a `MAILBOX` beside its piece, at most.
const ITEM_BYTES: usize = 320;
/// Items that one call of [`expire`] forgets, so that others get their turn: chosen arbitrarily.
const EXPIRE_AT_ONCE: i64 = 1000;

/// Something to keep for several terminals.
pub(super) struct Letter<'a> {
    pub(super) room: &'a RoomId,
    pub(super) from: &'a Member,
    pub(super) kind: MailKind,
    pub(super) epoch: u64,
    pub(super) body: &'a [u8],
}

/// A terminal that something is kept for, and how full its mailbox is.
pub(super) struct Receiver {
    pub(super) member: Member,
    /// Messages of this sender that wait.
    messages: u32,
    /// Bytes that wait.
    bytes: u64,
    kept: Kept,
}

/// What a transaction has added to a mailbox.
#[derive(Default)]
struct Kept {
    items: u32,
    messages: u32,
    bytes: u64,
    lost: u32,
}

impl Receiver {
    /// The terminal, before anything is added to its mailbox by this transaction.
    pub(super) fn of(connection: &Connection, member: Member, sender: &UserId) -> Answer<Self> {
        let mut statement = connection.prepare_cached(
            "SELECT bytes, coalesce((SELECT messages FROM mailbox_senders AS s
                                     WHERE s.user = ?1 AND s.terminal = ?2 AND s.sender = ?3), 0)
             FROM mailbox_states WHERE user = ?1 AND terminal = ?2",
        )?;
        let found = statement
            .query_row(params![member.userid.as_str(), member.terminal.as_bytes(), sender.as_str()], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        let (bytes, messages) = found.unwrap_or_default();
        Ok(Self { member, messages, bytes, kept: Kept::default() })
    }

    fn has_room_for(&self, letter: &Letter<'_>, rule: &MailRule) -> bool {
        let bytes = self.bytes + letter.body.len() as u64;
        let fits = |limit: u64| limit == 0 || bytes <= limit;
        match letter.kind {
            MailKind::Message => (rule.messages == 0 || self.messages < rule.messages) && fits(rule.bytes),
            MailKind::Commit | MailKind::Welcome => fits(rule.bytes.saturating_mul(2)),
        }
    }
}

/// Keeps a letter for every receiver that has room for it; the others have lost it.
pub(super) fn keep(
    connection: &Connection,
    letter: &Letter<'_>,
    receivers: &mut [Receiver],
    rule: &MailRule,
    now: Moment,
) -> Answer<()> {
    let mut item = None;
    for receiver in receivers {
        if !receiver.has_room_for(letter, rule) {
            receiver.kept.lost += 1;
            continue;
        }
        let item = match item {
            Some(item) => item,
            None => *item.insert(insert_body(connection, letter, now)?),
        };
        let Member { userid, terminal } = &receiver.member;
        connection
            .prepare_cached("INSERT INTO mailbox (user, terminal, item) VALUES (?1, ?2, ?3)")?
            .execute(params![userid.as_str(), terminal.as_bytes(), item])?;
        let (size, message) = (letter.body.len() as u64, u32::from(letter.kind == MailKind::Message));
        receiver.bytes += size;
        receiver.messages += message;
        receiver.kept.items += 1;
        receiver.kept.bytes += size;
        receiver.kept.messages += message;
    }
    Ok(())
}

fn insert_body(connection: &Connection, letter: &Letter<'_>, now: Moment) -> Answer<i64> {
    let Letter { room, from, kind, epoch, body } = letter;
    connection
        .prepare_cached(
            "INSERT INTO mail (room, epoch, from_user, from_terminal, kind, date, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            room.as_bytes(),
            epoch,
            from.userid.as_str(),
            from.terminal.as_bytes(),
            code(*kind),
            now.seconds(),
            body
        ])?;
    Ok(connection.last_insert_rowid())
}

/// Writes down what [`keep`] has counted; the terminals whose mailboxes have something new.
pub(super) fn settle(connection: &Connection, sender: &UserId, receivers: Vec<Receiver>) -> Answer<Vec<Member>> {
    let mut told = Vec::new();
    for Receiver { member, kept, .. } in receivers {
        let (user, terminal) = (member.userid.as_str(), member.terminal.as_bytes());
        connection
            .prepare_cached(
                "INSERT INTO mailbox_states (user, terminal, bytes, lost) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes, lost = lost + excluded.lost",
            )?
            .execute(params![user, terminal, kept.bytes, kept.lost])?;
        if kept.messages > 0 {
            connection
                .prepare_cached(
                    "INSERT INTO mailbox_senders (user, terminal, sender, messages) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT DO UPDATE SET messages = messages + excluded.messages",
                )?
                .execute(params![user, terminal, sender.as_str(), kept.messages])?;
        }
        if kept.items > 0 {
            told.push(member);
        }
    }
    Ok(told)
}

/// Counts a request of this terminal that was carried out.
pub(super) fn count_written(connection: &Connection, member: &Member) -> Answer<()> {
    connection
        .prepare_cached(
            "INSERT INTO mailbox_states (user, terminal, written) VALUES (?1, ?2, 1)
             ON CONFLICT DO UPDATE SET written = written + 1",
        )?
        .execute(params![member.userid.as_str(), member.terminal.as_bytes()])?;
    Ok(())
}

pub(super) fn put(connection: &Connection, put: &Put, rule: &MailRule, now: Moment) -> Answer<Stored> {
    let refused = |refusal| {
        let reply = MailboxReply { stored: 0, refused: Some(refusal), full: Vec::new() };
        Ok(Stored { reply, told: Vec::new() })
    };
    match rooms::epoch_for(connection, &put.room, &put.from)? {
        None => return refused(MailRefusal::Room),
        Some(epoch) if epoch != put.epoch => return refused(MailRefusal::Epoch),
        Some(_) => {}
    }
    let sender = &put.from.userid;
    let roster = rooms::roster(connection, &put.room)?;
    let others = roster.iter().filter(|member| member.userid != *sender).map(|member| &member.userid);
    let is_pair = others.clone().min().is_some() && others.clone().min() == others.max();
    let receivers = roster.into_iter().filter(|member| *member != put.from);
    let receivers = receivers.map(|member| Receiver::of(connection, member, sender));
    let mut receivers = receivers.collect::<Answer<Vec<_>>>()?;
    let mut reply = MailboxReply { stored: 0, refused: None, full: Vec::new() };
    for body in &put.messages {
        let kind = MailKind::Message;
        let letter = Letter { room: &put.room, from: &put.from, kind, epoch: put.epoch, body };
        let mut theirs = receivers.iter().filter(|receiver| receiver.member.userid != *sender);
        if is_pair && !theirs.any(|receiver| receiver.has_room_for(&letter, rule)) {
            reply.refused = Some(MailRefusal::Full);
            break;
        }
        keep(connection, &letter, &mut receivers, rule, now)?;
        reply.stored += 1;
    }
    if reply.stored > 0 {
        count_written(connection, &put.from)?;
    }
    reply.full = full(sender, &receivers);
    Ok(Stored { reply, told: settle(connection, sender, receivers)? })
}

/// Users, the sender aside, for none of whose terminals everything was kept.
fn full(sender: &UserId, receivers: &[Receiver]) -> Vec<UserId> {
    let mut users: Vec<_> = receivers.iter().map(|receiver| &receiver.member.userid).collect();
    users.dedup();
    let has_all = |user: &UserId| receivers.iter().any(|r| r.member.userid == *user && r.kept.lost == 0);
    users.into_iter().filter(|user| *user != sender && !has_all(user)).cloned().collect()
}

pub(super) fn open(connection: &Connection, owner: &Member, expired: Moment) -> Answer<MailboxState> {
    let (user, terminal) = (owner.userid.as_str(), owner.terminal.as_bytes());
    let old: Option<i64> = connection
        .prepare_cached(
            "SELECT max(item) FROM mailbox JOIN mail USING (item) WHERE user = ?1 AND terminal = ?2 AND date <= ?3",
        )?
        .query_row(params![user, terminal, expired.seconds()], |row| row.get(0))?;
    if let Some(old) = old {
        forget(connection, Some(owner), old, Because::Expired)?;
    }
    let state = connection
        .prepare_cached("SELECT acked, written, lost FROM mailbox_states WHERE user = ?1 AND terminal = ?2")?
        .query_row(params![user, terminal], |row| {
            Ok(MailboxState { acked: row.get(0)?, written: row.get(1)?, lost: row.get(2)?, waiting: 0 })
        })
        .optional()?;
    let state = state.unwrap_or(MailboxState { acked: 0, written: 0, lost: 0, waiting: 0 });
    if state.lost > 0 {
        connection
            .prepare_cached("UPDATE mailbox_states SET lost = 0 WHERE user = ?1 AND terminal = ?2")?
            .execute(params![user, terminal])?;
    }
    let waiting = connection
        .prepare_cached("SELECT count(*) FROM mailbox WHERE user = ?1 AND terminal = ?2")?
        .query_row(params![user, terminal], |row| row.get(0))?;
    Ok(MailboxState { waiting, ..state })
}

pub(super) fn mail(connection: &Connection, owner: &Member, expired: Moment) -> Answer<Vec<MailItem>> {
    let mut statement = connection.prepare_cached(
        "SELECT item, room, epoch, from_user, from_terminal, kind, date, length(body),
                CASE WHEN length(body) <= ?4 THEN body END
         FROM mailbox JOIN mail USING (item)
         WHERE user = ?1 AND terminal = ?2 AND date > ?3 ORDER BY item LIMIT ?5",
    )?;
    let mut rows = statement.query(params![
        owner.userid.as_str(),
        owner.terminal.as_bytes(),
        expired.seconds(),
        PIECE_MAX,
        MAIL_IN_ONE
    ])?;
    let (mut items, mut left) = (Vec::new(), MAILBOX_BYTES);
    while let Some(row) = rows.next()? {
        let item = mail_item(row)?;
        let size = ITEM_BYTES + item.piece.as_ref().map_or(0, |piece| piece.0.len().div_ceil(3) * 4);
        match left.checked_sub(size) {
            Some(rest) => left = rest,
            None if items.is_empty() => left = 0,
            None => break,
        }
        items.push(item);
    }
    Ok(items)
}

fn mail_item(row: &Row<'_>) -> rusqlite::Result<MailItem> {
    Ok(MailItem {
        item: row.get(0)?,
        room: RoomId(row.get(1)?),
        epoch: row.get(2)?,
        from: Member { userid: user_id(row, 3)?, terminal: TerminalId(row.get(4)?) },
        kind: match row.get(5)? {
            0 => MailKind::Message,
            1 => MailKind::Commit,
            2 => MailKind::Welcome,
            other => return Err(rusqlite::Error::IntegralValueOutOfRange(5, other)),
        },
        date: row.get(6)?,
        size: row.get(7)?,
        piece: row.get::<_, Option<Vec<u8>>>(8)?.map(Piece),
    })
}

fn code(kind: MailKind) -> i64 {
    match kind {
        MailKind::Message => 0,
        MailKind::Commit => 1,
        MailKind::Welcome => 2,
    }
}

pub(super) fn piece(connection: &Connection, owner: &Member, item: u64, offset: u32) -> Answer<Vec<u8>> {
    let mut statement = connection.prepare_cached(
        "SELECT substr(body, ?4 + 1, ?5) FROM mailbox JOIN mail USING (item)
         WHERE user = ?1 AND terminal = ?2 AND item = ?3",
    )?;
    let piece = statement
        .query_row(params![owner.userid.as_str(), owner.terminal.as_bytes(), number(item), offset, PIECE_MAX], |row| {
            row.get(0)
        })
        .optional()?;
    Ok(piece.unwrap_or_default())
}

pub(super) fn acknowledge(connection: &Connection, owner: &Member, upto: u64) -> Answer<()> {
    forget(connection, Some(owner), number(upto), Because::Acknowledged)
}

pub(super) fn expire(connection: &Connection, expired: Moment) -> Answer<bool> {
    // Items are numbered in the order they came, so the search ends at the first that is young enough.
    let mut statement = connection.prepare_cached("SELECT item, date FROM mail ORDER BY item LIMIT ?1")?;
    let mut rows = statement.query([EXPIRE_AT_ONCE])?;
    let (mut last, mut seen) = (None, 0);
    while let Some(row) = rows.next()? {
        if row.get::<_, u64>(1)? > expired.seconds() {
            break;
        }
        last = Some(row.get(0)?);
        seen += 1;
    }
    if let Some(last) = last {
        forget(connection, None, last, Because::Expired)?;
    }
    Ok(seen == EXPIRE_AT_ONCE)
}

/// Why items leave a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Because {
    Acknowledged,
    Expired,
}

/// Forgets the items up to `upto`, of one mailbox or of all.
fn forget(connection: &Connection, owner: Option<&Member>, upto: i64, because: Because) -> Answer<()> {
    let user = owner.map(|owner| owner.userid.as_str());
    let terminal = owner.map(|owner| owner.terminal.as_bytes().as_slice());
    // Two statements each, because the mailboxes are searched by their owner and the items by their number.
    let (of_one, of_all) = ("user = ?1 AND terminal = ?2 AND item <= ?3", "?1 IS ?2 AND item <= ?3");
    let which = if owner.is_some() { of_one } else { of_all };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT user, terminal, from_user, count(*), sum(kind = 0), sum(length(body)), max(item)
         FROM mailbox JOIN mail USING (item) WHERE {which} GROUP BY user, terminal, from_user"
    ))?;
    let groups = statement.query_map(params![user, terminal, upto], |row| {
        Ok(Forgotten {
            owner: Member { userid: user_id(row, 0)?, terminal: TerminalId(row.get(1)?) },
            sender: row.get(2)?,
            items: row.get(3)?,
            messages: row.get(4)?,
            bytes: row.get(5)?,
            last: row.get(6)?,
        })
    })?;
    for group in groups.collect::<Result<Vec<_>, _>>()? {
        group.subtract(connection, because)?;
    }
    connection.prepare_cached(&format!("DELETE FROM mailbox WHERE {which}"))?.execute(params![user, terminal, upto])?;
    Ok(())
}

/// Items of one sender that leave a mailbox.
struct Forgotten {
    owner: Member,
    sender: String,
    items: i64,
    messages: i64,
    bytes: i64,
    last: i64,
}

impl Forgotten {
    fn subtract(&self, connection: &Connection, because: Because) -> Answer<()> {
        let (user, terminal) = (self.owner.userid.as_str(), self.owner.terminal.as_bytes());
        let (acked, lost) = match because {
            Because::Acknowledged => (self.last, 0),
            Because::Expired => (0, self.items),
        };
        connection
            .prepare_cached(
                "UPDATE mailbox_states SET bytes = bytes - ?3, acked = max(acked, ?4), lost = lost + ?5
                 WHERE user = ?1 AND terminal = ?2",
            )?
            .execute(params![user, terminal, self.bytes, acked, lost])?;
        let sender = params![user, terminal, self.sender, self.messages];
        connection
            .prepare_cached(
                "UPDATE mailbox_senders SET messages = messages - ?4
                 WHERE user = ?1 AND terminal = ?2 AND sender = ?3",
            )?
            .execute(sender)?;
        connection
            .prepare_cached(
                "DELETE FROM mailbox_senders WHERE user = ?1 AND terminal = ?2 AND sender = ?3 AND messages <= 0",
            )?
            .execute(params![user, terminal, self.sender])?;
        Ok(())
    }
}

/// Numbers above SQLite's are above every item.
fn number(item: u64) -> i64 {
    i64::try_from(item).unwrap_or(i64::MAX)
}
