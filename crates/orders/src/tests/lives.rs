//! Stories of single orders and positions.

use market::{Lots, Money, Points, Price, Side, Span, StrategyId, SymbolId, Time};
use risk::{Claim, ExitCause, Kind, Protection, Rate, Reduction, Ticket};

use super::{entry, instrument, plain_exits, room, spec, tick};
use crate::*;

const NOW: Time = Time(1_000);

fn hedging() -> Orders {
    room(&spec(Account::Hedging, plain_exits()), &[instrument(0), instrument(1)])
}

fn netting() -> Orders {
    room(&spec(Account::Netting, plain_exits()), &[instrument(0), instrument(1)])
}

fn enter(orders: &mut Orders, entry: risk::Entry) -> OrderId {
    orders.enter(entry, Claim::default(), NOW).unwrap().id()
}

fn opened(id: OrderId, ticket: u64, lots: (i64, i64), price: i64) -> Report {
    let (lots, rest) = (Lots(lots.0), Lots(lots.1));
    Report::Opened { id, time: NOW, ticket: Ticket(ticket), lots, rest, price: Price(price), commission: Money(-7) }
}

fn closed(id: Option<OrderId>, ticket: (u64, Option<u64>), lots: i64, price: i64, profit: i64) -> Report {
    Report::Closed {
        id,
        time: NOW,
        ticket: Ticket(ticket.0),
        successor: ticket.1.map(Ticket),
        lots: Lots(lots),
        price: Price(price),
        profit: Money(profit),
        commission: Money(-2),
        swap: Money(3),
        cause: ExitCause::Stop,
    }
}

fn hear(orders: &mut Orders, report: Report) -> Outcome {
    orders.on_report(&report, Some(Rate::ONE), NOW)
}

fn life(orders: &Orders, id: OrderId) -> Life {
    orders.order(id).unwrap().life
}

fn close(orders: &mut Orders, ticket: u64, lots: i64, cause: ExitCause) -> Result<Request, Unsent> {
    let side = orders.position(Ticket(ticket)).map_or(Side::Buy, |position| position.side);
    let (strategy, symbol) = (StrategyId(0), SymbolId(0));
    orders.close(Reduction { strategy, symbol, ticket: Ticket(ticket), side, lots: Lots(lots), cause }, NOW)
}

fn limit(lots: i64, expires: Time) -> risk::Entry {
    risk::Entry { kind: Kind::Limit { price: Price(990), expires }, ..entry(Side::Buy, lots, 1_000) }
}

#[test]
fn fills_are_counted_once_and_gaps_are_queried() {
    let mut orders = hedging();
    let id = enter(&mut orders, limit(10, Time(9_000)));
    assert!(matches!(hear(&mut orders, Report::Accepted { id, time: NOW }), Outcome::Moved(_)));
    let (first, second, third) = (opened(id, 7, (4, 6), 990), opened(id, 7, (1, 5), 989), opened(id, 7, (2, 3), 988));
    assert!(matches!(hear(&mut orders, first), Outcome::Opened(_)));
    assert_eq!(hear(&mut orders, first), Outcome::Repeated);
    // The second was lost on the way: nothing is booked until the answer to a query brings all of them.
    assert!(matches!(hear(&mut orders, third), Outcome::Moved(_)));
    assert_eq!((life(&orders, id), orders.next_deadline(), orders.reconciled()), (Life::Unknown, Some(NOW), false));
    assert!(matches!(hear(&mut orders, first), Outcome::Moved(_)));
    assert!(matches!(hear(&mut orders, second), Outcome::Opened(_)));
    assert!(matches!(hear(&mut orders, third), Outcome::Opened(_)));
    assert_eq!((life(&orders, id), orders.reconciled()), (Life::PartlyFilled, true));
    assert!(
        matches!(hear(&mut orders, opened(id, 7, (5, 2), 988)), Outcome::Impossible(_)),
        "less is left than it says"
    );
    let last = opened(id, 7, (3, 0), 988);
    assert!(matches!(hear(&mut orders, last), Outcome::Opened(_)));
    assert_eq!(life(&orders, id), Life::Filled);
    assert_eq!(hear(&mut orders, last), Outcome::Repeated);
    assert_eq!(hear(&mut orders, first), Outcome::Repeated);
    assert!(matches!(hear(&mut orders, opened(id, 7, (1, 0), 988)), Outcome::Impossible(_)));
    let position = *orders.position(Ticket(7)).unwrap();
    assert_eq!((position.lots, position.entry_value), (Lots(10), 4 * 990 + 989 + 5 * 988));
    assert_eq!(orders.ledger().balance(), Money(10_000_000_000 - 28));
}

