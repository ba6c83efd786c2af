//! `[limits]`, the limits of each instrument and the limits of each strategy: what may never be exceeded.

use market::{Currency, Instrument, Lots, Money, Points, Span, SymbolId};
use risk::Level;
use risk::limits::{
    AccountLimits, CurrencyLimit, DrawdownRule, DuplicateGuard, ExposureLimit, Launch, LossLimit, MessageRate,
    OrderValue, OrderVolume, PositionLimit, PriceCollar, PriceMove, RepeatThrottle, SessionWindow, SpreadGuard,
    StaleGuard, StopChange, StopRule, StrategyLimits, SymbolLimits, TradeRisk,
};
use risk::margin::{ClosingOrder, CustomPreset, Hedging, Preset};

use crate::table::{Table, WEEKDAYS};

/// The account's limits.
pub(crate) fn account(table: &Table<'_>, currency: Currency, day_start: Span) -> AccountLimits {
    AccountLimits {
        exposure: exposure(table, currency),
        loss: loss(table, currency),
        loss_halt: table.choice(
            "loss_halt",
            &[
                ("never", None),
                ("no_entries", Some(Level::NoEntries)),
                ("cancel", Some(Level::Cancel)),
                ("flatten", Some(Level::Flatten)),
            ],
        ),
        messages: messages(table),
        messages_for_exits: table.whole("messages_for_exits", 0, 1 << 20) as u32,
        preset: preset(table),
        margin_level_min_percent: table.whole("margin_level_min", 0, 100_000) as u32,
        day_start,
    }
}

fn preset(table: &Table<'_>) -> Preset {
    if table.has("preset") && table.is_table("preset") {
        let Some(table) = table.table("preset") else { return Preset::Esma };
        return Preset::Custom(CustomPreset {
            leverage: table.wholes("leverage").map(|n| n as u32),
            close_out_percent: table.whole("close_out", 0, 10_000) as u32,
            hedging: table.choice("hedging", &[("allowed", Hedging::Allowed), ("forbidden", Hedging::Forbidden)]),
            closing: table.choice("closing", &[("any", ClosingOrder::Any), ("fifo", ClosingOrder::Fifo)]),
        });
    }
    table.choice("preset", &[("esma", Preset::Esma), ("us", Preset::Us)])
}

/// What each currency may be held, by name.
pub(crate) fn currencies(table: &Table<'_>, account: Currency) -> Vec<CurrencyLimit> {
    let Some(table) = table.table("currency_net_max") else { return Vec::new() };
    let limit = |(name, net_max): (&str, Money)| {
        let currency = Currency::new(name);
        if currency.is_none() {
            table.complain(name, "is not a currency code");
        }
        currency.map(|currency| CurrencyLimit { currency, net_max })
    };
    table.every_money(account).into_iter().filter_map(limit).collect()
}

fn exposure(table: &Table<'_>, currency: Currency) -> ExposureLimit {
    ExposureLimit {
        value_max: table.money("value_max", currency),
        risk_max: table.money("risk_max", currency),
        positions_max: table.whole("positions_max", 0, 10_000) as u32,
    }
}

fn loss(table: &Table<'_>, currency: Currency) -> LossLimit {
    LossLimit { day_max: table.money("day_loss_max", currency), drawdown_max: table.money("drawdown_max", currency) }
}

fn messages(table: &Table<'_>) -> MessageRate {
    let Some(table) = table.table("messages") else { return MessageRate { messages: 0, per: Span(1), burst: 0 } };
    MessageRate {
        messages: table.whole("count", 1, 1_000_000) as u32,
        per: table.span("per"),
        burst: table.whole("burst", 1, 1_000_000) as u32,
    }
}

/// The limits of an instrument that is traded.
pub(crate) fn symbol(table: &Table<'_>, instrument: &Instrument, currency: Currency) -> SymbolLimits {
    let price_move = table.table("price_move");
    SymbolLimits {
        price_collar: PriceCollar { distance_max: table.points("price_collar", instrument) },
        price_move: PriceMove {
            window: price_move.as_ref().map_or(Span::MINUTE, |table| table.span("within")),
            move_max: price_move.as_ref().map_or(Points(0), |table| table.points("max", instrument)),
        },
        order_volume: OrderVolume { max: table.lots("order_volume_max", instrument) },
        order_value: OrderValue { max: table.money("order_value_max", currency) },
        spread: SpreadGuard {
            max: table.points("spread_max", instrument),
            multiple_max: table.number("spread_multiple_max", 0.0, 1e6),
        },
        stale: StaleGuard { age_max: table.span("quote_age_max") },
        position: PositionLimit {
            long_max: table.lots("long_max", instrument),
            short_max: table.lots("short_max", instrument),
            positions_max: table.whole("positions_max", 0, 10_000) as u32,
        },
    }
}

