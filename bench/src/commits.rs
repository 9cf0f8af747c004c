//! How many commits a second SQLite takes from writers at work together, grouped and one each:
//! `make commits`.
//!
//! What is written is the program's own: messages taken in, and their turns ended with answer, notes and usage. Times
//! depend on how long the disk takes to make a write durable, so that's printed first. With `strace` a slow disk can be
//! had anywhere; this adds 5 ms to each sync:
//! `strace -f --seccomp-bpf -e trace=fsync -e inject=fsync:delay_exit=5000 -o /dev/null COMMAND`.

use std::{
    fs::{self, File},
    io::Write,
    mem,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::ensure;
use coach::CoachInput;
use domain::{
    Conversation, ConversationId, LearnerId, Locale, StudentMessage, Topic, TurnId,
    topic::TopicError,
    turn::{Outcome, Purpose, TurnState, Usage},
};
use metrics::{Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use store::{Acceptance, FencingToken, Lease, Options, Store, now};
use tokio::{task::JoinSet, time::sleep};

const TOPIC: &str = "과학 탐구";
const MESSAGE: &str = "하늘은 왜 파래요? 저녁에는 왜 빨개지는지도 궁금해요.";

/// Under which all turns of the bench run.
const LEASE: Lease = Lease(1);

const ROUNDS: usize = 3;

/// Messages a writer sends in a round at most; each goes to a conversation of its own.
const MESSAGES: usize = 256;

/// Between two reads, so that the reader doesn't take the writers' processor.
const READ_PAUSE: Duration = Duration::from_millis(1);

/// What to measure.
#[derive(clap::Args)]
pub struct Arguments {
    /// Writers at work together
    #[arg(default_value_t = 64)]
    writers: usize,
    /// Seconds of each measurement
    #[arg(default_value_t = 2.0)]
    seconds: f64,
    /// A folder on the disk that is asked about
    #[arg(default_value = "target")]
    folder: PathBuf,
}

/// Measures and prints the figures.
pub async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let &Arguments { writers, seconds, ref folder } = arguments;
    ensure!(writers > 0, "without writers there is nothing to measure");
    fs::create_dir_all(folder)?;
    // On the disk that is asked about; the usual folder for such files is often in memory.
    let folder = tempfile::Builder::new().prefix("commits-").tempdir_in(folder)?;
    let sizes = GroupSizes::default();
    metrics::set_global_recorder(sizes.clone()).map_err(|error| anyhow::anyhow!("{error}"))?;

    let [sync, slow_sync] = sync_time(folder.path())?;
    println!("a 16 KiB append made durable by this disk: median {sync:.1?}, 99 of 100 within {slow_sync:.1?}");
    println!("{writers} writers, {ROUNDS} rounds\n");
    println!("{:22}{:>12}{:>12}{:>8}{:>14}", "commits/s", "grouped", "one each", "ratio", "median group");

    let bench = Bench { folder: folder.path(), writers, limit: Duration::from_secs_f64(seconds) };
    let mut ratios = [const { Vec::new() }; 2];
    for round in 1..=ROUNDS {
        let grouped = bench.turns(&format!("{round}-grouped"), true, &sizes).await?;
        let single = bench.turns(&format!("{round}-single"), false, &sizes).await?;
        for (kind, name) in ["message taken in", "turn ended"].into_iter().enumerate() {
            let ((grouped, size), (single, _)) = (grouped[kind], single[kind]);
            println!("{round} {name:20}{grouped:>12.0}{single:>12.0}{:>7.1}×{size:>14}", grouped / single);
            ratios[kind].push(grouped / single);
        }
    }
    for ratios in &mut ratios {
        ratios.sort_unstable_by(f64::total_cmp);
    }
    println!("\nmedian ratio: {:.1}× and {:.1}×", percentile(&ratios[0], 50), percentile(&ratios[1], 50));

    println!("\n{:22}{:>12}{:>12}{:>12}", "a reader, while", "reads", "median", "99 of 100");
    for (name, group_commits, busy) in
        [("nobody writes", true, false), ("grouped", true, true), ("one each", false, true)]
    {
        let times = bench.reads(name, group_commits, busy).await?;
        let (reads, median, slow) = (times.len(), percentile(&times, 50), percentile(&times, 99));
        println!("{name:22}{reads:>12}{median:>12.1?}{slow:>12.1?}");
    }
    Ok(())
}

/// Median and 99th percentile of what makes one commit durable.
fn sync_time(folder: &Path) -> anyhow::Result<[Duration; 2]> {
    let mut file = File::create(folder.join("sync"))?;
    let mut times = Vec::new();
    for _ in 0..200 {
        let began = Instant::now();
        file.write_all(&[7; 16 * 1024])?;
        file.sync_all()?;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    Ok([percentile(&times, 50), percentile(&times, 99)])
}

fn percentile<T: Copy>(sorted: &[T], percent: usize) -> T {
    sorted[(sorted.len() - 1) * percent / 100]
}

struct Bench<'a> {
    folder: &'a Path,
    writers: usize,
    /// How long a measurement takes at most.
    limit: Duration,
}

/// A fresh database with conversations that wait for a message, one list a writer.
struct School {
    store: Store,
    conversations: Vec<Vec<(LearnerId, ConversationId)>>,
}

impl Bench<'_> {
    async fn school(&self, name: &str, group_commits: bool) -> anyhow::Result<School> {
        let url = format!("sqlite://{}/{name}.db", self.folder.display());
        // Made grouped in any case, to be quick.
        let store = Store::open(&url).await?;
        let mut classes = JoinSet::new();
        for writer in 0..self.writers {
            let store = store.clone();
            classes.spawn(async move {
                let mut token = [0; 32];
                token[..8].copy_from_slice(&writer.to_le_bytes());
                let learner = store.add_learner(&token, now()).await?;
                let topic = Topic::parse(TOPIC)?;
                let mut made = Vec::new();
                for _ in 0..MESSAGES {
                    let id = ConversationId::new();
                    let conversation = Conversation { id, learner, topic: topic.clone(), created_at: now() };
                    store.add_conversation(&conversation).await?;
                    made.push((learner, id));
                }
                anyhow::Ok(made)
            });
        }
        let conversations = classes.join_all().await.into_iter().collect::<anyhow::Result<_>>()?;
        store.close().await?;
        let store = Store::open_with(&url, Options { group_commits, ..Options::default() }).await?;
        Ok(School { store, conversations })
    }

    /// All writers send messages; the turns of each, and how many messages were taken in a second.
    async fn accept(&self, school: &School) -> anyhow::Result<(Vec<Vec<TurnId>>, f64)> {
        let message = StudentMessage::parse(MESSAGE)?;
        let began = Instant::now();
        let ends = began + self.limit;
        let mut writers = JoinSet::new();
        for conversations in school.conversations.clone() {
            let (store, message) = (school.store.clone(), message.clone());
            writers.spawn(async move {
                let mut turns = Vec::new();
                for (learner, conversation) in conversations {
                    if Instant::now() > ends {
                        break;
                    }
                    let key = conversation.to_string();
                    match store.accept_turn(learner, conversation, &message, Some(&key), LEASE, now()).await? {
                        Acceptance::New(turn, _) => turns.push(turn.id),
                        other => anyhow::bail!("not a new turn: {other:?}"),
                    }
                }
                Ok(turns)
            });
        }
        let turns = writers.join_all().await.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
        let rate = turns.iter().map(Vec::len).sum::<usize>() as f64 / began.elapsed().as_secs_f64();
        Ok((turns, rate))
    }

    /// All writers end their turns; how many they ended in a second.
    async fn finish(&self, school: &School, turns: Vec<Vec<TurnId>>) -> anyhow::Result<f64> {
        let outcome = Arc::new(outcome()?);
        let began = Instant::now();
        let ends = began + self.limit;
        let mut writers = JoinSet::new();
        for turns in turns {
            let (store, outcome) = (school.store.clone(), outcome.clone());
            writers.spawn(async move {
                let mut ended = 0_u32;
                for turn in turns {
                    if Instant::now() > ends {
                        break;
                    }
                    ensure!(
                        store.finish_turn(FencingToken { turn, attempt: 1, lease: LEASE }, &outcome, now()).await?,
                        "the turn was running"
                    );
                    ended += 1;
                }
                Ok(ended)
            });
        }
        let ended = writers.join_all().await.into_iter().sum::<anyhow::Result<u32>>()?;
        Ok(f64::from(ended) / began.elapsed().as_secs_f64())
    }

    /// How many messages a second were taken in and how many turns ended, each with the median size of its groups.
    async fn turns(&self, name: &str, group_commits: bool, sizes: &GroupSizes) -> anyhow::Result<[(f64, usize); 2]> {
        let school = self.school(name, group_commits).await?;
        sizes.median();
        let (turns, accepted) = self.accept(&school).await?;
        let accepted = (accepted, sizes.median());
        let finished = self.finish(&school, turns).await?;
        let finished = (finished, sizes.median());
        school.store.close().await?;
        Ok([accepted, finished])
    }

    /// How long a reader takes to open a conversation, sorted, while the writers work or for as long alone.
    async fn reads(&self, name: &str, group_commits: bool, busy: bool) -> anyhow::Result<Vec<Duration>> {
        let school = self.school(name, group_commits).await?;
        let done = AtomicBool::new(false);
        let writing = async {
            let written = if busy {
                self.accept(&school).await.map(drop)
            } else {
                sleep(self.limit).await;
                Ok(())
            };
            done.store(true, Ordering::Relaxed);
            written
        };
        let reading = async {
            let mut times = Vec::new();
            for &(learner, conversation) in school.conversations.iter().flatten().cycle() {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                let began = Instant::now();
                school.store.turns(learner, conversation).await?;
                times.push(began.elapsed());
                sleep(READ_PAUSE).await;
            }
            times.sort_unstable();
            anyhow::Ok(times)
        };
        let (times, ()) = tokio::try_join!(reading, writing)?;
        school.store.close().await?;
        Ok(times)
    }
}

