//! Backups: what a user keeps in a file, encrypted under a passcode of its own (protocol section 8.8).
//!
//! Nobody counts the tries of whoever has the file, so the passcode is longer than the one for logging in, and stretching
//! it costs more. Layout: the line `peer-messenger/1 backup` · salt (16 bytes) · the content, encrypted under
//! Argon2id(passcode, salt) with a commitment (`committing_aead`). The line and the salt are the associated data.

use zeroize::Zeroizing;

use super::opaque::argon2id;
use super::{NoRandomness, committing_aead, random};
use crate::secret::{Passcode, Secret};

const HEAD: &[u8] = b"peer-messenger/1 backup\n";
const SALT: usize = 16;
/// Argon2id memory in KiB: 256 MiB, which a machine that runs a peer can spare once.
const MEMORY: u32 = 256 * 1024;
/// Argon2id passes. With 256 MiB about half a second on one core.
const PASSES: u32 = 3;

/// Characters of a backup's passcode, at least: with random small letters some 10¹⁷ tries.
pub const PASSCODE_MIN: usize = 12;

/// Why a file does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Something else, or of a later version.
    #[error("it is not a backup of this version")]
    NotABackup,
    /// Not made with this passcode, or altered.
    #[error("it does not open with this passcode, or was altered")]
    Sealed,
}

fn stretched(passcode: &Passcode, salt: &[u8]) -> Option<Secret> {
    let mut key = Zeroizing::new([0; 32]);
    argon2id(MEMORY, PASSES).ok()?.hash_password_into(passcode.expose(), salt, key.as_mut_slice()).ok()?;
    Some(Secret::new(key.to_vec()))
}

/// Encrypts what is to be kept. Takes about half a second.
///
/// # Errors
/// [`NoRandomness`].
pub fn seal(passcode: &Passcode, content: &Secret) -> Result<Vec<u8>, NoRandomness> {
    let salt = random::<SALT>()?;
    let head = [HEAD, &salt].concat();
    // Salt and parameters are well formed, so stretching cannot fail.
    let key = stretched(passcode, &salt).ok_or(NoRandomness)?;
    let sealed = committing_aead::seal(&key, &head, content)?;
    Ok([head, sealed].concat())
}

/// Decrypts what [`seal`] made. Takes as long.
///
/// # Errors
/// [`Broken`]; nothing of the content is released then.
pub fn open(passcode: &Passcode, file: &[u8]) -> Result<Secret, Broken> {
    let (head, sealed) = file.split_at_checked(HEAD.len().saturating_add(SALT)).ok_or(Broken::NotABackup)?;
    let salt = head.strip_prefix(HEAD).ok_or(Broken::NotABackup)?;
    let key = stretched(passcode, salt).ok_or(Broken::NotABackup)?;
    committing_aead::open(&key, head, sealed).ok_or(Broken::Sealed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_with_its_passcode_and_unaltered_only() {
        let passcode = |text: &str| Passcode::new(text.to_owned());
        let file = seal(&passcode("correct horse"), &Secret::new(b"content".to_vec())).unwrap();
        assert_eq!(open(&passcode("correct horse"), &file).unwrap().expose(), b"content");
        assert_eq!(open(&passcode("Correct horse"), &file).map(drop), Err(Broken::Sealed));
        // In the salt, the commitment, the nonce and the tag; each try takes its time.
        for place in [HEAD.len(), HEAD.len() + SALT, HEAD.len() + SALT + 32, file.len() - 1] {
            let mut altered = file.clone();
            altered[place] ^= 1;
            assert_eq!(open(&passcode("correct horse"), &altered).map(drop), Err(Broken::Sealed), "{place}");
        }
        assert_eq!(open(&passcode("correct horse"), &file[1..]).map(drop), Err(Broken::NotABackup));
        assert_eq!(open(&passcode("correct horse"), HEAD).map(drop), Err(Broken::NotABackup));
        assert_eq!(open(&passcode("correct horse"), &file[..file.len() - 7]).map(drop), Err(Broken::Sealed));
    }
}
