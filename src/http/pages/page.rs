//! What all pages share: language, color scheme, links and texts.

use std::borrow::Cow;
use std::convert::Infallible;
use std::sync::Arc;

use askama::Template;
use axum::extract::{FromRef, FromRequestParts};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header, request::Parts};
use axum::response::{Html, IntoResponse, Response};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use rust_i18n::t;
use time::Duration;

use super::PageContext;
use crate::http::{assets, locale};
use domain::{Locale, Topic};

/// The cookie with the color scheme. Scripts set it; the server reads it, so that no page flashes while it loads.
const THEME_COOKIE: &str = "theme";

/// The age of the cookie with the language.
const LOCALE_COOKIE_AGE: Duration = Duration::days(365);

/// What every template needs besides its own content.
#[derive(Debug, Clone)]
pub struct Page {
    /// The language of the page.
    pub locale: Locale,
    /// `light`, `dark`, or empty for the preference of the device.
    pub theme: &'static str,
    /// The path of styles and scripts.
    pub base: Arc<str>,
    /// Whether the practice partner answers.
    pub practice: bool,
    /// The URL of this page in the other language.
    pub translated: String,
    /// The language in the query, which a cookie will store.
    query_locale: Option<Locale>,
}

impl<S: Send + Sync> FromRequestParts<S> for Page
where
    PageContext: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let context = PageContext::from_ref(state);
        Ok(Self::new(&context, &parts.uri, &parts.headers))
    }
}

impl Page {
    fn new(context: &PageContext, uri: &Uri, headers: &HeaderMap) -> Self {
        let locale = locale::locale_of(uri.query(), headers);
        Self {
            locale,
            theme: theme(headers),
            base: Arc::clone(&context.static_base),
            practice: context.practice,
            translated: translated_url(uri, locale),
            query_locale: locale::locale_in_query(uri.query()),
        }
    }

    /// A page about which only the language is known, for errors outside of handlers.
    pub(super) fn without_state(locale: Locale) -> Self {
        Self {
            locale,
            theme: "",
            base: assets::base_path(),
            practice: false,
            translated: format!("{}?lang={}", super::TOPICS_PATH, other_locale(locale).tag()),
            query_locale: None,
        }
    }

    /// The URL of the topic page, in the language of the query.
    pub(super) fn topics_address(&self) -> String {
        match self.query_locale {
            Some(locale) => format!("{}?lang={}", super::TOPICS_PATH, locale.tag()),
            None => super::TOPICS_PATH.to_owned(),
        }
    }

    /// The text of a key in `locales/`.
    pub fn t(&self, key: &str) -> Cow<'static, str> {
        t!(key, locale = self.locale.tag()).into_owned().into()
    }

    /// The tag of the other language.
    pub fn other_tag(&self) -> &'static str {
        other_locale(self.locale).tag()
    }

    /// The name of a topic: presets in the language of the page, other topics as written.
    pub fn topic_name(&self, topic: &Topic) -> String {
        topic.preset().map_or_else(|| topic.to_string(), |p| self.t(&format!("preset.{}", p.key())).into_owned())
    }

    /// Renders the page as a response.
    pub fn render(&self, status: StatusCode, template: &impl Template) -> Response {
        let html = match template.render() {
            Ok(html) => html,
            Err(error) => {
                tracing::error!(%error, "a page could not be rendered");
                return StatusCode::INTERNAL_SERVER_ERROR.into_response();
            }
        };
        let mut response = (status, Html(html)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(self.locale.tag()));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        headers.insert(header::VARY, HeaderValue::from_static("accept-language, cookie"));
        if let Some(locale) = self.query_locale {
            let cookie = Cookie::build((locale::LOCALE_COOKIE, locale.tag())).path("/").same_site(SameSite::Lax);
            if let Ok(cookie) = HeaderValue::try_from(cookie.max_age(LOCALE_COOKIE_AGE).to_string()) {
                headers.append(header::SET_COOKIE, cookie);
            }
        }
        response
    }
}

fn other_locale(locale: Locale) -> Locale {
    match locale {
        Locale::Ko => Locale::En,
        Locale::En => Locale::Ko,
    }
}

fn theme(headers: &HeaderMap) -> &'static str {
    match CookieJar::from_headers(headers).get(THEME_COOKIE).map(Cookie::value) {
        Some("light") => "light",
        Some("dark") => "dark",
        _ => "",
    }
}

/// The same URL with the other language.
fn translated_url(uri: &Uri, locale: Locale) -> String {
    let others =
        uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("lang="));
    let query: String = others.map(|pair| format!("{pair}&")).collect();
    format!("{}?{query}lang={}", uri.path(), other_locale(locale).tag())
}
