//! Stories of the gate and the ledger, on a desk of two symbols and two strategies.

mod entries;
mod exits;
mod ledger;
mod properties;

use crate::limits::{
    CurrencyLimit, DrawdownRule, DuplicateGuard, ExposureLimit, LossLimit, MessageRate, OrderValue, OrderVolume,
    PositionLimit, PriceCollar, PriceMove, RepeatThrottle, SessionWindow, SpreadGuard, StaleGuard, StopChange,
    StopRule, TradeRisk,
};
use crate::*;
use market::{
    Currency, Instrument, Lots, MarginClass, Money, Points, Price, Reader, Side, Span, State, StrategyId, SymbolId,
    Time,
};

/// EURUSD as most five-digit brokers quote it: 0.01 lot at 1.25 is worth 1,250 dollars, and 100 points on it one dollar.
pub(crate) fn eurusd() -> Instrument {
    Instrument {
        symbol: SymbolId(0),
        name: "EURUSD".into(),
        digits: 5,
        tick_size: Points(1),
        pip: Points(10),
        volume_digits: 2,
        lot_step: Lots(1),
        lot_min: Lots(1),
        lot_max: Lots(10_000),
        contract_size: 100_000,
        base: Currency::new("EUR").unwrap(),
        quote: Currency::new("USD").unwrap(),
        stop_level: Points(0),
        freeze_level: Points(0),
        margin_class: MarginClass::MajorPair,
    }
}

/// A second pair on the same grid, with a stop level, a freeze level, coarse lots and ticks.
fn usdchf() -> Instrument {
    Instrument {
        symbol: SymbolId(1),
        name: "USDCHF".into(),
        base: Currency::new("USD").unwrap(),
        quote: Currency::new("CHF").unwrap(),
        stop_level: Points(30),
        freeze_level: Points(10),
        tick_size: Points(5),
        lot_step: Lots(10),
        lot_min: Lots(20),
        lot_max: Lots(60),
        ..eurusd()
    }
}

fn exposure_limit(value: i64, risk: i64, positions_max: u32) -> ExposureLimit {
    ExposureLimit { value_max: Money::units(value), risk_max: Money::units(risk), positions_max }
}

fn symbol_limits() -> SymbolLimits {
    SymbolLimits {
        price_collar: PriceCollar { distance_max: Points(100) },
        price_move: PriceMove { window: Span::MINUTE, move_max: Points(500) },
        order_volume: OrderVolume { max: Lots(50) },
        order_value: OrderValue { max: Money::units(60_000) },
        spread: SpreadGuard { max: Points(30), multiple_max: 2.0 },
        stale: StaleGuard { age_max: Span::SECOND },
        position: PositionLimit { long_max: Lots(100), short_max: Lots(80), positions_max: 20 },
    }
}

fn strategy_limits() -> StrategyLimits {
    let all_day = SessionWindow { weekdays: 0b1_1111, from: Span(0), until: Span::DAY };
    StrategyLimits {
        symbols: vec![SymbolId(0), SymbolId(1)],
        exposure: exposure_limit(150_000, 150, 15),
        loss: LossLimit { day_max: Money::units(200), drawdown_max: Money::units(400) },
        trade_risk: TradeRisk { max_ppm: 5_000 },
        drawdown: DrawdownRule::Diffusion { alpha: 0.7, beta: 0.1 },
        messages: MessageRate { messages: 10, per: Span::SECOND, burst: 200 },
        repeats: RepeatThrottle { executions_max: 100, window: Span::MINUTE },
        duplicates: DuplicateGuard { window: Span(0) },
        session: vec![all_day],
        stop: StopRule::Required,
        stop_change: StopChange::TightenOnly,
        launch: None,
    }
}

