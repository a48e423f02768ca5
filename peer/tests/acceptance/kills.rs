//! A thousand messages and a hundred kills (decision D17, threats G5, T6): each message arrives once, in order.
//!
//! What counts as sent is what ali can see: a message that is in the history after a kill is sent and never typed again;
//! one that is not was lost with the program before it was kept, and is typed again, as a user would.

use std::collections::BTreeSet;

use common::testkit::Example;
use common::testkit::login::Stretch;

use serde_json::json;

use super::json::Bot;
use super::mail::was_there;
use crate::harness::dice::Dice;
use crate::harness::directory::{Directory, Start};
use crate::harness::stage::{Seat, account};
use crate::harness::{Piped, Stage};

const MESSAGES: usize = 1000;
const LAST: usize = MESSAGES - 1;
/// Kills while bianca is away, and while she is there.
const KILLS: [usize; 2] = [45, 55];
/// Few messages of ali fit into bianca's mailbox, so that the outbox holds the rest and goes on only as she
/// takes some: the kills fall among many small deliveries instead of a few large ones.
const START: Start<'_> = Start { clock_offset: 0, settings: &[("LIMITS__QUEUE", "16")] };

/// The numbers of ali's messages, of the whole lines that have `front` in front of one.
fn numbers(output: &str, front: &str) -> Vec<usize> {
    let number =
        |line: &str| line.strip_suffix('\n')?.split_once(front)?.1.strip_prefix("message number ")?.parse().ok();
    output.split_inclusive('\n').filter_map(number).collect()
}

/// The messages that were shown as they came.
fn shown(output: &str) -> Vec<usize> {
    let lines: String = output.split_inclusive('\n').filter(|line| line.starts_with("-- ")).collect();
    numbers(&lines, "ali: ")
}

/// Logs in and looks for messages with these words; gives the output.
#[track_caller]
fn logs_in_and_finds(peer: &mut Piped, words: &str) -> String {
    peer.logs_in();
    peer.enters(&format!("/find {words}"));
    peer.until("an answer", |output| {
        let answer = output.rsplit_once(&format!("/find {words}\n")).map_or("", |(_, answer)| answer);
        answer.contains("\n") && answer.ends_with("Enter destination user ID: ")
    });
    peer.output()
}

fn restart(directory: &mut Directory) {
    directory.kill();
    directory.start_again(START);
}

/// Ali, who types on from the first message that is not in the history.
struct Writer {
    seat: Seat,
    peer: Piped,
    /// What is typed next.
    next: usize,
}

impl Writer {
    fn start(seat: Seat) -> Self {
        let mut peer = Piped::start(&seat);
        let output = logs_in_and_finds(&mut peer, "message number");
        let marks = ["waits", "stored", "delivered"].map(|mark| format!("ali to bianca ({mark}): "));
        let last = marks.iter().flat_map(|front| numbers(&output, front)).max();
        Self { seat, peer, next: last.map_or(0, |last| last + 1) }
    }

    /// Types this number of messages.
    fn types(&mut self, count: usize) {
        let last = (self.next + count).min(MESSAGES);
        let lines = (self.next..last).map(|number| format!("send bianca message number {number}\n"));
        self.peer.writes(lines.collect::<String>().as_bytes());
        self.next = last;
    }

    /// Waits until what was typed is kept: what is asked behind it is answered.
    #[track_caller]
    fn has_kept_them(&mut self) {
        let before = self.peer.output().matches("-- There is nothing.\n").count();
        self.peer.enters("/find nosuchword");
        self.peer.shows_times("-- There is nothing.\n", before + 1);
    }

    /// Asks what has become of the messages until the last one, and with it all, was delivered.
    #[track_caller]
    fn is_told_that_all_was_delivered(&mut self) {
        for asked in 1..1000 {
            self.peer.enters("/why bianca");
            self.peer.shows_times("/why bianca\n-- \"", asked);
            if self.peer.output().contains("-- \"message number 999\" was delivered ") {
                return;
            }
        }
        panic!("not everything was delivered: {}", self.peer.output());
    }

    fn killed(self) -> Self {
        let Self { seat, mut peer, .. } = self;
        peer.kill();
        Self::start(seat)
    }
}

/// Bianca, and what every program of hers has shown.
struct Reader {
    seat: Seat,
    peer: Piped,
    shown: Vec<usize>,
    /// Whether the last message was there before this program.
    has_all: bool,
}

impl Reader {
    fn start(seat: Seat) -> Self {
        let mut peer = Piped::start(&seat);
        let output = logs_in_and_finds(&mut peer, &LAST.to_string());
        let has_all = numbers(&output, "ali: ").contains(&LAST);
        Self { seat, peer, shown: Vec::new(), has_all }
    }

    /// Waits until this number of further messages is on the screen, or the last one is.
    #[track_caller]
    fn sees_more(&self, count: usize) {
        let before = shown(&self.peer.output()).len();
        self.peer.until(&format!("{count} more messages"), |output| {
            let here = shown(output);
            self.has_all || here.len() >= before + count || here.contains(&LAST)
        });
    }

    fn killed(self) -> Self {
        let Self { seat, mut peer, shown: mut before, .. } = self;
        before.extend(shown(&peer.kill()));
        Self { shown: before, ..Self::start(seat) }
    }
}

