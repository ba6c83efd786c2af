//! What is asked about a reduction or a protection.

use super::*;
use crate::controls::Asked;

/// A desk that holds 40 units of USDCHF, bought at 1.25000 with its stop at 1.24800.
fn held(limits: &Limits) -> (Desk, Holding, Claim) {
    let mut desk = desk(limits);
    desk.proposal.symbol.0 = 1;
    desk.proposal.stake = Stake::Fixed(Lots(40));
    desk.proposal.stop = Some(Points(100));
    desk.proposal.target = Some(Points(200));
    let claim = desk.open();
    let holding = Holding {
        strategy: StrategyId(0),
        symbol: SymbolId(1),
        ticket: Ticket(7),
        side: Side::Buy,
        lots: Lots(40),
        closing: Lots(0),
        stop: Some(Price(124_900)),
        target: Some(Price(125_200)),
        older: 0,
        older_of_size: 0,
    };
    (desk, holding, claim)
}

fn reduction(lots: i64) -> Reduction {
    Reduction {
        strategy: StrategyId(0),
        symbol: SymbolId(1),
        ticket: Ticket(7),
        side: Side::Buy,
        lots: Lots(lots),
        cause: ExitCause::Rung,
    }
}

fn protection(stop: i64, target: i64) -> Protection {
    let price = |points: i64| (points != 0).then_some(Price(points));
    let (strategy, symbol) = (StrategyId(0), SymbolId(1));
    Protection { strategy, symbol, ticket: Ticket(7), stop: price(stop), target: price(target) }
}

fn release(desk: &mut Desk, reduction: Reduction, holding: &Holding) -> Option<Control> {
    control(desk.gate.release(reduction, holding, &desk.exposure, desk.now))
}

fn protect(desk: &mut Desk, protection: Protection, holding: &Holding) -> Option<Control> {
    control(desk.gate.protect(protection, holding, &desk.view, desk.now))
}

#[test]
fn no_more_is_closed_than_is_open() {
    let (mut desk, holding, mut claim) = held(&limits());
    assert_eq!(release(&mut desk, reduction(40), &holding), None);
    assert_eq!(release(&mut desk, reduction(20), &holding), None);
    assert_eq!(release(&mut desk, reduction(41), &holding), Some(Control::ExceedsOpen));
    assert_eq!(release(&mut desk, reduction(i64::MAX), &holding), Some(Control::ExceedsOpen));
    for bad in [0, -20, i64::MIN, 25, 10] {
        assert_eq!(release(&mut desk, reduction(bad), &holding), Some(Control::Malformed), "{bad}");
    }
    // What is being closed cannot be closed again, whether the holding or only the ledger knows of it.
    desk.exposure.closing(&mut claim, Lots(20)).unwrap();
    assert_eq!(release(&mut desk, reduction(30), &holding), Some(Control::ExceedsOpen));
    let holding = Holding { closing: Lots(30), ..holding };
    assert_eq!(release(&mut desk, reduction(20), &holding), Some(Control::ExceedsOpen));
    for other in [
        Reduction { ticket: Ticket(8), ..reduction(20) },
        Reduction { strategy: StrategyId(1), ..reduction(20) },
        Reduction { side: Side::Sell, ..reduction(20) },
    ] {
        assert_eq!(release(&mut desk, other, &holding), Some(Control::NotOurs));
    }
    let nowhere = Reduction { symbol: SymbolId(9), ..reduction(20) };
    assert_eq!(release(&mut desk, nowhere, &holding), Some(Control::UnknownSymbol));
}

#[test]
fn no_loss_limit_and_no_kill_level_stands_in_the_way_of_an_exit() {
    let (mut desk, holding, _) = held(&limits());
    desk.exposure.realise(StrategyId(0), Money::units(-5_000)).unwrap();
    desk.gate.watch(StrategyId(0), &desk.exposure, desk.now);
    let _ = desk.exposure.realise(StrategyId(9), Money(1));
    for level in Level::ALL {
        let halt = Halt { level: *level, ..Halt::default() };
        desk.gate.halt(Scope::All, halt);
        assert_eq!(control(desk.ask()), Some(Control::LedgerUnsound));
        assert_eq!(release(&mut desk, reduction(20), &holding), None);
        assert_eq!(protect(&mut desk, protection(124_950, 125_200), &holding), None);
    }
    desk.view.quoted = Time(0);
    desk.wait(Span(2 * Span::DAY.0));
    assert_eq!(release(&mut desk, reduction(20), &holding), None, "outside every session");
}

