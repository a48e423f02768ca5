//! Files and folders that are nobody else's: opened through no link, and kept where nobody else can put one (threat T4).

use std::fs::{DirBuilder, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::failure::{Failure, Kind};

/// The mode of a file that is nobody else's.
pub(super) const PRIVATE: u32 = 0o600;
/// The mode bits with which others can change what is in a folder.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// How a file is opened or created that others must neither read nor choose: 0600, and not through a link.
pub(super) fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(PRIVATE).custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    options
}

/// Creates a folder and those above it that are missing, each for its owner alone. Whoever else puts something in the place
/// of one meanwhile is found out.
pub(super) fn create_folders(path: &Path) -> Result<(), Failure> {
    let failed = |folder: &Path, error: &io::Error| Failure::io(format_args!("create {}", folder.display()), error);
    let missing: Vec<PathBuf> = path.ancestors().take_while(|folder| !folder.exists()).map(Path::to_owned).collect();
    for folder in missing.iter().rev().filter(|folder| !folder.as_os_str().is_empty()) {
        match DirBuilder::new().mode(0o700).create(folder) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(folder, &error)),
        }
        let found = std::fs::symlink_metadata(folder).map_err(|error| failed(folder, &error))?;
        if !found.is_dir() {
            return Err(planted(folder));
        }
        refuse_shared(folder, &found)?;
    }
    Ok(())
}

/// Refuses a folder in which others can put files, or that is somebody else's.
pub(super) fn refuse_shared_folder(path: &Path) -> Result<(), Failure> {
    let found = std::fs::metadata(path);
    let found = found.map_err(|error| Failure::io(format_args!("read {}", path.display()), &error))?;
    refuse_shared(path, &found)
}

fn refuse_shared(path: &Path, found: &Metadata) -> Result<(), Failure> {
    let (mode, path) = (found.mode() & 0o777, path.display());
    if mode & WRITABLE_BY_OTHERS != 0 {
        let message =
            format!("Others can put files into {path} (mode {mode:04o}). If nobody has done so: chmod go-w {path}");
        return Err(Failure::new(Kind::NotPermitted, message));
    }
    let us = rustix::process::geteuid();
    // The administrator of the machine may look after a directory that runs as somebody else, and give it its place.
    if found.uid() != us.as_raw() && found.uid() != 0 && !us.is_root() {
        let message = format!("{path} belongs to another user of this machine. Use --data-dir, or run as that user.");
        return Err(Failure::new(Kind::NotPermitted, message));
    }
    Ok(())
}

/// Something stands where only a file or a folder of ours may.
pub(super) fn planted(path: &Path) -> Failure {
    let message =
        format!("{} is a link or no folder; nothing is read or written through it. Remove it.", path.display());
    Failure::new(Kind::NotPermitted, message)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn folders_that_are_created_are_for_their_owner_alone_and_a_planted_one_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("a/b/c");
        create_folders(&deep).unwrap();
        for folder in ["a", "a/b", "a/b/c"] {
            assert_eq!(fs::metadata(dir.path().join(folder)).unwrap().mode() & 0o777, 0o700);
        }
        create_folders(&deep).unwrap();
        // What points nowhere does not exist for whoever follows it.
        symlink(dir.path().join("elsewhere"), dir.path().join("link")).unwrap();
        let refused = create_folders(&dir.path().join("link/data")).unwrap_err();
        assert_eq!(refused.kind, Kind::NotPermitted);
        assert!(!dir.path().join("elsewhere").exists());
    }

    #[test]
    fn a_folder_that_others_can_write_is_refused_and_told_how_to_mend() {
        let dir = tempfile::tempdir().unwrap();
        for (mode, refused) in [(0o700, false), (0o755, false), (0o775, true), (0o757, true), (0o1777, true)] {
            fs::set_permissions(dir.path(), Permissions::from_mode(mode)).unwrap();
            let found = refuse_shared_folder(dir.path());
            assert_eq!(found.is_err(), refused, "{mode:o}");
            assert!(found.map_or(true, |()| true) || refused);
        }
    }

    #[test]
    fn nothing_is_opened_through_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let (target, link) = (dir.path().join("target"), dir.path().join("link"));
        fs::write(&target, "theirs").unwrap();
        symlink(&target, &link).unwrap();
        assert!(options().read(true).open(&link).is_err());
        assert!(options().write(true).create(true).truncate(true).open(&link).is_err());
        assert_eq!(fs::read_to_string(&target).unwrap(), "theirs");
    }
}
