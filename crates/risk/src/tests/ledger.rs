//! The ledger against its twin, which adds everything up each time.

use super::*;
use crate::books::{Book, CurrencyBook, SideBook};
use crate::claim::Stage;
use proptest::prelude::*;

fn empty() -> Exposure {
    Exposure::new(&limits(), &[eurusd(), usdchf()]).unwrap()
}

fn terms(strategy: u16, symbol: u16, side: Side, lots: i64) -> Terms {
    let stop = Some(Price(125_000 - side.sign() * 100));
    Terms {
        strategy: StrategyId(strategy),
        symbol: SymbolId(symbol),
        side,
        lots: Lots(lots),
        price: Price(125_000),
        stop,
    }
}

/// An approved entry without a gate: what only this crate can make.
fn approved(terms: &Terms) -> Approved<Entry> {
    let Terms { strategy, symbol, side, lots, price, stop } = *terms;
    let kind = Kind::Market { deviation: Points(0) };
    Approved::new(Entry { strategy, symbol, side, lots, kind, reference: price, stop, target: None })
}

/// Checks every total of the ledger against the sums over the claims.
fn check(ledger: &Exposure, claims: &[Claim], profits: &[[i128; 2]; 2]) {
    let held: Vec<&Claim> = claims.iter().filter(|claim| !claim.is_spent()).collect();
    let book = |mine: &dyn Fn(&Claim) -> bool, profit: [i128; 2]| {
        let of: Vec<&&Claim> = held.iter().filter(|claim| mine(claim)).collect();
        Book {
            value: of.iter().map(|claim| i128::from(claim.value.0)).sum(),
            risk: of.iter().map(|claim| i128::from(claim.risk.0)).sum(),
            margin: of.iter().map(|claim| i128::from(claim.margin.0)).sum(),
            positions: of.len() as u32,
            realised: profit[0],
            unrealised: profit[1],
        }
    };
    let both = [profits[0][0] + profits[1][0], profits[0][1] + profits[1][1]];
    assert_eq!(*ledger.account(), book(&|_| true, both));
    for strategy in [0, 1] {
        let mine = |claim: &Claim| claim.strategy.0 == strategy;
        assert_eq!(ledger.strategy(StrategyId(strategy)), Some(&book(&mine, profits[usize::from(strategy)])));
    }
    for (symbol, side) in [(0, Side::Buy), (0, Side::Sell), (1, Side::Buy), (1, Side::Sell)] {
        let mut twin = SideBook::default();
        for claim in held.iter().filter(|claim| claim.symbol.0 == symbol && claim.side == side) {
            match claim.stage {
                Stage::InFlight => (twin.in_flight.0, twin.orders) = (twin.in_flight.0 + claim.lots.0, twin.orders + 1),
                Stage::Open => {
                    (twin.open.0, twin.positions) = (twin.open.0 + claim.lots.0, twin.positions + 1);
                    twin.closing.0 += claim.closing.0;
                }
            }
        }
        assert_eq!(ledger.side(SymbolId(symbol), side), twin);
    }
    // EUR is the base of symbol 0; USD its quote and the base of symbol 1; CHF the quote of symbol 1.
    for (place, legs) in [[1, 0], [-1, 1], [0, -1]].iter().enumerate() {
        let mut twin = CurrencyBook::default();
        for claim in &held {
            let amount = i128::from(claim.value.0) * i128::from(claim.side.sign() * legs[usize::from(claim.symbol.0)]);
            match claim.stage {
                Stage::Open => twin.open += amount,
                Stage::InFlight => {
                    twin.long_in_flight += amount.max(0);
                    twin.short_in_flight += (-amount).max(0);
                }
            }
        }
        assert_eq!(ledger.currency(place), Some(&twin), "currency {place}");
    }
    assert_eq!(ledger.is_flat(), held.is_empty());
}

#[derive(Debug, Clone, Copy)]
enum Act {
    Reserve(u16, u16, bool, i64),
    Adopt(u16, u16, bool, i64),
    Release(usize),
    Fill(usize, i64, i64, bool),
    Closing(usize, i64),
    Keep(usize, i64),
    Reduce(usize, i64),
    Restate(usize, i64),
    Realise(u16, i64),
    Mark(u16, i64),
}

