//! The committed fuzz corpus of the directory, run through the same body as the fuzzer runs (`scripts/fuzz`).
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use common::testkit::fuzz;

#[test]
fn connections_of_the_corpus_hold() {
    assert!(fuzz::replay("directory_connection", directory_server::testkit::fuzz_connection).unwrap() > 0);
}
