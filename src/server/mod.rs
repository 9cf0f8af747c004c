//! What a server needs of the machine it runs on: sockets, connections, and systemd's ear.

pub mod certificates;
pub mod connection;
pub mod connections;
pub mod door;
mod drawer;
mod head;
pub mod listen;
pub mod redirect;
pub mod systemd;
