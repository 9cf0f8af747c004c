//! An instance is killed, or stopped for longer than its lease.

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
    let (interrupted, others) = (run.turns(50), 10);
    let victim = run.random.usize(..3);
    let survivor = (victim + 1) % 3;
    let numbers: Vec<u64> = (0..interrupted + others).map(|_| run.random.u64(..100_000)).collect();
    let at = |number: usize| if number < interrupted { victim } else { survivor };
    let mut asked: Vec<Asked> =
        join_all(numbers.iter().enumerate().map(|(n, number)| ask(cluster.student_at(at(n)), *number))).await;
    cluster.openai.wait_for("every call at its gate", |stats| stats.waiting == interrupted + others).await;

    // Half follow at a running instance, half through nginx, which may have chosen the instance that is killed.
    let plans = [Plan::stay(cluster.url(survivor)), Plan::stay(cluster.front())];
    let following = join_all(asked[..interrupted].iter().enumerate().map(async |(n, asked)| {
        let seen = follow(&asked.student, &asked.turn, &plans[n % 2]).await;
        (seen.state, Instant::now())
    }));
    let killing = async {
        plans[0].until_begun(interrupted.div_ceil(2)).await;
        plans[1].until_begun(interrupted / 2).await;
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

    // The turns of other instances continue.
    cluster.openai.release_all(Purpose::Chat);
    let stay = Plan::stay(cluster.front());
    for asked in &asked[interrupted..] {
        asked.check(&follow(&asked.student, &asked.turn, &stay).await).await;
    }
    // Each turn of the killed instance is stored once, and one call retries it.
    let before = calls(&cluster.openai, Purpose::Chat);
    join_all(asked.iter_mut().take(interrupted).map(async |asked| {
        asked.student = asked.student.moved_to(cluster.front());
        assert_eq!(asked.stored().await["state"], "interrupted");
        asked.student.retry(&asked.turn).await.expect(202);
        asked.check(&follow(&asked.student, &asked.turn, &stay).await).await;
        asked.student.retry(&asked.turn).await.problem(409, "not-retriable");
    }))
    .await;
    assert_eq!(calls(&cluster.openai, Purpose::Chat) - before, interrupted, "one call for each new try");

    // The killed instance starts again and serves.
    cluster.start_again(victim);
    let asked = ask(cluster.student_at(victim), 7).await;
    asked.check(&follow(&asked.student, &asked.turn, &stay).await).await;
    run.report(format_args!("{interrupted} turns, the last page saw it {} ms after the kill", latest.as_millis()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_is_stopped_for_longer_than_its_lease_changes_nothing_when_it_continues() {
    let mut run = Run::begin("asleep");
    let cluster = Cluster::start(&[]).await;
    gated(&cluster.openai);
    let (stopped, running) = (0, 1);
    let turns = run.turns(10);
    let numbers: Vec<u64> = (0..turns).map(|_| run.random.u64(..100_000)).collect();
    let mut asked = join_all(numbers.iter().map(|number| ask(cluster.student_at(stopped), *number))).await;
    cluster.openai.wait_for_waiting(turns).await;
    cluster.signal(stopped, "STOP");
    for asked in &mut asked {
        asked.student = asked.student.moved_to(cluster.url(running));
    }
    let elsewhere = Plan::stay(cluster.url(running));
    for seen in join_all(asked.iter().map(|asked| follow(&asked.student, &asked.turn, &elsewhere))).await {
        assert_eq!(seen.state, "interrupted");
    }
    // Half are retried, and run at another instance when the stopped instance continues with the answers of the first
    // attempt.
    let (again, left) = asked.split_at(turns / 2);
    join_all(again.iter().map(async |asked| asked.student.retry(&asked.turn).await.expect(202))).await;
    cluster.openai.wait_for_calls_of(Purpose::Chat, turns + again.len()).await;
    cluster.signal(stopped, "CONT");
    cluster.openai.release_all(Purpose::Chat);
    for asked in again {
        asked.check(&follow(&asked.student, &asked.turn, &elsewhere).await).await;
    }
    // The stopped instance notices it, acquires a new lease, and serves again.
    eventually("the lease of the stopped instance", async || {
        cluster.log(stopped).contains("the lease of this instance expired").then_some(())
    })
    .await;
    cluster.until_ready_says(stopped, "status", "ready").await;
    eventually("the end of what it ran", async || (cluster.ready(stopped).await["turns_running"] == 0).then_some(()))
        .await;
    for asked in left {
        assert_eq!(asked.stored().await["state"], "interrupted", "a late answer is not stored");
    }
    let asked = ask(cluster.student_at(stopped), 5).await;
    asked.check(&follow(&asked.student, &asked.turn, &Plan::stay(cluster.url(stopped))).await).await;
    run.report(format_args!("{turns} turns, {} retried before the stopped instance continued", again.len()));
}
