//! Small charts as inline SVG: no script, no font, no colour but the page's own.

use std::fmt::Write as _;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 62.0;
const BOTTOM: f64 = 24.0;
const TOP: f64 = 10.0;
const RIGHT: f64 = 10.0;

/// A linear scale from data to pixels.
#[derive(Clone, Copy)]
struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Scale {
    fn new(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Self {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.filter(|v| v.is_finite()) {
            low = low.min(value);
            high = high.max(value);
        }
        if low > high {
            (low, high) = (0.0, 1.0);
        }
        if high - low < 1e-12 {
            (low, high) = (low - 0.5, high + 0.5);
        }
        Self { low, high, from, to }
    }

    fn at(self, value: f64) -> f64 {
        self.from + (value - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    /// About four round values within the scale.
    fn ticks(self) -> Vec<f64> {
        let rough = (self.high - self.low) / 4.0;
        let power = market::math::pow(10.0, (market::math::ln(rough) / std::f64::consts::LN_10).floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|s| *s >= rough).unwrap_or(rough);
        let first = (self.low / step).ceil() * step;
        (0..8).map(|i| first + f64::from(i) * step).take_while(|v| *v <= self.high + step * 1e-9).collect()
    }
}

fn label(value: f64) -> String {
    let text = if value.abs() >= 1_000.0 { format!("{value:.0}") } else { format!("{value:.2}") };
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn open(title: &str) -> String {
    format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">", escaped(title))
}

fn grid(out: &mut String, y: Scale) {
    for tick in y.ticks() {
        let at = y.at(tick);
        let _ = write!(
            out,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/><text class=\"axis\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            at + 4.0,
            label(tick)
        );
    }
}

fn caption(out: &mut String, at: f64, anchor: &str, text: &str) {
    let _ = write!(
        out,
        "<text class=\"axis\" x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>",
        HEIGHT - 6.0,
        escaped(text)
    );
}

/// Text that may stand in HTML and in attributes.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A line through points, with captions under its ends; `fill` shades it down to zero.
pub(crate) fn line(title: &str, points: &[(f64, f64)], ends: (&str, &str), fill: bool) -> String {
    let mut out = open(title);
    let x = Scale::new(points.iter().map(|p| p.0), LEFT, WIDTH - RIGHT);
    let zero = fill.then_some(0.0);
    let y = Scale::new(points.iter().map(|p| p.1).chain(zero), HEIGHT - BOTTOM, TOP);
    grid(&mut out, y);
    let path: Vec<String> = points.iter().map(|p| format!("{:.1},{:.1}", x.at(p.0), y.at(p.1))).collect();
    if fill && !points.is_empty() {
        let base = y.at(0.0);
        let (first, last) = (x.at(points[0].0), x.at(points[points.len() - 1].0));
        let _ = write!(
            out,
            "<polygon class=\"area\" points=\"{first:.1},{base:.1} {} {last:.1},{base:.1}\"/>",
            path.join(" ")
        );
    }
    let _ = write!(out, "<polyline class=\"line\" points=\"{}\"/>", path.join(" "));
    caption(&mut out, LEFT, "start", ends.0);
    caption(&mut out, WIDTH - RIGHT, "end", ends.1);
    out + "</svg>"
}

/// Bars, one for each name; below zero they hang.
pub(crate) fn bars(title: &str, values: &[(String, f64)]) -> String {
    let mut out = open(title);
    let y = Scale::new(values.iter().map(|v| v.1).chain([0.0]), HEIGHT - BOTTOM, TOP);
    grid(&mut out, y);
    let step = (WIDTH - LEFT - RIGHT) / values.len().max(1) as f64;
    for (place, (name, value)) in values.iter().enumerate() {
        let left = LEFT + step * place as f64;
        let (top, bottom) = (y.at(value.max(0.0)), y.at(value.min(0.0)));
        let class = if *value < 0.0 { "bar down" } else { "bar up" };
        let _ = write!(
            out,
            "<rect class=\"{class}\" x=\"{:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\"><title>{}: {}</title></rect>",
            left + step * 0.1,
            step * 0.8,
            (bottom - top).max(0.5),
            escaped(name),
            label(*value)
        );
        let every = (values.len() / 12).max(1);
        if place % every == 0 {
            caption(&mut out, left + step / 2.0, "middle", name);
        }
    }
    out + "</svg>"
}

/// A histogram of values, with a marked value.
pub(crate) fn histogram(title: &str, values: &[f64], mark: Option<(f64, &str)>) -> String {
    const BINS: usize = 40;
    let mut out = open(title);
    let x = Scale::new(values.iter().copied().chain(mark.map(|m| m.0)), LEFT, WIDTH - RIGHT);
    let mut bins = [0.0_f64; BINS];
    for value in values {
        let place = (value - x.low) / (x.high - x.low) * BINS as f64;
        bins[(place as usize).min(BINS - 1)] += 1.0;
    }
    let y = Scale::new(bins.iter().copied().chain([0.0]), HEIGHT - BOTTOM, TOP);
    grid(&mut out, y);
    let width = (WIDTH - LEFT - RIGHT) / BINS as f64;
    for (place, count) in bins.iter().enumerate().filter(|(_, count)| **count > 0.0) {
        let top = y.at(*count);
        let _ = write!(
            out,
            "<rect class=\"bar neutral\" x=\"{:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
            LEFT + width * place as f64,
            width * 0.9,
            HEIGHT - BOTTOM - top
        );
    }
    if let Some((value, name)) = mark {
        let at = x.at(value);
        let anchor = if at > WIDTH / 2.0 { "end" } else { "start" };
        let _ = write!(
            out,
            "<line class=\"mark\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{TOP}\" y2=\"{}\"/><text class=\"axis strong\" x=\"{:.1}\" y=\"{}\" text-anchor=\"{anchor}\">{}</text>",
            HEIGHT - BOTTOM,
            if anchor == "end" { at - 6.0 } else { at + 6.0 },
            TOP + 10.0,
            escaped(name)
        );
    }
    for tick in x.ticks() {
        caption(&mut out, x.at(tick), "middle", &label(tick));
    }
    out + "</svg>"
}

/// Points, each won (`true`) or lost, with the names of the axes.
pub(crate) fn scatter(title: &str, points: &[(f64, f64, bool)], x_name: &str) -> String {
    let mut out = open(title);
    let x = Scale::new(points.iter().map(|p| p.0), LEFT, WIDTH - RIGHT);
    let y = Scale::new(points.iter().map(|p| p.1), HEIGHT - BOTTOM, TOP);
    grid(&mut out, y);
    for (a, b, won) in points {
        let class = if *won { "dot up" } else { "dot down" };
        let _ = write!(out, "<circle class=\"{class}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"2.6\"/>", x.at(*a), y.at(*b));
    }
    caption(&mut out, LEFT, "start", &label(x.low));
    caption(&mut out, LEFT.midpoint(WIDTH), "middle", x_name);
    caption(&mut out, WIDTH - RIGHT, "end", &label(x.high));
    out + "</svg>"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_input_draws_without_not_a_number() {
        for chart in [
            line("a", &[], ("", ""), true),
            line("a", &[(1.0, 1.0)], ("x", "y"), true),
            bars("b", &[]),
            bars("b", &[("x".into(), 0.0)]),
            histogram("c", &[], None),
            histogram("c", &[2.0; 9], Some((2.0, "us"))),
            scatter("d", &[], "x"),
        ] {
            assert!(chart.ends_with("</svg>") && !chart.contains("NaN") && !chart.contains("inf"), "{chart}");
        }
    }

    #[test]
    fn names_cannot_break_out() {
        assert!(!bars("b", &[("<script>\"".into(), 1.0)]).contains("<script>"));
    }
}