#[test]
fn a_fill_that_was_lost_before_the_end_is_found() {
    for unknown in [true, false] {
        let mut orders = hedging();
        let id = enter(&mut orders, limit(10, Time(9_000)));
        let (accepted, cancelled) = (Report::Accepted { id, time: NOW }, Report::Cancelled { id, time: NOW });
        hear(&mut orders, accepted);
        assert!(matches!(hear(&mut orders, cancelled), Outcome::Failed(_)));
        if unknown {
            assert!(matches!(hear(&mut orders, Report::Unknown { id, time: NOW }), Outcome::Moved(_)));
            assert_eq!((life(&orders, id), orders.is_settled(SymbolId(0))), (Life::Unknown, false));
        }
        hear(&mut orders, accepted);
        assert!(matches!(hear(&mut orders, opened(id, 7, (4, 6), 990)), Outcome::Opened(_)));
        assert!(matches!(hear(&mut orders, cancelled), Outcome::Failed(_)));
        assert_eq!((life(&orders, id), orders.live().len()), (Life::Cancelled, 0));
        assert_eq!(orders.position(Ticket(7)).unwrap().lots, Lots(4));
        assert!(orders.reconciled());
    }
}

#[test]
fn a_closing_waits_for_the_opening_that_was_lost() {
    let mut orders = hedging();
    let id = enter(&mut orders, entry(Side::Buy, 5, 1_000));
    let stopped = closed(None, (1, None), 5, 990, -50);
    assert_eq!(hear(&mut orders, stopped), Outcome::Deferred);
    assert_eq!(hear(&mut orders, stopped), Outcome::Repeated);
    assert_eq!((orders.deferred(), orders.reconciled()), (None, false));
    let mut copy = hedging();
    market::State::load(&mut copy, &mut market::Reader::new(&super::saved(&orders))).unwrap();
    for mut orders in [orders, copy] {
        hear(&mut orders, Report::Unknown { id, time: NOW });
        assert!(matches!(hear(&mut orders, opened(id, 1, (5, 0), 1_000)), Outcome::Opened(_)));
        assert_eq!(orders.deferred(), Some(stopped));
        assert!(matches!(hear(&mut orders, stopped), Outcome::Closed(_)));
        assert_eq!((orders.deferred(), orders.reconciled(), orders.positions().count()), (None, true, 0));
    }
}

#[test]
fn a_market_order_that_was_cut_short_is_over() {
    let mut orders = hedging();
    let id = enter(&mut orders, entry(Side::Sell, 10, 1_000));
    let Outcome::Opened(opening) = hear(&mut orders, opened(id, 1, (4, 0), 997)) else { panic!() };
    assert_eq!((opening.slippage, opening.order.life, opening.order.rest()), (Points(3), Life::Filled, Lots(0)));
    assert!(orders.live().is_empty());
    let id = enter(&mut orders, entry(Side::Buy, 10, 1_000));
    assert!(matches!(hear(&mut orders, opened(id, 2, (11, 0), 1_000)), Outcome::Impossible(_)), "more than asked");
    assert!(matches!(hear(&mut orders, opened(id, 1, (10, 0), 1_000)), Outcome::Impossible(_)), "another's position");
}

#[test]
fn what_is_refused_after_a_fill_cannot_be() {
    let mut orders = hedging();
    let id = enter(&mut orders, limit(10, Time(9_000)));
    hear(&mut orders, opened(id, 7, (4, 6), 990));
    let reason = Reject::NoMoney;
    for report in [Report::Rejected { id, time: NOW, reason }, Report::NeverHeard { id, time: NOW }] {
        let expected = Impossible { id, state: Life::PartlyFilled, report };
        assert_eq!(hear(&mut orders, report), Outcome::Impossible(expected));
    }
    let Outcome::Failed(failure) = hear(&mut orders, Report::Cancelled { id, time: NOW }) else { panic!() };
    assert_eq!((failure.verdict, failure.order.filled), (Verdict::Over, Lots(4)));
    assert_eq!(orders.position(Ticket(7)).unwrap().lots, Lots(4));
}

