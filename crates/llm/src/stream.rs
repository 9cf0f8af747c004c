//! The stream of an answer's pieces.

use super::{Completion, Error, Piece};
use futures_util::{Stream, StreamExt};
use std::pin::Pin;
use std::task::{Context, Poll};

/// An answer as it arrives: pieces of text and one [`Piece::End`] at the end; or an error, after which nothing follows.
///
/// Dropping it closes the connection to the model server.
pub struct AnswerStream(Pin<Box<dyn Stream<Item = Result<Piece, Error>> + Send>>);

impl AnswerStream {
    /// Creates an answer from pieces in this order.
    pub fn new(pieces: impl Stream<Item = Result<Piece, Error>> + Send + 'static) -> Self {
        Self(Box::pin(pieces))
    }

    /// Reads the whole answer. If it fails, the text before the error is lost.
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
