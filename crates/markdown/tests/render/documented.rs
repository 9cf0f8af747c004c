//! The examples of docs/markdown.md and its Korean version.

use markdown::{Renderer, render};

/// The source and the shown HTML of each example.
fn examples(document: &str) -> Vec<(String, String)> {
    let mut blocks: Vec<(String, String)> = Vec::new();
    let mut open: Option<(String, String, String)> = None;
    for line in document.lines() {
        match &mut open {
            None => {
                let fence: String = line.chars().take_while(|&c| c == '`').collect();
                let kind = line.trim_start_matches('`');
                if fence.len() >= 3 && !kind.contains('`') && !kind.is_empty() {
                    open = Some((fence, kind.to_owned(), String::new()));
                }
            }
            Some((fence, ..)) if line == fence => {
                if let Some((_, kind, text)) = open.take() {
                    blocks.push((kind, text));
                }
            }
            Some((.., text)) => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    let kinds: Vec<&str> = blocks.iter().map(|(kind, _)| kind.as_str()).collect();
    assert!(kinds.chunks(2).all(|pair| pair == ["source", "shown"]), "{kinds:?}");
    blocks.chunks(2).map(|pair| (pair[0].1.trim_end().to_owned(), pair[1].1.trim_end().to_owned())).collect()
}

fn without_link_attributes(html: &str) -> String {
    html.replace(" rel=\"noopener noreferrer nofollow\"", "").replace(" target=\"_blank\"", "")
}

#[test]
fn every_documented_example_is_shown_as_documented_whole_and_streamed() {
    let korean = examples(include_str!("../../../../docs/ko/markdown.md"));
    let examples = examples(include_str!("../../../../docs/markdown.md"));
    assert_eq!(korean, examples, "both languages show the same examples");
    assert!(examples.len() >= 15, "{}", examples.len());
    for (source, shown) in examples {
        assert_eq!(without_link_attributes(&render(&source).concat()), shown, "{source}");
        let mut renderer = Renderer::new();
        for c in source.chars() {
            renderer.push(c.encode_utf8(&mut [0; 4]));
            renderer.refresh();
        }
        renderer.finish();
        assert_eq!(without_link_attributes(&renderer.blocks().concat()), shown, "streamed: {source}");
    }
}