#[test]
fn a_request_answered_as_another_kind_cannot_be() {
    let mut orders = hedging();
    let id = enter(&mut orders, entry(Side::Buy, 10, 1_000));
    let protected = Report::Protected { id, time: NOW, ticket: Ticket(1), stop: None, target: None };
    assert!(matches!(hear(&mut orders, protected), Outcome::Impossible(_)));
    hear(&mut orders, opened(id, 1, (10, 0), 1_000));
    assert!(matches!(hear(&mut orders, protected), Outcome::Impossible(_)));
    let other = enter(&mut orders, entry(Side::Sell, 5, 1_000));
    assert!(matches!(hear(&mut orders, closed(Some(other), (1, None), 5, 999, 0)), Outcome::Impossible(_)), "hedging");
    let exit = close(&mut orders, 1, 5, ExitCause::Operator).unwrap().id();
    assert!(matches!(hear(&mut orders, opened(exit, 2, (5, 0), 1_000)), Outcome::Impossible(_)));
}

#[test]
fn cancellations_cross_fills() {
    let mut orders = hedging();
    let id = enter(&mut orders, limit(10, Time(9_000)));
    hear(&mut orders, Report::Accepted { id, time: NOW });
    let cancel = orders.cancel(id, NOW).unwrap();
    assert_eq!(cancel.instruction(), &Instruction::Cancel { order: id, symbol: SymbolId(0) });
    assert!(orders.cancel(id, NOW).is_none(), "once is enough");
    // The cancellation is refused: the order lives on.
    let reason = Reject::Frozen;
    hear(&mut orders, Report::Rejected { id: cancel.id(), time: NOW, reason });
    assert_eq!(life(&orders, id), Life::Working);
    // It is filled before the next cancellation arrives.
    let cancel = orders.cancel(id, NOW).unwrap();
    hear(&mut orders, opened(id, 1, (10, 0), 990));
    assert_eq!((life(&orders, id), life(&orders, cancel.id())), (Life::Filled, Life::Moot));
    let reason = Reject::UnknownTicket;
    assert_eq!(hear(&mut orders, Report::Rejected { id: cancel.id(), time: NOW, reason }), Outcome::Repeated);
    assert!(orders.reconciled());
    // Cancelled as asked.
    let id = enter(&mut orders, limit(10, Time(9_000)));
    let cancel = orders.cancel(id, NOW).unwrap();
    assert!(matches!(hear(&mut orders, Report::Cancelled { id, time: NOW }), Outcome::Failed(_)));
    assert_eq!((life(&orders, id), life(&orders, cancel.id())), (Life::Cancelled, Life::Moot));
    assert!(orders.live().is_empty());
}

#[test]
fn an_answer_that_does_not_come_is_unknown_and_never_sent_again() {
    let mut orders = hedging();
    let id = enter(&mut orders, entry(Side::Buy, 10, 1_000));
    let mut woken = Woken::new(&orders.spec);
    let mut now = NOW;
    assert_eq!(orders.next_deadline(), Some(NOW.plus(Span::from_secs(5))));
    let mut alarms = Vec::new();
    for nth in 0..5 {
        now = orders.next_deadline().unwrap();
        woken.clear();
        orders.wake(now, &mut woken);
        assert_eq!((woken.queries.as_slice(), life(&orders, id)), (&[id][..], Life::Unknown), "{nth}");
        assert_eq!(orders.may_enter(SymbolId(0)), Err(Unsent::Unreconciled));
        alarms.append(&mut woken.alarms);
    }
    assert_eq!(now, NOW.plus(Span::from_secs(13)));
    assert_eq!(alarms, [Unanswered { id, purpose: Purpose::Entry, symbol: SymbolId(0), queries: 3 }]);
    assert!(!orders.is_settled(SymbolId(0)) && orders.is_settled(SymbolId(1)));
    let Outcome::Failed(failure) = hear(&mut orders, Report::NeverHeard { id, time: NOW }) else { panic!() };
    assert_eq!(failure.order.life, Life::NeverHeard);
    assert!(orders.is_settled(SymbolId(0)) && orders.reconciled());
    assert!(matches!(hear(&mut orders, opened(id, 1, (10, 0), 1_000)), Outcome::Impossible(_)));
}

