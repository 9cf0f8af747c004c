//! A real page in a real Chromium, whose instance is killed.

use std::{process::Stdio, time::Instant};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use crate::{
    class::{calls, question},
    run::Run,
    support::{
        openai::{Behaviour, Purpose},
        soon,
    },
    world::{Cluster, INSTANCES},
};

/// A page, driven by lines. Dropping it closes the browser.
struct Page {
    _node: Child,
    commands: ChildStdin,
    shown: Lines<BufReader<ChildStdout>>,
}

impl Page {
    async fn open(url: &str) -> Self {
        let mut node = Command::new("node")
            .args(["e2e/support/cluster-page.js", url])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("These tests need Node.js.");
        let (commands, stdout) = (node.stdin.take().unwrap(), node.stdout.take().unwrap());
        let mut page = Self { _node: node, commands, shown: BufReader::new(stdout).lines() };
        page.answer().await;
        page
    }

    /// Sends a command to the page; returns what the last turn shows then.
    async fn send_command(&mut self, command: &str) -> String {
        self.commands.write_all(format!("{command}\n").as_bytes()).await.unwrap();
        self.answer().await["text"].as_str().unwrap().to_owned()
    }

    async fn answer(&mut self) -> Value {
        let line = soon("the page's answer", self.shown.next_line()).await.unwrap();
        serde_json::from_str(&line.expect("the page is still there")).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_says_by_itself_that_its_instance_died_and_one_click_brings_the_answer() {
    let mut run = Run::begin("browser");
    let mut cluster = Cluster::start(&[]).await;
    let mut page = Page::open(&cluster.front()).await;
    // The beginning is on the page, and then nothing more comes.
    cluster.openai.set(Purpose::Chat, Behaviour::default().gate_at(20));
    let number = run.random.u64(..100_000);
    let shown = page.send_command(&format!("ask {}", question(number))).await;
    assert!(shown.contains(&format!("{number}번 글")), "the answer's beginning is there: {shown}");

    let mut victim = None;
    for instance in 0..INSTANCES {
        if cluster.ready(instance).await["turns_running"] == 1 {
            victim = Some(instance);
        }
    }
    cluster.kill(victim.expect("one of them runs the turn"));
    let killed = Instant::now();
    cluster.openai.reset();
    let shown = page.send_command("interrupted").await;
    let latency = killed.elapsed();
    assert!(shown.contains("답이 나오다가 끊겼어요"), "{shown}");

    let shown = page.send_command("retry").await;
    assert!(shown.contains("어느 것부터 해 보고 싶나요?") && shown.contains(&format!("{number}번 글")), "{shown}");
    assert_eq!(calls(&cluster.openai, Purpose::Chat), 1, "one call for the new try");
    run.report(format_args!("the page showed it {} ms after the kill", latency.as_millis()));
}
