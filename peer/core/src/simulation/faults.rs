//! What the simulation has found, told again step by step.

use common::ident::UserId;

use super::fixtures::{team, users};
use super::world::{ClientId, Event, Trace, World};
use super::{come_to_rest, faults_profile::FaultsProfile};
use crate::command::{CallCommand, Command, FileCommand, FileWish, GroupWish, MessageCommand, Ticket};
use crate::model::{Conversation, DeliveryStatus, StoredMessage};
use crate::persistence::{Table, Write};

const ALI: ClientId = 0;
const ALIS_OTHER: ClientId = 1;
const BIANCA: ClientId = 2;
const CAROL: ClientId = 3;
const HOUR: u64 = 60 * 60 * 1000;

/// Nothing breaks but what a test breaks, and everybody is there.
fn calm(change: impl FnOnce(&mut FaultsProfile)) -> World {
    let mut profile = FaultsProfile::calm();
    change(&mut profile);
    let mut world = World::with(0, profile, Trace::default());
    for client in 0..world.clients.len() {
        world.at(0, Event::Start(client));
    }
    settle(&mut world);
    world
}

fn settle(world: &mut World) {
    come_to_rest(world).unwrap();
}

fn user(place: usize) -> UserId {
    users()[place].clone()
}

fn send(world: &mut World, client: ClientId, to: &UserId, text: &str) {
    let (to, ticket) = (Conversation::User(to.clone()), Ticket::default());
    world.command(client, Command::Message(MessageCommand::Send { to, text: text.into(), ticket }));
}

fn group(world: &mut World, client: ClientId, wish: GroupWish) {
    world.command(client, Command::Group { group: team(), wish });
}

#[test]
fn a_group_is_founded_once_and_for_all_terminals_even_if_the_answer_is_lost() {
    let mut world = calm(|_| {});
    world.profile.directory_crash = 1000;
    group(&mut world, ALI, GroupWish::Create);
    while world.server.directory().is_some() {
        world.run_until(world.now + 1).unwrap();
    }
    world.profile.directory_crash = 0;
    settle(&mut world);
    assert!(world.is_member(ALI) && world.is_member(ALIS_OTHER));
    world.check_rooms().unwrap();
    assert_eq!(world.invariants.rosters.values().filter(|roster| roster.len() == 2).count(), 1);
}

#[test]
fn whoever_founds_a_group_and_is_killed_goes_on_founding_it() {
    let mut world = calm(|_| {});
    group(&mut world, ALI, GroupWish::Create);
    world.crash(ALI);
    settle(&mut world);
    assert!(world.is_member(ALI) && world.is_member(ALIS_OTHER));
    world.check_rooms().unwrap();
}

#[test]
fn the_last_user_leaves_a_group_with_all_terminals_and_its_name_is_free_again() {
    let mut world = calm(|_| {});
    for _ in 0..2 {
        group(&mut world, ALI, GroupWish::Create);
        settle(&mut world);
        assert!(world.is_member(ALI) && world.is_member(ALIS_OTHER));
        group(&mut world, ALI, GroupWish::Leave);
        settle(&mut world);
        assert!(!world.is_member(ALI) && !world.is_member(ALIS_OTHER));
        world.check_rooms().unwrap();
    }
}

#[test]
fn the_last_user_who_leaves_a_group_has_left_it_although_the_answer_is_lost() {
    let mut world = calm(|_| {});
    group(&mut world, BIANCA, GroupWish::Create);
    settle(&mut world);
    assert!(world.is_member(BIANCA));
    world.profile.directory_crash = 1000;
    group(&mut world, BIANCA, GroupWish::Leave);
    while world.server.directory().is_some() {
        world.run_until(world.now + 1).unwrap();
    }
    world.profile.directory_crash = 0;
    world.crash(BIANCA);
    settle(&mut world);
    assert!(!world.is_member(BIANCA));
}

#[test]
fn a_text_that_a_full_disk_could_not_keep_is_neither_confirmed_nor_lost() {
    let mut world = calm(|_| {});
    let bianca = user(1);
    world.command(ALI, Command::Call(CallCommand::Place { to: bianca.clone() }));
    settle(&mut world);
    world.fail_to_keep(BIANCA);
    send(&mut world, ALI, &bianca, "over the link");
    world.run_until(world.now + 200).unwrap();
    // It comes once more while the disk is still full.
    world.command(ALI, Command::Call(CallCommand::End { with: bianca.clone() }));
    world.run_until(world.now + 2500).unwrap();
    world.command(ALI, Command::Call(CallCommand::Place { to: bianca.clone() }));
    world.run_until(world.now + 500).unwrap();
    send(&mut world, ALI, &bianca, "and more");
    settle(&mut world);
    world.check_texts().unwrap();
}

