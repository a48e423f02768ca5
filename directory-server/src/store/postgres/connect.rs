//! One connection to a database.
//!
//! The library speaks PostgreSQL's protocol over streams of tokio's traits; it gets ours through an adapter, which is named
//! here only. TLS is begun before, as the protocol wants it, so that it knows nothing of it.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use directory_core::store::StoreError;
use futures::future::BoxFuture;
use futures::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use futures_rustls::TlsConnector;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, NoTls};
use tokio_util::compat::FuturesAsyncReadCompatExt as _;

use super::error::detail;
use super::place::{Host, Place};

/// A connection, whatever it goes over.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// What a store needs of whatever runs it.
pub trait Runtime: Send + Sync + 'static {
    /// Connects. A host that may only be this machine is refused if its name stands for anything else.
    fn connect(&self, host: &Host) -> BoxFuture<'static, io::Result<Box<dyn Stream>>>;
    /// Runs a future beside the others.
    fn spawn(&self, future: BoxFuture<'static, ()>);
    /// Waits.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// What every connection is told first: a transaction that a directory has left behind holds its locks no longer than
/// others wait, and what is committed is kept, whatever is usual in this database.
const SETTINGS: &str = "SET statement_timeout = '20s'; SET lock_timeout = '10s';
    SET idle_in_transaction_session_timeout = '30s';
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

/// Asks for TLS (the length of the request, its code).
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// Connects and logs in.
pub(super) async fn connect(place: &Place, runtime: &Arc<dyn Runtime>) -> Result<Client, StoreError> {
    let unreachable = |why: String| StoreError::Unreachable(format!("{place}: {why}"));
    let mut stream = runtime.connect(&place.host).await.map_err(|error| unreachable(error.to_string()))?;
    if let (Some(authority), Host::Tcp { name, .. }) = (&place.authority, &place.host) {
        stream = over_tls(stream, name, authority).await.map_err(|error| unreachable(error.to_string()))?;
    }
    let mut config = tokio_postgres::Config::new();
    config.user(&place.user).dbname(&place.database).application_name("directory-server").ssl_mode(SslMode::Disable);
    if let Some(password) = &place.password {
        config.password(password.expose());
    }
    let connected = config.connect_raw(stream.compat(), NoTls).await;
    let (client, connection) = connected.map_err(|error| unreachable(detail(&error)))?;
    runtime.spawn(Box::pin(async move {
        if let Err(error) = connection.await {
            tracing::debug!(error = detail(&error), "a connection to the database has ended");
        }
    }));
    client.batch_execute(SETTINGS).await.map_err(|error| unreachable(detail(&error)))?;
    Ok(client)
}

async fn over_tls(mut stream: Box<dyn Stream>, name: &str, authority: &Path) -> io::Result<Box<dyn Stream>> {
    let config = tls(authority)?;
    stream.write_all(&SSL_REQUEST).await?;
    stream.flush().await?;
    let mut answer = [0];
    stream.read_exact(&mut answer).await?;
    if answer != *b"S" {
        return Err(io::Error::other("it does not speak TLS (ssl = on is missing in postgresql.conf)"));
    }
    let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
    let stream = TlsConnector::from(config).connect(name, stream).await?;
    Ok(Box::new(stream))
}

/// TLS 1.3 to whoever this authority answers for. Databases need not know the key exchange that our own links insist on.
fn tls(authority: &Path) -> io::Result<Arc<rustls::ClientConfig>> {
    let read = |error: &dyn std::fmt::Display| io::Error::other(format!("{}: {error}", authority.display()));
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(authority).map_err(|error| read(&error))? {
        roots.add(certificate.map_err(|error| read(&error))?).map_err(|error| read(&error))?;
    }
    if roots.is_empty() {
        return Err(read(&"it holds no certificate"));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(io::Error::other)?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}
