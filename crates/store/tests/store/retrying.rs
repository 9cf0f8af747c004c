use std::sync::Arc;

use domain::{
    Feedback, TurnId,
    feedback::Source,
    turn::{Outcome, Reason, TurnState},
};
use store::Retry;
use tokio::{sync::Barrier, task::JoinSet};

use crate::database::{
    Database, LEASE, NOW, ask, ask_and_end, conversation, done, ended, feedback, fencing_token, learner,
    on_both_engines, one_conversation, read, retry,
};

on_both_engines!(
    another_try_starts_clean,
    another_try_keeps_the_notes_a_model_wrote,
    an_earlier_turn_may_be_tried_again_too,
    a_running_turn_is_not_started_twice,
    a_finished_turn_is_not_tried_again,
    another_try_waits_for_a_running_turn,
    nobody_retries_anothers_turn,
    of_many_retries_at_once_one_starts,
    of_two_turns_retried_at_once_one_starts,
    another_try_moves_the_conversation_to_the_top,
);

async fn another_try_starts_clean(database: Database) {
    let store = database.open().await;
    let (me, mine) = one_conversation(&store).await;
    for state in [TurnState::Failed, TurnState::Cancelled, TurnState::Interrupted] {
        let broken = Outcome { state, reason: Some(Reason::Broken), ..done("앞부분만") };
        let turn = ask_and_end(&store, me, mine, "질문", &broken).await;
        assert!(turn.feedback.is_some());

        let again = retry(&store, me, turn.id).await;
        assert_eq!((again.id, again.seq, again.attempt), (turn.id, turn.seq, 2));
        assert_eq!((again.state, again.reason), (TurnState::Answering, None));
        assert_eq!((again.answer.as_str(), again.feedback.as_ref()), ("", None));
        assert_eq!(read(&store, me, turn.id).await, again);

        assert!(store.finish_turn(fencing_token(turn.id, 2), &done("온전한 답"), NOW).await.unwrap());
        let ended = read(&store, me, turn.id).await;
        assert_eq!((ended.state, ended.reason, ended.answer.as_str()), (TurnState::Done, None, "온전한 답"));
    }
    // Both tries of all three were paid for.
    assert_eq!(store.tokens_since(0).await.unwrap(), 6 * 175);
}

async fn another_try_keeps_the_notes_a_model_wrote(database: Database) {
    let store = database.open().await;
    let (me, mine) = one_conversation(&store).await;
    let notes = Feedback { source: Source::Model, ..feedback() };
    let broken = Outcome { feedback: Some(notes.clone()), ..ended(TurnState::Failed) };
    let turn = ask_and_end(&store, me, mine, "질문", &broken).await;

    let again = retry(&store, me, turn.id).await;
    assert_eq!(again.feedback, Some(notes.clone()));
    assert_eq!(read(&store, me, turn.id).await, again);
    // An outcome without notes leaves them as they are; one with notes puts its own in their place.
    assert!(store.finish_turn(fencing_token(turn.id, 2), &ended(TurnState::Failed), NOW).await.unwrap());
    assert_eq!(read(&store, me, turn.id).await.feedback, Some(notes));
    let again = retry(&store, me, turn.id).await;
    assert!(store.finish_turn(fencing_token(again.id, 3), &done("답"), NOW).await.unwrap());
    assert_eq!(read(&store, me, turn.id).await.feedback, done("답").feedback);
}

async fn an_earlier_turn_may_be_tried_again_too(database: Database) {
    let store = database.open().await;
    let (me, mine) = one_conversation(&store).await;
    let first = ask_and_end(&store, me, mine, "첫째", &ended(TurnState::Failed)).await;
    let second = ask_and_end(&store, me, mine, "둘째", &done("답")).await;
    let again = retry(&store, me, first.id).await;
    assert_eq!(store.turns(me, mine).await.unwrap(), [again, second]);
}

async fn a_running_turn_is_not_started_twice(database: Database) {
    let store = database.open().await;
    let (me, mine) = one_conversation(&store).await;
    let turn = ask(&store, me, mine, "질문").await;
    assert_eq!(store.retry_turn(me, turn.id, LEASE, NOW).await.unwrap(), Retry::Running(turn.clone()));
    let answering = read(&store, me, turn.id).await;
    assert_eq!(store.retry_turn(me, turn.id, LEASE, NOW).await.unwrap(), Retry::Running(answering));
}

