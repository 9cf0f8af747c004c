use uuid::Uuid;

use crate::database::{Database, NOW, on_both_engines};

on_both_engines!(a_token_is_found_by_its_hash_until_it_is_revoked,);

async fn a_token_is_found_by_its_hash_until_it_is_revoked(database: Database) {
    let store = database.open().await;
    let lesson = store.add_api_token("lesson", &[1; 32], NOW).await.unwrap();
    let report = store.add_api_token("report\0", &[2; 32], NOW + 1).await.unwrap();
    assert!(store.add_api_token("again", &[1; 32], NOW).await.is_err());
    let listed: Vec<_> = store.api_tokens().await.unwrap().into_iter().map(|token| (token.id, token.name)).collect();
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0], (lesson, "lesson".to_owned()));
    assert_eq!(listed[1].0, report);
    assert!(store.has_api_token(&[1; 32]).await.unwrap());
    assert!(!store.has_api_token(&[3; 32]).await.unwrap());
    assert!(store.revoke_api_token(lesson).await.unwrap());
    assert!(!store.revoke_api_token(lesson).await.unwrap());
    assert!(!store.revoke_api_token(Uuid::nil()).await.unwrap());
    assert!(!store.has_api_token(&[1; 32]).await.unwrap());
    assert!(store.has_api_token(&[2; 32]).await.unwrap());
}
