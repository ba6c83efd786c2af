//! `[venue]` and the venue's part of each instrument: how the paper venue behaves.

use ::venue::calendar::{Session, Window, Zone};
use ::venue::spec::{
    Capacity, Commission, Conversion, Crossed, Execution, HedgedMargin, Latency, Leverage, Margin, Marketable,
    PaperSpec, PartialClose, PartialFills, Positions, Queue, Rejects, Slippage, Swap, SymbolSpec, TypicalSpread,
};
use market::{Currency, Instrument, Points, Span};

use crate::table::Table;

/// What `[account]` says, as far as the venue needs it.
pub(crate) struct Account {
    pub(crate) currency: Currency,
    pub(crate) balance: market::Money,
    pub(crate) positions: Positions,
    pub(crate) day_start: Span,
}

/// The whole venue, without its symbols.
pub(crate) fn paper(table: &Table<'_>, account: &Account, seed: u64, symbols: Vec<SymbolSpec>) -> PaperSpec {
    let point = Points(1);
    let through = symbols.first().map_or(point, |symbol| table.points("trade_through", &symbol.instrument));
    PaperSpec {
        seed,
        currency: account.currency,
        balance: account.balance,
        positions: account.positions,
        partial_close: table.choice(
            "partial_close",
            &[("new_ticket", PartialClose::NewTicket), ("same_ticket", PartialClose::SameTicket)],
        ),
        execution: table.choice("execution", &[("instant", Execution::Instant), ("market", Execution::Market)]),
        marketable: table.choice("marketable_limits", &[("refuse", Marketable::Refuse), ("take", Marketable::Take)]),
        latency_to_venue: latency(table, "latency_to_venue"),
        latency_to_us: latency(table, "latency_to_us"),
        rejects: rejects(table),
        partial_fills: partial_fills(table),
        crossed: table.choice("crossed", &[("worsen", Crossed::Worsen), ("refuse", Crossed::Refuse)]),
        typical_spread: typical_spread(table),
        queue: table.choice("queue", &[("trade_through", Queue::TradeThroughOnly), ("risk_averse", Queue::RiskAverse)]),
        through,
        margin: margin(table),
        capacity: Capacity { in_flight: 512, positions: 512, resting: 512, answers: 4_096, whys: 4_096 },
        symbols,
    }
}

fn typical_spread(table: &Table<'_>) -> TypicalSpread {
    let ticks = table.whole("typical_spread_ticks", 2, 1 << 20);
    if ticks & (ticks - 1) != 0 {
        table.fault("typical_spread_ticks", format!("{ticks} is not a power of two"));
    }
    TypicalSpread::Ewma { shift: ticks.trailing_zeros().clamp(1, 20) as u8 }
}

fn latency(table: &Table<'_>, key: &'static str) -> Latency {
    let Some(table) = table.table(key) else { return Latency::Fixed(Span(0)) };
    if table.has("fixed") {
        Latency::Fixed(table.span("fixed"))
    } else if table.has("median") {
        Latency::LogNormal {
            median: table.span("median"),
            sigma_thousandths: (table.number("sigma", 0.0, 10.0) * 1_000.0) as u32,
            most: table.span("most"),
        }
    } else if table.has("recorded") {
        let spans = table.texts("recorded").into_iter().map(crate::table::span).collect::<Option<Vec<_>>>();
        if spans.is_none() {
            table.fault("recorded", "is not a list of times such as \"40 ms\"");
        }
        Latency::Recorded(spans.unwrap_or_default())
    } else {
        Latency::ShiftedExponential { min: table.span("min"), mean: table.span("mean"), most: table.span("most") }
    }
}

fn millionths(share: f64) -> u32 {
    (share * 1e6 + 0.5) as u32
}

fn rejects(table: &Table<'_>) -> Rejects {
    if table.is("rejects", "never") {
        return Rejects::Never;
    }
    let Some(table) = table.table("rejects") else { return Rejects::Never };
    Rejects::Drawn {
        requote_millionths: millionths(table.share("requote")),
        busy_millionths: millionths(table.share("busy")),
        off_quotes_millionths: millionths(table.share("off_quotes")),
    }
}

fn partial_fills(table: &Table<'_>) -> PartialFills {
    if table.is("partial_fills", "never") {
        return PartialFills::Never;
    }
    let Some(table) = table.table("partial_fills") else { return PartialFills::Never };
    if table.has("drawn") {
        PartialFills::Drawn { millionths: millionths(table.share("drawn")) }
    } else {
        PartialFills::QuotedSize { share_millionths: millionths(table.share("quoted_size")) }
    }
}

