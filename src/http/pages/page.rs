//! What all pages share: language, brightness, addresses, words.

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

/// The cookie that remembers light or dark. Set by the page's script, read here so that no page flashes.
const THEME_COOKIE: &str = "theme";

/// How long a browser remembers the language that was asked for.
const LOCALE_COOKIE_AGE: Duration = Duration::days(365);

/// What a template needs to know beside its own content.
#[derive(Debug, Clone)]
pub struct Page {
    /// The language of the page.
    pub locale: Locale,
    /// `light`, `dark`, or empty for whatever the device prefers.
    pub theme: &'static str,
    /// Where styles and scripts are.
    pub base: Arc<str>,
    /// Whether the practice partner serves.
    pub practice: bool,
    /// This page in the other language.
    pub translated: String,
    /// The language the address asks for; it's remembered.
    asked: Option<Locale>,
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
            translated: translated(uri, locale),
            asked: locale::asked(uri.query()),
        }
    }

    /// A page that nothing is known about but its language: for errors outside any handler.
    pub(super) fn bare(locale: Locale) -> Self {
        Self {
            locale,
            theme: "",
            base: assets::base(),
            practice: false,
            translated: format!("{}?lang={}", super::TOPICS_PATH, other(locale).tag()),
            asked: None,
        }
    }

    /// The topic page, in the language that was asked for.
    pub(super) fn topics_address(&self) -> String {
        match self.asked {
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
        other(self.locale).tag()
    }

    /// A topic as the student reads it: presets in the language of the page, own topics as they were written.
    pub fn topic_name(&self, topic: &Topic) -> String {
        topic.preset().map_or_else(|| topic.to_string(), |p| self.t(&format!("preset.{}", p.key())).into_owned())
    }

    /// The response with a rendered page.
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
        if let Some(locale) = self.asked {
            let cookie = Cookie::build((locale::LOCALE_COOKIE, locale.tag())).path("/").same_site(SameSite::Lax);
            if let Ok(cookie) = HeaderValue::try_from(cookie.max_age(LOCALE_COOKIE_AGE).to_string()) {
                headers.append(header::SET_COOKIE, cookie);
            }
        }
        response
    }
}

fn other(locale: Locale) -> Locale {
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

/// The same address with the other language in it.
fn translated(uri: &Uri, locale: Locale) -> String {
    let kept = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("lang="));
    let query: String = kept.map(|pair| format!("{pair}&")).collect();
    format!("{}?{query}lang={}", uri.path(), other(locale).tag())
}
