//! The whole way: a real gate approves, the ledger of exposure is kept, and is empty when all is closed.

use market::{Lots, Money, Points, Price, Side, Span, StrategyId, SymbolId, Time};
use proptest::prelude::*;
use risk::{Account as Cash, Approved, Entry, Gate, Kind, MarketView, Proposal, Rate, Stake, Ticket};

use super::{instrument, limits, plain_exits, room, saved, spec, tick};
use crate::*;

fn view(price: i64, now: Time) -> MarketView {
    let equity = Money::units(1_000_000_000);
    MarketView {
        bid: Price(price),
        ask: Price(price + 1),
        quoted: now,
        spread_usual: 1.0,
        reference: Some(Price(price)),
        rate: Some(Rate::ONE),
        account: Cash { equity, free_margin: equity },
    }
}

fn approved(gate: &mut Gate, orders: &Orders, (side, lots): (Side, i64), price: i64, now: Time) -> Approved<Entry> {
    let proposal = Proposal {
        strategy: StrategyId(0),
        symbol: SymbolId(0),
        side,
        kind: Kind::Market { deviation: Points(5) },
        stop: Some(Points(20)),
        target: None,
        stake: Stake::Fixed(Lots(lots)),
    };
    let view = view(price, now);
    gate.observe(SymbolId(0), view.bid, view.ask, now);
    gate.review(&proposal, orders.exposure(), &view, now).0.unwrap()
}

fn laddered() -> Spec {
    let mut exits = plain_exits();
    exits.rungs = vec![Rung { distance: Distance::Risk(0.5), fraction_millionths: 500_000 }];
    exits.break_even = BreakEven::AfterRung { commission_points: 0.0 };
    spec(Account::Hedging, exits)
}

fn opened(id: OrderId, ticket: u64, lots: (i64, i64), price: i64) -> Report {
    let (lots, rest, ticket, price) = (Lots(lots.0), Lots(lots.1), Ticket(ticket), Price(price));
    Report::Opened { id, time: Time(0), ticket, lots, rest, price, commission: Money(-1) }
}

/// Passes what is wanted through the gate, and lets the venue do it at once.
fn pursue(orders: &mut Orders, gate: &mut Gate, wanted: Vec<Wanted>, (price, now): (i64, Time), next: &mut u64) {
    for wanted in wanted {
        match wanted {
            Wanted::Reduce(reduction) => {
                let holding = orders.holding(reduction.ticket).unwrap();
                let released = gate.release(reduction, &holding, orders.exposure(), now).unwrap();
                let request = orders.reduce(released, now).unwrap();
                assert_eq!(orders.holding(reduction.ticket).unwrap().closing, reduction.lots);
                *next += 1;
                let whole = holding.lots == reduction.lots;
                let report = Report::Closed {
                    id: Some(request.id()),
                    time: now,
                    ticket: reduction.ticket,
                    successor: (!whole).then_some(Ticket(*next)),
                    lots: reduction.lots,
                    price: Price(price),
                    profit: Money(0),
                    commission: Money(0),
                    swap: Money(0),
                    cause: reduction.cause,
                };
                assert!(matches!(orders.on_report(&report, Some(Rate::ONE), now), Outcome::Closed(_)));
            }
            Wanted::Protect(protection) => {
                let holding = orders.holding(protection.ticket).unwrap();
                let released = gate.protect(protection, &holding, &view(price, now), now).unwrap();
                let request = orders.protect(released, now).unwrap();
                let (id, ticket, stop, target) = (request.id(), protection.ticket, protection.stop, protection.target);
                let report = Report::Protected { id, time: now, ticket, stop, target };
                assert!(matches!(orders.on_report(&report, Some(Rate::ONE), now), Outcome::Protected(_)));
            }
        }
    }
}

