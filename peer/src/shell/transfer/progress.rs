//! How far a transfer is, as the user is told.

use std::time::{Duration, Instant};

use crate::shell::events::Events;
use peer_core::event::Input;

/// How often progress is told.
const PROGRESS: Duration = Duration::from_millis(250);

/// Tells how far a transfer is, four times a second.
pub(super) struct Progress<'a> {
    events: &'a Events,
    number: u64,
    told: Option<Instant>,
}

impl<'a> Progress<'a> {
    pub(super) fn new(events: &'a Events, number: u64) -> Self {
        Self { events, number, told: None }
    }

    pub(super) async fn tell(&mut self, done: u64, size: u64) {
        if done == size || self.told.is_none_or(|told| told.elapsed() >= PROGRESS) {
            self.told = Some(Instant::now());
            self.events.input(Input::FileProgress { number: self.number, done }).await;
        }
    }
}
