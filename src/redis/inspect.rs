//! A look at Redis that changes nothing: for the operator who asks what is wrong.

use super::connection;

/// What was seen of Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// Its version.
    pub version: String,
    /// How it chooses what to forget when its memory is full, if it may choose any of our keys.
    pub evicts: Option<String>,
}

impl super::Redis {
    /// Asks Redis how it is.
    ///
    /// # Errors
    /// Why it can't be asked, in its own or the system's words; they hold no password.
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
