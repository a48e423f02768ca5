//! Counterparts that break the TLS profile of protocol section 3.1: each is refused by our side (threat P2).
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

#[path = "support/hostile.rs"]
mod hostile;

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use common::crypto::directory_key::DirectoryKey;
use common::frame::Padding;
use common::link::{Link, LinkError, tls};
use common::testkit::{Example, Pipe, duplex};
use futures::executor::block_on;
use futures::io::{AsyncReadExt as _, AsyncWriteExt as _};
use futures::join;
use hostile::{
    Clients, Hostile, KeyKind, OddRsa, Resumption, Wilful, certificate, identity_signer, raw_identity, shown,
};
use rustls::crypto::aws_lc_rs::kx_group;
use rustls::pki_types::ServerName;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, ClientConnection, Error, HandshakeKind, PeerIncompatible,
    PeerMisbehaved, ServerConfig, ServerConnection, SignatureScheme, version,
};

const PEER: &[u8] = b"peer/1";
const DIRECTORY: &[u8] = b"directory/1";

/// Bianca's terminal is called by `caller`: what her side says.
fn calls_bianca(caller: &Hostile) -> Result<(), LinkError> {
    let ours = tls::peer_server(&Example::Bianca.identity().unwrap()).unwrap();
    serve(ours, caller.client())
}

/// Ali's terminal calls bianca, and `callee` answers: what his side says.
fn answers_ali(callee: &Hostile) -> Result<(), LinkError> {
    let bianca = Example::Bianca.identity().unwrap().public().clone();
    let ours = tls::peer_client(&Example::Ali.identity().unwrap(), &bianca).unwrap();
    connect(ours, callee.server(Clients::ShowKeys))
}

/// A terminal connects to `directory`: what its side says.
fn poses_as_directory(directory: &Hostile) -> Result<(), LinkError> {
    connect(tls::directory_client().unwrap(), directory.server(Clients::Anonymous))
}

/// `client` connects to our directory: what the directory's side says.
fn connects_to_directory(client: &Hostile) -> Result<(), LinkError> {
    serve(tls::directory_server(&DirectoryKey::generate().unwrap()).unwrap(), client.client())
}

fn serve(ours: Arc<ServerConfig>, theirs: Arc<ClientConfig>) -> Result<(), LinkError> {
    let (near, far) = duplex(65_536);
    outcome(Link::server(near, ours).unwrap(), Link::client(far, theirs).unwrap())
}

fn connect(ours: Arc<ClientConfig>, theirs: Arc<ServerConfig>) -> Result<(), LinkError> {
    let (near, far) = duplex(65_536);
    outcome(Link::client(near, ours).unwrap(), Link::server(far, theirs).unwrap())
}

/// Whether our side completes the handshake and would take a message.
fn outcome(mut ours: Link<Pipe>, mut theirs: Link<Pipe>) -> Result<(), LinkError> {
    let theirs = async move {
        if theirs.handshake().await.is_ok() {
            let _ = theirs.queue(b"{}", Padding::None);
            let _ = theirs.flush().await;
            let _ = theirs.next().await;
        }
    };
    let ours = async move {
        ours.handshake().await?;
        ours.next().await.map(drop)
    };
    block_on(async { join!(ours, theirs) }).0
}

fn bianca() -> Option<Arc<rustls::sign::CertifiedKey>> {
    Some(raw_identity(&Example::Bianca.identity().unwrap()))
}

fn ali() -> Option<Arc<rustls::sign::CertifiedKey>> {
    Some(raw_identity(&Example::Ali.identity().unwrap()))
}

/// A directory's key: P-256 as SubjectPublicKeyInfo.
fn p256() -> Option<Arc<rustls::sign::CertifiedKey>> {
    let (_, signer) = certificate(&rcgen::PKCS_ECDSA_P256_SHA256);
    Some(shown(signer.public_key().unwrap().to_vec(), signer))
}

fn tls_error(result: Result<(), LinkError>) -> Error {
    match result {
        Err(LinkError::Tls(error)) => error,
        other => panic!("{other:?}"),
    }
}

