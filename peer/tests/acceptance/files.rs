//! Files: offered, taken, given up, and gone on with after kills (decision D7, threat T3).

use common::ident::MessageId;
use common::msg::{ConnectRefusal, ConnectStatus, FileReq, PeerMessage};
use common::testkit::Example::{Ali, Bianca, Carol};

use crate::harness::piped::runs;
use crate::harness::{Counterpart, Piped, Seat, Stage, Terminal};

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
    bianca.has_whole("plans (2).pdf (3.0 MB");
    ali.has_whole("-- bianca has plans.pdf (3.0 MB");
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
    bianca.shows("-- plans.pdf cannot come: it was changed at ali after it was offered.");
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
    bianca.until("a quarter of it", |lines| percents("big.bin", lines).last().is_some_and(|percent| *percent >= 25));
    bianca.kill();
    let part = std::fs::read_dir(&saved).unwrap().next().unwrap().unwrap();
    assert!(part.file_name().to_string_lossy().ends_with(".part"));
    assert!((size / 4..size).contains(&part.metadata().unwrap().len()), "{part:?}");
    let bianca = Terminal::start(&seat);
    bianca.logs_in();
    bianca.has_whole("big.bin (600.0 MB");
    ali.has_whole("-- bianca has big.bin (600.0 MB");
    assert_eq!(std::fs::metadata(saved.join("big.bin")).unwrap().len(), size);
}

#[test]
fn a_folder_arrives_as_a_tree() {
    let stage = Stage::of(&[Ali, Bianca]);
    let seats = ["ali", "bianca"].map(|user| stage.seat_of(user));
    let [plans, saved] = [(0, "plans"), (1, "saved")].map(|(user, name)| {
        let home = stage.folder().join(seats[user].ip.to_string());
        home.join(name)
    });
    let [ali, bianca] = seats.map(|seat| {
        let terminal = Terminal::start(&seat);
        terminal.logs_in();
        terminal
    });
    std::fs::create_dir_all(plans.join("old/empty")).unwrap();
    std::fs::write(plans.join("first page.txt"), "page one").unwrap();
    std::fs::write(plans.join("old/big.bin"), content(2_000_000)).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", plans.join("link")).unwrap();
    ali.enters("/file bianca ~/plans");
    ali.shows("-- plans (2 files, 2.0 MB, 1 left out) offered to bianca; /cancel 1 withdraws it. Left out,");
    bianca.asks("ali offers plans (2 files, 2.0 MB, 1 left out). Accept? [y/N]");
    // Nothing of how it is sent is counted, and it is offered once.
    let small = plans.with_file_name("small");
    std::fs::create_dir(&small).unwrap();
    std::fs::write(small.join("four"), "four").unwrap();
    for told in ["offered to bianca; /cancel 2", "is offered to bianca already; /cancel 2 withdraws it."] {
        ali.enters("/file bianca ~/small");
        ali.shows(&format!("-- small (1 file, 4 B) {told}"));
    }
    // A folder that cannot be loses nothing.
    bianca.enters("/accept 1 /dev/null/saved");
    bianca.shows("-- plans is paused: Not a directory");
    bianca.enters("/accept 1 ~/saved");
    ali.has_whole("-- bianca has plans (2 files, 2.0 MB, 1 left out");
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
    assert!(sends.errors().starts_with("plans.pdf is offered to bianca; waiting 5 min for bianca to take it."));
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
            .ends_with("bianca has not taken plans.pdf yet. The offer stands: it goes out while you are logged in. To wait longer: --wait SECS\n")
    );
    let (code, _, errors) = runs(&script, &["file", "bianca", &path, "--timeout", "2"], "");
    assert_eq!(code, Some(9), "{errors}");
    assert!(errors.contains("waiting 2 s for bianca to take it"), "{errors}");
}

/// A transfer that takes some seconds: its sender gives no more than 2 MiB a second.
fn slowly(stage: &Stage, sender: &Seat, size: usize) -> (Terminal, Terminal, std::path::PathBuf) {
    let ali = Terminal::start(&sender.clone().set("PEER_FILES__RATE", "2MiB"));
    ali.logs_in();
    let bianca = stage.terminal_of("bianca");
    let (plans, saved) = (stage.folder().join("plans.bin"), stage.folder().join("saved"));
    std::fs::write(&plans, content(size)).unwrap();
    ali.enters(&format!("/file bianca {}", plans.display()));
    bianca.shows("Accept? [y/N]");
    bianca.enters(&format!("/accept 1 {}", saved.display()));
    bianca.shows("% (");
    (ali, bianca, saved)
}

#[test]
fn a_file_that_is_rewritten_while_it_is_sent_is_kept_by_nobody() {
    let stage = Stage::of(&[Ali, Bianca]);
    let (ali, bianca, saved) = slowly(&stage, &stage.seat_of("ali"), 5_000_000);
    // Other bytes, as many as before.
    std::fs::write(stage.folder().join("plans.bin"), vec![0; 5_000_000]).unwrap();
    ali.shows("-- plans.bin cannot come: it was changed after it was offered.");
    bianca.shows("-- plans.bin cannot come: it was changed at ali after it was offered.");
    bianca.enters("/files");
    bianca.shows("  failed  plans.bin");
    bianca.until("nothing that stays", |_| std::fs::read_dir(&saved).unwrap().count() == 0);
}

