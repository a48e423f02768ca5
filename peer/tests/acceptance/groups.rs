//! Groups (rows 10, 11): who may read what, and who decides.

use common::testkit::Example;

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
    ali.shows("-- bianca is no longer a member of #team.");
    ali.enters("#team after bianca left");
    carol.shows("-- #team ali: after bianca left");
    // Nothing from before she came or after she left has reached her.
    bianca.enters("/find anybody");
    bianca.shows("-- There is nothing.");
    bianca.enters("/find after");
    bianca.shows_times("-- There is nothing.", 2);
    bianca.enters("#team still here?");
    bianca.shows("-- Not sent: \"still here?\". You are not a member of #team: /group join #team");

    carol.enters("/group remove ali #team");
    ali.shows("-- carol removed you from #team.");
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