fn margin(table: &Table<'_>) -> Margin {
    if table.is("margin", "unlimited") {
        return Margin::Unlimited;
    }
    let Some(table) = table.table("margin") else { return Margin::Unlimited };
    let [major_pair, minor_pair_gold_index, commodity, share, crypto] = table.wholes("leverage").map(|n| n as u32);
    Margin::Leveraged {
        leverage: Leverage { major_pair, minor_pair_gold_index, commodity, share, crypto },
        call_percent: table.whole("call", 0, 10_000) as u32,
        stop_out_percent: table.whole("stop_out", 0, 10_000) as u32,
        hedged: table.choice(
            "hedged",
            &[
                ("both", HedgedMargin::Both),
                ("larger_side", HedgedMargin::LargerSide),
                ("difference", HedgedMargin::Difference),
            ],
        ),
    }
}

/// The venue's part of an instrument: its keys stand in the instrument's own `venue` table.
pub(crate) fn symbol(table: &Table<'_>, instrument: &Instrument, currency: Currency, names: &[String]) -> SymbolSpec {
    SymbolSpec {
        instrument: instrument.clone(),
        conversion: conversion(table, names),
        slippage: slippage(table, instrument),
        commission: commission(table, currency),
        swap: swap(table),
        session: session(table),
    }
}

fn conversion(table: &Table<'_>, names: &[String]) -> Conversion {
    if table.is("conversion", "same") {
        return Conversion::Same;
    }
    if table.is("conversion", "own_mid") {
        return Conversion::ByOwnMid;
    }
    let Some(table) = table.table("conversion") else { return Conversion::Same };
    let place = |key: &'static str| {
        let name = table.text(key);
        let found = names.iter().position(|known| known == name);
        if found.is_none() {
            table.fault(key, format!("\"{name}\" is not an instrument of this file"));
        }
        market::SymbolId(found.unwrap_or_default() as u16)
    };
    if table.has("times") {
        Conversion::TimesMid(place("times"))
    } else if table.has("over") {
        Conversion::OverMid(place("over"))
    } else {
        Conversion::Fixed {
            numerator: table.whole("numerator", 1, i64::MAX),
            denominator: table.whole("denominator", 1, i64::MAX),
        }
    }
}

fn slippage(table: &Table<'_>, instrument: &Instrument) -> Slippage {
    if table.is("slippage", "none") {
        return Slippage::None;
    }
    let Some(table) = table.table("slippage") else { return Slippage::None };
    if table.has("fixed") {
        Slippage::Fixed(table.points("fixed", instrument))
    } else {
        Slippage::Exponential {
            mean_thousandths: (table.number("mean_points", 0.0, 1e6) * 1_000.0) as u32,
            most: table.points("most", instrument),
        }
    }
}

fn commission(table: &Table<'_>, currency: Currency) -> Commission {
    if table.is("commission", "none") {
        return Commission::None;
    }
    let Some(table) = table.table("commission") else { return Commission::None };
    if table.has("per_lot_side") {
        Commission::PerLot { side: table.money("per_lot_side", currency) }
    } else {
        Commission::Notional {
            maker_millionths: millionths(table.share("maker")),
            taker_millionths: millionths(table.share("taker")),
        }
    }
}

fn swap(table: &Table<'_>) -> Swap {
    if table.is("swap", "none") {
        return Swap::None;
    }
    let Some(table) = table.table("swap") else { return Swap::None };
    let thousandths = |key| (table.number(key, -1e6, 1e6) * 1_000.0) as i64;
    if table.has("every") {
        let millionths = |key| (table.number(key, -1e6, 1e6)) as i64;
        return Swap::Funding {
            long_millionths: millionths("long_ppm"),
            short_millionths: millionths("short_ppm"),
            every: table.span("every"),
        };
    }
    Swap::Nightly {
        long_thousandths: thousandths("long_points"),
        short_thousandths: thousandths("short_points"),
        zone: zone(&table),
        at: table.span("at"),
        triple: table.choice("triple", &crate::table::WEEKDAYS),
    }
}

fn zone(table: &Table<'_>) -> Zone {
    table.choice("zone", &[("UTC", Zone::Utc), ("New York", Zone::NewYork)])
}

fn session(table: &Table<'_>) -> Session {
    if table.is("session", "always") {
        return Session::Always;
    }
    if table.is("session", "foreign_exchange") {
        return Session::foreign_exchange();
    }
    let Some(table) = table.table("session") else { return Session::Always };
    let tables = table.tables("closed");
    let closed = tables.iter().map(|window| Window { from: window.span("from"), to: window.span("to") }).collect();
    Session::Weekly { zone: zone(&table), closed }
}
