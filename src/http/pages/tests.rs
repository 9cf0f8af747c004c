use std::collections::BTreeSet;
use std::path::Path;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode, header};
use axum::routing::get;
use tower::ServiceExt;

use super::*;
use crate::http::error::ApiError;
use domain::Locale;

fn router(practice: bool) -> Router {
    Router::new()
        .route("/topic-selection.html", get(topics))
        .route("/chat.html", get(chat))
        .route("/conversations.html", get(async |page: page::Page| conversations::render(&page, &[], false)))
        .route("/help.html", get(help))
        .route("/mode-selection.html", get(mode_selection))
        .route("/", get(root))
        .with_state(PageContext { practice, static_base: "/static/abc".into(), retention_days: Some(365) })
}

async fn get_page(path: &str, headers: &[(&str, &str)]) -> Response<Body> {
    let mut request = Request::builder().uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    router(path.contains("practice")).oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn html(response: Response<Body>) -> String {
    String::from_utf8(to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap()
}

fn location(response: &Response<Body>) -> &str {
    response.headers()[header::LOCATION].to_str().unwrap()
}

#[tokio::test]
async fn the_root_redirects_to_the_topic_page() {
    let response = get_page("/", &[]).await;
    assert_eq!(response.status(), StatusCode::MOVED_PERMANENTLY);
    assert_eq!(location(&response), TOPICS_PATH);
    assert_eq!(location(&get_page("/mode-selection.html", &[]).await), TOPICS_PATH);
}

#[tokio::test]
async fn a_chat_without_a_topic_redirects_to_the_topic_page() {
    let long = format!("/chat.html?topic={}", "a".repeat(101));
    for path in ["/chat.html", "/chat.html?topic=", "/chat.html?topic=a&topic=b", long.as_str()] {
        let response = get_page(path, &[]).await;
        assert!(response.status().is_redirection(), "{path}");
        assert_eq!(location(&response), TOPICS_PATH, "{path}");
    }
}

#[tokio::test]
async fn an_own_topic_sent_without_scripts_redirects_to_its_chat() {
    let response = get_page("/chat.html?topic=%EA%B3%BC%ED%95%99&own=%20a%26b%20", &[]).await;
    assert_eq!(location(&response), "/chat.html?topic=a%26b");
}

#[tokio::test]
async fn a_topic_is_escaped() {
    let page = html(get_page("/chat.html?topic=%3Cscript%3E%22%27x", &[]).await).await;
    assert!(!page.contains("<script>"));
    assert!(page.contains("data-topic=\"&#60;script&#62;&#34;&#39;x\""));
}

#[tokio::test]
async fn the_language_in_the_query_is_stored_in_a_cookie() {
    let response = get_page("/help.html?lang=en", &[("accept-language", "ko")]).await;
    assert_eq!(response.headers()[header::CONTENT_LANGUAGE], "en");
    assert!(response.headers()[header::SET_COOKIE].to_str().unwrap().starts_with("lang=en;"));
    let page = html(response).await;
    assert!(page.contains("<html lang=\"en\""));
    assert!(page.contains("href=\"/help.html?lang=ko\""));
    assert!(!get_page("/help.html", &[]).await.headers().contains_key(header::SET_COOKIE));
}

#[tokio::test]
async fn the_page_has_the_chosen_theme() {
    assert!(html(get_page("/help.html", &[("cookie", "theme=dark")]).await).await.contains("data-theme=\"dark\""));
    assert!(!html(get_page("/help.html", &[("cookie", "theme=pink")]).await).await.contains("data-theme"));
}

#[tokio::test]
async fn every_page_says_that_no_model_is_connected() {
    for path in ["/topic-selection.html", "/chat.html?topic=x", "/conversations.html", "/help.html"] {
        let strip = "class=\"strip practice\"";
        let practice = format!("{path}{}practice", if path.contains('?') { '&' } else { '?' });
        assert!(html(get_page(&practice, &[]).await).await.contains(strip), "{path}");
        assert!(!html(get_page(path, &[]).await).await.contains(strip), "{path}");
    }
}

#[tokio::test]
async fn no_page_has_inline_script_or_style() {
    for path in ["/topic-selection.html", "/chat.html?topic=x", "/conversations.html", "/help.html"] {
        let page = html(get_page(path, &[]).await).await;
        for forbidden in ["<style", " style=", " onclick=", " onload=", "javascript:", "<script>"] {
            assert!(!page.contains(forbidden), "{path} has {forbidden}");
        }
    }
}

#[tokio::test]
async fn an_error_page_has_the_request_id() {
    let response = error_page(&ApiError::NotFound, StatusCode::NOT_FOUND, Locale::En, "01-request");
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    let page = html(response).await;
    assert!(page.contains("isn't in the notebook") || page.contains("isn&#39;t in the notebook"));
    assert!(page.contains("01-request"));
}

/// Everything between `from` and `to` in the files of a folder.
fn between(folder: &str, extension: &str, from: &str, to: &str) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != extension) {
            continue;
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        for piece in text.split(from).skip(1) {
            found.insert((name.clone(), piece.split(|c| to.contains(c)).next().unwrap().to_owned()));
        }
    }
    found
}

