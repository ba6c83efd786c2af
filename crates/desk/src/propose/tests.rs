use market::{Lots, Money, Price, Span, SymbolId, Tick};
use orders::Report;
use risk::Control;

use crate::{Action, Actions, Desk, Event, Fact, News};

extern crate self as desk;
#[expect(dead_code, unreachable_pub, reason = "the integration tests use the rest")]
#[path = "../../tests/stage/specs.rs"]
mod specs;

/// A quote so many seconds after noon with so much volume at the bid and 100 at the ask: 900 are a signal to buy.
fn quote(seconds: i64, bid_lots: i64) -> Fact {
    let time = specs::noon().plus(Span::from_secs(seconds));
    let (bid, ask) = (Price(130_000), Price(130_002));
    let (bid_lots, ask_lots) = (Lots(bid_lots), Lots(100));
    Fact::Ticked(Tick { symbol: SymbolId(0), time, seen: time, bid, ask, bid_lots, ask_lots })
}

#[test]
fn a_check_that_panics_lets_nothing_leave() {
    let mut desk = Desk::new(&specs::plain()).unwrap();
    let mut actions = Actions::with_capacity(desk.actions_max());
    let mut seq = 0;
    let mut hear = |desk: &mut Desk, seconds: i64, fact: Fact| {
        seq += 1;
        let time = specs::noon().plus(Span::from_secs(seconds));
        desk.on_event(&Event { seq, time, fact }, &mut actions);
        actions.drain().collect::<Vec<_>>()
    };
    hear(&mut desk, 0, Fact::Started);
    let listed = Report::Listed { time: specs::noon(), positions: 0, balance: Money::units(100_000) };
    hear(&mut desk, 0, Fact::Reported(listed));
    desk.gate_breaks = true;
    let told = hear(&mut desk, 2, quote(2, 900));
    let refused = |action: &Action| matches!(action, Action::Tell(News::Refused { refusal, .. }) if refusal.control() == Control::Fault);
    assert!(told.len() == 1 && refused(&told[0]), "{told:?}");
    assert_eq!(desk.gate().counters().refused(Control::Fault), 1);
    assert_eq!(desk.orders().live().len(), 0);
    desk.gate_breaks = false;
    hear(&mut desk, 8, quote(8, 100));
    let sent = hear(&mut desk, 9, quote(9, 900));
    assert!(sent.iter().any(|action| matches!(action, Action::Send(_))), "{sent:?}");
}
