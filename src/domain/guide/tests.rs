use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

const LOCALES: [Locale; 2] = [Locale::Ko, Locale::En];

fn topics() -> impl Iterator<Item = Topic> {
    let own = ["축구", "우리 동네 하천", "왜 꿈을 꿀까?", "<b>*AI*</b> & [나](x)"];
    let presets = Preset::ALL.map(Preset::topic_name);
    presets.into_iter().chain(own).map(|name| Topic::parse(name).unwrap()).chain([Topic::default()])
}

#[test]
fn every_topic_has_a_whole_guide_in_both_languages() {
    for (topic, locale) in topics().flat_map(|topic| LOCALES.map(|locale| (topic.clone(), locale))) {
        let guide = preset(&topic, locale);
        assert_eq!(guide.source, GuideSource::Preset);
        assert_eq!(guide.starter_questions.iter().collect::<HashSet<_>>().len(), 3);
        assert!(
            guide.starter_questions.iter().all(|question| (30..=200).contains(&question.chars().count())),
            "{guide:?}"
        );
        assert_eq!(guide.guide_content.matches("\n- ").count(), 3);
        assert!(guide.guide_content.len() < 2_000 && !guide.guide_title.is_empty());
        let hangul = |text: &str| text.chars().any(|c| ('가'..='힣').contains(&c));
        let own = hangul(topic.as_str());
        assert_eq!(
            hangul(&greeting(&topic, locale)),
            locale == Locale::Ko || (own && topic.preset().is_none() && topic != Topic::default())
        );
    }
}

#[test]
fn the_texts_of_the_presets_are_all_their_own() {
    for locale in LOCALES {
        let mut seen = HashSet::new();
        for it in Preset::ALL {
            let topic = Topic::parse(it.topic_name()).unwrap();
            let guide = preset(&topic, locale);
            for text in
                [tagline(it, locale).to_owned(), greeting(&topic, locale), guide.guide_title, guide.guide_content]
                    .into_iter()
                    .chain(guide.starter_questions)
            {
                assert!(seen.insert(text.clone()), "twice: {text}");
            }
        }
        assert!(example_topics(locale).iter().all(|example| Topic::parse(example).unwrap().as_str() == *example));
    }
}

#[test]
fn own_topics_are_named_with_the_right_particle() {
    assert!(greeting(&Topic::parse("축구").unwrap(), Locale::Ko).contains("‘축구’라는 주제"));
    assert!(greeting(&Topic::parse("블랙홀").unwrap(), Locale::Ko).contains("‘블랙홀’이라는 주제"));
    assert!(preset(&Topic::parse("AI").unwrap(), Locale::Ko).guide_title.starts_with("‘AI’를"));
}

#[test]
fn an_own_topic_cannot_write_markup_into_the_guide() {
    let guide = preset(&Topic::parse("<b>*AI*</b> [나](x)").unwrap(), Locale::Ko);
    assert!(guide.guide_content.contains("‘\\<b\\>\\*AI\\*\\</b\\> \\[나\\](x)’를"), "{}", guide.guide_content);
}

#[test]
fn the_guide_shows_any_topic_as_it_was_written() {
    for topic in [
        "https://evil.example/login",
        "www.evil.example",
        "a@evil.example",
        "[나](https://evil.example)",
        "$x^2$",
        "\\(x\\)",
        "\\ce{H2O}",
        "~~지움~~ **굵게**",
        "&lt;b&gt;",
    ] {
        let guide = preset(&Topic::parse(topic).unwrap(), Locale::Ko);
        for html in
            [crate::render::markdown(&guide.guide_content), crate::render::markdown_without_links(&guide.guide_content)]
        {
            let html = html.concat();
            let shown = topic.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            assert!(html.contains(&format!("‘{shown}’")), "{topic}: {html}");
            assert!(!["<a ", "<math", "<del"].iter().any(|tag| html.contains(tag)), "{topic}: {html}");
        }
    }
}

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
