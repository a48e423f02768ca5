//! The number of a request, which stands beside the fields of a message on a connection to a directory (protocol
//! section 3.4).
//!
//! [`Envelope`] reads `msgtype` and `request` together, once, and the fields of the message after that. Which number a
//! request gets, and which request an answer answers, is decided by whoever asks.

use std::borrow::Cow;
use std::io::Write as _;

use serde::{Deserialize, Deserializer};

use super::{Malformed, Message, begins_an_object, head, is_text};

/// The number of a request: 1 to 2^53-1, so that every JSON library keeps it exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestNumber(u64);

impl RequestNumber {
    /// The first number there is.
    pub const FIRST: Self = Self(1);
    /// The last one.
    pub const LAST: Self = Self((1 << 53) - 1);

    /// The number, if it is one that a request may have.
    #[must_use]
    pub fn new(number: u64) -> Option<Self> {
        (Self::FIRST.0..=Self::LAST.0).contains(&number).then_some(Self(number))
    }

    /// The number behind this one; the first again behind the last.
    #[must_use]
    pub fn next(self) -> Self {
        self.0.checked_add(1).and_then(Self::new).unwrap_or(Self::FIRST)
    }

    /// The number as it is written.
    #[must_use]
    pub fn value(self) -> u64 {
        self.0
    }

    /// Adds the number to an encoded message, in front of its last brace.
    pub fn write_into(self, payload: &mut Vec<u8>) {
        if payload.pop_if(|last| *last == b'}').is_some() {
            // Writing to memory cannot fail.
            let _ = write!(payload, ",\"request\":{}}}", self.0);
        }
    }
}

impl<'de> Deserialize<'de> for RequestNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u64::deserialize(deserializer)?;
        Self::new(number).ok_or_else(|| serde::de::Error::custom("not the number of a request"))
    }
}

/// A message on a connection to a directory, with the number of the request that it is, or answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope<M> {
    /// The number, if the sender gave one.
    pub request: Option<RequestNumber>,
    /// The message.
    pub message: M,
}

/// Why a payload is not a message that is allowed here, and which request it was meant to be, if that could be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Unreadable {
    /// The number of the request.
    pub request: Option<RequestNumber>,
    /// What is wrong.
    pub why: Malformed,
}

#[derive(Deserialize)]
struct NumberedHead<'a> {
    #[serde(borrow)]
    msgtype: Cow<'a, str>,
    #[serde(default)]
    request: Option<RequestNumber>,
}

/// What is left to read of a message whose `msgtype` cannot be read.
#[derive(Deserialize)]
struct NumberAlone {
    #[serde(default)]
    request: Option<RequestNumber>,
}

impl<M: Message> Envelope<M> {
    /// Decodes one frame payload; white space after the object is padding.
    ///
    /// # Errors
    /// [`Unreadable`]; of the payload nothing is kept then but the number of the request.
    pub fn decode(payload: &[u8]) -> Result<Self, Unreadable> {
        let not_a_message = |request| Unreadable { request, why: Malformed::NotAMessage };
        if !begins_an_object(payload) || !is_text(payload) {
            return Err(not_a_message(None));
        }
        let Ok(NumberedHead { msgtype, request }) = serde_json::from_slice(payload) else {
            return Err(match (head(payload), serde_json::from_slice::<NumberAlone>(payload)) {
                (Ok(_), _) => Unreadable { request: None, why: Malformed::BadRequest },
                (Err(why), Ok(NumberAlone { request })) => Unreadable { request, why },
                (Err(why), Err(_)) => Unreadable { request: None, why },
            });
        };
        match M::decode_fields(&msgtype, payload) {
            Ok(message) => Ok(Self { request, message }),
            Err(why) => Err(Unreadable { request, why }),
        }
    }

    /// Encodes to a frame payload, not padded.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut payload = self.message.encode();
        if let Some(request) = self.request {
            request.write_into(&mut payload);
        }
        payload
    }
}

impl<M: Message> From<M> for Envelope<M> {
    /// A message that is no request and answers none.
    fn from(message: M) -> Self {
        Self { request: None, message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::msg::{Ping, ToDirectory};

    fn read(payload: &str) -> Result<Envelope<ToDirectory>, Unreadable> {
        Envelope::decode(payload.as_bytes())
    }

    #[test]
    fn the_number_stands_behind_the_fields_and_round_trips() {
        for number in [RequestNumber::FIRST, RequestNumber(17), RequestNumber::LAST] {
            let envelope = Envelope { request: Some(number), message: ToDirectory::from(Ping {}) };
            let payload = envelope.encode();
            assert_eq!(payload, format!(r#"{{"msgtype":"PING","request":{}}}"#, number.value()).into_bytes());
            assert_eq!(Envelope::decode(&payload), Ok(envelope));
        }
    }

    #[test]
    fn a_message_without_a_number_is_the_same_as_before() {
        let envelope = Envelope::from(ToDirectory::from(Ping {}));
        assert_eq!(envelope.encode(), br#"{"msgtype":"PING"}"#);
        assert_eq!(read(r#"{"msgtype":"PING"}"#), Ok(envelope.clone()));
        assert_eq!(read(r#"{"msgtype":"PING","request":null}"#), Ok(envelope));
    }

    #[test]
    fn a_number_that_no_request_can_have_is_refused() {
        for number in ["0", "-1", "9007199254740992", "1.5", "1.0", "1e0", "\"1\"", "true", "[1]", "{}"] {
            let refused = Err(Unreadable { request: None, why: Malformed::BadRequest });
            assert_eq!(read(&format!(r#"{{"msgtype":"PING","request":{number}}}"#)), refused, "{number}");
            assert_eq!(read(&format!(r#"{{"request":{number},"msgtype":"NEW"}}"#)), refused, "{number}");
        }
        let twice = Err(Unreadable { request: None, why: Malformed::BadRequest });
        assert_eq!(read(r#"{"msgtype":"PING","request":1,"request":1}"#), twice);
    }

    #[test]
    fn the_number_of_a_broken_message_is_read_where_it_can_be() {
        let seven = RequestNumber::new(7);
        for (payload, request, why) in [
            (r#"{"msgtype":"NEW","request":7}"#, seven, Malformed::UnknownType),
            (r#"{"msgtype":7,"request":7}"#, seven, Malformed::NotAMessage),
            (r#"{"request":7}"#, seven, Malformed::NotAMessage),
            (r#"{"request":7"#, None, Malformed::NotAMessage),
            (r#"[7]"#, None, Malformed::NotAMessage),
        ] {
            assert_eq!(read(payload), Err(Unreadable { request, why }), "{payload}");
        }
        let broken = read(r#"{"msgtype":"HELLO","userid":"ALI","request":7}"#).unwrap_err();
        assert_eq!(broken.request, seven);
        assert!(matches!(broken.why, Malformed::BadFields { msgtype: "HELLO", .. }));
    }

    #[test]
    fn numbers_begin_again_behind_the_last_one() {
        assert_eq!(RequestNumber::FIRST.next(), RequestNumber(2));
        assert_eq!(RequestNumber::LAST.next(), RequestNumber::FIRST);
        assert_eq!(RequestNumber::new(0), None);
        assert_eq!(RequestNumber::new(1 << 53), None);
    }
}