/// The limits of an instrument that is only listened to: nothing may be sent.
pub(crate) fn listened() -> SymbolLimits {
    SymbolLimits {
        price_collar: PriceCollar { distance_max: Points(0) },
        price_move: PriceMove { window: Span::MINUTE, move_max: Points(0) },
        order_volume: OrderVolume { max: Lots::ZERO },
        order_value: OrderValue { max: Money::ZERO },
        spread: SpreadGuard { max: Points(0), multiple_max: 1.0 },
        stale: StaleGuard { age_max: Span(0) },
        position: PositionLimit { long_max: Lots::ZERO, short_max: Lots::ZERO, positions_max: 0 },
    }
}

/// A strategy's risk profile.
pub(crate) fn strategy(
    table: &Table<'_>,
    currency: Currency,
    symbols: Vec<SymbolId>,
    drawdown: DrawdownRule,
) -> StrategyLimits {
    let repeats = table.table("repeats");
    StrategyLimits {
        symbols,
        exposure: exposure(table, currency),
        loss: loss(table, currency),
        trade_risk: TradeRisk { max_ppm: (table.share("trade_risk_max") * 1e6 + 0.5) as u32 },
        drawdown,
        messages: messages(table),
        repeats: RepeatThrottle {
            executions_max: repeats.as_ref().map_or(1, |table| table.whole("executions", 1, 1_024)) as u32,
            window: repeats.as_ref().map_or(Span::MINUTE, |table| table.span("within")),
        },
        duplicates: DuplicateGuard { window: table.span("duplicate_window") },
        session: sessions(table),
        stop: table.choice("stop", &[("required", StopRule::Required), ("optional", StopRule::Optional)]),
        stop_change: table
            .choice("stop_change", &[("tighten_only", StopChange::TightenOnly), ("free", StopChange::Free)]),
        launch: launch(table, currency),
    }
}

fn launch(table: &Table<'_>, currency: Currency) -> Option<Launch> {
    if !table.has("launch") {
        return None;
    }
    let table = table.table("launch")?;
    Some(Launch {
        until: table.time("until"),
        entries_max: table.whole("entries_max", 0, 1_000_000) as u32,
        order_value_max: table.money("order_value_max", currency),
    })
}

/// Windows such as `"mon-fri 06:00-18:00"`, in UTC. A window over midnight is written as two.
fn sessions(table: &Table<'_>) -> Vec<SessionWindow> {
    let windows: Vec<_> = table.texts("sessions").into_iter().map(|text| (text, window(text))).collect();
    for (text, read) in &windows {
        if read.is_none() {
            table.fault("sessions", format!("\"{text}\" is not a window such as \"mon-fri 06:00-18:00\" (UTC)"));
        }
    }
    windows.into_iter().filter_map(|(_, window)| window).collect()
}

fn window(text: &str) -> Option<SessionWindow> {
    let (days, hours) = text.split_once(' ')?;
    let day = |name: &str| WEEKDAYS.iter().find(|(word, _)| *word == name).map(|(_, day)| *day);
    let (first, last) = match days.split_once('-') {
        Some((first, last)) => (day(first)?, day(last)?),
        None => (day(days)?, day(days)?),
    };
    let (from, until) = hours.split_once('-')?;
    let (from, until) = (clock(from)?, clock(until)?);
    if first > last || from >= until {
        return None;
    }
    let weekdays = (first..=last).fold(0, |bits, day| bits | (1 << day));
    Some(SessionWindow { weekdays, from, until })
}

/// `06:30` as a span since midnight; `24:00` is allowed.
fn clock(text: &str) -> Option<Span> {
    let (hours, minutes) = text.split_once(':')?;
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    let fits = (0..=24).contains(&hours) && (0..60).contains(&minutes) && hours * 60 + minutes <= 24 * 60;
    fits.then(|| Span(hours * Span::HOUR.0 + minutes * Span::MINUTE.0))
}
