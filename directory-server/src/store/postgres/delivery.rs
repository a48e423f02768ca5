//! How mail leaves a mailbox: delivered and acknowledged, or too old.
//!
//! Whoever empties a mailbox locks its row of `mailbox_states` first, then the bodies that it shares with others: the last of
//! those who have a body forgets it.

use common::ident::{RoomId, TerminalId};
use common::limits::{MAIL_IN_ONE, PIECE_MAX};
use common::msg::{MailItem, MailboxState, Member, Piece, SignedCommit};
use directory_core::records::ExpiryProgress;
use directory_core::timestamp::Timestamp;

use super::error::PgResult;
use super::lanes::Lane;
use super::row::{Row, count, number, params, parse, unreadable};
use super::withdrawn;
use crate::store::bounds::{Parcel, kind};

/// Mailboxes that one call of [`expire`] looks through, and items that it forgets, so that it ends in time and others get their
/// turn: chosen arbitrarily.
const EXPIRE_AT_ONCE: usize = 64;
const EXPIRE_ITEMS: i64 = 1000;

pub(super) async fn open(lane: &Lane, owner: &Member, expired: Timestamp) -> PgResult<MailboxState> {
    if old(lane, owner, expired).await?.is_some() {
        forget_old(lane, owner, expired, i64::MAX).await?;
    }
    let row = lane
        .maybe(
            "SELECT acked, written, lost, (SELECT count(*) FROM mailbox WHERE userid = $1 AND terminal = $2)
             FROM mailbox_states WHERE userid = $1 AND terminal = $2",
            params![owner.userid.as_str(), &owner.terminal.as_bytes()[..]],
        )
        .await?;
    let Some(row) = row else { return Ok(MailboxState { acked: 0, written: 0, lost: 0, waiting: 0 }) };
    Ok(MailboxState { acked: row.number(0)?, written: row.number(1)?, lost: row.number(2)?, waiting: row.number(3)? })
}

/// The last item that is too old, and all before which are; never what is young, although something behind it was dated by a
/// clock that was behind.
async fn old(lane: &Lane, owner: &Member, expired: Timestamp) -> PgResult<Option<i64>> {
    let row = lane
        .one(
            "SELECT max(item) FROM mailbox WHERE userid = $1 AND terminal = $2 AND item < coalesce(
                 (SELECT min(m.item) FROM mailbox AS m JOIN mail AS b ON b.mail = m.mail
                  WHERE m.userid = $1 AND m.terminal = $2 AND b.date > $3), 9223372036854775807)",
            params![owner.userid.as_str(), &owner.terminal.as_bytes()[..], number(expired.seconds())],
        )
        .await?;
    row.get(0)
}

/// Forgets what is too old, but no more than so many items; gives how many went.
async fn forget_old(lane: &Lane, owner: &Member, expired: Timestamp, at_most: i64) -> PgResult<i64> {
    lock(lane, owner).await?;
    // Looked at again, because only now nobody else changes it.
    let Some(last) = old(lane, owner, expired).await? else { return Ok(0) };
    let row = lane
        .one(
            "SELECT max(f.item), count(*) FROM (SELECT item FROM mailbox
                 WHERE userid = $1 AND terminal = $2 AND item <= $3 ORDER BY item LIMIT $4) AS f",
            params![owner.userid.as_str(), &owner.terminal.as_bytes()[..], last, at_most],
        )
        .await?;
    let Some(last) = row.get(0)? else { return Ok(0) };
    forget(lane, owner, last, Because::Expired).await?;
    row.get(1)
}

async fn lock(lane: &Lane, owner: &Member) -> PgResult<()> {
    let sql = "SELECT 1 FROM mailbox_states WHERE userid = $1 AND terminal = $2 FOR UPDATE";
    lane.rows(sql, params![owner.userid.as_str(), &owner.terminal.as_bytes()[..]]).await?;
    Ok(())
}

