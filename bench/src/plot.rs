//! Plots with logarithmic axes, as SVG.

use std::fmt::Write;

use crate::report::digits;

const WIDTH: f64 = 340.0;
const HEIGHT: f64 = 250.0;
const LEFT: f64 = 64.0;
const TOP: f64 = 40.0;
const RIGHT: f64 = 14.0;
const BOTTOM: f64 = 44.0;

/// One plot: what is measured against what.
pub struct Panel<'a> {
    /// What is measured.
    pub title: String,
    /// Against what.
    pub x: &'a str,
    /// The points, each above 0.
    pub points: Vec<(f64, f64)>,
}

/// Panels side by side.
pub fn svg(panels: &[Panel<'_>]) -> String {
    let width = WIDTH * panels.len() as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {HEIGHT}\" width=\"{width}\" \
         font-family=\"sans-serif\" font-size=\"11\" fill=\"#333\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    for (number, panel) in panels.iter().enumerate() {
        let _ = writeln!(svg, "<g transform=\"translate({} 0)\">", WIDTH * number as f64);
        panel.draw(&mut svg);
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    svg
}

impl Panel<'_> {
    fn draw(&self, svg: &mut String) {
        let xs = decades(self.points.iter().map(|point| point.0));
        let ys = decades(self.points.iter().map(|point| point.1));
        let right = WIDTH - RIGHT;
        let bottom = HEIGHT - BOTTOM;
        let at_x = |x: f64| LEFT + (x.log10() - f64::from(xs.0)) / f64::from(xs.1 - xs.0) * (right - LEFT);
        let at_y = |y: f64| bottom - (y.log10() - f64::from(ys.0)) / f64::from(ys.1 - ys.0) * (bottom - TOP);
        let _ = writeln!(svg, "<text x=\"{LEFT}\" y=\"20\" font-weight=\"bold\">{}</text>", self.title);
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            f64::midpoint(LEFT, right),
            HEIGHT - 8.0,
            self.x
        );
        for decade in xs.0..=xs.1 {
            let (value, x) = (10_f64.powi(decade), at_x(10_f64.powi(decade)));
            let _ = writeln!(svg, "<path d=\"M{x:.1} {TOP}V{bottom}\" stroke=\"#ddd\"/>");
            let y = bottom + 16.0;
            let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\">{}</text>", label(value));
        }
        for decade in ys.0..=ys.1 {
            let (value, y) = (10_f64.powi(decade), at_y(10_f64.powi(decade)));
            let _ = writeln!(svg, "<path d=\"M{LEFT} {y:.1}H{right}\" stroke=\"#ddd\"/>");
            let (x, y) = (LEFT - 6.0, y + 4.0);
            let _ = writeln!(svg, "<text x=\"{x}\" y=\"{y:.1}\" text-anchor=\"end\">{}</text>", label(value));
        }
        let line: Vec<String> = self.points.iter().map(|&(x, y)| format!("{:.1},{:.1}", at_x(x), at_y(y))).collect();
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"#2563a8\" stroke-width=\"2\"/>",
            line.join(" ")
        );
        for &(x, y) in &self.points {
            let _ = writeln!(
                svg,
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3.5\" fill=\"#2563a8\"><title>{}: {}</title></circle>",
                at_x(x),
                at_y(y),
                label(x),
                digits(y)
            );
        }
    }
}

/// The powers of ten around some values, at least one apart.
fn decades(values: impl Iterator<Item = f64> + Clone) -> (i32, i32) {
    let low = values.clone().fold(f64::INFINITY, f64::min).log10().floor() as i32;
    let high = values.fold(f64::NEG_INFINITY, f64::max).log10().ceil() as i32;
    (low, high.max(low + 1))
}

fn label(value: f64) -> String {
    if value >= 1.0 { format!("{value:.0}") } else { format!("{value}") }
}
