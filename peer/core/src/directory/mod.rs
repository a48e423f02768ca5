//! What is asked of the directory (protocol section 6).
//!
//! - [`requests`]: the requests that wait for an answer, and which answer is whose

pub mod requests;
