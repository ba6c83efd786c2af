//! The features, by group.

use features::{Feature, Frame, Groups};

use super::page::{Book, Page};

const GROUPS: [(Groups, &str); 8] = [
    (Groups::FLOW, "flow"),
    (Groups::MOMENTUM, "momentum"),
    (Groups::VOLATILITY, "volatility"),
    (Groups::SPREAD, "spread"),
    (Groups::HAWKES, "intensity"),
    (Groups::TIME, "time"),
    (Groups::LEAD, "lead"),
    (Groups::RANGE, "range"),
];

/// The longest cell: name, value and unit of the widest feature.
const CELL: usize = 52;

pub(super) fn seen(page: &mut Page, frame: &Frame, book: &Book<'_>) {
    let ready = Feature::ALL.iter().filter(|feature| frame.is_ready(**feature)).count();
    let pip = book.instrument.pip.0;
    page.line("");
    page.line(format!("What was seen: {ready} of {} features are ready ({pip} points are a pip)", Feature::COUNT));
    for (group, name) in GROUPS {
        let members = Feature::ALL.iter().filter(|feature| feature.group() == group);
        let cells: Vec<String> = members.filter_map(|feature| Some(cell(*feature, frame.get(*feature)?))).collect();
        for (nth, pair) in cells.chunks(2).enumerate() {
            let head = if nth == 0 { name } else { "" };
            let (left, right) = (&pair[0], pair.get(1).map_or("", String::as_str));
            page.line(format!("  {head:10} {left:CELL$} {right}"));
        }
    }
    let missing: Vec<&str> =
        Feature::ALL.iter().filter(|feature| !frame.is_ready(**feature)).map(|feature| feature.name()).collect();
    if !missing.is_empty() {
        page.listed(2, 13, std::iter::once("not ready:").chain(missing));
    }
}

fn cell(feature: Feature, value: f64) -> String {
    // A level of four digits needs no decimals to be told apart, a ratio does.
    let shown = if value.abs() >= 1_000.0 { format!("{value:.1}") } else { format!("{value:.4}") };
    format!("{:20} {shown:>10} {}", feature.name(), feature.unit())
}
