//! Files: offered, taken, given up, and gone on with after kills (decision D7, threat T3).

use common::testkit::Example::{Ali, Bianca};

use crate::harness::piped::runs;
use crate::harness::{Piped, Stage, Terminal};

/// Bytes that differ everywhere, so that a piece in the wrong place is noticed.
fn content(size: usize) -> Vec<u8> {
    (0..size).map(|at| u8::try_from((at.wrapping_mul(2_654_435_761) >> 11) & 0xff).unwrap()).collect()
}

#[test]
fn a_file_arrives_as_it_was_and_takes_no_name_that_is_taken() {
    let stage = Stage::of(&[Ali, Bianca]);
    let [ali, bianca] = stage.conversation();
    let (plans, saved) = (stage.folder().join("plans.pdf"), stage.folder().join("saved"));
    std::fs::write(&plans, content(3_000_001)).unwrap();
    std::fs::create_dir(&saved).unwrap();
    std::fs::write(saved.join("plans.pdf"), "mine").unwrap();
    ali.enters(&format!("/file {}", plans.display()));
    bianca.shows("-- ali offers plans.pdf (3.0 MB). /accept 1 or /refuse 1");
    bianca.enters(&format!("/accept 1 {}", saved.display()));
    bianca.shows("plans (2).pdf (3.0 MB, checked).");
    ali.shows("-- bianca has plans.pdf (3.0 MB, checked).");
    assert_eq!(std::fs::read(saved.join("plans (2).pdf")).unwrap(), content(3_000_001));
    assert_eq!(std::fs::read(saved.join("plans.pdf")).unwrap(), b"mine");
    assert_eq!(std::fs::read_dir(&saved).unwrap().count(), 2);
}

#[test]
fn an_offer_waits_for_who_is_away_and_can_be_refused() {
    let stage = Stage::of(&[Ali, Bianca]);
    let seat = stage.seat_of("bianca");
    {
        let mut bianca = Terminal::start(&seat);
        bianca.logs_in();
        bianca.enters("/logout");
        bianca.exit_code();
    }
    let ali = stage.terminal_of("ali");
    let plans = stage.folder().join("plans.pdf");
    std::fs::write(&plans, "plans").unwrap();
    ali.enters(&format!("/file bianca {}", plans.display()));
    ali.shows("-- plans.pdf (5 B) offered to bianca");
    let bianca = Terminal::start(&seat);
    bianca.logs_in();
    bianca.asks("ali offers plans.pdf (5 B, PDF). Accept? [y/N]");
    bianca.enters("n");
    ali.shows("-- bianca does not want plans.pdf.");
}

#[test]
fn a_file_that_was_changed_after_the_offer_is_not_sent() {
    let stage = Stage::of(&[Ali, Bianca]);
    let [ali, bianca] = stage.conversation();
    let plans = stage.folder().join("plans.pdf");
    std::fs::write(&plans, "plans").unwrap();
    ali.enters(&format!("/file {}", plans.display()));
    bianca.shows("/accept 1");
    std::fs::write(&plans, "other plans").unwrap();
    bianca.enters(&format!("/accept 1 {}", stage.folder().join("saved").display()));
    ali.shows("-- plans.pdf cannot come: it was changed after it was offered.");
    bianca.shows("-- ali does not give plans.pdf any more.");
}

#[test]
fn a_transfer_goes_on_after_its_receiver_was_killed() {
    let stage = Stage::of(&[Ali, Bianca]);
    let seat = stage.seat_of("bianca");
    let ali = stage.terminal_of("ali");
    let mut bianca = Terminal::start(&seat);
    bianca.logs_in();
    let (big, saved) = (stage.folder().join("big.bin"), stage.folder().join("saved"));
    let size = 600_000_000;
    std::fs::File::create(&big).unwrap().set_len(size).unwrap();
    ali.enters(&format!("/file bianca {}", big.display()));
    bianca.asks("ali offers big.bin (600.0 MB, BIN). Accept? [y/N]");
    // What is no answer is taken as what it is.
    bianca.enters(&format!("/accept 1 {}", saved.display()));
    bianca.shows("of 600.0 MB, ");
    bianca.kill();
    let part = std::fs::read_dir(&saved).unwrap().next().unwrap().unwrap();
    assert!(part.file_name().to_string_lossy().ends_with(".part"));
    assert!((size / 4..size).contains(&part.metadata().unwrap().len()), "{part:?}");
    let bianca = Terminal::start(&seat);
    bianca.logs_in();
    bianca.shows("big.bin (600.0 MB, checked).");
    ali.shows("-- bianca has big.bin (600.0 MB, checked).");
    assert_eq!(std::fs::metadata(saved.join("big.bin")).unwrap().len(), size);
}

