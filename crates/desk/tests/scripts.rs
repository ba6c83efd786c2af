//! The desk, told as scripts: what it heard, and what it did. Sizes of 900:100 are the strategy's signal to buy.

mod stage;

use desk::spec::{Decide, StakeSpec, StopRule};
use desk::{Desk, Spec};
use market::{Instrument, Lots, Money, Points, Price, Span, SymbolId};
use orders::Naked;
use risk::limits::{ExposureLimit, Launch, LossLimit, MessageRate, RepeatThrottle};
use risk::{Blackout, BlackoutScope, Control, Level, StopSpec, TargetSpec};
use stage::specs::{always, changed, eurusd, netting, noon, plain, with_exits, with_strategy, with_symbol};
use stage::{Stage, check};

/// The venue's list agrees and the first quotes were heard.
const READY: &str = "0 start
    0 list
    0 EURUSD 130000/130002
    1 EURUSD 130000/130002
";

/// The same, and a position of 0.10 lot is open.
const LONG: &str = "0 start
    0 list
    0 EURUSD 130000/130002
    1 EURUSD 130000/130002
    2 EURUSD 130000/130002 900:100
    2.1 opened #1 T5
";

fn ready(spec: &Spec) -> Stage {
    let mut stage = Stage::new(spec);
    stage.play(READY);
    stage.expect("0 list\n0 agrees");
    stage
}

fn long(spec: &Spec) -> Stage {
    let mut stage = Stage::new(spec);
    stage.play(LONG);
    let order = stage.lines[2].clone();
    assert!(order.starts_with("2 #1 A buy 10 EURUSD @130002+"), "{order}");
    stage.expect(&format!("0 list\n0 agrees\n{order}\n2.100 opened T5 buy 10"));
    stage
}

fn check_after(mut stage: Stage, script: &str, expected: &str) -> Stage {
    stage.play(script);
    stage.expect(expected);
    stage
}

#[test]
fn an_entry_waits_for_the_venues_list_then_is_sent_and_filled() {
    check(
        &plain(),
        "0 EURUSD 130000/130002 900:100
         1 start
         1 EURUSD 130000/130002
         2 EURUSD 130000/130002 900:100
         3 list
         3 EURUSD 130000/130002
         4 EURUSD 130000/130002 900:100
         4.1 opened #1 T5 @130003
         5 EURUSD 130000/130002",
        "0 idle unsettled, list
         1 list
         2 idle unsettled
         3 agrees
         4 #1 A buy 10 EURUSD @130002+6 stop 129922 target 130062
         4.100 opened T5 buy 10",
    );
}

#[test]
fn what_is_not_believed_goes_no_further() {
    let stage = check(
        &plain(),
        "0 start
         0 list
         0 EURUSD 130000/130002
         1 EURUSD 130003/130002 900:100
         2 EURUSD 131000/131002 900:100
         3 EURUSD 130000/130002 900:100 from 0.5
         4 EURUSD 0/130002 900:100
         5 EURUSD 130000/130002
         5 EURUSD 130000/130002
         6 EURUSD 130001/130001
         9 EURUSD 130000/130002 900:100 from 6.5
         80 EURUSD 130000/130002
         81 GBPUSD 160000/160002 900:100
         81 trade GBPUSD 160001 5
         81 trade EURUSD 130001 5
         82 EURUSD 130000/130002 900:100",
        "0 list
         0 agrees
         1 doubted crossed
         2 doubted outlier
         3 doubted stale
         4 doubted not_positive
         5 doubted duplicate
         6 flagged locked
         9 doubted stale
         80 flagged gap
         81 stranger
         81 stranger
         82 #1 A buy 10 EURUSD @130002+6 stop 129922 target 130062",
    );
    let counts = stage.desk.tick_counts(SymbolId(0)).unwrap();
    assert_eq!((counts.heard, counts.believed), (11, 5));
    assert_eq!(stage.desk.tick_counts(SymbolId(1)), None);
}

#[test]
fn an_invested_or_resting_strategy_is_not_asked() {
    let spec = changed(plain(), |spec| spec.strategies[0].cooldown = Span::from_secs(5));
    check_after(
        ready(&spec),
        "2 EURUSD 130000/130002 900:100
         3 EURUSD 130000/130002
         4 EURUSD 130000/130002 900:100
         5 EURUSD 130000/130002
         8 EURUSD 130000/130002 900:100
         8.1 opened #1 T5
         9 EURUSD 130000/130002
         10 EURUSD 130000/130002 100:900
         10.5 closed T5 @130062 Target
         11 EURUSD 130000/130002
         12 EURUSD 130000/130002 100:900",
        "2 #1 A buy 10 EURUSD @130002+6 stop 129922 target 130062
         4 idle resting
         7 query #1, list
         8 idle invested
         8.100 opened T5 buy 10
         10 idle invested
         10.500 closed T5 10 of 10 Target 6.00
         12 #2 A sell 10 EURUSD @130000+6 stop 130080 target 129940",
    );
}

#[test]
fn entries_are_refused_outside_the_session_and_in_a_blackout() {
    check(
        &plain(),
        "0 start
         0 list
         21598 EURUSD 130000/130002
         21599 EURUSD 130000/130002 900:100
         21599.1 rejected #1 busy
         21606 EURUSD 130000/130002
         21607 EURUSD 130000/130002 900:100",
        "0 list
         0 agrees
         21599 #1 A buy 10 EURUSD @130002+6 stop 129922 target 130062
         21599.100 failed #1 Busy (over)
         21607 refused OutsideSession 64807000000000/0",
    );
    let blackout =
        Blackout { from: noon().plus(Span::SECOND), until: noon().plus(Span::MINUTE), scope: BlackoutScope::All };
    let spec = changed(plain(), |spec| spec.blackouts.push(blackout));
    check_after(
        ready(&spec),
        "2 EURUSD 130000/130002 900:100
         59 EURUSD 130000/130002
         61 EURUSD 130000/130002 900:100",
        "2 refused Blackout 1399291201000000000/1399291260000000000
         61 #1 A buy 10 EURUSD @130002+6 stop 129922 target 130062",
    );
}

