//! Prices of models in a setting.

/// What a model costs, in US dollars per million tokens.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelPrice {
    /// Name of the model, as in `OPENAI_MODEL`.
    pub model: String,
    /// Price of tokens of requests.
    pub input: f64,
    /// Price of tokens of answers.
    pub output: f64,
    /// Price of tokens of requests that were in the server's cache.
    pub cached: f64,
}

/// Parses `MODEL=INPUT/OUTPUT` or `MODEL=INPUT/OUTPUT/CACHED`. Names may hold `=` and `/` themselves.
pub(super) fn price(text: &str) -> Result<ModelPrice, String> {
    let wrong =
        || format!("{text:?} is no price such as gpt-4o-mini=0.15/0.60 (dollars per million tokens in and out)");
    let (model, prices) = text.trim().rsplit_once('=').ok_or_else(wrong)?;
    let prices: Vec<f64> =
        prices.split('/').map(|price| price.trim().parse()).collect::<Result<_, _>>().map_err(|_| wrong())?;
    let (input, output, cached) = match prices[..] {
        [input, output] => (input, output, input),
        [input, output, cached] => (input, output, cached),
        _ => return Err(wrong()),
    };
    // Also refuses NaN, which is in no range.
    if model.trim().is_empty() || ![input, output, cached].iter().all(|price| (0.0..=1e6).contains(price)) {
        return Err(wrong());
    }
    Ok(ModelPrice { model: model.trim().to_owned(), input, output, cached })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_has_two_or_three_parts() {
        let read = |text| price(text).map(|price| (price.model, price.input, price.output, price.cached));
        assert_eq!(read("gpt-4o-mini=0.15/0.60"), Ok(("gpt-4o-mini".to_owned(), 0.15, 0.6, 0.15)));
        assert_eq!(read(" openai/gpt=x = 1/2/0.5 "), Ok(("openai/gpt=x".to_owned(), 1.0, 2.0, 0.5)));
        for wrong in ["", "m", "m=", "m=1", "=1/2", "m=1/x", "m=-1/2", "m=NaN/2", "m=inf/2", "m=1/2/3/4"] {
            assert!(read(wrong).unwrap_err().contains("gpt-4o-mini=0.15/0.60"), "{wrong}");
        }
    }
}
