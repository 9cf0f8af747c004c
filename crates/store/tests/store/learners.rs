use store::{Constraint, StoreError};

use crate::database::{Database, NOW, on_both_engines, token};

const DAY: i64 = 24 * 60 * 60 * 1000;

on_both_engines!(
    a_learner_is_known_by_their_token_and_no_other,
    a_token_belongs_to_one_learner,
    a_learners_visit_is_noted_once_a_day,
    a_revoked_token_leads_to_nobody_and_the_others_stay,
);

async fn a_learner_is_known_by_their_token_and_no_other(database: Database) {
    let store = database.open().await;
    let (mine, theirs) = (token(), token());
    let me = store.add_learner(&mine, NOW).await.unwrap();
    let them = store.add_learner(&theirs, NOW).await.unwrap();
    assert_ne!(me, them);
    assert_eq!(store.learner_by_token(&mine).await.unwrap(), Some(me));
    assert_eq!(store.learner_by_token(&theirs).await.unwrap(), Some(them));
    assert_eq!(store.learner_by_token(&token()).await.unwrap(), None);
}

async fn a_token_belongs_to_one_learner(database: Database) {
    let store = database.open().await;
    let token = token();
    let me = store.add_learner(&token, NOW).await.unwrap();
    let again = store.add_learner(&token, NOW).await;
    assert!(matches!(again, Err(StoreError::Conflict(Constraint::LearnerToken, _))), "{again:?}");
    assert_eq!(store.learner_by_token(&token).await.unwrap(), Some(me));
}

async fn a_learners_visit_is_noted_once_a_day(database: Database) {
    let store = database.open().await;
    let me = store.add_learner(&token(), NOW).await.unwrap();
    assert!(!store.touch_learner(me, NOW + DAY - 1).await.unwrap());
    assert!(store.touch_learner(me, NOW + DAY).await.unwrap());
    assert!(!store.touch_learner(me, NOW + DAY + 1).await.unwrap());
    assert!(store.touch_learner(me, NOW + 2 * DAY).await.unwrap());
    let nobody = domain::LearnerId::new();
    assert!(!store.touch_learner(nobody, NOW + 9 * DAY).await.unwrap());
}

async fn a_revoked_token_leads_to_nobody_and_the_others_stay(database: Database) {
    let store = database.open().await;
    let (mine, theirs) = (token(), token());
    let me = store.add_learner(&mine, NOW).await.unwrap();
    let them = store.add_learner(&theirs, NOW).await.unwrap();
    assert_eq!(store.find_learner(&mine).await.unwrap(), Some((me, NOW)));
    assert!(store.revoke_token(&mine).await.unwrap());
    assert_eq!(store.learner_by_token(&mine).await.unwrap(), None);
    assert_eq!(store.learner_by_token(&theirs).await.unwrap(), Some(them));
    assert!(!store.revoke_token(&mine).await.unwrap(), "it is revoked already");
}
