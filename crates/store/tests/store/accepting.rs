use std::{future::poll_fn, pin::pin, sync::Arc, task::Poll};

use domain::{ConversationId, turn::TurnState};
use store::Acceptance;
use tokio::{sync::Barrier, task::JoinSet};

use crate::database::{
    Database, LEASE, NOW, ask, ask_and_end, conversation, done, ended, fencing_token, learner, message,
    on_both_engines, one_conversation, read,
};

on_both_engines!(
    an_accepted_message_is_a_turn_that_waits,
    places_rise_by_one,
    the_same_key_gives_the_same_turn,
    a_key_is_good_for_one_message,
    a_key_counts_in_its_conversation_only,
    a_key_is_honoured_while_its_turn_runs_and_after,
    a_second_question_waits_for_the_first,
    nobody_asks_in_anothers_conversation,
    twenty_sends_with_one_key_make_one_turn,
    of_two_questions_at_once_one_is_taken,
    a_class_that_sends_at_once_is_taken_whole,
    a_long_message_keeps_every_character,
    a_call_that_is_dropped_half_way_harms_nothing,
);

async fn an_accepted_message_is_a_turn_that_waits(database: Database) {
    let store = database.open().await;
    let (me, mine) = one_conversation(&store).await;
    let turn = ask(&store, me, mine, "하늘은 왜 파래요? 🌌").await;
    assert_eq!((turn.conversation, turn.seq, turn.attempt), (mine, 1, 1));
    assert_eq!((turn.state, turn.reason), (TurnState::Answering, None));
    assert_eq!((turn.message.as_str(), turn.answer.as_str()), ("하늘은 왜 파래요? 🌌", ""));
    assert_eq!((turn.feedback.as_ref(), turn.created_at), (None, NOW));
    assert_eq!(read(&store, me, turn.id).await, turn);
}

async fn places_rise_by_one(database: Database) {
    let store = database.open().await;
    let (me, mine) = one_conversation(&store).await;
    for (seq, state) in (1..).zip([TurnState::Done, TurnState::Failed, TurnState::Cancelled, TurnState::Interrupted]) {
        let turn = ask_and_end(&store, me, mine, "질문", &ended(state)).await;
        assert_eq!((turn.seq, turn.state), (seq, state));
    }
}

async fn the_same_key_gives_the_same_turn(database: Database) {
    let store = database.open().await;
    let (me, mine) = one_conversation(&store).await;
    let accept = async || store.accept_turn(me, mine, &message("질문"), Some("열쇠-1"), LEASE, NOW).await.unwrap();
    let Acceptance::New(turn, _) = accept().await else { panic!("the first is new") };
    assert_eq!(accept().await, Acceptance::Same(turn.clone()));
    assert_eq!(store.turns(me, mine).await.unwrap(), [turn]);
}

async fn a_key_is_good_for_one_message(database: Database) {
    let store = database.open().await;
    let (me, mine) = one_conversation(&store).await;
    store.accept_turn(me, mine, &message("질문"), Some("k"), LEASE, NOW).await.unwrap();
    let other = store.accept_turn(me, mine, &message("다른 질문"), Some("k"), LEASE, NOW).await.unwrap();
    assert_eq!(other, Acceptance::KeyReused);
    assert_eq!(store.turns(me, mine).await.unwrap().len(), 1);
}

async fn a_key_counts_in_its_conversation_only(database: Database) {
    let store = database.open().await;
    let me = learner(&store).await;
    for _ in 0..2 {
        let mine = conversation(&store, me).await.id;
        let accepted = store.accept_turn(me, mine, &message("질문"), Some("k"), LEASE, NOW).await.unwrap();
        assert!(matches!(accepted, Acceptance::New(..)), "{accepted:?}");
    }
}

async fn a_key_is_honoured_while_its_turn_runs_and_after(database: Database) {
    let store = database.open().await;
    let (me, mine) = one_conversation(&store).await;
    let accept = async || store.accept_turn(me, mine, &message("질문"), Some("k"), LEASE, NOW).await.unwrap();
    let Acceptance::New(first, _) = accept().await else { panic!("the first is new") };
    store.finish_turn(fencing_token(first.id, 1), &done("답"), NOW).await.unwrap();
    // Others came after it, and one of them is running.
    ask_and_end(&store, me, mine, "둘째", &done("답")).await;
    ask(&store, me, mine, "셋째").await;
    let Acceptance::Same(same) = accept().await else { panic!("the key is known") };
    assert_eq!(same, read(&store, me, first.id).await);
    assert_eq!((same.state, same.answer.as_str()), (TurnState::Done, "답"));
    assert!(same.feedback.is_some());
}

async fn a_second_question_waits_for_the_first(database: Database) {
    let store = database.open().await;
    let (me, mine) = one_conversation(&store).await;
    let first = ask(&store, me, mine, "첫째").await;
    let second = async || store.accept_turn(me, mine, &message("둘째"), Some("k"), LEASE, NOW).await.unwrap();
    assert_eq!(second().await, Acceptance::Busy(first.id));
    assert_eq!(second().await, Acceptance::Busy(first.id));
    assert!(store.finish_turn(fencing_token(first.id, 1), &done("답"), NOW).await.unwrap());
    assert!(matches!(second().await, Acceptance::New(turn, _) if turn.seq == 2));
}

