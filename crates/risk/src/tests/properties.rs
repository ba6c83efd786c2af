//! Whatever is proposed, nothing approved is ever beyond a cap, and a restart changes nothing.

use super::*;
use proptest::prelude::*;

fn wild(sane: std::ops::Range<i64>) -> impl Strategy<Value = i64> {
    prop_oneof![120 => sane, 1 => any::<i64>(), 1 => Just(i64::MAX), 1 => Just(i64::MIN), 1 => Just(0)]
}

fn float(sane: std::ops::Range<f64>) -> impl Strategy<Value = f64> {
    prop_oneof![150 => sane, 1 => any::<f64>(), 1 => Just(f64::NAN), 1 => Just(f64::INFINITY), 1 => Just(-1.0)]
}

fn stake() -> impl Strategy<Value = Stake> {
    let bet =
        (float(0.4..1.0), float(0.0..0.1), float(1.0..400.0), float(1.0..400.0), float(0.0..1.0), float(0.5..1.0));
    prop_oneof![
        wild(1..60).prop_map(|lots| Stake::Fixed(Lots(lots))),
        bet.prop_map(|(p, p_se, win, loss, confidence, meta)| {
            Stake::Kelly(Bet { p, p_se, win, loss, confidence, meta, regime_gate: 1.0 })
        }),
    ]
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        wild(0..50).prop_map(|points| Kind::Market { deviation: Points(points) }),
        (wild(24_980..25_020), wild(1_500..2_000)).prop_map(|(price, expires)| {
            Kind::Limit {
                price: Price(price.saturating_mul(5)),
                expires: Time(expires.saturating_mul(1_000_000_000_000_000)),
            }
        }),
    ]
}

fn distance() -> impl Strategy<Value = Option<Points>> {
    prop_oneof![40 => wild(21..300).prop_map(|points| Some(Points(points))), 1 => Just(None)]
}

fn proposal() -> impl Strategy<Value = Proposal> {
    let who = (prop_oneof![60 => 0_u16..2, 1 => any::<u16>()], prop_oneof![60 => 0_u16..2, 1 => any::<u16>()]);
    (who, any::<bool>(), kind(), distance(), distance(), stake()).prop_map(|(who, buy, kind, stop, target, stake)| {
        let side = if buy { Side::Buy } else { Side::Sell };
        Proposal { strategy: StrategyId(who.0), symbol: SymbolId(who.1), side, kind, stop, target, stake }
    })
}

#[derive(Debug, Clone)]
struct Turn {
    proposal: Proposal,
    bid: i64,
    spread: i64,
    usual: f64,
    equity: i64,
    rate: i64,
    wait: i64,
    then: u8,
}

fn turn() -> impl Strategy<Value = Turn> {
    let market = (wild(124_950..125_050), wild(0..20), float(10.0..15.0), wild(1_000_000_000..20_000_000_000));
    (proposal(), market, wild(1..300), 0_i64..500_000_000, any::<u8>()).prop_map(
        |(proposal, market, rate, wait, then)| {
            let (bid, spread, usual, equity) = market;
            Turn { proposal, bid, spread, usual, equity, rate, wait, then }
        },
    )
}

impl Desk {
    fn take(&mut self, turn: &Turn) {
        self.now = self.now.plus(Span(turn.wait));
        self.proposal = turn.proposal;
        self.view = MarketView {
            bid: Price(turn.bid),
            ask: Price(turn.bid.saturating_add(turn.spread)),
            quoted: self.now,
            spread_usual: turn.usual,
            reference: Some(Price(125_000)),
            rate: Rate::new(turn.rate, 100),
            account: Account { equity: Money(turn.equity), free_margin: Money(turn.equity) },
        };
        if (124_000..126_000).contains(&turn.bid) && (0..1_000).contains(&turn.spread) {
            self.gate.observe(SymbolId(0), self.view.bid, self.view.ask, self.now);
            self.gate.observe(SymbolId(1), self.view.bid, self.view.ask, self.now);
        }
    }

    fn assert_within(&self, limits: &Limits) {
        for (place, symbol) in limits.symbols.iter().enumerate() {
            let side = |side| self.exposure.side(SymbolId(place as u16), side).total();
            assert!(side(Side::Buy) <= i128::from(symbol.position.long_max.0));
            assert!(side(Side::Sell) <= i128::from(symbol.position.short_max.0));
        }
        let books = (0..2).filter_map(|n| self.exposure.strategy(StrategyId(n)));
        let of_strategies = books.zip(limits.strategies.iter().map(|profile| &profile.exposure));
        for (book, limit) in of_strategies.chain([(self.exposure.account(), &limits.account.exposure)]) {
            assert!(book.value <= i128::from(limit.value_max.0) && book.risk <= i128::from(limit.risk_max.0));
            assert!(book.positions <= limit.positions_max);
        }
    }
}

