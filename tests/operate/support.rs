//! What is shared with the tests of one instance.

#![allow(dead_code, unused_imports, reason = "each subject uses another part")]

#[path = "../api/support/events.rs"]
pub mod events;
#[path = "../support/nginx.rs"]
pub mod nginx;
#[path = "../support/openai.rs"]
pub mod openai;
#[path = "../support/pebble.rs"]
pub mod pebble;
#[path = "../support/postgres.rs"]
pub mod postgres;
#[path = "../api/support/process.rs"]
pub mod process;
#[path = "../support/redis.rs"]
pub mod redis;
#[path = "../api/support/reply.rs"]
pub mod reply;
#[path = "../api/support/student.rs"]
pub mod student;
#[path = "../support/waiting.rs"]
mod waiting;

pub use waiting::{eventually, soon};
