//! A conversation between two real peers, both of which keep every text.
//!
//! `chat_round_trip` is a line typed at one, shown at the other, and one typed there in answer, shown at the first; both
//! ends are on one core, or on two. Its floor is what cannot be left out: the bare loop with the same bytes, and two commits
//! of bare SQLite that survive the end of the program, one for each text. `chat_one_way` is as many lines as the sender
//! takes, until the last is shown, beside bare SQLite that keeps as many rows; `chat_ahead` the same where the receiver
//! stands still until all was typed.

use std::time::Instant;

use common::crypto::identity::IdentityKey;
use common::link::tls;
use common::testkit::Example;
use common::testkit::login::Stretch;

use crate::bare::{Bare, Like};
use crate::bare_store::BareStore;
use crate::call::{PROMPT, SIZES, start_peer};
use crate::cores::{Cores, End, Placement};
use crate::directory::{RunningDirectory, source};
use crate::figure::{Figure, Target, Unit, median};
use crate::process::{Process, Programs};
use crate::{Effort, Outcome};

/// A text of 64 bytes.
const LINE: &str = "Hello, how are you today? It has been a while since we have met.";
const ANSWER: &str = "I am fine, how about you? It has been a while, and it was rainy.";
/// Where the two peers are.
const PLACES: [usize; 2] = [2, 3];

/// Two peers who talk to each other.
struct Conversation {
    ali: Process,
    bianca: Process,
    _directory: RunningDirectory,
    _data: [tempfile::TempDir; 2],
}

impl Conversation {
    /// Ali runs where this program does, as the client of a measurement, bianca as its server.
    fn begin(programs: &Programs, placement: Placement) -> Outcome<Self> {
        let cores = Cores::ours()?;
        let directory = RunningDirectory::start(programs)?;
        let data = [tempfile::tempdir()?, tempfile::tempdir()?];
        let mut peers = Vec::new();
        let users = [(Example::Ali, End::Client), (Example::Bianca, End::Server)];
        for (((user, end), place), folder) in users.into_iter().zip(PLACES).zip(&data) {
            let identity = IdentityKey::generate()?;
            let user = directory.register(user.user()?.as_str(), Stretch::Full, identity.to_pkcs1())?.user;
            cores.run_as(end, placement)?;
            let mut peer = start_peer(programs, directory.address, (source(place), folder.path()), &user)?;
            peer.wait_for(PROMPT)?;
            peers.push(peer);
        }
        let (Some(mut bianca), Some(mut ali)) = (peers.pop(), peers.pop()) else { return Err("two peers".into()) };
        cores.run_as(End::Client, placement)?;
        ali.type_line("bianca")?;
        ali.wait_for("type your messages\n")?;
        bianca.wait_for("type your messages\n")?;
        Ok(Self { ali, bianca, _directory: directory, _data: data })
    }

    /// One line each way.
    fn round_trip(&mut self) -> Outcome<()> {
        self.ali.type_line(LINE)?;
        self.bianca.wait_for(LINE)?;
        self.bianca.type_line(ANSWER)?;
        self.ali.wait_for(ANSWER)?;
        Ok(())
    }

    /// So many texts from ali to bianca; seconds until the last was shown, in order.
    fn one_way(&mut self, texts: usize) -> Outcome<f64> {
        let Self { ali, bianca, .. } = self;
        let begun = Instant::now();
        std::thread::scope(|scope| {
            let typing = scope.spawn(move || ali.pour(&lines(texts), &mut Repeated::of(texts)));
            bianca.read(&mut Shown::of(texts))?;
            let took = begun.elapsed().as_secs_f64();
            typing.join().map_err(|_| "the typist panicked")??;
            Ok(took)
        })
    }
}

/// What a program has cost so far, or cost meanwhile.
struct Cost {
    /// Microseconds.
    cpu: f64,
    /// Bytes.
    written: f64,
}

impl Cost {
    /// So far, once it has nothing left to do.
    fn of(program: &Process) -> Outcome<Self> {
        Ok(Self { cpu: program.cpu_at_rest()?, written: program.written()? })
    }

    /// Since then.
    fn until(&self, program: &Process) -> Outcome<Self> {
        let now = Self::of(program)?;
        Ok(Self { cpu: now.cpu - self.cpu, written: now.written - self.written })
    }
}

/// What is typed: numbered texts of 64 bytes.
fn lines(texts: usize) -> String {
    (0..texts).map(|number| format!("{number:08} {LINE:.55}\n")).collect()
}

fn number(line: &str) -> Option<usize> {
    line.split_once(' ')?.0.parse().ok()
}

/// Counts the lines that the sender's terminal repeats.
struct Repeated(usize);

impl Repeated {
    fn of(texts: usize) -> Self {
        Self(texts)
    }
}

impl crate::process::Reader for Repeated {
    fn is_enough(&mut self, line: &str) -> Outcome<bool> {
        if line.contains("lost") {
            return Err(format!("the link did not last: {line}").into());
        }
        self.0 -= usize::from(number(line).is_some());
        Ok(self.0 == 0)
    }
}