/// Ali talks to bianca over a link.
fn talking() -> World {
    let mut world = calm(|profile| profile.power_loss = 1000);
    world.command(ALI, Command::Call(CallCommand::Place { to: user(1) }));
    settle(&mut world);
    world
}

#[test]
fn a_text_that_lost_power_took_away_is_confirmed_to_nobody_and_comes_again() {
    let mut world = talking();
    send(&mut world, ALI, &user(1), "over the link");
    while !tells(&world, BIANCA, "over the link") {
        world.run_until(world.now + 1).unwrap();
    }
    assert!(world.clients[BIANCA].sync.is_behind(), "it is shown before it is synced");
    world.crash(BIANCA);
    assert!(!tells(&world, ALI, "Delivered"));
    settle(&mut world);
    world.check_texts().unwrap();
    assert!(tells(&world, ALI, "mark: Delivered") || tells(&world, ALI, "mark: Read"));
}

#[test]
fn a_sender_whose_power_is_lost_has_said_nothing_that_was_not_written() {
    let mut world = talking();
    send(&mut world, ALI, &user(1), "over the link");
    assert!(world.clients[ALI].sync.is_behind(), "it is said before it is synced");
    world.crash(ALI);
    settle(&mut world);
    world.check_texts().unwrap();
    assert_eq!(world.invariants.lost_with_power.len(), 1);
}

#[test]
fn what_could_not_be_synced_is_confirmed_to_nobody_and_comes_again() {
    let mut world = talking();
    send(&mut world, ALI, &user(1), "over the link");
    while !tells(&world, BIANCA, "over the link") {
        world.run_until(world.now + 1).unwrap();
    }
    world.clients[BIANCA].full_until = world.now + 60;
    world.run_until(world.now + 100).unwrap();
    assert!(tells(&world, BIANCA, "cannot write its disk") && !tells(&world, ALI, "Read"));
    settle(&mut world);
    world.check_texts().unwrap();
}

#[test]
fn what_waits_for_a_group_is_given_up_with_the_membership() {
    let mut world = calm(|_| {});
    group(&mut world, ALI, GroupWish::Create);
    settle(&mut world);
    world.cut_off(ALI, 60_000);
    world.run_until(world.now + 30_000).unwrap();
    let to = Conversation::Group(team());
    world.command(
        ALI,
        Command::Message(MessageCommand::Send {
            to,
            text: "for those who are in it now".into(),
            ticket: Ticket::default(),
        }),
    );
    group(&mut world, ALIS_OTHER, GroupWish::Leave);
    settle(&mut world);
    assert!(!world.is_member(ALI));
    assert!(world.clients[ALI].disk.load(Table::Outbox).is_empty());
    world.check_texts().unwrap();
}

#[test]
fn whose_goodbye_is_stored_has_left_even_if_the_answer_is_lost() {
    for is_killed in [false, true] {
        let mut world = calm(|_| {});
        group(&mut world, ALI, GroupWish::Create);
        settle(&mut world);
        group(&mut world, BIANCA, GroupWish::Join);
        settle(&mut world);
        group(&mut world, ALI, GroupWish::Approve(user(1)));
        settle(&mut world);
        world.profile.directory_crash = 1000;
        group(&mut world, BIANCA, GroupWish::Leave);
        while world.server.directory().is_some() {
            world.run_until(world.now + 1).unwrap();
        }
        world.profile.directory_crash = 0;
        if is_killed {
            world.crash(BIANCA);
        }
        settle(&mut world);
        assert!(!world.is_member(BIANCA));
        assert!(tells(&world, BIANCA, "news: Left"));
        world.check_rooms().unwrap();
    }
}

/// Seed 142580.
#[test]
fn a_terminal_that_comes_into_a_conversation_anew_hears_what_was_read_meanwhile() {
    let mut world = calm(|_| {});
    let bianca = user(1);
    send(&mut world, ALIS_OTHER, &bianca, "they know each other");
    settle(&mut world);
    world.cut_off(BIANCA, HOUR);
    send(&mut world, ALI, &bianca, "read by bianca");
    while world.clients.iter().filter(|client| client.disk.history.last().is_some_and(is_stored)).count() < 2 {
        world.run_until(world.now + 1).unwrap();
    }
    // The other terminal stands on the roster, and is not in the room.
    world.crash(ALIS_OTHER);
    let disk = &mut world.clients[ALIS_OTHER].disk;
    let rows = disk.load(Table::Mls).into_iter();
    disk.keep(&rows.map(|(key, _)| Write::Delete { kind: Table::Mls, key }).collect::<Vec<_>>());
    world.clients[BIANCA].cut_off_until = 0;
    settle(&mut world);
    let marks = [ALI, ALIS_OTHER].map(|client| world.clients[client].disk.history.last().unwrap().mark);
    assert!(!is_stored(world.clients[ALI].disk.history.last().unwrap()), "{marks:?}");
    assert_eq!(marks[0], marks[1]);
}

