//! A stream of frames, cut into pieces.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| common::testkit::fuzz::frame(data));
