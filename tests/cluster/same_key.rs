//! Repeated requests, and requests at one instance about a turn of another.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::{
    class::{ask, calls, gated, question},
    follower::{Plan, follow},
    run::Run,
    support::{
        openai::{Behaviour, Purpose},
        soon,
    },
    world::{Cluster, INSTANCES},
};

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_twenty_times_at_once_over_all_instances_makes_one_turn() {
    let mut run = Run::begin("same key");
    let cluster = Cluster::start(&[]).await;
    let rounds = run.turns(5);
    for round in 1..=rounds {
        let student = cluster.student();
        let conversation = student.begin("과학 탐구").await;
        let message = question(run.random.u64(..100_000));
        let key = format!("key-{round}");
        let students: Vec<_> = (0..20).map(|n| student.moved_to(cluster.url(n % INSTANCES))).collect();
        let replies = join_all(students.iter().map(|student| student.send(&conversation, &message, Some(&key)))).await;
        let turns: BTreeSet<String> =
            replies.into_iter().map(|reply| reply.expect(202).json()["turn_id"].as_str().unwrap().to_owned()).collect();
        assert_eq!(turns.len(), 1, "{turns:?}");
        let seen = follow(&student, turns.first().unwrap(), &Plan::stay(cluster.front())).await;
        assert_eq!(seen.state, "done");
        assert_eq!(student.conversation(&conversation).await["turns"].as_array().unwrap().len(), 1);
        assert_eq!(calls(&cluster.openai, Purpose::Chat), round);
        assert_eq!(calls(&cluster.openai, Purpose::Tutor), round);
    }
    run.report(format_args!("{rounds} times twenty sends, {rounds} turns"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_who_begins_at_all_instances_at_once_is_one_learner_with_one_conversation() {
    let mut run = Run::begin("newcomer");
    let cluster = Cluster::start(&[]).await;
    let rounds = run.turns(5);
    for _ in 0..rounds {
        let key = format!("{:016x}{:016x}", run.random.u64(..), 0x0123_4567_89ab_cdef_u64);
        let students: Vec<_> = (0..18).map(|n| cluster.student_at(n % INSTANCES)).collect();
        let replies = join_all(students.iter().map(async |student| {
            let call = student.call(Method::POST, "/api/v1/conversations").header("idempotency-key", &key);
            call.json(&json!({ "topic": "과학 탐구" })).send().await.expect(201).json()["id"].take().to_string()
        }))
        .await;
        let begun: BTreeSet<_> = replies.into_iter().zip(students.iter().map(|student| student.cookie())).collect();
        assert_eq!(begun.len(), 1, "{begun:?}");
    }
    run.report(format_args!("{rounds} times eighteen requests, {rounds} learners"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_instance_does_everything_with_a_turn_of_another() {
    let mut run = Run::begin("elsewhere");
    let cluster = Cluster::start(&[]).await;
    gated(&cluster.openai);
    for here in 0..INSTANCES {
        let there = (here + 1) % INSTANCES;
        let asked = ask(cluster.student_at(here), run.random.u64(..100_000)).await;
        let elsewhere = asked.student.moved_to(cluster.url(there));
        cluster.openai.wait_for_waiting(1).await;
        // A second question while it runs is refused at every instance.
        elsewhere.send(&asked.conversation, "또 물어요", None).await.problem(409, "busy");
        let plan = Plan::stay(cluster.url(here));
        let (seen, stopped) = tokio::join!(follow(&asked.student, &asked.turn, &plan), async {
            soon("the stop", elsewhere.cancel(&asked.turn)).await.expect(204)
        });
        drop(stopped);
        assert_eq!(seen.state, "cancelled");
        assert_eq!(asked.stored().await["state"], "cancelled");
        cluster.openai.wait_for_disconnects(1).await;

        cluster.openai.reset();
        elsewhere.retry(&asked.turn).await.expect(202);
        asked.check(&follow(&asked.student, &asked.turn, &plan).await).await;
        let export = elsewhere.get(&format!("/api/v1/conversations/{}/export?format=md", asked.conversation)).await;
        assert!(export.expect(200).text().contains("번 글"));

        // Deleted in the middle of another try.
        gated(&cluster.openai);
        let second = ask(cluster.student_at(here), run.random.u64(..100_000)).await;
        cluster.openai.wait_for_waiting(1).await;
        let path = format!("/api/v1/conversations/{}", second.conversation);
        second.student.moved_to(cluster.url(there)).delete(&path).await.expect(204);
        cluster.openai.wait_for_disconnects(1).await;
        second.student.get(&path).await.problem(404, "not-found");
        cluster.openai.reset();
        gated(&cluster.openai);
    }
    run.report("stop, retry, export and delete at another instance");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_question_is_taken_in_at_another_instance_while_only_the_notes_are_missing() {
    let run = Run::begin("notes missing");
    let cluster = Cluster::start(&[]).await;
    for here in 0..INSTANCES {
        cluster.openai.queue(Purpose::Tutor, Behaviour::default().gate_at(0));
        let student = cluster.student_at(here);
        let conversation = student.begin("과학 탐구").await;
        let turn = student.ask(&conversation, "하늘은 왜 파래요?").await;
        let elsewhere = student.moved_to(cluster.url((here + 1) % INSTANCES));
        let mut events = elsewhere.follow(&turn).await;
        events.until("the whole answer", |story| story.is_answered).await;
        let next = elsewhere.ask(&conversation, "그럼 저녁에는 왜 빨개요?").await;
        let story = events.into_story().await;
        assert_eq!((story.state.as_str(), &story.feedback.unwrap()["source"]), ("done", &json!("coach")));
        assert_eq!(student.finish(&next).await.state, "done");
    }
    run.report("a question at another instance, three times");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guide_of_a_preset_that_all_instances_want_is_made_once() {
    let run = Run::begin("guide");
    let cluster = Cluster::start(&[]).await;
    cluster.openai.set(Purpose::Guide, Behaviour { first_ms: 700, ..Default::default() });
    let wanted = join_all((0..12).map(async |n| {
        let call = cluster.student_at(n % INSTANCES).call(Method::POST, "/api/v1/chat/initial-guide");
        let reply = call.header("prefer", "wait=20").json(&json!({ "topic": "과학 탐구" })).send().await;
        let guide = reply.expect(200).json();
        assert_eq!(guide["pending"], false, "{guide}");
        guide["guide_title"].as_str().unwrap().to_owned()
    }))
    .await;
    assert!(wanted.iter().all(|title| *title == wanted[0]));
    assert_eq!(calls(&cluster.openai, Purpose::Guide), 1);
    run.report("12 requests at 3 instances, 1 call");
}