const NOT_ACCEPTED: Error = Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure);

/// Without this the other tests could pass because the counterparts are broken in some further way.
#[test]
fn counterparts_that_break_no_rule_are_taken() {
    calls_bianca(&Hostile::new(PEER, ali())).unwrap();
    answers_ali(&Hostile::new(PEER, bianca())).unwrap();
    poses_as_directory(&Hostile::new(DIRECTORY, p256())).unwrap();
    connects_to_directory(&Hostile::new(DIRECTORY, None)).unwrap();
    let good = OddRsa::generate(2048, 65_537);
    calls_bianca(&Hostile::new(PEER, Some(shown(good.spki(), Arc::new(good))))).unwrap();
}

#[test]
fn a_caller_with_tls_1_2_only_is_refused() {
    let (x509, signer) = certificate(&rcgen::PKCS_ECDSA_P256_SHA256);
    let old = Hostile {
        version: &version::TLS12,
        groups: vec![kx_group::X25519],
        asks: KeyKind::X509,
        shows: KeyKind::X509,
        ..Hostile::new(PEER, Some(shown(x509, signer)))
    };
    assert!(matches!(
        tls_error(calls_bianca(&old)),
        Error::PeerIncompatible(
            PeerIncompatible::Tls13RequiredForQuic
                | PeerIncompatible::SupportedVersionsExtensionRequired
                | PeerIncompatible::Tls12NotOfferedOrEnabled
        )
    ));
}

#[test]
fn a_directory_refuses_a_client_with_tls_1_2_only() {
    let old = Hostile {
        version: &version::TLS12,
        groups: vec![kx_group::X25519],
        asks: KeyKind::X509,
        ..Hostile::new(DIRECTORY, None)
    };
    assert!(matches!(tls_error(connects_to_directory(&old)), Error::PeerIncompatible(_)));
}

#[test]
fn a_server_with_tls_1_2_only_finds_no_common_version() {
    let (x509, signer) = certificate(&rcgen::PKCS_ECDSA_P256_SHA256);
    let old = Hostile {
        version: &version::TLS12,
        groups: vec![kx_group::X25519],
        asks: KeyKind::X509,
        shows: KeyKind::X509,
        ..Hostile::new(PEER, Some(shown(x509, signer)))
    };
    assert_eq!(tls_error(answers_ali(&old)), Error::AlertReceived(AlertDescription::ProtocolVersion));
    assert_eq!(tls_error(poses_as_directory(&old)), Error::AlertReceived(AlertDescription::ProtocolVersion));
}

#[test]
fn a_server_hello_of_tls_1_2_is_refused_though_it_was_not_offered() {
    // Record header, ServerHello: version 1.2, random, no session, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, no extensions.
    let mut hello = vec![0x16, 3, 3, 0, 42, 2, 0, 0, 38, 3, 3];
    hello.extend([7; 32]);
    hello.extend([0, 0xc0, 0x2b, 0]);
    let (near, mut far) = duplex(65_536);
    let mut ours = Link::client(near, tls::directory_client().unwrap()).unwrap();
    let answered = async {
        far.read_exact(&mut [0; 5]).await.unwrap();
        far.write_all(&hello).await.unwrap();
        far
    };
    let (result, _far) = block_on(async { join!(ours.handshake(), answered) });
    assert!(matches!(
        tls_error(result),
        Error::PeerIncompatible(PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig)
    ));
}

#[test]
fn classical_key_exchange_alone_is_refused_by_every_side() {
    let classical = |alpn: &[u8], key| Hostile {
        groups: vec![kx_group::X25519, kx_group::SECP256R1, kx_group::SECP384R1],
        ..Hostile::new(alpn, key)
    };
    let none_in_common = Error::PeerIncompatible(PeerIncompatible::NoKxGroupsInCommon);
    assert_eq!(tls_error(calls_bianca(&classical(PEER, ali()))), none_in_common);
    assert_eq!(tls_error(connects_to_directory(&classical(DIRECTORY, None))), none_in_common);
    let told = Error::AlertReceived(AlertDescription::HandshakeFailure);
    assert_eq!(tls_error(answers_ali(&classical(PEER, bianca()))), told);
    assert_eq!(tls_error(poses_as_directory(&classical(DIRECTORY, p256()))), told);
}

