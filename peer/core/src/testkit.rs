//! Fuzz bodies of the core, whose committed corpus the ordinary tests replay, and what the benchmarks of rooms measure.

mod assembly;

pub use assembly::{Assembly, Sizes};
use common::ident::TerminalId;
use common::msg::{ConnectStatus, Hex, LookupReply, LookupReq, LookupStatus, Message as _, PeerMessage, ToDirectory};
use common::testkit::Example;

use crate::calls::frame::{Reaction, react};
use crate::event::{Accept, Effect, Input, LinkEnd, LinkId, Now};
use crate::fixtures;
use crate::notice::{MessageNotice, Notice};
use crate::verify::{ConnectRequest, LocalIdentity};

const LINK: LinkId = LinkId(1);

/// Feeds a caller's frames to a terminal: `data` is a sequence of 2-byte lengths and payloads.
///
/// The first payload is taken as the `CONNECTREQ`; the directory confirms whoever claims to be ali with ali's key.
///
/// # Panics
/// If a text is shown although the caller was not accepted, or twice for one frame.
pub fn fuzz_link(data: &[u8]) {
    let (Ok(mine), Ok(theirs)) = (Example::Bianca.identity(), Example::Ali.identity()) else { return };
    let (Ok(me), Ok(ali)) = (Example::Bianca.user(), Example::Ali.user()) else { return };
    let me = LocalIdentity { user: me, key: mine.public().clone(), terminal: TerminalId([2; 16]) };
    let source = std::net::SocketAddr::from(([127, 0, 0, 2], 40_000));
    let found = LookupReply {
        status: LookupStatus::Success,
        userid: ali.to_string(),
        addresses: vec![source],
        publickey: Hex(theirs.public().as_pkcs1().to_vec()),
        terminals: Vec::new(),
    };
    let Some(mut engine) = fixtures::engine(&me, Accept::All) else { return };
    let (mut accepted, mut tick) = (false, 0);
    let mut frames = Frames(data);

    let Some(Ok(PeerMessage::ConnectReq(message))) = frames.next().map(PeerMessage::decode) else { return };
    let request = ConnectRequest { message, key: theirs.public().digest(), source };
    let mut inputs = vec![Input::Requested { link: LINK, request }];
    loop {
        while let Some(input) = inputs.pop() {
            tick += 1;
            let mut effects = Vec::new();
            engine.handle(Now { tick, date: 0, directory: 0 }, input, &mut effects);
            for effect in effects {
                match effect {
                    Effect::Ask(envelope) => {
                        let ToDirectory::LookupReq(LookupReq { lookup, .. }) = envelope.message else { continue };
                        let reply = if lookup == ali { found.clone() } else { LookupReply::not_found() };
                        inputs.push(Input::DirectoryMessage {
                            request: envelope.request,
                            message: Box::new(reply.into()),
                        });
                    }
                    Effect::Reply { reply, .. } => accepted |= reply.status == ConnectStatus::Accepted,
                    Effect::Notify(Notice::Message(MessageNotice::Text { from, .. })) => {
                        assert!(accepted && from == ali, "a text was shown that nobody may send");
                    }
                    _ => {}
                }
            }
        }
        let Some(payload) = frames.next() else { return };
        match react(LINK, payload) {
            Reaction::Tell(input) => inputs.push(input),
            Reaction::Ended(reason) => inputs.push(Input::LinkEnded { link: LINK, end: LinkEnd::Bye(reason) }),
            Reaction::Broken(_) => inputs.push(Input::LinkEnded { link: LINK, end: LinkEnd::Lost }),
            Reaction::Ignore | Reaction::Answer(_) => {}
        }
    }
}

struct Frames<'a>(&'a [u8]);

impl<'a> Iterator for Frames<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first_chunk::<2>()?;
        let (payload, rest) = rest.split_at(usize::from(u16::from_be_bytes(*length)).min(rest.len()));
        self.0 = rest;
        Some(payload)
    }
}
