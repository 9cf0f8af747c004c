//! The language of a response.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::{HeaderMap, header, request::Parts};
use axum_extra::extract::CookieJar;
use rust_i18n::t;

use domain::Locale;

/// The cookie with the language that a student chose.
pub const LOCALE_COOKIE: &str = "lang";

/// The language of a request: `?lang=`, else the `lang` cookie, else `Accept-Language` by q-value, else Korean.
#[derive(Debug, Clone, Copy)]
pub struct RequestLocale(pub Locale);

impl<S: Send + Sync> FromRequestParts<S> for RequestLocale {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(locale_of(parts.uri.query(), &parts.headers)))
    }
}

/// The language of a request with this query and these headers.
#[must_use]
pub fn locale_of(query: Option<&str>, headers: &HeaderMap) -> Locale {
    locale_in_query(query)
        .or_else(|| CookieJar::from_headers(headers).get(LOCALE_COOKIE).and_then(|c| Locale::from_tag(c.value())))
        .or_else(|| headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok().and_then(preferred_locale))
        .unwrap_or_default()
}

/// The language in `?lang=`.
#[must_use]
pub fn locale_in_query(query: Option<&str>) -> Option<Locale> {
    query?.split('&').find_map(|pair| pair.strip_prefix("lang=")).and_then(Locale::from_tag)
}

/// The text of a turn's failure reason, which says what to do next.
#[must_use]
pub fn reason_text(reason: &str, locale: Locale) -> String {
    t!(format!("reason.{reason}"), locale = locale.tag()).into_owned()
}

/// The best language of an `Accept-Language` header (RFC 9110 §12.5.4). `q=0` refuses; the first of equals wins;
/// `*` accepts the default.
fn preferred_locale(header: &str) -> Option<Locale> {
    let mut best: Option<(f32, Locale)> = None;
    for range in header.split(',') {
        let mut parts = range.split(';');
        let tag = parts.next().unwrap_or_default().trim();
        let q = parts.find_map(|p| p.trim().strip_prefix("q=")).map_or(1.0, |q| q.trim().parse::<f32>().unwrap_or(0.0));
        let locale = if tag == "*" { Some(Locale::default()) } else { Locale::from_tag(tag) };
        if let Some(locale) = locale
            && q > 0.0
            && best.is_none_or(|(top, _)| q > top)
        {
            best = Some((q, locale));
        }
    }
    best.map(|(_, locale)| locale)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locale(query: Option<&str>, cookie: Option<&str>, accept: Option<&str>) -> Locale {
        let mut headers = HeaderMap::new();
        if let Some(cookie) = cookie {
            headers.insert(header::COOKIE, cookie.parse().unwrap());
        }
        if let Some(accept) = accept {
            headers.insert(header::ACCEPT_LANGUAGE, accept.parse().unwrap());
        }
        locale_of(query, &headers)
    }

    #[test]
    fn the_query_beats_the_cookie_and_the_cookie_beats_the_header() {
        assert_eq!(locale(Some("topic=x&lang=en"), Some("lang=ko"), Some("ko")), Locale::En);
        assert_eq!(locale(None, Some("theme=dark; lang=en"), Some("ko")), Locale::En);
        assert_eq!(locale(Some("lang=fr"), Some("lang=xx"), Some("en-GB")), Locale::En);
        assert_eq!(locale(None, None, None), Locale::Ko);
    }

    #[test]
    fn accept_language_is_ordered_by_q_value() {
        assert_eq!(locale(None, None, Some("fr, en-US;q=0.7, ko;q=0.8")), Locale::Ko);
        assert_eq!(locale(None, None, Some("ko;q=0.3,en;q=0.9")), Locale::En);
        assert_eq!(locale(None, None, Some("ko;q=0, en;q=0.1")), Locale::En);
        assert_eq!(locale(None, None, Some("en, ko")), Locale::En);
        assert_eq!(locale(None, None, Some("de, *;q=0.5")), Locale::Ko);
        assert_eq!(locale(None, None, Some("en;q=high")), Locale::Ko);
    }
}
