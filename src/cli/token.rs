//! The command `token`: tokens of programs that call the stateless API.

use anyhow::{Context as _, bail};
use time::{OffsetDateTime, macros::format_description};

use super::{output::print, runtime};
use crate::{
    api_token, app,
    config::{Token, TokenAction},
    telemetry,
};
use store::{ApiToken, Store, now};

/// Creates, lists or revokes tokens. The server may run meanwhile.
pub(super) fn token(args: &Token) -> anyhow::Result<()> {
    args.database.validate()?;
    let quiet = crate::config::TelemetryConfig { rust_log: "warn".to_owned(), ..args.telemetry.clone() };
    let telemetry_guard = telemetry::init(&quiet)?;
    let done = runtime()?.block_on(async {
        let store = app::open_store(&args.database).await?;
        let text = run(&store, &args.action).await;
        store.close().await.context("closing the database")?;
        text
    });
    telemetry_guard.end(done.as_ref().err());
    Ok(print(&done?)?)
}

async fn run(store: &Store, action: &TokenAction) -> anyhow::Result<String> {
    match action {
        TokenAction::Create { name } => {
            let token = api_token::generate()?;
            let id = store.add_api_token(name, &api_token::hash(&token), now()).await?;
            Ok(format!(
                "{token}\n\nThis token is shown once. Programs send it as Authorization: Bearer.\n\
                 To revoke it: llm-classroom token revoke {id}"
            ))
        }
        TokenAction::List => {
            let tokens = store.api_tokens().await?;
            if tokens.is_empty() {
                return Ok("There is no token. To create one: llm-classroom token create NAME".to_owned());
            }
            Ok(tokens.iter().map(line).collect::<Vec<_>>().join("\n"))
        }
        TokenAction::Revoke { id } => match store.revoke_api_token(*id).await? {
            true => Ok("The token is revoked.".to_owned()),
            false => bail!("there is no token {id}; llm-classroom token list shows those that exist"),
        },
    }
}

/// Id, day of creation and name. Control characters of a name would reach the terminal.
fn line(token: &ApiToken) -> String {
    let created = OffsetDateTime::from_unix_timestamp(token.created_at / 1000).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let day = created.format(format_description!("[year]-[month]-[day]")).unwrap_or_default();
    let name: String = token.name.chars().filter(|c| !c.is_control()).collect();
    format!("{}  {day}  {name}", token.id)
}
