//! What a directory is said to have signed of a terminal.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| common::testkit::fuzz::record(data));
