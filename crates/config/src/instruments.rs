//! `[[instrument]]`: what is quoted or traded, how its quotes are believed, and what may be done with it.

use ::venue::spec::SymbolSpec as VenueSymbol;
use desk::spec::{Conversion, SymbolSpec};
use features::{Groups, HawkesSpec};
use market::{BeliefSpec, Currency, Instrument, MarginClass, Points, Severity, SymbolId};
use risk::SymbolLimits;

use crate::limits;
use crate::table::Table;
use crate::venue as paper;

/// One instrument with everything that hangs on it.
pub(crate) struct Read {
    pub(crate) symbol: SymbolSpec,
    pub(crate) limits: SymbolLimits,
    /// Absent for an instrument that is only listened to.
    pub(crate) venue: Option<VenueSymbol>,
}

/// Reads every instrument, in order.
pub(crate) fn instruments(root: &Table<'_>, currency: Currency) -> Vec<Read> {
    let tables = root.tables("instrument");
    let names: Vec<String> = tables.iter().map(|table| table.text("name").to_owned()).collect();
    if tables.is_empty() {
        root.fault("instrument", "is missing; at least one [[instrument]] is needed");
    }
    tables.iter().enumerate().map(|(place, table)| read(table, place, &names, currency)).collect()
}

fn read(table: &Table<'_>, place: usize, names: &[String], currency: Currency) -> Read {
    let instrument = instrument(table, place);
    if names.iter().take(place).any(|name| *name == instrument.name) {
        table.fault("name", format!("\"{}\" is the name of an instrument before", instrument.name));
    }
    let leader = table.has("leader").then(|| symbol(table, "leader", names)).flatten();
    let trades = table.choice("role", &[("trade", true), ("listen", false)]);
    let venue =
        trades.then(|| table.table("venue")).flatten().map(|table| paper::symbol(&table, &instrument, currency, names));
    let limits = trades
        .then(|| table.table("limits"))
        .flatten()
        .map_or_else(limits::listened, |table| limits::symbol(&table, &instrument, currency));
    let belief = table.table("belief").map_or(UNREAD, |table| belief(&table));
    let conversion = venue.as_ref().map_or(Conversion::Same, |venue| conversion(venue.conversion));
    let features = features(table, &instrument);
    Read { symbol: SymbolSpec { instrument, belief, features, leader, conversion }, limits, venue }
}

/// What stands where a table is missing; never used, because the fault ends the reading.
const UNREAD: BeliefSpec = BeliefSpec {
    crossed: Severity::Reject,
    locked: Severity::Reject,
    backwards: Severity::Reject,
    duplicate: Severity::Reject,
    gap: market::Span(0),
    outlier: Severity::Reject,
    outlier_ppm: 0,
    outlier_confirmations: 0,
    stale: Severity::Reject,
    stale_age: market::Span(0),
};

fn instrument(table: &Table<'_>, place: usize) -> Instrument {
    let digits = table.whole("digits", 0, 10) as u8;
    let volume_digits = table.whole("volume_digits", 0, 8) as u8;
    let rough = Instrument {
        symbol: SymbolId(place as u16),
        name: table.text("name").to_owned(),
        digits,
        tick_size: Points(table.whole("tick_size", 1, 1_000_000)),
        pip: Points(table.whole("pip", 1, 1_000_000)),
        volume_digits,
        lot_step: market::Lots(1),
        lot_min: market::Lots(1),
        lot_max: market::Lots(1),
        contract_size: table.whole("contract_size", 1, 1_000_000_000),
        base: table.currency("base"),
        quote: table.currency("quote"),
        stop_level: Points(0),
        freeze_level: Points(0),
        margin_class: table.choice("margin_class", &CLASSES),
    };
    Instrument {
        lot_step: table.lots("lot_step", &rough),
        lot_min: table.lots("lot_min", &rough),
        lot_max: table.lots("lot_max", &rough),
        stop_level: table.points("stop_level", &rough),
        freeze_level: table.points("freeze_level", &rough),
        ..rough
    }
}

const CLASSES: [(&str, MarginClass); 5] = [
    ("major_pair", MarginClass::MajorPair),
    ("minor_pair_gold_index", MarginClass::MinorPairGoldIndex),
    ("commodity", MarginClass::Commodity),
    ("share", MarginClass::Share),
    ("crypto", MarginClass::Crypto),
];

fn belief(table: &Table<'_>) -> BeliefSpec {
    let severity = |key| table.choice(key, &[("reject", Severity::Reject), ("flag", Severity::Flag)]);
    BeliefSpec {
        crossed: severity("crossed"),
        locked: severity("locked"),
        backwards: severity("backwards"),
        duplicate: severity("duplicate"),
        gap: table.span("gap"),
        outlier: severity("outlier"),
        outlier_ppm: (table.share("outlier_jump") * 1e6 + 0.5) as i64,
        outlier_confirmations: table.whole("outlier_confirmations", 0, 255) as u8,
        stale: severity("stale"),
        stale_age: table.span("stale_age"),
    }
}

fn features(table: &Table<'_>, instrument: &Instrument) -> features::Spec {
    let groups = table.choice("features", &[("all", Groups::ALL), ("none", Groups::NONE)]);
    features::Spec {
        groups,
        pip: instrument.pip,
        widening: table.number("spread_widening", 1.0, 1_000.0),
        leader_stale: table.span("leader_stale"),
        // How moves excite moves: the shape is a constant of the agents that read it, not of the market.
        hawkes: HawkesSpec { decay_per_second: 0.5, self_excitation: 0.5, cross_excitation: 0.2 },
    }
}

/// The place of the instrument that a key names.
pub(crate) fn symbol(table: &Table<'_>, key: &'static str, names: &[String]) -> Option<SymbolId> {
    let name = table.text(key);
    let place = names.iter().position(|known| known == name);
    if place.is_none() {
        table.fault(key, format!("\"{name}\" is not an instrument of this file"));
    }
    place.map(|place| SymbolId(place as u16))
}

/// The places of the instruments that a list names.
pub(crate) fn symbols(table: &Table<'_>, key: &'static str, names: &[String]) -> Vec<SymbolId> {
    let listed = table.texts(key);
    if listed.is_empty() {
        table.fault(key, "names no instrument");
    }
    let place = |name: &str| {
        let place = names.iter().position(|known| known == name);
        if place.is_none() {
            table.fault(key, format!("\"{name}\" is not an instrument of this file"));
        }
        place.map(|place| SymbolId(place as u16))
    };
    listed.into_iter().filter_map(place).collect()
}

/// The desk's words for the venue's conversion.
const fn conversion(conversion: ::venue::spec::Conversion) -> Conversion {
    match conversion {
        ::venue::spec::Conversion::Same => Conversion::Same,
        ::venue::spec::Conversion::ByOwnMid => Conversion::OwnMid,
        ::venue::spec::Conversion::Fixed { numerator, denominator } => Conversion::Fixed { numerator, denominator },
        ::venue::spec::Conversion::TimesMid(symbol) => Conversion::Times(symbol),
        ::venue::spec::Conversion::OverMid(symbol) => Conversion::Over(symbol),
    }
}
