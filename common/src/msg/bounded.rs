//! Field types whose size or range the decoder checks, so that no reader has to (protocol section 9).

use std::borrow::Cow;
use std::marker::PhantomData;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits::{PIECE_MAX, PUBLIC_KEY_MAX, VAULT_MAX};

/// Bytes that are lower-case hex in messages: keys. At most [`PUBLIC_KEY_MAX`] of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hex(pub Vec<u8>);

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

/// Declares bytes that are base64 (RFC 4648 section 4, padded) in messages, bounded before they are decoded.
macro_rules! base64_bytes {
    ($(#[$meta:meta])* $name:ident, $max:expr) => {
        $(#[$meta])*
        #[derive(Clone, Default, PartialEq, Eq)]
        pub struct $name(pub Vec<u8>);

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({} bytes)", stringify!($name), self.0.len())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&STANDARD.encode(&self.0))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                if text.len() > usize::div_ceil($max, 3).saturating_mul(4) {
                    return Err(too_long($max));
                }
                let bytes = STANDARD.decode(text.as_bytes()).map_err(D::Error::custom)?;
                if bytes.len() > $max { Err(too_long($max)) } else { Ok(Self(bytes)) }
            }
        }
    };
}

base64_bytes!(
    /// A small opaque value. At most [`VAULT_MAX`] bytes.
    Blob,
    VAULT_MAX
);
base64_bytes!(
    /// A piece of something larger. At most [`PIECE_MAX`] bytes.
    Piece,
    PIECE_MAX
);

/// A text of at most `MAX` bytes of UTF-8.
pub(super) fn text<'de, D: Deserializer<'de>, const MAX: usize>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.len() > MAX { Err(too_long(MAX)) } else { Ok(text) }
}

/// A text of at most `MAX` bytes of UTF-8, or none, which `null` stands for as well.
pub(super) fn optional_text<'de, D: Deserializer<'de>, const MAX: usize>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    if text.as_ref().is_some_and(|text| text.len() > MAX) { Err(too_long(MAX)) } else { Ok(text) }
}

/// A field whose default stands for its absence, and `null` for the same (protocol section 3.3).
pub(super) fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A list of at most `MAX` items; reading stops at the first one too many.
pub(super) fn list<'de, D, T, const MAX: usize>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Items<T, const MAX: usize>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for Items<T, MAX> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "a list of at most {MAX} items")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
            let mut list = Vec::new();
            while let Some(item) = items.next_element()? {
                if list.len() == MAX {
                    return Err(A::Error::custom(format_args!("more than {MAX} items")));
                }
                list.push(item);
            }
            Ok(list)
        }
    }

    deserializer.deserialize_seq(Items::<T, MAX>(PhantomData))
}

/// A list as by [`list`], or `null`, which stands for a field that is not there.
pub(super) fn list_or_none<'de, D, T, const MAX: usize>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Items<T, const MAX: usize>(Vec<T>);

    impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for Items<T, MAX> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            list::<D, T, MAX>(deserializer).map(Self)
        }
    }

    let items = Option::<Items<T, MAX>>::deserialize(deserializer)?;
    Ok(items.map(|items| items.0).unwrap_or_default())
}

/// A TCP port, which is never 0.
pub(super) fn port<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    std::num::NonZeroU16::deserialize(deserializer).map(std::num::NonZeroU16::get)
}

fn too_long<E: serde::de::Error>(limit: usize) -> E {
    E::custom(format_args!("more than {limit} bytes"))
}
