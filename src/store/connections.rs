//! How busy the database's connections are.

use sea_orm::sqlx::{Database, Pool};

use super::{Engine, Store, write::Writer};

/// The pool of connections at a moment: to PostgreSQL, or those that read SQLite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections {
    /// Open and free.
    pub idle: usize,
    /// At work.
    pub in_use: usize,
    /// Most that may be open.
    pub most: usize,
}

impl Store {
    /// How busy the connections are.
    #[must_use]
    pub fn connections(&self) -> Connections {
        match self.engine {
            Engine::Sqlite => counted(self.reader.get_sqlite_connection_pool()),
            Engine::Postgres => counted(self.reader.get_postgres_connection_pool()),
        }
    }

    /// How many writes wait for SQLite's next commit; none on PostgreSQL, where each has a connection.
    #[must_use]
    pub fn writes_waiting(&self) -> usize {
        match &self.writer {
            Writer::Grouped(queue) => queue.length(),
            Writer::Single(_) => 0,
        }
    }
}

fn counted<D: Database>(pool: &Pool<D>) -> Connections {
    let open = usize::try_from(pool.size()).unwrap_or(usize::MAX);
    let idle = pool.num_idle().min(open);
    let most = usize::try_from(pool.options().get_max_connections()).unwrap_or(usize::MAX);
    Connections { idle, in_use: open - idle, most }
}