pub(super) async fn mail(lane: &Lane, owner: &Member, expired: Timestamp) -> PgResult<Vec<MailItem>> {
    let rows = lane
        .rows(
            "SELECT m.item, b.room, b.epoch, b.from_user, b.from_terminal, b.kind, b.date, m.size,
                    CASE WHEN m.size <= $4 THEN b.body END, b.signed
             FROM mailbox AS m JOIN mail AS b ON b.mail = m.mail
             WHERE m.userid = $1 AND m.terminal = $2 AND b.date > $3 ORDER BY m.item LIMIT $5",
            params![
                owner.userid.as_str(),
                &owner.terminal.as_bytes()[..],
                number(expired.seconds()),
                count(PIECE_MAX),
                count(MAIL_IN_ONE)
            ],
        )
        .await?;
    let mut parcel = Parcel::default();
    for row in &rows {
        if !parcel.add(mail_item(row)?) {
            break;
        }
    }
    Ok(parcel.into_items())
}

fn mail_item(row: &Row) -> PgResult<MailItem> {
    let signed: Option<&str> = row.get(9)?;
    Ok(MailItem {
        item: row.number(0)?,
        room: RoomId(row.bytes(1)?),
        epoch: row.number(2)?,
        from: Member { userid: row.user(3)?, terminal: TerminalId(row.bytes(4)?) },
        kind: kind(row.get(5)?).ok_or_else(|| unreadable(5))?,
        date: row.number(6)?,
        size: row.small(7)?,
        piece: row.get::<Option<Vec<u8>>>(8)?.map(Piece),
        signed: signed.map(|signed| parse::<SignedCommit>(signed).map(Box::new)).transpose()?,
    })
}

pub(super) async fn piece(lane: &Lane, owner: &Member, item: u64, offset: u32) -> PgResult<Vec<u8>> {
    let from = i32::try_from(offset).unwrap_or(i32::MAX).saturating_add(1);
    let row = lane
        .maybe(
            "SELECT substring(b.body FROM $4 FOR $5) FROM mailbox AS m JOIN mail AS b ON b.mail = m.mail
             WHERE m.userid = $1 AND m.terminal = $2 AND m.item = $3",
            params![
                owner.userid.as_str(),
                &owner.terminal.as_bytes()[..],
                number(item),
                from,
                i32::try_from(PIECE_MAX).unwrap_or(i32::MAX)
            ],
        )
        .await?;
    row.map_or_else(|| Ok(Vec::new()), |row| row.get(0))
}

pub(super) async fn acknowledge(lane: &Lane, owner: &Member, upto: u64, lost: u64) -> PgResult<()> {
    lock(lane, owner).await?;
    if lost > 0 {
        let sql = "UPDATE mailbox_states SET lost = greatest(0, lost - $3) WHERE userid = $1 AND terminal = $2";
        lane.run(sql, params![owner.userid.as_str(), &owner.terminal.as_bytes()[..], number(lost)]).await?;
    }
    forget(lane, owner, number(upto), Because::Acknowledged).await
}

/// Looks through some of the mailboxes whose first item is too old.
pub(super) async fn expire(lane: &Lane, expired: Timestamp) -> PgResult<ExpiryProgress> {
    let rows = lane
        .rows(
            "SELECT m.userid, m.terminal FROM mail AS b JOIN mailbox AS m ON m.mail = b.mail
             WHERE b.date <= $1 AND NOT EXISTS (SELECT 1 FROM mailbox AS o
                 WHERE o.userid = m.userid AND o.terminal = m.terminal AND o.item < m.item) LIMIT $2",
            params![number(expired.seconds()), count(EXPIRE_AT_ONCE)],
        )
        .await?;
    let mut owners = rows.iter().map(|row| row.member(0)).collect::<PgResult<Vec<_>>>()?;
    owners.sort_unstable();
    let mut left = EXPIRE_ITEMS;
    for owner in &owners {
        left -= forget_old(lane, owner, expired, left).await?;
        if left <= 0 {
            return Ok(ExpiryProgress::MoreLeft);
        }
    }
    Ok(if owners.len() == EXPIRE_AT_ONCE { ExpiryProgress::MoreLeft } else { ExpiryProgress::Done })
}

/// Why items leave a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Because {
    Acknowledged,
    Expired,
}

