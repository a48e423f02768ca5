//! Records: what the directory says of a terminal, signed by its own key (decision D27; protocol section 8.10).
//!
//! Knows no clock, and not who asks: whether a record fits is for whoever has verified it.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, UnparsedPublicKey};

use super::directory_key::DirectoryKey;
use super::identity::BadKey;
use super::{NoRandomness, transcript};
use crate::ident::KeyDigest;
use crate::limits::{RECORD_SLACK, RECORD_VALID};
use crate::msg::{Blob, Hex, Record};

/// Bytes of a P-256 key as SubjectPublicKeyInfo (RFC 5480), and of the point at its end.
const SPKI: usize = 91;
const POINT: usize = 65;

/// Signs records with a directory's key.
#[derive(Debug)]
pub struct Issuer {
    pair: EcdsaKeyPair,
    spki: Vec<u8>,
}

impl Issuer {
    /// Signs with this key.
    ///
    /// # Errors
    /// [`BadKey::Encoding`] if it is not a P-256 key.
    pub fn new(key: &DirectoryKey) -> Result<Self, BadKey> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.to_pkcs8().expose());
        Ok(Self { pair: pair.map_err(|_| BadKey::Encoding)?, spki: key.as_spki().to_vec() })
    }

    /// Signs what a record says; directory and signature of it are put in.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn sign(&self, record: Record) -> Result<Record, NoRandomness> {
        let record = Record { directory: Hex(self.spki.clone()), ..record };
        let transcript = transcript::record(&record, &KeyDigest::of(&self.spki));
        let signature = self.pair.sign(&SystemRandom::new(), transcript.as_bytes()).map_err(|_| NoRandomness)?;
        Ok(Record { signature: Blob(signature.as_ref().to_vec()), ..record })
    }
}

/// Verifies that the directory with this key has signed a record.
///
/// # Errors
/// [`BadKey::Encoding`] if it shows another key, [`BadKey::Signature`] if that key has not signed it.
pub fn verify(record: &Record, directory: &KeyDigest) -> Result<(), BadKey> {
    let spki = &record.directory.0;
    if KeyDigest::of(spki) != *directory || spki.len() != SPKI {
        return Err(BadKey::Encoding);
    }
    let point = spki.get(SPKI - POINT..).ok_or(BadKey::Encoding)?;
    let transcript = transcript::record(record, directory);
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
    key.verify(transcript.as_bytes(), &record.signature.0).map_err(|_| BadKey::Signature)
}

/// Whether a record is valid at this time of its directory, seconds since the epoch. One that was issued later than now was
/// issued by a clock that was wrong.
#[must_use]
pub fn is_valid(record: &Record, now: u64) -> bool {
    record.issued <= now.saturating_add(RECORD_SLACK)
        && now < record.until
        && record.until.saturating_sub(record.issued) <= RECORD_VALID.as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ident::TerminalId;
    use crate::testkit::Example;

    fn unsigned() -> Record {
        Record {
            userid: Example::Ali.user().unwrap(),
            terminal: TerminalId([1; 16]),
            key: KeyDigest([2; 32]),
            addresses: vec!["192.0.2.7:65000".parse().unwrap(), "[2001:db8::7]:65000".parse().unwrap()],
            issued: 1_700_000_000,
            until: 1_700_043_200,
            directory: Hex::default(),
            signature: Blob::default(),
        }
    }

    #[test]
    fn is_valid_to_the_second_and_not_where_a_clock_was_wrong() {
        let (record, week) = (unsigned(), RECORD_VALID.as_secs());
        let valid = |now| is_valid(&record, now);
        assert!(valid(record.issued) && valid(record.until - 1) && !valid(record.until) && !valid(u64::MAX));
        assert!(valid(record.issued - RECORD_SLACK) && !valid(record.issued - RECORD_SLACK - 1));
        let lasting = |seconds| Record { until: record.issued + seconds, ..record.clone() };
        assert!(is_valid(&lasting(week), record.issued) && !is_valid(&lasting(week + 1), record.issued));
        assert!(!is_valid(&Record { until: record.issued - 1, ..record.clone() }, record.issued));
    }

    #[test]
    fn holds_for_what_was_signed_and_the_directory_that_has_signed_it_only() {
        let [ours, other] = [DirectoryKey::generate().unwrap(), DirectoryKey::generate().unwrap()];
        let good = Issuer::new(&ours).unwrap().sign(unsigned()).unwrap();
        assert_eq!(verify(&good, &ours.digest()), Ok(()));
        assert_eq!(verify(&good, &other.digest()), Err(BadKey::Encoding));
        let theirs = Issuer::new(&other).unwrap().sign(unsigned()).unwrap();
        assert_eq!(verify(&theirs, &ours.digest()), Err(BadKey::Encoding), "of another directory");
        let borrowed = Record { directory: good.directory.clone(), ..theirs };
        assert_eq!(verify(&borrowed, &ours.digest()), Err(BadKey::Signature), "that shows our key");
        let mut turned = good.addresses.clone();
        turned.reverse();
        let (first, elsewhere) = (good.addresses[..1].to_vec(), "192.0.2.7:65001".parse().unwrap());
        for altered in [
            Record { userid: Example::Carol.user().unwrap(), ..good.clone() },
            Record { terminal: TerminalId([9; 16]), ..good.clone() },
            Record { key: KeyDigest([9; 32]), ..good.clone() },
            Record { addresses: turned, ..good.clone() },
            Record { addresses: first, ..good.clone() },
            Record { addresses: vec![elsewhere], ..good.clone() },
            Record { addresses: Vec::new(), ..good.clone() },
            Record { issued: good.issued + 1, ..good.clone() },
            Record { until: good.until + 1, ..good.clone() },
            Record { signature: Blob::default(), ..good.clone() },
            Record { signature: Blob(vec![0; 64]), ..good.clone() },
        ] {
            assert_eq!(verify(&altered, &ours.digest()), Err(BadKey::Signature), "{altered:?}");
        }
        for byte in 0..good.signature.0.len() {
            let mut altered = good.clone();
            altered.signature.0[byte] ^= 1;
            verify(&altered, &ours.digest()).unwrap_err();
        }
        for length in 0..SPKI {
            let mut altered = good.clone();
            altered.directory.0.truncate(length);
            assert_eq!(verify(&altered, &ours.digest()), Err(BadKey::Encoding));
            assert_eq!(verify(&altered, &KeyDigest::of(&altered.directory.0)), Err(BadKey::Encoding));
        }
    }
}
