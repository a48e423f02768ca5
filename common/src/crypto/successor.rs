//! A new identity key that takes the place of a former one (decision D47; protocol section 8.9).
//!
//! Both keys sign the same statement, so that nobody who holds only one of them can make it: the former says who is
//! meant by it, the new one that it is somebody's. It lists the certificates of the user's terminals that hold on, so that the
//! places these have in rooms stay theirs; what the former key signs later is worth nothing.

use super::identity::{BadKey, IdentityKey, PublicKey};
use super::{NoRandomness, transcript};
use crate::ident::{ContentDigest, KeyDigest, UserId};
use crate::msg::{Blob, Hex, Successor};

/// Lets `new` take the place of `old`.
///
/// # Errors
/// [`NoRandomness`].
pub fn sign(
    user: &UserId,
    directory: &KeyDigest,
    (old, new): (&IdentityKey, &IdentityKey),
    certificates: Vec<ContentDigest>,
) -> Result<Successor, NoRandomness> {
    let keys = (&old.public().digest(), &new.public().digest());
    let transcript = transcript::successor(user, directory, keys, &certificates);
    Ok(Successor {
        userid: user.clone(),
        former: Hex(old.public().as_pkcs1().to_vec()),
        publickey: Hex(new.public().as_pkcs1().to_vec()),
        certificates,
        former_signature: Blob(old.sign(&transcript)?),
        signature: Blob(new.sign(&transcript)?),
    })
}

/// A statement that both keys have signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The key that was given up.
    pub former: KeyDigest,
    /// The key that took its place.
    pub key: PublicKey,
    /// Fingerprints of the certificates that hold on.
    pub certificates: Vec<ContentDigest>,
}

/// Verifies a statement about `user`, made for this directory.
///
/// # Errors
/// [`BadKey`] names the broken rule.
pub fn verify(successor: &Successor, user: &UserId, directory: &KeyDigest) -> Result<Verified, BadKey> {
    let (former, key) = (PublicKey::from_pkcs1(&successor.former.0)?, PublicKey::from_pkcs1(&successor.publickey.0)?);
    if former == key || successor.userid != *user {
        return Err(BadKey::Signature);
    }
    let keys = (&former.digest(), &key.digest());
    let transcript = transcript::successor(user, directory, keys, &successor.certificates);
    former.verify(&transcript, &successor.former_signature.0)?;
    key.verify(&transcript, &successor.signature.0)?;
    Ok(Verified { former: former.digest(), key, certificates: successor.certificates.clone() })
}

/// Two different keys were to take the place of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("two keys were to take the place of one")]
pub struct Forked;

/// What has followed a key, in order; empty if nothing has.
///
/// # Errors
/// [`Forked`].
pub fn follow<'a>(all: &'a [Verified], from: &KeyDigest) -> Result<Vec<&'a Verified>, Forked> {
    let (mut path, mut at) = (Vec::<&Verified>::new(), *from);
    while path.len() < all.len() {
        let mut next = all.iter().filter(|verified| verified.former == at);
        let Some(first) = next.next() else { break };
        if next.any(|other| other.key != first.key) {
            return Err(Forked);
        }
        at = first.key.digest();
        path.push(first);
    }
    Ok(path)
}

/// The certificates that hold on by the statements which end in `key`.
#[must_use]
pub fn carried(all: &[Verified], key: &KeyDigest) -> Vec<ContentDigest> {
    let (mut carried, mut at) = (Vec::new(), *key);
    for _ in all {
        let Some(last) = all.iter().find(|verified| verified.key.digest() == at) else { break };
        carried.extend(&last.certificates);
        at = last.former;
    }
    carried
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::Example;

    const DIRECTORY: KeyDigest = KeyDigest([1; 32]);

    fn statement(old: Example, new: Example) -> Successor {
        let (user, old, new) = (Example::Ali.user().unwrap(), old.identity().unwrap(), new.identity().unwrap());
        sign(&user, &DIRECTORY, (&old, &new), vec![ContentDigest([7; 32])]).unwrap()
    }

    fn verified(old: Example, new: Example) -> Verified {
        verify(&statement(old, new), &Example::Ali.user().unwrap(), &DIRECTORY).unwrap()
    }

    #[test]
    fn holds_for_one_user_one_directory_and_both_keys_only() {
        let (ali, good) = (Example::Ali.user().unwrap(), statement(Example::Ali, Example::Bianca));
        let told = verify(&good, &ali, &DIRECTORY).unwrap();
        assert_eq!(told.key, *Example::Bianca.identity().unwrap().public());
        assert!(verify(&good, &Example::Carol.user().unwrap(), &DIRECTORY).is_err());
        assert!(verify(&good, &ali, &KeyDigest([2; 32])).is_err());
        let other = statement(Example::Carol, Example::Bianca);
        for altered in [
            Successor { former: other.former.clone(), ..good.clone() },
            Successor { publickey: other.former.clone(), ..good.clone() },
            Successor { certificates: Vec::new(), ..good.clone() },
            Successor { former_signature: good.signature.clone(), ..good.clone() },
            Successor { signature: good.former_signature.clone(), ..good.clone() },
            Successor { former_signature: other.former_signature, former: other.former.clone(), ..good.clone() },
            Successor { userid: Example::Carol.user().unwrap(), ..good.clone() },
        ] {
            assert!(verify(&altered, &ali, &DIRECTORY).is_err(), "{altered:?}");
        }
        assert!(verify(&statement(Example::Ali, Example::Ali), &ali, &DIRECTORY).is_err(), "of itself");
    }

    #[test]
    fn a_key_is_followed_to_the_last_and_not_where_two_ways_part() {
        use Example::{Ali, Bianca, Carol};
        let key = |example: Example| example.identity().unwrap().public().digest();
        let line = [verified(Bianca, Carol), verified(Ali, Bianca)];
        let path = follow(&line, &key(Ali)).unwrap();
        assert_eq!(path.iter().map(|told| told.key.digest()).collect::<Vec<_>>(), [key(Bianca), key(Carol)]);
        assert_eq!(follow(&line, &key(Carol)).unwrap(), Vec::<&Verified>::new());
        assert_eq!(follow(&[verified(Ali, Bianca), verified(Ali, Carol)], &key(Ali)), Err(Forked));
        assert_eq!(follow(&[verified(Ali, Bianca), verified(Bianca, Ali)], &key(Ali)).unwrap().len(), 2, "ends");
        assert_eq!(carried(&line, &key(Carol)).len(), 2);
        assert_eq!(carried(&line, &key(Bianca)).len(), 1);
        assert_eq!(carried(&line, &key(Ali)), []);
    }
}