/// Forgets the items of a mailbox, which is locked, up to `upto`.
async fn forget(lane: &Lane, owner: &Member, upto: i64, because: Because) -> PgResult<()> {
    let (user, terminal) = (owner.userid.as_str(), &owner.terminal.as_bytes()[..]);
    let rows = lane
        .rows(
            "SELECT sender, count(*), CAST(sum(CASE WHEN kind = 0 THEN 1 ELSE 0 END) AS BIGINT),
                    CAST(sum(size) AS BIGINT), max(item)
             FROM mailbox WHERE userid = $1 AND terminal = $2 AND item <= $3 GROUP BY sender",
            params![user, terminal, upto],
        )
        .await?;
    let groups = rows.iter().map(Forgotten::read).collect::<PgResult<Vec<_>>>()?;
    let Some(last) = groups.iter().map(|group| group.last).max() else { return Ok(()) };
    lock_bodies(lane, owner, upto).await?;
    match because {
        Because::Acknowledged => withdrawn::taken(lane, owner, upto).await?,
        Because::Expired => withdrawn::expired(lane, owner, upto).await?,
    }
    let (acked, lost) = match because {
        Because::Acknowledged => (last, 0),
        Because::Expired => (0, groups.iter().map(|group| group.items).sum()),
    };
    let bytes: i64 = groups.iter().map(|group| group.bytes).sum();
    lane.run(
        "UPDATE mailbox_states SET bytes = bytes - $3, acked = greatest(acked, $4), lost = lost + $5
         WHERE userid = $1 AND terminal = $2",
        params![user, terminal, bytes, acked, lost],
    )
    .await?;
    for group in &groups {
        group.subtract(lane, owner).await?;
    }
    empty(lane, owner, upto).await
}

/// Locks the bodies that a mailbox shares with others, so that one of two who empty theirs at once sees the other.
pub(super) async fn lock_bodies(lane: &Lane, owner: &Member, upto: i64) -> PgResult<()> {
    lane.rows(
        "SELECT 1 FROM mail WHERE mail IN
             (SELECT mail FROM mailbox WHERE userid = $1 AND terminal = $2 AND item <= $3 AND shared)
         ORDER BY mail FOR UPDATE",
        params![owner.userid.as_str(), &owner.terminal.as_bytes()[..], upto],
    )
    .await?;
    Ok(())
}

/// Forgets items up to `upto`, whose shared bodies are locked, and the bodies that nobody else has.
pub(super) async fn empty(lane: &Lane, owner: &Member, upto: i64) -> PgResult<()> {
    for sql in [
        "DELETE FROM mail WHERE mail IN (
             SELECT m.mail FROM mailbox AS m WHERE m.userid = $1 AND m.terminal = $2 AND m.item <= $3
             AND (NOT m.shared OR NOT EXISTS (
                 SELECT 1 FROM mailbox AS o WHERE o.mail = m.mail AND (o.userid <> $1 OR o.terminal <> $2))))",
        "DELETE FROM mailbox WHERE userid = $1 AND terminal = $2 AND item <= $3",
    ] {
        lane.run(sql, params![owner.userid.as_str(), &owner.terminal.as_bytes()[..], upto]).await?;
    }
    Ok(())
}

/// Items of one sender that leave a mailbox.
struct Forgotten {
    sender: String,
    items: i64,
    messages: i64,
    bytes: i64,
    last: i64,
}

impl Forgotten {
    fn read(row: &Row) -> PgResult<Self> {
        Ok(Self {
            sender: row.get(0)?,
            items: row.get(1)?,
            messages: row.get(2)?,
            bytes: row.get(3)?,
            last: row.get(4)?,
        })
    }

    async fn subtract(&self, lane: &Lane, owner: &Member) -> PgResult<()> {
        let (user, terminal) = (owner.userid.as_str(), &owner.terminal.as_bytes()[..]);
        lane.run(
            "UPDATE mailbox_senders SET messages = messages - $4, bytes = bytes - $5
             WHERE userid = $1 AND terminal = $2 AND sender = $3",
            params![user, terminal, self.sender, self.messages, self.bytes],
        )
        .await?;
        let nothing = "DELETE FROM mailbox_senders WHERE userid = $1 AND terminal = $2 AND sender = $3 AND bytes <= 0";
        lane.run(nothing, params![user, terminal, self.sender]).await?;
        Ok(())
    }
}
