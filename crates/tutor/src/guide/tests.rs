use coach::guide::preset;
use domain::{Locale, Topic};
use proptest::prelude::*;

use super::*;

const INTRO: &str =
    "빛은 공기 속에서 흩어져요. 파란빛이 더 잘 흩어진답니다.\\n\\n- 본 것을 먼저 말해요.\\n- 짐작을 더해요.";

#[test]
fn guides_are_read_from_what_models_write() {
    let built_in = preset(&Topic::parse("과학 탐구").unwrap(), Locale::Ko);
    let whole = format!(
        r#"{{"guide_title":"**빛** 이야기","guide_content":"{INTRO}","starter_questions":["1. 하늘은 왜 파랄까요?","노을은요?","무지개는요?","넷째"]}}"#
    );
    let guide = read_guide(&whole, &built_in).unwrap();
    assert_eq!(guide.guide_title, "빛 이야기");
    assert_eq!(guide.starter_questions, ["하늘은 왜 파랄까요?", "노을은요?", "무지개는요?"]);
    assert!(guide.guide_content.contains("\n\n- 본 것을"));
    assert_eq!(guide.source, GuideSource::Model);

    let fenced = format!("네!\n```json\n{whole}\n```");
    assert_eq!(read_guide(&fenced, &built_in).unwrap(), guide);

    let bare = read_guide(
        &format!(r#"{{"제목": null, "content": "{}<script>x</script>"}}"#, INTRO.replace('\\', "\\\\")),
        &built_in,
    )
    .unwrap();
    assert_eq!(bare.guide_title, built_in.guide_title);
    assert_eq!(bare.starter_questions, built_in.starter_questions);
    assert!(bare.guide_content.contains("\n\n- 본 것을") && !bare.guide_content.contains('<'));
}

#[test]
fn what_is_no_guide_is_refused() {
    let built_in = preset(&Topic::default(), Locale::Ko);
    for text in [
        "",
        "죄송하지만 도와줄 수 없어요.",
        "{}",
        r#"{"guide_content": "짧다"}"#,
        r#"{"error": {"message": "overloaded"}}"#,
    ] {
        assert_eq!(read_guide(text, &built_in), None, "{text}");
    }
}

proptest! {
    #[test]
    fn any_reply_gives_a_whole_guide_or_none(body in "[가-힣<>a\"\\\\n{}\n ]{0,120}", question in "\\PC{0,20}") {
        let built_in = preset(&Topic::default(), Locale::Ko);
        let _ = read_guide(&body, &built_in);
        let reply = serde_json::json!({"guide_content": body, "starter_questions": [question, null, 3]}).to_string();
        if let Some(guide) = read_guide(&reply, &built_in) {
            prop_assert_eq!(guide.starter_questions.len(), 3);
            prop_assert!(!guide.guide_title.is_empty());
            prop_assert!(guide.guide_content.chars().count() >= 20);
        }
    }
}
