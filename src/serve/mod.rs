//! What a server needs of the machine it runs on: sockets, connections, and systemd's ear.

pub mod certificates;
mod door;
mod drawer;
pub mod listen;
pub mod redirect;
pub mod server;
pub mod systemd;
