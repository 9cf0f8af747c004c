//! The candidate URLs of the chat-completions endpoint, derived from the configured base URL.

use reqwest::Url;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The endpoint URL in use. If the base URL has no version, `/v1` may be missing from it, which is known once the server
/// answers 404.
#[derive(Debug)]
pub(super) struct Endpoint {
    /// The configured URL, and alternatives that may be meant by it; never empty.
    candidates: Vec<Url>,
    configured: Url,
    current: AtomicUsize,
}

impl Endpoint {
    /// `None` for a URL that is not `http` or `https`. The query is preserved, because Azure has its version there.
    pub(super) fn new(base: &Url) -> Option<Self> {
        if !matches!(base.scheme(), "http" | "https") || !base.has_host() {
            return None;
        }
        let segments: Vec<&str> = base.path_segments()?.filter(|segment| !segment.is_empty()).collect();
        let path = api_path(&segments);
        let mut candidates = vec![below(base, path, &["chat", "completions"])];
        if !path.iter().any(|segment| is_version(segment)) {
            candidates.push(below(base, path, &["v1", "chat", "completions"]));
            if let [above @ .., "api"] = path {
                // Ollama's own API stands beside the compatible one.
                candidates.push(below(base, above, &["v1", "chat", "completions"]));
            }
        }
        Some(Self { configured: candidates.first()?.clone(), candidates, current: AtomicUsize::new(0) })
    }

    pub(super) fn url(&self) -> &Url {
        self.at(self.index())
    }

    /// The index of the URL in use.
    pub(super) fn index(&self) -> usize {
        self.current.load(Ordering::Relaxed)
    }

    /// The candidate with this index.
    pub(super) fn at(&self, index: usize) -> &Url {
        self.candidates.get(index).unwrap_or(&self.configured)
    }

    /// The number of candidates.
    pub(super) fn count(&self) -> usize {
        self.candidates.len()
    }

    /// The next candidate, for a server that answers 404 for the one in use.
    pub(super) fn other(&self) -> Option<&Url> {
        self.candidates.get(self.index() + 1)
    }

    /// Uses [`Endpoint::other`] from now on.
    pub(super) fn use_other(&self) {
        if self.other().is_some() {
            self.use_at(self.index() + 1);
        }
    }

    /// Uses the candidate with this index from now on.
    pub(super) fn use_at(&self, index: usize) {
        if index < self.count() && self.current.swap(index, Ordering::Relaxed) != index && index > 0 {
            let path = self.at(index).path();
            tracing::info!(
                path,
                "the model server's API is at another path than OPENAI_BASE_URL says; using this path"
            );
        }
    }

    /// Uses the configured URL again.
    pub(super) fn forget(&self) {
        self.use_at(0);
    }
}

/// Paths of API pages that operators copy along with the base URL.
const PAGES: [&[&str]; 10] = [
    &["chat", "completions"],
    &["completions"],
    &["responses"],
    &["models"],
    &["embeddings"],
    &["messages"],
    &["api", "chat"],
    &["api", "generate"],
    &["api", "tags"],
    &["chat"],
];

/// The path of the API without trailing pages and without a repeated version.
fn api_path<'a>(mut path: &'a [&'a str]) -> &'a [&'a str] {
    // An Azure deployment may have any name, such as `chat`.
    while let Some(shorter) =
        PAGES.iter().find_map(|page| path.strip_suffix(*page)).filter(|shorter| shorter.last() != Some(&"deployments"))
    {
        path = shorter;
    }
    while let [shorter @ .., before, last] = path
        && before == last
        && is_version(last)
    {
        path = &path[..=shorter.len()];
    }
    path
}

/// `v1`, `v4`, `v1beta`, `v2.0`.
fn is_version(segment: &str) -> bool {
    segment.strip_prefix(['v', 'V']).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

fn below(base: &Url, segments: &[&str], page: &[&str]) -> Url {
    let mut url = base.clone();
    url.set_fragment(None);
    // Segments of a path come percent-encoded, so they go back as they are.
    url.set_path(&[segments, page].concat().join("/"));
    url
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

    #[test]
    fn a_repeated_version_and_other_pages_are_removed() {
        for base in [
            "http://h:1/v1/v1",
            "http://h:1/v1//v1/",
            "http://h:1/v1/v1/chat/completions",
            "http://h:1/v1/chat/completions/chat/completions",
            "http://h:1/v1/responses#x",
        ] {
            assert_eq!(addresses(base), ("http://h:1/v1/chat/completions".to_owned(), None), "{base}");
        }
        for base in [
            "https://x.openai.azure.com/openai/deployments/models/chat/completions?api-version=1&b=2",
            "https://x.openai.azure.com/openai/deployments/my%20model/chat/completions?api-version=1",
        ] {
            assert_eq!(addresses(base).0, base);
        }
        assert_eq!(
            addresses("https://x.openai.azure.com/openai/deployments/chat?api-version=1").0,
            "https://x.openai.azure.com/openai/deployments/chat/chat/completions?api-version=1"
        );
    }

    #[test]
    fn the_address_of_ollamas_own_api_leads_to_the_compatible_one() {
        let paths = |base: &str| -> Vec<String> {
            let endpoint = Endpoint::new(&Url::parse(base).unwrap()).unwrap();
            let paths = endpoint.candidates.iter().map(|url| url.path().trim_end_matches("/chat/completions"));
            paths.map(str::to_owned).collect()
        };
        assert_eq!(paths("http://127.0.0.1:11434/api/chat"), ["", "/v1"]);
        assert_eq!(paths("http://127.0.0.1:11434/api/tags"), ["", "/v1"]);
        assert_eq!(paths("http://127.0.0.1:11434/api"), ["/api", "/api/v1", "/v1"]);
        assert_eq!(paths("https://openrouter.ai/api/v1"), ["/api/v1"]);
    }
}
