//! Messages, locks and counters over Redis.

use std::time::Duration;

use llm_classroom::redis::{LockAttempt, Quota, Redis, Unavailable, UrlError};

use crate::{RedisServer, connect, soon, until_up};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_reaches_all_subscribers_until_they_unsubscribe() {
    let server = RedisServer::start();
    let [one, other] = [connect(&server).await, connect(&server).await];
    let mut first = one.subscribe("news").await;
    let mut second = one.subscribe("news").await;
    let mut elsewhere = one.subscribe("else").await;
    other.publish("news", "안녕").await.unwrap();
    other.publish("else", "끝").await.unwrap();
    assert_eq!((soon(first.next()).await, soon(second.next()).await), ("안녕".to_owned(), "안녕".to_owned()));
    assert_eq!(soon(elsewhere.next()).await, "끝");
    drop(first);
    other.publish("news", "또").await.unwrap();
    assert_eq!(soon(second.next()).await, "또");
    drop(second);
    let mut again = one.subscribe("news").await;
    other.publish("news", "다시").await.unwrap();
    assert_eq!(soon(again.next()).await, "다시");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscriptions_survive_an_outage_of_redis() {
    let mut server = RedisServer::start();
    let shared = connect(&server).await;
    let mut before = shared.subscribe("news").await;
    server.kill();
    until_up(&shared, false).await;
    assert_eq!(shared.publish("news", "x").await, Err(Unavailable));
    let mut during = shared.subscribe("other").await;
    let mut reconnects = shared.reconnects();
    server.restart();
    soon(reconnects.next()).await;
    shared.publish("news", "다시").await.unwrap();
    shared.publish("other", "여기").await.unwrap();
    assert_eq!((soon(before.next()).await, soon(during.next()).await), ("다시".to_owned(), "여기".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_many_gets_a_lock_until_it_unlocks() {
    let server = RedisServer::start();
    let mut claiming = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let shared = connect(&server).await;
        claiming.spawn(async move { shared.try_lock("guide", MINUTE).await.unwrap() });
    }
    let claims = claiming.join_all().await;
    assert_eq!(claims.iter().filter(|claim| **claim == LockAttempt::Acquired).count(), 1, "{claims:?}");
    let shared = connect(&server).await;
    let LockAttempt::HeldElsewhere(left) = shared.try_lock("guide", MINUTE).await.unwrap() else {
        panic!("it's taken")
    };
    assert!(left <= MINUTE && left > MINUTE / 2, "{left:?}");
    assert!(shared.locked_for("guide").await.unwrap().is_some());
    shared.unlock("guide").await.unwrap();
    assert_eq!(shared.locked_for("guide").await.unwrap(), None);
    assert_eq!(shared.try_lock("guide", MINUTE).await.unwrap(), LockAttempt::Acquired);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quota_is_counted_across_instances() {
    let server = RedisServer::start();
    let instances = [connect(&server).await, connect(&server).await, connect(&server).await];
    let limit = |name: &str, count| (name.to_owned(), Quota { count, per: MINUTE });
    let mut allowed = 0;
    for n in 0..18 {
        match instances[n % 3].count(&[limit("learner", 6), limit("network", 100)]).await.unwrap() {
            None => allowed += 1,
            // Each sixth of a minute allows one more.
            Some((limit, wait)) => assert!(limit == 0 && wait <= MINUTE / 6, "{limit} {wait:?}"),
        }
    }
    assert_eq!(allowed, 6);
    // A request that the first limit refused does not count for the second.
    let left = Quota { count: 100, per: MINUTE };
    let mut network = 0;
    while instances[0].count(&[("network".to_owned(), left)]).await.unwrap().is_none() {
        network += 1;
    }
    assert!((94..=95).contains(&network), "{network}");
    assert_eq!(instances[0].count(&[limit("another learner", 6)]).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_every_call_fails_at_once() {
    let server = RedisServer::start();
    let url = server.url();
    drop(server);
    let shared = soon(Redis::connect(&url)).await.unwrap();
    assert!(!shared.is_up());
    assert_eq!(shared.publish("news", "x").await, Err(Unavailable));
    assert_eq!(shared.try_lock("x", MINUTE).await, Err(Unavailable));
    assert_eq!(shared.count(&[("x".to_owned(), Quota { count: 1, per: MINUTE })]).await, Err(Unavailable));
}

#[tokio::test]
async fn an_invalid_redis_url_is_refused_without_repeating_it() {
    for url in
        ["", "127.0.0.1:6379", "http://:secret-word@127.0.0.1", "redis://:secret-word@127.0.0.1:port", "rediss://"]
    {
        let error = Redis::connect(url).await.map(|_| ()).unwrap_err();
        assert_eq!(error, UrlError, "{url}");
        assert!(!error.to_string().contains("secret-word"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_description_contains_no_password() {
    let shared = Redis::connect("redis://me:secret-word@127.0.0.1:1/3").await.unwrap();
    assert_eq!(shared.describe(), "Redis at 127.0.0.1:1, database 3");
}
