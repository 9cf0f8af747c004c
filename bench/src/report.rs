//! The figures as one Markdown table and one JSON document.

use std::fmt::Write;

use serde::Serialize;
use serde_json::{Value, json};

/// All figures of a run.
#[derive(Default)]
pub struct Report {
    rows: Vec<Row>,
    /// Where and how it was measured.
    machine: Vec<(&'static str, String)>,
}

/// One figure of this program, beside those of others.
#[derive(Debug, Serialize)]
pub struct Row {
    /// What was measured.
    figure: String,
    /// This program's.
    ours: String,
    /// What it's compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    other: Option<String>,
    /// How many times better this program is, or as the figure says.
    #[serde(skip_serializing_if = "Option::is_none")]
    ratio: Option<String>,
    /// What is wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    /// Whether the target is met.
    #[serde(skip_serializing_if = "Option::is_none")]
    met: Option<bool>,
    /// How busy the machine was, or why there is no figure.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    /// The numbers behind it.
    #[serde(skip_serializing_if = "Value::is_null")]
    values: Value,
}

impl Row {
    /// A figure.
    pub fn new(figure: impl Into<String>, ours: impl Into<String>) -> Self {
        Self {
            figure: figure.into(),
            ours: ours.into(),
            other: None,
            ratio: None,
            target: None,
            met: None,
            note: None,
            values: Value::Null,
        }
    }

    /// A figure that this machine can't give.
    pub fn impossible(figure: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(figure, "not possible here").note(why)
    }

    /// Beside what it stands.
    pub fn other(mut self, other: impl Into<String>) -> Self {
        self.other = Some(other.into());
        self
    }

    /// How it compares.
    pub fn ratio(mut self, ratio: impl Into<String>) -> Self {
        self.ratio = Some(ratio.into());
        self
    }

    /// What is wanted, and whether it is so.
    pub fn target(mut self, target: impl Into<String>, met: bool) -> Self {
        self.target = Some(target.into());
        self.met = Some(met);
        self
    }

    /// What a reader has to know.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// The numbers behind it, for the JSON document.
    pub fn values(mut self, values: Value) -> Self {
        self.values = values;
        self
    }
}

impl Report {
    /// Says where or how it was measured.
    pub fn describe(&mut self, name: &'static str, value: impl Into<String>) {
        self.machine.push((name, value.into()));
    }

    /// Adds a figure, and prints it so that a reader sees how far the run is.
    pub fn add(&mut self, row: Row) {
        eprintln!("{}", line(&row));
        self.rows.push(row);
    }

    /// All figures as Markdown.
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        for (name, value) in &self.machine {
            let _ = writeln!(text, "- {name}: {value}");
        }
        text.push_str("\n| figure | this program | beside | ratio | wanted | met | note |\n");
        text.push_str("| --- | --- | --- | --- | --- | --- | --- |\n");
        for row in &self.rows {
            text.push_str(&line(row));
            text.push('\n');
        }
        text
    }

    /// All figures as JSON.
    pub fn json(&self) -> Value {
        let machine: serde_json::Map<String, Value> =
            self.machine.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        json!({ "machine": machine, "rows": self.rows })
    }
}

fn line(row: &Row) -> String {
    let cell = |text: &Option<String>| text.clone().unwrap_or_default();
    let met = match row.met {
        Some(true) => "yes",
        Some(false) => "no",
        None => "",
    };
    format!(
        "| {} | {} | {} | {} | {} | {met} | {} |",
        row.figure,
        row.ours,
        cell(&row.other),
        cell(&row.ratio),
        cell(&row.target),
        cell(&row.note)
    )
}

/// Milliseconds with as many digits as mean something.
pub fn ms(millis: f64) -> String {
    format!("{} ms", digits(millis))
}

/// Microseconds of processor time as milliseconds.
pub fn cpu(micros: f64) -> String {
    ms(micros / 1000.0)
}

/// Bytes as MB, which are a million.
pub fn mb(bytes: f64) -> String {
    format!("{} MB", digits(bytes / 1e6))
}

/// Bytes as KiB.
pub fn kib(bytes: f64) -> String {
    format!("{} KiB", digits(bytes / 1024.0))
}

/// Three digits at most, and none behind the point from 100 on.
pub fn digits(number: f64) -> String {
    let places = match number.abs() {
        big if big >= 100.0 => 0,
        middle if middle >= 10.0 => 1,
        _ => 2,
    };
    format!("{number:.places$}")
}
