//! One payload, in all three directions.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| common::testkit::fuzz::message(data));
