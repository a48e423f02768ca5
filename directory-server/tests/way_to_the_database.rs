//! How a database is reached: with a password, over TLS to whoever the named authority answers for, and not otherwise.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod support;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use directory_core::store::Store as _;
use directory_server::store::postgres::{Applicant, PgStore, Place};
use directory_server::testkit;
use futures::executor::block_on;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use support::postgres::{Isolation, Postgres};

fn pem(kind: &str, der: &[u8]) -> String {
    format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", STANDARD.encode(der))
}

/// An authority, and its certificate as PEM.
fn authority() -> (CertifiedIssuer<'static, KeyPair>, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let written = pem("CERTIFICATE", issuer.der());
    (issuer, written)
}

/// What comes of connecting: nothing, or why not.
fn connects(url: &str, password: &str) -> Result<(), String> {
    let place = Place::parse(url, &|name| (name == "PGPASSWORD").then(|| password.to_owned())).unwrap();
    let applicant = Applicant { holder: [1; 32], name: "a test".into() };
    let store = block_on(PgStore::open(place, testkit::runtime(), applicant)).map_err(|error| error.to_string())?;
    block_on(store.count()).map(drop).map_err(|error| error.to_string())
}

#[test]
fn the_way_to_a_database_is_safe_or_refused() {
    let Some(mut postgres) = Postgres::start(Isolation::ReadCommitted) else { return };
    postgres.sql("ALTER ROLE directory PASSWORD 'geheim'");
    let [a, b, c] = common::crypto::random::<3>().unwrap();
    let [here, elsewhere] = [0, 1].map(|last| format!("127.{a}.{b}.{}", c / 2 * 2 + last));
    let listen = format!("listen_addresses = '{here},{elsewhere}'\n");
    postgres.configure(&listen);
    let url = |host: &str, query: &str| format!("postgres://directory@{host}/postgres{query}");
    connects(&url(&here, ""), "geheim").unwrap();
    let refused = connects(&url(&here, ""), "482193").unwrap_err();
    assert!(refused.contains("password authentication failed") && !refused.contains("482193"), "{refused}");

    let (issuer, written) = authority();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![here.clone()]).unwrap().signed_by(&key, &issuer).unwrap();
    let root = postgres.file("root.pem", &written);
    let over_tls = |host: &str, root: &std::path::Path| {
        connects(&url(host, &format!("?sslmode=verify-full&sslrootcert={}", root.display())), "geheim")
    };
    let refused = over_tls(&here, &root).unwrap_err();
    assert!(refused.contains("does not speak TLS"), "{refused}");

    let own = postgres.file("server.pem", &pem("CERTIFICATE", certificate.der()));
    let secret = postgres.file("server.key", &pem("PRIVATE KEY", &key.serialize_der()));
    let (own, secret) = (own.display(), secret.display());
    postgres.configure(&format!("ssl = on\nssl_cert_file = '{own}'\nssl_key_file = '{secret}'\n"));
    over_tls(&here, &root).unwrap();
    assert_eq!(postgres.sql("SELECT count(*) FROM users"), "0");
    let refused = over_tls(&elsewhere, &root).unwrap_err();
    assert!(refused.contains("not valid for name"), "its certificate is for another address: {refused}");
    let other = postgres.file("other.pem", &authority().1);
    let refused = over_tls(&here, &other).unwrap_err();
    assert!(refused.contains("invalid peer certificate"), "nobody whom we asked answers for it: {refused}");
}