#[test]
fn entries_are_refused_at_a_wide_or_unusual_spread_and_on_an_old_quote() {
    check_after(
        ready(&plain()),
        "2 EURUSD 130000/130041 900:100
         8 EURUSD 130000/130002
         9 EURUSD 130000/130014 900:100
         20 EURUSD 130000/130002
         21 EURUSD 130000/130002 900:100 seen 18
         30 EURUSD 130000/130002
         31 EURUSD 130000/130002 900:100",
        "2 refused WideSpread 41/40
         9 refused UnusualSpread 14/11
         21 refused StaleQuote 3000000000/2000000000
         31 #1 A buy 10 EURUSD @130002+6 stop 129922 target 130062",
    );
}

/// A desk whose limits were changed refuses the first signal by this control, and sends without the change.
fn refused(control: Control, change: impl FnOnce(&mut Spec)) {
    let mut stage = ready(&changed(plain(), change));
    stage.play("2 EURUSD 130000/130002 900:100");
    let happened = stage.lines.join(", ");
    assert!(happened.starts_with(&format!("2 refused {} ", control.name())), "{control:?}: {happened}");
    assert_eq!(stage.desk.gate().counters().refused(control), 1);
    assert_eq!(stage.desk.orders().live().len(), 0);
    assert_eq!(stage.desk.counts().sent, 0);
}

#[test]
fn every_limit_refuses_by_its_own_name() {
    let nothing = ExposureLimit { value_max: Money(1), risk_max: Money(1), positions_max: 0 };
    refused(Control::OrderVolume, |spec| spec.limits.symbols[0].order_volume.max = Lots(9));
    refused(Control::OrderValue, |spec| spec.limits.symbols[0].order_value.max = Money::units(13_000));
    refused(Control::TradeRisk, |spec| spec.limits.strategies[0].trade_risk.max_ppm = 79);
    refused(Control::StrategyValue, |spec| {
        let own = &mut spec.limits.strategies[0].exposure;
        *own = ExposureLimit { value_max: Money(1), ..*own };
    });
    refused(Control::AccountRisk, |spec| spec.limits.account.exposure.risk_max = Money::units(7));
    refused(Control::PositionCount, |spec| spec.limits.account.exposure = nothing);
    refused(Control::SymbolPosition, |spec| spec.limits.symbols[0].position.long_max = Lots(9));
    refused(Control::CurrencyNet, |spec| spec.limits.currencies[0].net_max = Money::units(100));
    refused(Control::NoStop, |spec| spec.strategies[0].stop = StopRule::Absent);
    refused(Control::StopTooNear, |spec| {
        spec.symbols[0].instrument.stop_level = Points(79);
    });
    refused(Control::PriceCollar, |spec| spec.strategies[0].deviation = Points(400));
    refused(Control::NoEquity, |spec| spec.orders.balance = Money(0));
    refused(Control::Margin, |spec| {
        spec.orders.balance = Money::units(400);
        spec.limits.strategies[0].trade_risk.max_ppm = 1_000_000;
    });
    refused(Control::MarginLevel, |spec| spec.limits.account.margin_level_min_percent = 30_000);
    refused(Control::TooSmall, |spec| spec.symbols[0].instrument.lot_min = Lots(11));
    refused(Control::LossRoom, |spec| spec.limits.account.loss.day_max = Money::units(7));
    refused(Control::LaunchEntries, |spec| {
        let until = noon().plus(Span::HOUR);
        spec.limits.strategies[0].launch = Some(Launch { until, entries_max: 0, order_value_max: Money::MAX });
    });
    refused(Control::OutsideSession, |spec| spec.limits.strategies[0].session.clear());
    refused(Control::NoConversion, |spec| {
        let yen = Instrument { name: "USDJPY".into(), ..eurusd() };
        let never_quoted = with_symbol(spec, yen, desk::spec::Conversion::OwnMid);
        spec.symbols[0].conversion = desk::spec::Conversion::Times(never_quoted);
    });
    let mut sent = ready(&plain());
    sent.play("2 EURUSD 130000/130002 900:100");
    sent.expect("2 #1 A buy 10 EURUSD @130002+6 stop 129922 target 130062");
}

#[test]
fn a_strategy_that_goes_too_fast_is_stopped() {
    let hasty = changed(plain(), |spec| {
        spec.strategies[0].cooldown = Span(0);
        spec.strategies[0].positions_max = 10;
        spec.limits.strategies[0].messages = MessageRate { messages: 1, per: Span::from_secs(10), burst: 1 };
    });
    let script = "2 EURUSD 130000/130002 900:100
         2.5 opened #1 T5
         3 EURUSD 130000/130002
         4 EURUSD 130000/130002 900:100";
    check_after(
        ready(&hasty),
        script,
        "2 #1 A buy 10 EURUSD @130002+6 stop 129922 target 130062
         2.500 opened T5 buy 10
         4 refused StrategyMessageRate 8000000000/10000000000",
    );
    let again = changed(hasty, |spec| {
        let limits = &mut spec.limits.strategies[0];
        limits.messages = MessageRate { messages: 100, per: Span::SECOND, burst: 100 };
        limits.repeats.window = Span::from_secs(10);
        limits.duplicates.window = Span::from_secs(3);
    });
    check_after(
        ready(&again),
        script,
        "2 #1 A buy 10 EURUSD @130002+6 stop 129922 target 130062
         2.500 opened T5 buy 10
         4 refused Duplicate 2000000000/3000000000",
    );
    let often = changed(again, |spec| {
        let limits = &mut spec.limits.strategies[0];
        limits.duplicates.window = Span(0);
        limits.repeats = RepeatThrottle { executions_max: 1, window: Span::from_secs(10) };
    });
    check_after(
        ready(&often),
        &format!(
            "{script}
             60 EURUSD 130000/130002
             61 EURUSD 130000/130002 900:100
             62 rearm ann repeats A
             62 EURUSD 130000/130002
             63 EURUSD 130000/130002 900:100"
        ),
        "2 #1 A buy 10 EURUSD @130002+6 stop 129922 target 130062
         2.500 opened T5 buy 10
         4 refused RepeatedExecution 2/1, latched Repeats(StrategyId(0))
         61 refused RepeatedExecution 2/1
         62 rearmed Repeats(StrategyId(0)) by ann
         63 #2 A buy 10 EURUSD @130002+6 stop 129922 target 130062",
    );
}

