//! Following a turn: a snapshot, then every change, also after reconnecting.

use super::*;

/// Starts a turn that has sent `하나` and waits before `둘` and `셋`.
async fn half_answered(app: &TestApp) -> (Student, String, String) {
    let answer = Behaviour { gate: Gate::At(vec![1, 2]), ..Behaviour::text(["하나 ", "둘 ", "셋"]) };
    app.openai.set(CHAT, answer);
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    student.follow(&turn).await.until_shown("하나").await;
    (student, conversation, turn)
}

#[tokio::test]
async fn a_turn_survives_a_closed_tab() {
    let app = TestApp::start().await;
    let (student, conversation, turn) = half_answered(&app).await;
    // `half_answered` has closed its stream, so the rest arrives without a follower.
    app.openai.release_all(CHAT);
    app.openai.wait_for_finished(2).await;
    assert_eq!(student.finish(&turn).await.state, "done");
    assert_eq!(student.stored(&conversation).await["answer"]["text"], "하나 둘 셋");
    assert_eq!((app.calls(CHAT), app.calls(TUTOR)), (1, 1));
}

#[tokio::test]
async fn a_follower_that_reconnects_gets_the_answer_so_far_and_then_the_rest() {
    let app = TestApp::start().await;
    let (student, _, turn) = half_answered(&app).await;
    let mut events = student.follow(&turn).await;
    let first = events.next().await.unwrap();
    assert_eq!(first.name, "snapshot");
    assert_eq!(first.data["state"], "answering");
    assert_eq!(first.data["blocks"], json!(["<p>하나</p>"]));
    app.openai.release_all(CHAT);
    let story = events.into_story().await;
    assert_eq!(story.text, "둘 셋");
    assert_eq!(story.html(), "<p>하나 둘 셋</p>");
}

#[tokio::test]
async fn two_followers_get_the_same_events() {
    let app = TestApp::start().await;
    let (student, conversation, turn) = half_answered(&app).await;
    let (mut first, mut second) = (student.follow(&turn).await, student.follow(&turn).await);
    first.next().await.unwrap();
    second.next().await.unwrap();
    app.openai.release(CHAT, 1);
    first.until_shown("둘").await;
    second.until_shown("둘").await;
    app.openai.release_all(CHAT);
    let (first, second) = (first.into_story().await, second.into_story().await);
    assert_eq!(first.html(), second.html());
    assert_eq!(first.text, second.text);
    assert_eq!(first.feedback, second.feedback);
    assert_eq!(student.stored(&conversation).await["answer"]["html"], first.html());
}

#[tokio::test]
async fn reconnecting_before_each_of_twenty_pieces_loses_nothing() {
    let app = TestApp::start().await;
    let pieces: Vec<String> = (0..20).map(|n| format!("{n}번째 조각.\n\n")).collect();
    let answer = Behaviour { chunks: Some(pieces.clone()), gap_ms: 0, gate: Gate::Every, ..Behaviour::default() };
    app.openai.set(CHAT, answer);
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    for n in 0..20 {
        let mut events = student.follow(&turn).await;
        let snapshot = events.next().await.unwrap();
        assert_eq!(snapshot.name, "snapshot");
        if n > 0 {
            let shown = events.story.html();
            assert!(shown.contains(&format!("{}번째", n - 1)) && !shown.contains(&format!("{n}번째")), "{shown}");
        }
        app.openai.release(CHAT, 1);
        events.until_shown(&format!("{n}번째")).await;
    }
    app.openai.release_all(CHAT);
    assert_eq!(student.finish(&turn).await.state, "done");
    assert_eq!(student.stored(&conversation).await["answer"]["text"], pieces.concat());
}

#[tokio::test]
async fn a_finished_turn_is_sent_as_a_snapshot_and_an_end() {
    let app = TestApp::start().await;
    let student = app.student();
    let turn = student.asked_and_answered(QUESTION).await;
    let story = student.finish(turn["id"].as_str().unwrap()).await;
    assert_eq!(story.outline(), ["snapshot", "end"]);
    assert_eq!(story.state, "done");
    assert_eq!(story.html(), turn["answer"]["html"]);
    assert_eq!(story.feedback.unwrap(), turn["feedback"]);
}

