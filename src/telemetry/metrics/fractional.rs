//! Counters whose unit needs fractions.

use metrics::{Key, Label};
use metrics_exporter_prometheus::{LabelSet, formatting};

/// A counter with a unit that needs fractions. Counters of the metrics library are integers, so its exporter formats this
/// one from the outside.
#[derive(Debug, Clone, PartialEq)]
pub struct FractionalCounter {
    /// The metric's name.
    pub name: &'static str,
    /// Its description.
    pub help: &'static str,
    /// Each series: its labels and value.
    pub series: Vec<(Vec<Label>, f64)>,
}

impl FractionalCounter {
    /// Appends the counter to `page` in Prometheus' text format; nothing if it has no series.
    pub(super) fn write(self, page: &mut String) {
        let Self { name, help, series } = self;
        if series.is_empty() {
            return;
        }
        formatting::write_help_line(page, name, None, None, help);
        formatting::write_type_line(page, name, None, None, "counter");
        for (labels, value) in series {
            let labels = LabelSet::from_key_and_global(&Key::from_parts(name, labels), &Default::default());
            formatting::write_metric_line::<&str, f64>(page, name, None, &labels, None, value, None);
        }
        page.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_counted_and_labels_escaped() {
        let mut page = String::new();
        let series = vec![(vec![Label::new("model", "a\\b\"c\nd")], 0.000_001_5), (Vec::new(), 2.0)];
        FractionalCounter { name: "x_total", help: "Help", series }.write(&mut page);
        let wanted =
            "# HELP x_total Help\n# TYPE x_total counter\nx_total{model=\"a\\\\b\\\"c\\nd\"} 0.0000015\nx_total 2\n\n";
        assert_eq!(page, wanted);
        FractionalCounter { name: "y_total", help: "Help", series: Vec::new() }.write(&mut page);
        assert_eq!(page, wanted);
    }
}
