//! TLS without a proxy in front: certificates are ordered and renewed by ACME (RFC 8555).

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;

/// Let's Encrypt's directory.
pub const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// Which names are served over TLS, and which authority certifies them.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "TLS without a proxy")]
pub struct TlsConfig {
    /// Names to serve over TLS, comma-separated, on port 443 as seen from outside; certificates are obtained and renewed
    /// automatically
    #[arg(long, env = "TLS_DOMAIN", value_delimiter = ',', value_parser = domain)]
    pub tls_domain: Vec<String>,
    /// Contact address for the certificate authority
    #[arg(long, env = "TLS_EMAIL", value_parser = email)]
    pub tls_email: Option<String>,
    /// Folder for keys and certificates
    #[arg(long, env = "TLS_CACHE", default_value = "data/tls")]
    pub tls_cache: PathBuf,
    /// ACME directory of the certificate authority
    #[arg(long, env = "ACME_DIRECTORY_URL", default_value = LETS_ENCRYPT)]
    pub acme_directory_url: String,
    /// PEM file with the root certificate of a private certificate authority
    #[arg(long, env = "ACME_CA_FILE")]
    pub acme_ca_file: Option<String>,
    /// Address that redirects plain HTTP to HTTPS, such as 0.0.0.0:80; a systemd socket named `redirect` takes precedence
    #[arg(long, env = "HTTP_REDIRECT_ADDR")]
    pub http_redirect_addr: Option<SocketAddr>,
}

impl TlsConfig {
    /// The file with the root certificate, unless it's empty: `.env` files often carry empty settings.
    #[must_use]
    pub fn ca_file(&self) -> Option<PathBuf> {
        self.acme_ca_file.as_deref().map(str::trim).filter(|path| !path.is_empty()).map(PathBuf::from)
    }

    /// Whether the program serves TLS itself.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.tls_domain.is_empty()
    }
}

/// A name that a certificate authority can look up and reach.
fn domain(text: &str) -> Result<String, &'static str> {
    let name = text.trim().trim_end_matches('.').to_ascii_lowercase();
    let is_label = |label: &str| {
        let ends_well = !label.starts_with('-') && !label.ends_with('-');
        (1..=63).contains(&label.len())
            && ends_well
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    if name.contains([':', '/']) {
        return Err("it is a name alone, such as class.example.kr, without https:// and port");
    }
    if name.starts_with("*.") {
        return Err("a certificate for * can't be ordered this way; name each host");
    }
    if name.parse::<std::net::IpAddr>().is_ok() {
        return Err("certificates are for names; point a domain at this address first");
    }
    if name.len() > 253 || !name.contains('.') || !name.split('.').all(is_label) {
        return Err("it is no domain name; one with Korean letters is written in its xn-- form");
    }
    Ok(name)
}

fn email(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    match text.split_once('@') {
        Some((user, host)) if !user.is_empty() && host.contains('.') && !text.contains(char::is_whitespace) => {
            Ok(text.to_owned())
        }
        _ => Err("it is no e-mail address"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_name_is_accepted_and_one_that_cannot_get_a_certificate_is_refused() {
        assert_eq!(domain(" Class.Example.KR. ").as_deref(), Ok("class.example.kr"));
        assert_eq!(domain("xn--3e0b707e.kr").as_deref(), Ok("xn--3e0b707e.kr"));
        for wrong in
            ["", "localhost", "https://a.kr", "a.kr:443", "*.a.kr", "10.0.0.1", "::1", "교실.kr", "a..kr", "-a.kr"]
        {
            assert!(domain(wrong).is_err(), "{wrong}");
        }
        assert!(email("a@b.kr").is_ok());
        assert!(["", "a", "a@b", "a b@c.kr", "@c.kr"].iter().all(|wrong| email(wrong).is_err()));
    }
}
