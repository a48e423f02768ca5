//! OPAQUE: the vectors of RFC 9807 Appendix C, and the messages of our own suite when they are cut or altered.
//!
//! The vectors of the RFC use no key stretching, so they are run on the library underneath, with the group, hash and
//! key exchange of our suite; randomness is fed in the order in which that library asks for it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

use common::crypto::opaque::{self, ClientLogin, ClientRegistration, Failure, KE3_LENGTH, ServerLogin, ServerSecret};
use common::crypto::transcript::Channel;
use common::ident::{CredentialId, KeyDigest};
use common::secret::Passcode;
use common::testkit::Example;
use opaque_ke::ksf::Identity;
use opaque_ke::{
    CipherSuite, ClientLoginFinishParameters, ClientRegistrationFinishParameters, CredentialRequest, Identifiers,
    Ristretto255, ServerLoginParameters, ServerRegistration, ServerSetup, TripleDh,
};
use rsa::rand_core::{CryptoRng, RngCore};
use serde_json::Value;

/// Our suite without key stretching.
struct Unstretched;

impl CipherSuite for Unstretched {
    type OprfCs = Ristretto255;
    type KeyExchange = TripleDh<Ristretto255, sha2::Sha512>;
    type Ksf = Identity;
}

/// Gives out what the vector says was random.
struct Fed(Vec<u8>);

impl Fed {
    fn new(parts: &[&[u8]]) -> Self {
        Self(parts.concat())
    }

    /// A scalar is drawn as 64 bytes and reduced; a canonical one stands as it is with zeros behind it.
    fn scalar(scalar: &[u8], then: &[&[u8]]) -> Self {
        Self([scalar, &[0; 32], &then.concat()].concat())
    }
}

impl RngCore for Fed {
    fn next_u32(&mut self) -> u32 {
        panic!("the vectors feed bytes")
    }

