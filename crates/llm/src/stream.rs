//! The answer as its reader sees it.

use super::{Completion, Error, Piece};
use futures_util::{Stream, StreamExt};
use std::pin::Pin;
use std::task::{Context, Poll};

/// An answer as it arrives: text pieces, then exactly one [`Piece::End`]; or an error, and nothing behind it.
///
/// Dropping it hangs up on the model server at once.
pub struct AnswerStream(Pin<Box<dyn Stream<Item = Result<Piece, Error>> + Send>>);

impl AnswerStream {
    /// Makes an answer of pieces that keep the order above.
    pub fn new(pieces: impl Stream<Item = Result<Piece, Error>> + Send + 'static) -> Self {
        Self(Box::pin(pieces))
    }

    /// Reads to the end.
    ///
    /// # Errors
    /// The error the answer broke off with; the text before it is lost.
    pub async fn collect(mut self) -> Result<Completion, Error> {
        let mut text = String::new();
        while let Some(piece) = self.next().await {
            match piece? {
                Piece::Text(more) => text.push_str(&more),
                Piece::Thinking => {}
                Piece::Withdrawn => text.clear(),
                Piece::End(end) => return Ok(Completion { text, end }),
            }
        }
        Err(Error::Broken)
    }
}

impl Stream for AnswerStream {
    type Item = Result<Piece, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(cx)
    }
}

impl std::fmt::Debug for AnswerStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AnswerStream")
    }
}
