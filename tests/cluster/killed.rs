//! An instance dies.

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::{
    class::{Asked, ask, calls, gated},
    follower::{Plan, follow},
    run::Run,
    support::{eventually, openai::Purpose},
    world::Cluster,
};

/// Within this time, turns of a killed instance are interrupted.
const PROMISE: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn turns_of_a_killed_instance_are_interrupted_soon_and_can_be_tried_again() {
    let mut run = Run::begin("killed");
    let mut cluster = Cluster::start(&[]).await;
    gated(&cluster.openai);
    let (doomed, others) = (run.turns(50), 10);
    let victim = run.random.usize(..3);
    let survivor = (victim + 1) % 3;
    let numbers: Vec<u64> = (0..doomed + others).map(|_| run.random.u64(..1 << 40)).collect();
    let at = |number: usize| if number < doomed { victim } else { survivor };
    let mut asked: Vec<Asked> =
        join_all(numbers.iter().enumerate().map(|(n, number)| ask(cluster.student_at(at(n)), *number))).await;
    cluster.openai.wait_for("every call at its gate", |stats| stats.waiting == doomed + others).await;

    // Half follow at an instance that lives, half through nginx, which may have led them to the one that dies.
    let plans = [Plan::stay(cluster.url(survivor)), Plan::stay(cluster.front())];
    let following = join_all(asked[..doomed].iter().enumerate().map(async |(n, asked)| {
        let seen = follow(&asked.student, &asked.turn, &plans[n % 2]).await;
        (seen.state, Instant::now())
    }));
    let killing = async {
        plans[0].until_begun(doomed.div_ceil(2)).await;
        plans[1].until_begun(doomed / 2).await;
        cluster.kill(victim);
        Instant::now()
    };
    let (ends, killed) = tokio::join!(following, killing);
    let latest = ends.iter().map(|(state, at)| {
        assert_eq!(state, "interrupted");
        at.duration_since(killed)
    });
    let latest = latest.max().unwrap();
    assert!(latest <= PROMISE, "the last page saw it after {latest:?}");

    // Those of others go on.
    cluster.openai.release_all(Purpose::Chat);
    let stay = Plan::stay(cluster.front());
    for asked in &asked[doomed..] {
        asked.check(&follow(&asked.student, &asked.turn, &stay).await).await;
    }
    // Those of the killed instance are all there, once, and one call tries each again.
    let before = calls(&cluster.openai, Purpose::Chat);
    join_all(asked.iter_mut().take(doomed).map(async |asked| {
        asked.student = asked.student.moved_to(cluster.front());
        assert_eq!(asked.stored().await["state"], "interrupted");
        asked.student.retry(&asked.turn).await.expect(202);
        asked.check(&follow(&asked.student, &asked.turn, &stay).await).await;
        asked.student.retry(&asked.turn).await.problem(409, "not-retriable");
    }))
    .await;
    assert_eq!(calls(&cluster.openai, Purpose::Chat) - before, doomed, "one call for each new try");

    // It comes back as one of three.
    cluster.start_again(victim);
    let asked = ask(cluster.student_at(victim), 7).await;
    asked.check(&follow(&asked.student, &asked.turn, &stay).await).await;
    run.report(format_args!("{doomed} turns, the last page saw it {} ms after the kill", latest.as_millis()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_slept_for_longer_than_its_lease_changes_nothing_when_it_wakes() {
    let mut run = Run::begin("asleep");
    let cluster = Cluster::start(&[]).await;
    gated(&cluster.openai);
    let (sleeper, awake) = (0, 1);
    let turns = run.turns(10);
    let numbers: Vec<u64> = (0..turns).map(|_| run.random.u64(..1 << 40)).collect();
    let mut asked = join_all(numbers.iter().map(|number| ask(cluster.student_at(sleeper), *number))).await;
    cluster.openai.wait_for_waiting(turns).await;
    cluster.signal(sleeper, "STOP");
    for asked in &mut asked {
        asked.student = asked.student.moved_to(cluster.url(awake));
    }
    let elsewhere = Plan::stay(cluster.url(awake));
    for seen in join_all(asked.iter().map(|asked| follow(&asked.student, &asked.turn, &elsewhere))).await {
        assert_eq!(seen.state, "interrupted");
    }
    // Half are tried again, and run at another instance when the sleeper wakes with the first try's answers.
    let (again, left) = asked.split_at(turns / 2);
    join_all(again.iter().map(async |asked| asked.student.retry(&asked.turn).await.expect(202))).await;
    cluster.openai.wait_for_calls_of(Purpose::Chat, turns + again.len()).await;
    cluster.signal(sleeper, "CONT");
    cluster.openai.release_all(Purpose::Chat);
    for asked in again {
        asked.check(&follow(&asked.student, &asked.turn, &elsewhere).await).await;
    }
    // The sleeper finds out, takes a new lease, and serves again.
    eventually("the sleeper's lease", async || {
        cluster.log(sleeper).contains("the lease of this instance expired").then_some(())
    })
    .await;
    cluster.until_ready_says(sleeper, "status", "ready").await;
    eventually("the end of what it ran", async || (cluster.ready(sleeper).await["turns_running"] == 0).then_some(()))
        .await;
    for asked in left {
        assert_eq!(asked.stored().await["state"], "interrupted", "a late answer is not taken");
    }
    let asked = ask(cluster.student_at(sleeper), 5).await;
    asked.check(&follow(&asked.student, &asked.turn, &Plan::stay(cluster.url(sleeper))).await).await;
    run.report(format_args!("{turns} turns, {} tried again before the sleeper woke", again.len()));
}
