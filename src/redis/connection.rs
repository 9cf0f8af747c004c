//! Connects to Redis, detects a lost connection, and reconnects.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use backon::{BackoffBuilder, ExponentialBuilder};
use redis::{
    AsyncConnectionConfig, Client, ConnectionInfo, IntoConnectionInfo, ProtocolVersion, PushInfo, PushKind,
    RedisResult, aio::MultiplexedConnection,
};
use tokio::sync::oneshot;

use super::{Inner, UrlError};

/// How long Redis may take to accept a connection, and to answer. In one network it takes less than a millisecond.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);
/// How often the connection is checked with a ping.
const PING_EVERY: Duration = Duration::from_secs(1);

pub(super) fn client(url: &str) -> Result<Client, UrlError> {
    if !["redis://", "rediss://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err(UrlError);
    }
    let info: ConnectionInfo = url.into_connection_info().map_err(|_| UrlError)?;
    // Only version 3 of the protocol sends messages and replies on one connection.
    let redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    Client::open(info.set_redis_settings(redis)).map_err(|_| UrlError)
}

/// The address without the password.
pub(super) fn describe(client: &Client) -> String {
    let info = client.get_connection_info();
    format!("Redis at {}, database {}", info.addr(), info.redis_settings().db())
}

/// Spawns the task that connects and reconnects `inner`, and waits for its first try.
pub(super) async fn start(inner: &Arc<Inner>, client: Client) {
    let (tried, first_try) = oneshot::channel();
    tokio::spawn(run(Arc::downgrade(inner), client, tried));
    // An error means that the task ended early because `inner` was dropped.
    let _ = first_try.await;
}

async fn run(inner: Weak<Inner>, client: Client, tried: oneshot::Sender<()>) {
    let mut tried = Some(tried);
    let mut pauses = pauses();
    loop {
        let outcome = connect(&inner, &client).await;
        let Some(strong) = inner.upgrade() else { return };
        match outcome {
            Ok(connection) => {
                strong.subscriptions.move_to(&strong, connection.clone()).await;
                metrics::gauge!("redis_up").set(1.0);
                tracing::info!(redis = strong.address, "connected to Redis");
                pauses = self::pauses();
                tried.take().map(|tried| tried.send(()));
                drop(strong);
                let error = until_lost(&inner, connection).await;
                let Some(strong) = inner.upgrade() else { return };
                strong.connection.send_replace(None);
                metrics::gauge!("redis_up").set(0.0);
                tracing::error!(%error, "the connection to Redis was lost; this instance continues without it and tries to reconnect");
            }
            Err(error) => {
                if let Some(tried) = tried.take() {
                    tracing::error!(%error, "Redis can't be reached; this instance starts without it and keeps trying. Check REDIS_URL");
                    let _ = tried.send(());
                } else {
                    tracing::debug!(%error, "Redis still can't be reached");
                }
                drop(strong);
                tokio::time::sleep(pauses.next().unwrap_or(PING_EVERY)).await;
            }
        }
    }
}

fn pauses() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default()
        .with_jitter()
        .with_min_delay(Duration::from_millis(50))
        .with_max_delay(PING_EVERY)
        .without_max_times()
        .build()
}

/// A connection for a few commands, which doesn't reconnect.
pub(super) async fn open(client: &Client) -> RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(Some(ANSWER_TIMEOUT));
    client.get_multiplexed_async_connection_with_config(&config).await
}

async fn connect(inner: &Weak<Inner>, client: &Client) -> RedisResult<MultiplexedConnection> {
    let inner = inner.clone();
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(Some(ANSWER_TIMEOUT))
        .set_push_sender(move |push: PushInfo| {
            let Some(inner) = inner.upgrade() else { return Err(()) };
            match push.kind {
                PushKind::Message => inner.subscriptions.deliver(push.data),
                PushKind::Disconnection => inner.check_now.notify_one(),
                _ => {}
            }
            Ok(())
        });
    let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
    ping(&mut connection).await?;
    Ok(connection)
}

/// Resolves with the reason when the connection is lost.
async fn until_lost(inner: &Weak<Inner>, mut connection: MultiplexedConnection) -> redis::RedisError {
    loop {
        {
            // Held for one interval at most, so that it doesn't live on after its last user.
            let Some(inner) = inner.upgrade() else { return dropped() };
            let _ = tokio::time::timeout(PING_EVERY, inner.check_now.notified()).await;
        }
        if let Err(error) = ping(&mut connection).await {
            return error;
        }
    }
}

async fn ping(connection: &mut MultiplexedConnection) -> RedisResult<()> {
    redis::cmd("PING").exec_async(connection).await
}

fn dropped() -> redis::RedisError {
    redis::RedisError::from((redis::ErrorKind::Client, "the last handle was dropped"))
}
