//! PostgreSQL stops and starts again.

use futures_util::future::join_all;
use llm_classroom::engine::turn::POSTGRES_LEASE_LIFETIME;
use tokio::time::Instant;

use crate::{
    class::{Asked, ask, calls, gated, question},
    follower::{Plan, follow},
    run::Run,
    support::openai::Purpose,
    world::{Cluster, INSTANCES},
};

#[tokio::test(flavor = "multi_thread")]
async fn finished_answers_wait_for_the_database_and_are_announced_after_it_returns() {
    let mut run = Run::begin("postgresql restarted");
    let cluster = Cluster::start(&[]).await;
    cluster.until_instances_may_expire_others().await;
    gated(&cluster.openai);
    let turns = run.turns(24);
    let asked: Vec<Asked> =
        join_all((0..turns).map(|n| ask(cluster.student_at(n % INSTANCES), run.random.u64(..100_000)))).await;
    cluster.openai.wait_for_waiting(turns).await;
    let plans: [Plan; INSTANCES] = std::array::from_fn(|instance| Plan::stay(cluster.url(instance)));
    let following = join_all(asked.iter().enumerate().map(async |(n, asked)| {
        let plan = &plans[(n / 2) % INSTANCES];
        asked.check(&follow(&asked.student, &asked.turn, plan).await).await;
    }));
    let loss = async {
        // The pages are there first.
        for (instance, plan) in plans.iter().enumerate() {
            plan.until_begun((0..turns).filter(|n| (n / 2) % INSTANCES == instance).count()).await;
        }
        cluster.postgres.stop();
        let gone = Instant::now();
        // All answers finish while there is nowhere to write them.
        cluster.openai.release_all(Purpose::Chat);
        for (number, asked) in asked.iter().enumerate().take(INSTANCES) {
            cluster.until_ready_says(number, "status", "unavailable").await;
            let refused = asked.student.send(&asked.conversation, &question(1), Some("k")).await;
            refused.problem(503, "store-unavailable");
            assert!(!refused.header("retry-after").is_empty());
        }
        // The last renewal was before the outage, so all leases have expired by then.
        tokio::time::sleep_until(gone + POSTGRES_LEASE_LIFETIME).await;
        cluster.postgres.start_again();
        let back = Instant::now();
        for number in 0..INSTANCES {
            cluster.until_ready_says(number, "status", "ready").await;
        }
        (back.duration_since(gone), back.elapsed())
    };
    let (_, (away, recovery)) = tokio::join!(following, loss);
    assert_eq!(calls(&cluster.openai, Purpose::Chat), turns);
    // And it goes on.
    let asked = ask(cluster.student(), 3).await;
    asked.check(&follow(&asked.student, &asked.turn, &Plan::stay(cluster.front())).await).await;
    run.report(format_args!(
        "{turns} answers waited {away:?} for the database; all instances ready after {recovery:?}"
    ));
}
