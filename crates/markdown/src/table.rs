//! Tables as models write them, made such that the Markdown parser reads them as tables.
//!
//! GitHub's rules want as many columns in the line of dashes as in the head, drop the cells that a row has beyond them,
//! and take a line of text below a table for a row. Here the head and the line of dashes get the columns that are
//! missing, and a line without bars ends the table.

use super::markers;

/// Follows the lines of a masked text.
#[derive(Debug, Default)]
pub(super) struct Tables {
    table: Option<Table>,
}

#[derive(Debug)]
struct Table {
    /// Cells of the head.
    head: Row,
    /// The line of dashes, once it has come.
    dashes: Option<Row>,
    /// Cells of the longest line.
    columns: usize,
    /// Nothing but white space stands before the bars.
    at_top: bool,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    cells: usize,
    /// Where the line's content ends in the text.
    end: usize,
    /// A bar stands at the end.
    closed: bool,
}

impl Tables {
    /// Reads the line of `text` from `start` on that was just masked; its content begins at `content`. Returns whether an
    /// empty line was inserted before it.
    pub(super) fn line(&mut self, text: &mut String, start: usize, content: usize) -> bool {
        let line = text[content..].trim_end();
        if line.contains('\n') || line.is_empty() {
            self.end(text);
            return false;
        }
        if !line.starts_with('|') {
            let ends = self.table.take_if(|table| table.dashes.is_some() && table.at_top && !line.contains('|'));
            let is_text = text[start..content].bytes().all(|b| matches!(b, b' ' | b'\t'));
            let mut is_inserted = false;
            if let Some(table) = ends
                && is_text
            {
                text.insert(start, '\n');
                self.table = Some(table);
                is_inserted = true;
            }
            self.end(text);
            return is_inserted;
        }
        let row = Row { cells: cells(line), end: content + line.len(), closed: line.len() > 1 && ends_with_bar(line) };
        match &mut self.table {
            Some(table) if table.dashes.is_some() => table.columns = table.columns.max(row.cells),
            Some(table) if is_dashes(line) => {
                table.columns = table.columns.max(row.cells);
                table.dashes = Some(row);
            }
            _ => {
                let at_top = text[start..content].bytes().all(|b| matches!(b, b' ' | b'\t'));
                self.table = Some(Table { head: row, dashes: None, columns: row.cells, at_top });
            }
        }
        false
    }

    /// Ends the table that is open: its head and its dashes get the columns that they lack.
    pub(super) fn end(&mut self, text: &mut String) {
        let Some(Table { head, dashes: Some(dashes), columns, .. }) = self.table.take() else { return };
        for (row, cell) in [(dashes, "---|"), (head, " |")] {
            if row.cells < columns {
                let bar = if row.closed { "" } else { "|" };
                text.insert_str(row.end, &format!("{bar}{}", cell.repeat(columns - row.cells)));
            }
        }
    }
}

/// Cells of a line that begins with a bar.
fn cells(line: &str) -> usize {
    let bytes = line.as_bytes();
    let bars = bytes.iter().enumerate().filter(|&(at, &b)| b == b'|' && (at == 0 || bytes[at - 1] != b'\\')).count();
    if line.len() > 1 && ends_with_bar(line) { bars - 1 } else { bars }
}

fn ends_with_bar(line: &str) -> bool {
    line.ends_with('|') && !line.ends_with("\\|")
}

/// Whether a line is that between a table's head and its rows.
fn is_dashes(line: &str) -> bool {
    let cells = line.trim_matches(['|', ' ', '\t']).split('|');
    line.starts_with('|') && cells.map(str::trim).all(is_dash_cell)
}

fn is_dash_cell(cell: &str) -> bool {
    let dashes = cell.strip_prefix(':').unwrap_or(cell);
    let dashes = dashes.strip_suffix(':').unwrap_or(dashes);
    !dashes.is_empty() && dashes.bytes().all(|b| b == b'-')
}

/// Whether a line of one or two dashes, or of dashes and colons, would make the line above it the head of a table.
pub(super) fn is_lone_dashes(content: &str) -> bool {
    let content = content.trim_end();
    is_dash_cell(content) && !markers::is_rule(content)
}
