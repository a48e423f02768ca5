//! One link to another terminal, from `CONNECTREQ` to the goodbye (protocol section 7).
//!
//! A task per link; the engine gives it [`Order`]s and gets [`Input`]s.

use std::time::{Duration, Instant};

use async_channel::{Receiver, Sender};
use common::frame::Padding;
use common::limits::{DEAD_AFTER, FRAME_AFTER_LOGIN, PING_AFTER};
use common::link::{Link, LinkError};
use common::msg::{Bye, ByeReason, Chat, ConnectReply, ConnectStatus, Error, Message as _, PeerMessage, Ping, Receipt};
use futures::io::{AsyncRead, AsyncWrite};
use futures::{FutureExt as _, select_biased};

use super::transfer::Serve;
use super::{Events, rt};
use peer_core::engine::{Input, LinkEnd, LinkId};
use peer_core::talk::{Reaction, react};

/// Frames of one link that are handled before the other tasks of the terminal get their turn. Chosen arbitrarily.
const TURN: u32 = 16;
/// Frames a caller may send before it is judged: signs of life, nothing else.
const BEFORE_JUDGEMENT: u32 = 16;
/// How long a goodbye may take.
const FAREWELL: Duration = Duration::from_secs(2);

/// What the engine wants of a link.
#[derive(Debug)]
pub(crate) enum Order {
    /// Answer the caller; a refusal is the last thing sent.
    Reply(ConnectReply),
    /// Send a text.
    Say(Chat),
    /// Confirm texts.
    Confirm(Receipt),
    /// Accept the caller and give it a file from a byte on; nothing else happens on this link.
    Serve { reply: ConnectReply, serve: Serve },
    /// Say goodbye.
    Close(ByeReason),
}

/// Sends one message.
pub(crate) fn send<S: AsyncRead + AsyncWrite + Unpin>(
    link: &mut Link<S>,
    message: impl Into<PeerMessage>,
) -> Result<(), LinkError> {
    link.queue(&message.into().encode(), Padding::Ladder)
}

/// Says goodbye and closes, within [`FAREWELL`].
pub(crate) async fn farewell<S: AsyncRead + AsyncWrite + Unpin>(link: &mut Link<S>, last: impl Into<PeerMessage>) {
    if send(link, last).is_ok() {
        let _ = rt::timeout(FAREWELL, link.close()).await;
    }
}

/// A link and those who know of it.
pub(crate) struct Standing<S> {
    /// The link.
    pub(crate) link: Link<S>,
    /// Its name.
    pub(crate) id: LinkId,
    /// What the engine wants.
    pub(crate) orders: Receiver<Order>,
    /// What the engine is told.
    pub(crate) events: Events,
    /// Whether the other side may talk.
    pub(crate) standing: Admission,
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

impl<S: AsyncRead + AsyncWrite + Unpin> Standing<S> {
    /// Runs the link to its end.
    pub(crate) async fn run(mut self) {
        let (mut heard, mut pinged) = (Instant::now(), false);
        let mut frames: u32 = 0;
        let end = loop {
            let due = if pinged { DEAD_AFTER } else { PING_AFTER };
            let silence = due.saturating_sub(heard.elapsed());
            // Our orders first, so that no flood keeps us from ending a link.
            let step = select_biased! {
                order = self.orders.recv().fuse() => {
                    self.order(order.unwrap_or(Order::Close(ByeReason::Stopping))).await
                }
                received = self.link.next().fuse() => {
                    (heard, pinged) = (Instant::now(), false);
                    frames = frames.wrapping_add(1);
                    if frames.is_multiple_of(TURN) {
                        rt::yield_now().await;
                    }
                    self.received(received, frames).await
                }
                () = rt::sleep(silence).fuse() => {
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
                Err(LinkError::Tls(_) | LinkError::Frame(_) | LinkError::TooSlow) => {
                    break LinkEnd::Broken;
                }
            }
        };
        self.events.input(Input::LinkEnded { link: self.id, end }).await;
    }

    async fn order(&mut self, order: Order) -> Result<Step, LinkError> {
        match order {
            Order::Say(chat) => send(&mut self.link, chat)?,
            Order::Confirm(receipt) => send(&mut self.link, receipt)?,
            Order::Reply(reply) if reply.status == ConnectStatus::Accepted => {
                send(&mut self.link, reply)?;
                self.link.set_frame_limit(FRAME_AFTER_LOGIN);
                self.standing = Admission::Accepted;
            }
            Order::Serve { reply, serve } => {
                let number = serve.number;
                send(&mut self.link, reply)?;
                self.link.set_frame_limit(FRAME_AFTER_LOGIN);
                let stop = async {
                    // Only an end is ordered while a file is given.
                    let _ = self.orders.recv().await;
                };
                let served = serve.run(&mut self.link, &self.events);
                let went = select_biased! {
                    () = stop.fuse() => None,
                    went = Box::pin(served).fuse() => Some(went),
                };
                if let Some(went) = went {
                    self.events.input(Input::FileWent { number, went }).await;
                }
                return Ok(Step::Ended(LinkEnd::Bye(ByeReason::Ended)));
            }
            Order::Reply(refusal) => {
                farewell(&mut self.link, refusal).await;
                return Ok(Step::Done);
            }
            Order::Close(reason) => {
                farewell(&mut self.link, Bye { reason }).await;
                return Ok(Step::Done);
            }
        }
        Ok(Step::GoOn)
    }

    async fn received(&mut self, received: Result<Option<Vec<u8>>, LinkError>, count: u32) -> Result<Step, LinkError> {
        let Some(payload) = received? else { return Ok(Step::Ended(LinkEnd::Bye(ByeReason::Ended))) };
        let reaction = react(self.id, &payload);
        if self.standing == Admission::Open && (count > BEFORE_JUDGEMENT || !reaction.is_sign_of_life()) {
            return Ok(Step::Ended(LinkEnd::Broken));
        }
        match reaction {
            Reaction::Ignore => {}
            Reaction::Tell(input) => self.events.input(input).await,
            Reaction::Answer(answer) => send(&mut self.link, answer)?,
            Reaction::Ended(reason) => {
                let _ = rt::timeout(FAREWELL, self.link.close()).await;
                return Ok(Step::Ended(LinkEnd::Bye(reason)));
            }
            Reaction::Broken(code) => {
                send(&mut self.link, Error::new(code))?;
                farewell(&mut self.link, Bye { reason: ByeReason::Protocol }).await;
                return Ok(Step::Ended(LinkEnd::Broken));
            }
        }
        Ok(Step::GoOn)
    }
}

/// Gives an order; a link that is gone has told the engine already.
pub(crate) fn order(orders: &Sender<Order>, order: Order) {
    let _ = orders.try_send(order);
}
