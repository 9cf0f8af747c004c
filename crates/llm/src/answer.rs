//! An answer that has begun. Applies the time limits while it is read, and records its outcome at the end.

use super::breaker::Permit;
use super::call_metrics::CallMetrics;
use super::decoder::ReplyProgress;
use super::error::{Health, TimeoutPhase};
use super::fault::{Fault, KeyRedactor};
use super::reply_reader::ReplyReader;
use super::reply_speed::ReplySpeeds;
use super::window::{AnswerOverlap, Windows};
use super::{Error, Piece};
use futures_util::Stream;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// How long a finished answer waits for usage and `[DONE]`.
const AFTER_FINISH: Duration = Duration::from_secs(2);

/// How long an answer waits for the end of the body after `[DONE]`. The connection can only be reused once the body is
/// read to its end.
const AFTER_DONE: Duration = Duration::from_millis(10);

/// What is recorded when the answer ends.
pub(super) struct Call {
    pub(super) permit: Permit,
    pub(super) call_metrics: CallMetrics,
    pub(super) redactor: KeyRedactor,
    pub(super) windows: Arc<Windows>,
    /// Where to record how long the answer took, if the caller waits for the whole of it.
    pub(super) speeds: Option<Arc<ReplySpeeds>>,
}

impl Call {
    /// Records a failure in the breaker, the metrics and the log.
    pub(super) fn fail(self, fault: Fault) -> Error {
        let Fault { error, detail, .. } = self.redactor.fault(fault);
        match error.health() {
            Health::Healthy => self.permit.success(),
            Health::Slow => self.permit.timed_out(),
            Health::Failing(cause) => self.permit.failure(cause),
        }
        self.call_metrics.record_failure(&error, &detail);
        error
    }
}

/// An answer whose first piece has arrived.
pub(super) struct Answer {
    first: Option<Piece>,
    reader: ReplyReader,
    idle: Duration,
    total_at: Instant,
    /// Set while waiting for an event. Time that the caller spends between two polls does not count.
    waiting_until: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
    overlap: AnswerOverlap,
    call: Option<Call>,
}

impl Answer {
    pub(super) fn new(first: Piece, reader: ReplyReader, idle: Duration, total_at: Instant, call: Call) -> Self {
        let overlap = call.windows.begin_answer();
        Self { first: Some(first), reader, idle, total_at, waiting_until: None, sleep: None, overlap, call: Some(call) }
    }

    fn poll_in_time(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Piece, Fault>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        if let Poll::Ready(piece) = self.reader.poll_piece(cx, &mut self.waiting_until) {
            return Poll::Ready(piece);
        }
        let now = Instant::now();
        let limit = match self.reader.progress() {
            ReplyProgress::Answering | ReplyProgress::MayFinish => self.idle,
            ReplyProgress::Finished => self.idle.min(AFTER_FINISH),
            ReplyProgress::Done => self.idle.min(AFTER_DONE),
        };
        let idle_at = *self.waiting_until.get_or_insert(now + limit);
        let at = idle_at.min(self.total_at);
        // Checks the clock first: timers do not fire in a task whose cooperative budget is used up by a flood of comments.
        if now < at {
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
            if sleep.deadline() != at {
                sleep.as_mut().reset(at);
            }
            ready!(sleep.as_mut().poll(cx));
        }
        let phase = if self.total_at <= idle_at { TimeoutPhase::Total } else { TimeoutPhase::Idle };
        Poll::Ready(Some(self.reader.close(Some(Fault::timed_out(phase)))))
    }
}

impl Stream for Answer {
    type Item = Result<Piece, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.call.is_none() {
            return Poll::Ready(None);
        }
        let piece = ready!(self.poll_in_time(cx));
        let this = &mut *self;
        if let (Some(Ok(_)), Some(call)) = (&piece, &this.call) {
            this.overlap.record_piece(&call.windows);
        }
        // Recorded at once, because the tutor's call may be sent next.
        if let (Some(Ok(Piece::Thinking)), Some(call)) = (&piece, &self.call) {
            self.reader.learn_thinking(&call.windows);
        }
        if matches!(piece, Some(Ok(Piece::Text(_) | Piece::Thinking | Piece::Withdrawn))) {
            return Poll::Ready(piece.map(|piece| piece.map_err(|fault| fault.error)));
        }
        let Some(call) = self.call.take() else { return Poll::Ready(None) };
        self.reader.learn_thinking(&call.windows);
        Poll::Ready(match piece {
            Some(Ok(Piece::End(end))) => {
                call.permit.success();
                if let Some(speeds) = &call.speeds {
                    speeds.record(&end.asked_model, call.call_metrics.elapsed());
                }
                call.call_metrics.record_end(&end);
                Some(Ok(Piece::End(end)))
            }
            Some(Err(fault)) => {
                call.call_metrics.count(self.reader.usage());
                Some(Err(call.fail(fault)))
            }
            _ => None,
        })
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let Some(call) = self.call.take() {
            call.call_metrics.record_cancel(self.reader.usage());
        }
    }
}