#[test]
fn a_resting_order_is_overdue_only_after_it_expired() {
    let mut orders = hedging();
    let id = enter(&mut orders, limit(10, NOW.plus(Span::MINUTE)));
    hear(&mut orders, Report::Accepted { id, time: NOW });
    let mut woken = Woken::new(&orders.spec);
    let early = orders.next_deadline().unwrap();
    orders.wake(early, &mut woken);
    assert!(woken.queries.is_empty());
    assert_eq!(orders.next_deadline(), Some(NOW.plus(Span::from_secs(65))));
    orders.wake(NOW.plus(Span::from_secs(65)), &mut woken);
    assert_eq!(woken.queries, [id]);
    // Its end alone may hide a fill that was lost; told again from the beginning it is believed.
    assert!(matches!(hear(&mut orders, Report::Cancelled { id, time: NOW }), Outcome::Moved(_)));
    assert!(!orders.is_settled(SymbolId(0)));
    hear(&mut orders, Report::Accepted { id, time: NOW });
    assert!(matches!(hear(&mut orders, Report::Cancelled { id, time: NOW }), Outcome::Failed(_)));
    assert!(orders.is_settled(SymbolId(0)));
}

#[test]
fn partial_closes_make_a_chain_of_tickets() {
    let mut orders = hedging();
    let id = enter(&mut orders, risk::Entry { stop: Some(Price(980)), ..entry(Side::Buy, 9, 999) });
    hear(&mut orders, opened(id, 1, (9, 0), 1_000));
    let mut list = Vec::with_capacity(4);
    orders.exits(&tick(0, NOW, 1_010, 1_012), 1.0, 1.0, &mut list);
    orders.exits(&tick(0, NOW, 995, 997), 1.0, 1.0, &mut list);
    let exit = close(&mut orders, 1, 4, ExitCause::Rung).unwrap().id();
    assert!(matches!(close(&mut orders, 1, 1, ExitCause::Operator), Err(Unsent::InFlight(of)) if of == exit));
    let Outcome::Closed(part) = hear(&mut orders, closed(Some(exit), (1, Some(2)), 4, 994, -24)) else { panic!() };
    assert_eq!(hear(&mut orders, closed(Some(exit), (1, Some(2)), 4, 994, -24)), Outcome::Repeated);
    assert!(orders.position(Ticket(1)).is_none());
    let rest = *orders.position(Ticket(2)).unwrap();
    assert_eq!((rest.lots, rest.rung, rest.rungs_filled, rest.stage), (Lots(5), 1, 1, Stage::Laddered));
    assert!(matches!(close(&mut orders, 1, 1, ExitCause::Operator), Err(Unsent::UnknownTicket(Ticket(1)))));
    // Less may be closed than was asked; the rest is free to be closed again.
    let exit = close(&mut orders, 2, 5, ExitCause::Timeout).unwrap().id();
    hear(&mut orders, closed(Some(exit), (2, Some(3)), 2, 990, -20));
    assert_eq!(orders.position(Ticket(3)).unwrap().flight, None);
    let Outcome::Closed(last) = hear(&mut orders, closed(None, (3, None), 3, 978, -66)) else { panic!() };
    assert_eq!(hear(&mut orders, closed(None, (3, None), 3, 978, -66)), Outcome::Repeated);
    assert_eq!(
        (part.ticket, part.successor, part.rest, part.cause),
        (Ticket(1), Some(Ticket(2)), Lots(5), ExitCause::Rung)
    );
    assert_eq!((part.entry_slippage, part.exit_slippage), (Points(1), Some(Points(1))));
    assert_eq!((part.best, part.worst, part.risk), (Points(10), Points(-6), Some(Points(20))));
    assert_eq!(
        (last.first_ticket, last.ticket, last.rest, last.cause),
        (Ticket(1), Ticket(3), Lots(0), ExitCause::Stop)
    );
    assert_eq!((last.exit_slippage, last.worst, last.exit_order), (Some(Points(2)), Points(-22), None));
    // Opening commission of 7: 3 and 4 for the parts of 4 and then 5, of which 2 takes 2.
    assert_eq!((part.commission, last.commission), (Money(-5), Money(-4)));
    assert_eq!(orders.ledger().balance(), Money(10_000_000_000 - 7 - 24 - 20 - 66 - 6 + 9));
}