#[test]
fn exposure_is_reserved_when_sent_and_given_back_when_over() {
    let spec = laddered();
    let mut orders = room(&spec, &[instrument(0)]);
    let mut gate = Gate::new(&limits(1, 2), &[instrument(0)]).unwrap();
    let now = Time(0);
    let entry = approved(&mut gate, &orders, (Side::Buy, 10), 1_000, now);
    let request = orders.submit(entry, Rate::ONE, now).unwrap();
    assert_eq!(orders.exposure().side(SymbolId(0), Side::Buy).in_flight, Lots(10));
    // Refused: given back.
    orders.on_report(&Report::Rejected { id: request.id(), time: now, reason: Reject::OffQuotes }, None, now);
    assert!(orders.exposure().is_flat());
    // Filled in two parts that make one position.
    let entry = approved(&mut gate, &orders, (Side::Buy, 10), 1_000, now);
    let id = orders.submit(entry, Rate::ONE, now).unwrap().id();
    orders.on_report(&opened(id, 1, (4, 6), 1_001), Some(Rate::ONE), now);
    let side = orders.exposure().side(SymbolId(0), Side::Buy);
    assert_eq!((side.open, side.in_flight, side.positions, side.orders), (Lots(4), Lots(6), 1, 1));
    orders.on_report(&opened(id, 1, (6, 0), 1_001), Some(Rate::ONE), now);
    let side = orders.exposure().side(SymbolId(0), Side::Buy);
    assert_eq!((side.open, side.in_flight, side.positions, side.orders), (Lots(10), Lots(0), 1, 0));
    let risk = |orders: &Orders| orders.exposure().account().risk;
    assert_eq!(risk(&orders), 20 * 10 * 1_000_000);
    // A rung, then break-even: the risk is gone once it is marked.
    let mut next = 1;
    for (nth, price) in [1_012, 1_013, 1_014].into_iter().enumerate() {
        let now = Time(Span::from_secs(nth as i64 + 1).0);
        let mut wanted = Vec::with_capacity(4);
        orders.mark(&tick(0, now, price, price + 1), Some(Rate::ONE));
        orders.exits(&tick(0, now, price, price + 1), 1.0, 1.0, &mut wanted);
        pursue(&mut orders, &mut gate, wanted, (price, now), &mut next);
    }
    let position = *orders.positions().next().unwrap();
    assert_eq!((position.lots, position.stop, position.stage), (Lots(5), Some(Price(1_002)), Stage::BrokenEven));
    orders.mark(&tick(0, now, 1_014, 1_015), Some(Rate::ONE));
    assert_eq!((risk(&orders), orders.exposure().account().unrealised), (0, 13 * 5 * 1_000_000));
    // A flattening, refused once.
    orders.leave(Scope::All, risk::ExitCause::Flatten);
    let mut woken = Woken::new(&spec);
    orders.wake(Time(Span::MINUTE.0), &mut woken);
    pursue(&mut orders, &mut gate, woken.wanted, (1_014, Time(Span::MINUTE.0)), &mut next);
    assert!(orders.exposure().is_flat());
    assert_eq!((orders.exposure().faults(), orders.exposure().account().unrealised), (0, 0));
    assert_eq!(orders.exposure().account().realised, -2);
}

#[test]
fn a_refused_close_may_be_asked_for_again() {
    let spec = laddered();
    let mut orders = room(&spec, &[instrument(0)]);
    let mut gate = Gate::new(&limits(1, 2), &[instrument(0)]).unwrap();
    let now = Time(0);
    let entry = approved(&mut gate, &orders, (Side::Sell, 10), 1_000, now);
    let id = orders.submit(entry, Rate::ONE, now).unwrap().id();
    orders.on_report(&opened(id, 1, (10, 0), 1_000), None, now);
    orders.leave(Scope::Strategy(StrategyId(0)), risk::ExitCause::Flatten);
    for second in 1..3 {
        let now = Time(Span::from_secs(second * 3).0);
        let mut woken = Woken::new(&spec);
        orders.wake(now, &mut woken);
        let Some(Wanted::Reduce(reduction)) = woken.wanted.first().copied() else { panic!("{woken:?}") };
        let holding = orders.holding(Ticket(1)).unwrap();
        let released = gate.release(reduction, &holding, orders.exposure(), now).unwrap();
        let id = orders.reduce(released, now).unwrap().id();
        assert_eq!(orders.exposure().side(SymbolId(0), Side::Sell).closing, Lots(10));
        orders.on_report(&Report::Rejected { id, time: now, reason: Reject::Requote }, None, now);
        assert_eq!(orders.exposure().side(SymbolId(0), Side::Sell).closing, Lots(0));
    }
    assert_eq!(orders.exposure().faults(), 0);
}

