//! The journal of events that programs read.

/// The journal of events that programs read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JournalNotice {
    /// Something worth remembering has happened, and is in the journal. Told only where a journal is kept, behind what it
    /// is about.
    Journaled(Event),
    /// Answers `Replay`. `lost`: events behind the place asked for that the journal has no more.
    Replayed { events: Vec<Event>, lost: u64, last: u64 },
    /// Answers `Acknowledge`; durable.
    Acknowledged { name: String, seq: u64 },
}

/// One event of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Grows from event to event, and is never used twice.
    pub seq: u64,
    /// Milliseconds since the epoch.
    pub at: u64,
    /// What happened, in the front end's own words.
    pub content: String,
}