#[test]
fn a_netting_account_nets_and_flips() {
    let mut orders = netting();
    let long = enter(&mut orders, entry(Side::Buy, 5, 1_000));
    hear(&mut orders, opened(long, 1, (5, 0), 1_000));
    // Another order of the same side enlarges it.
    let more = enter(&mut orders, entry(Side::Buy, 5, 1_000));
    hear(&mut orders, opened(more, 1, (5, 0), 1_010));
    assert_eq!((orders.positions().count(), orders.position(Ticket(1)).unwrap().entry), (1, Price(1_005)));
    // The other side reduces it.
    let less = enter(&mut orders, entry(Side::Sell, 4, 1_000));
    let Outcome::Closed(trade) = hear(&mut orders, closed(Some(less), (1, Some(1)), 4, 1_003, -8)) else { panic!() };
    assert_eq!((trade.cause, trade.rest, life(&orders, less)), (ExitCause::Netted, Lots(6), Life::Filled));
    // More of the other side flips it.
    let flip = enter(&mut orders, entry(Side::Sell, 10, 1_000));
    assert!(matches!(hear(&mut orders, closed(Some(flip), (1, None), 6, 1_000, -30)), Outcome::Closed(_)));
    assert_eq!(life(&orders, flip), Life::PartlyFilled);
    assert_eq!(hear(&mut orders, closed(Some(flip), (1, None), 6, 1_000, -30)), Outcome::Repeated);
    assert!(matches!(hear(&mut orders, opened(flip, 2, (4, 0), 1_000)), Outcome::Opened(_)));
    assert_eq!(life(&orders, flip), Life::Filled);
    let position = *orders.positions().next().unwrap();
    assert_eq!((position.ticket, position.side, position.lots), (Ticket(2), Side::Sell, Lots(4)));
    // A second position of a symbol means that a closing was lost: booked, but not trusted.
    assert!(orders.reconciled());
    let third = enter(&mut orders, entry(Side::Buy, 1, 1_000));
    assert!(matches!(hear(&mut orders, opened(third, 3, (1, 0), 1_000)), Outcome::Opened(_)));
    assert!(!orders.reconciled());
}

#[test]
fn a_netting_order_does_not_end_before_its_missing_part_is_found() {
    // The opening of the long was lost; what the short closed of it makes no sense yet, so its end is not believed.
    let mut orders = netting();
    let long = enter(&mut orders, entry(Side::Buy, 5, 1_000));
    let short = enter(&mut orders, entry(Side::Sell, 9, 1_000));
    let netted = closed(Some(short), (1, None), 5, 1_003, 15);
    let cancelled = Report::Cancelled { id: short, time: NOW };
    assert!(matches!(hear(&mut orders, netted), Outcome::Moved(_)));
    assert!(matches!(hear(&mut orders, cancelled), Outcome::Moved(_)));
    assert_eq!(life(&orders, short), Life::Unknown);
    assert!(matches!(hear(&mut orders, opened(long, 1, (5, 0), 1_000)), Outcome::Opened(_)));
    assert!(matches!(hear(&mut orders, netted), Outcome::Closed(_)));
    assert!(matches!(hear(&mut orders, cancelled), Outcome::Failed(_)));
    assert_eq!((life(&orders, short), orders.positions().count(), orders.reconciled()), (Life::Cancelled, 0, true));

    // The closing of a flip was lost, and the order is in doubt: that it opened less than asked does not end it.
    let long = enter(&mut orders, entry(Side::Buy, 5, 1_000));
    assert!(matches!(hear(&mut orders, opened(long, 2, (5, 0), 1_000)), Outcome::Opened(_)));
    let flip = enter(&mut orders, entry(Side::Sell, 9, 1_000));
    hear(&mut orders, Report::Unknown { id: flip, time: NOW });
    let rest = opened(flip, 3, (4, 0), 999);
    assert!(matches!(hear(&mut orders, rest), Outcome::Opened(_)));
    assert_eq!(life(&orders, flip), Life::Unknown);
    assert!(matches!(hear(&mut orders, closed(Some(flip), (2, None), 5, 999, -5)), Outcome::Closed(_)));
    assert_eq!((hear(&mut orders, rest), life(&orders, flip)), (Outcome::Repeated, Life::Filled));
    let left: Vec<_> = orders.positions().map(|position| (position.ticket.0, position.side, position.lots.0)).collect();
    assert_eq!(left, [(3, Side::Sell, 4)]);
}

