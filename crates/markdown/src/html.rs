//! The Markdown tree as HTML.
//!
//! All text is escaped here. The sanitiser that runs afterwards is a second, independent check.

use super::escape::escape_into;
use super::hangul::is_hangul;
use super::mask::{Masked, Piece};
use super::{code, link, math};
use comrak::nodes::{
    ListDelimType, ListType, Node, NodeCodeBlock, NodeLink, NodeList, NodeTable, NodeValue, TableAlignment,
};

/// How addresses are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Links {
    /// Links to follow.
    #[default]
    Clickable,
    /// The text of the link.
    Text,
}

/// Writes the tree of one block. `finished` is false while the text is still arriving: then open fences stay plain.
pub(super) fn write(root: Node<'_>, masked: &Masked, finished: bool, links: Links) -> String {
    let mut writer = Writer { html: String::new(), masked, finished, in_link: links == Links::Text };
    writer.children(root);
    writer.html
}

/// Longest formula in a sentence, in bytes, that needs no box of its own to scroll in.
const SHORT: usize = 16;

/// Most characters that are shown of the words behind a fence.
const MAX_TITLE_CHARS: usize = 200;

struct Writer<'m> {
    html: String,
    masked: &'m Masked,
    finished: bool,
    /// No link begins here: one is open, or none is wanted.
    in_link: bool,
}

