//! Folders as archives, what hostile archives do not do, and what is left of a file whose saving fails.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use common::ident::MessageId;
use common::limits::{FOLDER_ENTRIES, LEFT_OUT_NAMES};
use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

use super::config::{OnExists, TransferConfig};
use super::disk::PIECE;
use super::folder::{Archive, NotUnpacked, Tree, unpack};
use super::partial_file::{PartialFile, throw_away};
use super::source::{Reading, Unreadable, look_at};
use peer_core::files::model::{Download, LeftOut, Source, TransferOutcome};
use peer_core::notice::FileFailed;

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("plans");
    std::fs::create_dir_all(root.join("old/empty")).unwrap();
    std::fs::write(root.join("a.txt"), vec![b'a'; 512]).unwrap();
    std::fs::write(root.join("old/b"), vec![b'b'; 1_000_001]).unwrap();
    std::fs::write(root.join("old/nothing"), "").unwrap();
    folder
}

fn archive_of(root: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    Archive::of(Tree::walk(root).unwrap()).read_to_end(&mut bytes).unwrap();
    bytes
}

fn unpacked(bytes: &[u8], files: u64) -> (TempDir, Result<(), NotUnpacked>) {
    let folder = tempfile::tempdir().unwrap();
    let mut archive = tempfile::tempfile().unwrap();
    archive.write_all(bytes).unwrap();
    std::io::Seek::rewind(&mut archive).unwrap();
    let outcome = unpack(&archive, &folder.path().join("new"), files);
    (folder, outcome)
}

