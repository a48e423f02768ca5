//! Resident memory of the directory per idle session, and of a peer that waits for a call.

use common::crypto::identity::IdentityKey;
use common::limits::TERMINALS_PER_USER;
use common::link::tls;
use common::testkit::client::Client;
use common::testkit::login::Stretch;

use crate::bare::{Bare, Like, Sizes};
use crate::call::Stage;
use crate::directory::{RunningDirectory, source, terminal};
use crate::figure::{Figure, Target, Unit};
use crate::process::Programs;
use crate::{Effort, Outcome};

pub(crate) fn measure(programs: &Programs, effort: Effort) -> Outcome<Vec<Figure>> {
    let sessions = effort.of(1000, 160);
    let directory = RunningDirectory::start(programs)?;
    let identity = IdentityKey::generate()?;
    let users = sessions / TERMINALS_PER_USER;
    let accounts = (0..users)
        .map(|n| directory.register(&format!("u{n}"), Stretch::Least, identity.to_pkcs1()))
        .collect::<Outcome<Vec<_>>>()?;
    // What the first logins set up belongs to the directory, not to a session.
    let mut open = Vec::new();
    let mut memory = Vec::new();
    for place in 0..TERMINALS_PER_USER {
        for account in &accounts {
            let mut client = Client::connect(source(1), directory.address)?;
            client.log_in(account, terminal(place), 65_000)?;
            open.push(client);
        }
        directory.process.cpu_at_rest()?;
        memory.push(directory.process.memory()?);
    }
    let ours = growth(&memory, users)?;

    let bare = Bare::start(programs, Like::Directory, Sizes { request: 1, reply: 1 })?;
    let config = tls::directory_client()?;
    let (mut connected, mut memory) = (Vec::new(), Vec::new());
    for _ in 0..TERMINALS_PER_USER {
        for _ in 0..users {
            let mut client = bare.connect(source(1), &config)?;
            client.send()?;
            client.receive()?;
            connected.push(client);
        }
        bare.process.cpu_at_rest()?;
        memory.push(bare.process.memory()?);
    }
    let floor = growth(&memory, users)?;
    let stage = Stage::set(programs, &identity, &IdentityKey::generate()?)?;
    stage.bianca.cpu_at_rest()?;
    Ok(vec![
        Figure::new("idle_memory", ours, Unit::Kibibytes)
            .floor(floor)
            .target(Target::Value(20.0))
            .note(format!("{} sessions", open.len())),
        Figure::new("idle_memory_of_peer", stage.bianca.memory()?, Unit::Kibibytes)
            .note("the whole process, logged in"),
    ])
}

/// Memory added per connection after the first `step` of them.
fn growth(memory: &[f64], step: usize) -> Outcome<f64> {
    let (Some(first), Some(last)) = (memory.first(), memory.last()) else { return Err("nothing was measured".into()) };
    Ok((last - first) / ((memory.len() - 1) * step) as f64)
}
