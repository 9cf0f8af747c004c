use std::collections::HashSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use domain::feedback::{DimId::*, TopicFit};

const MESSAGE: &str = "우리 학교 급식 줄이 15분 넘게 걸려요. 줄이는 방법 세 가지를 비교해 주세요.";

fn fill() -> [String; 3] {
    ["첫 채움?", "둘째 채움?", "셋째 채움?"].map(str::to_owned)
}

fn read(text: &str) -> Option<Feedback> {
    read_feedback(text, MESSAGE, true, fill)
}

fn whole() -> Value {
    json!({
        "dims": {
            "relevance": {"evidence": "급식 줄", "why": "학교의 문제를 골랐어요.", "level": 3},
            "clarity": {"evidence": "방법 세 가지", "why": "몇 가지인지 말했어요.", "level": 3},
            "context": {"evidence": "15분 넘게 걸려요", "why": "숫자로 알려 줬어요.", "level": 2},
            "goal": {"evidence": "비교해 주세요", "why": "바라는 답이 있어요.", "level": 2},
            "structure": {"evidence": "비교해", "why": "견주어 달라고 했어요.", "level": 3},
            "followup": {"evidence": "", "why": "", "level": null}
        },
        "strengths": "‘15분 넘게’처럼 숫자로 말해서 문제가 또렷해요.",
        "improvements": "바꿀 수 없는 것을 하나 더하면 답이 더 알맞아져요.",
        "next_steps": "받은 방법 가운데 하나를 골라 걱정되는 점을 물어보세요.",
        "suggested_questions": ["가장 돈이 적게 드는 방법은 무엇인가요?", "학생회가 먼저 할 일은 무엇인가요?", "우리 학교는 ___라서 어려운데 어떻게 하면 좋을까요?"]
    })
}

/// The prose and the questions, whoever formatted them.
fn words(feedback: &Feedback) -> (&str, &str, &str, Vec<&str>) {
    let questions = feedback.suggested_questions.iter().map(String::as_str).collect();
    (&feedback.strengths, &feedback.improvements, &feedback.next_steps, questions)
}

#[test]
fn strict_json_is_read_whole() {
    let feedback = read(&whole().to_string()).unwrap();
    assert_eq!(feedback.source, Source::Model);
    assert_eq!(feedback.topic, TopicFit::On);
    assert_eq!(feedback.dims.iter().map(|dim| dim.id).collect::<Vec<_>>(), DimId::ALL);
    assert_eq!(feedback.dims[2].quote, "15분 넘게 걸려요");
    insta::assert_json_snapshot!("strict", feedback);
}

#[test]
fn the_same_note_is_read_from_every_dress() {
    let expected = read(&whole().to_string()).unwrap();
    let text = whole().to_string();
    let pretty = serde_json::to_string_pretty(&whole()).unwrap();
    let listed: Vec<Value> = DimId::ALL
        .iter()
        .rev()
        .map(|id| {
            let dim = &whole()["dims"][id.as_str()];
            json!({"id": id.as_str(), "level": dim["level"], "quote": dim["evidence"], "reason": dim["why"], "extra": 1})
        })
        .collect();
    let mut list = whole();
    list["dims"] = Value::Array(listed);
    let (dims, parts) = (&whole()["dims"], whole());
    let korean = json!({
        "분석": {"1. 주제(관련성)": dims["relevance"], "명확성": dims["clarity"], "맥락": dims["context"], "목표": dims["goal"],
            "구조": {"근거": "비교해", "이유": "견주어 달라고 했어요.", "수준": "3"}, "후속": dims["followup"]},
        "잘한 점": parts["strengths"], "개선할 점": [parts["improvements"]], "다음 단계": {"text": parts["next_steps"]},
        "추천 질문": [{"question": parts["suggested_questions"][0]}, parts["suggested_questions"][1], parts["suggested_questions"][2]],
    });
    for reply in [
        format!("```json\n{pretty}\n```"),
        format!("네, 피드백이에요!\n\n```\n{text}\n```\n도움이 되면 좋겠어요."),
        format!("<think>학생이 {{급식}}에 대해 물었다.\n</think>\n\n{text}"),
        format!("결과: {text} 이상입니다."),
        json!({"feedback": whole()}).to_string(),
        json!({"result": [whole()]}).to_string(),
        pretty.replace("\n    }\n  },", ",\n    },\n  },").replace("?\"\n  ]", "?\",\n  ]"),
        text.trim_end_matches('}').to_owned(),
        text.replace("\"level\":3", "\"level\":\"3\"").replace("\"level\":2", "\"level\":2.0"),
        text.replace("null", "None"),
        list.to_string(),
        korean.to_string(),
    ] {
        assert_eq!(read(&reply).as_ref(), Some(&expected), "{reply}");
    }
}

