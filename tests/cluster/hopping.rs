//! Students on trains: connections that break and come back at another instance.

use futures_util::StreamExt;

use crate::{
    class::{ask, calls, paced},
    follower::{Plan, follow},
    run::Run,
    support::openai::Purpose,
    world::Cluster,
};

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_break_and_hop_between_instances_lose_nothing() {
    let mut run = Run::begin("hopping");
    let cluster = Cluster::start(&[]).await;
    paced(&cluster.openai, 15);
    let turns = run.turns(200);
    let urls = cluster.urls();
    let plans: Vec<(u64, usize, Plan)> = (0..turns)
        .map(|_| {
            let random = &mut run.random;
            let cuts = (0..random.usize(1..=5)).map(|_| random.usize(1..12)).collect();
            let hops = (0..6).map(|_| random.choice(&urls).unwrap().clone()).collect();
            (random.u64(..100_000), random.usize(..urls.len()), Plan::hop(hops, cuts))
        })
        .collect();
    // A class at a time.
    let finished: Vec<usize> = futures_util::stream::iter(plans)
        .map(async |(number, at, plan)| {
            let student = cluster.student().moved_to(urls[at].clone());
            let asked = ask(student, number).await;
            let seen = follow(&asked.student, &asked.turn, &plan).await;
            assert_eq!(seen.broken, 0, "no connection broke that wasn't cut here");
            asked.check(&seen).await;
            seen.connections
        })
        .buffer_unordered(30)
        .collect()
        .await;
    assert_eq!(finished.len(), turns);
    assert_eq!((calls(&cluster.openai, Purpose::Chat), calls(&cluster.openai, Purpose::Tutor)), (turns, turns));
    run.report(format_args!("{turns} turns over {} connections", finished.iter().sum::<usize>()));
}
