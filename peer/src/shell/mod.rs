//! Sockets, clocks, files and tasks around the pure core.
//!
//! ```text
//! front_end ──commands──► login_flow, then driver ──effects──► directory · dial · link · transfer · store
//!           ◄──notices───                         ◄──events──  listener
//! ```
//!
//! `login_flow` brings a user from nothing to logged in; `driver` then carries out what the engine decides. `directory`
//! is the connection to the directory, `listener` the listening port, `dial` an outgoing call, `link` a conversation,
//! `transfer` the bytes of a file; `frames` says how a message is sent on a link. What these tasks see reaches the
//! driver as `events`. `event_log` says which notices are kept for programs, `log` which leave a line for
//! administrators. `backup` and `trust_server` serve commands that run and end. `rt` is the async runtime, `clock` the
//! clocks.
//!
//! Decides nothing: who may call, what is sent when, and what is kept is the core's.

pub(crate) mod backup;
mod candidates;
pub(crate) mod clock;
mod dial;
pub(crate) mod directory;
mod driver;
mod event_log;
mod events;
mod failure;
mod frames;
pub(crate) mod front_end;
mod half_open;
mod link;
mod link_pace;
mod listener;
mod log;
mod login_flow;
mod rendezvous;
pub(crate) mod rt;
pub(crate) mod setup;
pub(crate) mod transfer;
pub(crate) mod trust_server;

use self::front_end::FrontEnd;
use self::setup::Setup;
use peer_core::notice::{LoggedOut, Notice, SessionNotice};

/// Runs one user's session at this terminal: login, then conversations, until logout or failure.
pub(crate) async fn run(setup: Setup, front_end: FrontEnd) {
    match login_flow::run(&setup, &front_end).await {
        Ok(Some(logged_in)) => driver::run(setup, logged_in, front_end).await,
        Ok(None) => front_end.tell(Notice::Session(SessionNotice::LoggedOut { why: LoggedOut::Asked })).await,
        Err(failure) => front_end.tell(Notice::Session(SessionNotice::Failed(failure))).await,
    }
}
