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
        let age = backup::last(&data_dir).map(|taken| Duration::from_secs(now.saturating_sub(taken)));
        let wait = age.map_or(Duration::ZERO, |age| wanted.every.saturating_sub(age));
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

fn one(wanted: &Backups, data_dir: &Path, now: u64) -> Result<PathBuf, Failure> {
    let Backups { dir, keep, .. } = wanted;
    let failed = |error: io::Error| Failure::io(format_args!("write {}", dir.display()), &error);
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)?;
    let file = dir.join(format!("{PREFIX}{now:011}{SUFFIX}"));
    backup::back_up_database(data_dir, &file)?;
    forget(dir, *keep).map_err(failed)?;
    Ok(file)
}

/// Removes all but the newest of our own backups: their names are in the order of time.
fn forget(dir: &Path, keep: usize) -> io::Result<()> {
    let entries = std::fs::read_dir(dir)?.collect::<io::Result<Vec<_>>>()?;
    let names = entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut ours: Vec<String> = names.filter(|name| is_ours(name)).collect();
    ours.sort_unstable();
    ours.iter().rev().skip(keep).try_for_each(|name| std::fs::remove_file(dir.join(name)))
}

fn is_ours(name: &str) -> bool {
    let number = name.strip_prefix(PREFIX).and_then(|name| name.strip_suffix(SUFFIX));
    number.is_some_and(|number| number.len() == 11 && number.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

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
