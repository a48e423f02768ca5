//! A sequence of callers on port 65000.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| common::testkit::fuzz::preface(data));