async fn a_finished_turn_is_not_tried_again(database: Database) {
    let store = database.open().await;
    let (me, mine) = one_conversation(&store).await;
    let turn = ask_and_end(&store, me, mine, "질문", &done("답")).await;
    assert_eq!(store.retry_turn(me, turn.id, LEASE, NOW).await.unwrap(), Retry::NotRetriable(TurnState::Done));
    assert_eq!(read(&store, me, turn.id).await, turn);
}

async fn another_try_waits_for_a_running_turn(database: Database) {
    let store = database.open().await;
    let (me, mine) = one_conversation(&store).await;
    let failed = ask_and_end(&store, me, mine, "첫째", &ended(TurnState::Failed)).await;
    let running = ask(&store, me, mine, "둘째").await;
    assert_eq!(store.retry_turn(me, failed.id, LEASE, NOW).await.unwrap(), Retry::Busy(running.id));
    assert_eq!(read(&store, me, failed.id).await, failed);
}

async fn nobody_retries_anothers_turn(database: Database) {
    let store = database.open().await;
    let (me, mine) = one_conversation(&store).await;
    let stranger = learner(&store).await;
    let turn = ask_and_end(&store, me, mine, "질문", &ended(TurnState::Failed)).await;
    for (who, id) in [(stranger, turn.id), (me, TurnId::new())] {
        assert_eq!(store.retry_turn(who, id, LEASE, NOW).await.unwrap(), Retry::NoTurn);
    }
    assert_eq!(read(&store, me, turn.id).await, turn);
}

async fn of_many_retries_at_once_one_starts(database: Database) {
    let store = database.open().await;
    let (me, mine) = one_conversation(&store).await;
    let turn = ask_and_end(&store, me, mine, "질문", &ended(TurnState::Failed)).await;
    let together = Arc::new(Barrier::new(12));
    let mut retries = JoinSet::new();
    for _ in 0..12 {
        let (store, together) = (store.clone(), together.clone());
        retries.spawn(async move {
            together.wait().await;
            store.retry_turn(me, turn.id, LEASE, NOW).await.unwrap()
        });
    }
    let again = read_after(retries.join_all().await);
    assert_eq!(read(&store, me, turn.id).await, again);
    assert_eq!(again.attempt, 2);
}

/// The one turn that was started; every other retry was told that it runs.
fn read_after(retries: Vec<Retry>) -> domain::turn::Turn {
    let mut started = Vec::new();
    for retry in retries {
        match retry {
            Retry::Started(turn) => started.push(turn),
            Retry::Running(turn) => assert_eq!(turn.attempt, 2),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(started.len(), 1);
    started.remove(0)
}

async fn of_two_turns_retried_at_once_one_starts(database: Database) {
    let store = database.open().await;
    let me = learner(&store).await;
    for _ in 0..10 {
        let mine = conversation(&store, me).await.id;
        let together = Arc::new(Barrier::new(2));
        let mut retries = JoinSet::new();
        for text in ["첫째", "둘째"] {
            let id = ask_and_end(&store, me, mine, text, &ended(TurnState::Cancelled)).await.id;
            let (store, together) = (store.clone(), together.clone());
            retries.spawn(async move {
                together.wait().await;
                store.retry_turn(me, id, LEASE, NOW).await.unwrap()
            });
        }
        let answers = retries.join_all().await;
        let running: Vec<_> =
            store.turns(me, mine).await.unwrap().into_iter().filter(|turn| turn.state.is_running()).collect();
        assert_eq!(running.len(), 1);
        assert!(answers.contains(&Retry::Started(running[0].clone())), "{answers:?}");
        assert!(answers.contains(&Retry::Busy(running[0].id)), "{answers:?}");
    }
}

async fn another_try_moves_the_conversation_to_the_top(database: Database) {
    let store = database.open().await;
    let (me, mine) = one_conversation(&store).await;
    let turn = ask_and_end(&store, me, mine, "질문", &ended(TurnState::Failed)).await;
    store.retry_turn(me, turn.id, LEASE, NOW + 7).await.unwrap();
    assert_eq!(store.conversations(me, None, 1).await.unwrap()[0].active_at, NOW + 7);
}
