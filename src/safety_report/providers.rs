//! Companies that run model servers, by the host name of their API.

/// A company, and the code of the country where it has its seat. Where it processes data is in its terms.
pub(super) struct Provider {
    pub(super) name: &'static str,
    pub(super) country: Country,
}

/// A country; its name is in `locales/`.
#[derive(Clone, Copy)]
pub(super) enum Country {
    China,
    France,
    Korea,
    UnitedStates,
}

impl Country {
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::China => "country_cn",
            Self::France => "country_fr",
            Self::Korea => "country_kr",
            Self::UnitedStates => "country_us",
        }
    }
}

const PROVIDERS: [(&str, &str, Country); 10] = [
    ("openai.com", "OpenAI", Country::UnitedStates),
    ("googleapis.com", "Google", Country::UnitedStates),
    ("anthropic.com", "Anthropic", Country::UnitedStates),
    ("openrouter.ai", "OpenRouter", Country::UnitedStates),
    ("groq.com", "Groq", Country::UnitedStates),
    ("x.ai", "xAI", Country::UnitedStates),
    ("mistral.ai", "Mistral AI", Country::France),
    ("deepseek.com", "DeepSeek", Country::China),
    ("upstage.ai", "Upstage", Country::Korea),
    ("ntruss.com", "NAVER Cloud", Country::Korea),
];

/// The company whose domain a host belongs to.
pub(super) fn of_host(host: &str) -> Option<Provider> {
    let host = host.trim_end_matches('.');
    let is_of = |domain: &str| host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    let (_, name, country) = PROVIDERS.iter().find(|(domain, ..)| is_of(domain))?;
    Some(Provider { name, country: *country })
}
