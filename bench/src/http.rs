//! A client of HTTP/1.1 that does what the bench needs and little else, so that it costs little beside the servers.

use std::net::SocketAddr;

use anyhow::{Context, bail, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::net::connect;

/// The most bytes of a response's head.
const HEAD_MAX: usize = 32 * 1024;

/// A kept-alive connection with the cookie of one student.
pub struct Connection {
    stream: TcpStream,
    address: SocketAddr,
    cookie: Option<String>,
    /// The encodings that are asked for.
    accept_encoding: Option<&'static str>,
    /// Bytes that were received so far.
    pub received_bytes: usize,
    /// What was received and isn't read yet.
    received: Vec<u8>,
    /// The body that is being read.
    body: Body,
}

/// How the rest of a body is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Body {
    /// It has been read.
    Ended,
    /// This many bytes follow.
    Length(usize),
    /// Chunks follow.
    Chunked,
}

impl Connection {
    /// Connects. Each connection of a run has a number of its own, from 0.
    pub async fn open(address: SocketAddr, number: usize) -> anyhow::Result<Self> {
        let stream = connect(address, number).await.context("connecting")?;
        Ok(Self {
            stream,
            address,
            cookie: None,
            accept_encoding: None,
            received_bytes: 0,
            received: Vec::new(),
            body: Body::Ended,
        })
    }

    /// The server.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Makes it a connection of the same student as another.
    pub fn with_cookie_of(mut self, other: &Self) -> Self {
        self.cookie.clone_from(&other.cookie);
        self
    }

    /// Asks for compressed responses from now on.
    pub fn accept_encoding(mut self, encoding: Option<&'static str>) -> Self {
        self.accept_encoding = encoding;
        self
    }

    /// Sends a request and reads the head of its response; the status.
    pub async fn send(&mut self, method: &str, path: &str, json: Option<&str>) -> anyhow::Result<u16> {
        ensure!(self.body == Body::Ended, "the response before wasn't read");
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nAccept-Language: ko\r\n", self.address);
        if let Some(cookie) = &self.cookie {
            request.extend(["Cookie: ", cookie, "\r\n"]);
        }
        if let Some(encoding) = self.accept_encoding {
            request.extend(["Accept-Encoding: ", encoding, "\r\n"]);
        }
        if let Some(json) = json {
            request.push_str("Content-Type: application/json\r\nContent-Length: ");
            request.push_str(&json.len().to_string());
            request.push_str("\r\n\r\n");
            request.push_str(json);
        } else {
            request.push_str("\r\n");
        }
        self.stream.write_all(request.as_bytes()).await.context("sending")?;
        self.read_head().await.with_context(|| format!("{method} {path}"))
    }

    async fn read_head(&mut self) -> anyhow::Result<u16> {
        loop {
            let mut headers = [httparse::EMPTY_HEADER; 64];
            let mut response = httparse::Response::new(&mut headers);
            let httparse::Status::Complete(length) = response.parse(&self.received)? else {
                ensure!(self.received.len() < HEAD_MAX, "the head has no end");
                self.receive().await?;
                continue;
            };
            let status = response.code.context("a response has a status")?;
            // A response without a length, such as 204, has no body here.
            self.body = Body::Ended;
            for header in response.headers.iter() {
                let value = str::from_utf8(header.value).unwrap_or_default();
                if header.name.eq_ignore_ascii_case("content-length") {
                    self.body = match value.trim().parse()? {
                        0 => Body::Ended,
                        length => Body::Length(length),
                    };
                } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
                    self.body = Body::Chunked;
                } else if header.name.eq_ignore_ascii_case("set-cookie") {
                    self.cookie = value.split(';').next().map(str::to_owned);
                }
            }
            self.received.drain(..length);
            return Ok(status);
        }
    }

    /// Reads the whole body.
    pub async fn read_body(&mut self) -> anyhow::Result<Vec<u8>> {
        let mut body = Vec::new();
        while self.read_part(&mut body).await? {}
        Ok(body)
    }

    /// Adds the next part of the body; `false` at its end.
    pub async fn read_part(&mut self, into: &mut Vec<u8>) -> anyhow::Result<bool> {
        loop {
            match self.body {
                Body::Ended => return Ok(false),
                Body::Length(left) if !self.received.is_empty() => {
                    let part = left.min(self.received.len());
                    into.extend(self.received.drain(..part));
                    self.body = if part == left { Body::Ended } else { Body::Length(left - part) };
                    return Ok(true);
                }
                Body::Chunked => {
                    if self.read_chunks(into)? {
                        return Ok(true);
                    }
                    if self.body == Body::Ended {
                        return Ok(false);
                    }
                }
                Body::Length(_) => {}
            }
            self.receive().await?;
        }
    }

    /// Moves all whole chunks that were received; `false` if there is none.
    fn read_chunks(&mut self, into: &mut Vec<u8>) -> anyhow::Result<bool> {
        let (mut at, before) = (0, into.len());
        while let Ok(httparse::Status::Complete((head, length))) = httparse::parse_chunk_size(&self.received[at..]) {
            let begin = at + head;
            let end = begin + usize::try_from(length)?;
            // The line break behind a chunk, and behind the last one that of the empty trailer.
            let Some(ending) = self.received.get(end..end + 2) else { break };
            ensure!(ending == b"\r\n", "a chunk has no end");
            into.extend_from_slice(&self.received[begin..end]);
            at = end + 2;
            if length == 0 {
                self.body = Body::Ended;
                break;
            }
        }
        self.received.drain(..at);
        Ok(into.len() > before)
    }

    async fn receive(&mut self) -> anyhow::Result<()> {
        let count = self.stream.read_buf(&mut self.received).await.context("receiving")?;
        if count == 0 {
            bail!("the server closed the connection");
        }
        self.received_bytes += count;
        Ok(())
    }

    /// Sends a request and reads the whole response, which must have this status.
    pub async fn call(&mut self, method: &str, path: &str, json: Option<&str>, status: u16) -> anyhow::Result<Vec<u8>> {
        let got = self.send(method, path, json).await?;
        let body = self.read_body().await?;
        ensure!(got == status, "{method} {path}: {got}, {}", String::from_utf8_lossy(&body));
        Ok(body)
    }
}
