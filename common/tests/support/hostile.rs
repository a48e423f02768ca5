//! Counterparts that break one rule of the TLS profile each and keep all others.

use std::sync::Arc;

use common::crypto::identity::IdentityKey;
use rsa::RsaPrivateKey;
use rsa::pkcs8::EncodePublicKey as _;
use rsa::pss::BlindedSigningKey;
use rsa::rand_core::OsRng;
use rsa::signature::{RandomizedSigner as _, SignatureEncoding as _};
use rustls::client::AlwaysResolvesClientRawPublicKeys;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{AlwaysResolvesServerRawPublicKeys, ResolvesServerCert};
use rustls::sign::{CertifiedKey, Signer, SigningKey, SingleCertAndKey};
use rustls::{
    ClientConfig, DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureAlgorithm, SignatureScheme,
    SupportedProtocolVersion, version,
};
use sha2::Sha256;

/// What kind of key a counterpart asks for and shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyKind {
    /// RFC 7250.
    Raw,
    /// A certificate.
    X509,
}

/// Believes every key and every signature, so that only our side can refuse.
#[derive(Debug)]
struct Gullible(KeyKind);

impl Gullible {
    fn schemes() -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

impl ServerCertVerifier for Gullible {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        Self::schemes()
    }

    fn requires_raw_public_keys(&self) -> bool {
        self.0 == KeyKind::Raw
    }
}

impl ClientCertVerifier for Gullible {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        Self::schemes()
    }

    fn requires_raw_public_keys(&self) -> bool {
        self.0 == KeyKind::Raw
    }
}

/// A counterpart; the fields that a test does not change are those of an honest one.
#[derive(Debug, Clone)]
pub(crate) struct Hostile {
    /// The one TLS version it speaks.
    pub(crate) version: &'static SupportedProtocolVersion,
    /// Key exchanges it offers.
    pub(crate) groups: Vec<&'static dyn SupportedKxGroup>,
    /// Protocols it names.
    pub(crate) alpn: Vec<Vec<u8>>,
    /// The kind of key it asks for.
    pub(crate) asks: KeyKind,
    /// The kind of key it shows.
    pub(crate) shows: KeyKind,
    /// What it shows, and what it signs with; nothing if it does not authenticate.
    pub(crate) key: Option<Arc<CertifiedKey>>,
    /// Whether it tries to resume sessions and to send early data.
    pub(crate) resumption: Resumption,
}

/// Whether tickets are given out, kept, used, and early data sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resumption {
    /// As the protocol wants it.
    Off,
    /// Everything TLS 1.3 offers.
    On,
}

impl Hostile {
    /// Breaks no rule yet.
    pub(crate) fn new(alpn: &[u8], key: Option<Arc<CertifiedKey>>) -> Self {
        Self {
            version: &version::TLS13,
            groups: vec![aws_lc_rs::kx_group::X25519MLKEM768],
            alpn: vec![alpn.to_vec()],
            asks: KeyKind::Raw,
            shows: KeyKind::Raw,
            key,
            resumption: Resumption::Off,
        }
    }

    fn provider(&self) -> Arc<CryptoProvider> {
        Arc::new(CryptoProvider { kx_groups: self.groups.clone(), ..aws_lc_rs::default_provider() })
    }

    /// The counterpart as the side that accepts; `clients` says whether it wants to see a key too.
    pub(crate) fn server(&self, clients: Clients) -> Arc<ServerConfig> {
        let builder =
            ServerConfig::builder_with_provider(self.provider()).with_protocol_versions(&[self.version]).unwrap();
        let builder = match clients {
            Clients::ShowKeys => builder.with_client_cert_verifier(Arc::new(Gullible(self.asks))),
            Clients::Anonymous => builder.with_no_client_auth(),
        };
        let key = self.key.clone().unwrap();
        let resolver: Arc<dyn ResolvesServerCert> = match self.shows {
            KeyKind::Raw => Arc::new(AlwaysResolvesServerRawPublicKeys::new(key)),
            KeyKind::X509 => Arc::new(SingleCertAndKey::from((*key).clone())),
        };
        let mut config = builder.with_cert_resolver(resolver);
        config.alpn_protocols = self.alpn.clone();
        if self.resumption == Resumption::On {
            config.session_storage = rustls::server::ServerSessionMemoryCache::new(16);
            config.send_tls13_tickets = 4;
            config.max_early_data_size = 4096;
        }
        Arc::new(config)
    }