#[tokio::test]
async fn the_ids_of_events_rise() {
    let app = TestApp::start().await;
    let (student, _, turn) = half_answered(&app).await;
    let mut events = student.follow(&turn).await;
    events.next().await;
    app.openai.release_all(CHAT);
    let story = events.into_story().await;
    let ids: Vec<u64> = story.events.iter().map(|event| event.id.parse().unwrap()).collect();
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
}

#[tokio::test]
async fn a_slow_follower_delays_neither_the_answer_nor_other_followers() {
    let app = TestApp::start().await;
    let long: Vec<String> = (0..2_000).map(|n| format!("{n} 가나다라마바사아자차카타파하\n\n")).collect();
    let answer = Behaviour { chunks: Some(long.clone()), gap_ms: 0, ..Behaviour::default() };
    app.openai.set(CHAT, answer.gate_at(0));
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    // Open, but never read.
    let slow = student.follow(&turn).await;
    let quick = student.follow(&turn).await;
    app.openai.release_all(CHAT);
    assert_eq!(quick.into_story().await.text, long.concat());
    assert_eq!(student.stored(&conversation).await["state"], "done");
    assert_eq!(slow.into_story().await.text, long.concat());
}

#[tokio::test]
async fn a_stream_tells_proxies_not_to_buffer_it() {
    let app = TestApp::start().await;
    let (student, _, turn) = half_answered(&app).await;
    let call = student.call(reqwest::Method::GET, &format!("/api/v1/turns/{turn}/events"));
    let response = call.header("accept-encoding", "gzip, br").open().await;
    let header = |name: &str| response.headers().get(name).map_or("", |value| value.to_str().unwrap());
    assert_eq!(header("content-type"), "text/event-stream");
    assert_eq!(header("x-accel-buffering"), "no");
    assert_eq!(header("cache-control"), "no-cache, no-transform");
    assert_eq!(header("content-encoding"), "");
}

#[tokio::test]
async fn a_turn_is_stored_before_followers_see_it_done() {
    let app = TestApp::start().await;
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    for _ in 0..10 {
        let turn = student.ask(&conversation, QUESTION).await;
        student.follow(&turn).await.until_state("done").await;
        assert_eq!(student.stored(&conversation).await["state"], "done");
    }
}

#[tokio::test]
async fn the_streams_of_a_turn_a_learner_and_an_instance_are_limited() {
    let flags = ["--max-followers", "4", "--max-followers-per-learner", "3", "--max-followers-per-turn", "2"];
    let app = TestApp::with(&flags).await;
    app.openai.set(CHAT, Behaviour::default().gate_at(0));
    let (one, two) = (app.student(), app.student());
    let mut turns = Vec::new();
    for student in [&one, &one, &two, &two] {
        let conversation = student.begin("과학 탐구").await;
        turns.push(student.ask(&conversation, QUESTION).await);
    }
    let refused = async |student: &Student, turn: &str, status, kind| {
        let reply = student.get(&format!("/api/v1/turns/{turn}/events")).await;
        reply.problem(status, kind);
        assert_eq!(reply.header("retry-after"), "5");
    };
    let mut open = vec![one.follow(&turns[0]).await, one.follow(&turns[0]).await];
    refused(&one, &turns[0], 429, "too-many").await;
    open.push(one.follow(&turns[1]).await);
    refused(&one, &turns[1], 429, "too-many").await;
    open.push(two.follow(&turns[2]).await);
    refused(&two, &turns[3], 503, "full").await;
    // An unknown turn is not found, also at the limit.
    refused_as_unknown(&two, &turns[0]).await;
    // Closing a stream makes room for another.
    open.clear();
    let again = support::eventually("room for a stream", async || {
        let response = one.call(reqwest::Method::GET, &format!("/api/v1/turns/{}/events", turns[0])).open().await;
        (response.status() == 200).then_some(response)
    })
    .await;
    app.openai.release_all(CHAT);
    assert_eq!(support::events::Events::new(again).into_story().await.state, "done");
}

async fn refused_as_unknown(student: &Student, turn: &str) {
    student.get(&format!("/api/v1/turns/{turn}/events")).await.problem(404, "not-found");
}
