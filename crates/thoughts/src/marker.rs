//! The control words of chat templates, recognised by their shape.
//!
//! A server that doesn't know its model's template passes them on as text. Four families of brackets are known:
//! `<…>`, `<|…|>` with either kind of bar (and `[|…|]`), `[…]` in capitals, and `◁…▷`. Within a family the name
//! decides; HTML names are never control words, but for a `</s>` that closes nothing.

/// The longest control word that is looked for, in characters.
const MAX_MARKER_CHARS: usize = 48;

/// What a control word does to the text around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marker<'a> {
    /// `<think>`: thoughts begin.
    ThoughtOpens(&'a str),
    /// `</think>`: thoughts end.
    ThoughtCloses(&'a str),
    /// `<|channel|>`: the channel's name follows, then its text.
    Channel,
    /// `<channel|>`: the channel's text ends.
    ChannelEnds,
    /// `<|im_start|>`: the role follows, then the message.
    Turn,
    /// `<|message|>`: the name of a channel or speaker ends.
    HeaderEnds,
    /// `<|user|>`: somebody else than the model speaks from here on.
    OtherSpeaker,
    /// `[INST]`: the same, or the mark of a template that was not cut off.
    Instruction,
    /// `<answer>`, as some models frame what follows their thoughts.
    AnswerOpens,
    /// `</answer>`.
    AnswerCloses,
    /// `<s>`: the beginning of a text, or struck through in HTML.
    TextBegins,
    /// `</s>`: the end of a text, or of struck through in HTML.
    TextEnds,
    /// `<tool_call>`: the call follows.
    ToolCallOpens,
    /// `</tool_call>`.
    ToolCallCloses,
    /// `[TOOL_CALLS]`: a list of calls follows, and nothing closes it.
    ToolCalls,
    /// Any other: `<|im_end|>`, `<end_of_turn>`.
    Other,
}

impl Marker<'_> {
    /// Whether it is a tag that an answer may also speak of.
    pub(super) fn is_tag(&self) -> bool {
        matches!(
            self,
            Self::ThoughtOpens(_)
                | Self::ThoughtCloses(_)
                | Self::AnswerOpens
                | Self::AnswerCloses
                | Self::TextBegins
                | Self::TextEnds
        )
    }
}

/// Whether this marker, written so, is a name in plain brackets that prose may hold, too: `[PAD]`, `<unk>`, `</s>`.
pub(super) fn is_plain(marker: &Marker<'_>, written: &str) -> bool {
    matches!(marker, Marker::Other | Marker::TextEnds | Marker::Instruction) && !written.contains(['|', '｜'])
}

/// What stands at the beginning of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// A control word of so many bytes.
    Marker(Marker<'a>, usize),
    /// No control word.
    Nothing,
    /// Possibly the beginning of one; the next letters decide.
    Beginning,
}

/// Finds a control word at the beginning of a text.
pub(super) fn find(text: &str) -> Found<'_> {
    let mut chars = text.chars();
    let close = match chars.next() {
        Some('<') => '>',
        Some('[') => ']',
        Some('◁') => '▷',
        _ => return Found::Nothing,
    };
    let body = chars.as_str();
    for (count, (at, c)) in body.char_indices().enumerate() {
        if c == close {
            let length = text.len() - body.len() + at + c.len_utf8();
            return match of_body(close, &body[..at]) {
                Some(marker) => Found::Marker(marker, length),
                None => Found::Nothing,
            };
        }
        if count >= MAX_MARKER_CHARS || !may_continue(close, &body[..at], c) {
            return Found::Nothing;
        }
    }
    Found::Beginning
}

/// Whether `c` may follow `before` within a control word.
fn may_continue(close: char, before: &str, c: char) -> bool {
    let bars = before.contains(['|', '｜']);
    match close {
        ']' if bars => c.is_alphanumeric() || matches!(c, '_' | '|'),
        ']' => c.is_ascii_uppercase() || c == '_' || (before.is_empty() && matches!(c, '/' | '|' | 'g' | 's')),
        '▷' => c.is_alphanumeric() || matches!(c, '_' | '/'),
        _ => match c {
            _ if c.is_alphanumeric() => true,
            '/' => before.is_empty() || before.ends_with(['|', '｜']) || is_thought(name_of(before)),
            '_' | ':' | '-' | '.' | '▁' => !before.is_empty(),
            '|' | '｜' => true,
            // White space in front of a name, as in `</ think>`, and attributes are of interest on a tag of thoughts alone.
            ' ' | '\n' => before == "/" || is_thought(name_of(before)),
            '=' | '"' | '\'' => before.contains([' ', '\n']),
            _ => false,
        },
    }
}

