//! Field types whose size or range the decoder checks, so that no reader has to (protocol section 9).

use std::borrow::Cow;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits::{PUBLIC_KEY_MAX, VAULT_MAX};

/// Bytes that are lower-case hex in messages: keys. At most [`PUBLIC_KEY_MAX`] of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hex(pub Vec<u8>);

/// Bytes that are base64 (RFC 4648 section 4, padded) in messages: opaque blobs. At most [`VAULT_MAX`] of them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Blob(pub Vec<u8>);

impl std::fmt::Debug for Blob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Blob({} bytes)", self.0.len())
    }
}

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        if text.len() > 2 * PUBLIC_KEY_MAX {
            return Err(too_long(PUBLIC_KEY_MAX));
        }
        hex::decode(text.as_bytes()).map(Self).map_err(D::Error::custom)
    }
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use base64::Engine as _;
        serializer.serialize_str(&base64::engine::general_purpose::STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use base64::Engine as _;
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        if text.len() > VAULT_MAX.div_ceil(3) * 4 {
            return Err(too_long(VAULT_MAX));
        }
        let bytes = base64::engine::general_purpose::STANDARD.decode(text.as_bytes()).map_err(D::Error::custom)?;
        if bytes.len() > VAULT_MAX { Err(too_long(VAULT_MAX)) } else { Ok(Self(bytes)) }
    }
}

/// A text of at most `MAX` bytes of UTF-8.
pub(super) fn text<'de, D: Deserializer<'de>, const MAX: usize>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.len() > MAX { Err(too_long(MAX)) } else { Ok(text) }
}

/// A list of at most `MAX` items.
pub(super) fn list<'de, D, T, const MAX: usize>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let items = Vec::deserialize(deserializer)?;
    if items.len() > MAX { Err(D::Error::custom(format_args!("more than {MAX} items"))) } else { Ok(items) }
}

/// A TCP port, which is never 0.
pub(super) fn port<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    std::num::NonZeroU16::deserialize(deserializer).map(std::num::NonZeroU16::get)
}

fn too_long<E: serde::de::Error>(limit: usize) -> E {
    E::custom(format_args!("more than {limit} bytes"))
}
