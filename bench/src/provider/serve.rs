//! Serves the replies.

use std::{
    collections::HashMap,
    io,
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, tcp::OwnedWriteHalf},
    time::{Instant, sleep_until},
};

use super::{
    Pace,
    call::{Call, Purpose},
    replies::{Replies, Stream},
};
use crate::net::listen;

/// What another path gets, such as the pages on which servers name their models.
const NOT_FOUND: &[u8] = b"HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";

/// Longer than any measurement.
const SILENCE: Duration = Duration::from_secs(600);

/// Serves on this port of 127.0.0.1, or a free one, until the process is ended.
pub async fn serve(port: u16, pace: Pace) -> anyhow::Result<()> {
    let listener = listen((Ipv4Addr::LOCALHOST, port).into())?;
    println!("listening on http://{}", listener.local_addr()?);
    let shared = Arc::new(Shared { pace, replies: Mutex::default() });
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let shared = shared.clone();
        tokio::spawn(async move {
            // A client that hangs up is no failure of the provider.
            let _ = converse(stream, &shared).await;
        });
    }
}

struct Shared {
    pace: Pace,
    /// By purpose and model.
    replies: Mutex<HashMap<(bool, String), Arc<Replies>>>,
}

impl Shared {
    fn replies(&self, call: &Call) -> Arc<Replies> {
        let mut replies = self.replies.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (call.purpose == Purpose::Tutor, call.model.clone());
        replies.entry(key).or_insert_with(|| Arc::new(Replies::new(call.purpose, self.pace, &call.model))).clone()
    }
}

async fn converse(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    let (mut input, mut output) = stream.into_split();
    let mut received = Vec::with_capacity(8 * 1024);
    loop {
        let Some((length, call)) = read_request(&received)? else {
            if input.read_buf(&mut received).await? == 0 {
                return Ok(());
            }
            continue;
        };
        let began = Instant::now();
        received.drain(..length);
        match call {
            None => output.write_all(NOT_FOUND).await?,
            Some(call) => reply(&mut output, shared, &call, began).await?,
        }
    }
}

/// The length of the request at the beginning, and the call if it is one; `None` while the request isn't whole.
fn read_request(received: &[u8]) -> io::Result<Option<(usize, Option<Call>)>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(head) = request.parse(received).map_err(io::Error::other)? else {
        return Ok(None);
    };
    let length = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|header| str::from_utf8(header.value).ok()?.trim().parse().ok()).unwrap_or(0_usize);
    let Some(body) = received.get(head..head + length) else { return Ok(None) };
    let is_call =
        request.method == Some("POST") && request.path.is_some_and(|path| path.ends_with("/chat/completions"));
    let call = is_call.then(|| Call::read(body)).transpose()?;
    Ok(Some((head + length, call)))
}

async fn reply(output: &mut OwnedWriteHalf, shared: &Shared, call: &Call, began: Instant) -> io::Result<()> {
    let (pace, replies) = (shared.pace, shared.replies(call));
    if call.stream {
        wait(began + Duration::from_millis(pace.head_ms)).await;
        let stream = replies.stream(call);
        output.write_all(stream.head).await?;
        if call.is_silent {
            // Until the client hangs up or this process ends.
            tokio::time::sleep(SILENCE).await;
        }
        write_stream(output, &stream, began + pace.first(), pace.gap(call.purpose)).await
    } else {
        wait(began + pace.whole(call.purpose)).await;
        output.write_all(&replies.whole()).await
    }
}

/// Writes each piece when it is due. Pieces that are due already, because the machine is busy, go out together.
async fn write_stream(output: &mut OwnedWriteHalf, stream: &Stream, first: Instant, gap: Duration) -> io::Result<()> {
    if gap.is_zero() {
        wait(first).await;
        for piece in &stream.pieces {
            output.write_all(piece).await?;
        }
        return output.write_all(&stream.end).await;
    }
    let mut written = 0;
    let mut late = Vec::new();
    while written < stream.pieces.len() {
        wait(first + gap * written as u32).await;
        let due = (Instant::now() - first).div_duration_f64(gap) as usize + 1;
        let due = due.clamp(written + 1, stream.pieces.len());
        if due == written + 1 {
            output.write_all(&stream.pieces[written]).await?;
        } else {
            late.clear();
            late.extend(stream.pieces[written..due].iter().flatten());
            output.write_all(&late).await?;
        }
        written = due;
    }
    output.write_all(&stream.end).await
}

async fn wait(until: Instant) {
    if until > Instant::now() {
        sleep_until(until).await;
    }
}
