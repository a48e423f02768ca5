//! What one frame on a link means (protocol section 7.5). Whether anybody may speak on that link, the engine decides.

use common::limits::MESSAGE_TEXT;
use common::msg::{ByeReason, Error, ErrorCode, Malformed, Message as _, PeerMessage, Pong};

use crate::event::{Input, LinkId};

/// What to do about a frame.
#[derive(Debug)]
pub enum Reaction {
    /// Nothing.
    Ignore,
    /// Tell the engine.
    Tell(Input),
    /// Answer on the link.
    Answer(PeerMessage),
    /// The other side said goodbye.
    Ended(ByeReason),
    /// The other side broke a rule: say so and end the link.
    Broken(ErrorCode),
}

impl Reaction {
    /// Whether the frame was one that a caller may send before it is judged: `PING`, `PONG` or `BYE`.
    pub fn is_sign_of_life(&self) -> bool {
        matches!(self, Self::Ignore | Self::Ended(_) | Self::Answer(PeerMessage::Pong(_)))
    }
}

/// Reads one frame that came over `link`.
pub fn react(link: LinkId, payload: &[u8]) -> Reaction {
    match PeerMessage::decode(payload) {
        Ok(PeerMessage::Chat(chat)) if chat.message.len() <= MESSAGE_TEXT => Reaction::Tell(Input::Text { link, chat }),
        Ok(PeerMessage::Connected(_)) => Reaction::Tell(Input::Connected { link }),
        Ok(PeerMessage::Receipt(receipt)) => Reaction::Tell(Input::Receipt { link, receipt }),
        Ok(PeerMessage::Ping(_)) => Reaction::Answer(Pong {}.into()),
        Ok(PeerMessage::Pong(_) | PeerMessage::Error(_)) => Reaction::Ignore,
        Ok(PeerMessage::Bye(bye)) => Reaction::Ended(bye.reason),
        Ok(
            PeerMessage::ConnectReq(_)
            | PeerMessage::ConnectReply(_)
            | PeerMessage::FileReq(_)
            | PeerMessage::File(_)
            | PeerMessage::FileEnd(_),
        ) => Reaction::Broken(ErrorCode::OutOfOrder),
        Ok(PeerMessage::Chat(_))
        | Err(Malformed::NotAMessage | Malformed::BadRequest | Malformed::BadFields { .. }) => {
            Reaction::Broken(ErrorCode::Malformed)
        }
        Err(Malformed::UnknownType) => Reaction::Answer(Error::new(ErrorCode::UnknownMsgtype).into()),
    }
}
