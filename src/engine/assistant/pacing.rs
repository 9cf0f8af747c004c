//! A reply, word by word, as a model would send it.

use std::time::Duration;

use futures_util::{Stream, stream};

/// Sends a reply word by word, `pace` apart, with a longer rest after a sentence or a line. The first word comes at
/// once; a pace of zero sends everything without waiting. The joined pieces equal the reply byte for byte.
pub fn stream(reply: String, pace: Duration) -> impl Stream<Item = String> + Send {
    stream::unfold((reply, 0, Duration::ZERO), move |(reply, at, rest)| async move {
        if at >= reply.len() {
            return None;
        }
        if !rest.is_zero() {
            tokio::time::sleep(rest).await;
        }
        let end = reply[at..].find([' ', '\n']).map_or(reply.len(), |n| at + n + 1);
        let piece = reply[at..end].to_owned();
        let closes = piece.ends_with('\n') || piece.trim_end().ends_with(['.', '?', '!']);
        Some((piece, (reply, end, if closes { pace * 3 } else { pace })))
    })
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;

    use super::*;

    #[tokio::test]
    async fn the_pieces_joined_are_the_reply() {
        let reply = "> 안녕!\n\n| a | b |\n\n궁금한 것이 있나요?".to_owned();
        let pieces: Vec<_> = stream(reply.clone(), Duration::ZERO).collect().await;
        assert!(pieces.len() > 5);
        assert!(pieces.iter().all(|piece| !piece.is_empty()));
        assert_eq!(pieces.concat(), reply);
    }

    #[tokio::test]
    async fn an_empty_reply_ends_at_once() {
        assert_eq!(stream(String::new(), Duration::ZERO).count().await, 0);
    }
}
