//! Answers are the same at every instance.

use crate::{
    class::{ask, calls, paced},
    follower::{Plan, Seen, follow},
    run::Run,
    support::openai::{Behaviour, Purpose},
    world::{Cluster, INSTANCES},
};

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_the_providers_byte_for_byte_whichever_instance_serves_it() {
    let mut run = Run::begin("answers");
    let cluster = Cluster::start(&[]).await;
    paced(&cluster.openai, 5);
    let turns = run.turns(6);
    for _ in 0..turns {
        let asked_at = run.random.usize(..INSTANCES);
        let asked = ask(cluster.student_at(asked_at), run.random.u64(..100_000)).await;
        // At every instance and through nginx at once.
        let plans: Vec<Plan> = cluster.urls().into_iter().map(Plan::stay).collect();
        let pages = plans.iter().map(|plan| follow(&asked.student, &asked.turn, plan));
        let pages = futures_util::future::join_all(pages).await;
        for seen in &pages {
            assert_eq!((seen.connections, seen.broken), (1, 0));
            asked.check(seen).await;
            // The tail of the text, from wherever the page came in.
            assert!(asked.essay.ends_with(&seen.text), "{seen:?}");
        }
        assert!(pages.iter().any(|seen| !seen.text.is_empty()));
    }
    assert_eq!((calls(&cluster.openai, Purpose::Chat), calls(&cluster.openai, Purpose::Tutor)), (turns, turns));
    run.report(format_args!("{turns} turns, each followed at {} places", INSTANCES + 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_at_another_instance_gets_the_whole_text_from_the_beginning() {
    let mut run = Run::begin("whole text");
    let cluster = Cluster::start(&[]).await;
    // The model writes nothing before every page has a snapshot, so the deltas are all of the text.
    cluster.openai.set(Purpose::Chat, Behaviour::default().gate_at(0));
    let asked = ask(cluster.student_at(0), run.random.u64(..100_000)).await;
    cluster.openai.wait_for_waiting(1).await;
    let mut pages = Vec::new();
    for url in cluster.urls() {
        let mut page = asked.student.moved_to(url).follow(&asked.turn).await;
        assert_eq!(page.next().await.expect("an event").name, "snapshot");
        pages.push(page);
    }
    cluster.openai.release_all(Purpose::Chat);
    for page in pages {
        let story = page.into_story().await;
        assert_eq!(story.text, asked.essay, "the deltas are the provider's text, byte for byte");
        let (blocks, state) = (story.blocks, story.state);
        asked.check(&Seen { blocks, state, ..Seen::default() }).await;
    }
    run.report(format_args!("the whole text at {} places", INSTANCES + 1));
}
