//! Rate limits of learners and addresses.

use super::*;
use futures_util::future::join_all;
use reqwest::Method;

#[tokio::test]
async fn the_rate_limit_of_one_learner_does_not_affect_another() {
    let app = TestApp::with(&["--rate-limit", "on", "--rate-limit-learner-per-minute", "3"]).await;
    let (hasty, neighbour) = (app.student(), app.student());
    let conversation = hasty.begin("과학 탐구").await;
    let mut refused = None;
    // At most three are accepted; creating a conversation without a cookie counts only for the address.
    for n in 0..4 {
        let reply = hasty.send(&conversation, QUESTION, None).await;
        if reply.status == 429 {
            refused = Some(reply);
            break;
        }
        assert!(n < 3, "the fourth passed");
        hasty.finish(reply.expect(202).json()["turn_id"].as_str().unwrap()).await;
    }
    let refused = refused.expect("a refusal");
    let problem = refused.problem(429, "too-many");
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=20).contains(&wait), "{wait}");
    assert!(problem["detail"].as_str().unwrap().contains("초 뒤에"));
    assert_eq!(neighbour.asked_and_answered(QUESTION).await["state"], "done");
    // Reads are not limited.
    hasty.conversation(&conversation).await;
}

#[tokio::test]
async fn forty_learners_behind_one_address_ask_ten_questions_each() {
    let app = TestApp::with(&["--rate-limit", "on"]).await;
    for purpose in [CHAT, TUTOR] {
        app.openai.set(purpose, Behaviour { plain: true, ..Behaviour::default() });
    }
    let students: Vec<Student> = (0..40).map(|_| app.student()).collect();
    let lesson = students.iter().map(async |student| {
        let conversation = student.begin("과학 탐구").await;
        for n in 0..10 {
            let turn = student.ask(&conversation, &format!("{n}번째 질문이에요")).await;
            assert_eq!(student.finish(&turn).await.state, "done");
        }
        student.conversation(&conversation).await["turns"].as_array().unwrap().len()
    });
    assert_eq!(join_all(lesson).await, [10; 40]);
    assert_eq!(app.calls(CHAT), 400);
}

#[tokio::test]
async fn new_learners_and_stateless_calls_are_limited_per_address() {
    let flags = ["--rate-limit", "on", "--rate-limit-learner-per-minute", "5", "--rate-limit-address-per-minute", "5"];
    for path in ["/api/v1/conversations", "/api/v1/chat/chat", "/api/v1/chat/chat/stream", "/api/v1/chat/initial-guide"]
    {
        let app = TestApp::with(&flags).await;
        let body = |n: usize| json!({ "message": "네?", "topic": format!("{n}번째 주제") });
        for n in 0..5 {
            assert!(app.student().post(path, body(n)).await.status.is_success(), "{path}");
        }
        let refused = app.student().post(path, body(5)).await;
        refused.problem(429, "too-many");
        assert_ne!(refused.header("retry-after"), "");
    }
}

#[tokio::test]
async fn only_a_trusted_proxy_can_name_the_client_address() {
    let limit = ["--rate-limit", "on", "--rate-limit-learner-per-minute", "2", "--rate-limit-address-per-minute", "2"];
    let from = async |app: &TestApp, address: &str| {
        let student = app.student();
        let call = student.call(Method::POST, "/api/v1/chat/chat").header("x-forwarded-for", address);
        call.json(&json!({ "message": QUESTION })).send().await.status.as_u16()
    };
    let alone = TestApp::with(&limit).await;
    let mut seen = Vec::new();
    for address in ["198.51.100.1", "198.51.100.2", "198.51.100.3"] {
        seen.push(from(&alone, address).await);
    }
    assert_eq!(seen, [200, 200, 429], "a stranger's word counts for nothing");

    let proxied = TestApp::with(&[&limit[..], &["--trusted-proxies", "127.0.0.1"]].concat()).await;
    let mut seen = Vec::new();
    for address in ["198.51.100.1", "198.51.100.1", "198.51.100.1", "6.6.6.6, 198.51.100.1", "198.51.100.2"] {
        seen.push(from(&proxied, address).await);
    }
    assert_eq!(seen, [200, 200, 429, 429, 200]);
}