#[test]
fn a_position_climbs_its_ladder_then_breaks_even_then_trails() {
    check_after(
        long(&with_exits()),
        "3 EURUSD 130049/130051
         4 EURUSD 130050/130052
         4.1 closed #2 T5 -> T6
         5 EURUSD 130051/130053
         5.1 protected #3
         6 EURUSD 130058/130060
         7 EURUSD 130062/130064
         8 EURUSD 130066/130068
         8.1 protected #4
         9 EURUSD 130070/130072
         10 EURUSD 130071/130073
         10.1 protected #5
         11 EURUSD 130022/130024
         11.1 closed T6 @130023 Stop",
        "4 #2 close T5 5 Rung
         4.100 closed T5 5 of 10 Rung 2.40 -> T6
         5 #3 protect T6 stop 130011 target 130062
         8 #4 protect T6 stop 130018 target 130062
         10 #5 protect T6 stop 130023 target 130062
         11.100 closed T6 5 of 5 Trail 1.05",
    );
}

#[test]
fn a_position_that_is_open_too_long_is_closed() {
    let spec = changed(with_exits(), |spec| spec.orders.exits[0].time_stop = Some(Span::from_secs(60)));
    check_after(
        long(&spec),
        "60 EURUSD 130000/130002
         65 EURUSD 130000/130002
         65.1 closed #2 T5
         66 EURUSD 130000/130002",
        "62.100 #2 close T5 10 Timeout
         65.100 closed T5 10 of 10 Timeout -0.20",
    );
}

#[test]
fn a_position_whose_stop_is_missing_is_closed() {
    let spec = changed(plain(), |spec| {
        spec.strategies[0].stop = StopRule::Absent;
        spec.limits.strategies[0].stop = risk::limits::StopRule::Optional;
        spec.limits.strategies[0].trade_risk.max_ppm = 1_000_000;
        spec.limits.strategies[0].exposure.risk_max = Money::MAX;
        spec.limits.account.exposure.risk_max = Money::MAX;
        spec.limits.strategies[0].loss = LossLimit { day_max: Money::MAX, drawdown_max: Money::MAX };
        spec.limits.account.loss = LossLimit { day_max: Money::MAX, drawdown_max: Money::MAX };
        spec.orders.exits[0].naked = Naked::ClosedAfter(Span::from_secs(5));
    });
    check_after(
        long(&spec),
        "8 EURUSD 130000/130002\n9 closed #2 T5",
        "7.100 #2 close T5 10 Timeout
         9 closed T5 10 of 10 Timeout -0.20",
    );
}

#[test]
fn a_refused_entry_is_over_and_a_refused_exit_is_tried_again() {
    let spec = changed(with_exits(), |spec| spec.orders.exits[0].time_stop = Some(Span::from_secs(60)));
    let mut stage = ready(&spec);
    stage.play(
        "2 EURUSD 130000/130002 900:100
         2.1 rejected #1 requote
         3 EURUSD 130000/130002
         4 EURUSD 130000/130002 900:100
         8 EURUSD 130000/130002
         9 EURUSD 130000/130002 900:100
         9.1 opened #2 T5
         70 EURUSD 130000/130002
         70.1 rejected #3 busy
         70.3 EURUSD 130000/130002
         70.7 rejected #4 offquotes
         72 EURUSD 130000/130002
         72.1 rejected #5 frozen
         74 EURUSD 130000/130002
         74.1 rejected #6 busy
         80 EURUSD 130000/130002
         80.1 rejected #7 busy
         90 EURUSD 130000/130002
         90.1 rejected #8 busy
         101 EURUSD 130000/130002
         101.1 closed #9 T5",
    );
    stage.expect(
        "2 #1 A buy 10 EURUSD @130002+6 stop 129922 target 130062
         2.100 failed #1 Requote (over)
         4 idle resting
         9 #2 A buy 10 EURUSD @130002+6 stop 129922 target 130062
         9.100 opened T5 buy 10
         69.100 #3 close T5 10 Timeout
         70 flagged gap
         70.100 failed #3 Busy (again from 70.600)
         70.600 #4 close T5 10 Timeout
         70.700 failed #4 OffQuotes (again from 71.700)
         71.700 #5 close T5 10 Timeout
         72.100 failed #5 Frozen (again from 74.100)
         74.100 #6 close T5 10 Timeout
         74.100 failed #6 Busy (again from 78.100)
         78.100 #7 close T5 10 Timeout
         80.100 failed #7 Busy (again from 88.100)
         88.100 #8 close T5 10 Timeout
         90.100 failed #8 Busy (stuck, again from 100.100)
         100.100 #9 close T5 10 Timeout
         101.100 closed T5 10 of 10 Timeout -0.20",
    );
    assert_eq!(stage.desk.counts().rejected.iter().sum::<u64>(), 7);
}