#[test]
fn opposite_positions_coexist_on_a_hedging_account() {
    let mut orders = hedging();
    let long = enter(&mut orders, entry(Side::Buy, 5, 1_000));
    let short = enter(&mut orders, entry(Side::Sell, 5, 1_000));
    hear(&mut orders, opened(short, 1, (5, 0), 1_000));
    hear(&mut orders, opened(long, 2, (5, 0), 1_001));
    assert_eq!(
        orders.positions_of(SymbolId(0)).map(|position| position.side).collect::<Vec<_>>(),
        [Side::Sell, Side::Buy]
    );
    assert_eq!(
        orders.mark(&tick(0, NOW, 1_010, 1_012), Some(Rate::ONE)),
        Some(Money(10_000_000_000 - 14 - 15_000_000))
    );
    assert_eq!(orders.mark(&tick(0, NOW, 1_010, 1_012), None), None);
    assert_eq!(orders.mark(&tick(1, NOW, 1, 2), None), Some(orders.ledger().equity()));
    // Closed: what was open profit is realised, not counted twice.
    let Outcome::Closed(trade) = hear(&mut orders, closed(None, (1, None), 5, 1_012, -60_000_000)) else { panic!() };
    assert_eq!(trade.net(), Money(-60_000_000 - 2 - 7 + 3));
    assert_eq!(orders.ledger().open(), Money(45_000_000));
    assert_eq!(orders.holding(Ticket(2)).unwrap().older, 0);
}

#[test]
fn reports_of_what_we_do_not_know_are_surprises() {
    let mut orders = hedging();
    let reports = [
        opened(OrderId::new(1, 99), 1, (1, 0), 1),
        closed(None, (9, None), 1, 1, 0),
        closed(Some(OrderId(5)), (9, None), 1, 1, 0),
    ];
    let expected =
        [Surprise::UnknownOrder(reports[0]), Surprise::UnknownTicket(reports[1]), Surprise::UnknownOrder(reports[2])];
    for (report, expected) in reports.into_iter().zip(expected) {
        let mut orders = hedging();
        assert_eq!(hear(&mut orders, report), Outcome::Surprise(expected));
        assert_eq!(orders.may_enter(SymbolId(0)), Err(Unsent::Unreconciled));
    }
    let id = enter(&mut orders, entry(Side::Buy, 5, 1_000));
    hear(&mut orders, opened(id, 1, (5, 0), 1_000));
    let over = closed(None, (1, None), 6, 1_000, 0);
    assert_eq!(hear(&mut orders, over), Outcome::Surprise(Surprise::Overclosed(over)));
    let huge = closed(None, (1, None), 5, 1_000, i64::MAX);
    assert_eq!(hear(&mut orders, huge), Outcome::Surprise(Surprise::Overflow(huge)));
    assert_eq!(orders.position(Ticket(1)).unwrap().lots, Lots(5));
}

