//! Several instances as one: real processes of the program, a real PostgreSQL, Redis and nginx, and students who hop
//! between the instances while these are killed, restarted and cut off.
//!
//! Every scenario prints its seed, and the figures of its run. `SEED=… TURNS=…` replays one, and makes it longer.

#![allow(clippy::unwrap_used, reason = "everything here is a test")]

mod answers;
mod browser;
mod class;
mod follower;
mod hopping;
mod killed;
mod limits;
mod postgresql;
mod redis_loss;
mod rolling;
mod run;
mod same_key;
mod support;
mod tls;
mod world;