#[tokio::test]
async fn twenty_simultaneous_requests_with_one_key_pass_the_rate_limit() {
    let app = TestApp::with(&["--rate-limit", "on"]).await;
    app.openai.set(CHAT, Behaviour::default().gate_at(0));
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    // The default limits apply.
    let sends = join_all((0..20).map(|_| student.send(&conversation, QUESTION, Some("k")))).await;
    for reply in sends {
        reply.expect(202);
    }
    app.openai.wait_for_calls_of(CHAT, 1).await;
    assert_eq!(app.calls(CHAT), 1);
}

/// Requests guides to new topics with three tasks until `done`. Returns the number of refused requests.
async fn flood_with_guides(app: &TestApp, done: &std::sync::atomic::AtomicBool) -> usize {
    let threads = (0..3).map(async |thread| {
        let (script, mut refused) = (app.student(), 0);
        for n in 0.. {
            if done.load(std::sync::atomic::Ordering::Relaxed) {
                break;
            }
            let topic = json!({ "topic": format!("{thread}번 {n}번째 주제") });
            refused += usize::from(script.post("/api/v1/chat/initial-guide", topic).await.status == 429);
        }
        refused
    });
    join_all(threads).await.into_iter().sum()
}

#[tokio::test]
async fn requests_without_a_cookie_do_not_limit_seventy_learners_behind_the_same_address() {
    let app = TestApp::with(&["--rate-limit", "on", "--max-turns", "100"]).await;
    app.openai.set(GUIDE, Behaviour { first_ms: 200, ..Behaviour::default() });
    // Learners with a cookie, and new ones.
    let mut students: Vec<Student> = (0..70).map(|_| app.student()).collect();
    for student in &students[..40] {
        student.begin("과학 탐구").await;
    }
    let done = std::sync::atomic::AtomicBool::new(false);
    let lesson = async {
        for student in &mut students {
            assert_eq!(student.asked_and_answered(QUESTION).await["state"], "done");
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    };
    let (refused, ()) = tokio::join!(flood_with_guides(&app, &done), lesson);
    // The requests of a minute at once, and one per second after that.
    assert!(refused > app.calls(GUIDE), "{} guides, {refused} refused", app.calls(GUIDE));
}

#[tokio::test]
async fn guides_to_presets_and_stored_guides_are_not_rate_limited() {
    let app = TestApp::with(&["--rate-limit", "on", "--rate-limit-anonymous-per-minute", "1"]).await;
    let script = app.student();
    let guide = async |topic: &str| {
        let call = script.call(Method::POST, "/api/v1/chat/initial-guide").header("prefer", "wait=20");
        call.json(&json!({ "topic": topic })).send().await
    };
    assert_eq!(guide("우리 동네 하천").await.expect(200).json()["source"], "model");
    for _ in 0..20 {
        for topic in ["과학 탐구", "역사 연구"] {
            assert_eq!(guide(topic).await.expect(200).json()["source"], "model");
        }
    }
    // The guide to an own topic is stored only for its learner, and this request has none.
    for topic in ["우리 동네 하천", "다른 하천"] {
        guide(topic).await.problem(429, "too-many");
    }
    assert_eq!(app.calls(GUIDE), 3);
    // A guide counts for the limit of the learner, and once per topic.
    script.begin("과학 탐구").await;
    for _ in 0..100 {
        assert_eq!(guide("다른 하천").await.expect(200).json()["source"], "model");
    }
    assert_eq!(app.calls(GUIDE), 4);
}

#[tokio::test]
async fn forty_new_learners_behind_one_address_start_together() {
    let app = TestApp::with(&["--rate-limit", "on"]).await;
    let students: Vec<Student> = (0..40).map(|_| app.student()).collect();
    let done = std::sync::atomic::AtomicBool::new(false);
    let starting = async {
        let begun = join_all(students.iter().map(|student| student.asked_and_answered(QUESTION))).await;
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        begun
    };
    let (_, begun) = tokio::join!(flood_with_guides(&app, &done), starting);
    assert!(begun.iter().all(|turn| turn["state"] == "done"));
}

#[tokio::test]
async fn creating_many_learners_is_limited_and_older_learners_are_not() {
    let app = TestApp::with(&["--rate-limit", "on"]).await;
    let known = app.student();
    known.begin("과학 탐구").await;
    let made = join_all(
        (0..150).map(async |_| app.student().post("/api/v1/conversations", json!({ "topic": "축구" })).await.status),
    );
    let made = made.await.into_iter().filter(|status| *status == 201).count();
    // One learner was created before, and each second allows two more.
    assert!((119..150).contains(&made), "{made} learners");
    assert_eq!(known.asked_and_answered(QUESTION).await["state"], "done");
}