/// The name in a tag, without slash, bars, namespace and attributes.
fn name_of(body: &str) -> &str {
    let name = body.trim().trim_matches(['/', '|', '｜']).split_whitespace().next().unwrap_or_default();
    name.rsplit(':').next().unwrap_or(name)
}

fn of_body(close: char, written: &str) -> Option<Marker<'_>> {
    // Only tags of thoughts are known with white space in front of their name.
    let body = written.trim();
    if (body.len() < written.len() || slash_before_space(body)) && !is_thought(name_of(body)) {
        return None;
    }
    if slash_before_space(body) {
        let named = body[1..].trim_start();
        return holds_attributes_alone(named).then(|| Marker::ThoughtCloses(name_of(named)));
    }
    let bare = body.trim_matches(['|', '｜']);
    let has_bar = bare.len() < body.len();
    let closes = bare.starts_with('/');
    let name = name_of(body);
    let lower = name.to_lowercase().replace('▁', "_");
    if name.is_empty() || (!has_bar && !holds_attributes_alone(body)) {
        return None;
    }
    if is_thought(name) && body.ends_with('/') && !closes {
        // `<think/>`: no thoughts at all.
        return Some(Marker::Other);
    }
    if (close != ']' || has_bar || name.chars().all(|c| c.is_ascii_uppercase() || c == '_')) && is_thought(name) {
        let ends = closes || lower.starts_with("end_") || (body.ends_with('|') && !body.starts_with('|'));
        return Some(if ends { Marker::ThoughtCloses(name) } else { Marker::ThoughtOpens(name) });
    }
    if has_bar {
        return Some(of_bars(&lower, body.starts_with(['|', '｜'])));
    }
    match (close, lower.as_str()) {
        (']', "tool_calls") if !closes => return Some(Marker::ToolCalls),
        ('>', "tool_call" | "tool_calls" | "function_call" | "function_calls") => {
            return Some(if closes { Marker::ToolCallCloses } else { Marker::ToolCallOpens });
        }
        _ => {}
    }
    match (close, lower.as_str()) {
        (']', "inst") => Some(if closes { Marker::Other } else { Marker::Instruction }),
        (']', "eos" | "bos" | "pad" | "unk" | "gmask" | "smask") => Some(Marker::Other),
        (']' | '▷', _) => None,
        (_, "s") => Some(if closes { Marker::TextEnds } else { Marker::TextBegins }),
        (_, "answer" | "final_answer" | "response" | "final_response") => {
            Some(if closes { Marker::AnswerCloses } else { Marker::AnswerOpens })
        }
        (_, "start_of_turn") => Some(Marker::Turn),
        (_, "eos" | "bos" | "eot" | "eod" | "eom" | "eop" | "sop" | "pad" | "unk" | "endoftext" | "turn_end") => {
            Some(Marker::Other)
        }
        // Gemma's vocabulary has no names for these.
        (_, "unused94" | "ctrl94") => Some(Marker::ThoughtOpens(name)),
        (_, "unused95" | "ctrl95") => Some(Marker::ThoughtCloses(name)),
        _ if has_number(&lower, "unused") || has_number(&lower, "ctrl") => Some(Marker::Other),
        _ if body.starts_with("seed:") => Some(Marker::Other),
        _ if ["end_of_", "start_of_", "begin_of_", "extra_id_"].iter().any(|start| lower.starts_with(start)) => {
            Some(Marker::Other)
        }
        _ => None,
    }
}

/// Whether white space stands between the slash and the name: `</ think>`.
fn slash_before_space(body: &str) -> bool {
    body.strip_prefix('/').is_some_and(|name| name.starts_with(char::is_whitespace))
}

