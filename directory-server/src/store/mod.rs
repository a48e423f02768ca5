//! Stores: what implements [`crate::core::store::Store`].

pub mod sqlite;
