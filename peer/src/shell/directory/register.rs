//! First contact: who may register, invitations, registration (protocol sections 5.1 and 5.2).

use common::crypto::identity::IdentityKey;
use common::crypto::invite::{InviteCode, proof_holds};
use common::crypto::opaque::ClientRegistration;
use common::crypto::transcript::{self, Channel};
use common::crypto::vault;
use common::ident::UserId;
use common::msg::{
    Blob, FromDirectory, Hello, Hex, InviteReq, RegisterRefusal, RegisterReply, RegisterReq, RegisterStatus,
    RegisterUpload, Welcome,
};
use common::secret::Passcode;

use super::DirectoryConnection;
use crate::shell::rt;
use crate::store::state::KnownVault;
use peer_core::notice::{Failure, RegisterRefused};

/// Version of the first vault of a user.
const FIRST_VAULT: u64 = 1;

/// Why a registration did not succeed.
#[derive(Debug)]
pub(crate) enum NotRegistered {
    /// The directory said no.
    Refused(RegisterRefused),
    /// Something broke.
    Failed(Failure),
}

impl From<Failure> for NotRegistered {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// Asks who may register, and whether the user exists.
pub(crate) async fn hello(connection: &mut DirectoryConnection, user: &UserId) -> Result<Welcome, Failure> {
    match connection.ask(Hello { userid: user.clone() }).await? {
        FromDirectory::Welcome(welcome) => Ok(welcome),
        other => Err(connection.unexpected(&other)),
    }
}

/// Whether the directory knows the invitation (decision D23). Until it does, nothing else is sent to it.
pub(crate) async fn directory_knows(
    connection: &mut DirectoryConnection,
    user: &UserId,
    code: &InviteCode,
) -> Result<bool, Failure> {
    match connection.ask(InviteReq { userid: user.clone() }).await? {
        FromDirectory::InviteProof(answer) => {
            Ok(proof_holds(&code.directory_proof(connection.channel(user)), &answer.proof))
        }
        other => Err(connection.unexpected(&other)),
    }
}

/// Registers; gives the vault to keep. A new identity key is made, off the executor, before anything is asked.
pub(crate) async fn register(
    connection: &mut DirectoryConnection,
    identity: IdentityKey,
    user: &UserId,
    passcode: Passcode,
    invite: Option<&InviteCode>,
) -> Result<KnownVault, NotRegistered> {
    let (client, request) =
        ClientRegistration::start(passcode).map_err(|e| NotRegistered::Failed(connection.broken(&e.to_string())))?;
    let invite = invite.map(|code| code.peer_proof(connection.channel(user)));
    let request = RegisterReq { userid: user.clone(), passcode: Blob(request), invite };
    let answer = match connection.ask(request).await? {
        FromDirectory::RegisterChallenge(answer) => answer,
        FromDirectory::RegisterReply(reply) => return Err(NotRegistered::Refused(refused(&reply))),
        other => return Err(connection.unexpected(&other).into()),
    };

    let (owner, directory, exporter) = (user.clone(), connection.key, connection.exporter);
    let hashed = rt::unblock(move || {
        let channel = Channel { user: &owner, directory: &directory, exporter: &exporter };
        client.finish(&answer.passcode.0, channel)
    });
    let (record, export_key) = hashed.await.map_err(|e| connection.broken(&e.to_string()))?;

    let sealed = vault::seal(&export_key, user, FIRST_VAULT, &identity).map_err(internal)?;
    let mut upload = RegisterUpload {
        passcode: Blob(record),
        publickey: Hex(identity.public().as_pkcs1().to_vec()),
        signature: Blob::default(),
        vault: Blob(sealed.clone()),
    };
    let transcript = transcript::registration(connection.channel(user), &answer.challenge, &upload);
    upload.signature = Blob(identity.sign(&transcript).map_err(internal)?);
    match connection.ask(upload).await? {
        FromDirectory::RegisterReply(reply) if reply.status == RegisterStatus::Registered => {
            Ok(KnownVault { sealed, version: FIRST_VAULT, key: identity.public().digest() })
        }
        FromDirectory::RegisterReply(reply) => Err(NotRegistered::Refused(refused(&reply))),
        other => Err(connection.unexpected(&other).into()),
    }
}

fn internal(error: common::crypto::NoRandomness) -> NotRegistered {
    NotRegistered::Failed(Failure::Internal { detail: error.to_string() })
}

fn refused(reply: &RegisterReply) -> RegisterRefused {
    refusal(reply.reason, reply.retry_after)
}

/// A reason of the directory, and the seconds that go with it.
pub(crate) fn refusal(why: Option<RegisterRefusal>, retry_after: Option<u64>) -> RegisterRefused {
    match why {
        Some(RegisterRefusal::Invite) => RegisterRefused::Invite,
        Some(RegisterRefusal::Closed) => RegisterRefused::Closed,
        Some(RegisterRefusal::Key) => RegisterRefused::Key,
        Some(RegisterRefusal::TooMany) => RegisterRefused::TooMany { retry_after: retry_after.unwrap_or(60) },
        Some(RegisterRefusal::Unavailable | RegisterRefusal::Other) | None => RegisterRefused::Unavailable,
    }
}
