//! What the tests drive the program with.

pub mod app;
pub mod events;
#[path = "../../support/openai.rs"]
pub mod openai;
#[path = "../../support/postgres.rs"]
pub mod postgres;
pub mod process;
pub mod reply;
pub mod student;

use std::time::Duration;

/// How long anything is waited for before a test counts as failed. No test waits this long when all is well.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What `future` gives, which must come soon.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(PATIENCE, future).await;
    waited.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// Asks again and again until `ask` gives something. For what nobody announces.
pub async fn eventually<T>(what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(found) = ask().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    soon(what, asking).await
}

/// The styles, scripts and pictures a page names.
pub async fn assets_of(student: &student::Student, page: &str) -> Vec<String> {
    let html = student.get(page).await.expect(200).text();
    let named = html.split('"').filter(|text| text.starts_with("/static/") && text.contains('.'));
    named.map(str::to_owned).collect()
}

/// A style that every page has.
pub async fn first_asset(student: &student::Student) -> String {
    let assets = assets_of(student, "/help.html").await;
    assets.into_iter().find(|asset| asset.ends_with("base.css")).expect("the base style")
}
