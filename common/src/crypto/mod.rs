//! Cryptographic composition.
