use crate::database::{Database, NOW, on_both_engines};

on_both_engines!(
    a_guide_is_found_by_topic_locale_and_version,
    a_newer_guide_takes_the_place_of_the_older,
    thirty_students_may_keep_one_guide_at_once,
);

async fn a_guide_is_found_by_topic_locale_and_version(database: Database) {
    let store = database.open().await;
    let json = r#"{"guide_title":"과학 탐구 🔬"}"#;
    store.put_guide("과학 탐구", "ko", "1", "gpt-4o-mini", json, NOW).await.unwrap();
    assert_eq!(store.guide("과학 탐구", "ko", "1").await.unwrap().as_deref(), Some(json));
    for (topic, locale, version) in [("과학", "ko", "1"), ("과학 탐구", "en", "1"), ("과학 탐구", "ko", "2")]
    {
        assert_eq!(store.guide(topic, locale, version).await.unwrap(), None);
    }
}

async fn a_newer_guide_takes_the_place_of_the_older(database: Database) {
    let store = database.open().await;
    for (n, json) in (0..).zip(["{}", r#"{"n":2}"#]) {
        store.put_guide("축구", "ko", "1", "m", json, NOW + n).await.unwrap();
        assert_eq!(store.guide("축구", "ko", "1").await.unwrap().as_deref(), Some(json));
    }
}

async fn thirty_students_may_keep_one_guide_at_once(database: Database) {
    let store = database.open().await;
    let mut puts = tokio::task::JoinSet::new();
    for _ in 0..30 {
        let store = store.clone();
        puts.spawn(async move { store.put_guide("축구", "ko", "1", "m", "{}", NOW).await.unwrap() });
    }
    puts.join_all().await;
    assert_eq!(store.guide("축구", "ko", "1").await.unwrap().as_deref(), Some("{}"));
}