fn limits() -> Limits {
    let currency = |code| CurrencyLimit { currency: Currency::new(code).unwrap(), net_max: Money::units(140_000) };
    Limits {
        account: AccountLimits {
            exposure: exposure_limit(250_000, 250, 25),
            loss: LossLimit { day_max: Money::units(300), drawdown_max: Money::units(600) },
            loss_halt: Some(Level::Cancel),
            messages: MessageRate { messages: 10, per: Span::SECOND, burst: 300 },
            messages_for_exits: 10,
            preset: Preset::Esma,
            margin_level_min_percent: 100,
            day_start: Span(0),
        },
        symbols: vec![symbol_limits(), symbol_limits()],
        strategies: vec![strategy_limits(), strategy_limits()],
        currencies: vec![currency("EUR"), currency("USD"), currency("CHF")],
    }
}

/// A gate, its ledger and a market; everything on the way to a proposal that may be changed.
struct Desk {
    gate: Gate,
    exposure: Exposure,
    view: MarketView,
    now: Time,
    proposal: Proposal,
}

fn view(now: Time) -> MarketView {
    MarketView {
        bid: Price(124_990),
        ask: Price(125_000),
        quoted: now,
        spread_usual: 10.0,
        reference: Some(Price(125_000)),
        rate: Some(Rate::ONE),
        account: Account { equity: Money::units(10_000), free_margin: Money::units(10_000) },
    }
}

fn desk_of(limits: &Limits, instruments: &[Instrument]) -> Desk {
    let (mut gate, now) = (Gate::new(limits, instruments).unwrap(), Time::from_date(2014, 5, 2));
    let view = view(now);
    for instrument in instruments {
        gate.observe(instrument.symbol, view.bid, view.ask, now);
    }
    let proposal = Proposal {
        strategy: StrategyId(0),
        symbol: SymbolId(0),
        side: Side::Buy,
        kind: Kind::Market { deviation: Points(0) },
        stop: Some(Points(100)),
        target: Some(Points(50)),
        stake: Stake::Fixed(Lots(10)),
    };
    Desk { gate, exposure: Exposure::new(limits, instruments).unwrap(), view, now, proposal }
}

fn desk(limits: &Limits) -> Desk {
    desk_of(limits, &[eurusd(), usdchf()])
}

impl Desk {
    /// Reviews the proposal as it stands.
    fn ask(&mut self) -> Result<Approved<Entry>, Refusal> {
        self.gate.review(&self.proposal, &self.exposure, &self.view, self.now).0
    }

    /// Reviews the proposal and, when it is approved, reserves it as `orders` does.
    fn submit(&mut self) -> Result<(Entry, Claim), Refusal> {
        let approved = self.ask()?;
        let claim = self.exposure.reserve(&approved, self.view.rate.unwrap()).unwrap();
        Ok((approved.into_order(), claim))
    }

    /// Reviews, reserves and fills.
    fn open(&mut self) -> Claim {
        let (entry, mut order) = self.submit().unwrap();
        self.exposure.fill(&mut order, &Terms::of(&entry), Lots::ZERO, Some(Rate::ONE)).unwrap()
    }

    fn wait(&mut self, span: Span) {
        self.now = self.now.plus(span);
        self.view.quoted = self.now;
        for symbol in [SymbolId(0), SymbolId(1)] {
            self.gate.observe(symbol, self.view.bid, self.view.ask, self.now);
        }
    }

    /// Writes the state down and reads it into a fresh gate and ledger.
    fn restarted(&self, limits: &Limits) -> Self {
        let mut bytes = Vec::new();
        self.gate.save(&mut bytes);
        self.exposure.save(&mut bytes);
        let mut fresh = desk(limits);
        let mut reader = Reader::new(&bytes);
        fresh.gate.load(&mut reader).unwrap();
        fresh.exposure.load(&mut reader).unwrap();
        assert!(reader.rest().is_empty());
        Self { view: self.view, now: self.now, proposal: self.proposal, ..fresh }
    }
}

fn control<T>(answer: Result<T, Refusal>) -> Option<Control> {
    answer.err().map(|refusal| refusal.control())
}