/// How far the transfer was in each notice of progress.
fn percents(name: &str, lines: &[String]) -> Vec<u32> {
    let row = format!("-- {name} ");
    lines.iter().filter_map(|line| line.strip_prefix(&row)?.split_once("% (")?.0.parse().ok()).collect()
}

#[test]
fn a_transfer_goes_on_after_its_sender_was_killed_and_sends_nothing_twice() {
    let stage = Stage::of(&[Ali, Bianca]);
    let seat = stage.seat_of("ali");
    let (mut ali, bianca, saved) = slowly(&stage, &seat, 8_000_000);
    bianca.until("half of it", |lines| percents("plans.bin", lines).last().is_some_and(|percent| *percent >= 50));
    ali.kill();
    bianca.shows("-- plans.bin stopped at ");
    let there = std::fs::read_dir(&saved).unwrap().next().unwrap().unwrap().metadata().unwrap().len();
    assert!(there >= 4_000_000, "{there}");
    let ali = Terminal::start(&seat);
    ali.logs_in();
    bianca.has_whole("plans.bin (8.0 MB");
    ali.has_whole("-- bianca has plans.bin (8.0 MB");
    assert_eq!(std::fs::read(saved.join("plans.bin")).unwrap(), content(8_000_000));
    let told = percents("plans.bin", &bianca.lines());
    assert!(told.is_sorted_by(|before, after| before < after), "{told:?}");
}

#[test]
fn whoever_cancels_keeps_nothing_of_it_and_the_other_side_is_told() {
    let stage = Stage::of(&[Ali, Bianca]);
    let (ali, bianca, saved) = slowly(&stage, &stage.seat_of("ali"), 8_000_000);
    bianca.enters("/cancel 1");
    bianca.shows("-- plans.bin: given up; ali is told.");
    ali.shows("-- bianca does not want plans.bin.");
    bianca.enters("/files");
    bianca.shows("cancelled  plans.bin");
    assert_eq!(std::fs::read_dir(&saved).unwrap().count(), 0);
    bianca.enters("/resume 1");
    bianca.shows("-- Nothing becomes of plans.bin any more: cancelled. /files lists all.");
}

#[test]
fn what_has_no_room_on_the_disk_pauses_before_anything_is_sent() {
    let stage = Stage::of(&[Ali, Bianca]);
    let ali = stage.terminal_of("ali");
    let bianca = Terminal::start(&stage.seat_of("bianca").set("PEER_FILES__MAX", "100000GiB"));
    bianca.logs_in();
    let big = stage.folder().join("big.bin");
    let size = 8_000_000_000_000;
    std::fs::File::create(&big).unwrap().set_len(size).unwrap();
    ali.enters(&format!("/file bianca {}", big.display()));
    bianca.shows("ali offers big.bin (8.0 TB, BIN). Accept? [y/N]");
    bianca.enters(&format!("/accept 1 {}", stage.folder().join("saved").display()));
    bianca.shows("-- Disk full: 8.0 TB needed, ");
    bianca.shows("The transfer is paused; /resume 1.");
    ali.enters("/cancel 1");
    bianca.shows("-- ali does not give big.bin any more.");
}

#[test]
fn whoever_was_offered_nothing_gets_nothing() {
    let stage = Stage::of(&[Bianca]);
    let bianca = stage.seat_of("bianca");
    let address = bianca.address();
    let bianca = {
        let terminal = Terminal::start(&bianca);
        terminal.logs_in();
        terminal
    };
    let hers = Counterpart::calling(&stage, Carol, Bianca);
    let call = hers.call(address);
    let mut caller = call.connect().unwrap();
    let wanted = FileReq { call: call.request(), file: MessageId([7; 16]), offset: 0 };
    caller.send_message(wanted).unwrap();
    let PeerMessage::ConnectReply(reply) = caller.receive_message().unwrap() else { panic!("no answer") };
    assert_eq!((reply.status, reply.reason), (ConnectStatus::Refused, Some(ConnectRefusal::Declined)));
    bianca.is_at_prompt();
}

#[test]
fn a_yes_to_an_offer_in_a_conversation_does_not_go_out_as_a_message() {
    let stage = Stage::of(&[Ali, Bianca]);
    let plans = stage.folder().join("plans.pdf");
    std::fs::write(&plans, b"plans").unwrap();
    let [ali, bianca] = stage.conversation();
    ali.enters(&format!("/file {}", plans.display()));
    bianca.shows("-- ali offers plans.pdf (5 B). /accept 1 or /refuse 1");
    bianca.enters("y");
    bianca.shows("-- Nothing was sent. /accept 1 takes plans.pdf, /refuse 1 does not; \"y\" once more goes to ali.");
    bianca.enters("y");
    bianca.enters("that was one y");
    ali.shows("that was one y");
    assert_eq!(ali.lines().iter().filter(|line| *line == "y").count(), 1, "{:#?}", ali.lines());
}

#[test]
fn progress_is_one_row_that_is_written_anew() {
    let stage = Stage::of(&[Ali, Bianca]);
    let (_ali, bianca, _saved) = slowly(&stage, &stage.seat_of("ali"), 8_000_000);
    bianca.types("half a");
    bianca.has_whole("plans.bin (8.0 MB");
    bianca.until("no row of progress", |lines| percents("plans.bin", lines).is_empty());
    bianca.holds("Enter destination user ID: half a");
    // There were several pictures of it, and never two at once on the screen.
    let written = String::from_utf8_lossy(&bianca.bytes()).into_owned();
    assert!(written.matches("% (").count() > 1);
}
