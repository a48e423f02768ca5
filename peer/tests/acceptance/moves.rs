//! A conversation goes on over another link (decision D26): the directory relays it until there is a direct way.

use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr};

use common::limits::{DIRECTORY_PORT, PEER_PORT};
use common::testkit::Example;
use serde_json::{Value, json};

use crate::harness::address::fresh;
use crate::harness::proxy::Proxy;
use crate::harness::stage::Seat;
use crate::harness::{Stage, Terminal};
use crate::json::Bot;

/// More often than both can say something in the time in which a direct way is looked for.
const ROUNDS: usize = 10_000;

/// A terminal behind a router: where it is, and where the directory sees it, at which nobody can be reached.
fn behind_a_router(stage: &Stage, seat: Seat) -> (Seat, Ipv4Addr) {
    let seen = fresh();
    let router = Proxy::start(SocketAddr::new(fresh().into(), DIRECTORY_PORT), seen, stage.directory.address);
    (seat.at_server(router.address()), seen)
}

/// The router at this address lets callers of ali's in.
fn lets_in(router: Ipv4Addr, ali: &Seat, bianca: &Seat) {
    Proxy::start(SocketAddr::new(router.into(), PEER_PORT), ali.ip, bianca.address());
}

/// Says what comes next, in both directions, until both have heard it; whether a direct way was told of meanwhile.
fn say_next(bots: &mut [(Bot, &str, usize); 2], texts: usize) -> bool {
    for (bot, to, said) in bots.iter_mut() {
        for _ in 0..texts {
            bot.says("send", json!({"to": to, "text": said.to_string()}));
            *said += 1;
        }
    }
    let first = bots[0].2 - texts;
    let moved = Cell::new(false);
    for (bot, ..) in bots.iter_mut() {
        for expected in first..first + texts {
            let message = bot.hears(|line| {
                let is = |kind: &str| line["params"]["type"] == kind;
                assert!(!(is("connection") && ["lost", "ended"].contains(&line["params"]["state"].as_str().unwrap())));
                moved.set(moved.get() || is("connection") && line["params"]["way"] == "direct_ipv4");
                is("message")
            });
            assert_eq!(message["params"]["text"], expected.to_string(), "each once, and in order");
        }
    }
    moved.get()
}

fn way(bot: &mut Bot) -> Value {
    bot.asks("status", json!({}))["ways"][0]["way"].clone()
}

#[test]
fn what_is_said_while_a_relayed_conversation_becomes_direct_arrives_once_and_in_order() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let (of_ali, (of_bianca, router)) = (stage.seat(), behind_a_router(&stage, stage.seat()));
    let mut bots = [(Bot::logged_in(&of_ali, "ali"), "bianca", 0), (Bot::logged_in(&of_bianca, "bianca"), "ali", 0)];
    assert_eq!(bots[0].0.asks("connect", json!({"to": "bianca"}))["way"], "relayed");
    bots[1].0.hears(|line| line["params"]["way"] == "relayed");
    lets_in(router, &of_ali, &of_bianca);
    assert!((0..ROUNDS).any(|_| say_next(&mut bots, 5)), "there is no direct way");
    // Whoever has not heard of it yet does now.
    say_next(&mut bots, 50);
    assert!(bots.iter_mut().all(|(bot, ..)| way(bot) == "direct_ipv4"));
}

#[test]
fn both_are_told_that_a_relayed_conversation_goes_directly_now() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let (of_ali, (of_bianca, router)) = (stage.seat_of("ali"), behind_a_router(&stage, stage.seat_of("bianca")));
    let bianca = Terminal::start(&of_bianca);
    bianca.logs_in();
    let ali = Terminal::start(&of_ali);
    ali.logs_in();
    ali.enters("bianca");
    ali.shows("-- There is no direct way between you and bianca: the directory server passes on what you say.");
    lets_in(router, &of_ali, &of_bianca);
    bianca.shows("-- What you and ali say goes directly now, no longer by way of the directory server.");
    ali.shows("-- What you and bianca say goes directly now, no longer by way of the directory server.");
    ali.enters("/why bianca");
    ali.shows("-- You are connected to bianca: direct over IPv4.");
    ali.enters("Hello, how are you today?");
    bianca.shows("Hello, how are you today?");
    for terminal in [&ali, &bianca] {
        assert!(!terminal.lines().iter().any(|line| line.contains("ended") || line.contains("lost")));
    }
    ali.ctrl_c();
    bianca.shows("Connection ended");
}