#[test]
fn a_caller_with_an_x509_certificate_is_refused() {
    let (x509, signer) = certificate(&rcgen::PKCS_ECDSA_P256_SHA256);
    let caller = Hostile { shows: KeyKind::X509, ..Hostile::new(PEER, Some(shown(x509, signer))) };
    assert!(matches!(tls_error(calls_bianca(&caller)), Error::PeerIncompatible(_)));
}

#[test]
fn a_callee_or_directory_with_an_x509_certificate_is_refused() {
    for (alpn, judged) in [(PEER, answers_ali as fn(&Hostile) -> _), (DIRECTORY, poses_as_directory)] {
        let (x509, signer) = certificate(&rcgen::PKCS_ECDSA_P256_SHA256);
        let server = Hostile { shows: KeyKind::X509, ..Hostile::new(alpn, Some(shown(x509, signer))) };
        let error = tls_error(judged(&server));
        assert!(matches!(error, Error::PeerIncompatible(_) | Error::AlertReceived(_)), "{error:?}");
    }
}

#[test]
fn an_x509_certificate_that_passes_itself_off_as_a_raw_key_is_refused() {
    let disguised = |alpn: &[u8], signer: Option<_>| {
        let (x509, of_certificate) = certificate(&rcgen::PKCS_ECDSA_P256_SHA256);
        Hostile::new(alpn, Some(shown(x509, signer.unwrap_or(of_certificate))))
    };
    let rsa = || Some(identity_signer(&Example::Carol.identity().unwrap()));
    assert_eq!(tls_error(calls_bianca(&disguised(PEER, rsa()))), NOT_ACCEPTED);
    assert_eq!(tls_error(answers_ali(&disguised(PEER, rsa()))), NOT_ACCEPTED);
    let error = tls_error(poses_as_directory(&disguised(DIRECTORY, None)));
    assert!(matches!(error, Error::InvalidCertificate(_)), "{error:?}");
}

#[test]
fn a_caller_without_a_key_is_refused() {
    let error = tls_error(calls_bianca(&Hostile::new(PEER, None)));
    assert!(matches!(error, Error::PeerIncompatible(_) | Error::NoCertificatesPresented), "{error:?}");
}

#[test]
fn a_directory_with_another_kind_of_key_is_refused() {
    let algorithms = [&rcgen::PKCS_ED25519, &rcgen::PKCS_ECDSA_P384_SHA384];
    for (algorithm, scheme) in
        algorithms.into_iter().zip([SignatureScheme::ED25519, SignatureScheme::ECDSA_NISTP384_SHA384])
    {
        let (_, key) = certificate(algorithm);
        let public = key.public_key().unwrap().to_vec();
        let directory = Hostile::new(DIRECTORY, Some(shown(public, Arc::new(Wilful { key, scheme }))));
        assert_eq!(tls_error(poses_as_directory(&directory)), NOT_OFFERED);
    }
    let identity = Example::Carol.identity().unwrap();
    let key = Wilful { key: identity_signer(&identity), scheme: SignatureScheme::RSA_PSS_SHA256 };
    let directory = Hostile::new(DIRECTORY, Some(shown(identity.public().to_spki().unwrap(), Arc::new(key))));
    assert_eq!(tls_error(poses_as_directory(&directory)), NOT_OFFERED);
}

const NOT_OFFERED: Error = Error::PeerMisbehaved(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme);

#[test]
fn a_signature_of_a_scheme_that_was_not_offered_is_refused() {
    for scheme in [SignatureScheme::RSA_PSS_SHA384, SignatureScheme::RSA_PSS_SHA512] {
        let signs_otherwise = |example: Example| {
            let identity = example.identity().unwrap();
            let key = Wilful { key: identity_signer(&identity), scheme };
            Hostile::new(PEER, Some(shown(identity.public().to_spki().unwrap(), Arc::new(key))))
        };
        assert_eq!(tls_error(calls_bianca(&signs_otherwise(Example::Ali))), NOT_OFFERED);
        assert_eq!(tls_error(answers_ali(&signs_otherwise(Example::Bianca))), NOT_OFFERED);
    }
}

