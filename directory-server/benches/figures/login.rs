//! Server CPU of a login: TLS handshake, `AUTHREQ` to `ANNOUNCED`, several at once, everything on disk.
//!
//! Its floor is the handshake of the bare server and the OPAQUE computation of the directory, called directly.

use std::thread;

use common::crypto::identity::IdentityKey;
use common::crypto::opaque::{self, ClientLogin, ClientRegistration, ServerLogin, ServerSecret};
use common::crypto::terminal::TerminalIdentity;
use common::crypto::transcript::Channel;
use common::ident::{Cookie, CredentialId, KeyDigest};
use common::limits::TERMINALS_PER_USER;
use common::link::tls;
use common::msg::Certificate;
use common::secret::Passcode;
use common::testkit::Example;
use common::testkit::client::Client;
use common::testkit::login::{Account, Stretch};

use crate::bare::{Bare, Like, Sizes};
use crate::directory::{PASSCODE, RunningDirectory, source, terminal};
use crate::figure::{Figure, Target, Unit, median};
use crate::process::{Programs, own_cpu};
use crate::{Effort, Outcome};

/// Logins in flight.
const AT_ONCE: usize = 8;

/// What a terminal keeps for its next login.
struct Known {
    cookie: Option<Cookie>,
    certificate: Certificate,
}

/// One of those who log in at once: a user with as many terminals as may be present.
struct Crowd {
    account: Account,
    number: usize,
    terminals: Vec<Known>,
}

pub(crate) fn measure(programs: &Programs, effort: Effort) -> Outcome<Vec<Figure>> {
    let rounds = effort.of(9, 3);
    let directory = RunningDirectory::start(programs)?;
    let bare = Bare::start(programs, Like::Directory, Sizes { request: 1, reply: 1 })?;
    let identity = IdentityKey::generate()?;
    let mut crowd = Vec::new();
    for number in 0..AT_ONCE {
        let account = directory.register(&format!("u{number}"), Stretch::Least, identity.to_pkcs1())?;
        crowd.push(Crowd { account, number, terminals: Vec::new() });
    }
    let (mut first, mut again, mut handshakes, mut opaques) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        // Terminals the directory has not seen: it gives a cookie, and verifies and keeps a certificate.
        for one in &mut crowd {
            one.terminals.clear();
        }
        first.push(all_log_in(&directory, &mut crowd, round)?);
        again.push(all_log_in(&directory, &mut crowd, round)?);
        handshakes.push(shake_hands(&bare, AT_ONCE * TERMINALS_PER_USER)?);
        opaques.push(opaque_alone(AT_ONCE * TERMINALS_PER_USER)?);
    }
    let (handshake, opaque) = (median(handshakes) / 1000.0, median(opaques) / 1000.0);
    let note = format!("floor: handshake {handshake:.3} + OPAQUE {opaque:.3}");
    Ok(vec![
        Figure::new("login_cpu", median(again) / 1000.0, Unit::CpuMilliseconds)
            .floor(handshake + opaque)
            .target(Target::Value(1.0))
            .note(note),
        Figure::new("login_cpu_new_terminal", median(first) / 1000.0, Unit::CpuMilliseconds).floor(handshake + opaque),
    ])
}

/// Lets everybody log in at every terminal; CPU of the directory per login, in microseconds.
fn all_log_in(directory: &RunningDirectory, crowd: &mut [Crowd], round: usize) -> Outcome<f64> {
    let logins = crowd.len() * TERMINALS_PER_USER;
    let before = directory.process.cpu_at_rest()?;
    let sessions: Outcome<Vec<Vec<Client>>> = thread::scope(|scope| {
        let threads: Vec<_> =
            crowd.iter_mut().map(|one| scope.spawn(|| one.log_in_everywhere(directory, round))).collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| "a client panicked")?).collect()
    });
    let sessions = sessions?;
    let after = directory.process.cpu()?;
    // The end of a session is not part of a login.
    drop(sessions);
    Ok((after - before) / logins as f64)
}

impl Crowd {
    fn log_in_everywhere(&mut self, directory: &RunningDirectory, round: usize) -> Outcome<Vec<Client>> {
        let Self { account, number, terminals } = self;
        let user = &account.user;
        let mut sessions = Vec::new();
        for place in 0..TERMINALS_PER_USER {
            let terminal = terminal(1 + round * TERMINALS_PER_USER + place);
            let mut client = Client::connect(source(2 + *number), directory.address)?;
            let cookie = terminals.get(place).and_then(|known| known.cookie);
            let begun = client.begin_login(user, PASSCODE, terminal, cookie)?.map_err(|reply| format!("{reply:?}"))?;
            let granted = client.finish_login(user, account.stretch, begun)?.map_err(|reply| format!("{reply:?}"))?;
            let certificate = match terminals.get(place) {
                Some(known) => known.certificate.clone(),
                None => TerminalIdentity::generate(terminal)?.certify(user, &account.identity, 0)?,
            };
            if place == terminals.len() {
                terminals.push(Known { cookie: granted.cookie, certificate: certificate.clone() });
            }
            client.announce_as(user, &granted, certificate, 65_000)?;
            sessions.push(client);
        }
        Ok(sessions)
    }
}

/// CPU of the bare server per handshake, in microseconds.
fn shake_hands(bare: &Bare, count: usize) -> Outcome<f64> {
    let config = tls::directory_client()?;
    let before = bare.process.cpu_at_rest()?;
    let clients = thread::scope(|scope| {
        let connect_some = || -> Outcome<Vec<_>> {
            let some = 0..count / AT_ONCE;
            some.map(|_| {
                let mut client = bare.connect(source(1), &config)?;
                // The server is through when it answers.
                client.send()?;
                client.receive()?;
                Ok(client)
            })
            .collect()
        };
        let threads: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(connect_some)).collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| "a client panicked")?).collect::<Outcome<Vec<_>>>()
    })?;
    let after = bare.process.cpu()?;
    drop(clients);
    Ok((after - before) / count as f64)
}

/// CPU of the directory's part of OPAQUE per login, in microseconds.
fn opaque_alone(count: usize) -> Outcome<f64> {
    let user = Example::Ali.user()?;
    let channel = Channel { user: &user, directory: &KeyDigest([1; 32]), exporter: &[2; 32] };
    let (secret, credential) = (ServerSecret::generate(), CredentialId::generate()?);
    let passcode = || Passcode::new(PASSCODE.into());
    let (registration, request) = ClientRegistration::start(passcode())?;
    let (upload, _) = registration.finish(&opaque::register_start(&secret, &request, &credential)?, channel)?;
    let record = opaque::register_finish(&upload)?;
    let mut spent = 0.0;
    for _ in 0..count {
        let (_, ke1) = ClientLogin::start(passcode())?;
        let before = own_cpu()?;
        let (login, _) = ServerLogin::start(&secret, Some(&record), &credential, &ke1, channel)?;
        // A wrong proof costs the directory what a right one does, and the client no hashing.
        let _ = login.finish(&[0; opaque::KE3_LENGTH], channel);
        spent += own_cpu()? - before;
    }
    Ok(spent / count as f64)
}
