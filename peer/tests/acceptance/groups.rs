//! Groups (threats G1 to G3): who may read what, and who decides.

use common::ident::UserId;
use common::testkit::Example;
use common::testkit::login::{Account, Stretch};

use super::old_copy::{copy, logs_out};
use crate::harness::stage::account;
use crate::harness::{Stage, Terminal};

#[test]
fn a_group_from_its_creation_to_leaving() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca, Example::Carol]);
    let seats = ["ali", "bianca", "carol"].map(|user| stage.seat_of(user));
    let [ali, bianca, carol] = [0, 1, 2].map(|number: usize| Terminal::start(&seats[number]));
    [&ali, &bianca, &carol].into_iter().for_each(Terminal::logs_in);
    ali.enters("/group create #team");
    ali.shows("-- Group #team created; you are its admin.");
    carol.enters("/group create #team");
    carol.shows("-- There is a group #team already. Choose another name.");
    ali.enters("#team before anybody came");

    carol.enters("/group join #team");
    carol.shows("-- Asked to join #team; an admin must approve.");
    ali.shows("-- carol asks to join #team: /group approve carol #team  or  /group deny carol #team");
    ali.enters("/group approve carol #team");
    carol.shows("-- You are now a member of #team (2 members).");
    carol.enters("/group admin carol #team");
    carol.shows("-- Only an admin of #team can do that (ali).");
    ali.enters("/group admin carol #team");
    ali.shows("-- carol is now an admin of #team.");
    carol.shows("-- carol is now an admin of #team.");

    // Ali is away when bianca asks; carol decides.
    ali.enters("logout");
    ali.shows("Logged out.");
    bianca.enters("/group join #team");
    carol.shows("-- bianca asks to join #team:");
    carol.enters("/group approve bianca #team");
    bianca.shows("-- You are now a member of #team (3 members).");
    bianca.enters("#team I am in");
    carol.shows("-- #team bianca: I am in");

    let ali = Terminal::start(&seats[0]);
    ali.logs_in();
    ali.shows("#team bianca: I am in");
    ali.enters("/group members #team");
    ali.shows("-- #team, 3 members:");

    bianca.enters("/group leave #team");
    bianca.shows("-- You left #team.");
    for admin in [&ali, &carol] {
        admin.shows("-- bianca is no longer a member of #team.");
    }
    ali.enters("#team after bianca left");
    carol.shows("-- #team ali: after bianca left");
    carol.enters("#team nothing more of bianca");
    ali.shows("-- #team carol: nothing more of bianca");
    // Nothing from before she came or after she left has reached her.
    bianca.enters("/find anybody");
    bianca.shows("-- There is nothing.");
    bianca.enters("/find after");
    bianca.shows_times("-- There is nothing.", 2);
    bianca.enters("#team still here?");
    bianca.shows("-- Not sent: \"still here?\". You are not a member of #team: /group join #team");

    // Who was named first stays.
    ali.enters("/group remove carol #team");
    carol.shows("-- ali removed you from #team.");
    for admin in [&ali, &carol] {
        let told = admin.lines().iter().filter(|line| line.contains("bianca is no longer")).count();
        assert_eq!(told, 1, "{:?}", admin.lines());
    }
}

#[test]
fn a_declined_request_is_told() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let [ali, bianca] = ["ali", "bianca"].map(|user| stage.terminal_of(user));
    ali.enters("/group create #team");
    ali.shows("created");
    bianca.enters("/group join #nosuch");
    bianca.shows("-- There is no group #nosuch.");
    bianca.enters("/group join #team");
    ali.shows("-- bianca asks to join #team:");
    ali.enters("/group deny bianca #team");
    bianca.shows("-- Your request to join #team was declined.");
    ali.enters("/group leave #team");
    ali.shows("-- You left #team.");
}

#[test]
fn everyone_online_but_the_sender_hears_a_broadcast() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca, Example::Carol]);
    let [ali, bianca] = ["ali", "bianca"].map(|user| stage.terminal_of(user));
    ali.enters("*");
    ali.shows("-- Everyone who is online reads this, and the server keeps it: signed, not secret.");
    ali.enters("The server moves tonight.");
    bianca.shows("-- * ali: The server moves tonight.");
    // Whoever was away pages through the log.
    let carol = stage.terminal_of("carol");
    carol.enters("*");
    carol.shows("signed, not secret");
    carol.enters("/history");
    carol.shows("ali: The server moves tonight.");
}

/// Dave has no example key of his own.
fn dave_registers(stage: &Stage) {
    let user = UserId::parse("dave").unwrap();
    stage.register(&Account { user, ..account(Example::Carol, Stretch::Full) });
}

