//! Inspects Redis without changing it, for `doctor`.

use super::connection;

/// Properties of a Redis server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// Its version.
    pub version: String,
    /// Its eviction policy, if that may evict keys of this program.
    pub evicts: Option<String>,
}

impl super::Redis {
    /// Reads the properties of the server.
    ///
    /// # Errors
    /// The reason in the server's or the system's words, which contain no password.
    pub async fn inspect(url: &str) -> Result<Inspected, String> {
        let client = connection::client(url).map_err(|error| error.to_string())?;
        let mut connection = connection::open(&client).await.map_err(|error| error.to_string())?;
        let info: String = redis::cmd("INFO").query_async(&mut connection).await.map_err(|error| error.to_string())?;
        let field = |name: &str| {
            let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.map(|value| value.trim().to_owned())
        };
        let evicts = field("maxmemory_policy").filter(|policy| policy.starts_with("allkeys"));
        Ok(Inspected { version: field("redis_version").unwrap_or_default(), evicts })
    }
}