/// Ali's messages in the history, as the two have it who talk to each other now.
#[track_caller]
fn history(peer: &mut Piped, front: &str) -> Vec<usize> {
    peer.enters("/history 1000");
    let answer = |output: &str| output.rsplit_once("/history 1000\n").map(|(_, answer)| answer.to_owned());
    peer.until("the whole history", |output| {
        answer(output).is_some_and(|answer| numbers(&answer, front).contains(&LAST))
    });
    numbers(&answer(&peer.output()).unwrap(), front)
}

#[test]
fn a_thousand_messages_survive_a_hundred_kills() {
    let mut dice = Dice::new();
    let mut stage = Stage::with(START);
    [Example::Ali, Example::Bianca].into_iter().for_each(|user| stage.register(&account(user, Stretch::Full)));
    let [ali, bianca] = ["ali", "bianca"].map(|user| stage.seat_of(user));
    was_there(&bianca);

    let mut ali = Writer::start(ali);
    let portion = MESSAGES / KILLS[0] / 2;
    for _ in 1..KILLS[0] {
        ali.types(portion);
        ali.has_kept_them();
        // Of these nobody knows how many are kept.
        ali.types(dice.below(portion));
        match dice.below(2) {
            0 => ali = ali.killed(),
            _ => restart(&mut stage.directory),
        }
    }
    ali = ali.killed();
    ali.types(MESSAGES);
    ali.has_kept_them();

    let mut bianca = Reader::start(bianca);
    for _ in 2..KILLS[1] {
        bianca.sees_more(dice.below(2 * MESSAGES / KILLS[1]));
        match dice.below(3) {
            0 => ali = ali.killed(),
            1 => bianca = bianca.killed(),
            _ => restart(&mut stage.directory),
        }
    }
    bianca.sees_more(MESSAGES);
    bianca = bianca.killed();
    ali = ali.killed();
    ali.is_told_that_all_was_delivered();

    bianca.peer.enters("ali");
    ali.peer.shows("Connection received from user bianca, type your messages");
    bianca.peer.shows("Connection established, type your messages");
    let all: Vec<usize> = (0..MESSAGES).collect();
    assert_eq!(history(&mut ali.peer, "ali (delivered): "), all);
    assert_eq!(history(&mut bianca.peer, "ali: "), all);
    let shown = &bianca.shown;
    assert_eq!(shown.len(), shown.iter().collect::<BTreeSet<_>>().len(), "something was shown twice: {shown:?}");
    assert!(shown.is_sorted(), "out of order: {shown:?}");
}

/// Kills of either side of a link.
const LINK_KILLS: usize = 100;
/// Requests whose answers are not waited for: fewer than a program may have.
const IN_FLIGHT: usize = 128;

/// The numbers of ali's messages, as this program has them.
#[track_caller]
fn kept(bot: &mut Bot, with: &str) -> Vec<usize> {
    let history = bot.asks("history", json!({"with": with, "limit": MESSAGES}));
    let messages = history.as_array().unwrap().iter();
    messages.map(|message| message["text"].as_str().unwrap().rsplit_once(' ').unwrap().1.parse().unwrap()).collect()
}

/// Whether there is a link from now on: whoever was just killed may not be there yet.
#[track_caller]
fn connects(ali: &mut Bot) -> bool {
    ali.says("connect", json!({"to": "bianca"}));
    ali.hears(|line| line["id"] == "connect")["result"]["state"] == "established"
}

#[test]
fn a_thousand_messages_over_a_link_survive_a_hundred_kills() {
    let mut dice = Dice::new();
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let seats = [stage.seat(), stage.seat()];
    let mut ali = Bot::logged_in(&seats[0], "ali");
    let mut bianca = Bot::logged_in(&seats[1], "bianca");
    let (mut next, mut links) = (0, 0);
    for kill in 0..=LINK_KILLS {
        links += usize::from(connects(&mut ali));
        // Of these nobody knows how many are kept, said and confirmed when the kill comes.
        let last =
            if kill == LINK_KILLS { MESSAGES } else { MESSAGES.min(next + dice.below(2 * MESSAGES / LINK_KILLS)) };
        for number in next..last {
            if number >= next + IN_FLIGHT {
                ali.result("send");
            }
            ali.says("send", json!({"to": "bianca", "text": format!("message number {number}")}));
        }
        let next_answer = next.max(last.saturating_sub(IN_FLIGHT));
        for _ in next_answer..next_answer + dice.below(last - next_answer + 1) {
            ali.result("send");
        }
        next = last;
        match dice.below(2) {
            _ if kill == LINK_KILLS => {}
            0 => {
                ali.killed();
                ali = Bot::logged_in(&seats[0], "ali");
                next = kept(&mut ali, "bianca").last().map_or(0, |last| last + 1);
            }
            _ => {
                bianca.killed();
                bianca = Bot::logged_in(&seats[1], "bianca");
            }
        }
    }
    let all: Vec<usize> = (0..MESSAGES).collect();
    let arrived = (0..1000).any(|_| kept(&mut bianca, "ali").len() == MESSAGES);
    assert!(arrived, "{:?} have arrived", kept(&mut bianca, "ali"));
    assert_eq!(kept(&mut bianca, "ali"), all);
    assert_eq!(kept(&mut ali, "bianca"), all);
    // The directory answers so many lookups a minute: behind them it goes by mail until the next one.
    assert!(links > LINK_KILLS / 10, "{links} links");
}
