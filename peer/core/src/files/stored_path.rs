//! Paths as they are kept: text where they are text, which every version reads, and otherwise their bytes.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Stored {
    Text(String),
    Bytes(Vec<u8>),
}

impl From<&Path> for Stored {
    fn from(path: &Path) -> Self {
        path.to_str()
            .map_or_else(|| Self::Bytes(path.as_os_str().as_bytes().to_vec()), |text| Self::Text(text.to_owned()))
    }
}

impl From<Stored> for PathBuf {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::Text(text) => text.into(),
            Stored::Bytes(bytes) => OsString::from_vec(bytes).into(),
        }
    }
}

pub(super) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    Stored::from(path).serialize(serializer)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    Stored::deserialize(deserializer).map(PathBuf::from)
}

/// The same where there may be none.
pub(super) mod option {
    use super::{Deserialize as _, Deserializer, PathBuf, Serialize as _, Serializer, Stored};

    pub(in crate::files) fn serialize<S: Serializer>(path: &Option<PathBuf>, to: S) -> Result<S::Ok, S::Error> {
        path.as_deref().map(Stored::from).serialize(to)
    }

    pub(in crate::files) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<PathBuf>, D::Error> {
        Ok(Option::<Stored>::deserialize(from)?.map(PathBuf::from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Kept {
        #[serde(with = "super")]
        path: PathBuf,
        #[serde(with = "super::option", default)]
        folder: Option<PathBuf>,
    }

    #[test]
    fn a_path_comes_back_whatever_its_bytes_and_as_text_where_it_is_text() {
        let odd = PathBuf::from(OsString::from_vec(b"/home/caf\xe9/plans".to_vec()));
        for (path, folder, stored) in [
            (PathBuf::from("/plans"), None, r#"{"path":"/plans","folder":null}"#),
            (odd.clone(), Some("/täglich".into()), ""),
            ("/plans".into(), Some(odd), ""),
        ] {
            let kept = Kept { path, folder };
            let written = serde_json::to_string(&kept).unwrap();
            assert!(stored.is_empty() || written == stored);
            assert_eq!(serde_json::from_str::<Kept>(&written).unwrap(), kept);
        }
        let before = Kept { path: "/a".into(), folder: None };
        assert_eq!(serde_json::from_str::<Kept>(r#"{"path":"/a"}"#).unwrap(), before);
    }
}
