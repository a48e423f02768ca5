//! Lookups on open connections: what one costs the directory, and how many there are in a second.
//!
//! One client thread asks on all connections and then reads all answers, so the server finds several waiting. Where the
//! scheduler places client and server decides how many: the target is for the free placement, whose figures vary; with
//! both on one core they hardly do, which makes that the one to compare two versions by.

use std::time::Instant;

use common::crypto::identity::IdentityKey;
use common::frame::PREFIX;
use common::ident::UserId;
use common::link::tls;
use common::msg::{LookupReq, Message as _, Ping, ToDirectory};
use common::testkit::client::Client;
use common::testkit::login::Stretch;

use crate::bare::{Bare, BareClient, Like, Sizes};
use crate::cores::{Cores, End, Placement};
use crate::directory::{RunningDirectory, source, terminal};
use crate::figure::{Figure, Target, Unit, median};
use crate::process::{Process, Programs};
use crate::{Effort, Outcome};

/// Connections, each of a user of its own.
const CONNECTIONS: usize = 64;

/// What one round has shown.
struct Round {
    cpu: f64,
    per_second: f64,
}

/// All rounds of one placement.
struct Rounds {
    ours: Vec<Round>,
    floor: Vec<Round>,
    sizes: Sizes,
}

pub(crate) fn measure(programs: &Programs, effort: Effort) -> Outcome<Vec<Figure>> {
    let free = rounds(programs, effort, Placement::Free)?;
    let together = rounds(programs, effort, Placement::Together)?;
    let cpu = |rounds: &[Round]| median(rounds.iter().map(|round| round.cpu).collect());
    let per_second = |rounds: &[Round]| median(rounds.iter().map(|round| round.per_second).collect());
    Ok(vec![
        Figure::new("lookup_cpu", cpu(&free.ours), Unit::CpuMicroseconds)
            .floor(cpu(&free.floor))
            .target(Target::Ratio(1.6))
            .note(format!("{} bytes there, {} back", free.sizes.request, free.sizes.reply)),
        Figure::new("lookup_cpu_one_core", cpu(&together.ours), Unit::CpuMicroseconds)
            .floor(cpu(&together.floor))
            .target(Target::Ratio(1.6)),
        Figure::new("lookups_per_second", per_second(&free.ours), Unit::PerSecond)
            .floor(per_second(&free.floor))
            .note("the client takes most of the time"),
    ])
}

fn rounds(programs: &Programs, effort: Effort, placement: Placement) -> Outcome<Rounds> {
    let (rounds, asked) = (effort.of(31, 5), effort.of(150, 50));
    let cores = Cores::ours()?;
    cores.run_as(End::Server, placement)?;
    let directory = RunningDirectory::start(programs)?;
    let identity = IdentityKey::generate()?;
    let mut sessions = Vec::new();
    for n in 0..CONNECTIONS {
        let account = directory.register(&format!("u{n:02}"), Stretch::Least, identity.to_pkcs1())?;
        let mut client = Client::connect(source(1), directory.address)?;
        client.log_in(&account, terminal(1), 65_000)?;
        // News about the session's own user come before this answer.
        client.ask(Ping {})?;
        sessions.push(client);
    }
    let request = ToDirectory::from(LookupReq { userid: UserId::parse("u00")?, lookup: UserId::parse("u07")? });
    let questions: Vec<Vec<u8>> = (0..CONNECTIONS).map(|n| question(n).map(|q| q.encode())).collect::<Outcome<_>>()?;
    let first = sessions.first_mut().ok_or("no session")?;
    first.send(&request.encode())?;
    let reply = first.receive()?.ok_or("the directory has closed the connection")?;
    let sizes = Sizes { request: PREFIX + request.encode().len(), reply: PREFIX + reply.len() };

    let bare = Bare::start(programs, Like::Directory, sizes)?;
    let config = tls::directory_client()?;
    let mut bare_clients = (0..CONNECTIONS).map(|_| bare.connect(source(1), &config)).collect::<Outcome<Vec<_>>>()?;

    cores.run_as(End::Client, placement)?;
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        ours.push(round(&directory.process, asked, || ask_all(&mut sessions, &questions))?);
        floor.push(round(&bare.process, asked, || ask_all_bare(&mut bare_clients))?);
    }
    cores.run_as(End::Client, Placement::Free)?;
    Ok(Rounds { ours, floor, sizes })
}

fn question(n: usize) -> Outcome<ToDirectory> {
    let id = |n: usize| UserId::parse(&format!("u{:02}", n % CONNECTIONS));
    Ok(LookupReq { userid: id(n)?, lookup: id(n + 7)? }.into())
}

fn round(server: &Process, asked: usize, mut ask: impl FnMut() -> Outcome<()>) -> Outcome<Round> {
    ask()?;
    let (before, begun) = (server.cpu()?, Instant::now());
    for _ in 0..asked {
        ask()?;
    }
    let (took, spent) = (begun.elapsed(), server.cpu()? - before);
    let lookups = (asked * CONNECTIONS) as f64;
    Ok(Round { cpu: spent / lookups, per_second: lookups / took.as_secs_f64() })
}

fn ask_all(sessions: &mut [Client], questions: &[Vec<u8>]) -> Outcome<()> {
    for (session, question) in sessions.iter_mut().zip(questions) {
        session.send(question)?;
    }
    for session in sessions {
        session.receive()?.ok_or("the directory has closed the connection")?;
    }
    Ok(())
}

fn ask_all_bare(clients: &mut [BareClient]) -> Outcome<()> {
    clients.iter_mut().try_for_each(BareClient::send)?;
    clients.iter_mut().try_for_each(BareClient::receive)
}
