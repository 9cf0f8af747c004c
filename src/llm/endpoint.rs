//! The address that takes chat completions, made from whatever form of base URL is configured.

use reqwest::Url;
use std::sync::atomic::{AtomicBool, Ordering};

/// The address in use. A base URL without a version may lack `/v1`, which shows when the server has no such page.
#[derive(Debug)]
pub(super) struct Endpoint {
    configured: Url,
    /// The same with `/v1`; `None` where the base URL names a version.
    versioned: Option<Url>,
    is_versioned: AtomicBool,
}

impl Endpoint {
    /// `None` for an address that isn't `http` or `https`. The query is kept, for Azure has its version there.
    pub(super) fn new(base: &Url) -> Option<Self> {
        if !matches!(base.scheme(), "http" | "https") || !base.has_host() {
            return None;
        }
        let segments: Vec<&str> = base.path_segments()?.filter(|segment| !segment.is_empty()).collect();
        // Whoever copies the address of one of the server's pages means the server.
        let segments = PAGES.iter().find_map(|page| segments.strip_suffix(*page)).unwrap_or(&segments);
        let versioned = (!segments.iter().any(|segment| is_version(segment)))
            .then(|| below(base, segments, &["v1", "chat", "completions"]))
            .flatten();
        let configured = below(base, segments, &["chat", "completions"])?;
        Some(Self { configured, versioned, is_versioned: AtomicBool::new(false) })
    }

    pub(super) fn url(&self) -> &Url {
        match &self.versioned {
            Some(versioned) if self.is_versioned.load(Ordering::Relaxed) => versioned,
            _ => &self.configured,
        }
    }

    /// The address to try when the server doesn't know the one in use.
    pub(super) fn other(&self) -> Option<&Url> {
        self.versioned.as_ref().filter(|_| !self.is_versioned.load(Ordering::Relaxed))
    }

    /// Remembers that [`Endpoint::other`] is right.
    pub(super) fn use_other(&self) {
        if self.versioned.is_some() && !self.is_versioned.swap(true, Ordering::Relaxed) {
            tracing::info!(
                "the model server's pages are below /v1, which OPENAI_BASE_URL lacks; using them from now on"
            );
        }
    }
}

/// Pages that people copy with the base URL.
const PAGES: [&[&str]; 6] =
    [&["chat", "completions"], &["completions"], &["responses"], &["models"], &["embeddings"], &["chat"]];

/// `v1`, `v4`, `v1beta`, `v2.0`.
fn is_version(segment: &str) -> bool {
    segment.strip_prefix(['v', 'V']).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

fn below(base: &Url, segments: &[&str], page: &[&str]) -> Option<Url> {
    let mut url = base.clone();
    url.set_fragment(None);
    // Segments of a path come percent-encoded, so they go back as they are.
    url.set_path(&[segments, page].concat().join("/"));
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(base: &str) -> (String, Option<String>) {
        let endpoint = Endpoint::new(&Url::parse(base).unwrap()).unwrap();
        (endpoint.url().to_string(), endpoint.other().map(Url::to_string))
    }

    #[test]
    fn every_form_of_a_base_url_leads_to_the_same_address() {
        for base in [
            "https://api.example/v1",
            "https://api.example/v1/",
            "https://api.example/v1//",
            "https://api.example//v1",
            "https://api.example/v1/chat/completions",
            "https://api.example/v1/chat/completions/",
            "https://api.example/v1/chat",
            "https://api.example/v1/completions",
            "https://api.example/v1/models",
            "https://api.example/v1#here",
        ] {
            assert_eq!(addresses(base), ("https://api.example/v1/chat/completions".to_owned(), None), "{base}");
        }
    }

    #[test]
    fn a_base_url_without_a_version_has_another_address_to_try() {
        for (base, other) in [
            ("http://127.0.0.1:11434", "http://127.0.0.1:11434/v1/chat/completions"),
            ("http://127.0.0.1:11434/", "http://127.0.0.1:11434/v1/chat/completions"),
            ("http://127.0.0.1:11434/chat/completions", "http://127.0.0.1:11434/v1/chat/completions"),
            ("https://api.groq.com/openai", "https://api.groq.com/openai/v1/chat/completions"),
            ("https://openrouter.ai/api?a=b", "https://openrouter.ai/api/v1/chat/completions?a=b"),
        ] {
            assert_eq!(addresses(base).1.as_deref(), Some(other), "{base}");
        }
        for base in ["https://g.example/v1beta/openai", "https://z.example/api/paas/v4", "https://x.example/V1/a%20b"] {
            assert_eq!(addresses(base).1, None, "{base}");
        }
    }

    #[test]
    fn the_query_of_azure_stays() {
        let base = "https://x.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-10-21";
        assert_eq!(addresses(base).0, base);
    }

    #[test]
    fn the_other_address_is_remembered() {
        let endpoint = Endpoint::new(&Url::parse("http://h/").unwrap()).unwrap();
        endpoint.use_other();
        assert_eq!((endpoint.url().as_str(), endpoint.other()), ("http://h/v1/chat/completions", None));
        let endpoint = Endpoint::new(&Url::parse("http://h/v1").unwrap()).unwrap();
        endpoint.use_other();
        assert_eq!(endpoint.url().as_str(), "http://h/v1/chat/completions");
        for base in ["ftp://example.org/", "mailto:a@example.org"] {
            assert!(Endpoint::new(&Url::parse(base).unwrap()).is_none());
        }
    }
}
