//! Desks to put on the stage: one plain desk, written out, and one change at a time.

use super::desk::spec::{ClassSpec, Conversion, Decide, StakeSpec, StopRule, StrategySpec, SymbolSpec};
use super::desk::{Around, NewsRules, Spec};
use ensemble::{
    AgentSpec, Barrier, CalibrationSpec, CouncilSpec, DecideSpec, DomainSpec, FairValueSpec, LabelSpec, NewsSpec,
    RegimeSpec, WatchSpec, WeightSpec,
};
use features::{Groups, HawkesSpec};
use market::{
    BeliefSpec, Currency, Instrument, Lots, MarginClass, Money, Points, Severity, Span, StrategyId, SymbolId, Time,
};
use models::{AciSpec, Adaptation, AdwinSpec, BocpdSpec, FtrlSpec, HmmSpec, PlattSpec};
use orders::{BreakEven, Distance, ExitSpec, Naked, Retry, Rung, Trail};
use risk::limits::{
    AccountLimits, CurrencyLimit, DrawdownRule, DuplicateGuard, ExposureLimit, Limits, LossLimit, MessageRate,
    OrderValue, OrderVolume, PositionLimit, PriceCollar, PriceMove, RepeatThrottle, SessionWindow, SpreadGuard,
    StaleGuard, StopChange, StrategyLimits, SymbolLimits, TradeRisk,
};
use risk::{Level, Preset};

/// Monday, 5 May 2014, 12:00 UTC: second 0 of every script.
pub fn noon() -> Time {
    Time::from_date(2014, 5, 5).plus(Span(12 * Span::HOUR.0))
}

pub fn currency(code: &str) -> Currency {
    Currency::new(code).unwrap()
}

pub fn eurusd() -> Instrument {
    Instrument {
        symbol: SymbolId(0),
        name: "EURUSD".into(),
        digits: 5,
        tick_size: Points(1),
        pip: Points(10),
        volume_digits: 2,
        lot_step: Lots(1),
        lot_min: Lots(1),
        lot_max: Lots(5_000),
        contract_size: 100_000,
        base: currency("EUR"),
        quote: currency("USD"),
        stop_level: Points(0),
        freeze_level: Points(0),
        margin_class: MarginClass::MajorPair,
    }
}

fn symbol(instrument: Instrument) -> SymbolSpec {
    SymbolSpec {
        belief: BeliefSpec {
            crossed: Severity::Reject,
            locked: Severity::Flag,
            backwards: Severity::Reject,
            duplicate: Severity::Reject,
            gap: Span::MINUTE,
            outlier: Severity::Reject,
            outlier_ppm: 5_000,
            outlier_confirmations: 3,
            stale: Severity::Reject,
            stale_age: Span::from_secs(2),
        },
        features: features::Spec {
            groups: Groups::ALL,
            pip: instrument.pip,
            widening: 1.5,
            leader_stale: Span::from_secs(10),
            hawkes: HawkesSpec { decay_per_second: 0.5, self_excitation: 0.5, cross_excitation: 0.2 },
        },
        leader: None,
        conversion: Conversion::Same,
        instrument,
    }
}

fn symbol_limits() -> SymbolLimits {
    SymbolLimits {
        price_collar: PriceCollar { distance_max: Points(300) },
        price_move: PriceMove { window: Span::MINUTE, move_max: Points(300) },
        order_volume: OrderVolume { max: Lots(500) },
        order_value: OrderValue { max: Money::units(700_000) },
        spread: SpreadGuard { max: Points(40), multiple_max: 4.0 },
        stale: StaleGuard { age_max: Span::from_secs(2) },
        position: PositionLimit { long_max: Lots(500), short_max: Lots(500), positions_max: 4 },
    }
}

fn exposure(positions_max: u32) -> ExposureLimit {
    ExposureLimit { value_max: Money::units(2_000_000), risk_max: Money::units(3_000), positions_max }
}

fn strategy_limits() -> StrategyLimits {
    StrategyLimits {
        symbols: vec![SymbolId(0)],
        exposure: exposure(4),
        loss: LossLimit { day_max: Money::units(2_000), drawdown_max: Money::units(5_000) },
        trade_risk: TradeRisk { max_ppm: 5_000 },
        drawdown: DrawdownRule::Diffusion { alpha: 0.7, beta: 0.1 },
        messages: MessageRate { messages: 10, per: Span::SECOND, burst: 20 },
        repeats: RepeatThrottle { executions_max: 60, window: Span(10 * Span::MINUTE.0) },
        duplicates: DuplicateGuard { window: Span::SECOND },
        session: vec![SessionWindow {
            weekdays: 0b1_1111,
            from: Span(6 * Span::HOUR.0),
            until: Span(18 * Span::HOUR.0),
        }],
        stop: risk::limits::StopRule::Required,
        stop_change: StopChange::TightenOnly,
        launch: None,
    }
}

