//! TLS to services outside.

use std::io;
use std::sync::{Arc, OnceLock};

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};

/// What TLS is computed with.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// The beginning of what a client is to be.
pub(crate) fn client() -> io::Result<ConfigBuilder<ClientConfig, WantsVerifier>> {
    ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().map_err(io::Error::other)
}

/// The authorities of this machine.
pub(crate) fn authorities() -> io::Result<RootCertStore> {
    let mut authorities = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    authorities.add_parsable_certificates(found.certs);
    if authorities.is_empty() {
        return Err(io::Error::other("this machine knows no certificate authorities"));
    }
    Ok(authorities)
}

static MACHINE: OnceLock<Arc<ClientConfig>> = OnceLock::new();

/// A client of servers that the authorities of this machine vouch for. They are read once.
pub(crate) fn of_this_machine() -> io::Result<Arc<ClientConfig>> {
    if let Some(client) = MACHINE.get() {
        return Ok(client.clone());
    }
    let made = Arc::new(client()?.with_root_certificates(authorities()?).with_no_client_auth());
    Ok(MACHINE.get_or_init(|| made).clone())
}

/// TLS over `stream`, to a server that the authorities of this machine vouch for.
pub(crate) async fn secure(name: ServerName<'static>, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
    TlsConnector::from(of_this_machine()?).connect(name, stream).await
}