#[test]
fn room_for_every_exit_is_kept() {
    let mut narrow = spec(Account::Hedging, plain_exits());
    (narrow.orders_max, narrow.positions_max) = (4, 3);
    let mut orders = room(&narrow, &[instrument(0)]);
    let ids: Vec<OrderId> = (0..2).map(|_| enter(&mut orders, entry(Side::Buy, 1, 1_000))).collect();
    assert_eq!(orders.may_enter(SymbolId(0)), Err(Unsent::Full));
    for (nth, id) in ids.into_iter().enumerate() {
        hear(&mut orders, opened(id, nth as u64 + 1, (1, 0), 1_000));
    }
    assert_eq!(orders.may_enter(SymbolId(0)), Ok(()));
    let third = enter(&mut orders, entry(Side::Buy, 1, 1_000));
    hear(&mut orders, opened(third, 3, (1, 0), 1_000));
    assert_eq!(orders.may_enter(SymbolId(0)), Err(Unsent::Full));
    for ticket in 1..=3 {
        assert!(close(&mut orders, ticket, 1, ExitCause::Flatten).is_ok());
    }
    assert_eq!(orders.may_enter(SymbolId(9)), Err(Unsent::UnknownSymbol));
}

#[test]
fn a_stop_that_a_person_lifts_stays_lifted() {
    let mut orders = hedging();
    let id = enter(&mut orders, risk::Entry { stop: Some(Price(980)), ..entry(Side::Buy, 9, 999) });
    hear(&mut orders, opened(id, 1, (9, 0), 1_000));
    let (strategy, symbol, ticket) = (StrategyId(0), SymbolId(0), Ticket(1));
    let protection = Protection { strategy, symbol, ticket, stop: None, target: Some(Price(1_100)) };
    let request = orders.secure(protection, NOW).unwrap();
    assert!(matches!(orders.secure(protection, NOW), Err(Unsent::InFlight(_))));
    let report = Report::Protected { id: request.id(), time: NOW, ticket, stop: None, target: Some(Price(1_100)) };
    assert!(matches!(hear(&mut orders, report), Outcome::Protected(_)));
    assert_eq!(hear(&mut orders, report), Outcome::Repeated);
    let mut list = Vec::with_capacity(4);
    orders.exits(&tick(0, NOW, 1_000, 1_001), 1.0, 1.0, &mut list);
    assert!(list.is_empty());
    assert_eq!(orders.position(ticket).unwrap().stage, Stage::Unprotected);
    let Outcome::Closed(trade) = hear(
        &mut orders,
        Report::Closed {
            id: None,
            time: NOW,
            ticket,
            successor: None,
            lots: Lots(9),
            price: Price(1_101),
            profit: Money(1),
            commission: Money(0),
            swap: Money(0),
            cause: ExitCause::Target,
        },
    ) else {
        panic!()
    };
    assert_eq!((trade.cause, trade.exit_slippage), (ExitCause::Target, Some(Points(-1))));
}

#[test]
fn a_restart_waits_for_the_venues_list_and_adopts_only_on_order() {
    let mut orders = hedging();
    let id = enter(&mut orders, risk::Entry { stop: Some(Price(980)), ..entry(Side::Buy, 9, 999) });
    hear(&mut orders, opened(id, 1, (9, 0), 1_000));
    orders.doubt();
    assert_eq!(orders.may_enter(SymbolId(0)), Err(Unsent::Unreconciled));
    let held = |ticket, lots, stop: Option<i64>| Report::Held {
        time: NOW,
        ticket: Ticket(ticket),
        symbol: SymbolId(0),
        side: Side::Buy,
        lots: Lots(lots),
        price: Price(1_000),
        stop: stop.map(Price),
        target: None,
    };
    let balance = orders.ledger().balance();
    let listed = |positions, balance| Report::Listed { time: NOW, positions, balance };
    hear(&mut orders, held(1, 9, Some(980)));
    assert_eq!(hear(&mut orders, listed(1, balance)), Outcome::Listed(Listing::Agrees));
    assert!(orders.reconciled());
    // A manual close of a part, a foreign position and a deposit.
    hear(&mut orders, held(2, 4, Some(980)));
    hear(&mut orders, held(3, 5, None));
    assert_eq!(hear(&mut orders, listed(2, Money(5))), Outcome::Listed(Listing::Differs(4)));
    assert!(!orders.reconciled());
    assert_eq!(orders.adopt(StrategyId(7), |_| Some(Rate::ONE), NOW), Err(Unadopted::UnknownStrategy));
    assert_eq!(orders.adopt(StrategyId(1), |_| None, NOW), Err(Unadopted::NotValued(SymbolId(0))));
    assert_eq!(orders.adopt(StrategyId(1), |_| Some(Rate::ONE), NOW), Ok(4));
    assert_eq!(orders.adopt(StrategyId(1), |_| Some(Rate::ONE), NOW), Err(Unadopted::NoList));
    assert!(orders.reconciled());
    let found: Vec<_> = orders
        .positions()
        .map(|position| (position.ticket.0, position.origin, position.strategy.0, position.lots.0))
        .collect();
    assert_eq!(found, [(2, Origin::External, 1, 4), (3, Origin::External, 1, 5)]);
    assert_eq!((orders.ledger().balance(), orders.ledger().adjusted()), (Money(5), Money(5 - balance.0)));
    assert_eq!(orders.exposure().faults(), 0);
    assert_eq!(orders.exposure().account().positions, 2);
    // With a request under way a list cannot be compared.
    let _pending = enter(&mut orders, entry(Side::Buy, 1, 1_000));
    assert_eq!(hear(&mut orders, listed(0, Money(5))), Outcome::Listed(Listing::Unsteady));
    assert!(orders.reconciled(), "what is not comparable says nothing");
}

