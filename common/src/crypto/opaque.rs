//! Passcode authentication: OPAQUE (RFC 9807) with ristretto255, TripleDH, SHA-512 and Argon2id (decision D8).
//!
//! The passcode never leaves the terminal; the directory stores a record that allows no guessing without
//! [`ServerSecret`], which lives in a file of its own (decision D11). Every run is bound to the user, the directory's
//! key and the TLS connection through the OPAQUE identities and context (protocol section 8.4).

use std::fmt;

use opaque_ke::argon2::{Algorithm, Argon2, Params, Version};
use opaque_ke::ciphersuite::CipherSuite;

use opaque_ke::{
    ClientLoginFinishParameters, ClientRegistrationFinishParameters, CredentialFinalization, CredentialRequest,
    CredentialResponse, Identifiers, RegistrationRequest, RegistrationResponse, RegistrationUpload, Ristretto255,
    ServerLoginParameters, ServerRegistration, ServerSetup, TripleDh,
};
use rsa::rand_core::OsRng;

use region::LockGuard;
use zeroize::Zeroize as _;

use super::transcript::Channel;
use super::{NoRandomness, hmac_sha256, random};
use crate::ident::{CredentialId, Mac, UserId};
use crate::locked::{self, Locked};
use crate::secret::{Passcode, Secret};

/// Version of the Argon2id parameters, stored with each record so that they can be raised later.
pub const KSF_VERSION: u8 = 1;
/// Argon2id memory of version 1, in KiB: 64 MiB.
const KSF_MEMORY: u32 = 64 * 1024;
/// Argon2id passes of version 1. With 64 MiB about 0.12 s on one core, paid by the terminal.
const KSF_PASSES: u32 = 3;
const CONTEXT: &[u8] = b"peer-messenger/1 opaque";
/// Length of KE3.
pub const KE3_LENGTH: usize = 64;
const REQUEST: usize = 32;
const RESPONSE: usize = 64;
const RECORD: usize = 192;
const KE1: usize = 96;
const KE2: usize = 320;

/// The one suite of the protocol.
#[derive(Debug)]
struct Suite;

impl CipherSuite for Suite {
    type OprfCs = Ristretto255;
    type KeyExchange = TripleDh<Ristretto255, sha2::Sha512>;
    type Ksf = Argon2<'static>;
}

/// Why a run of OPAQUE failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// A message or record of the wrong length or with an invalid group element.
    #[error("not a valid OPAQUE message")]
    Malformed,
    /// The passcode is wrong, or the user does not exist; nobody can tell which.
    #[error("the passcode is wrong")]
    WrongPasscode,
}

/// opaque-ke ignores what is left over behind a message; we do not.
fn exactly(length: usize, message: &[u8]) -> Result<&[u8], Failure> {
    if message.len() == length { Ok(message) } else { Err(Failure::Malformed) }
}

fn ksf() -> Result<Argon2<'static>, Failure> {
    argon2id(KSF_MEMORY, KSF_PASSES)
}

/// Argon2id with this memory (KiB) and these passes, 32 bytes out, one lane.
pub(crate) fn argon2id(memory: u32, passes: u32) -> Result<Argon2<'static>, Failure> {
    let params = Params::new(memory, passes, 1, None).map_err(|_| Failure::Malformed)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn identifiers<'a>(user: &'a UserId, directory: &'a [u8; 32]) -> Identifiers<'a> {
    Identifiers { client: Some(user.as_str().as_bytes()), server: Some(directory) }
}

fn context(channel: Channel<'_>) -> Vec<u8> {
    [CONTEXT, channel.exporter].concat()
}

/// The directory's OPAQUE secret: OPRF seed and key pair (RFC 9807 section 3.2.1).
pub struct ServerSecret {
    /// Ends before the memory is given back.
    _lock: Option<LockGuard>,
    setup: Box<ServerSetup<Suite>>,
    /// The same as 128 bytes, so that no copies are made where they are needed.
    bytes: Locked,
}

impl fmt::Debug for ServerSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerSecret(…)")
    }
}

impl ServerSecret {
    /// A new secret; every passcode registered under another one becomes useless.
    #[must_use]
    pub fn generate() -> Self {
        let setup = Box::new(ServerSetup::new(&mut OsRng));
        let mut bytes = setup.serialize();
        let secret = Self::of(setup, &bytes);
        bytes.as_mut_slice().zeroize();
        secret
    }

    fn of(setup: Box<ServerSetup<Suite>>, bytes: &[u8]) -> Self {
        let lock = locked::lock(std::ptr::from_ref(&*setup), size_of::<ServerSetup<Suite>>());
        Self { _lock: lock, setup, bytes: Locked::new(bytes) }
    }

