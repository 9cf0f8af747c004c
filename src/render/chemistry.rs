//! Chemical formulas and equations as `\ce{…}` writes them, in the LaTeX of mathematics.
//!
//! The part of mhchem (version 4 of its manual) that school needs: indices, charges, isotopes, states, amounts, hydrates, gas
//! and precipitate, arrows with text above and below.

/// Arrows by how they are written, the longer ones first.
const ARROWS: [(&str, &str); 6] = [
    ("<=>", "\\rightleftharpoons"),
    ("<->", "\\leftrightarrow"),
    ("-->", "\\longrightarrow"),
    ("->", "\\rightarrow"),
    ("<-", "\\leftarrow"),
    ("→", "\\rightarrow"),
];

/// The LaTeX of what stands between the braces of `\ce`.
pub(super) fn latex(source: &str) -> String {
    let mut reader = Reader { rest: source, out: String::new(), at: Place::Start };
    while reader.step() {}
    reader.out
}

/// What was read last: it decides what a digit or a sign means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The beginning of a substance: a number is an amount.
    Start,
    /// An element or a closing bracket: a number is an index, a sign at the end a charge.
    Element,
    /// An index or a charge.
    Script,
}

struct Reader<'s> {
    rest: &'s str,
    out: String,
    at: Place,
}

