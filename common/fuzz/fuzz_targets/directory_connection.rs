//! A connection to the directory, as a sequence of frames.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| directory_server::testkit::fuzz_connection(data));
