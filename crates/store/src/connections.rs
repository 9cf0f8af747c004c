//! How busy the database's connections are.

use metrics::gauge;
use sea_orm::sqlx::{Database, Pool};

use super::{DatabaseEngine, Store, write::Writer};

/// The pool of connections at a moment: to PostgreSQL, or those that read SQLite.
struct Connections {
    /// Open and free.
    idle: u32,
    /// At work.
    in_use: u32,
    /// Most that may be open.
    most: u32,
}

impl Store {
    /// Sets what stands at this moment.
    #[expect(clippy::cast_precision_loss, reason = "the queue is short")]
    pub fn set_gauges(&self) {
        let Connections { idle, in_use, most } = match self.engine {
            DatabaseEngine::Sqlite => counted(self.reader.get_sqlite_connection_pool()),
            DatabaseEngine::Postgres => counted(self.reader.get_postgres_connection_pool()),
        };
        gauge!("database_connections", "state" => "idle").set(idle);
        gauge!("database_connections", "state" => "in_use").set(in_use);
        gauge!("database_connections_max").set(most);
        let waiting = match &self.writer {
            Writer::Grouped(queue) => queue.length(),
            Writer::Single(_) => 0,
        };
        gauge!("store_queue_length").set(waiting as f64);
    }
}

fn counted<D: Database>(pool: &Pool<D>) -> Connections {
    let open = pool.size();
    let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX).min(open);
    Connections { idle, in_use: open - idle, most: pool.options().get_max_connections() }
}