/// Sees that every text comes once, in order.
struct Shown {
    next: usize,
    texts: usize,
}

impl Shown {
    fn of(texts: usize) -> Self {
        Self { next: 0, texts }
    }
}

impl crate::process::Reader for Shown {
    fn is_enough(&mut self, line: &str) -> Outcome<bool> {
        match number(line) {
            Some(number) if number == self.next => self.next += 1,
            Some(number) => return Err(format!("text {number} came in the place of {}", self.next).into()),
            None => {}
        }
        Ok(self.next == self.texts)
    }
}

pub(crate) fn measure(programs: &Programs, effort: Effort) -> Outcome<Vec<Figure>> {
    let mut figures = vec![
        round_trips("chat_round_trip", programs, effort, Placement::Together)?,
        round_trips("chat_round_trip_two_cores", programs, effort, Placement::Apart)?,
    ];
    figures.extend(one_way(programs, effort)?);
    figures.extend(ahead(programs, effort)?);
    Ok(figures)
}

fn round_trips(name: &'static str, programs: &Programs, effort: Effort, placement: Placement) -> Outcome<Figure> {
    let (rounds, lines) = (effort.of(15, 5), effort.of(200, 20));
    let bianca = IdentityKey::generate()?;
    let cores = Cores::ours()?;
    cores.run_as(End::Server, placement)?;
    let bare = Bare::start(programs, Like::Call(&bianca), SIZES)?;
    cores.run_as(End::Client, placement)?;
    let mut loop_back = bare.connect(source(4), &tls::peer_client(&IdentityKey::generate()?, bianca.public())?)?;
    let mut store = BareStore::open()?;
    let mut conversation = Conversation::begin(programs, placement)?;
    let (mut trips, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        floor.push(microseconds_each(lines, || {
            loop_back.send()?;
            loop_back.receive()?;
            store.keep(1)?;
            store.keep(1)
        })?);
        trips.push(microseconds_each(lines, || conversation.round_trip())?);
    }
    cores.run_as(End::Client, Placement::Free)?;
    let figure = Figure::new(name, median(trips), Unit::Microseconds).floor(median(floor));
    Ok(figure.target(Target::Value(150.0)))
}

fn one_way(programs: &Programs, effort: Effort) -> Outcome<Vec<Figure>> {
    const BATCH: usize = 64;
    let texts = effort.of(20_000, 500);
    let mut store = BareStore::open()?;
    let mut conversation = Conversation::begin(programs, Placement::Free)?;
    let begun = Instant::now();
    for _ in 0..texts / BATCH {
        store.keep(BATCH)?;
    }
    let floor = (texts / BATCH * BATCH) as f64 / begun.elapsed().as_secs_f64();
    let before = [Cost::of(&conversation.ali)?, Cost::of(&conversation.bianca)?];
    let took = conversation.one_way(texts)?;
    let [sender, receiver] = [before[0].until(&conversation.ali)?, before[1].until(&conversation.bianca)?];
    let each = |total: f64| total / texts as f64;
    let written = |name, cost: &Cost| Figure::new(name, each(cost.written), Unit::Bytes).target(Target::Value(2048.0));
    Ok(vec![
        Figure::new("chat_one_way", texts as f64 / took, Unit::PerSecond).floor(floor).target(Target::Least(25_000.0)),
        Figure::new("chat_one_way_sender", each(sender.cpu), Unit::CpuMicroseconds),
        Figure::new("chat_one_way_receiver", each(receiver.cpu), Unit::CpuMicroseconds),
        written("chat_one_way_sender_written", &sender),
        written("chat_one_way_receiver_written", &receiver),
    ])
}

/// What a text costs a sender who is far ahead of what was confirmed, beside one who is a little.
fn ahead(programs: &Programs, effort: Effort) -> Outcome<Vec<Figure>> {
    let (few, many) = (effort.of(1000, 200), effort.of(20_000, 1000));
    let mut costs = Vec::new();
    for texts in [few, many] {
        let mut conversation = Conversation::begin(programs, Placement::Free)?;
        conversation.bianca.stop()?;
        let before = conversation.ali.cpu_at_rest()?;
        conversation.ali.pour(&lines(texts), &mut Repeated::of(texts))?;
        costs.push((conversation.ali.cpu_at_rest()? - before) / texts as f64);
        conversation.bianca.go_on()?;
        conversation.bianca.read(&mut Shown::of(texts))?;
    }
    let [few, many] = costs.as_slice() else { return Err("two costs".into()) };
    Ok(vec![
        Figure::new("chat_ahead", *many, Unit::CpuMicroseconds).note("for each text, none confirmed"),
        Figure::new("chat_ahead_growth", many / few, Unit::Times).target(Target::Value(1.5)),
    ])
}

fn microseconds_each(count: usize, mut work: impl FnMut() -> Outcome<()>) -> Outcome<f64> {
    let begun = Instant::now();
    for _ in 0..count {
        work()?;
    }
    Ok(begun.elapsed().as_secs_f64() * 1e6 / count as f64)
}