fn is_stored(record: &StoredMessage) -> bool {
    record.text == "read by bianca" && record.mark == DeliveryStatus::Stored
}

/// Seeds 93013 and 93495.
#[test]
fn a_goodbye_that_has_no_room_at_an_own_terminal_is_told_as_lost_mail_and_the_group_as_gone() {
    let mut world = calm(|profile| profile.quota = 3);
    group(&mut world, ALI, GroupWish::Create);
    settle(&mut world);
    world.cut_off(ALI, HOUR);
    for number in 0..4 {
        let (to, text) = (Conversation::Group(team()), format!("number {number}"));
        let send = MessageCommand::Send { to, text, ticket: Ticket::default() };
        world.command(ALIS_OTHER, Command::Message(send));
    }
    world.run_until(world.now + 10_000).unwrap();
    group(&mut world, ALIS_OTHER, GroupWish::Leave);
    world.run_until(world.now + 10_000).unwrap();
    assert!(tells(&world, ALIS_OTHER, "news: Left"));
    world.clients[ALI].cut_off_until = 0;
    settle(&mut world);
    assert!(tells(&world, ALI, "Lost { count:"));
    world.say_something_everywhere();
    settle(&mut world);
    assert!(tells(&world, ALI, "news: Lost") && !tells(&world, ALI, "news: Left"));
    world.check_rooms().unwrap();
}

#[test]
fn whoever_leaves_a_group_just_founded_does_not_make_it_anew() {
    let mut world = calm(|_| {});
    group(&mut world, ALI, GroupWish::Create);
    while !world.is_member(ALI) {
        world.run_until(world.now + 1).unwrap();
    }
    // The other terminal is being added.
    group(&mut world, ALI, GroupWish::Leave);
    settle(&mut world);
    assert!(!world.is_member(ALI) && !world.is_member(ALIS_OTHER));
    assert_eq!(world.invariants.rosters.values().filter(|roster| !roster.is_empty()).count(), 0);
    world.check_rooms().unwrap();
}

#[test]
fn an_answer_to_an_errand_that_was_given_up_is_not_taken_for_the_next() {
    let mut world = calm(|profile| profile.latency = 400);
    let bianca = user(1);
    group(&mut world, ALI, GroupWish::Create);
    while !world.is_member(ALI) {
        world.run_until(world.now + 1).unwrap();
    }
    // The errand that adds the other terminal has asked, and is given up; the next has asked for the same users.
    group(&mut world, ALI, GroupWish::Leave);
    send(&mut world, ALI, &bianca, "in a room of its own");
    settle(&mut world);
    world.check_texts().unwrap();
    world.check_rooms().unwrap();
}

#[test]
fn a_mailbox_that_stays_full_for_hours_makes_no_message_unreadable() {
    const HOURS: u64 = 3 * HOUR;
    let mut world = calm(|profile| profile.quota = 3);
    let bianca = user(1);
    send(&mut world, ALI, &bianca, "they know each other");
    settle(&mut world);
    world.cut_off(BIANCA, HOURS);
    for number in 0..20 {
        send(&mut world, ALI, &bianca, &format!("number {number}"));
    }
    world.run_until(world.now + HOURS).unwrap();
    settle(&mut world);
    world.check_texts().unwrap();
}

/// Bianca knows Carol, who is away for a day, and whose mailbox is full.
fn full_mailbox() -> World {
    let mut world = calm(|profile| profile.quota = 3);
    let carol = user(2);
    send(&mut world, BIANCA, &carol, "they know each other");
    settle(&mut world);
    world.cut_off(CAROL, 24 * HOUR);
    for number in 0..5 {
        send(&mut world, BIANCA, &carol, &format!("number {number}"));
    }
    world.run_until(world.now + 10_000).unwrap();
    world
}

/// When there is space again nothing waits any more (seed 20643).
#[test]
fn a_wait_for_a_full_mailbox_ends_when_there_is_space() {
    let mut world = full_mailbox();
    assert!(world.run_until(world.now + 2 * HOUR).unwrap(), "nothing waits for space");
    world.clients[CAROL].cut_off_until = 0;
    assert!(!world.run_until(world.now + HOUR / 4).unwrap(), "still to come: {}", world.upcoming());
    world.check_texts().unwrap();
}

