//! Key packages with the directory, by which others add this terminal to rooms (threat G4; protocol section 6.7).
//!
//! What is published is [`KeyPackages`]' to make; how many the directory has is its word.
//!
//! [`KeyPackages`]: crate::mls::KeyPackages

use common::limits::{KEY_PACKAGES_IN_ONE, KEY_PACKAGES_LOW};
use common::msg::{KeyPackagePut, KeyPackageState, Piece};

use super::Groups;
use super::registry::Rooms;
use crate::context::Context;
use crate::persistence::Write;
use crate::request::{DirectoryRequest, MailboxRequest, Request};

/// Key packages that a terminal keeps with the directory.
pub(super) const PACKAGES: u32 = 32;

impl Groups {
    /// How many key packages of ours the directory has: as many as are missing are published (threat G4).
    pub(crate) fn handle_key_packages(&mut self, cx: &mut Context, state: &KeyPackageState) -> Vec<Request> {
        self.publishing = self.publishing.saturating_sub(1);
        if self.publishing > 0 {
            // The rest of what was published is not counted yet.
            return Vec::new();
        }
        let made_anew = std::mem::take(&mut self.publishes_anew);
        let mut requests: Vec<Request> =
            made_anew.then_some(Request::Mailbox(MailboxRequest::PackagesMade)).into_iter().collect();
        let missing = self.rooms.missing_key_packages(state);
        requests.extend(self.publish(cx, missing, false));
        requests
    }

    /// All that the directory has of our key packages is made anew: some of it may have been used. The rest follows when it
    /// has counted the first.
    pub(super) fn publish_anew(&mut self, cx: &mut Context) -> Vec<Request> {
        self.publishes_anew = true;
        let first = self.rooms.first_key_packages();
        self.publish(cx, first, true)
    }

    fn publish(
        &mut self,
        cx: &mut Context,
        (packages, mut last_resort): (Vec<Piece>, Option<Piece>),
        mut anew: bool,
    ) -> Vec<Request> {
        if cx.is_caught_up() {
            self.rooms.forget_surplus_packages();
        }
        cx.write(self.rooms.key_package_writes());
        let (mut rest, mut requests) = (packages.as_slice(), Vec::new());
        while !rest.is_empty() || last_resort.is_some() {
            let (now, later) = rest.split_at(rest.len().min(KEY_PACKAGES_IN_ONE));
            let (packages, last_resort) = (now.to_vec(), last_resort.take());
            let message = KeyPackagePut { packages, last_resort, anew: std::mem::take(&mut anew) }.into();
            requests.push(Request::Directory(DirectoryRequest::Tell(message)));
            self.publishing += 1;
            rest = later;
        }
        requests
    }

    /// Whether key packages are on their way: without them nobody could write to this user until the next login.
    pub(crate) fn is_publishing(&self) -> bool {
        self.publishing > 0
    }
}

impl Rooms {
    /// Makes the key packages that the directory lacks (threat G4), and the one of last resort.
    pub(crate) fn missing_key_packages(&mut self, state: &KeyPackageState) -> (Vec<Piece>, Option<Piece>) {
        let low = state.left < u32::try_from(KEY_PACKAGES_LOW).unwrap_or(u32::MAX);
        let missing = if low { PACKAGES.saturating_sub(state.left) } else { 0 };
        let packages = self.new_key_packages(usize::try_from(missing).unwrap_or(usize::MAX));
        // One whose secret half is not here any more opens nothing: it is replaced.
        let last_resort = match state.last_resort && self.key_packages.has_last_resort() {
            true => None,
            false => self.key_packages.last_resort().ok().map(Piece),
        };
        (packages, last_resort)
    }

    /// The first key packages for a directory whose own are worth nothing, and the one of last resort: few, because nobody
    /// knows whether they arrive until the directory has counted them.
    pub(crate) fn first_key_packages(&mut self) -> (Vec<Piece>, Option<Piece>) {
        (self.new_key_packages(KEY_PACKAGES_IN_ONE), self.key_packages.last_resort().ok().map(Piece))
    }

    fn new_key_packages(&mut self, count: usize) -> Vec<Piece> {
        (0..count).map_while(|_| self.key_packages.generate().ok()).map(Piece).collect()
    }

    /// All mail that waited was taken: key packages that nobody uses any more are forgotten.
    pub(crate) fn forget_surplus_packages(&mut self) {
        self.key_packages.forget_surplus();
    }

    /// What is to be written of key packages since last asked.
    pub(crate) fn key_package_writes(&mut self) -> Vec<Write> {
        self.key_packages.changes()
    }
}
