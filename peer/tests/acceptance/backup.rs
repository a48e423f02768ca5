//! `peer export` and `peer import`: the key and the pins survive the loss of a terminal and of a directory.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use common::ident::{KeyDigest, TerminalId};
use common::limits::PEER_PORT;
use common::testkit::Example;
use common::testkit::login::Stretch;

use crate::harness::address::fresh;
use crate::harness::directory::Start;
use crate::harness::stage::{Seat, account, id, identity};
use crate::harness::{PASSCODE, Piped, Stage, Terminal};

const SECRET: &str = "correct horse battery";
const NEW_PASSCODE: &str = "739164";

/// Runs a command to its end with these lines as its input; gives the exit code and what was said.
fn runs(seat: &Seat, arguments: &[&str], input: &[&str]) -> (Option<i32>, String) {
    let mut peer = Piped::start(&seat.clone().with(arguments));
    input.iter().for_each(|line| peer.enters(line));
    peer.ends_input();
    let code = peer.exit_code();
    assert_eq!(peer.output(), "", "the output is for results only");
    (code, peer.errors())
}

/// Ali has verified bianca and made a backup.
struct Scene {
    stage: Stage,
    file: PathBuf,
}

impl Scene {
    fn new() -> Self {
        let stage = Stage::of(&[Example::Ali, Example::Bianca, Example::Carol]);
        let file = stage.folder().join("ali.backup");
        let seat = stage.seat_of("ali");
        let bianca = stage.piped_of("bianca");
        let mut ali = Terminal::start(&seat);
        ali.logs_in();
        ali.enters("/verify bianca");
        ali.asks("Do the numbers match? Type yes or no:");
        ali.enters("yes");
        ali.shows("-- bianca is verified.");
        ali.enters("logout");
        assert_eq!(ali.exit_code(), 0);
        drop(bianca);
        let (code, said) =
            runs(&seat, &["export", shown(&file)], &[PASSCODE, "short", SECRET, "other", SECRET, SECRET]);
        assert_eq!(code, Some(0), "{said}");
        assert_eq!(
            said.lines().collect::<Vec<_>>(),
            [
                "Enter passcode on keypad. Passcode for the backup, 12 characters or more: -- Too short: 12 characters or \
                 more, because whoever has the file can try as often as they like.",
                "Passcode for the backup, 12 characters or more: Same passcode again: -- The two are not the same. Nothing \
                 was sent; once more.",
                &format!(
                    "Passcode for the backup, 12 characters or more: Same passcode again: The key of ali and 1 contact \
                     are in {}. Keep its passcode elsewhere.",
                    shown(&file)
                ),
            ]
        );
        Self { stage, file }
    }

    fn file(&self) -> &str {
        shown(&self.file)
    }

    /// The key that the directory has of ali, who is present at the terminal.
    fn key_of_ali(&self) -> KeyDigest {
        let ali = id(Example::Ali);
        let mut client = self.stage.client(fresh());
        client.log_in(&account(Example::Carol, Stretch::Full), TerminalId([3; 16]), PEER_PORT).unwrap();
        let found = client.lookup(&id(Example::Carol), &ali).unwrap();
        KeyDigest::of(&found.publickey.0)
    }
}

