use std::sync::Arc;

use domain::{
    TurnId,
    turn::{Outcome, Reason, TurnState},
};
use store::StoreError;
use tokio::{sync::Barrier, task::JoinSet};

use crate::database::{
    Database, NOW, ask, ask_and_end, conversation, done, ended, feedback, fencing_token, on_both_engines,
    one_conversation, read, retry,
};

on_both_engines!(
    a_turn_ends_with_everything_in_one_commit,
    a_turn_ends_once,
    a_writer_of_an_older_attempt_changes_nothing,
    a_turn_does_not_end_in_a_running_state,
    every_state_and_reason_is_kept,
    an_answer_with_a_nul_is_kept_without_it,
    of_many_writers_at_once_one_ends_the_turn,
    a_start_interrupts_what_was_running_and_nothing_else,
);

async fn a_turn_ends_with_everything_in_one_commit(database: Database) {
    let store = database.open().await;
    let (me, mine) = one_conversation(&store).await;
    let outcome = Outcome { reason: Some(Reason::Length), ..done("# 답\n\n하늘은 🌤️ $x^2$") };
    let turn = ask_and_end(&store, me, mine, "질문", &outcome).await;
    assert_eq!((turn.state, turn.reason, turn.attempt), (TurnState::Done, Some(Reason::Length), 1));
    assert_eq!(turn.answer, outcome.answer);
    assert_eq!(turn.feedback, Some(feedback()));
    assert_eq!(store.turns(me, mine).await.unwrap(), [turn]);
    assert_eq!(store.tokens_since(NOW).await.unwrap(), 175);
}

async fn a_turn_ends_once(database: Database) {
    let store = database.open().await;
    let (me, mine) = one_conversation(&store).await;
    let turn = ask_and_end(&store, me, mine, "질문", &done("답")).await;
    for outcome in [done("다른 답"), ended(TurnState::Cancelled)] {
        assert!(!store.finish_turn(fencing_token(turn.id, 1), &outcome, NOW).await.unwrap());
    }
    assert_eq!(read(&store, me, turn.id).await, turn);
    assert_eq!(store.tokens_since(0).await.unwrap(), 175);
    assert!(!store.finish_turn(fencing_token(TurnId::new(), 1), &done("답"), NOW).await.unwrap());
}

async fn a_writer_of_an_older_attempt_changes_nothing(database: Database) {
    let store = database.open().await;
    let (me, mine) = one_conversation(&store).await;
    let turn = ask_and_end(&store, me, mine, "질문", &ended(TurnState::Interrupted)).await;
    let again = retry(&store, me, turn.id).await;
    assert!(!store.finish_turn(fencing_token(turn.id, 1), &done("늦은 답"), NOW).await.unwrap());
    assert_eq!(read(&store, me, turn.id).await, again);
    assert_eq!(store.tokens_since(0).await.unwrap(), 0);
    assert!(store.finish_turn(fencing_token(turn.id, 2), &done("새 답"), NOW).await.unwrap());
    assert_eq!(read(&store, me, turn.id).await.answer, "새 답");
}

async fn a_turn_does_not_end_in_a_running_state(database: Database) {
    let store = database.open().await;
    let (me, mine) = one_conversation(&store).await;
    let turn = ask(&store, me, mine, "질문").await;
    for state in [TurnState::Accepted, TurnState::Answering] {
        let finished = store.finish_turn(fencing_token(turn.id, 1), &ended(state), NOW).await;
        assert!(matches!(finished, Err(StoreError::NotFinal(refused)) if refused == state), "{finished:?}");
    }
    assert_eq!(read(&store, me, turn.id).await, turn);
}

async fn every_state_and_reason_is_kept(database: Database) {
    let store = database.open().await;
    let (me, mine) = one_conversation(&store).await;
    let reasons = Reason::ALL.into_iter().map(Some).chain([None]);
    for reason in reasons {
        for state in TurnState::ALL.into_iter().filter(|state| !state.is_running()) {
            // What never began has no beginning.
            let answer =
                if matches!(reason, Some(Reason::Unavailable | Reason::NoAnswer)) { "" } else { "앞부분" }.to_owned();
            let outcome = Outcome { reason, answer, ..ended(state) };
            let turn = ask_and_end(&store, me, mine, "질문", &outcome).await;
            assert_eq!((turn.state, turn.reason), (state, reason));
        }
    }
}

async fn an_answer_with_a_nul_is_kept_without_it(database: Database) {
    let store = database.open().await;
    let (me, mine) = one_conversation(&store).await;
    let mut outcome = done("앞\u{0}뒤");
    outcome.usage[0].model = "mo\u{0}del".to_owned();
    let turn = ask_and_end(&store, me, mine, "질문", &outcome).await;
    assert_eq!(turn.answer, "앞뒤");
    // Inside the notes it is written as JSON and needs no help.
    assert_eq!(turn.feedback, outcome.feedback);
}

async fn of_many_writers_at_once_one_ends_the_turn(database: Database) {
    let store = database.open().await;
    let (me, mine) = one_conversation(&store).await;
    let turn = ask(&store, me, mine, "질문").await;
    let together = Arc::new(Barrier::new(8));
    let mut writers = JoinSet::new();
    for n in 0..8 {
        let (store, together) = (store.clone(), together.clone());
        writers.spawn(async move {
            together.wait().await;
            let answer = n.to_string();
            store.finish_turn(fencing_token(turn.id, 1), &done(&answer), NOW).await.unwrap().then_some(answer)
        });
    }
    let winners: Vec<_> = writers.join_all().await.into_iter().flatten().collect();
    assert_eq!(winners, [read(&store, me, turn.id).await.answer]);
    assert_eq!(store.tokens_since(0).await.unwrap(), 175);
}

async fn a_start_interrupts_what_was_running_and_nothing_else(database: Database) {
    let store = database.open().await;
    let (me, accepted_in) = one_conversation(&store).await;
    let answering_in = conversation(&store, me).await.id;
    let finished = ask_and_end(&store, me, accepted_in, "끝난 질문", &done("답")).await;
    let accepted = ask(&store, me, accepted_in, "받은 질문").await;
    let answering = ask(&store, me, answering_in, "답하던 질문").await;

    assert_eq!(store.interrupt_running(NOW).await.unwrap(), 2);
    assert_eq!(store.interrupt_running(NOW).await.unwrap(), 0);
    for turn in [accepted, answering] {
        let turn = read(&store, me, turn.id).await;
        assert_eq!(turn.state, TurnState::Interrupted);
        assert!(!store.finish_turn(fencing_token(turn.id, 1), &done("늦은 답"), NOW).await.unwrap());
        retry(&store, me, turn.id).await;
    }
    assert_eq!(read(&store, me, finished.id).await, finished);
}
