//! All that a database holds, read past the store, in a form that is the same for both engines.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};

enum Kind {
    Uuid,
    Bytes,
    Text,
    Number,
}
use Kind::{Bytes, Number, Text, Uuid};

/// The tables that are copied, with the columns that are.
const TABLES: [(&str, &[(&str, Kind)]); 6] = [
    ("learners", &[("id", Uuid), ("token_hash", Bytes), ("created_at", Number), ("seen_at", Number)]),
    (
        "conversations",
        &[("id", Uuid), ("learner_id", Uuid), ("topic", Text), ("created_at", Number), ("active_at", Number)],
    ),
    (
        "turns",
        &[
            ("id", Uuid),
            ("conversation_id", Uuid),
            ("seq", Number),
            ("message", Text),
            ("idempotency_key", Text),
            ("state", Text),
            ("reason", Text),
            ("attempt", Number),
            ("answer", Text),
            ("created_at", Number),
            ("finished_at", Number),
            ("stop_wanted", Number),
        ],
    ),
    ("feedback", &[("turn_id", Uuid), ("attempt", Number), ("source", Text), ("body", Text), ("created_at", Number)]),
    (
        "guides",
        &[
            ("topic", Text),
            ("locale", Text),
            ("version", Text),
            ("body", Text),
            ("model", Text),
            ("created_at", Number),
        ],
    ),
    (
        "usage",
        &[
            ("id", Uuid),
            ("turn_id", Uuid),
            ("purpose", Text),
            ("model", Text),
            ("prompt_tokens", Number),
            ("completion_tokens", Number),
            ("estimated", Number),
            ("created_at", Number),
        ],
    ),
];

/// What belongs to its database and is not copied.
const LEFT_BEHIND: [&str; 7] = [
    "api_tokens.*",
    "conversation_requests.*",
    "copies.*",
    "leases.*",
    "seaql_migrations.*",
    "sqlite_sequence.*",
    "turns.lease",
];

/// Every value of every table: `NULL` or its text between quotes. In an order of its own.
pub async fn dump(database: &DatabaseConnection) -> Vec<String> {
    let mut rows = Vec::new();
    for (table, columns) in TABLES {
        let values: Vec<_> = columns.iter().map(|column| value(database.get_database_backend(), column)).collect();
        let sql = format!("SELECT {} AS line FROM {table}", values.join(" || ' ' || "));
        let found = database.query_all_raw(Statement::from_string(database.get_database_backend(), sql)).await.unwrap();
        rows.extend(found.iter().map(|row| format!("{table} {}", row.try_get::<String>("", "line").unwrap())));
    }
    rows.sort();
    rows
}

fn value(engine: DbBackend, (column, kind): &(&str, Kind)) -> String {
    let text = match (kind, engine) {
        (Text, _) => (*column).to_owned(),
        (Number, _) => format!("CAST(CAST({column} AS {}) AS TEXT)", integer(engine, column)),
        (Uuid, DbBackend::Postgres) => format!("replace(CAST({column} AS TEXT), '-', '')"),
        (Bytes, DbBackend::Postgres) => format!("encode({column}, 'hex')"),
        (Uuid | Bytes, _) => format!("lower(hex({column}))"),
    };
    format!("CASE WHEN {column} IS NULL THEN 'NULL' ELSE '\"' || {text} || '\"' END")
}

/// PostgreSQL turns a boolean into INTEGER only.
fn integer(engine: DbBackend, column: &str) -> &'static str {
    let is_boolean = ["estimated", "stop_wanted"].contains(&column);
    if is_boolean && engine == DbBackend::Postgres { "INTEGER" } else { "BIGINT" }
}

/// What the database has and neither the copy nor the list of what stays behind knows.
pub async fn unknown_columns(database: &DatabaseConnection) -> Vec<String> {
    let sql = match database.get_database_backend() {
        DbBackend::Postgres => {
            "SELECT table_name AS t, column_name AS c FROM information_schema.columns WHERE table_schema = 'public'"
        }
        _ => "SELECT m.name AS t, c.name AS c FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'",
    };
    let sql = sql.replace("_name AS", "_name::text AS");
    let rows = database.query_all_raw(Statement::from_string(database.get_database_backend(), sql)).await.unwrap();
    assert!(rows.len() > 40, "the columns were not found");
    let names = rows.iter().map(|row| {
        let [table, column] = ["t", "c"].map(|name| row.try_get::<String>("", name).unwrap());
        (table, column)
    });
    names
        .filter(|(table, column)| {
            let copied = TABLES.iter().any(|(name, columns)| name == table && columns.iter().any(|(c, _)| c == column));
            let left = |name: &str| LEFT_BEHIND.contains(&name);
            !copied && !left(&format!("{table}.*")) && !left(&format!("{table}.{column}"))
        })
        .map(|(table, column)| format!("{table}.{column}"))
        .collect()
}