fn shown(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[track_caller]
fn knows_bianca(seat: &Seat, passcode: &str) -> Piped {
    let mut ali = Piped::start(&seat.clone().with(&["--user", "ali"]));
    ali.enters(passcode);
    ali.shows("Enter passcode on keypad. Logged in.\n");
    ali.enters("list");
    ali.shows("bianca    offline                   verified\n");
    ali
}

#[test]
fn on_another_machine_the_pins_are_there_again() {
    let scene = Scene::new();
    let seat = scene.stage.seat();
    let (code, said) = runs(&seat, &["import", scene.file()], &[SECRET, PASSCODE]);
    assert_eq!(code, Some(0), "{said}");
    let server = scene.stage.directory.address.ip();
    assert!(
        said.ends_with(&format!(
            "ali has the same key as before on {server}; 1 of 1 contact restored, the others were here already. Log in: \
             peer\n"
        )),
        "{said}"
    );
    drop(knows_bianca(&seat, PASSCODE));
    let (code, said) = runs(&seat, &["import", scene.file()], &[SECRET, PASSCODE]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("0 of 1 contact restored"), "{said}");
}

#[test]
fn at_a_directory_that_lost_everything_the_user_registers_with_the_same_key() {
    let mut scene = Scene::new();
    scene.stage.directory.kill();
    std::fs::remove_dir_all(scene.stage.directory.folder()).unwrap();
    scene.stage.directory.start_again(Start::default());
    scene.stage.register(&account(Example::Carol, Stretch::Full));
    let seat = scene.stage.seat();
    let (code, said) = runs(&seat, &["import", scene.file()], &[SECRET, "123", NEW_PASSCODE, NEW_PASSCODE]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("New passcode, 6 digits or more: -- Too short: 6 digits or more."), "{said}");
    let _ali = knows_bianca(&seat, NEW_PASSCODE);
    assert_eq!(scene.key_of_ali(), identity(Example::Ali).public().digest());
}

#[test]
fn after_a_reset_of_the_passcode_the_invite_takes_the_same_key() {
    let mut scene = Scene::new();
    scene.stage.directory.kill();
    scene.stage.directory.start_again(Start { clock_offset: 0, settings: &[("REGISTER__MODE", "invite")] });
    let printed = scene.stage.directory.administrator(&["user", "passcode", "ali", "--yes"]);
    let invite = printed.lines().find_map(|line| line.strip_prefix("ali  ")).unwrap();
    let seat = scene.stage.seat();
    let (code, said) = runs(&seat, &["import", scene.file()], &[SECRET, "", PASSCODE]);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("Paste an invite for ali if you were given one; Enter logs in: "), "{said}");
    let (code, said) = runs(&seat, &["import", scene.file()], &[SECRET, invite, NEW_PASSCODE, NEW_PASSCODE]);
    assert_eq!(code, Some(0), "{said}");
    let _ali = knows_bianca(&seat, NEW_PASSCODE);
    assert_eq!(scene.key_of_ali(), identity(Example::Ali).public().digest());
}

#[test]
fn a_backup_of_another_key_than_the_directorys_changes_nothing() {
    let mut scene = Scene::new();
    scene.stage.directory.kill();
    std::fs::remove_dir_all(scene.stage.directory.folder()).unwrap();
    scene.stage.directory.start_again(Start::default());
    // Ali did not have the backup at hand and has a new key now.
    let seat = scene.stage.seat_of("ali");
    let mut ali = Piped::start(&seat);
    ali.enters("y");
    ali.registers();
    ali.enters("logout");
    assert_eq!(ali.exit_code(), Some(0));
    let (code, said) = runs(&seat, &["import", scene.file()], &[SECRET, PASSCODE]);
    assert_eq!(code, Some(8), "{said}");
    assert!(said.contains("ali has another key on "), "{said}");
    let mut ali = Piped::start(&seat);
    ali.logs_in();
    ali.enters("list");
    ali.asks("ID: list\nID        STATE                     KEY\nEnter destination user ID: ");
}

