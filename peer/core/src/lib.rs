//! What a peer decides: pure state machines, and the words in which front ends and shell talk to them.
//!
//! ```text
//!  front end        shell                         peer-core                                    shell
//!
//!  Command ──► Input::Command ──┐         ┌─ calls ─ directory ─ delivery ─┐
//!              frames, links ───┼► engine ┤        messaging               ├► Effect ──► disk, then sockets
//!              directory, clock ┘         └─ groups ─ mailbox ─ files ─────┘     └─────► Notice ──► front end
//! ```
//!
//! One input is one step: the machine it is for takes it, and what that machine wants of another is a value
//! (`Request`) that `messaging` hands on until nobody wants anything. The step ends in effects, in order, with
//! everything it has written in one `Effect::Persist` in front of the first effect that rests on it. Nothing here waits,
//! reads a clock, opens a socket or a file, or draws randomness of its own (decision D21).
//!
//! Reading order; whatever stands later may know what stands earlier, never the other way round:
//!
//! 1. [`model`] (messages), [`command`] (what a user can ask for), [`notice`] (what a user is told), [`persistence`]
//!    (what is written and read back), [`mls`] (rooms that nobody else can read)
//! 2. [`contacts`] (whose key is pinned, who is chosen), [`verify`] (who is calling), [`vouching`] (what holds while the directory is out of reach),
//!    [`event`] (what happens and what is to be done)
//! 3. `context` (what all machines share), `request` (what one machine wants of another), `meeting` (what is tried where nobody is
//!    reached)
//! 4. the machines, none of which knows another: `directory` (what is asked, who is there), [`files`], `delivery`
//!    (letters and texts on their way), [`calls`] (links), `groups` (rooms and who is in them), [`mailbox`]
//! 5. `destinations` (whom the user means), `messaging` (the router), [`engine`] (all of it together); beside them
//!    [`retention`] (how long messages are kept)
//!
//! The simulation and the hostile members live beside what they test: `simulation`, `mls::tests`.
#![forbid(unsafe_code)]

pub mod calls;
pub mod command;
pub mod contacts;
mod context;
mod delivery;
mod destinations;
mod directory;
pub mod engine;
pub mod event;
pub mod file_name;
pub mod files;
mod groups;
mod ids;
pub mod mailbox;
mod meeting;
mod messaging;
pub mod mls;
pub mod model;
pub mod notice;
pub mod persistence;
mod request;
pub mod retention;
pub mod verify;
pub mod vouching;

#[cfg(any(test, feature = "testkit"))]
mod fixtures;
#[cfg(test)]
mod simulation;
#[cfg(feature = "testkit")]
pub mod testkit;