#[test]
fn a_folder_comes_back_as_it_was() {
    let folder = folder();
    let root = folder.path().join("plans");
    symlink("/etc/passwd", root.join("link")).unwrap();
    let look = look_at(&root).unwrap();
    let left_out = LeftOut { count: 1, names: vec!["link".into()] };
    assert_eq!((look.name.as_str(), look.source.files, look.left_out), ("plans", Some(3), left_out));
    assert_eq!(look.source.content, Some(1_000_001 + 512), "what is in the files, and nothing of the archive");
    let bytes = archive_of(&root);
    assert_eq!(bytes.len() as u64, look.source.size);
    assert_eq!(bytes, archive_of(&root), "the same folder is the same bytes");
    let (new, outcome) = unpacked(&bytes, 3);
    outcome.unwrap();
    let new = new.path().join("new");
    assert_eq!(std::fs::read(new.join("old/b")).unwrap(), vec![b'b'; 1_000_001]);
    assert_eq!(std::fs::read(new.join("a.txt")).unwrap(), vec![b'a'; 512]);
    assert_eq!(std::fs::read(new.join("old/nothing")).unwrap(), b"");
    assert!(new.join("old/empty").is_dir() && !new.join("link").exists());
    assert_eq!(new.join("a.txt").metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(new.metadata().unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn what_its_owner_may_execute_still_is_in_the_folder_that_comes() {
    let folder = folder();
    let root = folder.path().join("plans");
    let mode = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    mode(&root.join("a.txt"), 0o4755);
    mode(&root.join("old/b"), 0o654);
    let source = look_at(&root).unwrap().source;
    let (new, outcome) = unpacked(&archive_of(&root), 3);
    outcome.unwrap();
    let came = |name: &str| new.path().join("new").join(name).metadata().unwrap().permissions().mode() & 0o7777;
    assert_eq!((came("a.txt"), came("old/b"), came("old/nothing")), (0o700, 0o600, 0o600));
    // The bit is in the archive, so another one is another archive.
    mode(&root.join("a.txt"), 0o644);
    assert!(matches!(Reading::open(&source, 600), Err(Unreadable::Changed)));
}

#[test]
fn a_link_is_offered_under_its_own_name_with_what_it_leads_to() {
    let folder = folder();
    for (link, target, name) in [
        ("report.txt", "plans/a.txt", "report.txt"),
        ("current", "plans", "current"),
        ("plans/old/.", "", "old"),
        ("plans/old/..", "", "plans"),
    ] {
        if !target.is_empty() {
            symlink(folder.path().join(target), folder.path().join(link)).unwrap();
        }
        let look = look_at(&folder.path().join(link)).unwrap();
        assert_eq!((look.name.as_str(), look.source.path.is_symlink()), (name, false));
    }
}

#[test]
fn a_file_whose_path_is_not_utf8_is_offered_and_read() {
    use std::os::unix::ffi::OsStrExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(std::ffi::OsStr::from_bytes(b"caf\xe9.txt"));
    std::fs::write(&path, "x").unwrap();
    let look = look_at(&path).unwrap();
    assert_eq!(look.name, "caf\u{fffd}.txt");
    assert!(Reading::open(&look.source, 0).is_ok());
}

#[test]
fn what_of_a_folder_is_not_sent_is_named() {
    let folder = folder();
    let root = folder.path().join("plans");
    for name in ["a pipe", "old/pipe"] {
        let place = root.join(name);
        rustix::fs::mknodat(rustix::fs::CWD, &place, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    }
    let _socket = std::os::unix::net::UnixListener::bind(root.join("old/socket")).unwrap();
    symlink("a.txt", root.join("old/link")).unwrap();
    let mut expected = vec!["a pipe", "old/link", "old/pipe", "old/socket"];
    // An administrator can read everything.
    if !rustix::process::geteuid().is_root() {
        for (name, mode) in [("unreadable", 0o000), ("zz closed", 0o000)] {
            let place = root.join(name);
            if name.starts_with("zz") { std::fs::create_dir(&place) } else { std::fs::write(&place, "x") }.unwrap();
            std::fs::set_permissions(&place, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        expected.extend(["unreadable", "zz closed"]);
    }
    let look = look_at(&root).unwrap();
    assert_eq!((look.left_out.count, look.source.files), (expected.len() as u64, Some(3)));
    assert_eq!(look.left_out.names, expected);
    // As many are named as an offer may name.
    (0..20).for_each(|number| symlink("a.txt", root.join(format!("link {number:02}"))).unwrap());
    let many = look_at(&root).unwrap().left_out;
    assert_eq!((many.count, many.names.len()), (expected.len() as u64 + 20, LEFT_OUT_NAMES));
}

#[test]
fn other_programs_read_the_archive() {
    let folder = folder();
    let bytes = archive_of(&folder.path().join("plans"));
    let mut archive = tar::Archive::new(bytes.as_slice());
    let paths: Vec<String> =
        archive.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().display().to_string()).collect();
    assert_eq!(paths, ["a.txt", "old", "old/b", "old/empty", "old/nothing"]);
}

#[test]
fn a_folder_that_was_changed_is_not_what_was_offered() {
    let folder = folder();
    let root = folder.path().join("plans");
    let source = look_at(&root).unwrap().source;
    assert!(Reading::open(&source, 600).is_ok());
    std::fs::write(root.join("old/nothing"), "something").unwrap();
    assert!(matches!(Reading::open(&source, 600), Err(Unreadable::Changed)));
}

/// Reads all of it while `change` happens behind the first piece.
fn read_while(source: &Source, change: impl FnOnce()) -> Result<Option<blake3::Hash>, Unreadable> {
    let reading = Reading::open(source, 0).unwrap_or_else(|why| panic!("{why:?}"));
    let ((pieces, read), (_empty, used)) = (async_channel::bounded(1), async_channel::bounded(1));
    let poured = std::thread::spawn(move || reading.pour(&pieces, &used));
    read.recv_blocking().unwrap();
    change();
    while read.recv_blocking().is_ok() {}
    poured.join().unwrap()
}

/// Writes other bytes of the same number over the end of a file, and sets its time back.
fn rewrite(path: &Path) {
    let times = std::fs::metadata(path).unwrap();
    let mut file = File::options().write(true).open(path).unwrap();
    std::io::Seek::seek(&mut file, std::io::SeekFrom::End(-5)).unwrap();
    file.write_all(b"other").unwrap();
    file.set_modified(times.modified().unwrap()).unwrap();
}

#[test]
fn what_is_changed_while_it_is_read_is_not_passed_off_as_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("plans");
    std::fs::create_dir(&root).unwrap();
    let big = root.join("big.bin");
    for (what, path) in [("a file", &big), ("a folder", &root)] {
        std::fs::write(&big, vec![b'a'; 8 * PIECE]).unwrap();
        let source = look_at(path).unwrap().source;
        assert!(matches!(read_while(&source, || ()), Ok(Some(_))), "{what} that stays as it is");
        assert!(matches!(read_while(&source, || rewrite(&big)), Err(Unreadable::Changed)), "{what}, rewritten");
        assert!(matches!(Reading::open(&source, 0), Err(Unreadable::Changed)), "{what}, asked for again");
        let source = look_at(path).unwrap().source;
        let cut = || File::options().write(true).open(&big).unwrap().set_len(9).unwrap();
        assert!(matches!(read_while(&source, cut), Err(Unreadable::Changed)), "{what}, cut off");
    }
    std::fs::write(&big, vec![b'a'; 8 * PIECE]).unwrap();
    let source = look_at(&big).unwrap().source;
    let replace = || {
        std::fs::write(root.join("new"), vec![b'b'; 8 * PIECE]).unwrap();
        std::fs::rename(root.join("new"), &big).unwrap();
    };
    assert!(matches!(read_while(&source, replace), Err(Unreadable::Changed)), "another one under its name");
}

#[test]
fn an_offer_of_a_version_before_is_still_known_by_size_and_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plans.pdf");
    std::fs::write(&path, "plans").unwrap();
    let metadata = path.metadata().unwrap();
    let mut former = blake3::Hasher::new();
    former.update(&metadata.size().to_be_bytes());
    former.update(&metadata.mtime().to_be_bytes());
    former.update(&metadata.mtime_nsec().to_be_bytes());
    let source = Source { state: *former.finalize().as_bytes(), ..look_at(&path).unwrap().source };
    assert!(Reading::open(&source, 0).is_ok());
    std::fs::write(&path, "plan").unwrap();
    assert!(matches!(Reading::open(&source, 0), Err(Unreadable::Changed)));
}

#[test]
fn what_is_no_file_is_not_offered_and_keeps_nobody_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    assert_eq!(look_at(&pipe).unwrap_err().to_string(), "it is neither a file nor a folder");
    assert!(look_at(&folder.path().join("nothing")).is_err());
}

/// An archive of entries with names as they are, however hostile.
fn hostile(entries: &[(&[u8], EntryType, &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (name, kind, content) in entries {
        let mut header = Header::new_ustar();
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o777);
        if *kind == EntryType::Symlink {
            header.set_link_name("/etc").unwrap();
        }
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

#[test]
fn an_archive_writes_nothing_outside_and_nothing_but_files() {
    let file = EntryType::Regular;
    // With as many files as were offered: nothing else is wrong with any of them.
    let cases: [(&str, u64, Vec<u8>); 10] = [
        ("no archive", 1, vec![0xa5; 2048]),
        ("parent", 1, hostile(&[(b"../x", file, b"x")])),
        ("absolute", 1, hostile(&[(b"/tmp/x", file, b"x")])),
        ("middle", 2, hostile(&[(b"a", file, b"x"), (b"a/../../x", file, b"x")])),
        ("link", 0, hostile(&[(b"l", EntryType::Symlink, b"")])),
        ("hard link", 0, hostile(&[(b"l", EntryType::Link, b"")])),
        ("device", 0, hostile(&[(b"d", EntryType::Block, b"")])),
        ("pipe", 0, hostile(&[(b"d", EntryType::Fifo, b"")])),
        ("extension", 0, hostile(&[(b"././@LongLink", EntryType::GNULongName, b"x")])),
        ("twice", 2, hostile(&[(b"a", file, b"1"), (b"a", file, b"2")])),
    ];
    for (what, files, bytes) in cases {
        let (folder, outcome) = unpacked(&bytes, files);
        // Not a disk error, which would only pause it.
        assert!(matches!(outcome, Err(NotUnpacked::Archive(_))), "{what}: {outcome:?}");
        assert!(std::fs::read_dir(folder.path()).unwrap().count() <= 1, "{what}");
        assert!(!folder.path().join("x").exists(), "{what}");
    }
}

#[test]
fn names_in_an_archive_are_made_harmless() {
    let (folder, outcome) = unpacked(&hostile(&[(b".bashrc", EntryType::Regular, b"x")]), 1);
    outcome.unwrap();
    let all: Vec<_> = std::fs::read_dir(folder.path().join("new")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(all, ["bashrc"]);
}

#[test]
fn an_archive_has_no_more_than_was_offered() {
    let two = hostile(&[(b"a", EntryType::Regular, b"1"), (b"b", EntryType::Regular, b"2")]);
    assert!(unpacked(&two, 2).1.is_ok());
    let is_refused = |bytes: &[u8], files| matches!(unpacked(bytes, files).1, Err(NotUnpacked::Archive(_)));
    assert!(is_refused(&two, 1));
    let names: Vec<String> = (0..=FOLDER_ENTRIES).map(|number| format!("d{number}")).collect();
    let many: Vec<(&[u8], EntryType, &[u8])> =
        names.iter().map(|name| (name.as_bytes(), EntryType::Directory, &b""[..])).collect();
    assert!(is_refused(&hostile(&many), 1));
    let mut cut = two;
    cut.truncate(512 + 512 + 512);
    assert!(is_refused(&cut, 2), "an archive that ends in the middle");
}

#[test]
fn a_file_is_not_read_through_what_took_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plans.pdf");
    std::fs::write(&path, "plans").unwrap();
    let source = look_at(&path).unwrap().source;
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(Reading::open(&source, 0), Err(Unreadable::Disk(_))));
    drop(File::create(&path).unwrap());
    assert!(matches!(Reading::open(&source, 0), Err(Unreadable::Changed)));
}

fn wanted(size: u64, files: Option<u64>) -> Download {
    Download { number: 1, file: MessageId([7; 16]), name: "plans".into(), size, files, folder: None }
}

/// Everything that has come, in one piece.
fn received(into: &Path, bytes: &[u8], files: Option<u64>) -> PartialFile {
    let part =
        PartialFile::open(wanted(bytes.len() as u64, files), into.to_owned()).unwrap_or_else(|went| panic!("{went:?}"));
    let ((pieces, from), (empty, _used)) = (async_channel::bounded(1), async_channel::bounded(1));
    pieces.send_blocking(bytes[usize::try_from(part.done).unwrap()..].to_vec()).unwrap();
    drop(pieces);
    part.fill(&from, &empty).unwrap_or_else(|went| panic!("{went:?}"))
}

fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_folder_that_a_disk_error_has_paused_keeps_its_archive_and_goes_on_with_it() {
    let (from, into) = (folder(), tempfile::tempdir().unwrap());
    let bytes = archive_of(&from.path().join("plans"));
    let digest = *blake3::hash(&bytes).as_bytes();
    // Something that is no folder is where it is to be unpacked.
    let in_the_way = into.path().join("plans.07070707.unpacking");
    std::fs::write(&in_the_way, "").unwrap();
    let went = received(into.path(), &bytes, Some(3)).finish(&digest, OnExists::Rename);
    assert!(matches!(went, TransferOutcome::Failed(FileFailed::Disk { .. })), "{went:?}");
    assert_eq!(names_in(into.path()), ["plans.07070707.part", "plans.07070707.unpacking"]);

    std::fs::remove_file(&in_the_way).unwrap();
    let again = PartialFile::open(wanted(bytes.len() as u64, Some(3)), into.path().to_owned());
    let again = again.unwrap_or_else(|went| panic!("{went:?}"));
    assert_eq!(again.done, bytes.len() as u64, "no byte comes again");
    let went = again.finish(&digest, OnExists::Rename);
    assert_eq!(went, TransferOutcome::Saved { path: into.path().join("plans") });
    assert_eq!(names_in(into.path()), ["plans"]);
}

#[test]
fn what_is_not_what_was_offered_leaves_nothing_behind() {
    let into = tempfile::tempdir().unwrap();
    let went = received(into.path(), b"something else", None).finish(&[0; 32], OnExists::Rename);
    assert_eq!(went, TransferOutcome::Failed(FileFailed::Digest));
    // The sender has found that it changed while it was sent.
    let went = received(into.path(), b"something", None).finish(&[], OnExists::Rename);
    assert_eq!(went, TransferOutcome::Failed(FileFailed::Changed));
    let file = EntryType::Regular;
    let mut broken = hostile(&[(b"a", file, b"x")]);
    broken[148..154].copy_from_slice(b"777777");
    let archives: [(&str, u64, Vec<u8>); 7] = [
        ("a path that leads out", 1, hostile(&[(b"../x", file, b"x")])),
        ("two of one name", 2, hostile(&[(b"a", file, b"1"), (b"a", file, b"2")])),
        ("two names that become one", 2, hostile(&[(b".a", file, b"1"), (b"a", file, b"2")])),
        ("a file in what is a file", 2, hostile(&[(b"a", file, b"1"), (b"a/b", file, b"2")])),
        ("a folder that was not named", 1, hostile(&[(b"a/b", file, b"1")])),
        ("no archive at all", 1, vec![b'x'; 2000]),
        ("a wrong sum", 1, broken),
    ];
    for (what, files, bytes) in archives {
        let digest = blake3::hash(&bytes);
        let went = received(into.path(), &bytes, Some(files)).finish(digest.as_bytes(), OnExists::Rename);
        assert!(matches!(went, TransferOutcome::Failed(FileFailed::Folder { .. })), "{what}: {went:?}");
        assert_eq!(names_in(into.path()), Vec::<String>::new(), "{what}");
    }
}

#[test]
fn what_comes_is_not_written_through_a_planted_link() {
    let into = tempfile::tempdir().unwrap();
    let victim = into.path().join("victim");
    std::fs::write(&victim, "this is longer than what comes").unwrap();
    symlink(&victim, into.path().join("plans.07070707.part")).unwrap();
    let opened = PartialFile::open(wanted(4, None), into.path().to_owned());
    assert!(matches!(opened.map(|part| part.done), Err(TransferOutcome::Failed(FileFailed::Disk { .. }))));
    assert_eq!(std::fs::read(&victim).unwrap(), b"this is longer than what comes");
    // Nor is one to nothing followed, and what it names created.
    std::fs::remove_file(&victim).unwrap();
    assert!(PartialFile::open(wanted(4, None), into.path().to_owned()).is_err());
    assert!(!victim.exists());
}

#[test]
fn nothing_is_left_of_what_is_not_wanted_any_more() {
    let into = tempfile::tempdir().unwrap();
    // As a kill in the middle of the unpacking leaves it.
    std::fs::write(into.path().join("plans.07070707.part"), "archive").unwrap();
    std::fs::create_dir_all(into.path().join("plans.07070707.unpacking/old")).unwrap();
    std::fs::write(into.path().join("plans.07070707.unpacking/old/b"), "half").unwrap();
    std::fs::write(into.path().join("plans"), "of somebody else").unwrap();
    let config = TransferConfig { folder: into.path().to_owned(), on_exists: OnExists::Rename, rate: None };
    throw_away(&wanted(7, Some(1)), &config);
    assert_eq!(names_in(into.path()), ["plans"]);
}

#[test]
fn two_offers_with_one_temporary_name_are_never_written_into_one_file() {
    let into = tempfile::tempdir().unwrap();
    let mut other = wanted(9, None);
    (other.number, other.file.0[15]) = (2, 8);
    let open = |wanted: &Download| PartialFile::open(wanted.clone(), into.path().to_owned()).map(|part| part.done);
    let first = received(into.path(), b"of the 1.", None);
    assert_eq!(open(&other).err(), Some(TransferOutcome::Stopped), "the first is still being written");
    let digest = blake3::hash(b"of the 1.");
    let went = first.finish(digest.as_bytes(), OnExists::Rename);
    assert_eq!(went, TransferOutcome::Saved { path: into.path().join("plans") });
    assert_eq!(open(&other).ok(), Some(0), "then there is nothing of the first in it");
    assert_eq!(std::fs::read(into.path().join("plans")).unwrap(), b"of the 1.");
}

#[test]
fn the_largest_folder_that_can_be_offered_is_more_than_any_disk_has() {
    let into = tempfile::tempdir().unwrap();
    let opened = PartialFile::open(wanted(u64::MAX - 1, Some(1)), into.path().to_owned());
    let Err(TransferOutcome::DiskFull { need, .. }) = opened.map(|part| part.done) else { panic!("there is room") };
    assert_eq!(need, u64::MAX);
}
