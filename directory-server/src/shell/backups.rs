//! Backups that a running server takes of its own database (`[store]` of the configuration).

use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::clock::Clock;
use super::{backup, rt};
use crate::config::Backups;
use crate::failure::Failure;

/// Pause after a backup that could not be taken: long enough for somebody to make room on the disk.
const AGAIN: Duration = Duration::from_secs(600);
const PREFIX: &str = "directory-";
const SUFFIX: &str = ".db";

/// Takes backups for ever; the first when the last one, whoever took it, is old enough.
pub(super) async fn take(wanted: Backups, data_dir: PathBuf, clock: Clock) {
    loop {
        let now = clock.now().seconds();
        let wait = wait(backup::last(&data_dir), now, wanted.every);
        if !wait.is_zero() {
            rt::sleep(wait).await;
            continue;
        }
        let (wanted, data_dir) = (wanted.clone(), data_dir.clone());
        match rt::beside(move || one(&wanted, &data_dir, now)).await {
            Ok(file) => tracing::info!(file = %file.display(), "backed up"),
            Err(failure) => {
                tracing::error!(%failure, "not backed up");
                rt::sleep(AGAIN).await;
            }
        }
    }
}

/// How long until the next one is due. A last one that the clock says is still to come tells nothing.
fn wait(last: Option<u64>, now: u64, every: Duration) -> Duration {
    let age = last.and_then(|taken| now.checked_sub(taken));
    age.map_or(Duration::ZERO, |age| every.saturating_sub(Duration::from_secs(age)))
}

fn one(wanted: &Backups, data_dir: &Path, now: u64) -> Result<PathBuf, Failure> {
    let Backups { dir, keep, .. } = wanted;
    let failed = |error: io::Error| Failure::io(format_args!("write {}", dir.display()), &error);
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)?;
    let file = dir.join(name(dir, now).map_err(failed)?);
    backup::back_up_database(data_dir, &file)?;
    forget(dir, *keep).map_err(failed)?;
    Ok(file)
}

/// A name behind all others, also where the clock is behind: the first names are the first to go (threat L15).
fn name(dir: &Path, now: u64) -> io::Result<String> {
    let newest =
        ours(dir)?.last().and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.parse::<u64>().ok());
    let number = newest.map_or(now, |newest| now.max(newest.saturating_add(1)));
    Ok(format!("{PREFIX}{number:011}{SUFFIX}"))
}

/// Removes all but the newest of our own backups: their names are in the order in which they were taken.
fn forget(dir: &Path, keep: usize) -> io::Result<()> {
    ours(dir)?.iter().rev().skip(keep).try_for_each(|name| std::fs::remove_file(dir.join(name)))
}

/// Names of our own backups, those taken first in front.
fn ours(dir: &Path) -> io::Result<Vec<String>> {
    let entries = std::fs::read_dir(dir)?.collect::<io::Result<Vec<_>>>()?;
    let names = entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut ours: Vec<String> = names.filter(|name| is_ours(name)).collect();
    ours.sort_unstable();
    Ok(ours)
}

fn is_ours(name: &str) -> bool {
    let number = name.strip_prefix(PREFIX).and_then(|name| name.strip_suffix(SUFFIX));
    number.is_some_and(|number| number.len() == 11 && number.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_wrong_neither_stops_backups_nor_makes_the_newest_the_first_to_go() {
        let (hour, minute) = (Duration::from_secs(3600), Duration::from_secs(60));
        let table =
            [(None, Duration::ZERO), (Some(940), hour - minute), (Some(1_000), hour), (Some(1_001), Duration::ZERO)];
        for (last, expected) in table {
            assert_eq!(wait(last, 1_000, hour), expected, "{last:?}");
        }
        let dir = tempfile::tempdir().unwrap();
        let mut taken = Vec::new();
        for now in [5_000, 7_000_000, 6_000, 7] {
            taken.push(name(dir.path(), now).unwrap());
            std::fs::write(dir.path().join(&taken[taken.len() - 1]), "").unwrap();
        }
        assert_eq!(ours(dir.path()).unwrap(), taken);
    }

    #[test]
    fn only_the_oldest_of_our_own_backups_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        let ours = ["directory-00000000003.db", "directory-00000000001.db", "directory-00000000020.db"];
        let others = ["directory-1.db", "directory-00000000001.db.secrets", "mine.db"];
        ours.iter().chain(&others).for_each(|name| std::fs::write(dir.path().join(name), "").unwrap());
        forget(dir.path(), 2).unwrap();
        let mut left: Vec<_> = std::fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort_unstable();
        assert_eq!(
            left,
            [
                "directory-00000000001.db.secrets",
                "directory-00000000003.db",
                "directory-00000000020.db",
                "directory-1.db",
                "mine.db"
            ]
        );
    }
}