    /// Reads the 128 bytes of [`ServerSecret::to_bytes`].
    ///
    /// # Errors
    /// [`Failure::Malformed`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Failure> {
        let setup = ServerSetup::deserialize(bytes).map_err(|_| Failure::Malformed)?;
        Ok(Self::of(Box::new(setup), bytes))
    }

    /// 128 bytes for the secret file.
    #[must_use]
    pub fn to_bytes(&self) -> Secret {
        Secret::new(self.bytes.expose().to_vec())
    }

    /// The credential identifier that stands in for a user who does not exist: always the same for the same id
    /// (threat L2).
    #[must_use]
    pub fn fake_credential(&self, user: &UserId) -> CredentialId {
        let mac = hmac_sha256(self.bytes.expose(), &[b"fake credential", user.as_str().as_bytes()]);
        let mut id = [0; CredentialId::LENGTH];
        id.copy_from_slice(&mac.0[..CredentialId::LENGTH]);
        CredentialId(id)
    }

    /// What stands for a user in a log: eight hexadecimal digits that say nothing without this secret.
    #[must_use]
    pub fn pseudonym(&self, user: &UserId) -> String {
        let mac = hmac_sha256(self.bytes.expose(), &[b"log", user.as_str().as_bytes()]);
        mac.0.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
    }

    /// What is answered instead of an invitation's proof where there is no invitation: as unpredictable, and always the
    /// same for the same user on the same connection (threat L2).
    #[must_use]
    pub fn fake_proof(&self, channel: Channel<'_>) -> Mac {
        let parts = [b"fake invitation".as_slice(), channel.exporter, channel.user.as_str().as_bytes()];
        hmac_sha256(self.bytes.expose(), &parts)
    }
}

impl CredentialId {
    /// A new identifier.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn generate() -> Result<Self, NoRandomness> {
        random().map(Self)
    }
}

/// Directory, registration: answers `RegistrationRequest` (32 bytes) with `RegistrationResponse` (64 bytes).
///
/// # Errors
/// [`Failure::Malformed`].
pub fn register_start(secret: &ServerSecret, request: &[u8], credential: &CredentialId) -> Result<Vec<u8>, Failure> {
    let request = RegistrationRequest::deserialize(exactly(REQUEST, request)?).map_err(|_| Failure::Malformed)?;
    let started = ServerRegistration::<Suite>::start(&secret.setup, request, credential.as_bytes());
    Ok(started.map_err(|_| Failure::Malformed)?.message.serialize().to_vec())
}

/// Directory, registration: turns `RegistrationRecord` (192 bytes) into the record to store (192 bytes).
///
/// # Errors
/// [`Failure::Malformed`].
pub fn register_finish(upload: &[u8]) -> Result<Vec<u8>, Failure> {
    let upload = RegistrationUpload::<Suite>::deserialize(exactly(RECORD, upload)?).map_err(|_| Failure::Malformed)?;
    Ok(ServerRegistration::finish(upload).serialize().to_vec())
}

/// Directory, login: what is kept between KE2 and KE3.
pub struct ServerLogin(opaque_ke::ServerLogin<Suite>);

impl fmt::Debug for ServerLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerLogin(…)")
    }
}

impl ServerLogin {
    /// Answers KE1 (96 bytes) with KE2 (320 bytes). Without a record the answer is a fake of the same kind.
    ///
    /// # Errors
    /// [`Failure::Malformed`].
    pub fn start(
        secret: &ServerSecret,
        record: Option<&[u8]>,
        credential: &CredentialId,
        ke1: &[u8],
        channel: Channel<'_>,
    ) -> Result<(Self, Vec<u8>), Failure> {
        let record =
            record.map(ServerRegistration::<Suite>::deserialize).transpose().map_err(|_| Failure::Malformed)?;
        let request = CredentialRequest::deserialize(exactly(KE1, ke1)?).map_err(|_| Failure::Malformed)?;
        let context = context(channel);
        let parameters = ServerLoginParameters {
            context: Some(&context),
            identifiers: identifiers(channel.user, channel.directory.as_bytes()),
        };
        let started = opaque_ke::ServerLogin::start(
            &mut OsRng,
            &secret.setup,
            record,
            request,
            credential.as_bytes(),
            parameters,
        )
        .map_err(|_| Failure::Malformed)?;
        Ok((Self(started.state), started.message.serialize().to_vec()))
    }