fn act() -> impl Strategy<Value = Act> {
    let (which, lots) = (0_usize..30, -1_i64..60);
    prop_oneof![
        4 => (0_u16..3, 0_u16..3, any::<bool>(), -1_i64..60).prop_map(|(a, b, c, d)| Act::Reserve(a, b, c, d)),
        1 => (0_u16..3, 0_u16..3, any::<bool>(), -1_i64..60).prop_map(|(a, b, c, d)| Act::Adopt(a, b, c, d)),
        1 => which.clone().prop_map(Act::Release),
        4 => (which.clone(), lots.clone(), -1_i64..60, any::<bool>()).prop_map(|(a, b, c, d)| Act::Fill(a, b, c, d)),
        2 => (which.clone(), lots.clone()).prop_map(|(a, b)| Act::Closing(a, b)),
        1 => (which.clone(), lots.clone()).prop_map(|(a, b)| Act::Keep(a, b)),
        3 => (which.clone(), lots).prop_map(|(a, b)| Act::Reduce(a, b)),
        1 => (which, 1_i64..200_000).prop_map(|(a, b)| Act::Restate(a, b)),
        1 => (0_u16..2, any::<i32>()).prop_map(|(a, b)| Act::Realise(a, i64::from(b))),
        1 => (0_u16..2, any::<i32>()).prop_map(|(a, b)| Act::Mark(a, i64::from(b))),
    ]
}

/// Does one thing; whether the ledger called it a fault.
fn play(ledger: &mut Exposure, claims: &mut Vec<Claim>, profits: &mut [[i128; 2]; 2], act: Act) -> bool {
    let side = |buy: bool| if buy { Side::Buy } else { Side::Sell };
    let len = claims.len().max(1);
    let mut spare = Claim::default();
    let at = |n: usize| n % len;
    match act {
        Act::Reserve(strategy, symbol, buy, lots) => ledger
            .reserve(&approved(&terms(strategy, symbol, side(buy), lots)), Rate::new(3, 7).unwrap())
            .map(|claim| claims.push(claim)),
        Act::Adopt(strategy, symbol, buy, lots) => {
            ledger.adopt(&terms(strategy, symbol, side(buy), lots), Rate::ONE).map(|claim| claims.push(claim))
        }
        Act::Release(n) => ledger.release(claims.get_mut(at(n)).unwrap_or(&mut spare)),
        Act::Fill(n, lots, rest, known) => {
            let order = claims.get_mut(at(n)).unwrap_or(&mut spare);
            let filled = terms(order.strategy.0, order.symbol.0, order.side, lots);
            let rate = known.then(|| Rate::new(5, 9).unwrap());
            ledger.fill(order, &filled, Lots(rest), rate).map(|opened| claims.push(opened))
        }
        Act::Closing(n, lots) => ledger.closing(claims.get_mut(at(n)).unwrap_or(&mut spare), Lots(lots)),
        Act::Keep(n, lots) => ledger.keep(claims.get_mut(at(n)).unwrap_or(&mut spare), Lots(lots)),
        Act::Reduce(n, lots) => ledger.reduce(claims.get_mut(at(n)).unwrap_or(&mut spare), Lots(lots)),
        Act::Restate(n, stop) => {
            let claim = claims.get_mut(at(n)).unwrap_or(&mut spare);
            let stop = Some(Price(stop));
            let moved = Terms { stop, ..terms(claim.strategy.0, claim.symbol.0, claim.side, claim.lots.0) };
            ledger.restate(claim, &moved, Rate::ONE)
        }
        Act::Realise(strategy, amount) => {
            profits[usize::from(strategy)][0] += i128::from(amount);
            ledger.realise(StrategyId(strategy), Money(amount))
        }
        Act::Mark(strategy, amount) => {
            profits[usize::from(strategy)][1] += i128::from(amount);
            ledger.mark(StrategyId(strategy), Money(amount))
        }
    }
    .is_err()
}

proptest! {
    #[test]
    fn totals_are_the_sums_of_the_claims(acts in prop::collection::vec(act(), 1..120), cut in 0_usize..120) {
        let (mut ledger, mut claims, mut profits) = (empty(), Vec::new(), [[0; 2]; 2]);
        let mut faults = 0;
        for (step, act) in acts.into_iter().enumerate() {
            faults += u64::from(play(&mut ledger, &mut claims, &mut profits, act));
            check(&ledger, &claims, &profits);
            prop_assert_eq!(ledger.faults(), faults);
            if step == cut {
                let mut bytes = Vec::new();
                ledger.save(&mut bytes);
                claims.save(&mut bytes);
                let mut reader = Reader::new(&bytes);
                ledger = empty();
                ledger.load(&mut reader).unwrap();
                let mut read: Vec<Claim> = Vec::new();
                read.load(&mut reader).unwrap();
                prop_assert_eq!(&read, &claims);
            }
        }
        // A recount changes nothing but the faults.
        ledger.recount(claims.iter()).unwrap();
        check(&ledger, &claims, &profits);
        prop_assert_eq!(ledger.faults(), 0);
    }
}

