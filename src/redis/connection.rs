//! Connecting, noticing that the connection is lost, and connecting again.

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
/// How often it is asked for a sign of life.
const PING_EVERY: Duration = Duration::from_secs(1);

pub(super) fn client(url: &str) -> Result<Client, UrlError> {
    if !["redis://", "rediss://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err(UrlError);
    }
    // The one that all of the program uses. An error means it is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let info: ConnectionInfo = url.into_connection_info().map_err(|_| UrlError)?;
    // Messages come on the same connection as answers only since the third version of the protocol.
    let redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    Client::open(info.set_redis_settings(redis)).map_err(|_| UrlError)
}

/// Built from the parts that are no secret.
pub(super) fn describe(client: &Client) -> String {
    let info = client.get_connection_info();
    format!("Redis at {}, database {}", info.addr(), info.redis_settings().db())
}

/// Starts to keep `inner` connected, and waits for the first try.
pub(super) async fn keep(inner: &Arc<Inner>, client: Client) {
    let (tried, first_try) = oneshot::channel();
    tokio::spawn(keep_connected(Arc::downgrade(inner), client, tried));
    // An error would mean that the task is gone, and Redis with it.
    let _ = first_try.await;
}

async fn keep_connected(inner: Weak<Inner>, client: Client, tried: oneshot::Sender<()>) {
    let mut tried = Some(tried);
    let mut pauses = pauses();
    loop {
        let outcome = connect(&inner, &client).await;
        let Some(shared) = inner.upgrade() else { return };
        match outcome {
            Ok(connection) => {
                shared.subscriptions.move_to(&shared, connection.clone()).await;
                metrics::gauge!("redis_up").set(1.0);
                tracing::info!(redis = shared.place, "Redis is there");
                pauses = self::pauses();
                tried.take().map(|tried| tried.send(()));
                drop(shared);
                let error = until_lost(&inner, connection).await;
                let Some(shared) = inner.upgrade() else { return };
                shared.connection.send_replace(None);
                metrics::gauge!("redis_up").set(0.0);
                tracing::error!(%error, "Redis is away; this instance goes on alone and tries to reach it");
            }
            Err(error) => {
                if let Some(tried) = tried.take() {
                    tracing::error!(%error, "Redis can't be reached; this instance begins alone and keeps trying. Check REDIS_URL");
                    let _ = tried.send(());
                } else {
                    tracing::debug!(%error, "Redis is still away");
                }
                drop(shared);
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

/// A connection for a few questions, which doesn't reconnect.
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
                PushKind::Disconnection => inner.suspicion.notify_one(),
                _ => {}
            }
            Ok(())
        });
    let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
    ping(&mut connection).await?;
    Ok(connection)
}

/// Resolves when the connection doesn't answer any more, with the reason.
async fn until_lost(inner: &Weak<Inner>, mut connection: MultiplexedConnection) -> redis::RedisError {
    loop {
        {
            let Some(inner) = inner.upgrade() else { return gone() };
            // Half a second's deafness to the end of `inner` is nothing; holding it would keep it alive.
            let _ = tokio::time::timeout(PING_EVERY, inner.suspicion.notified()).await;
        }
        if let Err(error) = ping(&mut connection).await {
            return error;
        }
    }
}

async fn ping(connection: &mut MultiplexedConnection) -> RedisResult<()> {
    redis::cmd("PING").exec_async(connection).await
}

fn gone() -> redis::RedisError {
    redis::RedisError::from((redis::ErrorKind::Client, "not needed any more"))
}
