//! All instances are updated during a lesson.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures_util::future::join_all;

use crate::{
    class::{ask, calls, paced},
    follower::{Plan, follow},
    run::Run,
    support::openai::Purpose,
    world::{Cluster, INSTANCES},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_fails_no_student() {
    let mut run = Run::begin("rolling restart");
    let mut cluster = Cluster::start(&[("SHUTDOWN_GRACE_SECONDS", "60")]).await;
    paced(&cluster.openai, 25);
    let class = 50;
    let (over, asked, reconnects) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    let seeds: Vec<u64> = (0..class).map(|_| run.random.u64(..100_000)).collect();
    let (students, front): (Vec<_>, _) = (seeds.iter().map(|_| cluster.student()).collect(), cluster.front());
    let lesson = join_all(students.into_iter().zip(&seeds).map(async |(student, seed)| {
        let mut random = fastrand::Rng::with_seed(*seed);
        while !over.load(Ordering::Relaxed) {
            // A 202 each time, or `ask` fails.
            let asked_now = ask(student.moved_to(front.clone()), random.u64(..100_000)).await;
            let seen = follow(&asked_now.student, &asked_now.turn, &Plan::stay(front.clone())).await;
            asked_now.check(&seen).await;
            asked.fetch_add(1, Ordering::Relaxed);
            reconnects.fetch_add(seen.broken, Ordering::Relaxed);
        }
    }));
    let rounds = run.turns(class).div_ceil(class);
    let update = async {
        for _ in 0..rounds {
            for number in 0..INSTANCES {
                // The lesson has to be going on.
                let before = asked.load(Ordering::Relaxed);
                crate::support::eventually("some turns more", async || {
                    (asked.load(Ordering::Relaxed) >= before + 10).then_some(())
                })
                .await;
                cluster.terminate(number);
                cluster.ended(number).await;
                cluster.start_again(number);
            }
        }
        over.store(true, Ordering::Relaxed);
    };
    tokio::join!(lesson, update);
    let asked = asked.into_inner();
    assert_eq!((calls(&cluster.openai, Purpose::Chat), calls(&cluster.openai, Purpose::Tutor)), (asked, asked));
    run.report(format_args!(
        "{} restarts under {asked} turns of {class} students, {} streams moved on by themselves",
        rounds * INSTANCES,
        reconnects.into_inner()
    ));
}
