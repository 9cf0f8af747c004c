//! Certificates by ACME: ordered when there is none, stored on disk, renewed when a third of their life is left. The
//! authority validates over the main port (TLS-ALPN-01, RFC 8737), so no other port has to be open.

use std::{fs, io, os::unix::fs::DirBuilderExt as _, path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use futures_util::StreamExt as _;
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use rustls_acme::{AcmeConfig, AcmeState, EventError, EventOk, acme::ACME_TLS_ALPN_NAME};
use time::OffsetDateTime;
use tokio::time::timeout;

use super::acme_cache::AcmeCache;
use crate::config::{LETS_ENCRYPT, TlsConfig};

/// The first pause after a failed order, and the factor by which each further pause grows. It allows five tries in an hour,
/// which is Let's Encrypt's limit of failures for a name in that time.
const FIRST_PAUSE: Duration = Duration::from_secs(10);
const PAUSE_FACTOR: u32 = 6;
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);

/// After this time without an event of the ACME client, the certificate's expiry is checked.
const EVENT_TIMEOUT: Duration = Duration::from_secs(10 * 60);

/// The certificates of this server's names.
pub struct Certificates {
    state: AcmeState<io::Error>,
    cache: AcmeCache,
    names: String,
}

impl Certificates {
    /// Prepares the folder and the client; orders nothing yet.
    ///
    /// # Errors
    /// When the folder can't be made, or `ACME_CA_FILE` holds no certificates.
    pub fn new(config: &TlsConfig) -> anyhow::Result<Self> {
        let folder = &config.tls_cache;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).with_context(|| {
            format!(
                "TLS_CACHE, {}, can't be made; the program's user has to be allowed to write there",
                folder.display()
            )
        })?;
        let cache = AcmeCache::new(folder);
        let order = match config.ca_file() {
            Some(file) => AcmeConfig::new_with_client_config(&config.tls_domain, Arc::new(client_config_for(&file)?)),
            None => AcmeConfig::new_with_provider(&config.tls_domain, Arc::new(ring::default_provider())),
        };
        let contact = config.tls_email.iter().map(|email| format!("mailto:{email}"));
        let order = order.contact(contact).directory(&config.acme_directory_url).cache(cache.clone());
        Ok(Self { state: order.state(), cache, names: config.tls_domain.join(", ") })
    }

    /// How connections are encrypted: with the newest certificate, by TLS 1.2 or 1.3.
    ///
    /// # Errors
    /// Never with the provider that is built in.
    pub fn server_config(&self) -> anyhow::Result<Arc<ServerConfig>> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(self.state.resolver());
        config.alpn_protocols = vec![b"http/1.1".to_vec(), ACME_TLS_ALPN_NAME.to_vec()];
        Ok(Arc::new(config))
    }

    /// Orders and renews certificates. The old one is served until there is a new one.
    pub async fn run(mut self) {
        let mut pause = FIRST_PAUSE;
        loop {
            let event = match timeout(EVENT_TIMEOUT, self.state.next()).await {
                Ok(Some(event)) => event,
                Ok(None) => return,
                Err(_) => {
                    self.check_expiry();
                    continue;
                }
            };
            match event {
                Ok(EventOk::DeployedCachedCert) => self.serve("the certificate from the disk is served"),
                Ok(EventOk::DeployedNewCert) => {
                    pause = FIRST_PAUSE;
                    tracing::info!(tls.names = self.names, "a new certificate is served");
                }
                Ok(EventOk::CertCacheStore) => self.serve("the certificate is stored in TLS_CACHE"),
                Ok(EventOk::AccountCacheStore) => tracing::info!("there is an account at the certificate authority"),
                Err(EventError::Order(error)) => {
                    tracing::error!(
                        tls.names = self.names, error = %error, pause_seconds = pause.as_secs(),
                        "no certificate was issued; every name has to point at this machine, and its port 443 has to be reachable from outside. The order is retried after a pause"
                    );
                    // The client retries the order only when the next event is polled.
                    tokio::time::sleep(pause).await;
                    pause = (pause * PAUSE_FACTOR).min(LONGEST_PAUSE);
                }
                Err(error) => tracing::error!(
                    %error, "certificates can't be stored on disk; check TLS_CACHE. Too many orders are refused for a week"
                ),
            }
        }
    }

    /// Logs an error if the certificate expires within a day. While it is valid, no event comes for weeks.
    fn check_expiry(&self) {
        let in_a_day = OffsetDateTime::now_utc().unix_timestamp() + 24 * 60 * 60;
        if self.cache.newest_expiry().is_none_or(|expires| expires < in_a_day) {
            tracing::error!(
                tls.names = self.names,
                "the certificate expires soon, and the certificate authority does not respond; check that this machine can reach it, and restart the program"
            );
        }
    }

    fn serve(&self, what: &str) {
        let expires = self.cache.newest_expiry();
        if let Some(expires) = expires {
            #[allow(clippy::cast_precision_loss, reason = "seconds since 1970 fit")]
            metrics::gauge!("tls_certificate_expires_timestamp_seconds").set(expires as f64);
        }
        tracing::info!(tls.names = self.names, tls.expires = expires, "{what}");
    }
}

/// Describes this module's metrics; call once, when the recorder is installed.
pub fn describe_metrics() {
    metrics::describe_gauge!(
        "tls_certificate_expires_timestamp_seconds",
        metrics::Unit::Seconds,
        "When the certificate that is served expires, in seconds since 1970; only with TLS_DOMAIN"
    );
}

/// A client configuration that trusts only the authority in `file`.
fn client_config_for(file: &Path) -> anyhow::Result<ClientConfig> {
    let context = || format!("ACME_CA_FILE, {}, can't be used", file.display());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).with_context(context)? {
        roots.add(certificate.with_context(context)?).with_context(context)?;
    }
    anyhow::ensure!(!roots.is_empty(), "{}: it holds no certificate in PEM", context());
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

/// The certificate authority's name, for the operator.
#[must_use]
pub fn authority(config: &TlsConfig) -> &str {
    if config.acme_directory_url == LETS_ENCRYPT { "Let's Encrypt" } else { &config.acme_directory_url }
}
