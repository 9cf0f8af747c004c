//! Styles, scripts and images.

use super::*;
use reqwest::Method;
use support::{assets_of, first_asset};

/// A development build reads the files from disk, so browsers must revalidate them.
fn check_cache(cache_control: &str) {
    if cfg!(debug_assertions) {
        assert_eq!(cache_control, "no-cache");
    } else {
        assert_eq!(cache_control, "public, max-age=31536000, immutable");
    }
}

#[tokio::test]
async fn every_asset_of_a_page_exists_and_has_its_content_type() {
    let app = TestApp::start().await;
    let student = app.student();
    for page in ["/topic-selection.html", "/chat.html?topic=x", "/conversations.html", "/help.html"] {
        let assets = assets_of(&student, page).await;
        assert!(assets.len() >= 2, "{page}: {assets:?}");
        for asset in assets {
            let file = student.get(&asset).await.expect(200);
            let kind = match asset.rsplit('.').next().unwrap() {
                "css" => "text/css",
                "js" => "text/javascript",
                "svg" => "image/svg+xml",
                "webmanifest" => "application/manifest+json",
                other => panic!("{other}?"),
            };
            assert!(file.header("content-type").starts_with(kind), "{asset}: {}", file.header("content-type"));
            assert!(!file.bytes.is_empty());
            check_cache(&file.header("cache-control"));
        }
    }
}

#[tokio::test]
async fn every_import_of_a_script_exists() {
    let app = TestApp::start().await;
    let student = app.student();
    let mut waiting: Vec<String> = assets_of(&student, "/chat.html?topic=x").await;
    waiting.retain(|asset| asset.ends_with(".js"));
    let mut seen = std::collections::BTreeSet::new();
    while let Some(script) = waiting.pop() {
        if !seen.insert(script.clone()) {
            continue;
        }
        let text = student.get(&script).await.expect(200).text();
        let folder = script.rsplit_once('/').unwrap().0;
        for line in text.lines().filter(|line| line.contains("from \"") || line.contains("import \"")) {
            let path = line.split('"').nth(1).unwrap();
            waiting.push(format!("{folder}/{}", path.strip_prefix("./").expect("scripts import their neighbours")));
        }
    }
    assert!(seen.len() > 5, "{seen:?}");
}

#[tokio::test]
async fn an_unchanged_file_is_not_sent_again() {
    let app = TestApp::start().await;
    let student = app.student();
    let asset = first_asset(&student).await;
    let file = student.get(&asset).await.expect(200);
    let tag = file.header("etag");
    assert!(tag.starts_with('"') && tag.len() > 4, "{tag}");
    let again = student.call(Method::GET, &asset).header("if-none-match", tag).send().await.expect(304);
    assert!(again.bytes.is_empty());
    check_cache(&again.header("cache-control"));
    student.call(Method::GET, &asset).header("if-none-match", "\"other\"").send().await.expect(200);
}

#[tokio::test]
async fn an_unknown_asset_is_not_found() {
    let app = TestApp::start().await;
    let student = app.student();
    for path in ["/static", "/static/", "/static/x", "/static/x/", "/static/x/css", "/static/x/css/none.css"] {
        student.get(path).await.problem(404, "not-found");
    }
}