#[test]
fn a_caller_who_shows_a_key_it_does_not_hold_is_refused() {
    let public = Example::Ali.identity().unwrap().public().to_spki().unwrap();
    let thief = shown(public, identity_signer(&Example::Carol.identity().unwrap()));
    let error = tls_error(calls_bianca(&Hostile::new(PEER, Some(thief))));
    assert!(matches!(error, Error::InvalidCertificate(CertificateError::BadSignature)), "{error:?}");
}

#[test]
fn an_rsa_key_of_1024_bits_is_refused() {
    let key = OddRsa::generate(1024, 65_537);
    assert_eq!(tls_error(calls_bianca(&Hostile::new(PEER, Some(shown(key.spki(), Arc::new(key)))))), NOT_ACCEPTED);
}

#[test]
fn an_rsa_key_with_exponent_3_is_refused() {
    let key = OddRsa::generate(2048, 3);
    assert_eq!(tls_error(calls_bianca(&Hostile::new(PEER, Some(shown(key.spki(), Arc::new(key)))))), NOT_ACCEPTED);
}

#[test]
fn a_key_that_is_not_canonically_encoded_is_refused() {
    let identity = Example::Ali.identity().unwrap();
    let canonical = identity.public().to_spki().unwrap();
    // One byte more behind the structure, and the outer length in five bytes where three are enough.
    let trailing = [&canonical[..], &[0]].concat();
    let length = u32::try_from(canonical.len() - 4).unwrap();
    let long_form = [&[0x30, 0x84][..], &length.to_be_bytes(), &canonical[4..]].concat();
    for odd in [trailing, long_form] {
        let caller = Hostile::new(PEER, Some(shown(odd, identity_signer(&identity))));
        assert_eq!(tls_error(calls_bianca(&caller)), NOT_ACCEPTED);
    }
}

#[test]
fn a_counterpart_that_names_no_protocol_or_another_one_is_refused() {
    let silent = |key| Hostile { alpn: Vec::new(), ..Hostile::new(PEER, key) };
    assert_eq!(tls_error(calls_bianca(&silent(ali()))), Error::NoApplicationProtocol);
    assert_eq!(tls_error(connects_to_directory(&silent(None))), Error::NoApplicationProtocol);
    assert_eq!(tls_error(answers_ali(&silent(bianca()))), Error::NoApplicationProtocol);
    assert_eq!(tls_error(poses_as_directory(&silent(p256()))), Error::NoApplicationProtocol);
    assert_eq!(tls_error(calls_bianca(&Hostile::new(DIRECTORY, ali()))), Error::NoApplicationProtocol);
    let told = Error::AlertReceived(AlertDescription::NoApplicationProtocol);
    assert_eq!(tls_error(answers_ali(&Hostile::new(b"peer/2", bianca()))), told);
}

/// Moves bytes between two ends until neither has any left, then reports what each made of the other's key.
fn shake(client: &mut ClientConnection, server: &mut ServerConnection) -> Result<(), Error> {
    while client.wants_write() || server.wants_write() {
        let mut wire = Vec::new();
        client.write_tls(&mut wire).unwrap();
        feed(&wire, |bytes| server.read_tls(bytes).unwrap());
        server.process_new_packets()?;
        wire.clear();
        server.write_tls(&mut wire).unwrap();
        feed(&wire, |bytes| client.read_tls(bytes).unwrap());
        client.process_new_packets()?;
    }
    Ok(())
}

fn feed(mut bytes: &[u8], mut take: impl FnMut(&mut &[u8]) -> usize) {
    while !bytes.is_empty() && take(&mut bytes) > 0 {}
}

fn name() -> ServerName<'static> {
    ServerName::try_from("raw.invalid").unwrap()
}

