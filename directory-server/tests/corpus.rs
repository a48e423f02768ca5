//! The committed fuzz corpus of the directory, run through the same body as the fuzzer runs (`scripts/fuzz`).

use common::testkit::fuzz;

#[test]
fn connections_of_the_corpus_hold() {
    assert!(fuzz::replay("directory_connection", directory_server::testkit::fuzz_connection).unwrap() > 0);
}
