//! Redis goes, comes back empty, forgets, stalls.

use futures_util::future::join_all;

use crate::{
    class::{Asked, ask, calls, gated, paced},
    follower::{Plan, follow},
    run::Run,
    support::openai::Purpose,
    world::{Cluster, INSTANCES},
};

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_every_instance_goes_on_and_all_rejoin_by_themselves() {
    let mut run = Run::begin("redis killed");
    let mut cluster = Cluster::start(&[]).await;
    gated(&cluster.openai);
    let turns = run.turns(24);
    let urls = cluster.urls();
    let asked: Vec<Asked> = join_all(
        (0..turns).map(|n| ask(cluster.student().moved_to(urls[n % urls.len()].clone()), run.random.u64(..100_000))),
    )
    .await;
    cluster.openai.wait_for_waiting(turns).await;
    let following = join_all(asked.iter().enumerate().map(async |(n, asked)| {
        // Some where their turn runs, some elsewhere.
        let plan = Plan::stay(urls[(n / 2) % urls.len()].clone());
        asked.check(&follow(&asked.student, &asked.turn, &plan).await).await;
    }));
    let loss = async {
        cluster.redis.kill();
        for number in 0..INSTANCES {
            cluster.until_ready_says(number, "bus", "redis-away").await;
            assert_eq!(cluster.ready(number).await["status"], "ready");
        }
        cluster.openai.release_all(Purpose::Chat);
        // New questions are taken in meanwhile, and followed anywhere.
        for number in 0..INSTANCES {
            let asked = ask(cluster.student_at(number), 100 + number as u64).await;
            let plan = Plan::stay(cluster.url((number + 1) % INSTANCES));
            asked.check(&follow(&asked.student, &asked.turn, &plan).await).await;
        }
        cluster.redis.restart();
        for number in 0..INSTANCES {
            cluster.until_ready_says(number, "bus", "redis").await;
        }
    };
    tokio::join!(following, loss);
    let metrics = cluster.student_at(0).get("/metrics").await.expect(200).text();
    assert!(metrics.contains("redis_up 1"), "{metrics}");
    assert!(cluster.log(0).contains("the connection to Redis was lost"));
    assert_eq!(calls(&cluster.openai, Purpose::Chat), turns + INSTANCES);
    run.report(format_args!("{turns} turns through a killed Redis, {INSTANCES} asked without one"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_forgets_or_stalls_harms_nothing() {
    let mut run = Run::begin("redis forgets");
    let cluster = Cluster::start(&[]).await;
    paced(&cluster.openai, 20);
    let turns = run.turns(24);
    let urls = cluster.urls();
    let asked: Vec<Asked> = join_all(
        (0..turns).map(|n| ask(cluster.student().moved_to(urls[n % urls.len()].clone()), run.random.u64(..100_000))),
    )
    .await;
    let following = join_all(asked.iter().enumerate().map(async |(n, asked)| {
        let hops = vec![urls[(n + 1) % urls.len()].clone(), urls[(n + 2) % urls.len()].clone()];
        let plan = Plan::hop(hops, vec![6]);
        asked.check(&follow(&asked.student, &asked.turn, &plan).await).await;
    }));
    let harm = async {
        for _ in 0..3 {
            cluster.redis.flush();
            let sent = cluster.openai.stats().chunks;
            cluster.openai.wait_for("more pieces", |stats| stats.chunks > sent + turns).await;
        }
        cluster.redis.pause();
        for number in 0..INSTANCES {
            cluster.until_ready_says(number, "bus", "redis-away").await;
        }
        cluster.redis.resume();
    };
    tokio::join!(following, harm);
    assert_eq!(calls(&cluster.openai, Purpose::Chat), turns);
    run.report(format_args!("{turns} turns through three times FLUSHALL and a silence"));
}
