//! Support for tests: the program, its clients and its model server.

pub mod app;
pub mod events;
#[path = "../../support/openai.rs"]
pub mod openai;
#[path = "../../support/postgres.rs"]
pub mod postgres;
pub mod process;
#[path = "../../support/redis.rs"]
pub mod redis_server;
pub mod reply;
pub mod student;
#[path = "../../support/waiting.rs"]
mod waiting;

pub use waiting::{eventually, soon};

/// The paths of the assets in a page.
pub async fn assets_of(student: &student::Student, page: &str) -> Vec<String> {
    let html = student.get(page).await.expect(200).text();
    let named = html.split('"').filter(|text| text.starts_with("/static/") && text.contains('.'));
    named.map(str::to_owned).collect()
}

/// The path of a style of every page.
pub async fn first_asset(student: &student::Student) -> String {
    let assets = assets_of(student, "/help.html").await;
    assets.into_iter().find(|asset| asset.ends_with("base.css")).expect("the base style")
}
