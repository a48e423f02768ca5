//! What the directory decides, without sockets, files or clocks (decision D21).
//!
//! ```text
//!                 sources, admission (who may try)        lockout (how often), authority (who may do what)
//!                        │                                     │ within the store's transaction
//! frame ──► unauthenticated ──► login, register ──► step       │
//!                                │       │                     ▼
//!                                │       └── awaits ──► store::Store ◄── records
//!                     PresenceGuard                          ▲
//!                                ▼                           │ awaits
//! frame ──► session ──► mailbox, rooms, meetings, key_packages, broadcast, proof, passcode, successions, terminals ──► reply
//!              │
//!              └──► presence ──► subscriptions ──► outbound (what is pushed to other sessions)
//! ```
//!
//! Reading order: [`timestamp`], [`records`] and [`store`] (what is remembered); [`lockout`], [`authority`], [`sources`] and
//! [`admission`] (the arithmetic of what is refused); [`relay`] (whose connections are joined); [`sealed`] (what of a message is readable); [`presence`] with
//! [`subscriptions`] and [`outbound`] (who is there, and who hears of it); [`policy`] and `budgets` (what anybody may ask
//! for); [`directory`] (all that connections share); [`origin`] and [`authentication`] (a passcode is proved); [`session`] and
//! the handlers it calls (after login);
//! [`login`], [`register`] and [`unauthenticated`] (before login).
//!
//! A handler is an async function over what it needs, and awaits nothing but the [`store::Store`]. Time is an argument
//! everywhere. A file imports only files above it in this order, so that nothing here goes in a circle.
#![forbid(unsafe_code)]

pub mod address_style;
pub mod admission;
pub mod authentication;
pub mod authority;
mod broadcast;
mod budgets;
#[cfg(test)]
mod closed_store;
pub mod directory;
mod key_packages;
pub mod liveness;
pub mod lockout;
pub mod login;
pub mod login_stats;
mod mailbox;
mod meetings;
pub mod origin;
pub mod outbound;
mod passcode;
pub mod policy;
mod possession;
pub mod presence;
mod proof;
pub mod records;
pub mod register;
pub mod relay;
pub mod reply;
mod rooms;
pub mod sealed;
pub mod session;
pub mod sources;
pub mod step;
pub mod store;
pub mod subscriptions;
mod successions;
mod terminals;
pub mod timestamp;
pub mod unauthenticated;
pub mod uploads;
pub mod user_style;

pub use directory::Directory;
pub use policy::Policy;