impl Reader<'_> {
    /// Reads what comes next; false at the end.
    fn step(&mut self) -> bool {
        let Some(next) = self.rest.chars().next() else { return false };
        if self.arrow() {
            return true;
        }
        match next {
            ' ' | '\n' | '\t' => self.space(),
            '^' | '_' => self.script(next),
            '0'..='9' => self.number(),
            '+' | '-' if self.at != Place::Start && self.is_charge() => {
                self.out.push_str(if next == '+' { "^{+}" } else { "^{-}" });
                self.go_on(1, Place::Script);
            }
            '.' | '*' | '·' if self.at != Place::Start => {
                self.out.push_str("\\cdot ");
                self.go_on(next.len_utf8(), Place::Start);
            }
            '(' | '[' | '{' | '=' | '+' | '-' | '/' | ',' => {
                self.out.push(next);
                let place = if next == '=' || next == '-' { Place::Element } else { Place::Start };
                self.go_on(1, place);
            }
            ')' | ']' | '}' => {
                self.out.push(next);
                self.go_on(1, Place::Element);
            }
            '\\' => {
                let length = 1 + self.rest[1..].bytes().take_while(u8::is_ascii_alphabetic).count().max(1);
                let length = self.rest.char_indices().map(|(at, c)| at + c.len_utf8()).find(|end| *end >= length);
                let length = length.unwrap_or(self.rest.len());
                self.out.push_str(&self.rest[..length]);
                self.out.push(' ');
                self.go_on(length, Place::Element);
            }
            _ => self.letters(),
        }
        true
    }

    fn go_on(&mut self, length: usize, place: Place) {
        self.rest = &self.rest[length..];
        self.at = place;
    }

    fn arrow(&mut self) -> bool {
        let Some((written, arrow)) = ARROWS.iter().find(|(written, _)| self.rest.starts_with(written)) else {
            return false;
        };
        self.go_on(written.len(), Place::Start);
        let above = self.bracketed();
        let below = above.as_ref().and_then(|_| self.bracketed());
        let arrow = match above {
            Some(above) => format!("\\overset{{\\text{{{above}}}}}{{\\longrightarrow}}"),
            None => (*arrow).to_owned(),
        };
        match below {
            Some(below) => self.out.push_str(&format!("\\underset{{\\text{{{below}}}}}{{{arrow}}}")),
            None => self.out.push_str(&arrow),
        }
        self.out.push(' ');
        true
    }

    /// The text in square brackets that comes next.
    fn bracketed(&mut self) -> Option<String> {
        let (text, rest) = self.rest.strip_prefix('[')?.split_once(']')?;
        self.rest = rest;
        Some(text.replace(['\\', '{', '}', '$', '^', '_'], ""))
    }

    /// A space ends a substance; an arrow up or down alone is a gas or a precipitate.
    fn space(&mut self) {
        self.rest = self.rest.trim_start();
        let end = self.rest.find(char::is_whitespace).unwrap_or(self.rest.len());
        match &self.rest[..end] {
            "^" | "(^)" => self.out.push_str("\\uparrow "),
            "v" | "(v)" => self.out.push_str("\\downarrow "),
            _ => {
                self.out.push_str("\\;");
                self.at = Place::Start;
                return;
            }
        }
        self.go_on(end, Place::Element);
    }

    fn script(&mut self, mark: char) {
        let text = &self.rest[1..];
        let (content, length) = if text.starts_with('{') {
            let end = text.find('}').unwrap_or(text.len() - 1);
            (&text[1..end.max(1)], end + 1)
        } else {
            let length = text.bytes().take_while(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-')).count();
            let length = if length > 0 { length } else { text.chars().next().map_or(0, char::len_utf8) };
            (&text[..length], length)
        };
        if content.is_empty() {
            self.out.push_str("\\uparrow ");
        } else {
            // Before an element it belongs to what follows.
            let base = if self.at == Place::Start { "{}" } else { "" };
            self.out.push_str(&format!("{base}{mark}{{{}}}", content.replace(['{', '}'], "")));
        }
        self.go_on(1 + length, Place::Script);
    }

    fn number(&mut self) {
        let length = self.rest.bytes().take_while(|b| b.is_ascii_digit() || matches!(b, b'.' | b'/')).count();
        let number = self.rest[..length].trim_end_matches(['.', '/']);
        if self.at == Place::Element {
            let digits = number.bytes().take_while(u8::is_ascii_digit).count();
            self.out.push_str(&format!("_{{{}}}", &number[..digits]));
            self.go_on(digits, Place::Script);
        } else {
            self.out.push_str(number);
            self.out.push_str("\\,");
            self.go_on(number.len(), Place::Start);
        }
    }

    /// Whether a sign ends the substance and so is its charge.
    fn is_charge(&self) -> bool {
        self.rest[1..].chars().next().is_none_or(|next| matches!(next, ' ' | ')' | ']' | '}' | '(' | '\n'))
    }

    fn letters(&mut self) {
        let is_letter = |c: char| c.is_alphabetic() || c == '\'' || c == '"';
        let length = self.rest.find(|c: char| !is_letter(c)).unwrap_or(self.rest.len());
        let length = if length > 0 { length } else { self.rest.chars().next().map_or(1, char::len_utf8) };
        let word = &self.rest[..length];
        let command = if word.is_ascii() { "mathrm" } else { "text" };
        self.out.push_str(&format!("\\{command}{{{word}}}"));
        self.go_on(length, Place::Element);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::math::mathml;

    #[test]
    fn school_chemistry_is_read_as_it_is_meant() {
        for (source, expected) in [
            ("H2O", r"\mathrm{H}_{2}\mathrm{O}"),
            ("2H2 + O2 -> 2H2O", r"2\,\mathrm{H}_{2}\;+\;\mathrm{O}_{2}\;\rightarrow \;2\,\mathrm{H}_{2}\mathrm{O}"),
            ("SO4^2-", r"\mathrm{SO}_{4}^{2-}"),
            ("SO4^{2-}", r"\mathrm{SO}_{4}^{2-}"),
            ("Na+", r"\mathrm{Na}^{+}"),
            ("Ca(OH)2", r"\mathrm{Ca}(\mathrm{OH})_{2}"),
            ("^{14}_6C", r"{}^{14}_{6}\mathrm{C}"),
            ("CuSO4.5H2O", r"\mathrm{CuSO}_{4}\cdot 5\,\mathrm{H}_{2}\mathrm{O}"),
            ("NaCl(aq)", r"\mathrm{NaCl}(\mathrm{aq})"),
            ("CO2 ^", r"\mathrm{CO}_{2}\uparrow "),
        ] {
            assert_eq!(latex(source), expected, "{source}");
        }
    }

    #[test]
    fn what_is_read_is_understood_by_the_converter() {
        for source in [
            "2H2 + O2 -> 2H2O",
            "CaCO3(s) <=> CaO(s) + CO2 ^",
            "A ->[가열] B",
            "A ->[MnO2][가열] B",
            "Fe^3+",
            "e-",
            "1/2O2",
            "CH3-CH3",
            "CH2=CH2",
            "[Cu(NH3)4]^2+",
            "AgCl v",
            "N2 + 3H2 <=> 2NH3",
            "물 -> 얼음",
            "^{14}_6C",
        ] {
            assert!(mathml(&format!("\\ce{{{source}}}"), false).is_some(), "{source}: {}", latex(source));
        }
    }
}
