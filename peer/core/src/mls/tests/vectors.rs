//! Test vectors of RFC 9420, run through the public interface of the library with the provider that rooms use.
//!
//! - `deserialization.json`: lengths of variable-size vectors.
//! - `messages.json`: whatever can be parsed is written again as it was.
//! - `passive-client-*.json`: a client joins by a welcome and follows commits, and comes to the same epoch
//!   authenticators: key schedule, tree, TreeKEM, secret tree, transcript hashes and message protection together.
//!
//! There are none for the ciphersuite of rooms (0x004E), so those of suites 1, 2 and 3 stand for it; the provider has no
//! others. `tree-math`, `tree-operations`, `tree-validation`, `treekem`, `key-schedule`, `secret-tree`,
//! `transcript-hashes`, `psk_secret`, `crypto-basics`, `message-protection` and `welcome` need functions that the library
//! does not make public; it runs them itself. The same holds for what `messages.json` has of group secrets, commits and
//! bare group context extensions; its proposals to initialise a group again contain extensions that the library refuses.

use std::sync::Arc;

use common::testkit::Example::Ali;
use openmls::prelude::tls_codec::{Deserialize, Serialize, VLBytes};
use openmls::prelude::{
    KeyPackageBundle, MIXED_CIPHERTEXT_WIRE_FORMAT_POLICY, MlsGroup, MlsGroupJoinConfig, MlsMessageBodyIn,
    MlsMessageIn, OpenMlsProvider as _, ProcessedMessageContent, ProposalIn, ProtocolMessage, RatchetTreeIn,
    StagedWelcome,
};
use openmls::schedule::PreSharedKeyId;
use openmls_traits::storage::StorageProvider as _;
use serde_json::{Value, json};

use super::super::provider::Provider;
use super::stage::*;

macro_rules! vectors {
    ($name:literal) => {
        read(include_str!(concat!("../../../tests/vectors/mls/", $name, ".json")))
    };
}

