use std::collections::HashSet;

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
        for html in [markdown::render(&guide.guide_content), markdown::render_without_links(&guide.guide_content)] {
            let html = html.concat();
            let shown = topic.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            assert!(html.contains(&format!("‘{shown}’")), "{topic}: {html}");
            assert!(!["<a ", "<math", "<del"].iter().any(|tag| html.contains(tag)), "{topic}: {html}");
        }
    }
}
