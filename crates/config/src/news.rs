//! `[news]`: what follows from events and sentiments that are noticed. The whole table is optional.

use desk::{Around, NewsRules};
use ensemble::NewsSpec;
use market::Span;

use crate::table::Table;

/// Minutes around what moves markets much, and somewhat (signals.md 4.1); a fresh item of full score moves log-odds by
/// two tenths, and is over at a twentieth.
const DEFAULT: (NewsRules, NewsSpec) = (
    NewsRules {
        high: Around { before: Span::from_secs(5 * 60), after: Span::from_secs(15 * 60) },
        medium: Around { before: Span::from_secs(2 * 60), after: Span::from_secs(5 * 60) },
    },
    NewsSpec { weight: 0.2, floor: 0.05 },
);

pub(crate) fn news(root: &Table<'_>) -> (NewsRules, NewsSpec) {
    let table = if root.has("news") { root.table("news") } else { None };
    let Some(table) = table else { return DEFAULT };
    let around = |key| {
        let inner: Option<Table<'_>> = table.table(key);
        inner.map_or(DEFAULT.0.high, |inner| Around { before: inner.span("before"), after: inner.span("after") })
    };
    let rules = NewsRules { high: around("high"), medium: around("medium") };
    (rules, NewsSpec { weight: table.number("weight", 0.0, 10.0), floor: table.number("floor", 0.0, 1.0) })
}
