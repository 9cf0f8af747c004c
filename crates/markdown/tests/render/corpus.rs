//! Short Korean answers, and what a reader sees of them: `corpus.tsv`.

use markdown::{Renderer, render};

/// What a reader sees of some HTML: its text with the numbers of lists, and the tags of what changes the look of words.
fn seen(html: &str) -> String {
    let (mut out, mut lists, mut rest) = (String::new(), Vec::<Option<(usize, char)>>::new(), html);
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        let end = rest[at..].find('>').map_or(rest.len(), |end| at + end + 1);
        let tag = &rest[at + 1..end - 1];
        rest = &rest[end..];
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        let number = |key: &str| {
            let value = attributes.split_once(&format!("{key}=\""))?.1;
            value.split('"').next()?.parse::<usize>().ok()
        };
        match name {
            "ol" => lists.push(Some((
                number("start").unwrap_or(1),
                if attributes.contains("parenthesised") { ')' } else { '.' },
            ))),
            "ul" => lists.push(None),
            "/ol" | "/ul" => drop(lists.pop()),
            "li" => {
                line(&mut out);
                match lists.last_mut() {
                    Some(Some((next, mark))) => {
                        let shown = number("value").unwrap_or(*next);
                        out.push_str(&format!("{shown}{mark} "));
                        *next = shown + 1;
                    }
                    _ => out.push_str("- "),
                }
            }
            "br" => out.push('\n'),
            "p" if out.ends_with(". ") || out.ends_with("- ") => {}
            "p" | "tr" | "h3" | "h4" | "blockquote" => line(&mut out),
            "hr" => {
                line(&mut out);
                out.push('―');
            }
            "td" | "th" if !out.is_empty() && !out.ends_with('\n') => out.push('|'),
            "a" | "strong" | "em" | "del" | "code" | "sub" | "sup" => out.push_str(&format!("<{name}>")),
            "/a" | "/strong" | "/em" | "/del" | "/code" | "/sub" | "/sup" => out.push_str(&format!("<{name}>")),
            _ => {}
        }
    }
    out.push_str(rest);
    out.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").replace("-  ", "- ")
}

fn line(out: &mut String) {
    if !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
}

/// The lines of the corpus: a source, and what a reader sees of it.
fn corpus() -> impl Iterator<Item = (String, String)> {
    let unescape = |text: &str| text.replace("\\\\", "\u{1}").replace("\\n", "\n").replace('\u{1}', "\\");
    let is_comment = |line: &&str| line.is_empty() || line.starts_with("# ") && !line.contains('\t');
    include_str!("corpus.tsv").lines().filter(move |line| !is_comment(line)).map(move |line| {
        let (source, expected) = line.split_once('\t').unwrap_or((line, line));
        (unescape(source), unescape(expected).trim_end().to_owned())
    })
}

#[test]
fn the_reader_of_a_short_answer_sees_what_the_model_wrote() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for (source, expected) in corpus() {
        count += 1;
        let whole = render(&source).concat();
        let mut renderer = Renderer::new();
        for c in source.chars() {
            renderer.push(c.encode_utf8(&mut [0; 4]));
            renderer.refresh();
        }
        renderer.finish();
        if seen(&whole) != expected || renderer.blocks().concat() != whole {
            wrong.push(format!("{source}\n  expected {expected:?}\n  seen     {:?}", seen(&whole)));
        }
    }
    assert!(wrong.is_empty(), "{} of {count} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count >= 300, "{count}");
}

/// Most characters by which an answer may get shorter while it arrives: a mark or two that turned out to be one.
const MAX_WITHDRAWN_CHARS: usize = 8;

#[test]
fn words_of_a_short_answer_that_were_shown_stay_while_more_arrives() {
    for (source, _) in corpus() {
        let (mut renderer, mut longest) = (Renderer::new(), 0_usize);
        for c in source.chars() {
            renderer.push(c.encode_utf8(&mut [0; 4]));
            renderer.refresh();
            let html = renderer.blocks().concat();
            let shown: usize =
                html.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text).chars().count()).sum();
            assert!(
                shown + MAX_WITHDRAWN_CHARS >= longest,
                "{shown} after {longest}: {:?} of {source:?}",
                renderer.text()
            );
            longest = longest.max(shown);
        }
    }
}