/// Whether nothing but attributes and a slash stands behind a tag's name. Other words make it a title: `<사고 실험>`.
fn holds_attributes_alone(body: &str) -> bool {
    let mut rest = body.split_once(char::is_whitespace).map_or("", |(_, rest)| rest).trim();
    while !rest.is_empty() && rest != "/" {
        let Some((key, value)) = rest.split_once('=') else { return false };
        if key.is_empty() || key.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '\'')) {
            return false;
        }
        let end = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => value[1..].find(quote).map(|end| end + 2),
            _ => value.find(char::is_whitespace).or(Some(value.len())),
        };
        let Some(end) = end else { return false };
        rest = value[end..].trim_start();
    }
    true
}

fn has_number(name: &str, start: &str) -> bool {
    name.strip_prefix(start).is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
}

fn of_bars(name: &str, opens: bool) -> Marker<'static> {
    match name {
        "channel" if !opens => Marker::ChannelEnds,
        "channel" => Marker::Channel,
        "message" | "im_sep" | "end_header_id" | "sep" => Marker::HeaderEnds,
        "start" | "im_start" | "start_header_id" | "turn" if opens => Marker::Turn,
        "user" | "human" | "prompter" | "system" | "tool" | "observation" => Marker::OtherSpeaker,
        _ => Marker::Other,
    }
}

/// Whether models call their thoughts so.
pub(super) fn is_thought(name: &str) -> bool {
    let name = name.to_lowercase();
    ["think", "thought"].iter().any(|stem| name.contains(stem))
        || ["reason", "reflect"].iter().any(|stem| name.starts_with(stem))
        || ["analysis", "scratchpad", "rationale", "cot", "생각", "추론", "사고", "사고과정"].contains(&name.as_str())
        || name.ends_with("monologue")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marker(text: &str) -> Option<Marker<'_>> {
        match find(text) {
            Found::Marker(marker, length) => {
                assert_eq!(length, text.len(), "{text}");
                Some(marker)
            }
            Found::Nothing => None,
            Found::Beginning => panic!("{text} is whole"),
        }
    }

    #[test]
    fn thoughts_are_known_in_every_bracket() {
        for open in [
            "<think>",
            "<Think>",
            "<thinking>",
            "<thought>",
            "<reasoning>",
            "<seed:think>",
            "[THINK]",
            "◁think▷",
            "<|begin_of_thought|>",
            "<|thinking|>",
            "<think type=\"deep\">",
            "<inner_monologue>",
            "<thinking>",
        ] {
            assert!(matches!(marker(open), Some(Marker::ThoughtOpens(_))), "{open}");
        }
        for close in [
            "</think>",
            "</thinking>",
            "</seed:think>",
            "[/THINK]",
            "◁/think▷",
            "<|end_of_thought|>",
            "</ think>",
            "</think\n>",
        ] {
            let found = marker(close);
            assert!(matches!(found, Some(Marker::ThoughtCloses(_))), "{close} {found:?}");
        }
    }

    #[test]
    fn other_control_words_are_known_by_their_shape() {
        for other in [
            "<|im_end|>",
            "<|eot_id|>",
            "<|endoftext|>",
            "<end_of_turn>",
            "[/INST]",
            "<｜end▁of▁sentence｜>",
            "[|endofturn|]",
            "<|a_word_nobody_knows_yet|>",
            "<seed:eos>",
            "<eos>",
            "[EOS]",
            "<|assistant|>",
        ] {
            assert_eq!(marker(other), Some(Marker::Other), "{other}");
        }
        assert_eq!(marker("<｜User｜>"), Some(Marker::OtherSpeaker));
        assert_eq!(marker("<|start_header_id|>"), Some(Marker::Turn));
    }

    #[test]
    fn html_code_and_korean_brackets_are_no_control_words() {
        for text in [
            "<b>",
            "</p>",
            "<div class=\"a\">",
            "<br/>",
            "< b",
            "<3",
            "<보기>",
            "[숙제]",
            "[x]",
            "[1]",
            "[DNA]",
            "<int>",
            "a<b",
            "<user_name>",
            "[링크](x)",
            "<small>",
            "<T>",
            "◁ 뒤로",
            "<=",
            "<-",
            "<|",
            "<html>",
            "[]",
            "<>",
        ] {
            assert!(matches!(find(text), Found::Nothing | Found::Beginning), "{text}");
        }
        assert_eq!(find("<|> "), Found::Nothing);
    }
}
