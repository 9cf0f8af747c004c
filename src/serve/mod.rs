//! What a server needs of the machine it runs on: sockets, connections, and systemd's ear.

mod door;
pub mod listen;
pub mod server;
pub mod systemd;
