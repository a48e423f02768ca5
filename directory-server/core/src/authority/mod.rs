//! Who may do what in a room (decision D31; protocol section 6.7, threat G7).
//!
//! [`judge`] is a function of what is asked and what is known, and of nothing else: the store reads the [`Situation`], asks for
//! the verdict and carries out the [`Change`], all in one transaction. The rules are a list ([`Rule`]), so that what each of
//! them is for can be shown by leaving it out.

mod change;
mod rules;
mod situation;

pub use change::Change;
pub use rules::Rule;
pub use situation::{Holder, Kind, Past, Room, Situation};

use common::msg::{CommitRefusal, CommitReply, CommitStatus};

use crate::records::CommitRequest;

/// What a `COMMITREQ` comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The same request has created the room before: nothing is left to do.
    Repeated,
    /// This is to be done.
    Accepted(Box<Change>),
    /// Nothing happens.
    Refused(CommitReply),
}

impl From<CommitStatus> for Verdict {
    fn from(status: CommitStatus) -> Self {
        Self::Refused(status.into())
    }
}

impl From<CommitRefusal> for Verdict {
    fn from(reason: CommitRefusal) -> Self {
        Self::Refused(CommitReply { status: CommitStatus::Refused, reason: Some(reason), retry_after: None })
    }
}

/// What becomes of a request, by all rules.
#[must_use]
pub fn judge(request: &CommitRequest, situation: &Situation) -> Verdict {
    judge_by(Rule::ALL, request, situation)
}

/// What becomes of a request, by these rules.
#[must_use]
pub fn judge_by(rules: &[Rule], request: &CommitRequest, situation: &Situation) -> Verdict {
    match &situation.room {
        Some(room) if !room.roster.contains(&request.from) => return CommitStatus::Room.into(),
        Some(room) if room.epoch != request.epoch => return CommitStatus::Epoch.into(),
        Some(_) if request.commit.is_empty() && !request.members.is_empty() => return Verdict::Repeated,
        Some(_) => {}
        None if situation.past == Some(Past::Moved) => return CommitRefusal::Moved.into(),
        None if request.epoch > 0 || !situation.is_there(&request.from) => return CommitStatus::Room.into(),
        None if !request.members.contains(&request.from) => return CommitStatus::Room.into(),
        None => {}
    }
    let case = rules::Case { request, situation };
    match rules.iter().find_map(|rule| rule.check(&case).err()) {
        Some(verdict) => verdict,
        None => Verdict::Accepted(Box::new(Change::of(request, situation))),
    }
}

#[cfg(test)]
mod tests;
