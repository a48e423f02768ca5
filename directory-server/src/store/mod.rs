//! Stores: what implements [`directory_core::store::Store`].

mod bounds;
mod filling;
pub mod sqlite;
