//! Several instances as one: real processes of the program, a real PostgreSQL, Redis and nginx, and students whose
//! requests alternate between instances that are killed, restarted and cut off.
//!
//! Every scenario prints its seed and its results. `SEED=…` replays one, and `TURNS=…` sets its length.

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
