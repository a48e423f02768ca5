//! A link to a terminal that is called, as a sequence of frames.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| peer_core::testkit::fuzz_link(data));
