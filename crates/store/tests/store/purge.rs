//! Unused rows are deleted, used ones never, and deleted text leaves the files.

use domain::{Conversation, ConversationId, Preset, Topic};
use sea_orm::ConnectionTrait as _;
use store::{ConversationRequest, DatabaseEngine, InactivePurge, Options, Store};

use crate::database::{Database, NOW, ask, conversation, learner, on_both_engines, one_conversation};

on_both_engines!(
    a_purge_deletes_learners_without_conversations_and_conversations_without_questions,
    a_purge_leaves_what_was_used_since,
    a_purge_goes_through_more_rows_than_one_statement_takes,
    a_purge_deletes_guides_of_own_topics_only,
    a_purge_deletes_the_salts_of_old_requests_and_keeps_their_conversations,
    a_snapshot_holds_no_salt,
    conversations_that_were_not_used_for_long_are_deleted_with_their_turns_and_others_are_not,
);

async fn a_purge_deletes_learners_without_conversations_and_conversations_without_questions(database: Database) {
    let store = database.open().await;
    let (asker, asked) = one_conversation(&store).await;
    let unasked = conversation(&store, asker).await.id;
    ask(&store, asker, asked, "질문").await;
    learner(&store).await;
    let (_, alone) = one_conversation(&store).await;
    // A conversation and its learner, the other learner, and the asker's second conversation.
    assert_eq!(store.purge_unused(NOW + 1).await.unwrap(), 4);
    assert!(store.conversation(asker, asked).await.unwrap().is_some());
    assert_eq!(store.conversation(asker, unasked).await.unwrap(), None);
    assert_eq!(store.conversation(asker, alone).await.unwrap(), None);
    assert_eq!(store.turns(asker, asked).await.unwrap().len(), 1);
    assert_eq!(store.purge_unused(NOW + 1).await.unwrap(), 0);
}

async fn a_purge_leaves_what_was_used_since(database: Database) {
    let store = database.open().await;
    let (me, mine) = one_conversation(&store).await;
    learner(&store).await;
    assert_eq!(store.purge_unused(NOW).await.unwrap(), 0);
    assert!(store.conversation(me, mine).await.unwrap().is_some());
}

async fn a_purge_goes_through_more_rows_than_one_statement_takes(database: Database) {
    let store = database.open().await;
    for _ in 0..650 {
        learner(&store).await;
    }
    let (me, mine) = one_conversation(&store).await;
    ask(&store, me, mine, "질문").await;
    assert_eq!(store.purge_unused(NOW + 1).await.unwrap(), 650);
    assert!(store.conversation(me, mine).await.unwrap().is_some());
}

async fn a_purge_deletes_guides_of_own_topics_only(database: Database) {
    let store = database.open().await;
    let preset = Preset::Science.topic_name();
    for topic in [preset, "나의 비밀", "과학 탐구 2"] {
        store.put_guide(topic, "ko", "1", "m", "{}", NOW).await.unwrap();
    }
    assert_eq!(store.purge_unused(0).await.unwrap(), 2);
    assert!(store.guide(preset, "ko", "1").await.unwrap().is_some());
    assert_eq!(store.guide("나의 비밀", "ko", "1").await.unwrap(), None);
}

/// A conversation of a learner of their own that a request with this key began at `at`.
async fn begin(store: &Store, key: u8, at: i64) -> Conversation {
    let topic = Topic::parse("과학 탐구").unwrap();
    let begun = Conversation { id: ConversationId::new(), learner: learner(store).await, topic, created_at: at };
    let request = ConversationRequest { key_hash: [key; 32], salt: SALT };
    store.begin_conversation(&begun, None, Some(request), at - 1_000).await.unwrap();
    begun
}

const SALT: [u8; 32] = *b"a salt, contained nowhere else..";

async fn a_purge_deletes_the_salts_of_old_requests_and_keeps_their_conversations(database: Database) {
    let store = database.open().await;
    let old = begin(&store, 1, NOW).await;
    let new = begin(&store, 2, NOW + 1).await;
    assert_eq!(store.purge_conversation_requests(NOW + 1).await.unwrap(), 1);
    assert_eq!(store.conversation_by_request(&[1; 32], 0).await.unwrap(), None);
    assert_eq!(store.conversation_by_request(&[2; 32], 0).await.unwrap(), Some((new, SALT)));
    assert_eq!(store.conversation(old.learner, old.id).await.unwrap(), Some(old));
    assert_eq!(store.purge_conversation_requests(NOW + 1).await.unwrap(), 0);
}

async fn a_snapshot_holds_no_salt(database: Database) {
    let store = database.open().await;
    begin(&store, 1, NOW).await;
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    Store::snapshot(&database.url, &copy, Options::default()).await.unwrap();
    let holds_salt = |file: &[u8]| file.windows(SALT.len()).any(|bytes| bytes == SALT);
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let path = file.unwrap().path();
        assert!(!holds_salt(&std::fs::read(&path).unwrap()), "{}", path.display());
    }
}

async fn conversations_that_were_not_used_for_long_are_deleted_with_their_turns_and_others_are_not(database: Database) {
    let store = database.open().await;
    let (me, kept) = one_conversation(&store).await;
    ask(&store, me, kept, "질문").await;
    let mut others = Vec::new();
    for _ in 0..45 {
        let (other, old) = one_conversation(&store).await;
        ask(&store, other, old, "오래된 질문").await;
        others.push((other, old));
    }
    let spent = store.tokens_since(0).await.unwrap();
    let active_at = async |id: ConversationId, at: i64| {
        let sql = format!("UPDATE conversations SET active_at = {at} WHERE id = ");
        let id = match store.engine() {
            DatabaseEngine::Sqlite => format!("x'{}'", id.0.simple()),
            DatabaseEngine::Postgres => format!("'{}'", id.0),
        };
        database.raw().await.execute_unprepared(&(sql + &id)).await.unwrap();
    };
    active_at(kept, NOW).await;
    for (_, id) in &others {
        active_at(*id, NOW - 1).await;
    }
    let none = InactivePurge { oldest: Some(NOW - 1), ..InactivePurge::default() };
    assert_eq!(store.purge_inactive(NOW - 1).await.unwrap(), none);
    let purged = InactivePurge { conversations: 45, turns: 45, oldest: Some(NOW) };
    assert_eq!(store.purge_inactive(NOW).await.unwrap(), purged);
    assert_eq!(store.turns(me, kept).await.unwrap().len(), 1);
    for (other, old) in others {
        assert_eq!(store.conversation(other, old).await.unwrap(), None);
        assert!(store.turns(other, old).await.unwrap().is_empty());
    }
    assert_eq!(store.tokens_since(0).await.unwrap(), spent);
    // Their learners have no conversation now.
    assert_eq!(store.purge_unused(i64::MAX).await.unwrap(), 45);
    assert_eq!(store.purge_inactive(i64::MAX).await.unwrap().oldest, None);
}
