//! Several clients at once.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{sync::Barrier, task::JoinSet};

use crate::{
    http::Connection,
    meter::{Busy, Meter},
    process::Process,
    stateless::{Call, CallTimes},
};

/// Clients that make calls at once.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// The call.
    pub call: Call,
    /// How many clients there are.
    pub clients: usize,
    /// How many calls each makes.
    pub calls: usize,
}

/// How the calls went.
pub struct Calls {
    /// Every call.
    pub times: Vec<CallTimes>,
    /// What was used.
    pub busy: Busy,
}

impl Load {
    /// Makes the calls; the first that fails fails all.
    pub async fn run(self, address: SocketAddr, server: &Process, provider: &Process) -> anyhow::Result<Calls> {
        let start = Arc::new(Barrier::new(self.clients + 1));
        let mut clients = JoinSet::new();
        for number in 0..self.clients {
            let start = start.clone();
            clients.spawn(async move {
                let opened = Connection::open(address, number).await;
                start.wait().await;
                let (mut connection, mut times) = (opened?, Vec::with_capacity(self.calls));
                for _ in 0..self.calls {
                    times.push(self.call.make(&mut connection).await?);
                }
                anyhow::Ok(times)
            });
        }
        start.wait().await;
        let meter = Meter::start(server, provider);
        let mut times = Vec::new();
        while let Some(client) = clients.join_next().await {
            times.extend(client??);
        }
        Ok(Calls { times, busy: meter.stop() })
    }
}

/// Clients that fetch a path again and again over kept-alive connections.
#[derive(Debug, Clone)]
pub struct Fetch {
    /// What is fetched.
    pub path: String,
    /// The encodings that are asked for.
    pub accept_encoding: Option<&'static str>,
    /// How many clients there are.
    pub clients: usize,
    /// For how long.
    pub time: Duration,
}

impl Fetch {
    /// Fetches; the time of each response.
    pub async fn run(&self, address: SocketAddr) -> anyhow::Result<Vec<Duration>> {
        let ends = Instant::now() + self.time;
        let mut clients = JoinSet::new();
        for number in 0..self.clients {
            let (path, accept_encoding) = (self.path.clone(), self.accept_encoding);
            clients.spawn(async move {
                let mut connection = Connection::open(address, number).await?.accept_encoding(accept_encoding);
                let mut times = Vec::new();
                while Instant::now() < ends {
                    let began = Instant::now();
                    connection.call("GET", &path, None, 200).await?;
                    times.push(began.elapsed());
                }
                anyhow::Ok(times)
            });
        }
        let mut times = Vec::new();
        while let Some(client) = clients.join_next().await {
            times.extend(client??);
        }
        Ok(times)
    }
}
