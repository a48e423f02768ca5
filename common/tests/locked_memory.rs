//! A passcode lies in pages that are never written to disk (threat T5).
//!
//! One test, because the system counts for the whole process.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use common::crypto::opaque::ServerSecret;
use common::locked;
use common::secret::Passcode;

/// Kilobytes of this process that are locked.
fn locked_kilobytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmLck:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn a_secret_is_locked_as_long_as_it_lives_and_unlocks_nothing_else() {
    let before = locked_kilobytes();
    let first = Passcode::new("482193".into());
    if locked::is_refused() {
        // The limit of this machine is nought: what is asked of the system is all there is to see.
        assert!(first.matches("482193"));
        return;
    }
    let second = first.clone();
    assert_eq!(locked_kilobytes(), before + 8);
    drop(first);
    assert_eq!(locked_kilobytes(), before + 4);
    let secret = ServerSecret::generate();
    assert!(locked_kilobytes() >= before + 12);
    drop(second);
    drop(secret);
    assert_eq!(locked_kilobytes(), before);
}
