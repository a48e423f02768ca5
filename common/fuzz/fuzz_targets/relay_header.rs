//! What a terminal sends in the place of TLS to be joined with another.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| common::testkit::fuzz::relay_header(data));
