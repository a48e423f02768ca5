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

#[cfg(test)]
mod tests {
    use super::*;

    fn reaction(message: &str) -> Reaction {
        react(LinkId(1), message.as_bytes())
    }

    #[test]
    fn what_belongs_to_the_beginning_or_to_files_ends_a_conversation() {
        let (id, key) = ("ab".repeat(16), "cd".repeat(32));
        let request = format!(
            r#""initiator":"ali","destination":"bianca","initiator_key":"{key}","destination_key":"{key}","terminal":"{id}""#
        );
        for message in [
            format!(r#"{{"msgtype":"CONNECTREQ",{request}}}"#),
            format!(r#"{{"msgtype":"CONNECTREPLY","status":"accepted","terminal":"{id}"}}"#),
            format!(r#"{{"msgtype":"FILEREQ",{request},"file":"{id}","offset":0}}"#),
            r#"{"msgtype":"FILE","size":7}"#.to_owned(),
            format!(r#"{{"msgtype":"FILEEND","digest":"{key}"}}"#),
        ] {
            let reaction = reaction(&message);
            assert!(matches!(reaction, Reaction::Broken(ErrorCode::OutOfOrder)), "{message}: {reaction:?}");
        }
    }

    #[test]
    fn what_is_malformed_ends_a_conversation_and_what_nobody_knows_does_not() {
        let id = "ab".repeat(16);
        let long = "x".repeat(MESSAGE_TEXT + 1);
        for message in [
            "no object".to_owned(),
            r#"{"msgtype":"CHAT"}"#.to_owned(),
            format!(r#"{{"msgtype":"CHAT","id":"{id}","nick":"","message":"{long}","date":1}}"#),
        ] {
            assert!(matches!(reaction(&message), Reaction::Broken(ErrorCode::Malformed)), "{message}");
        }
        let unknown = reaction(r#"{"msgtype":"DANCE"}"#);
        assert!(
            matches!(&unknown, Reaction::Answer(PeerMessage::Error(error)) if error.code == ErrorCode::UnknownMsgtype)
        );
        assert!(
            matches!(reaction(r#"{"msgtype":"ERROR","code":"other"}"#), Reaction::Ignore),
            "no answer to an answer"
        );
    }
}
