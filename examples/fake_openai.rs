//! The tests' OpenAI server as a process of its own: `fake_openai [--port PORT]`.
//!
//! It prints `listening on http://127.0.0.1:PORT` and serves until it is ended. How to script it says
//! `tests/support/openai.rs`.

#[path = "../tests/support/openai.rs"]
mod openai;

use std::io::Write;

/// The command line.
#[derive(clap::Parser)]
struct Arguments {
    /// The port on 127.0.0.1; 0 for a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let Arguments { port } = clap::Parser::parse();
    let server = openai::FakeOpenAi::start_on(port).await;
    println!("listening on {}", server.url());
    std::io::stdout().flush()?;
    tokio::signal::ctrl_c().await
}
