//! The JSON front end: the loop between clients, the [`Rpc`] machine and the engine.
//!
//! [`client`] moves lines of one client, [`socket`] lets several of them in. Nothing here depends on a runtime.

mod client;
mod socket;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_channel::{Receiver, Sender};
use futures::{FutureExt as _, select_biased};

use super::event_loop::Interrupt;
use super::hang_up;
use crate::alarm::{Alarm, Sleep};
use crate::app::exit;
use crate::app::rpc::{ClientId, Input, Life, Options, Output, Rpc};
use crate::app::sanitise::SafeText;
pub(crate) use client::{FromClient, Told, connect, open, said};
use peer_core::command::TicketedCommand;
use peer_core::notice::Notification;
pub(crate) use socket::{NotBound, Socket};

/// Lines that may wait for a client; one that does not read its answers is let go.
const LINES: usize = 512;
/// Events are sent only while fewer lines wait, so that answers have room.
const EVENTS: usize = 256;
/// How long the last lines may take when the program ends.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The queues of the front end.
pub(crate) struct Channels {
    /// To the engine.
    pub(crate) commands: Sender<TicketedCommand>,
    /// From it.
    pub(crate) notices: Receiver<Notification>,
    /// Signals.
    pub(crate) interrupts: Receiver<Interrupt>,
    /// What clients say.
    pub(crate) clients: Receiver<Told>,
    /// Waits; given by whoever knows the runtime.
    pub(crate) sleep: Sleep,
}

/// Serves clients until one of them, the engine or a signal ends it; returns the exit code.
pub(crate) async fn run(options: Options, channels: Channels) -> i32 {
    let life = options.life;
    let (mut rpc, first) = Rpc::new(options, Instant::now());
    let mut alarm = Alarm::new(channels.sleep);
    let mut clients: BTreeMap<ClientId, client::Out> = BTreeMap::new();
    let mut ended = carry_out(first, &channels, &mut clients).await;
    loop {
        if let Some(code) = ended {
            let last = clients.into_values().map(client::Out::finish);
            let all = futures::future::join_all(last).fuse();
            let patience = (channels.sleep)(LAST_WORDS).fuse();
            futures::pin_mut!(all, patience);
            select_biased! { _ = all => {}, () = patience => {} }
            return code;
        }
        let input = next(&channels, &mut alarm, rpc.deadline()).await;
        let input = match input {
            Told::Opened(client, out) => {
                clients.insert(client, out);
                Input::Opened(client)
            }
            Told::Said(client, FromClient::Line(line)) => Input::Line(client, line),
            Told::Said(client, FromClient::Call(id, call)) => Input::Asked(client, id, call),
            Told::Said(client, FromClient::Oversize) => Input::Oversize(client),
            Told::Said(client, FromClient::NotText) => Input::NotText(client),
            // Its one client was the terminal.
            Told::Said(_, FromClient::Closed) if life == Life::Client && hang_up::is_gone() => {
                Input::Stop(exit::HANG_UP)
            }
            Told::Said(client, FromClient::Closed) => Input::Ended(client),
            Told::Other(input) => input,
        };
        let room = |client| clients.get(&client).is_some_and(|out| out.waiting() < EVENTS);
        let out = rpc.handle(moment(), input, &room);
        ended = carry_out(out, &channels, &mut clients).await;
        // Whoever does not even read answers is let go.
        for client in clients.extract_if(.., |_, out| out.is_lost()).map(|(client, _)| client).collect::<Vec<_>>() {
            let out = rpc.handle(moment(), Input::Closed(client), &|_| false);
            ended = ended.or(carry_out(out, &channels, &mut clients).await);
        }
    }
}

fn moment() -> (Instant, u64) {
    let date = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    (Instant::now(), u64::try_from(date).unwrap_or(u64::MAX))
}

async fn next(channels: &Channels, alarm: &mut Alarm, deadline: Option<Instant>) -> Told {
    // Clients that are gone have said so; whether the program goes on is not decided by that.
    let client = async {
        match channels.clients.recv().await {
            Ok(told) => told,
            Err(_) => std::future::pending().await,
        }
    };
    let (client, tick) = (client.fuse(), alarm.ring(deadline).fuse());
    futures::pin_mut!(client, tick);
    select_biased! {
        interrupt = channels.interrupts.recv().fuse() => Told::Other(Input::Stop(match interrupt {
            Ok(Interrupt::CtrlC) => exit::INTERRUPT,
            Ok(Interrupt::HangUp) => exit::HANG_UP,
            Ok(Interrupt::Terminate) | Err(_) => exit::TERMINATE,
        })),
        notice = channels.notices.recv().fuse() => Told::Other(notice.map_or(Input::EngineGone, Input::Notice)),
        told = client => told,
        () = tick => Told::Other(Input::Tick),
    }
}

/// Returns the exit code if it is over.
async fn carry_out(
    outputs: Vec<Output>,
    channels: &Channels,
    clients: &mut BTreeMap<ClientId, client::Out>,
) -> Option<i32> {
    let mut ended = None;
    for output in outputs {
        match output {
            Output::Tell(client, told) => {
                if let Some(out) = clients.get_mut(&client) {
                    out.send(told);
                }
            }
            // An engine that is gone says so by closing its notices.
            Output::Command(command) => drop(channels.commands.send(command).await),
            Output::Complain(text) => {
                // Whoever closed the error output does not want to know.
                let _ =
                    text.lines().try_for_each(|line| writeln!(std::io::stderr(), "{}", SafeText::ours(line).as_str()));
            }
            Output::LetGo(client) => drop(clients.remove(&client)),
            Output::Exit(code) => ended = Some(code),
        }
    }
    ended
}