#[test]
fn questions_on_the_line_of_their_heading_are_told_apart() {
    for questions in [
        "1. 하나인가요? 2. 둘인가요? 3. 셋인가요?",
        "하나인가요? 둘인가요? 셋인가요?",
        "① 하나인가요? ② 둘인가요? ③ 셋인가요?",
        "❶ 하나인가요? ❷ 둘인가요? ❸ 셋인가요?",
        "⑴ 하나인가요? ⑵ 둘인가요? ⑶ 셋인가요?",
        "1️⃣ 하나인가요? 2️⃣ 둘인가요? 3️⃣ 셋인가요?",
    ] {
        let text =
            format!("잘한 점: 좋아요.\n개선할 점: 더 자세히요.\n다음 단계: 까닭을 물어요.\n추천 질문: {questions}");
        assert_eq!(read(&text).unwrap().suggested_questions, ["하나인가요?", "둘인가요?", "셋인가요?"], "{questions}");
    }
}

#[test]
fn four_sections_are_read_in_every_dress() {
    let expected =
        ("숫자를 넣었어요.", "까닭을 더해요.", "하나만 골라요.", vec!["가요?", "나는 ___인데 맞나요?", "다요?"]);
    for reply in [
        "### 잘한 점\n숫자를 넣었어요.\n\n### 개선할 점\n까닭을 더해요.\n\n### 다음 단계\n하나만 골라요.\n\n### 추천 질문\n1. 가요?\n2. 나는 ___인데 맞나요?\n3. 다요?\n",
        "**잘한 점**: 숫자를 넣었어요.\n**개선할 점**: 까닭을 더해요.\n**다음 단계**: 하나만 골라요.\n**추천 질문**:\n- 가요?\n- \"나는 ___인데 맞나요?\"\n- 다요?",
        "안녕하세요!\n\n1. 잘한 점 - 숫자를 넣었어요.\n2. 개선할 점 - 까닭을 더해요.\n3. 다음 단계 - 하나만 골라요.\n4. 추천 질문\n   - 가요?\n   - 나는 ___인데 맞나요?\n   - 다요?",
        "## 👍 잘한 점 (Strengths)\n- 숫자를 넣었어요.\n---\n## 💡 개선할 점\n- 까닭을 더해요.\n## 🚀 다음 단계\n- 하나만 골라요.\n## ❓ 추천 질문\n이런 질문은 어때요?\n① 가요?\n② 나는 ___인데 맞나요?\n③ 다요?\n## 총평\n잘했어요!",
        "[잘한 점]\r\n숫자를 넣었어요.\r\n[개선할 점]\r\n까닭을 더해요.\r\n[다음 단계]\r\n하나만 골라요.\r\n[추천 질문]\r\n가요?\r\n나는 ___인데 맞나요?\r\n다요?",
        "**Strengths:** 숫자를 넣었어요.\n\n**Areas for Improvement:** 까닭을 더해요.\n\n**Next Steps:** 하나만 골라요.\n\n**Suggested Questions:**\n1) 가요?\n2) 나는 ___인데 맞나요?\n3) 다요?",
    ] {
        let feedback = read(reply).unwrap_or_else(|| panic!("refused: {reply}"));
        assert_eq!(words(&feedback), expected, "{reply}");
        assert_eq!((feedback.topic, feedback.dims.len()), (TopicFit::On, 0));
    }
}

