use std::collections::HashSet;

use domain::ConversationId;
use store::{Constraint, Cursor, StoreError};

use crate::database::{
    Database, LEASE, NOW, ask, ask_and_end, conversation, conversation_at, done, fencing_token, learner, message,
    on_both_engines, one_conversation,
};

on_both_engines!(
    a_conversation_is_read_back_as_it_was_written,
    an_id_is_given_once,
    a_conversation_needs_its_learner,
    the_list_shows_count_and_first_question,
    asking_moves_a_conversation_to_the_top,
    paging_shows_each_conversation_once_even_when_all_are_equally_old,
    paging_goes_on_where_a_deleted_conversation_was,
    deleting_takes_everything_below_but_not_what_was_spent,
    nobody_sees_or_deletes_anothers_conversation,
);

async fn a_conversation_is_read_back_as_it_was_written(database: Database) {
    let store = database.open().await;
    let me = learner(&store).await;
    let mine = conversation(&store, me).await;
    assert_eq!(store.conversation(me, mine.id).await.unwrap(), Some(mine));
    assert_eq!(store.conversation(me, ConversationId::new()).await.unwrap(), None);
}

async fn an_id_is_given_once(database: Database) {
    let store = database.open().await;
    let me = learner(&store).await;
    let mine = conversation(&store, me).await;
    let again = store.add_conversation(&mine).await;
    assert!(matches!(again, Err(StoreError::Conflict(Constraint::Other, _))), "{again:?}");
}

async fn a_conversation_needs_its_learner(database: Database) {
    let store = database.open().await;
    let me = learner(&store).await;
    let mut mine = conversation(&store, me).await;
    mine.id = ConversationId::new();
    mine.learner = domain::LearnerId::new();
    let orphan = store.add_conversation(&mine).await;
    assert!(matches!(orphan, Err(StoreError::Refused(_))), "{orphan:?}");
}

async fn the_list_shows_count_and_first_question(database: Database) {
    let store = database.open().await;
    let me = learner(&store).await;
    let empty = conversation_at(&store, me, NOW - 1).await;
    let busy = conversation(&store, me).await;
    ask_and_end(&store, me, busy.id, "첫 질문 🙋", &done("첫 답")).await;
    ask(&store, me, busy.id, "둘째 질문").await;

    let list = store.conversations(me, None, 10).await.unwrap();
    assert_eq!(list.len(), 2);
    assert_eq!(list[0].conversation, busy);
    assert_eq!((list[0].turns, list[0].first_message.as_deref()), (2, Some("첫 질문 🙋")));
    assert_eq!(list[1].conversation, empty);
    assert_eq!((list[1].turns, list[1].first_message.as_deref(), list[1].active_at), (0, None, NOW - 1));
}

async fn asking_moves_a_conversation_to_the_top(database: Database) {
    let store = database.open().await;
    let me = learner(&store).await;
    let older = conversation_at(&store, me, NOW).await;
    let newer = conversation_at(&store, me, NOW + 1).await;
    let order = |list: Vec<domain::conversation::ConversationSummary>| {
        list.into_iter().map(|summary| (summary.conversation.id, summary.active_at)).collect::<Vec<_>>()
    };
    let list = store.conversations(me, None, 10).await.unwrap();
    assert_eq!(order(list), [(newer.id, NOW + 1), (older.id, NOW)]);

    store.accept_turn(me, older.id, &message("질문"), None, LEASE, NOW + 2).await.unwrap();
    let list = store.conversations(me, None, 10).await.unwrap();
    assert_eq!(order(list), [(older.id, NOW + 2), (newer.id, NOW + 1)]);
}

async fn paging_shows_each_conversation_once_even_when_all_are_equally_old(database: Database) {
    let store = database.open().await;
    let me = learner(&store).await;
    let mut all = HashSet::new();
    for n in 0..25 {
        // Ten of one millisecond, ten of the next, five of a third.
        all.insert(conversation_at(&store, me, NOW + n / 10).await.id);
    }
    let mut seen = Vec::new();
    let mut before: Option<Cursor> = None;
    loop {
        let page = store.conversations(me, before, 4).await.unwrap();
        assert!(page.len() <= 4 && seen.len() + page.len() <= 25, "{page:?} after {seen:?}");
        let Some(last) = page.last() else { break };
        // As a client does: through its text.
        before = Some(Cursor::from(last).to_string().parse().unwrap());
        seen.extend(page.into_iter().map(|summary| (summary.active_at, summary.conversation.id)));
    }
    assert_eq!(seen.len(), 25);
    assert_eq!(seen.iter().map(|&(_, id)| id).collect::<HashSet<_>>(), all);
    assert!(seen.is_sorted_by(|a, b| a > b), "{seen:?}");
}

async fn paging_goes_on_where_a_deleted_conversation_was(database: Database) {
    let store = database.open().await;
    let me = learner(&store).await;
    let mut ids = Vec::new();
    for n in 0..4 {
        ids.push(conversation_at(&store, me, NOW - n).await.id);
    }
    let page = store.conversations(me, None, 2).await.unwrap();
    let cursor = Cursor::from(&page[1]);
    assert!(store.delete_conversation(me, ids[1]).await.unwrap());
    let rest = store.conversations(me, Some(cursor), 10).await.unwrap();
    assert_eq!(rest.into_iter().map(|summary| summary.conversation.id).collect::<Vec<_>>(), ids[2..]);
}

async fn deleting_takes_everything_below_but_not_what_was_spent(database: Database) {
    let store = database.open().await;
    let (me, mine) = one_conversation(&store).await;
    let kept = conversation(&store, me).await.id;
    let gone = ask_and_end(&store, me, mine, "지울 질문", &done("답")).await;
    let running = ask(&store, me, mine, "답하는 중").await;
    let other = ask_and_end(&store, me, kept, "남을 질문", &done("답")).await;
    let spent = store.tokens_since(0).await.unwrap();
    assert_eq!(spent, 2 * 175);

    assert!(store.delete_conversation(me, mine).await.unwrap());
    assert!(!store.delete_conversation(me, mine).await.unwrap());
    assert_eq!(store.conversation(me, mine).await.unwrap(), None);
    assert_eq!(store.turns(me, mine).await.unwrap(), []);
    assert_eq!(store.turn(me, gone.id).await.unwrap(), None);
    assert!(!store.finish_turn(fencing_token(running.id, 1), &done("늦은 답"), NOW).await.unwrap());
    assert_eq!(store.turns(me, kept).await.unwrap(), [other]);
    assert_eq!(store.tokens_since(0).await.unwrap(), spent);
}

async fn nobody_sees_or_deletes_anothers_conversation(database: Database) {
    let store = database.open().await;
    let (me, mine) = one_conversation(&store).await;
    let stranger = learner(&store).await;
    assert_eq!(store.conversation(stranger, mine).await.unwrap(), None);
    assert_eq!(store.conversations(stranger, None, 10).await.unwrap(), []);
    assert!(!store.delete_conversation(stranger, mine).await.unwrap());
    assert!(store.conversation(me, mine).await.unwrap().is_some());
}