/// Ali founds #team; carol asks, is admitted and made an admin.
#[track_caller]
fn found_with_two_admins(ali: &Terminal, carol: &Terminal) {
    ali.enters("/group create #team");
    ali.shows("created; you are its admin.");
    carol.enters("/group join #team");
    ali.shows("-- carol asks to join #team:");
    ali.enters("/group approve carol #team");
    carol.shows("-- You are now a member of #team (2 members).");
    ali.enters("/group admin carol #team");
    carol.shows("-- carol is now an admin of #team.");
}

#[test]
fn a_group_whose_members_come_and_go() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca, Example::Carol]);
    dave_registers(&stage);
    let seats = ["ali", "bianca", "carol", "dave"].map(|user| stage.seat_of(user));
    let logged_in = |number: usize| {
        let terminal = Terminal::start(&seats[number]);
        terminal.logs_in();
        terminal
    };
    let [ali, carol] = [0, 2].map(&logged_in);
    found_with_two_admins(&ali, &carol);
    ali.enters("#team words from the beginning");
    carol.shows("-- #team ali: words from the beginning");
    logs_out(&ali);
    logs_out(&carol);

    // Nobody is there when bianca asks; carol finds it at her next login, and bianca her admission at hers.
    let bianca = logged_in(1);
    bianca.enters("/group join #team");
    bianca.shows("-- Asked to join #team; an admin must approve.");
    logs_out(&bianca);
    let carol = logged_in(2);
    carol.shows("-- bianca asks to join #team:");
    carol.enters("/group approve bianca #team");
    carol.shows("-- bianca is now a member of #team.");
    carol.enters("#team words for bianca");
    carol.shows("#team words for bianca");
    logs_out(&carol);
    let bianca = logged_in(1);
    bianca.shows("-- You are now a member of #team (3 members).");
    bianca.shows("#team carol: words for bianca");
    bianca.enters("#team bianca is here");
    bianca.shows("#team bianca is here");
    logs_out(&bianca);

    let ali = logged_in(0);
    ali.shows("#team bianca: bianca is here");
    let dave = logged_in(3);
    dave.enters("/group join #team");
    ali.shows("-- dave asks to join #team:");
    ali.enters("/group approve dave #team");
    dave.shows("-- You are now a member of #team (4 members).");
    ali.enters("#team words for dave");
    dave.shows("-- #team ali: words for dave");
    dave.enters("/find words");
    dave.shows("with \"words\", newest first:");
    assert_eq!(
        dave.lines().iter().filter(|line| line.contains("words from") || line.contains("for bianca")).count(),
        0
    );

    // Her saved state, from before she leaves, is of no use for what is said later.
    let bianca = logged_in(1);
    bianca.shows("#team ali: words for dave");
    logs_out(&bianca);
    let saved = stage.folder().join("saved");
    copy(&seats[1].data, &saved);
    let bianca = logged_in(1);
    bianca.enters("/group leave #team");
    bianca.shows("-- You left #team.");
    ali.shows("-- bianca is no longer a member of #team.");
    logs_out(&bianca);
    ali.enters("#team words without bianca");
    dave.shows("-- #team ali: words without bianca");
    std::fs::remove_dir_all(&seats[1].data).unwrap();
    copy(&saved, &seats[1].data);
    let bianca = logged_in(1);
    bianca.shows("-- This machine's state was an old copy");
    bianca.enters("/find without");
    bianca.shows("-- There is nothing.");
}

#[test]
fn two_admins_who_approve_at_the_same_moment_end_up_in_the_same_group() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca, Example::Carol]);
    dave_registers(&stage);
    let [ali, bianca, carol, dave] = ["ali", "bianca", "carol", "dave"].map(|user| stage.terminal_of(user));
    found_with_two_admins(&ali, &carol);
    for asking in [&bianca, &dave] {
        asking.enters("/group join #team");
        asking.shows("-- Asked to join #team; an admin must approve.");
    }
    for admin in [&ali, &carol] {
        admin.shows("-- bianca asks to join #team:");
        admin.shows("-- dave asks to join #team:");
    }
    // Both are typed before either is answered.
    ali.types("/group approve bianca #team");
    carol.types("/group approve dave #team");
    ali.types("\r");
    carol.types("\r");
    for joined in [&bianca, &dave] {
        joined.shows("-- You are now a member of #team (");
    }
    let all = [("ali", &ali), ("bianca", &bianca), ("carol", &carol), ("dave", &dave)];
    for (user, speaker) in all {
        speaker.enters(&format!("#team {user} speaks to all"));
        for (_, other) in all.iter().filter(|(other, _)| *other != user) {
            other.shows(&format!("-- #team {user}: {user} speaks to all"));
        }
    }
    for (_, terminal) in all {
        terminal.enters("/group members #team");
        terminal.shows("-- #team, 4 members: ali (admin), bianca, carol (admin), dave");
    }
}
