//! Answers as safe HTML: rendered on blocking threads, cached, and limited to one request of a learner at a time.

use std::{sync::Arc, time::Duration};

use moka::future::Cache;
use tokio::sync::Semaphore;

use super::keyed_locks::{KeyedGuard, KeyedLocks};
use domain::{LearnerId, TurnId, turn::Turn};

/// An answer's HTML, block by block.
pub type Blocks = Arc<[Arc<str>]>;

/// How long an answer stays cached after it was last read.
const CACHE_TTI: Duration = Duration::from_secs(10 * 60);
/// Bytes of an entry beside its HTML: key, counts, and a pointer a block.
const ENTRY_OVERHEAD: usize = 256;
const BLOCK_OVERHEAD: usize = 32;

/// Renders ended answers. Such an answer never changes, so it is rendered once and cached by turn and attempt.
#[derive(Clone)]
pub struct RenderedAnswers(Arc<Inner>);

struct Inner {
    cache: Cache<(TurnId, u32), Blocks>,
    /// A permit for each answer that may be rendered at a time. Rendering is bound by the processor, so it may use half of
    /// the processors and leaves the others to the tasks that serve requests.
    rendering: Arc<Semaphore>,
    readers: KeyedLocks<LearnerId>,
}

/// An answer could not be rendered: the renderer panicked, or the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an answer could not be rendered")]
pub struct RenderError;

impl RenderedAnswers {
    /// An empty cache of at most `bytes` bytes.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        let size = |_: &(TurnId, u32), blocks: &Blocks| {
            let html: usize = blocks.iter().map(|block| block.len() + BLOCK_OVERHEAD).sum();
            u32::try_from(html + ENTRY_OVERHEAD).unwrap_or(u32::MAX)
        };
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self(Arc::new(Inner {
            cache: Cache::builder().max_capacity(bytes).weigher(size).time_to_idle(CACHE_TTI).build(),
            rendering: Arc::new(Semaphore::new((processors / 2).max(1))),
            readers: KeyedLocks::default(),
        }))
    }

    /// Locks a learner's reading. A request that reads or renders several turns holds the lock, so one learner's requests run
    /// one after the other and delay other learners by one request at most.
    pub async fn lock_reader(&self, learner: LearnerId) -> KeyedGuard<LearnerId> {
        self.0.readers.lock(learner).await
    }

    /// The blocks of a turn's answer, as far as it is stored.
    ///
    /// # Errors
    /// [`RenderError`].
    pub async fn blocks(&self, turn: &Turn) -> Result<Blocks, RenderError> {
        if turn.answer.is_empty() {
            return Ok(Arc::default());
        }
        let render = self.render(turn.answer.clone());
        if turn.state.is_running() {
            return render.await;
        }
        let cached = self.0.cache.try_get_with((turn.id, turn.attempt), render).await;
        cached.map_err(|error| *error)
    }

    async fn render(&self, markdown: String) -> Result<Blocks, RenderError> {
        let permit = self.0.rendering.clone().acquire_owned().await.map_err(|_| RenderError)?;
        let rendered = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            markdown::render(&markdown).into()
        });
        rendered.await.map_err(|_| RenderError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{ConversationId, turn::TurnState};

    fn turn(answer: &str) -> Turn {
        Turn {
            id: TurnId::new(),
            conversation: ConversationId::new(),
            seq: 1,
            message: "질문".to_owned(),
            state: TurnState::Done,
            reason: None,
            attempt: 1,
            answer: answer.to_owned(),
            feedback: None,
            created_at: 0,
        }
    }

    #[tokio::test]
    async fn an_ended_answer_is_rendered_once_for_each_attempt() {
        let rendered = RenderedAnswers::new(1 << 20);
        let first = turn("**하나**");
        let blocks = rendered.blocks(&first).await.unwrap();
        assert!(blocks[0].contains("<strong>하나</strong>"));
        assert!(Arc::ptr_eq(&blocks, &rendered.blocks(&first).await.unwrap()));
        let second = Turn { attempt: 2, answer: "둘".to_owned(), ..first };
        assert!(rendered.blocks(&second).await.unwrap()[0].contains("둘"));
        let running = Turn { state: TurnState::Answering, answer: "셋".to_owned(), ..second };
        assert!(rendered.blocks(&running).await.unwrap()[0].contains("셋"));
    }

    #[tokio::test]
    async fn rendered_answers_take_no_more_memory_than_they_may() {
        let rendered = RenderedAnswers::new(50_000);
        for n in 0..200 {
            rendered.blocks(&turn(&format!("{n} {}", "가".repeat(1_000)))).await.unwrap();
        }
        rendered.0.cache.run_pending_tasks().await;
        assert!(rendered.0.cache.weighted_size() <= 50_000, "{} bytes", rendered.0.cache.weighted_size());
        assert!(rendered.0.cache.entry_count() > 5);
    }
}