fn account_limits() -> AccountLimits {
    AccountLimits {
        exposure: exposure(16),
        loss: LossLimit { day_max: Money::units(3_000), drawdown_max: Money::units(10_000) },
        loss_halt: Some(Level::Flatten),
        messages: MessageRate { messages: 50, per: Span::SECOND, burst: 100 },
        messages_for_exits: 50,
        preset: Preset::Esma,
        margin_level_min_percent: 150,
        day_start: Span(21 * Span::HOUR.0),
    }
}

/// Exits that never want anything: what remains are the venue's stop and target.
pub fn no_exits() -> ExitSpec {
    ExitSpec {
        rungs: Vec::new(),
        break_even: BreakEven::Never,
        trail: None,
        time_stop: None,
        naked: Naked::Allowed,
        spike_multiple: 5.0,
        spike_wait_max: Span::from_secs(30),
        retry: Retry { first: Span::from_millis(500), longest: Span::from_secs(10), attempts_max: 6 },
    }
}

/// Half at 0.6 R, then break-even and trailing 0.6 R behind; ten minutes; five seconds without a stop.
pub fn exits() -> ExitSpec {
    ExitSpec {
        rungs: vec![Rung { distance: Distance::Risk(0.6), fraction_millionths: 500_000 }],
        break_even: BreakEven::AfterRung { commission_points: 7.0 },
        trail: Some(Trail {
            after_rungs: 1,
            start: Distance::Risk(0.6),
            distance: Distance::Risk(0.6),
            step: Points(5),
        }),
        time_stop: Some(Span(10 * Span::MINUTE.0)),
        naked: Naked::ClosedAfter(Span::from_secs(5)),
        ..no_exits()
    }
}

/// Strategy `A` follows the sizes at the best quotes of EURUSD with 0.10 lot, stop 80 and target 60 points, and has no
/// exits of its own. One sided sizes (900:100) are its signal.
pub fn plain() -> Spec {
    let strategy = StrategySpec {
        name: "A".into(),
        symbols: vec![SymbolId(0)],
        decide: Decide::Imbalance { threshold: 0.5 },
        deviation: Points(6),
        cooldown: Span::from_secs(5),
        positions_max: 1,
        stake: StakeSpec::Fixed(Lots(10)),
        stop: StopRule::Fixed { stop: Points(80), target: Some(Points(60)) },
    };
    let net_max = Money::units(2_000_000);
    let currencies = ["EUR", "USD"].map(|code| CurrencyLimit { currency: currency(code), net_max }).to_vec();
    Spec {
        currency: currency("USD"),
        symbols: vec![symbol(eurusd())],
        classes: Vec::new(),
        strategies: vec![strategy],
        limits: Limits {
            account: account_limits(),
            symbols: vec![symbol_limits()],
            strategies: vec![strategy_limits()],
            currencies,
        },
        blackouts: Vec::new(),
        news: NewsRules {
            high: Around { before: Span::from_secs(300), after: Span::from_secs(900) },
            medium: Around { before: Span::from_secs(120), after: Span::from_secs(300) },
        },
        orders: orders::Spec {
            account: orders::Account::Hedging,
            run: 1,
            orders_max: 64,
            positions_max: 24,
            ended_kept: 256,
            answer_timeout: Span::from_secs(5),
            query_every: Span::from_secs(5),
            queries_max: 6,
            balance: Money::units(100_000),
            exits: vec![no_exits()],
        },
    }
}

pub fn changed(mut spec: Spec, change: impl FnOnce(&mut Spec)) -> Spec {
    change(&mut spec);
    spec
}

/// The plain desk with a ladder, break-even, trailing and a time stop.
pub fn with_exits() -> Spec {
    changed(plain(), |spec| spec.orders.exits = vec![exits()])
}

/// One more symbol, which the first strategy trades.
pub fn with_symbol(spec: &mut Spec, instrument: Instrument, conversion: Conversion) -> SymbolId {
    let id = SymbolId(spec.symbols.len() as u16);
    for currency in [instrument.base, instrument.quote] {
        if spec.limits.currencies.iter().all(|limit| limit.currency != currency) {
            let net_max = spec.limits.currencies[0].net_max;
            spec.limits.currencies.push(CurrencyLimit { currency, net_max });
        }
    }
    let symbol = symbol(Instrument { symbol: id, ..instrument });
    spec.symbols.push(SymbolSpec { conversion, ..symbol });
    spec.limits.symbols.push(symbol_limits());
    spec.limits.strategies[0].symbols.push(id);
    spec.strategies[0].symbols.push(id);
    id
}

/// One more strategy like the first.
pub fn with_strategy(spec: &mut Spec, name: &str, symbols: &[SymbolId]) -> StrategyId {
    let id = StrategyId(spec.strategies.len() as u16);
    let first = spec.strategies[0].clone();
    spec.strategies.push(StrategySpec { name: name.into(), symbols: symbols.to_vec(), ..first });
    let limits = spec.limits.strategies[0].clone();
    spec.limits.strategies.push(StrategyLimits { symbols: symbols.to_vec(), ..limits });
    spec.orders.exits.push(spec.orders.exits[0].clone());
    id
}