#[test]
fn what_was_adopted_is_not_booked_again_when_its_report_is_heard_at_last() {
    let mut orders = netting();
    let first = enter(&mut orders, entry(Side::Sell, 6, 1_000));
    hear(&mut orders, opened(first, 1, (6, 0), 1_000));
    // An order that closes the six and opens one; the report of the closing is lost.
    let turn = enter(&mut orders, entry(Side::Buy, 7, 1_001));
    hear(&mut orders, opened(turn, 2, (1, 0), 1_001));
    let held = Report::Held {
        time: NOW,
        ticket: Ticket(2),
        symbol: SymbolId(0),
        side: Side::Buy,
        lots: Lots(1),
        price: Price(1_001),
        stop: None,
        target: None,
    };
    hear(&mut orders, held);
    let balance = Money(orders.ledger().balance().0 - 5);
    let listed = Report::Listed { time: NOW, positions: 1, balance };
    assert_eq!(hear(&mut orders, listed), Outcome::Listed(Listing::Differs(2)));
    assert_eq!(orders.adopt(StrategyId(0), |_| Some(Rate::ONE), NOW), Ok(2));
    let closing = closed(Some(turn), (1, None), 6, 1_001, -6);
    assert_eq!(hear(&mut orders, closing), Outcome::Repeated);
    // The line says that something of it was lost: it is queried, and the answer ends it without a second booking.
    assert!(matches!(hear(&mut orders, Report::Unknown { id: turn, time: NOW }), Outcome::Moved(_)));
    assert_eq!(life(&orders, turn), Life::Unknown);
    let Outcome::Moved(order) = hear(&mut orders, closing) else { panic!() };
    assert_eq!((order.life, order.filled), (Life::Filled, Lots(7)));
    assert_eq!(hear(&mut orders, closing), Outcome::Repeated);
    assert_eq!(hear(&mut orders, opened(turn, 2, (1, 0), 1_001)), Outcome::Repeated);
    assert!(orders.reconciled());
    assert_eq!(orders.ledger().balance(), balance);
    assert_eq!(orders.positions().map(|position| (position.ticket.0, position.lots.0)).collect::<Vec<_>>(), [(2, 1)]);
    assert_eq!(orders.exposure().faults(), 0);
}

#[test]
fn an_unusable_spec_is_refused_with_every_fault() {
    let mut bad = spec(Account::Hedging, plain_exits());
    bad.orders_max = 3;
    bad.query_every = Span(0);
    let part = |fraction_millionths| Rung { distance: Distance::Risk(1.0), fraction_millionths };
    bad.exits[0].rungs = vec![part(600_000), part(600_000)];
    bad.exits[1].spike_multiple = f64::NAN;
    let faults = Orders::new(&bad, &[instrument(1)], &super::limits(1, 2)).unwrap_err();
    let expected = [
        SpecFault::Capacity,
        SpecFault::Waits,
        SpecFault::Ladder { strategy: 0 },
        SpecFault::Number { strategy: 1 },
        SpecFault::Instruments,
    ];
    assert_eq!(&faults[..5], &expected);
    assert!(matches!(faults[5], SpecFault::Limits(_)));
}