/// A turn's end with everything in it.
fn outcome() -> Result<Outcome, TopicError> {
    let usage = |purpose| Usage {
        purpose,
        model: "gpt-4o-mini".to_owned(),
        prompt_tokens: 900,
        completion_tokens: 400,
        estimated: false,
    };
    let topic = Topic::parse(TOPIC)?;
    let feedback = coach::feedback(&CoachInput { topic: &topic, message: MESSAGE, previous: None, locale: Locale::Ko });
    Ok(Outcome {
        state: TurnState::Done,
        reason: None,
        answer: "햇빛이 공기 알갱이에 부딪혀 흩어질 때 파란빛이 더 많이 흩어져요. ".repeat(20),
        feedback: Some(feedback),
        usage: vec![usage(Purpose::Chat), usage(Purpose::Tutor)],
    })
}

/// Keeps the sizes of the groups that the store reports, and nothing else.
#[derive(Clone, Default)]
struct GroupSizes(Arc<Mutex<Vec<usize>>>);

impl GroupSizes {
    /// The median since the last call.
    fn median(&self) -> usize {
        let mut sizes = mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        sizes.sort_unstable();
        if sizes.is_empty() { 0 } else { percentile(&sizes, 50) }
    }
}

impl HistogramFn for GroupSizes {
    fn record(&self, size: f64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(size as usize);
    }
}

impl Recorder for GroupSizes {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::noop()
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        if key.name() == "store_group_size" { Histogram::from_arc(Arc::new(self.clone())) } else { Histogram::noop() }
    }
}