    /// Checks KE3 (64 bytes).
    ///
    /// # Errors
    /// [`Failure::WrongPasscode`] for every KE3 that is not the right one.
    pub fn finish(self, ke3: &[u8], channel: Channel<'_>) -> Result<(), Failure> {
        let ke3 = exactly(KE3_LENGTH, ke3).map_err(|_| Failure::WrongPasscode)?;
        let ke3 = CredentialFinalization::deserialize(ke3).map_err(|_| Failure::WrongPasscode)?;
        let context = context(channel);
        let parameters = ServerLoginParameters {
            context: Some(&context),
            identifiers: identifiers(channel.user, channel.directory.as_bytes()),
        };
        self.0.finish(ke3, parameters).map(drop).map_err(|_| Failure::WrongPasscode)
    }
}

/// Peer, registration.
pub struct ClientRegistration {
    state: opaque_ke::ClientRegistration<Suite>,
    passcode: Passcode,
}

impl fmt::Debug for ClientRegistration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientRegistration(…)")
    }
}

impl ClientRegistration {
    /// Begins; gives `RegistrationRequest` (32 bytes).
    ///
    /// # Errors
    /// [`Failure::Malformed`] for a passcode OPAQUE cannot take (longer than 65,535 bytes).
    pub fn start(passcode: Passcode) -> Result<(Self, Vec<u8>), Failure> {
        let started = opaque_ke::ClientRegistration::<Suite>::start(&mut OsRng, passcode.expose())
            .map_err(|_| Failure::Malformed)?;
        Ok((Self { state: started.state, passcode }, started.message.serialize().to_vec()))
    }

    /// Takes `RegistrationResponse`; gives `RegistrationRecord` (192 bytes) and the export key that opens the vault
    /// (64 bytes). Hashes the passcode: run it off the executor.
    ///
    /// # Errors
    /// [`Failure::Malformed`].
    pub fn finish(self, response: &[u8], channel: Channel<'_>) -> Result<(Vec<u8>, Secret), Failure> {
        self.finish_with(&ksf()?, response, channel)
    }

    pub(crate) fn finish_with(
        self,
        ksf: &Argon2<'static>,
        response: &[u8],
        channel: Channel<'_>,
    ) -> Result<(Vec<u8>, Secret), Failure> {
        let response =
            RegistrationResponse::deserialize(exactly(RESPONSE, response)?).map_err(|_| Failure::Malformed)?;
        let parameters =
            ClientRegistrationFinishParameters::new(identifiers(channel.user, channel.directory.as_bytes()), Some(ksf));
        let finished = self
            .state
            .finish(&mut OsRng, self.passcode.expose(), response, parameters)
            .map_err(|_| Failure::Malformed)?;
        Ok((finished.message.serialize().to_vec(), Secret::new(finished.export_key.to_vec())))
    }
}

/// Peer, login.
pub struct ClientLogin {
    state: opaque_ke::ClientLogin<Suite>,
    passcode: Passcode,
}

impl fmt::Debug for ClientLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientLogin(…)")
    }
}

impl ClientLogin {
    /// Begins; gives KE1 (96 bytes).
    ///
    /// # Errors
    /// [`Failure::Malformed`] for a passcode OPAQUE cannot take.
    pub fn start(passcode: Passcode) -> Result<(Self, Vec<u8>), Failure> {
        let started =
            opaque_ke::ClientLogin::<Suite>::start(&mut OsRng, passcode.expose()).map_err(|_| Failure::Malformed)?;
        Ok((Self { state: started.state, passcode }, started.message.serialize().to_vec()))
    }

    /// Takes KE2; gives KE3 (64 bytes) and the export key. Hashes the passcode: run it off the executor.
    ///
    /// # Errors
    /// [`Failure::WrongPasscode`]: the directory has counted the attempt already.
    pub fn finish(self, ke2: &[u8], channel: Channel<'_>) -> Result<(Vec<u8>, Secret), Failure> {
        self.finish_with(&ksf()?, ke2, channel)
    }

    pub(crate) fn finish_with(
        self,
        ksf: &Argon2<'static>,
        ke2: &[u8],
        channel: Channel<'_>,
    ) -> Result<(Vec<u8>, Secret), Failure> {
        let response = CredentialResponse::deserialize(exactly(KE2, ke2)?).map_err(|_| Failure::Malformed)?;
        let context = context(channel);
        let parameters = ClientLoginFinishParameters::new(
            Some(&context),
            identifiers(channel.user, channel.directory.as_bytes()),
            Some(ksf),
        );
        let finished = self
            .state
            .finish(&mut OsRng, self.passcode.expose(), response, parameters)
            .map_err(|_| Failure::WrongPasscode)?;
        Ok((finished.message.serialize().to_vec(), Secret::new(finished.export_key.to_vec())))
    }
}
