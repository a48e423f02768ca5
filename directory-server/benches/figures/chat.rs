//! A line of conversation there and back over a link that stands, against the bare loop with the same bytes.
//!
//! `chat_round_trip` is our link, frames, padding and messages at both ends; `chat_answer_of_peer` adds the runtime of a
//! real peer, which answers a `PING` without asking anybody; `chat_screen_to_screen` is a line that appears on a real
//! peer's screen and another that is typed there in answer. Both ends of each run on one core, or each on its own.

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::time::Instant;

use common::crypto::identity::IdentityKey;
use common::crypto::preface;
use common::frame::Padding;
use common::ident::MessageId;
use common::limits::FRAME_AFTER_LOGIN;
use common::link::{Link, tls};
use common::msg::{Chat, Message as _, PeerMessage, Ping};
use common::secret::Secret;
use common::testkit::Example;
use common::testkit::caller::{Call, Caller};
use futures::executor::block_on;
use futures::io::AllowStdIo;

use crate::bare::{Bare, Like};
use crate::call::{SIZES, Stage};
use crate::cores::{Cores, End, Placement};
use crate::directory::source;
use crate::figure::{Figure, Target, Unit, median};
use crate::process::{Process, Programs};
use crate::{Effort, Outcome};

/// The argument that makes this program a terminal that says everything back.
pub(crate) const ECHO: &str = "--echo";
const LINE: &str = "Hello, how are you today?";

/// Says every line of one caller back.
pub(crate) fn echo() -> Outcome<()> {
    let mut key = String::new();
    io::stdin().read_line(&mut key)?;
    let identity = IdentityKey::from_pkcs1(&Secret::new(hex::decode(key.trim())?))?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    writeln!(io::stdout(), "{}", listener.local_addr()?)?;
    let (mut stream, _) = listener.accept()?;
    stream.set_nodelay(true)?;
    io::Read::read_exact(&mut stream, &mut [0; preface::LENGTH])?;
    let mut link = Link::server(AllowStdIo::new(stream), tls::peer_server(&identity)?)?;
    block_on(async {
        link.handshake().await?;
        link.set_frame_limit(FRAME_AFTER_LOGIN);
        while let Some(payload) = link.next().await? {
            let PeerMessage::Chat(Chat { message, .. }) = PeerMessage::decode(&payload)? else { continue };
            let chat = Chat { id: MessageId(common::crypto::random()?), nick: "bianca".into(), message, date: 0 };
            link.queue(&PeerMessage::from(chat).encode(), Padding::Ladder)?;
            link.flush().await?;
        }
        Ok(())
    })
}

fn call_echo(programs: &Programs, ali: &IdentityKey, bianca: &IdentityKey) -> Outcome<(Process, Caller)> {
    let mut process = Process::start(&programs.ourselves, [ECHO], &[])?;
    process.type_line(&hex::encode(bianca.to_pkcs1().expose()))?;
    let (initiator, destination) = (Example::Ali.user()?, Example::Bianca.user()?);
    let call = Call {
        source: source(2),
        to: process.line()?.parse()?,
        destination: &destination,
        callee: bianca.public(),
        initiator: &initiator,
        identity: ali,
        time: 0,
    };
    Ok((process, call.connect()?))
}

pub(crate) fn measure(programs: &Programs, effort: Effort) -> Outcome<Vec<Figure>> {
    let together = ["chat_round_trip", "chat_answer_of_peer", "chat_screen_to_screen"];
    let apart = ["chat_round_trip_two_cores", "chat_answer_of_peer_two_cores", "chat_screen_to_screen_two_cores"];
    let mut figures = round_trips(programs, effort, Placement::Together, together)?;
    figures.extend(round_trips(programs, effort, Placement::Apart, apart)?);
    Ok(figures)
}

fn round_trips(
    programs: &Programs,
    effort: Effort,
    placement: Placement,
    [name_link, name_answer, name_screen]: [&'static str; 3],
) -> Outcome<Vec<Figure>> {
    let (rounds, lines) = (effort.of(15, 5), effort.of(1000, 200));
    let cores = Cores::ours()?;
    let (ali, bianca) = (IdentityKey::generate()?, IdentityKey::generate()?);
    cores.run_as(End::Server, placement)?;
    let (_echo, mut echo) = call_echo(programs, &ali, &bianca)?;
    let mut stage = Stage::set(programs, &ali, &bianca)?;
    let (_, mut peer) = stage.call()?;
    stage.bianca.wait_for("type your messages")?;
    let bare = Bare::start(programs, Like::Call(&bianca), SIZES)?;
    let mut loop_back = bare.connect(source(2), &tls::peer_client(&ali, bianca.public())?)?;

    cores.run_as(End::Client, placement)?;
    let (mut link, mut answer, mut screen, mut floor) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        floor.push(microseconds_each(lines, || {
            loop_back.send()?;
            loop_back.receive()
        })?);
        link.push(microseconds_each(lines, || {
            echo.say("ali", LINE)?;
            echo.receive_message().map(drop).map_err(Into::into)
        })?);
        answer.push(microseconds_each(lines, || {
            peer.send_message(Ping {})?;
            peer.receive_message().map(drop).map_err(Into::into)
        })?);
        screen.push(microseconds_each(lines / 10, || {
            peer.say("ali", LINE)?;
            stage.bianca.wait_for(LINE)?;
            stage.bianca.type_line("I am fine, how about you?")?;
            peer.receive_message().map(drop).map_err(Into::into)
        })?);
    }
    cores.run_as(End::Client, Placement::Free)?;
    let floor = median(floor);
    let figure = |name, values| Figure::new(name, median(values), Unit::Microseconds).floor(floor);
    Ok(vec![
        figure(name_link, link).target(Target::Ratio(1.5)),
        figure(name_answer, answer),
        figure(name_screen, screen),
    ])
}

fn microseconds_each(count: usize, mut work: impl FnMut() -> Outcome<()>) -> Outcome<f64> {
    let begun = Instant::now();
    for _ in 0..count {
        work()?;
    }
    Ok(begun.elapsed().as_secs_f64() * 1e6 / count as f64)
}
