//! Lines of text, and numbers with their units.

use desk::spec::Decide;
use desk::{Desk, Explanation};
use ensemble::Council;
use market::{Instrument, Lots, Money, Points, Price, Side, Span, SymbolId};
use orders::OrderId;

/// The longest line that is wrapped.
const WIDTH: usize = 118;

/// How a limit that can never be reached is told.
pub(crate) const NO_LIMIT: &str = "no limit";

/// A text that is being written.
pub(crate) struct Page {
    text: String,
}

impl Page {
    pub(crate) const fn new() -> Self {
        Self { text: String::new() }
    }

    pub(crate) fn text(self) -> String {
        self.text
    }

    pub(crate) fn line(&mut self, line: impl AsRef<str>) {
        self.text.push_str(line.as_ref().trim_end());
        self.text.push('\n');
    }

    /// A text broken between words; later lines are indented by two more.
    pub(crate) fn wrapped(&mut self, indent: usize, text: &str) {
        self.listed(indent, indent + 2, text.split(' '));
    }

    /// Words broken into lines, the first indented by `first`, the others by `rest`.
    pub(crate) fn listed<'a>(&mut self, first: usize, rest: usize, words: impl Iterator<Item = &'a str>) {
        let mut line = " ".repeat(first);
        let mut empty = true;
        for word in words {
            if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
                self.line(&line);
                line = " ".repeat(rest);
                empty = true;
            }
            if !empty {
                line.push(' ');
            }
            line.push_str(word);
            empty = false;
        }
        self.line(&line);
    }
}

/// A symbol's grid and the account's currency, in which figures are told.
pub(crate) struct Book<'a> {
    pub(crate) desk: &'a Desk,
    pub(crate) instrument: &'a Instrument,
    pub(crate) symbol: SymbolId,
}

impl<'a> Book<'a> {
    /// The book of a symbol; `None` when the configuration does not have it.
    pub(crate) fn of(desk: &'a Desk, symbol: SymbolId) -> Option<Self> {
        let spec = desk.spec().symbols.get(usize::from(symbol.0))?;
        Some(Self { desk, instrument: &spec.instrument, symbol })
    }

    /// The council that a strategy asks on this symbol.
    pub(crate) fn council(&self, explanation: &Explanation) -> Option<&'a Council> {
        let spec = self.desk.spec();
        let Decide::Ensemble { class, .. } = &spec.strategies.get(usize::from(explanation.strategy.0))?.decide else {
            return None;
        };
        let place = spec.classes.iter().position(|it| it.name == *class && it.symbol == explanation.symbol)?;
        self.desk.councils().get(place)
    }

    pub(crate) fn price(&self, price: Price) -> String {
        self.instrument.show(price)
    }

    pub(crate) fn price_or_none(&self, price: Option<Price>) -> String {
        price.map_or_else(|| "none".into(), |price| self.price(price))
    }

    pub(crate) fn lots(&self, lots: Lots) -> String {
        if lots == Lots(i64::MAX) { NO_LIMIT.into() } else { format!("{} lots", self.instrument.show_lots(lots)) }
    }

    pub(crate) fn points(&self, points: Points) -> String {
        format!("{} points ({:.1} pips)", points.0, self.instrument.pips(points.as_f64()))
    }

    /// A distance that need not be whole points.
    pub(crate) fn distance(&self, points: f64) -> String {
        format!("{points:.4} points ({:.2} pips)", self.instrument.pips(points))
    }

    pub(crate) fn money(&self, money: Money) -> String {
        if money == Money::MAX { NO_LIMIT.into() } else { format!("{money} {}", self.desk.spec().currency) }
    }

    /// What a distance is worth on one lot, in the account's currency; `None` when there is no rate yet.
    pub(crate) fn worth(&self, points: f64) -> Option<f64> {
        let lot = market::instrument::decimal("1", self.instrument.volume_digits).ok()?;
        let point = self.instrument.value(Points(1), Lots(lot))?;
        Some(points * self.desk.rate(self.symbol)?.convert(point)?.as_f64())
    }
}

/// A length of time in the largest unit that leaves it whole.
pub(crate) fn span(span: Span) -> String {
    let units =
        [(Span::DAY.0, "d"), (Span::HOUR.0, "h"), (Span::MINUTE.0, "min"), (Span::SECOND.0, "s"), (1_000_000, "ms")];
    let unit = units.iter().find(|(length, _)| span.0 != 0 && span.0 % length == 0);
    match unit {
        Some((length, name)) => format!("{} {name}", span.0 / length),
        None if span.0 == 0 => "0 s".into(),
        None => format!("{} s", span.as_secs()),
    }
}

/// Our number of a request: run and number within it.
pub(crate) fn order_id(id: OrderId) -> String {
    format!("{}-{}", id.0 >> 48, id.0 & 0xFFFF_FFFF_FFFF)
}

/// A count with its noun.
pub(crate) fn count(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// An upper limit, which may be none.
pub(crate) fn at_most(limit: &str) -> String {
    if limit == NO_LIMIT { NO_LIMIT.into() } else { format!("at most {limit}") }
}

pub(crate) const fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}