/// Every try of another session would be sealed in vain, and receivers skip only so many.
#[test]
fn a_full_mailbox_is_not_tried_more_often_because_the_connection_breaks() {
    let mut world = full_mailbox();
    let tries = |world: &World| world.trace.text().matches("MAILBOXREPLY MailboxReply { stored: 0").count();
    let before = tries(&world);
    for _ in 0..20 {
        world.cut_off(BIANCA, 1);
        world.run_until(world.now + 10_000).unwrap();
    }
    assert!(tries(&world) - before <= 2, "{} tries in 200 seconds", tries(&world) - before);
    world.clients[CAROL].cut_off_until = 0;
    settle(&mut world);
    world.check_texts().unwrap();
}

/// Three messages and a call of a friend while the disk of the sender, of the receiver or of the directory is full.
#[test]
fn nothing_is_lost_or_said_wrongly_while_a_disk_is_full() {
    for full in [Some(ALI), Some(BIANCA), None] {
        let mut world = calm(|_| {});
        let (ali, bianca) = (user(0), user(1));
        send(&mut world, ALI, &bianca, "they know each other");
        settle(&mut world);
        match full {
            Some(client) => world.clients[client].full_until = world.now + 60_000,
            None => world.server.set_disk_full(true),
        }
        for number in 0..3 {
            let command = world.text(ALI, Conversation::User(bianca.clone()));
            world.command(ALI, command);
            let command = world.text(BIANCA, Conversation::User(ali.clone()));
            world.command(BIANCA, command);
            world.run_until(world.now + 7000 * number).unwrap();
        }
        group(&mut world, ALI, GroupWish::Create);
        world.run_until(world.now + 30_000).unwrap();
        world.server.set_disk_full(false);
        settle(&mut world);
        world.check_texts().unwrap();
        world.check_rooms().unwrap();
        let told = world.trace.text().matches("cannot be kept").count();
        assert_eq!(told > 0, full.is_some(), "{told} texts are given back");
    }
}

/// Ali offers a file that Bianca accepts; so far some of it has come.
fn half_a_file() -> World {
    let mut world = calm(|profile| profile.latency = 400);
    let bianca = user(1);
    send(&mut world, ALI, &bianca, "they know each other");
    settle(&mut world);
    world.offer(ALI, bianca);
    settle(&mut world);
    change_file(&mut world, BIANCA, FileWish::Accept { folder: None });
    while world.pieces(BIANCA) < 2 {
        world.run_until(world.now + 1).unwrap();
    }
    world
}

fn change_file(world: &mut World, client: ClientId, wish: FileWish) {
    world.command(client, Command::File(FileCommand::Change { number: 1, wish }));
}

fn tells(world: &World, client: ClientId, what: &str) -> bool {
    let (who, trace) = (&world.clients[client].name, world.trace.text());
    trace.lines().any(|line| line.contains(who.as_str()) && line.contains(what))
}

#[test]
fn a_file_comes_whole_although_links_break_and_both_programs_are_killed() {
    let mut world = half_a_file();
    world.break_a_transfer();
    world.run_until(world.now + 5000).unwrap();
    world.crash(BIANCA);
    world.run_until(world.now + 5000).unwrap();
    world.crash(ALI);
    settle(&mut world);
    world.check_files().unwrap();
    assert!(tells(&world, ALI, "news: Received") && tells(&world, BIANCA, "news: Saved"));
}

#[test]
fn a_file_that_is_rewritten_on_its_way_fails_on_both_sides_and_nothing_of_it_stays() {
    let mut world = half_a_file();
    world.rewrite_a_file();
    settle(&mut world);
    world.check_files().unwrap();
    assert!(tells(&world, ALI, "news: Failed(Changed)") && tells(&world, BIANCA, "news: Failed(Changed)"));
    assert_eq!(world.pieces(BIANCA), 0);
}

#[test]
fn a_file_goes_on_after_its_receiver_had_a_full_disk() {
    let mut world = half_a_file();
    world.clients[BIANCA].full_until = world.now + 60_000;
    world.run_until(world.now + 30_000).unwrap();
    assert_eq!(world.pieces(BIANCA), 2);
    settle(&mut world);
    world.check_files().unwrap();
    change_file(&mut world, BIANCA, FileWish::Resume);
    settle(&mut world);
    world.check_files().unwrap();
    assert!(tells(&world, ALI, "news: Received"));
}
