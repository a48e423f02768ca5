//! TLS configuration: version 1.3, raw public keys (RFC 7250), X25519MLKEM768 and nothing else (decision D5, threat P2).
//!
//! Resumption, tickets and early data are off on both sides: a resumed handshake would skip the key verifiers, so a
//! revoked key would keep working. Protocol section 3.1.

use std::sync::Arc;

use rustls::client::AlwaysResolvesClientRawPublicKeys;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime,
};
use rustls::server::AlwaysResolvesServerRawPublicKeys;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, PeerIncompatible, PeerMisbehaved,
    ServerConfig, SignatureScheme, version,
};

use crate::crypto::directory_key::DirectoryKey;
use crate::crypto::identity::{IdentityKey, PublicKey};
use crate::ident::KeyDigest;

const ALPN_DIRECTORY: &[u8] = b"directory/1";
const ALPN_PEER: &[u8] = b"peer/1";
/// Raw public keys have no names; TLS wants one all the same.
const NO_NAME: &str = "raw.invalid";

/// Which key the other side may show.
#[derive(Debug)]
enum Expected {
    /// A directory: any P-256 key. Whoever opened the connection compares it with the pin before sending anything.
    Directory,
    /// The terminal called: exactly this key, as SubjectPublicKeyInfo.
    Callee(Vec<u8>),
    /// A caller: any well-formed identity key except our own. `CONNECTREQ` and a lookup decide (threat P1).
    Caller { ours: KeyDigest },
}

#[derive(Debug)]
struct RawKeyVerifier {
    expected: Expected,
    algorithms: WebPkiSupportedAlgorithms,
}

impl RawKeyVerifier {
    fn new(expected: Expected, provider: &CryptoProvider) -> Arc<Self> {
        Arc::new(Self { expected, algorithms: provider.signature_verification_algorithms })
    }

    fn judge(&self, shown: &CertificateDer<'_>) -> Result<(), Error> {
        let acceptable = match &self.expected {
            // The one signature scheme allowed admits nothing but P-256.
            Expected::Directory => true,
            Expected::Callee(key) => key.as_slice() == shown.as_ref(),
            Expected::Caller { ours } => PublicKey::from_spki(shown).is_ok_and(|key| key.digest() != *ours),
        };
        if acceptable {
            Ok(())
        } else {
            Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
        }
    }

    fn schemes(&self) -> Vec<SignatureScheme> {
        match self.expected {
            Expected::Directory => vec![SignatureScheme::ECDSA_NISTP256_SHA256],
            Expected::Callee(_) | Expected::Caller { .. } => vec![SignatureScheme::RSA_PSS_SHA256],
        }
    }

    fn verify_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        // rustls leaves this to the verifier: without it every scheme of the provider would pass.
        if !self.schemes().contains(&signature.scheme) {
            return Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into());
        }
        let key = SubjectPublicKeyInfoDer::from(key.as_ref());
        verify_tls13_signature_with_raw_key(message, &key, signature, &self.algorithms)
    }
}

/// The half that both verifiers have in common: TLS 1.3 only, raw keys only, our schemes only.
macro_rules! signature_checks {
    () => {
        fn verify_tls12_signature(
            &self,
            _message: &[u8],
            _key: &CertificateDer<'_>,
            _signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Err(Error::PeerIncompatible(PeerIncompatible::Tls12NotOffered))
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            key: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            self.verify_signature(message, key, signature)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.schemes()
        }

        fn requires_raw_public_keys(&self) -> bool {
            true
        }
    };
}

impl ServerCertVerifier for RawKeyVerifier {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.judge(shown).map(|()| ServerCertVerified::assertion())
    }

    signature_checks!();
}

impl ClientCertVerifier for RawKeyVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        shown: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.judge(shown).map(|()| ClientCertVerified::assertion())
    }

    signature_checks!();
}

fn provider() -> Arc<CryptoProvider> {
    let mut provider = aws_lc_rs::default_provider();
    provider.kx_groups = vec![aws_lc_rs::kx_group::X25519MLKEM768];
    Arc::new(provider)
}

/// A private key with its SubjectPublicKeyInfo in the place of a certificate.
fn raw_key(key: PrivateKeyDer<'static>, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, Error> {
    let signer = provider.key_provider.load_private_key(key)?;
    let spki = signer.public_key().ok_or(Error::General("no public key".into()))?.to_vec();
    Ok(Arc::new(CertifiedKey::new(vec![CertificateDer::from(spki)], signer)))
}

fn identity_key(identity: &IdentityKey, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, Error> {
    identity.for_tls(|| {
        let der = PrivatePkcs1KeyDer::from(identity.to_pkcs1().expose().to_vec());
        raw_key(PrivateKeyDer::Pkcs1(der), provider)
    })
}

fn without_tickets(mut config: ServerConfig, alpn: &[u8]) -> Arc<ServerConfig> {
    config.alpn_protocols = vec![alpn.to_vec()];
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    config.max_early_data_size = 0;
    Arc::new(config)
}

fn without_resumption(mut config: ClientConfig, alpn: &[u8]) -> Arc<ClientConfig> {
    config.alpn_protocols = vec![alpn.to_vec()];
    config.resumption = rustls::client::Resumption::disabled();
    config.enable_early_data = false;
    config.enable_sni = false;
    Arc::new(config)
}

/// What a directory accepts connections with. Peers show no key in TLS; they prove themselves by `ANNOUNCE`.
///
/// # Errors
/// [`Error`] if the key cannot be used.
pub fn directory_server(key: &DirectoryKey) -> Result<Arc<ServerConfig>, Error> {
    let provider = provider();
    let key = raw_key(key.to_tls(), &provider)?;
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&version::TLS13])?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(key)));
    Ok(without_tickets(config, ALPN_DIRECTORY))
}

/// What a peer connects to a directory with. Compare [`super::Link::peer_key`] with the pin before sending anything.
///
/// # Errors
/// [`Error`] if the configuration is inconsistent.
pub fn directory_client() -> Result<Arc<ClientConfig>, Error> {
    let provider = provider();
    let verifier = RawKeyVerifier::new(Expected::Directory, &provider);
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    Ok(without_resumption(config, ALPN_DIRECTORY))
}

/// What a terminal accepts calls with: mutual authentication with identity keys.
///
/// # Errors
/// [`Error`] if the key cannot be used.
pub fn peer_server(identity: &IdentityKey) -> Result<Arc<ServerConfig>, Error> {
    let provider = provider();
    let verifier = RawKeyVerifier::new(Expected::Caller { ours: identity.public().digest() }, &provider);
    let key = identity_key(identity, &provider)?;
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&version::TLS13])?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(key)));
    Ok(without_tickets(config, ALPN_PEER))
}

/// What a terminal calls with: only the holder of `callee` can answer.
///
/// # Errors
/// [`Error`] if a key cannot be used.
pub fn peer_client(identity: &IdentityKey, callee: &PublicKey) -> Result<Arc<ClientConfig>, Error> {
    let provider = provider();
    let spki = callee.to_spki().map_err(|e| Error::General(e.to_string()))?;
    let verifier = RawKeyVerifier::new(Expected::Callee(spki), &provider);
    let key = identity_key(identity, &provider)?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(key)));
    Ok(without_resumption(config, ALPN_PEER))
}

pub(super) fn no_name() -> Result<ServerName<'static>, Error> {
    ServerName::try_from(NO_NAME).map_err(|e| Error::General(e.to_string()))
}