#[test]
fn entries_leave_messages_for_exits() {
    let mut limits = limits();
    limits.account.messages = MessageRate { messages: 1, per: Span::SECOND, burst: 5 };
    limits.account.messages_for_exits = 2;
    let (mut desk, holding, _) = held(&limits);
    assert_eq!(protect(&mut desk, protection(124_950, 125_200), &holding), None);
    desk.proposal.symbol.0 = 0;
    assert!(desk.submit().is_ok());
    assert_eq!(control(desk.submit()), Some(Control::MessageRate));
    assert_eq!(protect(&mut desk, protection(124_950, 125_200), &holding), Some(Control::MessageRate));
    assert_eq!(release(&mut desk, reduction(20), &holding), None);
    assert_eq!(release(&mut desk, reduction(20), &holding), None);
    assert_eq!(release(&mut desk, reduction(20), &holding), Some(Control::MessageRate));
    desk.gate.count_cancel(desk.now);
    desk.wait(Span::SECOND);
    assert_eq!(release(&mut desk, reduction(20), &holding), Some(Control::MessageRate), "the cancel left a debt");
    desk.wait(Span::SECOND);
    assert_eq!(release(&mut desk, reduction(20), &holding), None);
    let counters = *desk.gate.counters();
    assert_eq!((counters.entries, counters.reductions, counters.protections, counters.cancels), (2, 3, 1, 1));
}

#[test]
fn the_oldest_position_is_closed_first_where_the_rules_say_so() {
    let mut limits = limits();
    for (preset, refused) in [(Preset::Esma, None), (Preset::Us, Some(Control::NotOldest))] {
        limits.account.preset = preset;
        let instruments = [eurusd(), Instrument { margin_class: MarginClass::MajorPair, ..usdchf() }];
        assert!(Gate::new(&limits, &instruments).is_ok());
        let (mut desk, holding, _) = held(&limits);
        let younger = Holding { older: 1, older_of_size: 0, ..holding };
        assert_eq!(release(&mut desk, reduction(40), &younger), None, "the oldest of its size, as a whole");
        assert_eq!(release(&mut desk, reduction(20), &younger), refused, "a part of a younger one");
        let same = Holding { older: 2, older_of_size: 1, ..holding };
        assert_eq!(release(&mut desk, reduction(40), &same), refused);
        assert_eq!(release(&mut desk, reduction(40), &holding), None);
    }
}

#[test]
fn stops_only_tighten_and_keep_the_brokers_distance() {
    let mut limits = limits();
    let (mut desk, holding, _) = held(&limits);
    let mut check = |stop, target, expected| {
        assert_eq!(protect(&mut desk, protection(stop, target), &holding), expected, "{stop} {target}");
    };
    check(124_905, 125_200, None);
    check(124_900, 125_200, Some(Control::Unchanged));
    check(124_895, 125_200, Some(Control::StopLoosened));
    check(0, 125_200, Some(Control::StopLoosened));
    // The bid is 124,990 and the stop level 30.
    check(124_960, 125_200, None);
    check(124_965, 125_200, Some(Control::StopTooNear));
    check(125_100, 125_200, Some(Control::StopTooNear));
    check(124_900, 125_020, None);
    check(124_900, 125_015, Some(Control::TargetTooNear));
    check(124_900, 124_000, Some(Control::TargetTooNear));
    check(124_900, 0, None);
    check(124_961, 125_200, Some(Control::Malformed));
    check(124_900, 125_201, Some(Control::Malformed));
    let other = Protection { ticket: Ticket(1), ..protection(124_950, 0) };
    assert_eq!(protect(&mut desk, other, &holding), Some(Control::NotOurs));
    let near = Holding { stop: Some(Price(124_980)), ..holding };
    assert_eq!(protect(&mut desk, protection(124_980, 125_300), &near), Some(Control::Frozen));
    let near = Holding { stop: Some(Price(124_979)), ..holding };
    assert_eq!(protect(&mut desk, protection(124_979, 125_300), &near), None);
    desk.view.bid = Price(0);
    assert_eq!(protect(&mut desk, protection(124_905, 125_200), &holding), Some(Control::Malformed));

    limits.strategies[0].stop_change = StopChange::Free;
    let (mut desk, holding, _) = held(&limits);
    assert_eq!(protect(&mut desk, protection(124_895, 125_200), &holding), None);
    assert_eq!(protect(&mut desk, protection(0, 125_200), &holding), Some(Control::StopLoosened));
    let bare = Holding { stop: None, ..holding };
    assert_eq!(protect(&mut desk, protection(124_000, 125_200), &bare), None);
}

#[test]
fn a_short_position_is_protected_from_the_ask() {
    let (mut desk, holding, _) = held(&limits());
    let short = Holding { side: Side::Sell, stop: Some(Price(125_100)), target: Some(Price(124_800)), ..holding };
    // The ask is 125,000 and the stop level 30.
    assert_eq!(protect(&mut desk, protection(125_030, 124_800), &short), None);
    assert_eq!(protect(&mut desk, protection(125_025, 124_800), &short), Some(Control::StopTooNear));
    assert_eq!(protect(&mut desk, protection(125_105, 124_800), &short), Some(Control::StopLoosened));
    assert_eq!(protect(&mut desk, protection(125_100, 124_970), &short), None);
    assert_eq!(protect(&mut desk, protection(125_100, 124_975), &short), Some(Control::TargetTooNear));
}

#[test]
fn every_exit_control_is_tested_here() {
    let text = include_str!("exits.rs");
    for row in CONTROLS.iter().filter(|row| matches!(row.asked, Asked::Exits | Asked::All)) {
        assert!(text.contains(&format!("Some(Control::{})", row.control.name())), "{:?}", row.control);
    }
}
