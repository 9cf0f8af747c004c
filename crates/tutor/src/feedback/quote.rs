//! The words of the student that a model points at.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

use crate::reply::decode_entities;

/// The part of `message` that `evidence` means, exactly as it stands there; `None` if it isn't there.
///
/// Models change white space, Unicode form and outer quotation marks, and shorten with an ellipsis. That much is
/// forgiven; a changed word is not.
pub(super) fn find<'a>(message: &'a str, evidence: &str) -> Option<&'a str> {
    find_as_written(message, evidence).or_else(|| match decode_entities(evidence) {
        Cow::Owned(decoded) => find_as_written(message, &decoded),
        Cow::Borrowed(_) => None,
    })
}

fn find_as_written<'a>(message: &'a str, evidence: &str) -> Option<&'a str> {
    let evidence = evidence.trim();
    let nfc: String = evidence.nfc().collect();
    let nfd: String = evidence.nfd().collect();
    [evidence, &nfc, &nfd].into_iter().find_map(|evidence| {
        let core = evidence.trim_matches(is_decoration);
        let bare = core.trim_end_matches(['.', ',', '!', '?', '~']);
        [evidence, core, bare]
            .into_iter()
            .find_map(|words| find_ignoring_spaces(message, words))
            .or_else(|| find_with_ellipsis(message, core))
    })
}

/// What stands around a quotation rather than in it.
fn is_decoration(c: char) -> bool {
    c.is_whitespace()
        || c == '…'
        || matches!(c, '"' | '\'' | '“' | '”' | '‘' | '’' | '「' | '」' | '『' | '』' | '`' | '*')
        || c == '.'
}

/// `words` in `message`, with white space counting for nothing.
fn find_ignoring_spaces<'a>(message: &'a str, words: &str) -> Option<&'a str> {
    let wanted: Vec<char> = words.chars().filter(|c| !c.is_whitespace()).collect();
    if !wanted.iter().any(|c| c.is_alphanumeric()) {
        return None;
    }
    if let Some(at) = message.find(words) {
        return Some(&message[at..at + words.len()]);
    }
    let there: Vec<(usize, char)> = message.char_indices().filter(|(_, c)| !c.is_whitespace()).collect();
    let found = there.windows(wanted.len()).find(|window| window.iter().map(|(_, c)| c).eq(&wanted))?;
    let ((start, _), (end, last)) = (*found.first()?, *found.last()?);
    Some(&message[start..end + last.len_utf8()])
}

/// `words` with an ellipsis inside: from the beginning of the first piece to the end of the last, if they stand in
/// this order.
fn find_with_ellipsis<'a>(message: &'a str, words: &str) -> Option<&'a str> {
    let words = words.replace("...", "…");
    let (first, last) =
        (words.split('…').next()?.trim_matches(is_decoration), words.rsplit('…').next()?.trim_matches(is_decoration));
    if !words.contains('…') {
        return None;
    }
    let start = find_ignoring_spaces(message, first)?;
    let start_at = start.as_ptr() as usize - message.as_ptr() as usize;
    let rest = &message[start_at + start.len()..];
    let end = find_ignoring_spaces(rest, last)?;
    let end_at = end.as_ptr() as usize - message.as_ptr() as usize + end.len();
    Some(&message[start_at..end_at])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MESSAGE: &str = "우리 학교는\n급식 줄이 15분 넘게 걸려요. 왜 그럴까요?";

    #[test]
    fn dress_is_forgiven_and_changed_words_are_not() {
        for (evidence, found) in [
            ("급식 줄이", Some("급식 줄이")),
            ("“급식 줄이 15분”", Some("급식 줄이 15분")),
            ("...15분 넘게...", Some("15분 넘게")),
            ("우리 학교는 급식", Some("우리 학교는\n급식")),
            ("급식줄이", Some("급식 줄이")),
            ("15분 넘게 걸려요!", Some("15분 넘게 걸려요")),
            ("급식 줄이 … 왜 그럴까요", Some("급식 줄이 15분 넘게 걸려요. 왜 그럴까요")),
            ("왜 그럴까요 ... 급식", None),
            ("급식 줄이 20분", None),
            ("학교 급식", None),
            ("", None),
            ("…", None),
            (".", None),
        ] {
            assert_eq!(find(MESSAGE, evidence), found, "{evidence}");
        }
    }

    #[test]
    fn the_unicode_form_is_forgiven_both_ways() {
        let nfd: String = "급식".nfd().collect();
        assert_eq!(find(MESSAGE, &nfd), Some("급식"));
        assert_eq!(find(&nfd, "급식"), Some(nfd.as_str()));
    }

    proptest! {
        #[test]
        fn what_is_found_is_there(message in "[가나 .…\"a]{0,20}", evidence in "[가나 .…\"a]{0,8}") {
            if let Some(found) = find(&message, &evidence) {
                prop_assert!(message.contains(found) && !found.is_empty());
            }
        }

        #[test]
        fn every_part_with_a_letter_is_found(message in "[가-힣a-z .?]{1,30}", from in 0_usize..30, len in 1_usize..9) {
            let part: String = message.chars().skip(from).take(len).collect();
            if part.chars().any(char::is_alphanumeric) {
                prop_assert!(find(&message, &part).is_some());
            }
        }
    }
}