/// A client full of tickets, and the server with bianca's key that gave them out.
fn with_tickets(alpn: &[u8]) -> (Arc<ClientConfig>, Arc<ServerConfig>) {
    let generous = Hostile { resumption: Resumption::On, ..Hostile::new(alpn, bianca()) };
    let config = Hostile { resumption: Resumption::On, ..Hostile::new(alpn, ali()) }.client();
    let server = generous.server(Clients::ShowKeys);
    for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
        let mut client = ClientConnection::new(Arc::clone(&config), name()).unwrap();
        let mut server = ServerConnection::new(Arc::clone(&server)).unwrap();
        shake(&mut client, &mut server).unwrap();
        assert_eq!(server.handshake_kind(), Some(kind), "the counterparts themselves can resume");
    }
    (config, server)
}

#[test]
fn a_caller_with_a_ticket_is_asked_for_its_key_again() {
    let mut config = (*with_tickets(PEER).0).clone();
    config.enable_early_data = false;
    let config = Arc::new(config);
    let ours = tls::peer_server(&Example::Bianca.identity().unwrap()).unwrap();
    for _ in 0..2 {
        let mut client = ClientConnection::new(Arc::clone(&config), name()).unwrap();
        let mut server = ServerConnection::new(Arc::clone(&ours)).unwrap();
        shake(&mut client, &mut server).unwrap();
        assert_eq!(server.handshake_kind(), Some(HandshakeKind::Full));
        let ali = Example::Ali.identity().unwrap().public().to_spki().unwrap();
        assert_eq!(server.peer_certificates().unwrap()[0].as_ref(), ali);
        assert_eq!(client.tls13_tickets_received(), 0);
    }
}

#[test]
fn a_directory_gives_out_no_tickets_and_resumes_nothing() {
    let config = Hostile { resumption: Resumption::On, ..Hostile::new(DIRECTORY, None) }.client();
    let ours = tls::directory_server(&DirectoryKey::generate().unwrap()).unwrap();
    for _ in 0..2 {
        let mut client = ClientConnection::new(Arc::clone(&config), name()).unwrap();
        let mut server = ServerConnection::new(Arc::clone(&ours)).unwrap();
        shake(&mut client, &mut server).unwrap();
        assert_eq!(server.handshake_kind(), Some(HandshakeKind::Full));
        assert_eq!(client.tls13_tickets_received(), 0);
    }
}

#[test]
fn our_callers_keep_no_ticket_that_is_pressed_on_them() {
    let theirs = Hostile { resumption: Resumption::On, ..Hostile::new(PEER, bianca()) }.server(Clients::ShowKeys);
    let bianca = Example::Bianca.identity().unwrap().public().clone();
    let ours = tls::peer_client(&Example::Ali.identity().unwrap(), &bianca).unwrap();
    for _ in 0..2 {
        let mut client = ClientConnection::new(Arc::clone(&ours), name()).unwrap();
        let mut server = ServerConnection::new(Arc::clone(&theirs)).unwrap();
        shake(&mut client, &mut server).unwrap();
        assert!(client.tls13_tickets_received() > 0);
        assert_eq!(client.handshake_kind(), Some(HandshakeKind::Full));
        assert!(client.early_data().is_none());
    }
}

#[test]
fn early_data_is_refused() {
    const EARLY: &[u8] = b"sent before anybody was authenticated";
    let (config, generous) = with_tickets(PEER);
    let ours = tls::peer_server(&Example::Bianca.identity().unwrap()).unwrap();
    for (server, taken) in [(generous, true), (ours, false)] {
        let mut client = ClientConnection::new(Arc::clone(&config), name()).unwrap();
        client.early_data().unwrap().write_all(EARLY).unwrap();
        let mut server = ServerConnection::new(server).unwrap();
        let ended = shake(&mut client, &mut server);
        assert_eq!(client.is_early_data_accepted(), taken);
        let mut seen = Vec::new();
        if let Some(mut early) = server.early_data() {
            early.read_to_end(&mut seen).unwrap();
        }
        let _ = server.reader().read_to_end(&mut seen);
        assert_eq!(seen == EARLY, taken, "{ended:?}");
    }
}
