//! What is counted over all instances, and what each counts for itself.

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
async fn a_rate_limit_is_counted_once_over_all_instances() {
    let run = Run::begin("rate limit");
    let cluster = Cluster::start(&[("RATE_LIMIT", "on"), ("RATE_LIMIT_LEARNER_PER_MINUTE", "6")]).await;
    let student = cluster.student();
    let conversation = student.begin("과학 탐구").await;
    let (mut taken, mut refused) = (0, 0);
    for n in 0..18 {
        let reply = student.moved_to(cluster.url(n % INSTANCES)).send(&conversation, &question(n as u64), None).await;
        if reply.status == 429 {
            reply.problem(429, "too-many");
            assert!(!reply.header("retry-after").is_empty());
            refused += 1;
        } else {
            let turn = reply.expect(202).json()["turn_id"].as_str().unwrap().to_owned();
            follow(&student, &turn, &Plan::stay(cluster.front())).await;
            taken += 1;
        }
    }
    // A sixth of a minute brings another one; the machine may have been slow.
    assert!((6..=7).contains(&taken), "{taken} taken, {refused} refused");
    run.report(format_args!("of 18 questions at {INSTANCES} instances {taken} taken, {refused} refused"));
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_of_an_address_are_counted_once_over_all_instances() {
    let run = Run::begin("address limits");
    let settings =
        [("RATE_LIMIT", "on"), ("RATE_LIMIT_ANONYMOUS_PER_MINUTE", "6"), ("RATE_LIMIT_NEW_LEARNERS_PER_MINUTE", "6")];
    let cluster = Cluster::start(&settings).await;
    let known = cluster.student_at(0);
    let conversation = known.begin("과학 탐구").await;
    for path in ["/api/v1/chat/initial-guide", "/api/v1/conversations"] {
        let (mut taken, mut refused) = (0, 0);
        for n in 0..18 {
            let body = json!({ "topic": format!("{n}번째 주제") });
            let reply = cluster.student_at(n % INSTANCES).post(path, body).await;
            if reply.status == 429 {
                reply.problem(429, "too-many");
                refused += 1;
            } else {
                assert!(reply.status.is_success(), "{}", reply.text());
                taken += 1;
            }
        }
        // The known learner was one; a sixth of a minute brings another, and the machine may have been slow.
        assert!((5..=7).contains(&taken), "{path}: {taken} taken, {refused} refused");
        run.report(format_args!("{path}: of 18 calls at {INSTANCES} instances {taken} taken, {refused} refused"));
    }
    // The limit of unknown clients doesn't count against a known learner.
    let turn = known.ask(&conversation, &question(1)).await;
    assert_eq!(follow(&known, &turn, &Plan::stay(cluster.url(1))).await.state, "done");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_instance_says_so_and_the_others_take_over() {
    let mut run = Run::begin("full");
    let cluster = Cluster::start(&[("MAX_TURNS", "2")]).await;
    gated(&cluster.openai);
    let mut asked = Vec::new();
    // Nginx passes a full one's 503 on to the next, so six find a place however it begins.
    for _ in 0..2 * INSTANCES {
        asked.push(ask(cluster.student(), run.random.u64(..100_000)).await);
    }
    let student = cluster.student();
    let conversation = student.begin("과학 탐구").await;
    let full = student.send(&conversation, &question(1), Some("k")).await;
    full.problem(503, "full");
    assert!(!full.header("retry-after").is_empty());
    cluster.openai.release_all(Purpose::Chat);
    for asked in &asked {
        asked.check(&follow(&asked.student, &asked.turn, &Plan::stay(cluster.front())).await).await;
    }
    student.send(&conversation, &question(1), Some("k")).await.expect(202);
    run.report(format_args!("{} at a time, the next one waits", 2 * INSTANCES));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_breaker_of_one_instance_opens_those_of_all() {
    let run = Run::begin("breaker");
    let cluster = Cluster::start(&[("BREAKER_FAILURES", "3"), ("BREAKER_COOLDOWN_SECONDS", "3")]).await;
    for purpose in [Purpose::Chat, Purpose::Tutor] {
        cluster.openai.set(purpose, Behaviour::status(500, "{}"));
    }
    for _ in 0..2 {
        let asked = ask(cluster.student_at(0), 1).await;
        follow(&asked.student, &asked.turn, &Plan::stay(cluster.url(0))).await;
    }
    for number in 0..INSTANCES {
        cluster.until_ready_says(number, "provider", "resting").await;
    }
    cluster.openai.reset();
    for number in 0..INSTANCES {
        cluster.until_ready_says(number, "provider", "trying").await;
    }
    let asked = ask(cluster.student_at(1), 2).await;
    soon("an answer", follow(&asked.student, &asked.turn, &Plan::stay(cluster.url(1)))).await;
    for number in 0..INSTANCES {
        cluster.until_ready_says(number, "provider", "ok").await;
    }
    assert_eq!(calls(&cluster.openai, Purpose::Chat), 1);
    run.report("opened by one, closed by another");
}
