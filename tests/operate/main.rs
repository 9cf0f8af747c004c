//! The program as its operator meets it: a real process, real servers around it, and everything over sockets.

#![allow(clippy::unwrap_used, reason = "everything here is a test")]

mod acme;
mod backup;
mod broken_off;
mod doctor;
mod full_disk;
mod logs;
mod metrics;
mod one_process;
mod otlp;
mod proxies;
mod s3;
mod sentry;
mod support;
