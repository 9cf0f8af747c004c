//! Serving over TCP: sockets, connections, TLS certificates, and notifications to systemd.

mod acme_cache;
pub mod certificates;
pub mod connection;
pub mod connections;
pub mod graceful_listener;
mod head;
pub mod listen;
pub mod redirect;
pub mod systemd;