#[test]
fn a_backup_tells_nothing_without_its_passcode_and_is_its_owners_alone() {
    let scene = Scene::new();
    assert_eq!(scene.file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let content = std::fs::read(&scene.file).unwrap();
    let text = String::from_utf8_lossy(&content);
    assert!(text.starts_with("peer-messenger/1 backup\n"));
    for hidden in ["ali", "bianca", "127."] {
        assert!(!text.contains(hidden), "{hidden}");
    }
}

#[test]
fn what_cannot_be_exported_or_imported_says_so() {
    let scene = Scene::new();
    let (stage, file) = (&scene.stage, scene.file());
    let before = std::fs::read(file).unwrap();
    let seat = stage.seat_of("ali");
    let fresh_file = stage.folder().join("fresh");
    let fresh_file = shown(&fresh_file);
    let other = stage.folder().join("other");
    std::fs::write(&other, "no backup").unwrap();
    let cases: [(&[&str], &[&str], i32, &str); 9] = [
        (&["export", file], &[PASSCODE, SECRET, SECRET], 10, "exists already and stays as it is."),
        (&["export", fresh_file], &["111111"], 4, "Not accepted, 3 tries left."),
        (&["export", fresh_file, "--no-input"], &[], 2, "--no-input forbids the question"),
        (
            &["export", fresh_file],
            &[PASSCODE, SECRET],
            2,
            "The input ended before \"Same passcode again:\" was answered.",
        ),
        (&["export", "/dev/null/file"], &[PASSCODE, SECRET, SECRET], 10, "Cannot use /dev/null/file: "),
        (&["import", file], &["wrong passcode"], 4, "does not open with this passcode, or was altered."),
        (&["import", shown(&other)], &[SECRET], 10, "is not a backup that this version can read."),
        (&["import", "/dev/null/file"], &[SECRET], 10, "Cannot read /dev/null/file: "),
        (&["import", file, "--user", "bianca"], &[SECRET], 2, "The backup is ali's, not bianca's."),
    ];
    for (arguments, input, code, what) in cases {
        let seat = if arguments.contains(&"--user") { stage.seat() } else { seat.clone() };
        let (ended, said) = runs(&seat, arguments, input);
        assert_eq!(ended, Some(code), "{arguments:?}: {said}");
        assert!(said.contains(what), "{arguments:?}: {said}");
    }
    assert!(!Path::new(fresh_file).exists());
    assert_eq!(std::fs::read(file).unwrap(), before);

    let mut running = Piped::start(&seat);
    running.logs_in();
    let (code, said) = runs(&seat, &["export", fresh_file], &[PASSCODE]);
    assert_eq!(code, Some(12), "{said}");
}

#[test]
fn passcodes_are_not_shown_and_a_terminal_left_by_ctrl_c_shows_again_what_is_typed() {
    let stage = Stage::of(&[Example::Ali]);
    let file = stage.folder().join("ali.backup");
    let seat = stage.seat_of("ali").with(&["export", shown(&file)]);
    let mut ali = Terminal::start(&seat);
    ali.asks("Enter passcode on keypad.");
    ali.enters(PASSCODE);
    ali.asks("Passcode for the backup, 12 characters or more:");
    ali.enters(SECRET);
    ali.asks("Same passcode again:");
    ali.ctrl_c();
    assert_eq!(ali.exit_code(), 130);
    assert_eq!(ali.modes(), ali.modes_before());
    let written = String::from_utf8_lossy(&ali.bytes()).into_owned();
    assert!(!written.contains(PASSCODE) && !written.contains(SECRET), "{written}");
    assert!(!file.exists());
}

#[test]
fn after_a_reset_and_an_import_in_the_same_folder_mail_arrives_and_nothing_is_forgotten() {
    let mut stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let file = stage.folder().join("ali.backup");
    let [ali, bianca] = ["ali", "bianca"].map(|user| stage.seat_of(user));
    let passcode = stage.passcode_file("passcode", PASSCODE, 0o600);
    let [ali_script, bianca_script] =
        [&ali, &bianca].map(|seat| seat.clone().with(&["--no-input", "--passcode-file", &passcode]));
    let does = |seat: &Seat, arguments: &[&str]| crate::harness::piped::runs(seat, arguments, "");
    assert_eq!(does(&ali_script, &["recv"]).0, Some(0), "ali's terminal is known from now on");
    assert_eq!(does(&bianca_script, &["send", "ali", "before"]).0, Some(0));
    assert_eq!(does(&ali_script, &["recv", "-n", "1"]).1, "bianca: before\n");
    let (code, said) = runs(&ali, &["export", shown(&file)], &[PASSCODE, SECRET, SECRET]);
    assert_eq!(code, Some(0), "{said}");
    stage.directory.kill();
    stage.directory.start_again(Start { clock_offset: 0, settings: &[("REGISTER__MODE", "invite")] });
    let printed = stage.directory.administrator(&["user", "passcode", "ali", "--yes"]);
    let invite = printed.lines().find_map(|line| line.strip_prefix("ali  ")).unwrap();
    let (code, said) = runs(&ali, &["import", shown(&file)], &[SECRET, invite, PASSCODE, PASSCODE]);
    assert_eq!(code, Some(0), "{said}");

    assert_eq!(does(&ali_script, &["recv"]).0, Some(0), "the new terminal is known from now on");
    let (code, _, errors) = does(&bianca_script, &["send", "ali", "after"]);
    assert_eq!(code, Some(0), "the key is the same: {errors}");
    let (code, read, errors) = does(&ali_script, &["recv", "-n", "1"]);
    assert_eq!((code, read.as_str()), (Some(0), "bianca: after\n"), "{errors}");
    assert_eq!(does(&ali_script, &["history", "bianca"]).1, "bianca: before\nbianca: after\n");
}