    /// The counterpart as the side that connects.
    pub(crate) fn client(&self) -> Arc<ClientConfig> {
        let builder = ClientConfig::builder_with_provider(self.provider())
            .with_protocol_versions(&[self.version])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Gullible(self.asks)));
        let mut config = match (&self.key, self.shows) {
            (None, _) => builder.with_no_client_auth(),
            (Some(key), KeyKind::Raw) => {
                builder.with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(Arc::clone(key))))
            }
            (Some(key), KeyKind::X509) => {
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from((**key).clone())))
            }
        };
        config.alpn_protocols = self.alpn.clone();
        config.enable_early_data = self.resumption == Resumption::On;
        if self.resumption == Resumption::Off {
            config.resumption = rustls::client::Resumption::disabled();
        }
        Arc::new(config)
    }
}

/// Whether a hostile server wants its clients to show a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clients {
    /// As between terminals.
    ShowKeys,
    /// As at a directory.
    Anonymous,
}

/// An identity key, as an honest terminal shows it.
pub(crate) fn raw_identity(identity: &IdentityKey) -> Arc<CertifiedKey> {
    shown(identity.public().to_spki().unwrap(), identity_signer(identity))
}

/// A key pair whose public half is shown as the bytes `public`.
pub(crate) fn shown(public: Vec<u8>, signer: Arc<dyn SigningKey>) -> Arc<CertifiedKey> {
    Arc::new(CertifiedKey::new(vec![CertificateDer::from(public)], signer))
}

/// Signs with an identity key.
pub(crate) fn identity_signer(identity: &IdentityKey) -> Arc<dyn SigningKey> {
    let der = PrivateKeyDer::Pkcs1(PrivatePkcs1KeyDer::from(identity.to_pkcs1().expose().to_vec()));
    aws_lc_rs::sign::any_supported_type(&der).unwrap()
}

/// A self-signed certificate for a new key of `algorithm`, with the key.
pub(crate) fn certificate(algorithm: &'static rcgen::SignatureAlgorithm) -> (Vec<u8>, Arc<dyn SigningKey>) {
    let pair = rcgen::KeyPair::generate_for(algorithm).unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["raw.invalid".into()]).unwrap().self_signed(&pair).unwrap();
    let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pair.serialize_der()));
    (certificate.der().to_vec(), aws_lc_rs::sign::any_supported_type(&der).unwrap())
}

/// Signs with a scheme of its own choice, whatever was offered.
#[derive(Debug)]
pub(crate) struct Wilful {
    /// Signs in the end.
    pub(crate) key: Arc<dyn SigningKey>,
    /// The scheme used.
    pub(crate) scheme: SignatureScheme,
}

impl SigningKey for Wilful {
    fn choose_scheme(&self, _offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        self.key.choose_scheme(&[self.scheme])
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.key.algorithm()
    }
}

/// An RSA key of any size and exponent, which the TLS library itself would refuse to load.
#[derive(Debug, Clone)]
pub(crate) struct OddRsa(pub(crate) RsaPrivateKey);

impl OddRsa {
    /// A key of `bits` bits with the public exponent `e`.
    pub(crate) fn generate(bits: usize, e: u32) -> Self {
        Self(RsaPrivateKey::new_with_exp(&mut OsRng, bits, &e.into()).unwrap())
    }

    /// What an honest terminal would show of it.
    pub(crate) fn spki(&self) -> Vec<u8> {
        self.0.to_public_key().to_public_key_der().unwrap().into_vec()
    }
}

impl SigningKey for OddRsa {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        offered.contains(&SignatureScheme::RSA_PSS_SHA256).then(|| Box::new(self.clone()) as Box<dyn Signer>)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::RSA
    }
}

impl Signer for OddRsa {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(BlindedSigningKey::<Sha256>::new(self.0.clone()).sign_with_rng(&mut OsRng, message).to_vec())
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::RSA_PSS_SHA256
    }
}
