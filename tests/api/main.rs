//! The whole program over real sockets, with a separate database for each test. Only the model server is a substitute.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by what it unwraps")]

mod support;

mod assets;
mod beginning;
mod bills;
mod budget;
mod busy_database;
mod cancel;
mod command_line;
mod compression;
mod connections;
mod conversations;
mod cookies;
mod covering;
mod crash;
mod cross_site;
mod delete;
mod docs;
mod following;
mod full;
mod guide;
mod handover;
mod headers;
mod history;
mod host;
mod hostile;
mod idempotency;
mod invisible;
mod limits;
mod logs;
mod lost_commits;
mod lost_requests;
mod main_job;
mod methods;
mod moving;
mod pages;
mod parallel;
mod postgresql;
mod practice;
mod problems;
mod provider;
mod rate_limit;
mod retention;
mod retry;
mod sent;
mod settings;
mod shutdown;
mod stateless;
mod stateless_access;
mod stateless_stream;
mod status;
mod strangers;
mod window;

use serde_json::{Value, json};
use support::{
    app::TestApp,
    openai::{Behaviour, Gate, Purpose, canned},
    student::Student,
};

const CHAT: Purpose = Purpose::Chat;
const TUTOR: Purpose = Purpose::Tutor;
const GUIDE: Purpose = Purpose::Guide;

const QUESTION: &str = "하늘은 왜 파래요?";