    fn next_u64(&mut self) -> u64 {
        panic!("the vectors feed bytes")
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        bytes.copy_from_slice(&self.0.drain(..bytes.len()).collect::<Vec<_>>());
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rsa::rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for Fed {}

struct Vector(Value);

impl Vector {
    fn bytes(&self, name: &str) -> Vec<u8> {
        hex::decode(self.0[name].as_str().unwrap()).unwrap()
    }

    fn maybe(&self, name: &str) -> Option<Vec<u8>> {
        self.0.get(name).map(|value| hex::decode(value.as_str().unwrap()).unwrap())
    }

    fn setup(&self) -> ServerSetup<Unstretched> {
        // The key that stands in for unknown users is part of the secret.
        let parts = ["oprf_seed", "server_private_key", "client_public_key"].map(|name| self.bytes(name));
        ServerSetup::deserialize(&parts.concat()).unwrap()
    }

    fn answer(
        &self,
        record: Option<ServerRegistration<Unstretched>>,
    ) -> opaque_ke::ServerLoginStartResult<Unstretched> {
        let (client, server) = (self.maybe("client_identity"), self.maybe("server_identity"));
        let context = self.bytes("Context");
        let masking_key = self.maybe("masking_key").unwrap_or(vec![0; 64]);
        let mut rng = Fed::new(&[
            &masking_key,
            &self.bytes("masking_nonce"),
            &self.bytes("server_keyshare_seed"),
            &self.bytes("server_nonce"),
        ]);
        let identifiers = Identifiers { client: client.as_deref(), server: server.as_deref() };
        let parameters = ServerLoginParameters { context: Some(&context), identifiers };
        let request = CredentialRequest::deserialize(&self.bytes("KE1")).unwrap();
        let credential = self.bytes("credential_identifier");
        opaque_ke::ServerLogin::start(&mut rng, &self.setup(), record, request, &credential, parameters).unwrap()
    }
}

fn vectors(kind: &str) -> Vec<Vector> {
    let path = [env!("CARGO_MANIFEST_DIR"), "tests", "vectors", "rfc9807.json"].iter().collect::<std::path::PathBuf>();
    let all: Vec<Value> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let chosen: Vec<_> =
        all.into_iter().filter(|v| v["name"].as_str().unwrap().starts_with(kind)).map(Vector).collect();
    assert!(!chosen.is_empty());
    chosen
}

#[test]
fn the_real_vectors_of_the_rfc_are_reproduced_byte_for_byte() {
    for vector in vectors("Real") {
        let passcode = vector.bytes("password");
        let (client_id, server_id) = (vector.maybe("client_identity"), vector.maybe("server_identity"));
        let identifiers = Identifiers { client: client_id.as_deref(), server: server_id.as_deref() };

        let mut rng = Fed::scalar(&vector.bytes("blind_registration"), &[]);
        let started = opaque_ke::ClientRegistration::<Unstretched>::start(&mut rng, &passcode).unwrap();
        assert_eq!(started.message.serialize().to_vec(), vector.bytes("registration_request"));
        let credential = vector.bytes("credential_identifier");
        let response = ServerRegistration::start(&vector.setup(), started.message, &credential).unwrap().message;
        assert_eq!(response.serialize().to_vec(), vector.bytes("registration_response"));
        let parameters = ClientRegistrationFinishParameters::new(identifiers, None);
        let mut rng = Fed::new(&[&vector.bytes("envelope_nonce")]);
        let registered = started.state.finish(&mut rng, &passcode, response, parameters).unwrap();
        assert_eq!(registered.message.serialize().to_vec(), vector.bytes("registration_upload"));
        assert_eq!(registered.export_key.to_vec(), vector.bytes("export_key"));

        let seed_and_nonce = [vector.bytes("client_keyshare_seed"), vector.bytes("client_nonce")].concat();
        let mut rng = Fed::scalar(&vector.bytes("blind_login"), &[&seed_and_nonce]);
        let client = opaque_ke::ClientLogin::<Unstretched>::start(&mut rng, &passcode).unwrap();
        assert_eq!(client.message.serialize().to_vec(), vector.bytes("KE1"));
        let server = vector.answer(Some(ServerRegistration::finish(registered.message)));
        assert_eq!(server.message.serialize().to_vec(), vector.bytes("KE2"));
        let context = vector.bytes("Context");
        let parameters = ClientLoginFinishParameters::new(Some(&context), identifiers, None);
        let finished = client.state.finish(&mut Fed::new(&[]), &passcode, server.message, parameters).unwrap();
        assert_eq!(finished.message.serialize().to_vec(), vector.bytes("KE3"));
        assert_eq!(finished.export_key.to_vec(), vector.bytes("export_key"));
        assert_eq!(finished.session_key.to_vec(), vector.bytes("session_key"));
        let parameters = ServerLoginParameters { context: Some(&context), identifiers };
        let session = server.state.finish(finished.message, parameters).unwrap();
        assert_eq!(session.session_key.to_vec(), vector.bytes("session_key"));
    }
}

#[test]
fn the_fake_vector_of_the_rfc_is_reproduced_byte_for_byte() {
    for vector in vectors("Fake") {
        assert_eq!(vector.answer(None).message.serialize().to_vec(), vector.bytes("KE2"));
    }
}

const EXPORTER: [u8; 32] = [3; 32];
const DIRECTORY: KeyDigest = KeyDigest([1; 32]);

/// Cuts `message` at each length, lengthens it, and alters each byte.
fn mangled(message: &[u8]) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let mut lengths: Vec<Vec<u8>> = (0..message.len()).map(|length| message[..length].to_vec()).collect();
    lengths.push([message, &[0]].concat());
    let altered = (0..message.len()).map(|at| {
        let mut altered = message.to_vec();
        altered[at] ^= 1;
        altered
    });
    (lengths, altered.collect())
}

#[test]
fn messages_of_our_suite_have_their_length_and_no_other_is_taken() {
    let user = Example::Ali.user().unwrap();
    let channel = Channel { user: &user, directory: &DIRECTORY, exporter: &EXPORTER };
    let (secret, credential) = (ServerSecret::generate(), CredentialId([9; 16]));
    let passcode = || Passcode::new("482193".into());

    let (client, request) = ClientRegistration::start(passcode()).unwrap();
    let response = opaque::register_start(&secret, &request, &credential).unwrap();
    let (record, _) = client.finish(&response, channel).unwrap();
    let (client, ke1) = ClientLogin::start(passcode()).unwrap();
    let begin = |ke1: &[u8]| ServerLogin::start(&secret, Some(&record), &credential, ke1, channel);
    let (server, ke2) = begin(&ke1).unwrap();
    let (ke3, _) = client.finish(&ke2, channel).unwrap();
    server.finish(&ke3, channel).unwrap();
    assert_eq!(
        [request.len(), response.len(), record.len(), ke1.len(), ke2.len(), ke3.len()],
        [32, 64, 192, 96, 320, KE3_LENGTH]
    );

    for cut in mangled(&request).0 {
        assert_eq!(opaque::register_start(&secret, &cut, &credential).unwrap_err(), Failure::Malformed);
    }
    for cut in mangled(&record).0 {
        assert_eq!(opaque::register_finish(&cut).unwrap_err(), Failure::Malformed);
    }
    for cut in mangled(&ke1).0 {
        assert_eq!(begin(&cut).unwrap_err(), Failure::Malformed);
    }
    for cut in mangled(&response).0 {
        let (client, _) = ClientRegistration::start(passcode()).unwrap();
        assert_eq!(client.finish(&cut, channel).unwrap_err(), Failure::Malformed);
    }
    for cut in mangled(&ke2).0 {
        let (client, _) = ClientLogin::start(passcode()).unwrap();
        assert_eq!(client.finish(&cut, channel).unwrap_err(), Failure::Malformed);
    }
    let (lengths, altered) = mangled(&ke3);
    for wrong in lengths.iter().chain(&altered).chain([&vec![0; KE3_LENGTH]]) {
        let (server, _) = begin(&ke1).unwrap();
        assert_eq!(server.finish(wrong, channel), Err(Failure::WrongPasscode));
    }
}

/// Stretching the passcode takes a tenth of a second each time, so not every byte of every message is tried.
#[test]
fn an_altered_answer_of_the_directory_never_opens_anything() {
    let user = Example::Ali.user().unwrap();
    let channel = Channel { user: &user, directory: &DIRECTORY, exporter: &EXPORTER };
    let (secret, credential) = (ServerSecret::generate(), CredentialId([9; 16]));
    let passcode = || Passcode::new("482193".into());
    let (client, request) = ClientRegistration::start(passcode()).unwrap();
    let response = opaque::register_start(&secret, &request, &credential).unwrap();
    let (record, _) = client.finish(&response, channel).unwrap();
    // One byte of each field of KE2: evaluated element, masking nonce, masked response (twice), nonce, key share, MAC.
    for at in [1, 40, 70, 150, 200, 230, 300] {
        let (client, ke1) = ClientLogin::start(passcode()).unwrap();
        let (_, mut ke2) = ServerLogin::start(&secret, Some(&record), &credential, &ke1, channel).unwrap();
        ke2[at] ^= 1;
        assert!(client.finish(&ke2, channel).is_err(), "byte {at}");
    }
}