impl Writer<'_> {
    fn children(&mut self, node: Node<'_>) {
        for child in node.children() {
            self.node(child);
        }
    }

    fn wrap(&mut self, tag: &str, node: Node<'_>) {
        self.tag(tag);
        self.children(node);
        self.end(tag);
    }

    fn tag(&mut self, tag: &str) {
        self.html.extend(["<", tag, ">"]);
    }

    fn end(&mut self, tag: &str) {
        self.html.extend(["</", tag, ">"]);
    }

    /// Recursion is bounded: the caller has refused deep trees.
    fn node(&mut self, node: Node<'_>) {
        match &node.data().value {
            NodeValue::Text(text) => self.text(text),
            NodeValue::SoftBreak | NodeValue::LineBreak => self.html.push_str("<br>"),
            NodeValue::Code(inline) => self.literal("code", &inline.literal),
            NodeValue::HtmlInline(html) => self.escaped_source(html),
            NodeValue::HtmlBlock(html) => self.literal("p", html.literal.trim_end()),
            NodeValue::Emph => self.wrap("em", node),
            NodeValue::Strong => self.wrap("strong", node),
            NodeValue::Strikethrough => self.wrap("del", node),
            NodeValue::Link(target) => self.link(node, target),
            NodeValue::Image(target) => self.image(node, target),
            NodeValue::Paragraph => self.paragraph(node),
            NodeValue::Heading(heading) => {
                if node.first_child().is_some() {
                    // The page itself has h1 and h2.
                    self.wrap(["h3", "h4", "h5", "h6"][usize::from(heading.level.clamp(1, 4)) - 1], node);
                }
            }
            NodeValue::ThematicBreak => self.html.push_str("<hr>"),
            NodeValue::BlockQuote => self.wrap("blockquote", node),
            NodeValue::List(list) => self.list(node, list),
            NodeValue::Item(_) => self.item(node, None),
            NodeValue::TaskItem(task) => self.task(node, task.symbol.is_some()),
            NodeValue::CodeBlock(block) => self.code_block(block),
            NodeValue::Table(table) => self.table(node, table),
            _ => self.children(node),
        }
    }

    fn text(&mut self, text: &str) {
        let masked = self.masked;
        for piece in masked.pieces(text) {
            match piece {
                Piece::Text(text) => escape_into(&mut self.html, text),
                Piece::Tag { html, .. } => self.html.push_str(html),
                Piece::Address { source, www } => self.address(source, www),
                Piece::Formula { latex, display, source } => self.formula(latex, display, source),
            }
        }
    }

    fn formula(&mut self, latex: &str, display: bool, source: &str) {
        match math::mathml(latex, display) {
            Some(mathml) if display => {
                self.html.extend(["<span class=\"formula\" tabindex=\"0\">", &mathml, "</span>"]);
            }
            Some(mathml) if latex.len() > SHORT || mathml.contains("<mspace") || mathml.contains("<mtable") => {
                self.html.extend(["<span class=\"formula-inline\" tabindex=\"0\">", &mathml, "</span>"]);
            }
            Some(mathml) => self.html.push_str(&mathml),
            None => {
                self.tag("code");
                for (n, line) in source.split('\n').enumerate() {
                    self.html.push_str(if n > 0 { "<br>" } else { "" });
                    escape_into(&mut self.html, line);
                }
                self.end("code");
            }
        }
    }

    fn literal(&mut self, tag: &str, text: &str) {
        self.tag(tag);
        self.escaped_source(text);
        self.end(tag);
    }

    fn escaped_source(&mut self, text: &str) {
        escape_into(&mut self.html, &self.masked.source(text));
    }

    fn paragraph(&mut self, node: Node<'_>) {
        if is_in_tight_list(node) { self.children(node) } else { self.wrap("p", node) }
    }

    fn list(&mut self, node: Node<'_>, list: &NodeList) {
        if list.list_type == ListType::Bullet {
            self.wrap("ul", node);
            return;
        }
        let mut classes = Vec::new();
        if list.delimiter == ListDelimType::Paren {
            classes.push("parenthesised");
        }
        let mut number = list.start;
        let numbers: Vec<usize> = node
            .children()
            .map(|item| {
                number = match &item.data().value {
                    NodeValue::Item(item) => item.start,
                    _ => number,
                };
                number += 1;
                number - 1
            })
            .collect();
        if numbers.iter().any(|&number| number > 99) {
            classes.push("wide-numbers");
        }
        self.html.push_str("<ol");
        if list.start != 1 {
            self.html.push_str(&format!(" start=\"{}\"", list.start));
        }
        if !classes.is_empty() {
            self.html.push_str(&format!(" class=\"{}\"", classes.join(" ")));
        }
        self.html.push('>');
        let mut expected = list.start;
        for (item, number) in node.children().zip(numbers) {
            if matches!(item.data().value, NodeValue::Item(_)) {
                self.item(item, Some(number).filter(|&number| number != expected));
            } else {
                self.node(item);
            }
            expected = number + 1;
        }
        self.end("ol");
    }

    /// An item of a list, with its number where that is not the next one.
    fn item(&mut self, node: Node<'_>, number: Option<usize>) {
        match number {
            Some(number) => self.html.push_str(&format!("<li value=\"{number}\">")),
            None => self.tag("li"),
        }
        self.children(node);
        self.end("li");
    }

    /// A task; its first paragraph is the label of its box, so that a screen reader reads them as one.
    fn task(&mut self, node: Node<'_>, done: bool) {
        self.html.push_str("<li class=\"task\"><label><input type=\"checkbox\" disabled");
        self.html.push_str(if done { " checked> " } else { "> " });
        let mut children = node.children().peekable();
        if let Some(first) = children.next_if(|child| matches!(child.data().value, NodeValue::Paragraph)) {
            self.children(first);
        }
        self.end("label");
        children.for_each(|child| self.node(child));
        self.end("li");
    }

    fn code_block(&mut self, block: &NodeCodeBlock) {
        let info = self.masked.source(&block.info);
        let source = self.masked.source(&block.literal);
        let language = if block.fenced { code::language(&info) } else { None };
        let complete = self.finished || block.closed;
        if complete && language.as_deref() == Some("math") {
            self.tag("p");
            self.formula(source.trim(), true, source.trim());
            self.end("p");
            return;
        }
        self.html.push_str("<div class=\"code\"><div class=\"code-bar\">");
        // Korean words behind the fence (`예시`, `python 예제`) are shown as they are.
        let title: String = info.trim().chars().take(MAX_TITLE_CHARS).collect();
        let label = if block.fenced && title.contains(is_hangul) { Some(title) } else { language.clone() };
        if let Some(label) = label {
            self.html.push_str("<span class=\"code-lang\">");
            escape_into(&mut self.html, &label);
            self.html.push_str("</span>");
        }
        let class = language.as_ref().map_or(String::new(), |name| format!(" class=\"language-{name}\""));
        self.html.extend(["</div><pre tabindex=\"0\"><code", &class, ">"]);
        match language.filter(|_| complete).and_then(|name| code::highlight(&source, &name)) {
            Some(coloured) => self.html.push_str(&coloured),
            None => escape_into(&mut self.html, &source),
        }
        self.html.push_str("</code></pre></div>");
    }

    fn link(&mut self, node: Node<'_>, target: &NodeLink) {
        let mut url = self.masked.source(&target.url).into_owned();
        if link::lacks_scheme(&url) {
            url.insert_str(0, "https://");
        }
        let label = node.first_child().filter(|child| child.next_sibling().is_none());
        let bare =
            label.is_some_and(|child| matches!(&child.data().value, NodeValue::Text(text) if **text == *target.url));
        let Some(address) = link::allowed(&url).filter(|_| !self.in_link) else {
            // `[표 1](참고)`, `a[1](2)`: no address at all.
            let is_text = !url.is_empty() && !url.contains(['/', '.', '#', ':', '?', '\\']) && !self.in_link;
            self.html.push_str(if is_text { "[" } else { "" });
            self.children(node);
            if is_text {
                self.html.push_str("](");
                escape_into(&mut self.html, &url);
                self.html.push(')');
            }
            return;
        };
        self.html.push_str("<a href=\"");
        escape_into(&mut self.html, address);
        self.html.push_str("\">");
        self.in_link = true;
        self.children(node);
        if node.first_child().is_none() {
            escape_into(&mut self.html, address);
        }
        if !bare && let Some(host) = link::mismatched_host(&self.masked.source(&node.collect_text()), address) {
            self.html.push_str(" (");
            escape_into(&mut self.html, host);
            self.html.push(')');
        }
        self.in_link = false;
        self.end("a");
    }

    /// A bare address; inside a link, only its text.
    fn address(&mut self, address: &str, www: bool) {
        let url = if www { format!("https://{address}") } else { address.to_owned() };
        match link::allowed(&url).filter(|_| !self.in_link) {
            Some(url) => {
                self.html.push_str("<a href=\"");
                escape_into(&mut self.html, url);
                self.html.push_str("\">");
                escape_into(&mut self.html, address);
                self.end("a");
            }
            None => escape_into(&mut self.html, address),
        }
    }

    /// A link to the image, named by its description; inside a link, only the description.
    fn image(&mut self, node: Node<'_>, target: &NodeLink) {
        if node.first_child().is_some() {
            self.link(node, target);
        } else if let Some(address) = link::allowed(&self.masked.source(&target.url)).filter(|_| !self.in_link) {
            let mut shown = String::new();
            escape_into(&mut shown, address);
            self.html.extend(["<a href=\"", &shown, "\">", &shown, "</a>"]);
        }
    }

    /// A table in a box that scrolls sideways, reachable by keyboard and named by its column heads.
    fn table(&mut self, node: Node<'_>, table: &NodeTable) {
        let mut rows = node.children();
        let Some(head) = rows.next() else { return };
        let names: Vec<String> =
            head.children().map(|cell| self.masked.source(&cell.collect_text()).trim().to_owned()).collect();
        let named: Vec<&str> = names.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
        let name: String = named.join(", ").chars().take(100).collect();
        self.html.push_str("<div class=\"table-wrap\" tabindex=\"0\"");
        if name.contains(char::is_alphanumeric) {
            self.html.push_str(" role=\"group\" aria-label=\"");
            escape_into(&mut self.html, &name);
            self.html.push('"');
        }
        self.html.push_str("><table><thead>");
        self.row(head, table, "th");
        self.html.push_str("</thead>");
        let mut rows = rows.peekable();
        if rows.peek().is_some() {
            self.tag("tbody");
            rows.for_each(|row| self.row(row, table, "td"));
            self.end("tbody");
        }
        self.html.push_str("</table></div>");
    }

    fn row(&mut self, row: Node<'_>, table: &NodeTable, cell: &str) {
        self.tag("tr");
        for (content, alignment) in row.children().zip(&table.alignments) {
            // An empty head cell is a plain cell: a head must have a name.
            let tag = if content.first_child().is_none() { "td" } else { cell };
            self.html.extend(["<", tag]);
            self.html.push_str(if tag == "th" { " scope=\"col\"" } else { "" });
            self.html.push_str(match alignment {
                TableAlignment::Right => " class=\"align-right\">",
                TableAlignment::Center => " class=\"align-center\">",
                TableAlignment::Left | TableAlignment::None => ">",
            });
            self.children(content);
            self.end(tag);
        }
        self.end("tr");
    }
}

fn is_in_tight_list(paragraph: Node<'_>) -> bool {
    let list = paragraph.parent().and_then(|item| item.parent());
    list.is_some_and(|list| matches!(&list.data().value, NodeValue::List(list) if list.tight))
}