proptest! {
    /// Orders through the gate with fills in parts, refusals, cancellations and closings: the ledger never faults, is what
    /// a recount would make it, and is empty in the end. A snapshot taken anywhere goes on alike.
    #[test]
    fn the_ledger_of_exposure_follows(steps in proptest::collection::vec((0_u8..7, 0_usize..4, 1_i64..9), 1..60), at in 0_usize..60) {
        let spec = laddered();
        let mut orders = room(&spec, &[instrument(0)]);
        let mut gate = Gate::new(&limits(1, 2), &[instrument(0)]).unwrap();
        let (mut now, mut ticket) = (Time(0), 0);
        for (nth, (what, which, lots)) in steps.into_iter().chain((0..64).map(|_| (6, 0, 1))).enumerate() {
            now = now.plus(Span::from_secs(20));
            let live = orders.live().iter().filter(|order| order.purpose == Purpose::Entry).nth(which).copied();
            match (what, live) {
                (0 | 1, _) if orders.may_enter(SymbolId(0)).is_ok() && what != 6 => {
                    let side = if lots % 2 == 0 { Side::Buy } else { Side::Sell };
                    let entry = approved(&mut gate, &orders, (side, lots), 1_000, now);
                    prop_assert!(orders.submit(entry, Rate::ONE, now).is_ok());
                }
                (2 | 3, Some(order)) => {
                    ticket += 1;
                    let part = lots.min(order.rest().0);
                    let of = if order.filled.0 > 0 && orders.position(order.ticket).is_some() { order.ticket.0 } else { ticket };
                    let rate = (order.filled.0 == 0 && lots % 2 == 0).then_some(Rate::ONE).or((order.filled.0 > 0).then_some(Rate::ONE));
                    orders.on_report(&opened(order.id, of, (part, order.rest().0 - part), 1_000 + lots), rate, now);
                }
                (4, Some(order)) => {
                    let id = order.id;
                    orders.on_report(&Report::Cancelled { id, time: now }, None, now);
                }
                (5 | 6, _) => {
                    if what == 6 {
                        if let Some(order) = live {
                            orders.on_report(&Report::Cancelled { id: order.id, time: now }, None, now);
                        }
                        orders.leave(Scope::All, risk::ExitCause::Flatten);
                    }
                    let price = 990 + lots * 5;
                    orders.mark(&tick(0, now, price, price + 1), Some(Rate::ONE));
                    let mut wanted = Vec::with_capacity(16);
                    orders.exits(&tick(0, now, price, price + 1), 1.0, 1.0, &mut wanted);
                    ticket += 1;
                    pursue(&mut orders, &mut gate, wanted, (price, now), &mut ticket);
                }
                _ => {}
            }
            if nth == at {
                let bytes = saved(&orders);
                let mut fresh = Orders::new(&spec, &[instrument(0)], &limits(1, 2)).unwrap();
                prop_assert!(market::State::load(&mut fresh, &mut market::Reader::new(&bytes)).is_ok());
                orders = fresh;
            }
            prop_assert_eq!(orders.exposure().faults(), 0, "after step {} of {}", what, nth);
            let open: i64 = orders.positions().map(|position| position.lots.0).sum();
            let [long, short] = [Side::Buy, Side::Sell].map(|side| orders.exposure().side(SymbolId(0), side));
            prop_assert_eq!(long.open.0 + short.open.0, open);
            let rest: i64 = orders.live().iter().filter(|order| order.purpose == Purpose::Entry).map(|order| order.rest().0).sum();
            prop_assert_eq!(long.in_flight.0 + short.in_flight.0, rest);
        }
        prop_assert!(orders.exposure().is_flat());
        prop_assert_eq!(orders.exposure().account().unrealised, 0);
        prop_assert_eq!(orders.exposure().account().realised, i128::from(orders.ledger().realised(StrategyId(0)).0));
    }
}
