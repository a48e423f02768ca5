//! One link to another terminal, from `CONNECTREQ` to the goodbye (protocol section 7).
//!
//! A task per link; the engine gives it [`LinkCommand`]s and gets [`Input`]s.

use std::time::{Duration, Instant};

use async_channel::Receiver;
use common::limits::{DEAD_AFTER, FRAME_AFTER_LOGIN, PING_AFTER};
use common::link::{Link, LinkError};
use common::msg::{Bye, ByeReason, Chat, ConnectReply, ConnectStatus, Error, Ping, Receipt};
use futures::io::{AsyncRead, AsyncWrite};
use futures::{FutureExt as _, select_biased};

use super::dial::SIGNS_OF_LIFE;
use super::events::Events;
use super::frames::{CLOSE_WITHIN, close_gracefully, send};
use super::link_pace::LinkPaces;
use super::rt;
use super::transfer::upload::Upload;
use peer_core::calls::frame::{Reaction, react};
use peer_core::event::{Input, LinkEnd, LinkId};

/// Frames of one link that are handled before the other tasks of the terminal get their turn. Chosen arbitrarily.
const TURN: u32 = 64;

/// What the engine wants of a link.
#[derive(Debug)]
pub(crate) enum LinkCommand {
    /// Answer the caller; a refusal is the last thing sent.
    Reply(ConnectReply),
    /// Send a text.
    Say(Chat),
    /// Confirm texts.
    Confirm(Receipt),
    /// Accept the caller and give it a file from a byte on; nothing else happens on this link.
    Upload { reply: ConnectReply, upload: Upload },
    /// Say goodbye.
    Close(ByeReason),
}

/// A link and those who know of it.
pub(crate) struct LinkTask<S> {
    /// The link.
    pub(crate) link: Link<S>,
    /// Its name.
    pub(crate) id: LinkId,
    /// What the engine wants.
    pub(crate) commands: Receiver<LinkCommand>,
    /// What the engine is told.
    pub(crate) events: Events,
    /// Whether the other side may talk.
    pub(crate) admission: Admission,
    /// How fast the other side is listened to.
    pub(crate) paces: LinkPaces,
}

/// Whether the other side of a link was found to be who it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// A caller who waits for our answer.
    Open,
    /// We accepted the caller, or called ourselves.
    Accepted,
}

/// What the loop does next.
enum Step {
    GoOn,
    /// The link ended; tell the engine so.
    Ended(LinkEnd),
    /// We ended it; the engine knows.
    Done,
}

impl<S: AsyncRead + AsyncWrite + Unpin> LinkTask<S> {
    /// Runs the link to its end.
    pub(crate) async fn run(mut self) {
        let (mut heard, mut pinged) = (Instant::now(), false);
        let mut frames: u32 = 0;
        let mut listens_from = Instant::now();
        let mut silence = rt::alarm();
        let end = loop {
            let due = if pinged { DEAD_AFTER } else { PING_AFTER };
            // Our commands first, so that no flood keeps us from ending a link.
            let step = select_biased! {
                command = self.commands.recv().fuse() => {
                    self.obey(command.unwrap_or(LinkCommand::Close(ByeReason::Stopping))).await
                }
                received = next(&mut self.link, listens_from).fuse() => {
                    (heard, pinged) = (Instant::now(), false);
                    listens_from = heard + self.pause(&received);
                    frames = frames.wrapping_add(1);
                    if frames.is_multiple_of(TURN) {
                        rt::yield_now().await;
                    }
                    self.received(received, frames).await
                }
                () = silence.ring(Some(heard + due)).fuse() => {
                    let step = if pinged { Err(LinkError::Lost) } else { send(&mut self.link, Ping {}) };
                    pinged = true;
                    step.map(|()| Step::GoOn)
                }
            };
            match step {
                Ok(Step::GoOn) => {}
                Ok(Step::Done) => return,
                Ok(Step::Ended(end)) => break end,
                Err(LinkError::Lost | LinkError::Io(_)) => break LinkEnd::Lost,
                Err(LinkError::Tls(_) | LinkError::Frame(_)) => break LinkEnd::Broken,
                Err(LinkError::TooSlow) => break LinkEnd::Stalled,
            }
        };
        self.events.input(Input::LinkEnded { link: self.id, end }).await;
    }

    /// How long not to read after this.
    fn pause(&self, received: &Result<Option<Vec<u8>>, LinkError>) -> Duration {
        match (received, self.link.peer_key()) {
            (Ok(Some(payload)), Some(key)) => self.paces.take(key, payload.len()),
            _ => Duration::ZERO,
        }
    }

    async fn obey(&mut self, command: LinkCommand) -> Result<Step, LinkError> {
        match command {
            LinkCommand::Say(chat) => send(&mut self.link, chat)?,
            LinkCommand::Confirm(receipt) => send(&mut self.link, receipt)?,
            LinkCommand::Reply(reply) if reply.status == ConnectStatus::Accepted => {
                send(&mut self.link, reply)?;
                self.link.set_frame_limit(FRAME_AFTER_LOGIN);
                self.admission = Admission::Accepted;
            }
            LinkCommand::Upload { reply, upload } => {
                let number = upload.number;
                send(&mut self.link, reply)?;
                self.link.set_frame_limit(FRAME_AFTER_LOGIN);
                let stop = async {
                    // Only an end is commanded while a file is given.
                    let _ = self.commands.recv().await;
                };
                let sent = upload.run(&mut self.link, &self.events);
                let went = select_biased! {
                    () = stop.fuse() => None,
                    went = Box::pin(sent).fuse() => Some(went),
                };
                if let Some(went) = went {
                    self.events.input(Input::FileEnded { number, outcome: went }).await;
                }
                return Ok(Step::Ended(LinkEnd::Bye(ByeReason::Ended)));
            }
            LinkCommand::Reply(refusal) => {
                close_gracefully(&mut self.link, refusal).await;
                return Ok(Step::Done);
            }
            LinkCommand::Close(reason) => {
                close_gracefully(&mut self.link, Bye { reason }).await;
                return Ok(Step::Done);
            }
        }
        Ok(Step::GoOn)
    }

    async fn received(&mut self, received: Result<Option<Vec<u8>>, LinkError>, count: u32) -> Result<Step, LinkError> {
        let Some(payload) = received? else { return Ok(Step::Ended(LinkEnd::Bye(ByeReason::Ended))) };
        let reaction = react(self.id, &payload);
        if self.admission == Admission::Open && (count > SIGNS_OF_LIFE || !reaction.is_sign_of_life()) {
            return Ok(Step::Ended(LinkEnd::Broken));
        }
        match reaction {
            Reaction::Ignore => {}
            Reaction::Tell(input) => self.events.input(input).await,
            Reaction::Answer(answer) => send(&mut self.link, answer)?,
            Reaction::Ended(reason) => {
                let _ = rt::timeout(CLOSE_WITHIN, self.link.close()).await;
                return Ok(Step::Ended(LinkEnd::Bye(reason)));
            }
            Reaction::Broken(code) => {
                send(&mut self.link, Error::new(code))?;
                close_gracefully(&mut self.link, Bye { reason: ByeReason::Protocol }).await;
                return Ok(Step::Ended(LinkEnd::Broken));
            }
        }
        Ok(Step::GoOn)
    }
}

/// The next frame, from a moment on; until then only what we say is written.
async fn next<S>(link: &mut Link<S>, from: Instant) -> Result<Option<Vec<u8>>, LinkError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let pause = from.saturating_duration_since(Instant::now());
    if !pause.is_zero() {
        link.flush().await?;
        rt::sleep(pause).await;
    }
    link.next().await
}