#[test]
fn an_order_lives_through_its_fills_to_the_end() {
    let mut ledger = empty();
    let mut order = ledger.reserve(&approved(&terms(0, 0, Side::Buy, 10)), Rate::ONE).unwrap();
    assert_eq!(
        (order.value(), order.risk(), order.margin()),
        (Money::units(12_500), Money::units(10), Money(416_666_667))
    );
    let mut first = ledger.fill(&mut order, &terms(0, 0, Side::Buy, 4), Lots(6), Some(Rate::ONE)).unwrap();
    assert_eq!((order.lots(), first.lots(), first.stage()), (Lots(6), Lots(4), Stage::Open));
    assert_eq!(ledger.account().value, 12_500_000_000, "an order and its part are worth the order");
    ledger.release(&mut order).unwrap();
    assert!(order.is_spent());
    ledger.closing(&mut first, Lots(4)).unwrap();
    assert_eq!(ledger.side(SymbolId(0), Side::Buy).free(), Lots(0));
    ledger.keep(&mut first, Lots(1)).unwrap();
    assert_eq!(first.closing(), Lots(3));
    let even = Terms { stop: Some(Price(125_000)), ..terms(0, 0, Side::Buy, 4) };
    ledger.restate(&mut first, &even, Rate::ONE).unwrap();
    assert_eq!((first.risk(), ledger.account().risk), (Money::ZERO, 0), "a stop at the entry price risks nothing");
    ledger.reduce(&mut first, Lots(3)).unwrap();
    assert_eq!((first.lots(), first.closing()), (Lots(1), Lots(0)));
    ledger.reduce(&mut first, Lots(1)).unwrap();
    assert!(ledger.is_flat() && first.is_spent() && ledger.faults() == 0);
    assert_eq!(*ledger.account(), Book::default());
}

#[test]
fn a_position_without_a_stop_risks_its_whole_value() {
    let ledger = empty();
    let bare = Terms { stop: None, ..terms(0, 0, Side::Sell, 10) };
    let claim = ledger.appraise(&bare, Stage::Open, Rate::ONE).unwrap();
    assert_eq!(claim.risk(), claim.value());
    assert_eq!(ledger.appraise(&terms(0, 0, Side::Buy, i64::MAX), Stage::Open, Rate::ONE), None);
    assert_eq!(ledger.appraise(&terms(0, 5, Side::Buy, 1), Stage::Open, Rate::ONE), None);
}

#[test]
fn the_impossible_is_a_fault() {
    let mut ledger = empty();
    let mut order = ledger.reserve(&approved(&terms(0, 0, Side::Buy, 10)), Rate::ONE).unwrap();
    let mut same = order;
    assert_eq!(ledger.reduce(&mut order, Lots(1)), Err(LedgerFault::WrongStage));
    assert_eq!(ledger.release(&mut order), Ok(()));
    assert_eq!(ledger.release(&mut same), Err(LedgerFault::NotBooked));
    let unusable = ledger.reserve(&approved(&terms(0, 0, Side::Buy, 0)), Rate::ONE);
    assert_eq!(unusable, Err(LedgerFault::Unusable));
    let nobody = ledger.reserve(&approved(&terms(5, 0, Side::Buy, 1)), Rate::ONE);
    assert_eq!(nobody, Err(LedgerFault::UnknownStrategy));
    let mut position = ledger.adopt(&terms(0, 0, Side::Buy, 10), Rate::ONE).unwrap();
    assert_eq!(ledger.closing(&mut position, Lots(11)), Err(LedgerFault::ExceedsOpen));
    assert_eq!(ledger.keep(&mut position, Lots(1)), Err(LedgerFault::NotBooked));
    assert_eq!(ledger.release(&mut position), Err(LedgerFault::WrongStage));
    assert_eq!(ledger.faults(), 7);
}