#[test]
fn a_request_without_an_answer_is_queried_and_holds_up_its_symbol() {
    let mut stage = ready(&plain());
    stage.wakes = true;
    stage.play(
        "2 EURUSD 130000/130002 900:100
         6 EURUSD 130000/130002
         9 EURUSD 130000/130002 900:100
         38 EURUSD 130000/130002
         39 never #1
         40 EURUSD 130000/130002
         41 EURUSD 130000/130002 100:900
         42 unknown #2
         43 EURUSD 130000/130002
         44 opened #2 T5
         45 EURUSD 130000/130002 900:100",
    );
    stage.expect(
        "2 #1 A buy 10 EURUSD @130002+6 stop 129922 target 130062
         5 wake 7
         7 query #1, list, wake 12
         9 idle invested
         12 query #1, list, wake 17
         17 query #1, list, wake 22
         22 query #1, list, wake 27
         27 query #1, list, wake 32
         32 query #1, unanswered #1, list, wake 37
         37 query #1, list, wake 42
         39 failed #1 (over)
         41 #2 A sell 10 EURUSD @130000+6 stop 130080 target 129940
         42 wake 46
         42 query #2, list
         44 opened T5 sell 10
         45 idle resting",
    );
}

#[test]
fn a_list_that_differs_blocks_entries_until_it_is_adopted() {
    check_after(
        ready(&with_exits()),
        "2 start
         2 list +T9:EURUSD:buy:20:129990:129940 99000
         3 EURUSD 130000/130002 900:100
         4 adopt ann A
         5 EURUSD 130024/130026
         6 rejected #1 unknownticket
         6.1 list -T9
         7 EURUSD 130000/130002
         8 EURUSD 130000/130002 900:100
         9 adopt ann A
         10 EURUSD 130000/130002
         11 EURUSD 130000/130002 900:100",
        "2 list
         2 differs 2: [\"missing here\", \"balance\"]
         3 idle unsettled
         4 ann adopted 2
         5 #1 close T9 10 Rung
         6 failed #1 UnknownTicket (again from 6.500), list
         6.100 differs 1: [\"missing there\"]
         6.500 #2 close T9 10 Rung
         8 idle invested
         9 ann adopted 1
         11 #3 A buy 10 EURUSD @130002+6 stop 129922 target 130062",
    );
}

#[test]
fn what_cannot_be_adopted_stays_different() {
    check_after(
        ready(&plain()),
        "2 adopt ann A
         2 list
         3 start
         3 list +T9:XAUUSD:buy:20:129990
         4 adopt ann A
         4 list +T9:XAUUSD:buy:20:129990
         5 adopt ann B
         5 EURUSD 130000/130002 900:100",
        "2 ann could not adopt: NoList
         2 agrees
         3 list
         3 differs 1: [\"missing here\"]
         4 ann could not adopt: NotValued(SymbolId(1)), list
         4 differs 1: [\"missing here\"]
         5 ann could not adopt: UnknownStrategy, list
         5 idle unsettled",
    );
}

#[test]
fn a_list_that_says_nothing_is_asked_for_again() {
    check_after(
        ready(&plain()),
        "2 start
         2 list incomplete
         2.1 list
         3 EURUSD 130000/130002 900:100
         3.1 start
         3.2 list
         3.3 opened #1 T5
         3.4 list",
        "2 list
         2.100 agrees
         3 #1 A buy 10 EURUSD @130002+6 stop 129922 target 130062
         3.100 query #1, list
         3.300 opened T5 buy 10
         3.400 agrees",
    );
}

#[test]
fn what_the_venue_says_that_cannot_be_stops_entries() {
    check_after(
        ready(&plain()),
        "2 EURUSD 130000/130002 900:100
         2.1 opened #1 T5
         2.2 rejected #1 requote
         3 EURUSD 130000/130002
         8 EURUSD 130000/130002 900:100
         9 margin call
         10 opened #7 T7 @130000 5
         10.1 list
         11 closed T8 @130000 5 Stop
         11.1 list
         12 rearm ann halt all
         12 rearm ann halt all
         12.1 closed T5 Stop
         13 EURUSD 130000/130002
         20 EURUSD 130000/130002 900:100",
        "2 #1 A buy 10 EURUSD @130002+6 stop 129922 target 130062
         2.100 opened T5 buy 10
         2.200 contradicted #1, halted no_entries by the desk: Reconciliation
         5 list
         8 idle halted
         9 margin called
         10 list
         10 surprised unknown order, list
         10.100 agrees
         11 surprised unknown ticket, list
         11.100 agrees
         12 rearmed Halt(All) by ann
         12 ann found nothing to re-arm at Halt(All)
         12.100 closed T5 10 of 10 Stop -0.20
         20 #2 A buy 10 EURUSD @130002+6 stop 129922 target 130062",
    );
}

#[test]
fn a_halt_of_entries_leaves_the_rest_alone() {
    check_after(
        long(&with_exits()),
        "3 halt ann all no_entries
         4 EURUSD 130000/130002
         5 EURUSD 130050/130052 900:100
         5.1 closed #2 T5 -> T6
         6 rearm ann halt all
         7 EURUSD 130049/130051
         8 closed T6 @130049 Stop
         9 EURUSD 130049/130051 900:100",
        "3 halted no_entries by ann: Wanted
         5 idle resting, #2 close T5 5 Rung
         5.100 closed T5 5 of 10 Rung 2.40 -> T6
         6 rearmed Halt(All) by ann
         7 #3 protect T6 stop 130011 target 130062
         8 closed T6 5 of 5 Stop 2.35
         9 #4 A buy 10 EURUSD @130051+6 stop 129971 target 130111",
    );
}

#[test]
fn a_halt_that_cancels_takes_back_what_is_under_way() {
    check_after(
        ready(&plain()),
        "2 EURUSD 130000/130002 900:100
         3 halt ann EURUSD cancel
         3.1 cancelled #1
         4 EURUSD 130000/130002
         8 EURUSD 130000/130002 900:100
         9 halt ann A cancel
         9 rearm ann halt EURUSD
         10 EURUSD 130000/130002
         11 EURUSD 130000/130002 900:100",
        "2 #1 A buy 10 EURUSD @130002+6 stop 129922 target 130062
         3 halted cancel by ann: Wanted, #2 cancel #1
         3.100 failed #1 (over)
         8 idle halted
         9 halted cancel by ann: Wanted
         9 rearmed Halt(Symbol(SymbolId(0))) by ann
         11 idle halted",
    );
}

#[test]
fn a_halt_that_flattens_closes_everything_and_asks_the_venue() {
    let mut stage = long(&plain());
    stage.play(
        "3 halt ann all flatten
         3.1 closed #2 T5
         3.2 list
         4 EURUSD 130000/130002
         5 EURUSD 130000/130002 900:100
         6 rearm ann halt all
         7 EURUSD 130000/130002
         8 EURUSD 130000/130002 900:100",
    );
    stage.expect(
        "3 halted flatten by ann: Wanted, #2 close T5 10 Flatten
         3.100 closed T5 10 of 10 Flatten -0.20, list
         3.200 agrees
         5 idle resting
         6 rearmed Halt(All) by ann
         8 #3 A buy 10 EURUSD @130002+6 stop 129922 target 130062",
    );
}

#[test]
fn flattening_without_a_position_asks_the_venue_at_once() {
    check_after(
        ready(&plain()),
        "2 halt ann A flatten\n2.1 list\n3 EURUSD 130000/130002 900:100",
        "2 halted flatten by ann: Wanted, list
         2.100 agrees
         3 idle halted",
    );
}

#[test]
fn what_is_filled_in_spite_of_a_flattening_is_closed() {
    check_after(
        ready(&plain()),
        "2 EURUSD 130000/130002 900:100
         2.1 halt ann all flatten
         2.2 opened #1 T5
         2.3 rejected #2 unknownticket
         2.4 closed #3 T5
         2.5 list",
        "2 #1 A buy 10 EURUSD @130002+6 stop 129922 target 130062
         2.100 halted flatten by ann: Wanted, #2 cancel #1
         2.200 opened T5 buy 10, #3 close T5 10 Flatten
         2.400 closed T5 10 of 10 Flatten -0.20, list
         2.500 agrees",
    );
}

#[test]
fn a_flattened_strategy_is_verified_while_another_holds() {
    let spec = changed(plain(), |spec| {
        with_strategy(spec, "B", &[SymbolId(0)]);
    });
    check_after(
        ready(&spec),
        "2 EURUSD 130000/130002 900:100
         2.1 opened #1 T5
         2.1 opened #2 T6
         3 halt ann A flatten
         3.1 closed #3 T5
         3.2 list
         8 EURUSD 130000/130002
         9 EURUSD 130000/130002 900:100",
        "2 #1 A buy 10 EURUSD @130002+6 stop 129922 target 130062, #2 B buy 10 EURUSD @130002+6 stop 129922 target 130062
         2.100 opened T5 buy 10
         2.100 opened T6 buy 10
         3 halted flatten by ann: Wanted, #3 close T5 10 Flatten
         3.100 closed T5 10 of 10 Flatten -0.20, list
         3.200 agrees
         9 idle invested, idle halted",
    );
}

#[test]
fn the_accounts_loss_limit_flattens_until_a_person_rearms() {
    let spec = changed(plain(), |spec| spec.limits.account.loss.day_max = Money::units(9));
    let mut stage = long(&spec);
    stage.play(
        "3 EURUSD 129912/129914
         4 EURUSD 129911/129913
         4.1 closed #2 T5
         4.2 list
         5 EURUSD 130000/130002 900:100
         6 rearm ann halt all
         7 EURUSD 130000/130002
         8 EURUSD 130000/130002 900:100
         9 rearm ann loss day
         14 EURUSD 130000/130002
         15 EURUSD 130000/130002 900:100",
    );
    stage.expect(
        "4 latched AccountLoss(Day), halted flatten by AccountDayLoss: Loss, #2 close T5 10 Flatten
         4.100 closed T5 10 of 10 Flatten -9.10, list
         4.200 agrees
         5 idle resting
         6 rearmed Halt(All) by ann
         8 refused AccountDayLoss 9100000/9000000
         9 rearmed AccountLoss(Day) by ann
         15 #3 A buy 10 EURUSD @130002+6 stop 129922 target 130062",
    );
    assert_eq!(stage.desk.gate().counters().rearmed, 2);
}

#[test]
fn a_loss_limit_that_halts_entries_only_lets_positions_be() {
    let spec = changed(plain(), |spec| {
        spec.limits.account.loss.day_max = Money::units(9);
        spec.limits.account.loss_halt = Some(Level::NoEntries);
    });
    check_after(
        long(&spec),
        "3 EURUSD 129911/129913\n4 EURUSD 129912/129914",
        "3 latched AccountLoss(Day), halted no_entries by AccountDayLoss: Loss",
    );
    let spec = changed(spec, |spec| spec.limits.account.loss_halt = None);
    check_after(
        long(&spec),
        "3 EURUSD 129911/129913
         4 closed T5 Stop
         8 EURUSD 129911/129913 900:100",
        "3 latched AccountLoss(Day)
         4 closed T5 10 of 10 Stop -9.10
         8 refused AccountDayLoss 9100000/9000000",
    );
}

#[test]
fn a_strategys_loss_limit_stops_it_alone() {
    let spec = changed(plain(), |spec| {
        spec.limits.strategies[0].loss.day_max = Money::units(9);
        with_strategy(spec, "B", &[SymbolId(0)]);
        spec.limits.strategies[1].loss.day_max = Money::units(1_000);
    });
    check_after(
        ready(&spec),
        "2 EURUSD 130000/130002 900:100
         2.1 opened #1 T5
         2.1 opened #2 T6
         3 EURUSD 129911/129913
         3.1 closed T5 Stop
         3.1 closed T6 Stop
         8 EURUSD 129911/129913 900:100
         8.1 rejected #3 busy
         9 rearm ann loss A day
         10 EURUSD 129911/129913
         14 EURUSD 129911/129913 900:100",
        "2 #1 A buy 10 EURUSD @130002+6 stop 129922 target 130062, #2 B buy 10 EURUSD @130002+6 stop 129922 target 130062
         2.100 opened T5 buy 10
         2.100 opened T6 buy 10
         3 latched StrategyLoss(StrategyId(0), Day)
         3.100 closed T5 10 of 10 Stop -9.10
         3.100 closed T6 10 of 10 Stop -9.10
         8 refused StrategyDayLoss 9100000/9000000, #3 B buy 10 EURUSD @129913+6 stop 129833 target 129973
         8.100 failed #3 Busy (over)
         9 rearmed StrategyLoss(StrategyId(0), Day) by ann
         14 #4 A buy 10 EURUSD @129913+6 stop 129833 target 129973, #5 B buy 10 EURUSD @129913+6 stop 129833 target 129973",
    );
}

#[test]
fn a_loss_that_adoption_brings_flattens_what_is_left() {
    let spec = changed(plain(), |spec| {
        spec.limits.account.loss.drawdown_max = Money::units(20);
        with_symbol(spec, Instrument { name: "EURUSD.other".into(), ..eurusd() }, desk::spec::Conversion::Same);
    });
    check_after(
        long(&spec),
        "3 EURUSD.other 130000/130002
         8 EURUSD.other 130000/130002 900:100
         8.1 opened #2 T6
         9 EURUSD 130252/130254
         9.1 start
         9.1 list -T5
         10 adopt ann A
         10.1 closed #3 T6
         10.2 list
         11 EURUSD.other 130000/130002 900:100",
        "8 #2 A buy 10 EURUSD.other @130002+6 stop 129922 target 130062
         8.100 opened T6 buy 10
         9.100 list
         9.100 differs 1: [\"missing there\"]
         10 ann adopted 1, latched AccountLoss(Drawdown), halted flatten by AccountDrawdown: Loss, #3 close T6 10 Flatten
         10.100 closed T6 10 of 10 Flatten -0.20, list
         10.200 agrees",
    );
}

#[test]
fn cash_that_the_venue_knows_better_is_no_loss_of_trading() {
    let stage = check_after(
        ready(&plain()),
        "2 start
         2 list 90000
         3 adopt ann A
         4 EURUSD 130000/130002 900:100",
        "2 list
         2 differs 1: [\"balance\"]
         3 ann adopted 1
         4 #1 A buy 10 EURUSD @130002+6 stop 129922 target 130062",
    );
    assert_eq!(stage.desk.orders().ledger().equity(), Money::units(90_000));
}

#[test]
fn a_strategys_loss_does_not_repeat_what_a_person_pulled() {
    let spec = changed(plain(), |spec| spec.limits.strategies[0].loss.day_max = Money::units(9));
    check_after(
        long(&spec),
        "3 halt ann all no_entries
         4 EURUSD 129911/129913
         4.1 closed T5 Stop
         5 EURUSD 129911/129913 900:100
         6 rearm ann halt all
         9 EURUSD 129911/129913
         10 EURUSD 129911/129913 900:100",
        "3 halted no_entries by ann: Wanted
         4 latched StrategyLoss(StrategyId(0), Day)
         4.100 closed T5 10 of 10 Stop -9.10
         5 idle resting
         6 rearmed Halt(All) by ann
         10 refused StrategyDayLoss 9100000/9000000",
    );
}

#[test]
fn a_loss_of_the_day_is_forgotten_on_the_next() {
    let spec = changed(plain(), |spec| {
        spec.limits.account.loss.day_max = Money::units(9);
        spec.limits.strategies[0].session = always();
    });
    check_after(
        ready(&spec),
        "2 EURUSD 130000/130002 900:100
         2.1 opened #1 T5
         3 EURUSD 129922/129924
         3.1 closed T5 Stop
         32399 EURUSD 129922/129924
         32400 EURUSD 129922/129924 900:100
         32401 opened #2 T6",
        "2 #1 A buy 10 EURUSD @130002+6 stop 129922 target 130062
         2.100 opened T5 buy 10
         3.100 closed T5 10 of 10 Stop -8.00
         32399 flagged gap
         32400 #2 A buy 10 EURUSD @129924+6 stop 129844 target 129984
         32401 opened T6 buy 10",
    );
}

#[test]
fn strategies_and_symbols_go_their_own_ways() {
    let spec = changed(plain(), |spec| {
        let pound = Instrument { name: "GBPUSD".into(), base: market::Currency::new("GBP").unwrap(), ..eurusd() };
        let pound = with_symbol(spec, pound, desk::spec::Conversion::Same);
        with_strategy(spec, "B", &[pound]);
        spec.strategies[1].stake = StakeSpec::Fixed(Lots(7));
    });
    check_after(
        ready(&spec),
        "1 GBPUSD 160000/160003
         2 GBPUSD 160000/160003 900:100
         2 EURUSD 130000/130002 100:900
         2.1 opened #1 T1
         2.1 opened #2 T2
         2.1 opened #3 T3
         3 GBPUSD 160000/160003
         8 GBPUSD 160000/160003 900:100
         9 halt ann GBPUSD flatten
         9.1 closed #4 T1
         9.1 closed #5 T2
         9.2 closed T3 Stop
         9.3 list",
        "2 #1 A buy 10 GBPUSD @160003+6 stop 159923 target 160063, #2 B buy 7 GBPUSD @160003+6 stop 159923 target 160063
         2 #3 A sell 10 EURUSD @130000+6 stop 130080 target 129940
         2.100 opened T1 buy 10
         2.100 opened T2 buy 7
         2.100 opened T3 sell 10
         8 idle invested, idle invested
         9 halted flatten by ann: Wanted, #4 close T1 10 Flatten, #5 close T2 7 Flatten
         9.100 closed T1 10 of 10 Flatten -0.30
         9.100 closed T2 7 of 7 Flatten -0.21, list
         9.200 closed T3 10 of 10 Stop -0.20
         9.300 agrees",
    );
}

fn crossing() -> Spec {
    changed(plain(), |spec| {
        spec.strategies[0].decide = Decide::Cross { fast: 1, slow: 3 };
        spec.strategies[0].cooldown = Span(0);
    })
}

const TURNS: &str = "2 EURUSD 130010/130012
         2.1 opened #1 T5
         3 EURUSD 130000/130002
";

#[test]
fn a_cross_turns_on_a_hedging_account_by_two_requests() {
    check_after(
        ready(&crossing()),
        &format!(
            "{TURNS}
             3.1 opened #2 T6
             3.1 closed #3 T5
             4 EURUSD 129990/129992"
        ),
        "2 #1 A buy 10 EURUSD @130012+6 stop 129932 target 130072
         2.100 opened T5 buy 10
         3 #2 A sell 10 EURUSD @130000+6 stop 130080 target 129940, #3 close T5 10 Reversal
         3.100 opened T6 sell 10
         3.100 closed T5 10 of 10 Reversal -1.20",
    );
}

#[test]
fn a_cross_turns_on_a_netting_account_by_one_request() {
    let stage = check_after(
        ready(&changed(crossing(), netting)),
        &format!(
            "{TURNS}
             3.1 closed #2 T5 10 @130000 Netted
             3.1 opened #2 T6 10
             4 EURUSD 129990/129992"
        ),
        "2 #1 A buy 10 EURUSD @130012+6 stop 129932 target 130072
         2.100 opened T5 buy 10
         3 #2 A sell 20 EURUSD @130000+6 stop 130080 target 129940
         3.100 closed T5 10 of 10 Netted -1.20
         3.100 opened T6 sell 10",
    );
    let held: Vec<_> = stage.desk.orders().positions().map(|position| (position.ticket.0, position.lots.0)).collect();
    assert_eq!(held, [(6, 10)]);
}

#[test]
fn strategies_share_a_position_on_a_netting_account() {
    let spec = changed(plain(), |spec| {
        with_strategy(spec, "B", &[SymbolId(0)]);
        netting(spec);
    });
    let stage = check_after(
        ready(&spec),
        "2 EURUSD 130000/130002 900:100
         2.1 opened #1 T5
         2.1 opened #2 T5
         3 EURUSD 130004/130006
         3.1 halt ann all flatten
         3.2 closed #3 T5
         3.3 list",
        "2 #1 A buy 10 EURUSD @130002+6 stop 129922 target 130062, #2 B buy 10 EURUSD @130002+6 stop 129922 target 130062
         2.100 opened T5 buy 10
         2.100 opened T5 buy 20
         3.100 halted flatten by ann: Wanted, #3 close T5 20 Flatten
         3.200 closed T5 20 of 20 Flatten 0.40, list
         3.300 agrees",
    );
    assert_eq!(stage.desk.orders().exposure().faults(), 0);
    assert!(stage.desk.orders().exposure().is_flat());
}

#[test]
fn a_closing_that_overtakes_its_opening_is_kept_until_that_comes() {
    check_after(
        ready(&plain()),
        "2 EURUSD 130000/130002 900:100
         2.1 closed T5 @129922 10 Stop
         2.2 opened #1 T5
         8 EURUSD 130000/130002
         9 EURUSD 130000/130002 900:100",
        "2 #1 A buy 10 EURUSD @130002+6 stop 129922 target 130062
         2.200 opened T5 buy 0, closed T5 10 of 10 Stop 0.00
         9 #2 A buy 10 EURUSD @130002+6 stop 129922 target 130062",
    );
}

#[test]
fn an_account_that_runs_out_of_margin_is_closed_out() {
    let spec = changed(plain(), |spec| {
        spec.orders.balance = Money::units(500);
        spec.limits.strategies[0].trade_risk.max_ppm = 1_000_000;
        spec.limits.account.margin_level_min_percent = 100;
    });
    check_after(
        long(&spec),
        "3 EURUSD 129400/129402
         4 EURUSD 128800/128802
         5 EURUSD 128200/128202
         6 EURUSD 127600/127602
         7 EURUSD 127100/127102
         7.1 closed #2 T5
         7.2 list
         8 EURUSD 127100/127102",
        "7 halted flatten by MarginLevel: CloseOut, #2 close T5 10 Flatten
         7.100 closed T5 10 of 10 Flatten -290.20, list
         7.200 agrees",
    );
}

#[test]
fn a_cross_that_may_not_turn_keeps_what_it_has() {
    check_after(
        ready(&crossing()),
        "2 EURUSD 130010/130012
         2.1 opened #1 T5
         2.2 halt ann A no_entries
         3 EURUSD 130000/130002
         4 EURUSD 130010/130012",
        "2 #1 A buy 10 EURUSD @130012+6 stop 129932 target 130072
         2.100 opened T5 buy 10
         2.200 halted no_entries by ann: Wanted
         3 idle halted
         4 idle halted",
    );
}

#[test]
fn amounts_become_the_accounts_currency() {
    use desk::spec::Conversion::{Fixed, Over, OwnMid, Same, Times};
    let named = |name: &str| Instrument { name: name.into(), ..eurusd() };
    let mut spec = plain();
    let yen = with_symbol(&mut spec, Instrument { digits: 3, ..named("USDJPY") }, OwnMid);
    let times = with_symbol(&mut spec, named("EURGBP"), Times(SymbolId(0)));
    let over = with_symbol(&mut spec, named("EURJPY"), Over(yen));
    let fixed = with_symbol(&mut spec, named("BTCUSDT"), Fixed { numerator: 3, denominator: 4 });
    let mut stage = Stage::new(&spec);
    let hundred = |desk: &Desk, symbol: SymbolId| desk.rate(symbol).and_then(|rate| rate.convert(Money::units(100)));
    assert_eq!(hundred(&stage.desk, SymbolId(0)), Some(Money::units(100)));
    for unquoted in [yen, times, over] {
        assert_eq!(stage.desk.rate(unquoted), None);
    }
    stage.play("0 EURUSD 129999/130002\n0 USDJPY 99998/100002");
    assert_eq!(hundred(&stage.desk, yen), Some(Money::units(1)), "at the middle of 99.998 and 100.002");
    assert_eq!(hundred(&stage.desk, times), Some(Money::units(130)), "at 1.30000, half points are dropped");
    assert_eq!(hundred(&stage.desk, over), Some(Money::units(1)));
    assert_eq!(hundred(&stage.desk, fixed), Some(Money::units(75)));
    assert_eq!(stage.desk.rate(SymbolId(99)), None);
    let same = changed(plain(), |spec| spec.symbols[0].conversion = Same);
    assert_eq!(hundred(&Stage::new(&same).desk, SymbolId(0)), Some(Money::units(100)));
}

#[test]
fn a_profit_in_another_currency_is_booked_at_its_rate() {
    let spec = changed(plain(), |spec| {
        let yen = Instrument {
            name: "USDJPY".into(),
            digits: 3,
            base: market::Currency::new("USD").unwrap(),
            quote: market::Currency::new("JPY").unwrap(),
            ..eurusd()
        };
        with_symbol(spec, yen, desk::spec::Conversion::OwnMid);
    });
    let stage = check_after(
        ready(&spec),
        "1 USDJPY 100000/100002
         2 USDJPY 100000/100002 900:100
         2.1 opened #1 T5
         3 USDJPY 100052/100054",
        "2 #1 A buy 10 USDJPY @100002+6 stop 99922 target 100062
         2.100 opened T5 buy 10",
    );
    // 50 points of 0.001 yen on 10,000 dollars are 500 yen, at 100.053 yen a dollar.
    assert_eq!(stage.desk.orders().ledger().equity(), Money(100_000_000_000 + 4_997_351));
}

#[test]
fn a_stop_is_widened_by_what_is_known_and_waits_for_what_is_not() {
    let widen =
        StopSpec { sigma_multiple: 0.0, range_multiple: 0.0, spread_multiple: 60.0, target: TargetSpec::Absent };
    let with = |widen| {
        changed(plain(), |spec| {
            spec.strategies[0].stop = StopRule::Volatility { stop: Points(80), target: None, widen }
        })
    };
    check_after(ready(&with(widen)), "2 EURUSD 130000/130002 900:100", "2 #1 A buy 10 EURUSD @130002+6 stop 129882");
    check_after(
        ready(&with(StopSpec { spread_multiple: 3.0, ..widen })),
        "2 EURUSD 130000/130002 900:100",
        "2 #1 A buy 10 EURUSD @130002+6 stop 129922",
    );
    check_after(
        ready(&with(StopSpec { sigma_multiple: 1.0, ..widen })),
        "2 EURUSD 130000/130002 900:100",
        "2 idle no_volatility",
    );
}

#[test]
fn a_leaders_quotes_reach_its_followers_only() {
    use features::Feature;
    let spec = changed(plain(), |spec| {
        let leader =
            with_symbol(spec, Instrument { name: "EURUSD.lead".into(), ..eurusd() }, desk::spec::Conversion::Same);
        spec.symbols[0].leader = Some(leader);
    });
    let mut stage = Stage::new(&spec);
    stage.desk.explain();
    stage.twins = false;
    for second in 0..30 {
        let moved = 130_000 + second % 5;
        stage.play(&format!("{second} EURUSD.lead {}/{}\n{second} EURUSD {moved}/{}", moved + 3, moved + 5, moved + 2));
    }
    let frame = &stage.desk.explanations()[0].frame;
    assert!(frame.is_ready(Feature::LeaderReturnS5), "the follower hears its leader");
    stage.play("30 EURUSD.lead 130003/130005");
    let explanation = &stage.desk.explanations()[0];
    assert_eq!(explanation.symbol, SymbolId(1));
    assert!(!explanation.frame.is_ready(Feature::LeaderReturnS5), "the leader has none");
}

#[test]
fn the_arithmetic_of_a_decision_is_kept_while_somebody_asks() {
    let mut stage = ready(&plain());
    stage.play("2 EURUSD 130000/130002");
    assert!(stage.desk.explanations().is_empty(), "nobody asked");
    stage.desk.explain();
    stage.twins = false;
    stage.play("3 EURUSD 130000/130002 900:100");
    let [explanation] = stage.desk.explanations() else { panic!("one leg, one explanation") };
    assert_eq!(explanation.sent.map(|id| id.0 & 0xFFFF), Some(1));
    assert_eq!(explanation.proposal.map(|proposal| proposal.stop), Some(Some(Points(80))));
    assert!(explanation.review.is_some() && explanation.refusal.is_none() && explanation.decision.is_none());
    assert_eq!(explanation.frame.time, noon().plus(Span::from_secs(3)));
    stage.play("4 EURUSD 130000/130002 100:900");
    let [explanation] = stage.desk.explanations() else { panic!("one leg, one explanation") };
    assert_eq!((explanation.idle, explanation.proposal), (Some(desk::Idle::Resting), None));
    stage.play("5 start");
    assert!(stage.desk.explanations().is_empty(), "no decision, no explanation");
}

#[test]
fn after_a_restart_the_desk_asks_again_to_be_woken() {
    let mut stage = long(&with_exits());
    let mut stage_again = Stage::new(&stage.spec);
    let bytes = stage::saved(&stage.desk);
    market::State::load(&mut stage_again.desk, &mut market::Reader::new(&bytes)).unwrap();
    stage_again.wakes = true;
    stage_again.play("10 start\n10 list\n602.9 EURUSD 130000/130002");
    stage_again.expect(
        "10 list, wake 15
         10 agrees
         15 wake 602.100
         602.100 #2 close T5 10 Timeout, wake 602.600
         602.600 wake 607.100
         602.900 flagged gap",
    );
    stage.lines.clear();
    assert_eq!(stage_again.desk.orders().position(risk::Ticket(5)).map(|held| held.entry), Some(Price(130_002)));
}
