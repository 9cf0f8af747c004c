//! Time limits that depend on where the model server is. A server in the school may take minutes to its first word; one on
//! the internet that takes so long won't answer at all.

use std::{net::IpAddr, time::Duration};

use url::{Host, Url};

use super::{Config, ModelConfig, is_private_address};

/// Seconds until the first word, of a server on the internet and of one nearby.
const FIRST_TOKEN: [f64; 2] = [30.0, 180.0];
/// Seconds for a whole answer, likewise.
const ANSWER: [f64; 2] = [120.0, 600.0];
/// Seconds that a request may take longer than the answer that it waits for.
const BESIDE_ANSWER: f64 = 30.0;

/// Endings of names that exist only in private networks.
const NEARBY_ENDINGS: [&str; 6] = [".localhost", ".local", ".internal", ".lan", ".intranet", ".home.arpa"];

impl ModelConfig {
    /// Seconds until the first word: the setting, else 30, or 180 for a server nearby.
    #[must_use]
    pub fn first_token_seconds(&self) -> f64 {
        // A short limit for the whole answer limits the time to the first word too.
        let default = self.by_distance(FIRST_TOKEN).min(self.answer_timeout_seconds.unwrap_or(f64::INFINITY));
        self.first_token_timeout_seconds.unwrap_or(default)
    }

    /// Seconds for a whole answer: the setting, else 120, or 600 for a server nearby, and at least those for the first word.
    #[must_use]
    pub fn answer_seconds(&self) -> f64 {
        let default = self.by_distance(ANSWER).max(self.first_token_timeout_seconds.unwrap_or(0.0));
        self.answer_timeout_seconds.unwrap_or(default)
    }

    fn by_distance(&self, [far, near]: [f64; 2]) -> f64 {
        if self.is_server_nearby() { near } else { far }
    }

    /// Whether the model server is on this machine or in a private network.
    #[must_use]
    pub fn is_server_nearby(&self) -> bool {
        self.server().is_some_and(is_nearby)
    }
}

impl Config {
    /// How long a request other than a stream may take: the setting, else 30 seconds longer than a whole answer.
    #[must_use]
    pub fn request_timeout(&self) -> Duration {
        match self.request_timeout_seconds {
            Some(seconds) => Duration::from_secs(seconds),
            None => Duration::try_from_secs_f64((self.model.answer_seconds() + BESIDE_ANSWER).ceil())
                .unwrap_or(Duration::MAX),
        }
    }
}

/// Whether an address names this machine or one in the same private network.
fn is_nearby(url: &str) -> bool {
    let url = Url::parse(url).ok();
    match url.as_ref().and_then(Url::host) {
        Some(Host::Ipv4(address)) => is_nearby_address(address.into()),
        Some(Host::Ipv6(address)) => is_nearby_address(address.to_canonical()),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            // A name without a dot belongs to the local network, such as `ollama` among containers.
            !name.contains('.') || NEARBY_ENDINGS.iter().any(|ending| name.ends_with(ending))
        }
        None => false,
    }
}

fn is_nearby_address(address: IpAddr) -> bool {
    // VPNs such as Tailscale assign 100.64.0.0/10. Internet providers do too, so `is_private_address` doesn't include it.
    let is_shared = matches!(address, IpAddr::V4(v4) if v4.octets()[0] == 100 && (64..128).contains(&v4.octets()[1]));
    is_private_address(address) || address.is_unspecified() || is_shared
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::Cli;
    use super::*;

    fn config(flags: &[&str]) -> Config {
        Cli::try_parse_from(std::iter::once("llm-classroom").chain(flags.iter().copied())).unwrap().config
    }

    fn limits(flags: &[&str]) -> (f64, f64, u64) {
        let config = config(flags);
        assert_eq!(config.validate(), Ok(()), "{flags:?}");
        (config.model.first_token_seconds(), config.model.answer_seconds(), config.request_timeout().as_secs())
    }

    #[test]
    fn a_private_model_server_gets_longer_time_limits_than_a_public_one() {
        for url in [
            "http://127.0.0.1:11434/v1",
            "http://127.9.9.9",
            "http://localhost:8080/v1",
            "http://LOCALHOST/v1",
            "http://gpu.localhost/v1",
            "http://[::1]:8080/v1",
            "http://[::ffff:192.168.0.1]/v1",
            "http://[fd12:3456::1]/v1",
            "http://[fe80::1]:1/v1",
            "http://10.1.2.3/v1",
            "http://172.16.0.1/v1",
            "http://172.31.255.1:1/v1",
            "https://192.168.1.20/v1",
            "http://169.254.1.1/v1",
            "http://100.101.102.103:11434",
            "http://0.0.0.0:8000/v1",
            "http://ollama:11434/v1",
            "http://ollama",
            "http://gpu.local/v1",
            "http://gpu.local.:1/v1",
            "http://host.docker.internal:11434/v1",
            "http://host.containers.internal:11434/v1",
            "http://nas.lan?x=1",
        ] {
            assert_eq!(limits(&["--openai-base-url", url]), (180.0, 600.0, 630), "{url}");
        }
        for url in [
            "https://api.openai.com/v1",
            "https://8.8.8.8/v1",
            "http://172.32.0.1/v1",
            "http://100.128.0.1/v1",
            "http://[2001:db8::1]/v1",
            "https://localhost.example.org/v1",
            "https://10.0.0.1.example.org/v1",
            "https://example.org/local",
            "https://school.openai.azure.com/openai/deployments/d?api-version=1",
        ] {
            assert_eq!(limits(&["--openai-base-url", url]), (30.0, 120.0, 150), "{url}");
        }
        assert_eq!(limits(&["--openai-api-key", "k"]), (30.0, 120.0, 150));
        assert_eq!(limits(&[]), (30.0, 120.0, 150));
    }

    #[test]
    fn a_limit_that_is_set_counts_wherever_the_server_is() {
        for url in ["http://127.0.0.1/v1", "https://api.openai.com/v1"] {
            let with = |flags: &[&str]| limits(&[&["--openai-base-url", url], flags].concat());
            assert_eq!(
                with(&["--first-token-timeout-seconds", "20", "--answer-timeout-seconds", "50"]),
                (20.0, 50.0, 80)
            );
            assert_eq!(with(&["--request-timeout-seconds", "7"]).2, 7);
            assert_eq!(with(&["--answer-timeout-seconds", "10"]), (10.0, 10.0, 40), "no longer for the first word");
            assert_eq!(with(&["--first-token-timeout-seconds", "900"]), (900.0, 900.0, 930));
        }
    }
}
