//! Streams an answer: renders it block by block and publishes it at a limited rate.

use std::{ops::Range, sync::Arc, time::Duration};

use futures_util::StreamExt;
use tokio::time::{Instant, sleep_until};

use crate::{
    engine::{assistant::AnswerStream, covering::cover_generated},
    live::Publisher,
};
use llm::Piece;
use markdown::Renderer;

/// After the first piece, pieces are joined for this long: 25 changes a second look like typing and cost little.
const TICK: Duration = Duration::from_millis(40);

/// The part of an answer that has arrived.
pub(super) struct Answer {
    /// When the question arrived.
    asked: Instant,
    renderer: Renderer,
    /// How many bytes of the text were published.
    published: usize,
    /// How many blocks were published, so that blocks which no longer exist are cleared.
    blocks: usize,
}

impl Answer {
    /// An empty answer to a question that arrived at `asked`.
    pub(super) fn new(asked: Instant) -> Self {
        Self { asked, renderer: Renderer::new(), published: 0, blocks: 0 }
    }

    /// Receives and publishes the answer until its end. Text that arrived before an error stays.
    pub(super) async fn stream(
        &mut self,
        begin: impl Future<Output = Result<AnswerStream, llm::Error>>,
        publisher: &Publisher,
    ) -> Result<llm::End, llm::Error> {
        let began = Instant::now();
        let mut stream = begin.await?;
        // When the next batch is published; `None` while nothing waits.
        let mut due: Option<Instant> = None;
        let mut last: Option<Instant> = None;
        let mut is_thinking = false;
        // What replaces withdrawn text is shown at once, so that the page is not empty in between.
        let mut is_withdrawn = false;
        loop {
            let piece = tokio::select! {
                biased;
                piece = stream.next() => piece,
                () = sleep_until(due.unwrap_or(began)), if due.is_some() => {
                    self.refresh(publisher);
                    (due, last) = (None, Some(Instant::now()));
                    continue;
                }
            };
            match piece {
                Some(Ok(Piece::Thinking)) => {
                    publisher.thinking(true);
                    is_thinking = true;
                }
                Some(Ok(Piece::Withdrawn)) => {
                    self.withdraw(publisher);
                    due = None;
                    is_withdrawn = true;
                }
                Some(Ok(Piece::Text(text))) => {
                    if std::mem::take(&mut is_thinking) {
                        publisher.thinking(false);
                    }
                    let first_token = began.elapsed();
                    self.renderer.push(&text);
                    if std::mem::take(&mut is_withdrawn) && last.is_some() {
                        due = Some(Instant::now());
                    } else if due.is_none() {
                        match last {
                            Some(last) => due = Some(last + TICK),
                            None => {
                                self.refresh(publisher);
                                last = Some(Instant::now());
                                let first_piece = self.asked.elapsed();
                                metrics::histogram!("first_piece_seconds").record(first_piece);
                                metrics::histogram!("first_piece_overhead_seconds")
                                    .record(first_piece.saturating_sub(first_token));
                            }
                        }
                    }
                }
                Some(Ok(Piece::End(end))) => return Ok(end),
                Some(Err(error)) => return Err(error),
                None => return Err(llm::Error::Broken),
            }
            // The select prefers pieces, so a provider that sends without a pause would otherwise starve the timer.
            if due.is_some_and(|due| due <= Instant::now()) {
                self.refresh(publisher);
                (due, last) = (None, Some(Instant::now()));
            }
        }
    }

    /// Publishes the rest in its final form. The last line of an answer that was broken off is covered now, as if it were
    /// whole.
    pub(super) fn finish(&mut self, publisher: &Publisher) {
        let text = self.renderer.text();
        let (settled, line) = text.split_at(text.rfind('\n').map_or(0, |at| at + 1));
        let covered = cover_generated(line);
        if covered != line {
            let text = format!("{settled}{covered}");
            self.withdraw(publisher);
            self.renderer.push(&text);
        }
        let changed = self.renderer.finish();
        self.publish(changed, publisher);
    }

    /// Withdraws everything that was published, because it turned out to be a model's thoughts or text that a content filter
    /// stopped.
    pub(super) fn withdraw(&mut self, publisher: &Publisher) {
        self.renderer = Renderer::new();
        if self.published > 0 || self.blocks > 0 {
            publisher.withdraw();
        }
        (self.published, self.blocks) = (0, 0);
    }

    /// The text so far, as Markdown.
    pub(super) fn text(&self) -> &str {
        self.renderer.text()
    }

    fn refresh(&mut self, publisher: &Publisher) {
        let changed = self.renderer.refresh();
        self.publish(changed, publisher);
    }

    fn publish(&mut self, changed: Range<usize>, publisher: &Publisher) {
        let blocks = self.renderer.blocks();
        let mut changed: Vec<(usize, Arc<str>)> = changed.map(|index| (index, blocks[index].clone())).collect();
        let blocks = self.renderer.blocks().len();
        changed.extend((blocks..self.blocks).map(|index| (index, Arc::from(""))));
        let text = &self.renderer.text()[self.published..];
        if !text.is_empty() || !changed.is_empty() {
            publisher.text(text, changed);
        }
        self.published = self.renderer.text().len();
        self.blocks = blocks;
    }
}