#[test]
fn both_languages_have_the_same_keys_and_placeholders() {
    let (ko, en) = (strings::texts(Locale::Ko), strings::texts(Locale::En));
    assert_eq!(ko.keys().collect::<Vec<_>>(), en.keys().collect::<Vec<_>>());
    assert!(ko.len() > 100);
    let placeholders =
        |text: &str| text.split('{').skip(1).map(|t| t.split('}').next().map(str::to_owned)).collect::<BTreeSet<_>>();
    for (key, text) in &ko {
        assert_eq!(placeholders(text), placeholders(&en[key]), "{key}");
        assert!(!text.trim().is_empty() && !en[key].trim().is_empty(), "{key}");
    }
}

#[test]
fn the_texts_of_the_pages_exist_and_are_used() {
    let texts = strings::texts(Locale::Ko);
    let mut used: BTreeSet<String> =
        between("templates", "html", "page.t(\"", "\"").into_iter().map(|(_, k)| k).collect();
    for dim in help::DIMS {
        used.extend(["name", "ask", "topic", "weak", "good", "why"].map(|text| format!("help.{dim}.{text}")));
    }
    used.extend(domain::Preset::ALL.map(|preset| format!("preset.{}", preset.key())));
    used.extend(
        ["not_found", "overloaded", "server", "other"]
            .iter()
            .flat_map(|k| ["title", "text"].map(|t| format!("error.{k}_{t}"))),
    );
    for key in &used {
        assert!(texts.contains_key(key), "no text for {key}");
    }
    let pages = ["app.", "nav.", "preset.", "topics.", "chat.", "guide.", "conversations.", "help.", "error."];
    for key in texts.keys().filter(|key| pages.iter().any(|page| key.starts_with(page))) {
        assert!(used.contains(key), "{key} is not used");
    }
}

#[test]
fn the_texts_of_the_scripts_exist_and_are_used() {
    let texts = strings::texts(Locale::Ko);
    let mut used: BTreeSet<String> = BTreeSet::new();
    for (file, name) in between("static/js", "js", "strings.", " ,;:)}]?.\"\n") {
        let section = match file.as_str() {
            "topics.js" => "topic",
            "conversations.js" => "history",
            _ => "chat",
        };
        if name != "js" {
            used.insert(format!("js.{section}.{name}"));
        }
    }
    // Scripts compute the names of levels, dimensions and final states.
    used.extend((0..4).map(|level| format!("js.chat.level{level}")));
    used.extend(help::DIMS.map(|dim| format!("js.chat.{dim}")));
    used.extend(["failed", "cancelled", "interrupted"].map(|state| format!("js.chat.{state}")));
    // Each practice text replaces one that a script uses.
    let of_partner = texts.keys().filter(|key| key.ends_with(strings::PRACTICE_SUFFIX)).cloned();
    used.extend(
        of_partner.filter(|key| used.contains(key.trim_end_matches(strings::PRACTICE_SUFFIX))).collect::<Vec<_>>(),
    );
    let existing: BTreeSet<String> = texts.into_keys().filter(|key| key.starts_with("js.")).collect();
    assert_eq!(used, existing);
}