#[test]
fn what_models_do_to_a_note_is_undone() {
    let expected = read(&whole().to_string()).unwrap();
    let text = whole().to_string();
    let draft = text.replace("숫자로 말해서", "초안이라서").replace("급식 줄", "학교");
    let lines = serde_json::to_string_pretty(&whole()).unwrap();
    let mut one = whole();
    one["suggested_questions"] = json!(
        whole()["suggested_questions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|q| q.as_str().unwrap())
            .collect::<Vec<_>>()
            .join(" ")
    );
    let mut one_in_a_list = whole();
    one_in_a_list["suggested_questions"] = json!([one["suggested_questions"]]);
    for reply in [
        format!("{draft}\n</think>\n{text}"),
        format!("초안: {draft}\n다시 씀: {text}"),
        format!("<think>{draft}</think>{text}<|im_end|>"),
        format!("<|channel|>analysis<|message|>{draft}<|end|><|start|>assistant<|channel|>final<|message|>{text}"),
        format!("assistant\n\n{text}<|eot_id|>"),
        Value::String(text.clone()).to_string(),
        json!({"name": "tutor_feedback", "arguments": text}).to_string(),
        json!({"tool_calls": [{"type": "function", "function": {"name": "x", "arguments": text}}]}).to_string(),
        json!({"function": {"arguments": whole()}}).to_string(),
        text.replace('"', "&quot;"),
        lines.replace("\n", " // 설명\n"),
        text.replace('"', "'"),
        one.to_string(),
        one_in_a_list.to_string(),
    ] {
        assert_eq!(read(&reply).as_ref(), Some(&expected), "{reply}");
    }
}

#[test]
fn json_as_careless_models_write_it_is_read_as_meant() {
    let expected = (
        "숫자를 넣었어요.",
        "까닭, 즉 왜인지를 더해요.",
        "하나만 골라요.",
        vec!["가는 왜요?", "나는 ___인데 맞나요?", "다도 돼요?"],
    );
    const S: &str = "숫자를 넣었어요.";
    const I: &str = "까닭, 즉 왜인지를 더해요.";
    const N: &str = "하나만 골라요.";
    const Q: &str = r#"["가는 왜요?", "나는 ___인데 맞나요?", "다도 돼요?"]"#;
    let replies = [
        format!(r#"{{strengths: "{S}", improvements: "{I}", next_steps: "{N}", suggested_questions: {Q}}}"#),
        format!(
            "{{\n  strengths: \"{S}\",\n  improvements: \"{I}\",\n  next_steps: \"{N}\",\n  suggested_questions: {Q},\n}}"
        ),
        format!("{{strengths: \"{S}\"\n improvements: \"{I}\"\n next_steps: \"{N}\"\n suggested_questions: {Q}}}"),
        format!("{{strengths: '{S}', improvements: '{I}', next_steps: '{N}', suggested_questions: {Q}}}"),
        format!("{{strengths: `{S}`, improvements: `{I}`, next_steps: `{N}`, suggested_questions: {Q}}}"),
        format!("{{strengths: “{S}”, improvements: “{I}”, next_steps: “{N}”, suggested_questions: {Q}}}"),
        format!(r#"{{"strengths": "{S}" "improvements": "{I}" "next_steps": "{N}" "suggested_questions": {Q}}}"#),
        format!(
            "{{\"strengths\": \"{S}\"\n\"improvements\": \"{I}\"\n\"next_steps\": \"{N}\"\n\"suggested_questions\": {Q}}}"
        ),
        format!(r#"{{"strengths": "{S}"; "improvements": "{I}"; "next_steps": "{N}"; "suggested_questions": {Q}}}"#),
        format!(r#"{{"strengths": "{S}"， "improvements": "{I}"， "next_steps": "{N}"， "suggested_questions": {Q}}}"#),
        format!(
            r#"{{"strengths" = "{S}", "improvements" = "{I}", "next_steps" = "{N}", "suggested_questions" = {Q}}}"#
        ),
        format!(
            r#"{{"strengths" => "{S}", "improvements" => "{I}", "next_steps" => "{N}", "suggested_questions" => {Q}}}"#
        ),
        format!(r#"{{strengths = "{S}", improvements = "{I}", next_steps = "{N}", suggested_questions = {Q}}}"#),
        format!(r#"{{잘한 점: "{S}", 개선할 점: "{I}", 다음 단계: "{N}", 추천 질문: {Q}}}"#),
        format!(r#"{{"잘한 점"："{S}"，"개선할 점"："{I}"，"다음 단계"："{N}"，"추천 질문"：{Q}}}"#),
        format!(r#"{{next-steps: "{N}", strengths: "{S}", improvements: "{I}", suggested-questions: {Q}}}"#),
        format!(r#"tutor_feedback(strengths="{S}", improvements="{I}", next_steps="{N}", suggested_questions={Q})"#),
        format!(
            r#"<tool_call>{{"name": "tutor_feedback", "arguments": {{strengths: "{S}", improvements: "{I}", next_steps: "{N}", suggested_questions: {Q}}}}}</tool_call>"#
        ),
        format!(
            "<strengths>{S}</strengths>\n<improvements>{I}</improvements>\n<next_steps>{N}</next_steps>\n<suggested_questions>\n1. 가는 왜요?\n2. 나는 ___인데 맞나요?\n3. 다도 돼요?\n</suggested_questions>"
        ),
        format!(
            "{{\"strengths\": \"{S}\"}}\n{{\"improvements\": \"{I}\"}}\n{{\"next_steps\": \"{N}\"}}\n{{\"suggested_questions\": {Q}}}"
        ),
        format!(
            r#"[{{"strengths": "{S}"}}, {{"improvements": "{I}"}}, {{"next_steps": "{N}"}}, {{"suggested_questions": {Q}}}]"#
        ),
        format!(
            "strengths: \"{S}\"\nimprovements: \"{I}\"\nnext_steps: \"{N}\"\nsuggested_questions:\n  - \"가는 왜요?\"\n  - \"나는 ___인데 맞나요?\"\n  - \"다도 돼요?\"\n"
        ),
        format!(
            "strengths: {S}\nimprovements: {I}\nnext_steps: {N}\nsuggested_questions:\n  - 가는 왜요?\n  - 나는 ___인데 맞나요?\n  - 다도 돼요?\n"
        ),
        format!(
            "strengths: |\n  {S}\nimprovements: >\n  {I}\nnext_steps: |-\n  {N}\nsuggested_questions:\n  - 가는 왜요?\n  - 나는 ___인데 맞나요?\n  - 다도 돼요?\n"
        ),
        format!(
            r#"{{\n  "strengths": "{S}",\n  "improvements": "{I}",\n  "next_steps": "{N}",\n  "suggested_questions": {Q}\n}}"#
        ),
        format!(r#""strengths": "{S}", "improvements": "{I}", "next_steps": "{N}", "suggested_questions": {Q}}}"#),
        format!(
            r#"{{{{"strengths": "{S}", "improvements": "{I}", "next_steps": "{N}", "suggested_questions": {Q}}}}}"#
        ),
        format!(
            "{{\"strengths\": \"{S},\n \"improvements\": \"{I}\",\n \"next_steps\": \"{N}\",\n \"suggested_questions\": {Q}}}"
        ),
        format!(
            "\u{feff}{{\u{a0}\"strengths\":\u{a0}\"{S}\",\u{200b}\"improvements\": \"{I}\",\u{a0}\"next_steps\": \"{N}\", \"suggested_questions\": {Q}}}"
        ),
        format!(
            "{{\"strengths\": \"\"\"{S}\"\"\", \"improvements\": \"\"\"{I}\"\"\", \"next_steps\": \"\"\"{N}\"\"\", \"suggested_questions\": {Q}}}"
        ),
        format!(
            r#"{{"strengths": "숫자를 " + "넣었어요.", "improvements": "{I}", "next_steps": "{N}", "suggested_questions": {Q}}}"#
        ),
        format!(r#"{{"strengths": r"{S}", "improvements": f"{I}", "next_steps": "{N}", "suggested_questions": {Q}}}"#),
        format!(
            r#"{{"**strengths**": "{S}", "1. improvements": "{I}", "✅ next_steps": "{N}", "suggested_questions": {Q}}}"#
        ),
        format!(r#"{{"STRENGTHS": "{S}", "Improvements": "{I}", "nextSteps": "{N}", "suggestedQuestions": {Q}}}"#),
        format!(
            r#"{{"strengths": {{"content": "{S}"}}, "improvements": {{"text": "{I}"}}, "next_steps": ["{N}"], "suggested_questions": {Q}}}"#
        ),
        format!(
            r#"{{"strengths": "{S}", "improvements": "{I}", "next_steps": "{N}", "suggested_questions": ["가는 왜요?" "나는 ___인데 맞나요?" "다도 돼요?"]}}"#
        ),
        format!(
            r#"{{"strengths": "{S}", "improvements": "{I}", "next_steps": "{N}", "suggested_questions": ("가는 왜요?", "나는 ___인데 맞나요?", "다도 돼요?")}}"#
        ),
        format!(
            r#"{{"strengths": "{S}", "improvements": "{I}", "next_steps": "{N}", "suggested_questions": {{"1": "가는 왜요?", "2": "나는 ___인데 맞나요?", "3": "다도 돼요?"}}}}"#
        ),
        format!(
            r#"{{"strengths": "{S}", "improvements": "{I}", "next_steps": "{N}", "question_1": "가는 왜요?", "question_2": "나는 ___인데 맞나요?", "question_3": "다도 돼요?"}}"#
        ),
        format!(
            r#"{{"dims": {{relevance: {{evidence: "급식", why: "골랐어요", level: 3}}, clarity: {{evidence: "방법", why: "또렷", level: 2}}}}, strengths: "{S}", improvements: "{I}", next_steps: "{N}", suggested_questions: {Q}}}"#
        ),
        format!(
            "<function=tutor_feedback>\n<parameter=strengths>\n{S}\n</parameter>\n<parameter=improvements>\n{I}\n</parameter>\n<parameter=next_steps>\n{N}\n</parameter>\n<parameter=suggested_questions>\n{Q}\n</parameter>\n</function>"
        ),
        format!(r#"{{strengths: {S}, improvements: "{I}", next_steps: "{N}", suggested_questions: {Q}}}"#),
        format!("{{\n  strengths: {S}\n  improvements: {I}\n  next_steps: {N}\n  suggested_questions: {Q}\n}}"),
        format!(
            r#"{{"strengths": "{S}", "improvements": "{I}", "next_steps": "{N}", "suggested_questions": {Q}, "extra": [NaN, Infinity, undefined]}}"#
        ),
        format!("json\n{{strengths: \"{S}\", improvements: \"{I}\", next_steps: \"{N}\", suggested_questions: {Q}}}"),
        format!(
            "const feedback = {{strengths: \"{S}\", improvements: \"{I}\", next_steps: \"{N}\", suggested_questions: {Q}}};"
        ),
    ];
    for reply in &replies {
        let feedback = read(reply).unwrap_or_else(|| panic!("refused: {reply}"));
        assert_eq!(words(&feedback), expected, "{reply}");
    }
}

#[test]
fn formulas_in_a_note_keep_their_words() {
    let text = whole().to_string().replace("바꿀 수 없는 것", r"$\frac{1}{2} \times \sqrt{3} \neq \theta$");
    let feedback = read(&text).unwrap();
    assert!(
        feedback.improvements.starts_with(r"$\frac{1}{2} \times \sqrt{3} \neq \theta$"),
        "{}",
        feedback.improvements
    );
}

#[test]
fn what_is_no_note_is_refused() {
    for reply in [
        "",
        "   ",
        "죄송하지만 그 요청은 도와드릴 수 없어요.",
        "참 잘했어요! 다음에도 이렇게 물어보세요.",
        "{}",
        "null",
        "[]",
        r#"{"error": {"message": "The server is overloaded", "type": "server_error"}}"#,
        r#"{"strengths": "좋아요", "improvements": "", "next_steps": "해요"}"#,
        r#"{"strengths": "좋아요", "improvements": "없음", "next_steps": "해요"}"#,
        r#"{"strengths": "좋아요", "improvements": null, "next_steps": "해요"}"#,
        r#"{"strengths": "좋아요", "improvements": "더해요", "next_steps": "다음에는 조금"#,
        "### 잘한 점\n좋아요.\n### 개선할 점\n더해요.",
        r#"{"strengths": "string 잘한 점", "improvements": "string 개선할 점", "next_steps": "string 다음 단계"}"#,
        r#"{"strengths": "string (1~2문장)", "improvements": "더해요", "next_steps": "해요"}"#,
        r#"{"strengths": "잘한 점", "improvements": "개선할 점", "next_steps": "다음 단계"}"#,
        r#"{"type": "object", "properties": {"strengths": {"type": "string", "description": "잘한 점을 적는다"}, "improvements": {"description": "개선할 점을 적는다", "type": "string"}, "next_steps": {"type": "string", "title": "다음 단계를 적는다"}}}"#,
        "<think>### 잘한 점\n가\n### 개선할 점\n나\n### 다음 단계\n다",
    ] {
        assert_eq!(read(reply), None, "{reply}");
    }
}

#[test]
fn a_level_without_the_students_words_is_dropped_with_its_entry() {
    let mut reply = whole();
    reply["dims"]["context"]["evidence"] = json!("우리 반 30명");
    reply["dims"]["goal"]["evidence"] = json!("");
    reply["dims"]["structure"] = json!({"evidence": "없는 말", "why": "이어 주는 말이 없어요.", "level": 0});
    reply["dims"]["clarity"]["level"] = json!(7);
    let feedback = read(&reply.to_string()).unwrap();
    assert_eq!(feedback.dims.iter().map(|dim| dim.id).collect::<Vec<_>>(), [Relevance, Structure, Followup]);
    assert_eq!((feedback.dims[1].level, feedback.dims[1].quote.as_str()), (Some(0), ""));
}

#[test]
fn a_first_message_follows_up_on_nothing() {
    let mut reply = whole();
    reply["dims"]["followup"] = json!({"evidence": "급식", "why": "", "level": 3});
    let followup = |is_first| read_feedback(&reply.to_string(), MESSAGE, is_first, fill).unwrap().dims[5].clone();
    assert_eq!((followup(true).level, followup(true).quote.as_str()), (None, ""));
    assert_eq!((followup(false).level, followup(false).quote.as_str()), (Some(3), "급식"));
}

#[test]
fn the_topic_says_what_relevance_says() {
    for (relevance, said, topic) in [
        (json!({"evidence": "급식", "level": 1}), json!("on"), TopicFit::Bridge),
        (json!({"evidence": "", "level": 0}), json!("on"), TopicFit::Off),
        (json!(null), json!("bridge"), TopicFit::Bridge),
        (json!(null), json!(null), TopicFit::On),
    ] {
        let mut reply = whole();
        reply["dims"]["relevance"] = relevance;
        reply["topic"] = said;
        assert_eq!(read(&reply.to_string()).unwrap().topic, topic, "{reply}");
    }
}

#[test]
fn questions_are_filled_up_and_never_the_message_itself() {
    let mut reply = whole();
    reply["suggested_questions"] = json!([MESSAGE, "1. 왜 그럴까요?", "왜 그럴까요", "길".repeat(201), 5]);
    let questions = read(&reply.to_string()).unwrap().suggested_questions;
    assert_eq!(questions, ["왜 그럴까요?", "첫 채움?", "둘째 채움?"]);
    reply["suggested_questions"] = json!(null);
    assert_eq!(read(&reply.to_string()).unwrap().suggested_questions, fill());
}

#[test]
fn the_raw_text_reads_back_as_the_same_note() {
    let mut reply = whole();
    reply["improvements"] = json!("‘3~4개’나 `배식대`처럼 <b>무엇을</b> 세는지 *더해요*. [x](javascript:y)");
    let feedback = read(&reply.to_string()).unwrap();
    let again = read(&feedback.raw_feedback).unwrap();
    assert_eq!(words(&again), words(&feedback));
    assert_eq!(again.raw_feedback, feedback.raw_feedback);
}

fn check(feedback: &Feedback, message: &str, is_first: bool) {
    for part in [&feedback.strengths, &feedback.improvements, &feedback.next_steps] {
        assert!(!part.trim().is_empty() && part.chars().count() <= PART_MAX_CHARS);
        assert!(!part.chars().any(char::is_control) && !part.contains("<b"));
    }
    assert_eq!(feedback.suggested_questions.len(), 3);
    assert_eq!(feedback.suggested_questions.iter().collect::<HashSet<_>>().len(), 3);
    assert!(feedback.suggested_questions.iter().all(|q| !q.trim().is_empty() && q.chars().count() <= 200));
    let order: Vec<_> = feedback.dims.iter().map(|dim| DimId::ALL.iter().position(|id| *id == dim.id)).collect();
    assert!(order.windows(2).all(|pair| pair[0] < pair[1]));
    for dim in &feedback.dims {
        assert!(message.contains(&dim.quote) && dim.level.is_none_or(|level| level <= 3));
        assert!(!dim.quote.is_empty() || matches!(dim.level, None | Some(0)));
        assert!(!(is_first && dim.id == Followup && dim.level.is_some()));
        assert!(dim.id != Relevance || dim.level.is_none_or(|level| TopicFit::of_relevance(level) == feedback.topic));
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,200}", message in "\\PC{0,40}") {
        if let Some(feedback) = read_feedback(&text, &message, true, fill) {
            check(&feedback, &message, true);
        }
    }

    #[test]
    fn a_note_torn_anywhere_is_read_right_or_refused(cut in 0_usize..2_000, insert in "[{}\\[\\]\",:<b>\n\\\\가0]{0,6}", is_first: bool) {
        let mut text = whole().to_string();
        let at = text.floor_char_boundary(cut.min(text.len()));
        for text in [text[..at].to_owned(), { text.insert_str(at, &insert); text }] {
            if let Some(feedback) = read_feedback(&text, MESSAGE, is_first, fill) {
                check(&feedback, MESSAGE, is_first);
            }
        }
    }

    #[test]
    fn whatever_fields_hold_the_promises_hold(
        parts in prop::collection::vec("[가-힣<b>/\u{0}-\u{1f}*._ ]{0,500}", 3),
        questions in prop::collection::vec("[가나?1.\" ]{0,210}", 0..6),
        dims in prop::collection::vec((0_usize..6, -1_i64..5, "[급식줄이15분 …]{0,6}"), 0..9),
        is_first: bool,
    ) {
        let dims: Vec<Value> = dims
            .into_iter()
            .map(|(id, level, quote)| json!({"id": DimId::ALL[id], "level": level, "quote": quote, "why": "까닭"}))
            .collect();
        let reply = json!({
            "strengths": parts[0], "improvements": parts[1], "next_steps": parts[2],
            "suggested_questions": questions, "dims": dims,
        });
        if let Some(feedback) = read_feedback(&reply.to_string(), MESSAGE, is_first, fill) {
            check(&feedback, MESSAGE, is_first);
        }
    }
}
