//! Stores: what implements [`directory_core::store::Store`].

pub mod sqlite;