#[test]
fn a_folder_arrives_as_a_tree() {
    let stage = Stage::of(&[Ali, Bianca]);
    let [ali, bianca] = stage.conversation();
    let (plans, saved) = (stage.folder().join("plans"), stage.folder().join("saved"));
    std::fs::create_dir_all(plans.join("old/empty")).unwrap();
    std::fs::write(plans.join("first page.txt"), "page one").unwrap();
    std::fs::write(plans.join("old/big.bin"), content(2_000_000)).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", plans.join("link")).unwrap();
    ali.enters(&format!("/file {}", plans.display()));
    ali.shows("-- plans (2 files, 2.0 MB) offered to bianca without 1 link or device; /cancel 1 withdraws it.");
    bianca.shows("-- ali offers plans (2 files, 2.0 MB). /accept 1 or /refuse 1");
    bianca.enters(&format!("/accept 1 {}", saved.display()));
    ali.shows("-- bianca has plans (2 files, 2.0 MB, checked).");
    assert_eq!(std::fs::read(saved.join("plans/old/big.bin")).unwrap(), content(2_000_000));
    assert_eq!(std::fs::read(saved.join("plans/first page.txt")).unwrap(), b"page one");
    assert!(saved.join("plans/old/empty").is_dir());
    assert_eq!(std::fs::read_dir(saved.join("plans")).unwrap().count(), 2, "nothing for the link");
    assert_eq!(std::fs::read_dir(&saved).unwrap().count(), 1, "neither the archive nor a part is left");
}

#[test]
fn type_ahead_never_takes_a_file_and_leaving_the_question_loses_none() {
    let stage = Stage::of(&[Ali, Bianca]);
    let [ali, bianca] = ["ali", "bianca"].map(|user| stage.terminal_of(user));
    let plans = stage.folder().join("plans.pdf");
    std::fs::write(&plans, "plans").unwrap();
    bianca.types("y");
    bianca.shows("Enter destination user ID: y");
    ali.enters(&format!("/file bianca {}", plans.display()));
    bianca.asks("ali offers plans.pdf (5 B, PDF). Accept? [y/N]");
    bianca.types("\n");
    bianca.shows("-- plans.pdf stays offered: /accept 1 or /refuse 1");
    bianca.shows("Enter destination user ID: y");
    bianca.types("\u{15}/refuse 1\n");
    ali.shows("-- bianca does not want plans.pdf.");
}

#[test]
fn a_command_stays_until_its_file_has_arrived_and_tells_by_its_code_what_became_of_it() {
    let stage = Stage::of(&[Ali, Bianca]);
    let script = stage.script_of("ali");
    let (plans, saved) = (stage.folder().join("plans.pdf"), stage.folder().join("saved"));
    std::fs::write(&plans, content(3_000_000)).unwrap();
    let path = plans.display().to_string();
    let bianca = stage.terminal_of("bianca");
    let mut sends = Piped::start(&script.clone().with(&["file", "bianca", &path]));
    bianca.asks("ali offers plans.pdf (3.0 MB, PDF). Accept? [y/N]");
    bianca.enters(&format!("/accept 1 {}", saved.display()));
    assert_eq!(sends.exit_code(), Some(0), "{}", sends.errors());
    assert!(sends.errors().starts_with("plans.pdf is offered to bianca; waiting until bianca takes it."));
    assert_eq!(std::fs::read(saved.join("plans.pdf")).unwrap(), content(3_000_000));
    let mut sends = Piped::start(&script.clone().with(&["file", "bianca", &path, "--json", "-q"]));
    bianca.asks("ali offers plans.pdf (3.0 MB, PDF). Accept? [y/N]");
    bianca.enters("n");
    assert_eq!(sends.exit_code(), Some(7));
    assert!(sends.output().contains("\"state\":\"refused\""), "{}", sends.output());
    assert_eq!(sends.errors(), "bianca does not want plans.pdf.\n");
    let (code, _, errors) = runs(&script, &["file", "bianca", "/nowhere/plans.pdf"], "");
    assert_eq!(code, Some(10), "{errors}");
    let (code, _, errors) = runs(&script, &["file", "bianca", &path, "--wait", "1"], "");
    assert_eq!(code, Some(9), "{errors}");
    assert!(
        errors
            .ends_with("bianca has not taken plans.pdf yet. The offer stands: it goes out while you are logged in.\n")
    );
}