pub fn netting(spec: &mut Spec) {
    spec.orders.account = orders::Account::Netting;
}

/// Limits that never bind.
pub fn unlimited(spec: &mut Spec) {
    let much = Money(i64::MAX / 8);
    let exposure = ExposureLimit { value_max: much, risk_max: much, positions_max: 24 };
    let loss = LossLimit { day_max: much, drawdown_max: much };
    let messages = MessageRate { messages: 1_000_000, per: Span::SECOND, burst: 1_000_000 };
    let account = &mut spec.limits.account;
    (account.exposure, account.loss, account.messages, account.margin_level_min_percent) =
        (exposure, loss, messages, 0);
    for limits in &mut spec.limits.strategies {
        (limits.exposure, limits.loss, limits.messages, limits.session) = (exposure, loss, messages, always());
        limits.trade_risk.max_ppm = 1_000_000;
        limits.repeats = RepeatThrottle { executions_max: 1_024, window: Span(1) };
        limits.duplicates.window = Span(0);
    }
    for limits in &mut spec.limits.symbols {
        limits.position.positions_max = 24;
        limits.price_move.move_max = Points(100_000);
        limits.price_collar.distance_max = Points(100_000);
    }
}

/// Open around the clock.
pub fn always() -> Vec<SessionWindow> {
    vec![SessionWindow { weekdays: 0b111_1111, from: Span(0), until: Span(24 * Span::HOUR.0) }]
}

/// A council that warms up and learns within a few hundred seconds.
pub fn council(barrier: Barrier) -> CouncilSpec {
    let domain = DomainSpec { memory: 5_000.0, samples_min: 60, deviation_max: 10.0, mean_square_max: 100.0 };
    CouncilSpec {
        barrier,
        labels: LabelSpec {
            cadence: Span::SECOND,
            latency: Span::from_millis(100),
            capacity: (barrier.horizon.0 / Span::SECOND.0 + 2) as usize,
            silence: Span::MINUTE,
        },
        agents: AgentSpec {
            logistic: FtrlSpec { alpha: 0.05, beta: 1.0, l1: 0.0, l2: 2.0 },
            fair_value: FairValueSpec { noise_seconds: 2.0, leader_noise_seconds: 4.0, reversion: Span::from_secs(10) },
            surge_min: 0.2,
            domain,
            calibration: CalibrationSpec {
                platt: PlattSpec { memory: 5_000.0, prior: 25.0, slope: (0.0, 2.0), offset: 2.0 },
                aci: AciSpec { miscoverage: 0.2, gamma: 0.01, capacity: 128 },
                labels_min: 2.0,
                block: 2.0,
                width_reference: 1.0,
            },
            news: NewsSpec { weight: 0.5, floor: 0.05 },
            watch: WatchSpec {
                adwin: AdwinSpec { delta: 0.002, clock: 1, max_buckets: 5, min_part: 5, grace: 10, rows: 12 },
                inputs_memory: 2_000.0,
                inputs_min: 1_000.0,
                inputs_max: 0.2,
                outside_share: 0.2,
                outside_samples: 200,
                hold: Span::HOUR,
            },
        },
        weights: WeightSpec { eta: 1.0, alpha: 0.002, floor: 0.02, cap: 0.6 },
        regime: RegimeSpec {
            cadence: Span::SECOND,
            domain,
            hmm: HmmSpec {
                initial: [0.2, 0.6, 0.2],
                transition: [[0.99, 0.01, 0.0], [0.005, 0.99, 0.005], [0.0, 0.01, 0.99]],
                mean: [[-1.0, -0.5, -1.0], [0.0, 0.0, 0.0], [1.5, 1.0, 1.5]],
                variance: [[1.0; 3]; 3],
                adaptation: Adaptation::Fixed,
            },
            change: BocpdSpec { hazard: 0.002, mean: 0.0, kappa: 1.0, alpha: 1.0, beta: 1.0, capacity: 256 },
            recent_steps: 10,
            openness: [1.0, 1.0, 0.5],
            change_shuts: 1.0,
        },
        age_max: Span::from_secs(2),
        leader_moves: Span(0),
    }
}

/// A strategy that decides by the ensemble and bets by Kelly's rule, on the first symbol.
pub fn with_ensemble(spec: &mut Spec, barrier: Barrier, demands: DecideSpec) {
    spec.classes.push(ClassSpec { name: "scalp".into(), symbol: SymbolId(0), council: council(barrier) });
    let id = with_strategy(spec, "E", &[SymbolId(0)]);
    let strategy = &mut spec.strategies[usize::from(id.0)];
    strategy.decide = Decide::Ensemble { class: "scalp".into(), spec: demands };
    strategy.stake = StakeSpec::Kelly;
    strategy.stop = StopRule::of(&barrier);
}
