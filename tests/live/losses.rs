//! Redis may go, come back empty, stall or forget, and an instance may leave.

use std::time::Duration;

use llm_classroom::{
    engine::turn::REDIS_CHECKS,
    live::{LiveEvents, StoredAnswer, StoredOutcome},
    redis::Update,
};

use crate::{
    ANSWERING, DONE, RedisServer, UNCHECKED, connect,
    contract::{add, key},
    following::Page,
    until_up,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_forgets_a_turn_is_told_again() {
    let server = RedisServer::start();
    let [here, there] = [
        LiveEvents::new(Some(connect(&server).await), UNCHECKED),
        LiveEvents::new(Some(connect(&server).await), UNCHECKED),
    ];
    let key = key();
    let publisher = here.publish(key, ANSWERING);
    add(&publisher, "하나", 0, "<p>1</p>");
    let mut early = Page::new(there.follow_elsewhere(key, ANSWERING));
    early.until(|page| page.blocks == ["<p>1</p>"]).await;
    drop(early);
    server.flush();
    // Nothing changes, so it's the refresh that finds out.
    let mut late = Page::new(there.follow_elsewhere(key, ANSWERING));
    late.until(|page| page.blocks == ["<p>1</p>"]).await;
    server.flush();
    add(&publisher, "둘", 1, "<p>2</p>");
    late.until(|page| page.blocks == ["<p>1</p>", "<p>2</p>"]).await;
    drop(publisher);
    late.until_the_end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn followers_elsewhere_catch_up_when_redis_is_back_and_followers_here_notice_nothing() {
    let mut server = RedisServer::start();
    let shared = [connect(&server).await, connect(&server).await];
    let [here, there] = shared.clone().map(|shared| LiveEvents::new(Some(shared), UNCHECKED));
    let key = key();
    let publisher = here.publish(key, ANSWERING);
    let (mut near, mut far) = (Page::new(here.follow(key).unwrap()), Page::new(there.follow_elsewhere(key, ANSWERING)));
    near.step().await;
    far.step().await;
    add(&publisher, "하나 ", 0, "<p>1</p>");
    far.until(|page| page.blocks == ["<p>1</p>"]).await;

    server.kill();
    add(&publisher, "둘 ", 1, "<p>2</p>");
    near.until(|page| page.blocks.len() == 2).await;
    for shared in &shared {
        until_up(shared, false).await;
    }
    add(&publisher, "셋", 2, "<p>3</p>");
    near.until(|page| page.blocks.len() == 3).await;

    server.restart();
    far.until(|page| page.blocks == ["<p>1</p>", "<p>2</p>", "<p>3</p>"]).await;
    drop(publisher);
    far.until_the_end().await;
    near.until_the_end().await;
    assert_eq!((near.text.as_str(), far.text.as_str()), ("하나 둘 셋", "하나 둘 셋"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_stalls_loses_nothing() {
    let server = RedisServer::start();
    let shared = [connect(&server).await, connect(&server).await];
    let [here, there] = shared.clone().map(|shared| LiveEvents::new(Some(shared), UNCHECKED));
    let key = key();
    let publisher = here.publish(key, ANSWERING);
    let mut far = Page::new(there.follow_elsewhere(key, ANSWERING));
    far.step().await;
    server.pause();
    add(&publisher, "하나 ", 0, "<p>1</p>");
    until_up(&shared[0], false).await;
    add(&publisher, "둘", 1, "<p>2</p>");
    server.resume();
    far.until(|page| page.blocks == ["<p>1</p>", "<p>2</p>"]).await;
    drop(publisher);
    far.until_the_end().await;
    assert_eq!(far.text, "하나 둘");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_a_follower_elsewhere_is_told_how_the_database_says_it_ended() {
    let mut server = RedisServer::start();
    let shared = connect(&server).await;
    server.kill();
    until_up(&shared, false).await;
    for there in [LiveEvents::new(Some(shared), UNCHECKED), LiveEvents::new(None, UNCHECKED)] {
        let key = key();
        let mut page = Page::new(there.follow_elsewhere(key, ANSWERING));
        page.step().await;
        assert_eq!((page.status.as_ref(), page.blocks.len()), (Some(&ANSWERING), 0));
        assert_eq!(there.followed_elsewhere(), [key]);
        there.conclude(key, ending());
        page.until_the_end().await;
        assert_eq!((page.status.as_ref(), page.text.as_str()), (Some(&DONE), "답"));
        assert_eq!(
            (page.blocks.as_slice(), page.feedback.as_deref()),
            (["<p>답</p>".to_owned()].as_slice(), Some("{}"))
        );
        assert_eq!(there.followed_elsewhere(), []);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_messages_in_redis_break_nothing() {
    let server = RedisServer::start();
    let (other_client, there) = (connect(&server).await, LiveEvents::new(Some(connect(&server).await), UNCHECKED));
    let here = LiveEvents::new(Some(connect(&server).await), UNCHECKED);
    let key = key();
    let channel = format!("turn:{}:1", key.0);
    let publisher = here.publish(key, ANSWERING);
    let mut page = Page::new(there.follow_elsewhere(key, ANSWERING));
    page.step().await;
    let far = r#"{"from":0,"to":9,"status":null,"text":"","blocks":[[4000000000,"x"]],"feedback":null,"ended":false}"#;
    for message in ["", "{", "null", "[1]", "\u{0}", far, &far.replace("4000000000", "-1"), &"9".repeat(100_000)] {
        other_client.publish(&channel, message).await.unwrap();
    }
    add(&publisher, "a", 0, "<p>a</p>");
    page.until(|page| page.blocks == ["<p>a</p>"]).await;
    drop(publisher);
    page.until_the_end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn html_from_other_redis_clients_is_sanitised() {
    let server = RedisServer::start();
    let other_client = connect(&server).await;
    let there = LiveEvents::new(Some(connect(&server).await), REDIS_CHECKS);
    let hostile = |from: u64, index: usize| {
        serde_json::json!({
            "from": from, "to": from + 9, "text": "", "ended": false,
            "status": { "state": "<img src=x>", "reason": null },
            "blocks": [[index, format!("<p>{index}</p><script>alert(1)</script><img src=x onerror=alert(1)>")]],
            "feedback": "null},\"state\":\"done\",\"x\":{",
        })
    };
    // Stored before a follower connects, and published to one that is connected.
    let key = key();
    let name = format!("turn:{}:1", key.0);
    let update = Update {
        fields: [("version", "9"), ("status", r#"{"state":"answering","reason":null}"#), ("feedback", "{}")]
            .into_iter()
            .chain([("block:0", "<p>0</p><script>alert(1)</script>")])
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        text: String::new(),
        whole: true,
    };
    other_client.set(&name, &update, "", Duration::from_secs(60)).await.unwrap();
    let mut page = Page::new(there.follow_elsewhere(key, ANSWERING));
    page.until(|page| page.blocks == ["<p>0</p>"]).await;
    other_client.publish(&name, &hostile(9, 1).to_string()).await.unwrap();
    page.until(|page| page.blocks.len() == 2).await;
    assert_eq!(
        (page.blocks.as_slice(), &page.feedback),
        (["<p>0</p>".to_owned(), "<p>1</p>".to_owned()].as_slice(), &None)
    );
    assert_eq!(page.status, Some(ANSWERING));
}

#[tokio::test]
async fn what_runs_here_is_not_concluded_by_anyone_else() {
    let here = LiveEvents::new(None, UNCHECKED);
    let key = key();
    let publisher = here.publish(key, ANSWERING);
    let mut page = Page::new(here.follow(key).unwrap());
    page.step().await;
    here.conclude(key, ending());
    add(&publisher, "a", 0, "<p>a</p>");
    page.step().await;
    assert_eq!((page.ended, page.blocks), (false, vec!["<p>a</p>".to_owned()]));
}

#[tokio::test]
async fn an_instance_that_leaves_closes_the_streams_of_what_runs_elsewhere() {
    let live_events = LiveEvents::new(None, UNCHECKED);
    let (ours, theirs) = (key(), key());
    let publisher = live_events.publish(ours, ANSWERING);
    let (mut near, mut far) =
        (Page::new(live_events.follow(ours).unwrap()), Page::new(live_events.follow_elsewhere(theirs, ANSWERING)));
    near.step().await;
    far.step().await;
    live_events.leave();
    assert!(!far.step().await);
    assert!(!far.ended, "the turn goes on");
    publisher.status(DONE);
    drop(publisher);
    near.until_the_end().await;
}

fn ending() -> StoredOutcome {
    let answer = StoredAnswer { text: "답".to_owned(), blocks: vec!["<p>답</p>".into()] };
    StoredOutcome { status: DONE, answer: Some(answer), feedback: Some("{}".into()) }
}
