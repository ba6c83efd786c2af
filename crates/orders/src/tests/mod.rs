//! What the tests share: an instrument, wide limits, and a room ready for entries.

mod gate;
mod lives;
mod model;
mod path;

use market::{
    Currency, Instrument, Lots, MarginClass, Money, Points, Price, Side, Span, StrategyId, SymbolId, Tick, Time,
};
use risk::limits::{
    CurrencyLimit, DrawdownRule, DuplicateGuard, ExposureLimit, LossLimit, MessageRate, OrderValue, OrderVolume,
    PositionLimit, PriceCollar, PriceMove, RepeatThrottle, SessionWindow, SpreadGuard, StaleGuard, StopChange,
    StopRule, TradeRisk,
};
use risk::{
    AccountLimits, ClosingOrder, CustomPreset, Entry, Hedging, Kind, Limits, Preset, StrategyLimits, SymbolLimits,
};

use crate::*;

/// An instrument of which one point on one volume unit is one unit of the account's currency.
pub(super) fn instrument(symbol: u16) -> Instrument {
    Instrument {
        symbol: SymbolId(symbol),
        name: format!("TEST{symbol}"),
        digits: 0,
        tick_size: Points(1),
        pip: Points(1),
        volume_digits: 0,
        lot_step: Lots(1),
        lot_min: Lots(1),
        lot_max: Lots(1_000_000),
        contract_size: 1,
        base: Currency::new("EUR").unwrap(),
        quote: Currency::new("USD").unwrap(),
        stop_level: Points(0),
        freeze_level: Points(0),
        margin_class: MarginClass::MajorPair,
    }
}

fn symbol_limits() -> SymbolLimits {
    SymbolLimits {
        price_collar: PriceCollar { distance_max: Points(1_000_000) },
        price_move: PriceMove { window: Span::SECOND, move_max: Points(1_000_000) },
        order_volume: OrderVolume { max: Lots(1_000_000) },
        order_value: OrderValue { max: Money::MAX },
        spread: SpreadGuard { max: Points(1_000), multiple_max: 1e6 },
        stale: StaleGuard { age_max: Span::DAY },
        position: PositionLimit { long_max: Lots(1_000_000), short_max: Lots(1_000_000), positions_max: 1_000 },
    }
}

fn strategy_limits(symbols: usize) -> StrategyLimits {
    let exposure = ExposureLimit { value_max: Money::MAX, risk_max: Money::MAX, positions_max: 1_000 };
    StrategyLimits {
        symbols: (0..symbols).map(|symbol| SymbolId(symbol as u16)).collect(),
        exposure,
        loss: LossLimit { day_max: Money::MAX, drawdown_max: Money::MAX },
        trade_risk: TradeRisk { max_ppm: 1_000_000 },
        drawdown: DrawdownRule::Diffusion { alpha: 0.7, beta: 0.1 },
        messages: MessageRate { messages: 1_000, per: Span::SECOND, burst: 1_000 },
        repeats: RepeatThrottle { executions_max: 1_000, window: Span(1) },
        duplicates: DuplicateGuard { window: Span(0) },
        session: vec![SessionWindow { weekdays: 0x7F, from: Span(0), until: Span::DAY }],
        stop: StopRule::Optional,
        stop_change: StopChange::TightenOnly,
        launch: None,
    }
}

pub(super) fn limits(symbols: usize, strategies: usize) -> Limits {
    let exposure = ExposureLimit { value_max: Money::MAX, risk_max: Money::MAX, positions_max: 1_000 };
    let net = |code| CurrencyLimit { currency: Currency::new(code).unwrap(), net_max: Money::MAX };
    Limits {
        account: AccountLimits {
            exposure,
            loss: LossLimit { day_max: Money::MAX, drawdown_max: Money::MAX },
            loss_halt: None,
            messages: MessageRate { messages: 1_000, per: Span::SECOND, burst: 1_000 },
            messages_for_exits: 1,
            preset: Preset::Custom(CustomPreset {
                leverage: [30; 5],
                close_out_percent: 50,
                hedging: Hedging::Allowed,
                closing: ClosingOrder::Any,
            }),
            margin_level_min_percent: 0,
            day_start: Span(0),
        },
        symbols: (0..symbols).map(|_| symbol_limits()).collect(),
        strategies: (0..strategies).map(|_| strategy_limits(symbols)).collect(),
        currencies: vec![net("EUR"), net("USD")],
    }
}

/// No rungs, no trailing, no time stop.
pub(super) fn plain_exits() -> ExitSpec {
    ExitSpec {
        rungs: Vec::new(),
        break_even: BreakEven::Never,
        trail: None,
        time_stop: None,
        naked: Naked::Allowed,
        spike_multiple: 1_000.0,
        spike_wait_max: Span::SECOND,
        retry: Retry { first: Span::SECOND, longest: Span::from_secs(4), attempts_max: 3 },
    }
}

pub(super) fn spec(account: Account, exits: ExitSpec) -> Spec {
    Spec {
        account,
        run: 1,
        orders_max: 64,
        positions_max: 16,
        ended_kept: 64,
        answer_timeout: Span::from_secs(5),
        query_every: Span::from_secs(2),
        queries_max: 3,
        balance: Money::units(10_000),
        exits: vec![exits.clone(), exits],
    }
}

/// A room that a first list has found equal to an empty venue.
pub(super) fn room(spec: &Spec, instruments: &[Instrument]) -> Orders {
    let mut orders = Orders::new(spec, instruments, &limits(instruments.len(), spec.exits.len())).unwrap();
    let listed = Report::Listed { time: Time(0), positions: 0, balance: spec.balance };
    assert_eq!(orders.on_report(&listed, None, Time(0)), Outcome::Listed(Listing::Agrees));
    orders
}

pub(super) fn entry(side: Side, lots: i64, reference: i64) -> Entry {
    Entry {
        strategy: StrategyId(0),
        symbol: SymbolId(0),
        side,
        lots: Lots(lots),
        kind: Kind::Market { deviation: Points(10) },
        reference: Price(reference),
        stop: None,
        target: None,
    }
}

pub(super) fn tick(symbol: u16, seen: Time, bid: i64, ask: i64) -> Tick {
    Tick {
        symbol: SymbolId(symbol),
        time: seen,
        seen,
        bid: Price(bid),
        ask: Price(ask),
        bid_lots: Lots(0),
        ask_lots: Lots(0),
    }
}

pub(super) fn saved(orders: &Orders) -> Vec<u8> {
    let mut bytes = Vec::new();
    market::State::save(orders, &mut bytes);
    bytes
}