async fn nobody_asks_in_anothers_conversation(database: Database) {
    let store = database.open().await;
    let (me, mine) = one_conversation(&store).await;
    let stranger = learner(&store).await;
    for (who, conversation) in [(stranger, mine), (me, ConversationId::new())] {
        let accepted = store.accept_turn(who, conversation, &message("질문"), Some("k"), LEASE, NOW).await.unwrap();
        assert_eq!(accepted, Acceptance::NoConversation);
    }
    assert_eq!(store.turns(me, mine).await.unwrap(), []);
}

async fn twenty_sends_with_one_key_make_one_turn(database: Database) {
    let store = database.open().await;
    let (me, mine) = one_conversation(&store).await;
    let together = Arc::new(Barrier::new(20));
    let mut sends = JoinSet::new();
    for _ in 0..20 {
        let (store, together) = (store.clone(), together.clone());
        sends.spawn(async move {
            together.wait().await;
            store.accept_turn(me, mine, &message("질문"), Some("k"), LEASE, NOW).await.unwrap()
        });
    }
    let (mut new, mut same) = (Vec::new(), Vec::new());
    for accepted in sends.join_all().await {
        match accepted {
            Acceptance::New(turn, _) => new.push(turn),
            Acceptance::Same(turn) => same.push(turn),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((new.len(), same.len()), (1, 19));
    assert!(same.iter().all(|turn| *turn == new[0]));
    assert_eq!(store.turns(me, mine).await.unwrap(), new);
}

async fn of_two_questions_at_once_one_is_taken(database: Database) {
    let store = database.open().await;
    let me = learner(&store).await;
    for _ in 0..10 {
        let mine = conversation(&store, me).await.id;
        let together = Arc::new(Barrier::new(2));
        let mut sends = JoinSet::new();
        for key in ["a", "b"] {
            let (store, together) = (store.clone(), together.clone());
            sends.spawn(async move {
                together.wait().await;
                store.accept_turn(me, mine, &message(key), Some(key), LEASE, NOW).await.unwrap()
            });
        }
        let answers = sends.join_all().await;
        let taken = store.turns(me, mine).await.unwrap();
        assert_eq!(taken.len(), 1);
        assert!(
            answers.iter().any(|answer| matches!(answer, Acceptance::New(turn, _) if *turn == taken[0])),
            "{answers:?}"
        );
        assert!(answers.contains(&Acceptance::Busy(taken[0].id)), "{answers:?}");
    }
}

async fn a_class_that_sends_at_once_is_taken_whole(database: Database) {
    let store = database.open().await;
    let together = Arc::new(Barrier::new(32));
    let mut class = JoinSet::new();
    for student in 0..32 {
        let (store, together) = (store.clone(), together.clone());
        class.spawn(async move {
            let (me, mine) = one_conversation(&store).await;
            together.wait().await;
            for question in 1..=5 {
                let text = format!("{student}번 학생의 {question}번째 질문");
                let turn = ask_and_end(&store, me, mine, &text, &done("답")).await;
                assert_eq!((turn.seq, turn.message), (question, text));
            }
            store.turns(me, mine).await.unwrap().len()
        });
    }
    assert_eq!(class.join_all().await, [5; 32]);
}

async fn a_long_message_keeps_every_character(database: Database) {
    let store = database.open().await;
    let (me, mine) = one_conversation(&store).await;
    // Two thousand characters, among them some outside the basic plane, a quote, a backslash and a line break.
    let text = format!("{}'\"\\%_\n끝", "한글🙂e\u{301}".repeat(400)).chars().take(2_000).collect::<String>();
    let text = message(&text);
    let Acceptance::New(turn, _) = store.accept_turn(me, mine, &text, None, LEASE, NOW).await.unwrap() else {
        panic!("the first is new")
    };
    assert_eq!(read(&store, me, turn.id).await.message, text.as_str());
}

async fn a_call_that_is_dropped_half_way_harms_nothing(database: Database) {
    let store = database.open().await;
    let me = learner(&store).await;
    for polls in (0..12).cycle().take(120) {
        let mine = conversation(&store, me).await.id;
        let text = message("질문");
        drop_after(polls, store.accept_turn(me, mine, &text, Some("k"), LEASE, NOW)).await;
        // Whether or not it came as far as the commit, the same key settles it.
        let again = store.accept_turn(me, mine, &text, Some("k"), LEASE, NOW).await.unwrap();
        let (Acceptance::New(turn, _) | Acceptance::Same(turn)) = again else { panic!("{again:?}") };
        assert_eq!(store.turns(me, mine).await.unwrap(), [turn]);
    }
}

/// Lets the call take some steps and drops it, wherever it then is.
async fn drop_after(polls: u32, call: impl Future) {
    let mut call = pin!(call);
    let mut left = polls;
    poll_fn(|context| {
        if left == 0 || call.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        left -= 1;
        Poll::Pending
    })
    .await;
}
