//! The committed fuzz corpus of the peer, run through the same body as the fuzzer runs (`scripts/fuzz`).

use common::testkit::fuzz;

#[test]
fn links_of_the_corpus_hold() {
    assert!(fuzz::replay("peer_link", peer_core::testkit::fuzz_link).unwrap() > 0);
}