fn assert_order(desk: &Desk, limits: &Limits, entry: &Entry, claim: &Claim) {
    let (symbol, profile) =
        (&limits.symbols[usize::from(entry.symbol.0)], &limits.strategies[usize::from(entry.strategy.0)]);
    let instrument = [eurusd(), usdchf()][usize::from(entry.symbol.0)].clone();
    assert!(order::fits_lot_grid(&instrument, entry.lots) && entry.lots <= symbol.order_volume.max);
    assert!(claim.value() <= symbol.order_value.max && claim.value() > Money::ZERO);
    let equity = desk.view.account.equity;
    assert!(i128::from(claim.risk().0) * 1_000_000 <= i128::from(equity.0) * i128::from(profile.trade_risk.max_ppm));
    // A position that closes may take an offset away, so a net is only looked at when something is opened.
    for (place, direction) in [(usize::from(entry.symbol.0), 1), (usize::from(entry.symbol.0) + 1, -1)] {
        let held = desk.exposure.currency(place).unwrap().furthest(entry.side.sign() * direction);
        assert!(held <= i128::from(limits.currencies[place].net_max.0));
    }
    let used = desk.exposure.margin_used();
    assert!(used <= equity && claim.margin() <= desk.view.account.free_margin);
    let stop = entry.stop.unwrap();
    assert!(Terms::of(entry).price.above(stop).0 * entry.side.sign() > 0 && stop.0 > 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nothing_approved_is_beyond_a_cap(turns in prop::collection::vec(turn(), 1..80)) {
        let limits = limits();
        let mut desk = desk(&limits);
        let (mut orders, mut positions): (Vec<(Entry, Claim)>, Vec<Claim>) = (Vec::new(), Vec::new());
        let mut approved = 0;
        for turn in turns {
            desk.take(&turn);
            if let Ok((entry, claim)) = desk.submit() {
                assert_order(&desk, &limits, &entry, &claim);
                orders.push((entry, claim));
                approved += 1;
            }
            desk.assert_within(&limits);
            match (turn.then % 8, orders.pop(), positions.pop()) {
                (0, Some((entry, mut order)), _) => {
                    let opened = desk.exposure.fill(&mut order, &Terms::of(&entry), Lots::ZERO, None).unwrap();
                    positions.push(opened);
                }
                (1, Some((_, mut order)), _) => desk.exposure.release(&mut order).unwrap(),
                (2, _, Some(mut position)) => {
                    let lots = position.lots();
                    desk.exposure.reduce(&mut position, lots).unwrap();
                }
                (_, order, position) => {
                    orders.extend(order);
                    positions.extend(position);
                }
            }
        }
        prop_assert_eq!(desk.gate.counters().entries, approved);
    }

    #[test]
    fn a_restart_at_any_point_changes_nothing(turns in prop::collection::vec(turn(), 2..50), cut in 0_usize..50) {
        let mut limits = limits();
        limits.strategies[0].repeats.executions_max = 5;
        limits.strategies[1].duplicates.window = Span::SECOND;
        let (mut straight, mut broken) = (desk(&limits), desk(&limits));
        for (step, turn) in turns.iter().enumerate() {
            if step == cut {
                broken = broken.restarted(&limits);
            }
            let mut answers = Vec::new();
            for desk in [&mut straight, &mut broken] {
                desk.take(turn);
                let (answer, review) = desk.gate.review(&desk.proposal, &desk.exposure, &desk.view, desk.now);
                if let Ok(approved) = &answer {
                    desk.exposure.reserve(approved, desk.view.rate.unwrap()).unwrap();
                }
                let _ = desk.exposure.mark(StrategyId(0), Money(i64::from(turn.then) * 100_000 - 13_000_000));
                answers.push((answer.map(Approved::into_order), format!("{review:?}")));
            }
            prop_assert_eq!(&answers[0], &answers[1]);
        }
        let bytes = |desk: &Desk| {
            let mut out = Vec::new();
            desk.gate.save(&mut out);
            desk.exposure.save(&mut out);
            out
        };
        prop_assert_eq!(bytes(&straight), bytes(&broken));
    }
}

#[test]
fn most_sane_proposals_are_approved() {
    // The properties above must not hold for lack of approvals.
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut approved, mut asked) = (0, 0);
    for _ in 0..300 {
        let turn = turn().new_tree(&mut runner).unwrap();
        let mut desk = desk(&limits());
        desk.take(&proptest::strategy::ValueTree::current(&turn));
        approved += i32::from(desk.submit().is_ok());
        asked += 1;
    }
    assert!(approved * 4 > asked, "{approved} of {asked}");
}
