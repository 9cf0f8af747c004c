//! How large the model's context window is, as far as the server tells.

use super::finding::{Finding, State, Subject};
use crate::{app, config::Config, domain::partner::Partner};

/// Below this even the short prompts leave hardly any room for earlier questions.
const SMALL: u32 = 4_096;

pub(super) async fn check(config: &Config) -> Option<Finding> {
    let Ok(Partner::Model(client, _)) = app::partner(&config.model) else { return None };
    let model = &config.model.openai_model;
    client.discover(std::slice::from_ref(model)).await;
    let window = client.limits(None).window?;
    let (state, code) =
        if window < SMALL { (State::Warning, "model-window-small") } else { (State::Ok, "model-window") };
    Some(Finding::new(Subject::Model, state, code).with("model", model).with("tokens", window))
}