fn read(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

#[test]
fn lengths_of_vectors_are_read_and_written() {
    // The longest would take a gibibyte.
    for vector in vectors!("deserialization") {
        let length = vector["length"].as_u64().unwrap() as usize;
        if length < 1 << 20 {
            let whole = [bytes(&vector["vlbytes_header"]), vec![7; length]].concat();
            let content = VLBytes::tls_deserialize_exact(&whole).unwrap();
            assert_eq!(content.as_slice(), vec![7; length]);
            assert_eq!(content.tls_serialize_detached().unwrap(), whole);
        }
    }
}

/// Reads one structure and writes it again.
fn again<T: Deserialize + Serialize>(bytes: &[u8]) -> Vec<u8> {
    T::tls_deserialize_exact(bytes).unwrap().tls_serialize_detached().unwrap()
}

#[test]
fn messages_are_written_as_they_were_read() {
    for vector in vectors!("messages") {
        for (name, message) in vector.as_object().unwrap() {
            let message = bytes(message);
            let written = match name.as_str() {
                "ratchet_tree" => again::<RatchetTreeIn>(&message),
                "add_proposal" => again::<ProposalIn>(&[&[0, 1], &message[..]].concat())[2..].to_vec(),
                "update_proposal" => again::<ProposalIn>(&[&[0, 2], &message[..]].concat())[2..].to_vec(),
                "remove_proposal" => again::<ProposalIn>(&[&[0, 3], &message[..]].concat())[2..].to_vec(),
                "pre_shared_key_proposal" => again::<ProposalIn>(&[&[0, 4], &message[..]].concat())[2..].to_vec(),
                "external_init_proposal" => again::<ProposalIn>(&[&[0, 6], &message[..]].concat())[2..].to_vec(),
                "group_secrets" | "commit" | "group_context_extensions_proposal" | "re_init_proposal" => continue,
                _ => {
                    let read = MlsMessageIn::tls_deserialize_exact(&message).unwrap();
                    [&[0, 1], &read.extract().tls_serialize_detached().unwrap()[..]].concat()
                }
            };
            assert_eq!(written, message, "{name}");
        }
    }
}

/// The client that the vector's welcome is for.
struct Client {
    provider: Provider,
    group: MlsGroup,
}

impl Client {
    fn join(vector: &Value) -> Self {
        let provider = Provider::new(&Arc::clone(&Terminal::new(Ali, 1).own), ROOM);
        for psk in vector["external_psks"].as_array().unwrap() {
            let id = PreSharedKeyId::external(bytes(&psk["psk_id"]), Vec::new());
            id.store(&provider, &bytes(&psk["psk"])).unwrap();
        }
        let package = MlsMessageIn::tls_deserialize_exact(bytes(&vector["key_package"])).unwrap();
        let MlsMessageBodyIn::KeyPackage(package) = package.extract() else { panic!("not a key package") };
        // The library takes no secret half of a key package from outside, but reads what it kept. The key packages have
        // expired, so they cannot be validated first.
        let secret = |name: &str| json!({ "vec": bytes(&vector[name]) });
        let bundle = json!({
            "key_package": package,
            "private_init_key": secret("init_priv"),
            "private_encryption_key": { "key": secret("encryption_priv") },
        });
        let bundle: KeyPackageBundle = serde_json::from_value(bundle).unwrap();
        let reference = bundle.key_package().hash_ref(provider.crypto()).unwrap();
        provider.storage().write_key_package(&reference, &bundle).unwrap();

        let config = MlsGroupJoinConfig::builder()
            .wire_format_policy(MIXED_CIPHERTEXT_WIRE_FORMAT_POLICY)
            .number_of_resumption_psks(16)
            .build();
        let welcome = MlsMessageIn::tls_deserialize_exact(bytes(&vector["welcome"])).unwrap();
        let MlsMessageBodyIn::Welcome(welcome) = welcome.extract() else { panic!("not a welcome") };
        let mut builder =
            StagedWelcome::build_from_welcome(&provider, &config, welcome).unwrap().skip_lifetime_validation();
        if !vector["ratchet_tree"].is_null() {
            let tree = RatchetTreeIn::tls_deserialize_exact(bytes(&vector["ratchet_tree"])).unwrap();
            builder = builder.with_ratchet_tree(tree);
        }
        let group = builder.build().unwrap().into_group(&provider).unwrap();
        Self { provider, group }
    }

    fn process(&mut self, message: &Value) {
        let message = MlsMessageIn::tls_deserialize_exact(bytes(message)).unwrap();
        let message: ProtocolMessage = message.try_into_protocol_message().unwrap();
        let processed = self.group.process_message(&self.provider, message).unwrap();
        match processed.into_content() {
            ProcessedMessageContent::ProposalMessage(proposal) => {
                self.group.store_pending_proposal(self.provider.storage(), *proposal).unwrap();
            }
            ProcessedMessageContent::StagedCommitMessage(commit) => {
                self.group.merge_staged_commit(&self.provider, *commit).unwrap();
            }
            _ => panic!("not part of these vectors"),
        }
    }
}

fn passive_clients(vectors: Vec<Value>) {
    for vector in vectors {
        let mut client = Client::join(&vector);
        let authenticator = |client: &Client| client.group.epoch_authenticator().as_slice().to_vec();
        assert_eq!(authenticator(&client), bytes(&vector["initial_epoch_authenticator"]));
        for epoch in vector["epochs"].as_array().unwrap() {
            for proposal in epoch["proposals"].as_array().unwrap() {
                client.process(proposal);
            }
            client.process(&epoch["commit"]);
            assert_eq!(authenticator(&client), bytes(&epoch["epoch_authenticator"]));
        }
    }
}

#[test]
fn a_client_that_is_invited_knows_the_secrets_of_the_group() {
    passive_clients(vectors!("passive-client-welcome"));
}

#[test]
fn a_client_that_follows_commits_keeps_knowing_the_secrets_of_the_group() {
    passive_clients(vectors!("passive-client-handling-commit"));
}
