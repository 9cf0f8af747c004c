use domain::{
    TurnId,
    turn::{Outcome, Turn, TurnState},
};
use sea_orm::ConnectionTrait;

use crate::database::{
    Database, LEASE, NOW, ask, ask_and_end, conversation, done, ended, learner, message, on_both_engines,
    one_conversation, read,
};

on_both_engines!(
    turns_come_in_the_order_they_were_asked,
    nobody_reads_anothers_turn,
    the_history_holds_questions_and_answers_in_order,
    the_history_leaves_out_what_has_no_answer,
    the_history_of_one_conversation_knows_no_other,
    damaged_feedback_counts_as_missing,
    a_turn_is_found_by_its_key_within_its_conversation,
);

async fn turns_come_in_the_order_they_were_asked(database: Database) {
    let store = database.open().await;
    let (me, mine) = one_conversation(&store).await;
    let mut asked = Vec::new();
    for n in 1..=12 {
        // Every other one has notes.
        let outcome = if n % 2 == 0 { done("답") } else { ended(TurnState::Failed) };
        asked.push(ask_and_end(&store, me, mine, &n.to_string(), &outcome).await);
    }
    asked.push(ask(&store, me, mine, "아직").await);
    assert_eq!(store.turns(me, mine).await.unwrap(), asked);
}

async fn nobody_reads_anothers_turn(database: Database) {
    let store = database.open().await;
    let (me, mine) = one_conversation(&store).await;
    let (stranger, _) = one_conversation(&store).await;
    let turn = ask(&store, me, mine, "질문").await;
    assert_eq!(store.turn(stranger, turn.id).await.unwrap(), None);
    assert_eq!(store.turns(stranger, mine).await.unwrap(), []);
    assert_eq!(store.turn(me, TurnId::new()).await.unwrap(), None);
    assert_eq!(read(&store, me, turn.id).await, turn);
}

async fn the_history_holds_questions_and_answers_in_order(database: Database) {
    let store = database.open().await;
    let (me, mine) = one_conversation(&store).await;
    let mut asked = Vec::new();
    for n in 1..=6 {
        let turn = ask_and_end(&store, me, mine, &n.to_string(), &done(&format!("답 {n}"))).await;
        asked.push((turn.message, turn.answer));
    }
    assert_eq!(store.exchanges(mine, 3..6).await.unwrap(), asked[2..5]);
    assert_eq!(store.exchanges(mine, 0..3).await.unwrap(), asked[..2]);
    assert_eq!(store.exchanges(mine, 0..1).await.unwrap(), []);
    assert_eq!(store.exchanges(mine, 0..u32::MAX).await.unwrap(), asked);
}

async fn the_history_leaves_out_what_has_no_answer(database: Database) {
    let store = database.open().await;
    let (me, mine) = one_conversation(&store).await;
    ask_and_end(&store, me, mine, "실패", &ended(TurnState::Failed)).await;
    let partial = Outcome { answer: "앞부분".to_owned(), ..ended(TurnState::Cancelled) };
    ask_and_end(&store, me, mine, "중지", &partial).await;
    ask_and_end(&store, me, mine, "질문", &done("답")).await;
    ask(&store, me, mine, "아직").await;
    let expected = [("중지", "앞부분"), ("질문", "답")].map(|(q, a)| (q.to_owned(), a.to_owned()));
    assert_eq!(store.exchanges(mine, 0..100).await.unwrap(), expected);
}

async fn the_history_of_one_conversation_knows_no_other(database: Database) {
    let store = database.open().await;
    let me = learner(&store).await;
    let [one, other] = [conversation(&store, me).await.id, conversation(&store, me).await.id];
    ask_and_end(&store, me, one, "질문", &done("답")).await;
    ask_and_end(&store, me, other, "질문", &done("다른 답")).await;
    assert_eq!(store.exchanges(one, 0..9).await.unwrap(), [("질문".to_owned(), "답".to_owned())]);
}

async fn damaged_feedback_counts_as_missing(database: Database) {
    let store = database.open().await;
    let (me, mine) = one_conversation(&store).await;
    let turn = ask_and_end(&store, me, mine, "질문", &done("답")).await;
    assert!(turn.feedback.is_some());
    database.raw().await.execute_unprepared("UPDATE feedback SET body = '{\"source\": '").await.unwrap();
    let wanted = Turn { feedback: None, ..turn };
    assert_eq!(store.turn(me, wanted.id).await.unwrap(), Some(wanted.clone()));
    assert_eq!(store.turns(me, mine).await.unwrap(), std::slice::from_ref(&wanted));
    assert_eq!(store.exchanges(mine, 0..9).await.unwrap(), [("질문".to_owned(), "답".to_owned())]);
    ask(&store, me, mine, "또 물어요").await;
}

async fn a_turn_is_found_by_its_key_within_its_conversation(database: Database) {
    let store = database.open().await;
    let (me, mine) = one_conversation(&store).await;
    let (stranger, other) = one_conversation(&store).await;
    assert_eq!(store.turn_by_key(me, mine, "k").await.unwrap(), None);
    store.accept_turn(me, mine, &message("질문"), Some("k"), LEASE, NOW).await.unwrap();
    let turn = store.turn_by_key(me, mine, "k").await.unwrap().expect("the turn of that key");
    assert_eq!(turn, read(&store, me, turn.id).await);
    for (learner, conversation, key) in
        [(stranger, mine, "k"), (stranger, other, "k"), (me, other, "k"), (me, mine, "K")]
    {
        assert_eq!(store.turn_by_key(learner, conversation, key).await.unwrap(), None);
    }
}
