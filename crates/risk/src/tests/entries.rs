//! What is asked about an entry.

use super::*;
use crate::controls::Asked;
use crate::limits::Launch;

type Lax = fn(&mut Limits);

/// One row per control: the limits to start from, then a desk that is just allowed, then one that is just not.
struct Row {
    control: Control,
    limits: Lax,
    allowed: fn(&mut Desk),
    refused: fn(&mut Desk),
}

fn row(control: Control, limits: Lax, allowed: fn(&mut Desk), refused: fn(&mut Desk)) -> Row {
    Row { control, limits, allowed, refused }
}

fn nothing(_: &mut Desk) {}
fn as_is(_: &mut Limits) {}

const BET: Bet = Bet { p: 0.9, p_se: 0.01, win: 100.0, loss: 100.0, confidence: 1.0, meta: 1.0, regime_gate: 1.0 };

/// Opens positions of 10 units (12,500 dollars, ten dollars at risk) until `count` are held.
fn hold(desk: &mut Desk, count: usize) {
    for _ in 0..count {
        let _ = desk.open();
    }
}

fn lots(desk: &mut Desk, lots: i64) {
    desk.proposal.stake = Stake::Fixed(Lots(lots));
}

fn lose(desk: &mut Desk, strategy: u16, micros: i64) {
    desk.exposure.mark(StrategyId(strategy), Money(-micros)).unwrap();
    desk.gate.watch(StrategyId(strategy), &desk.exposure, desk.now);
}

fn quote_rows() -> Vec<Row> {
    use Control as C;
    vec![
        row(C::UnknownStrategy, as_is, |d| d.proposal.strategy.0 = 1, |d| d.proposal.strategy.0 = 2),
        row(C::UnknownSymbol, as_is, nothing, |d| d.proposal.symbol.0 = 2),
        row(C::NotPermitted, |l| l.strategies[0].symbols = vec![SymbolId(0)], nothing, |d| d.proposal.symbol.0 = 1),
        row(C::OutsideSession, as_is, nothing, |d| d.wait(Span::DAY)),
        row(C::CrossedQuote, as_is, |d| d.view.bid.0 = 125_000, |d| d.view.bid.0 = 125_001),
        row(C::StaleQuote, as_is, |d| d.view.quoted.0 -= 1_000_000_000, |d| d.view.quoted.0 -= 1_000_000_001),
        row(C::StaleQuote, as_is, nothing, |d| d.view.quoted.0 += 1),
        row(C::NoReference, as_is, nothing, |d| d.view.reference = None),
        row(C::NoReference, as_is, nothing, |d| {
            d.now = d.now.plus(Span(Span::MINUTE.0 * 2));
            d.view.quoted = d.now;
        }),
        row(
            C::WideSpread,
            |l| l.symbols[0].spread.multiple_max = 9.0,
            |d| d.view.bid.0 = 124_970,
            |d| {
                d.view.bid.0 = 124_969;
            },
        ),
        row(C::UnusualSpread, as_is, |d| d.view.bid.0 = 124_980, |d| d.view.bid.0 = 124_979),
        row(C::Malformed, as_is, |d| d.view.spread_usual = 5.0, |d| d.view.spread_usual = f64::NAN),
        row(C::Malformed, as_is, nothing, |d| d.view.bid.0 = 0),
        row(C::Malformed, as_is, nothing, |d| d.view.reference = Some(Price(0))),
        row(
            C::PriceCollar,
            as_is,
            |d| d.view.reference = Some(Price(124_900)),
            |d| {
                d.view.reference = Some(Price(124_899));
            },
        ),
        row(
            C::PriceCollar,
            as_is,
            |d| d.proposal.kind = Kind::Market { deviation: Points(100) },
            |d| d.proposal.kind = Kind::Market { deviation: Points(101) },
        ),
        row(
            C::PriceMove,
            as_is,
            |d| d.gate.observe(SymbolId(0), Price(125_490), Price(125_500), d.now),
            |d| d.gate.observe(SymbolId(0), Price(125_491), Price(125_500), d.now),
        ),
        row(C::NoConversion, as_is, nothing, |d| d.view.rate = None),
    ]
}

fn order_rows() -> Vec<Row> {
    use Control as C;
    vec![
        row(C::Malformed, as_is, nothing, |d| d.proposal.kind = Kind::Market { deviation: Points(-1) }),
        row(
            C::Malformed,
            as_is,
            |d| d.proposal.kind = Kind::Limit { price: Price(124_950), expires: Time(d.now.0 + 1) },
            |d| d.proposal.kind = Kind::Limit { price: Price(124_950), expires: d.now },
        ),
        row(C::Malformed, as_is, nothing, |d| d.proposal.stop = Some(Points(0))),
        row(C::Malformed, as_is, nothing, |d| d.proposal.stop = Some(Points(125_000))),
        row(C::Malformed, as_is, nothing, |d| d.proposal.target = Some(Points(i64::MAX))),
        row(C::Malformed, as_is, |d| lots(d, 1), |d| lots(d, 0)),
        row(
            C::Malformed,
            as_is,
            |d| d.proposal.stake = Stake::Kelly(BET),
            |d| {
                d.proposal.stake = Stake::Kelly(Bet { p: f64::NAN, ..BET });
            },
        ),
        row(C::NoStop, as_is, nothing, |d| d.proposal.stop = None),
        row(
            C::NoStop,
            |l| l.strategies[0].stop = StopRule::Optional,
            |d| d.proposal.stake = Stake::Kelly(BET),
            |d| (d.proposal.stop, d.proposal.stake) = (None, Stake::Kelly(BET)),
        ),
        row(C::StopTooNear, as_is, |d| d.proposal.stop = Some(Points(11)), |d| d.proposal.stop = Some(Points(10))),
        row(
            C::TargetTooNear,
            as_is,
            |d| {
                (d.proposal.symbol.0, d.proposal.stake, d.proposal.target) =
                    (1, Stake::Fixed(Lots(20)), Some(Points(20)));
            },
            |d| {
                (d.proposal.symbol.0, d.proposal.stake, d.proposal.target) =
                    (1, Stake::Fixed(Lots(20)), Some(Points(15)));
            },
        ),
    ]
}

fn size_rows() -> Vec<Row> {
    use Control as C;
    vec![
        row(C::NoEquity, |l| l.account.margin_level_min_percent = 0, nothing, |d| d.view.account.equity = Money(0)),
        row(
            C::NoEdge,
            as_is,
            |d| d.proposal.stake = Stake::Kelly(BET),
            |d| {
                d.proposal.stake = Stake::Kelly(Bet { p: 0.5, ..BET });
            },
        ),
        row(
            C::TooSmall,
            as_is,
            |d| (d.proposal.symbol.0, d.proposal.stake) = (1, Stake::Fixed(Lots(29))),
            |d| (d.proposal.symbol.0, d.proposal.stake) = (1, Stake::Fixed(Lots(19))),
        ),
        row(
            C::TooSmall,
            as_is,
            |d| d.proposal.stake = Stake::Kelly(Bet { meta: 0.2, ..BET }),
            |d| {
                d.proposal.stake = Stake::Kelly(Bet { meta: 1e-4, ..BET });
            },
        ),
        row(C::OrderVolume, |l| l.symbols[0].order_volume.max = Lots(12), |d| lots(d, 12), |d| lots(d, 13)),
        row(C::OrderValue, as_is, |d| lots(d, 48), |d| lots(d, 49)),
        row(
            C::TradeRisk,
            |l| l.symbols[0].order_value.max = Money::MAX,
            |d| lots(d, 50),
            |d| {
                (d.proposal.stop, d.proposal.stake) = (Some(Points(101)), Stake::Fixed(Lots(50)));
            },
        ),
        row(
            C::Duplicate,
            |l| l.strategies[0].duplicates.window = Span::SECOND,
            nothing,
            |d| {
                hold(d, 1);
                d.wait(Span(Span::SECOND.0 - 1));
            },
        ),
        row(
            C::Duplicate,
            |l| l.strategies[0].duplicates.window = Span::SECOND,
            |d| {
                hold(d, 1);
                d.wait(Span::SECOND);
            },
            |d| hold(d, 1),
        ),
    ]
}

fn account_rows() -> Vec<Row> {
    use Control as C;
    vec![
        row(C::LedgerUnsound, as_is, nothing, |d| {
            let _ = d.exposure.realise(StrategyId(9), Money(1));
        }),
        row(C::KillSwitch, as_is, nothing, |d| d.gate.halt(Scope::Symbol(SymbolId(0)), Halt::default())),
        row(C::Blackout, as_is, nothing, |d| {
            let (from, until) = (d.now, d.now.plus(Span(1)));
            d.gate.black_out(Blackout { from, until, scope: BlackoutScope::All }, d.now).unwrap();
        }),
        row(C::StrategyDayLoss, roomy, |d| lose(d, 0, 200_000_000), |d| lose(d, 0, 200_000_001)),
        row(
            C::StrategyDrawdown,
            |l| {
                roomy(l);
                l.strategies[0].loss.day_max = Money::MAX;
            },
            |d| lose(d, 0, 400_000_000),
            |d| lose(d, 0, 400_000_001),
        ),
        row(C::AccountDayLoss, roomy_account, |d| lose(d, 1, 300_000_000), |d| lose(d, 1, 300_000_001)),
        row(
            C::AccountDrawdown,
            |l| {
                roomy_account(l);
                l.account.loss.day_max = Money::MAX;
            },
            |d| lose(d, 1, 600_000_000),
            |d| lose(d, 1, 600_000_001),
        ),
        row(C::LossRoom, as_is, |d| lose(d, 0, 190_000_000), |d| lose(d, 0, 190_000_001)),
        row(
            C::LossRoom,
            as_is,
            |d| {
                hold(d, 1);
                lose(d, 0, 180_000_000);
            },
            |d| {
                hold(d, 1);
                lose(d, 0, 180_000_001);
            },
        ),
    ]
}

fn pace_rows() -> Vec<Row> {
    use Control as C;
    vec![
        row(C::LossRoom, roomy_account, |d| another_holds(d, 280_000_000), |d| another_holds(d, 280_000_001)),
        row(
            C::Margin,
            |l| l.account.margin_level_min_percent = 0,
            |d| pledge(d, 416_666_667),
            |d| pledge(d, 416_666_666),
        ),
        row(C::MessageRate, |l| l.account.messages.burst = 12, |d| hold(d, 1), |d| hold(d, 2)),
        row(C::StrategyMessageRate, |l| l.strategies[0].messages.burst = 2, |d| hold(d, 1), |d| hold(d, 2)),
        row(C::RepeatedExecution, |l| l.strategies[0].repeats.executions_max = 3, |d| hold(d, 2), |d| hold(d, 3)),
        row(C::LaunchEntries, launched, |d| hold(d, 1), |d| hold(d, 2)),
        row(C::LaunchValue, launched, |d| lots(d, 10), |d| lots(d, 11)),
    ]
}

fn exposure_rows() -> Vec<Row> {
    use Control as C;
    vec![
        row(
            C::SymbolPosition,
            |l| l.symbols[0].position.long_max = Lots(25),
            |d| {
                hold(d, 1);
                lots(d, 15);
            },
            |d| {
                hold(d, 1);
                lots(d, 16);
            },
        ),
        row(
            C::PositionCount,
            |l| l.symbols[0].position.positions_max = 2,
            |d| d.proposal.side = Side::Sell,
            |d| {
                hold(d, 1);
                d.submit().unwrap();
                d.proposal.side = Side::Sell;
            },
        ),
        row(C::PositionCount, |l| l.symbols[0].position.positions_max = 3, |d| hold(d, 2), |d| hold(d, 3)),
        row(C::PositionCount, |l| l.strategies[0].exposure.positions_max = 3, |d| hold(d, 2), |d| hold(d, 3)),
        row(C::PositionCount, |l| l.account.exposure.positions_max = 3, |d| hold(d, 2), |d| hold(d, 3)),
        row(
            C::StrategyValue,
            |l| l.strategies[0].exposure.value_max = Money::units(25_000),
            |d| hold(d, 1),
            |d| hold(d, 2),
        ),
        row(C::StrategyRisk, |l| l.strategies[0].exposure.risk_max = Money::units(20), |d| hold(d, 1), |d| hold(d, 2)),
        row(C::AccountValue, |l| l.account.exposure.value_max = Money::units(25_000), |d| hold(d, 1), |d| hold(d, 2)),
        row(C::AccountRisk, |l| l.account.exposure.risk_max = Money::units(20), |d| hold(d, 1), |d| hold(d, 2)),
        row(C::CurrencyNet, |l| l.currencies[0].net_max = Money::units(25_000), |d| hold(d, 1), |d| hold(d, 2)),
        row(C::CurrencyNet, |l| l.currencies[1].net_max = Money::units(25_000), |d| hold(d, 1), |d| hold(d, 2)),
    ]
}

fn margin_rows() -> Vec<Row> {
    use Control as C;
    vec![
        row(
            C::Hedged,
            |l| l.account.preset = Preset::Us,
            |d| hold(d, 1),
            |d| {
                hold(d, 1);
                d.proposal.side = Side::Sell;
            },
        ),
        row(
            C::Margin,
            |l| l.account.margin_level_min_percent = 0,
            |d| d.view.account.free_margin = Money(416_666_667),
            |d| d.view.account.free_margin = Money(416_666_666),
        ),
        row(
            C::MarginLevel,
            |l| {
                l.account.margin_level_min_percent = 1_000;
                l.strategies[0].trade_risk.max_ppm = 1_000_000;
            },
            |d| d.view.account.equity = Money(4_166_666_670),
            |d| d.view.account.equity = Money(4_166_666_669),
        ),
    ]
}

/// The other strategy holds the other pair, and the account has so much more than the margin of that.
fn pledge(desk: &mut Desk, micros: i64) {
    let (strategy, symbol, side, lots) = (StrategyId(1), SymbolId(1), Side::Sell, Lots(40));
    let held = Terms { strategy, symbol, side, lots, price: Price(125_000), stop: Some(Price(125_010)) };
    desk.exposure.adopt(&held, Rate::ONE).unwrap();
    let equity = Money(desk.exposure.margin_used().0 + micros);
    desk.view.account = Account { equity, free_margin: Money::MAX };
}

/// The other strategy holds ten dollars at risk and lost so much.
fn another_holds(desk: &mut Desk, micros: i64) {
    desk.proposal.strategy.0 = 1;
    hold(desk, 1);
    desk.proposal.strategy.0 = 0;
    lose(desk, 1, micros);
}

fn launched(limits: &mut Limits) {
    let until = Time::from_date(2014, 5, 3);
    limits.strategies[0].launch = Some(Launch { until, entries_max: 2, order_value_max: Money::units(12_500) });
}

/// A stake without risk at its stop does not exist, so that a loss at its limit leaves no room: the room is looked at
/// apart, and here a huge limit of the other kind must not hide it.
fn roomy(limits: &mut Limits) {
    limits.account.loss = LossLimit { day_max: Money::MAX, drawdown_max: Money::MAX };
    limits.account.loss_halt = None;
}

fn roomy_account(limits: &mut Limits) {
    limits.strategies[1].loss = LossLimit { day_max: Money::MAX, drawdown_max: Money::MAX };
    limits.account.loss_halt = None;
}

#[test]
fn every_control_lets_its_limit_pass_and_refuses_one_beyond() {
    let mut rows = quote_rows();
    rows.extend(order_rows());
    rows.extend(size_rows());
    rows.extend(account_rows());
    rows.extend(pace_rows());
    rows.extend(exposure_rows());
    rows.extend(margin_rows());
    for (number, row) in rows.iter().enumerate() {
        let mut limits = limits();
        (row.limits)(&mut limits);
        let mut allowed = desk(&limits);
        (row.allowed)(&mut allowed);
        let answer = control(allowed.ask());
        // A loss at its limit passes its own control; that nothing more may be risked is another control's word.
        let at_limit = matches!(
            row.control,
            Control::StrategyDayLoss | Control::StrategyDrawdown | Control::AccountDayLoss | Control::AccountDrawdown
        );
        let expected = if at_limit { Some(Control::LossRoom) } else { None };
        assert_eq!(answer, expected, "row {number}, {:?}, at the limit", row.control);

        let mut refused = desk(&limits);
        (row.refused)(&mut refused);
        let (answer, review) = refused.gate.review(&refused.proposal, &refused.exposure, &refused.view, refused.now);
        let refusal = answer.map(Approved::into_order).unwrap_err();
        assert_eq!(refusal.control(), row.control, "row {number}, beyond the limit: {refusal:?}");
        assert_eq!(refused.gate.counters().refused(row.control), 1);
        assert_eq!(review.refusal, Some(refusal));
        assert_eq!(review.finding(row.control).outcome, Outcome::Refused);
        assert_eq!((review.finding(row.control).found, review.finding(row.control).allowed), refusal.figures());
    }
    let seen = |control: Control| rows.iter().any(|row| row.control == control);
    for row in CONTROLS.iter().filter(|row| matches!(row.asked, Asked::Entries | Asked::All)) {
        assert!(seen(row.control), "no test refuses an entry by {:?}", row.control);
    }
}

#[test]
fn an_approved_entry_is_what_was_proposed() {
    let mut desk = desk(&limits());
    let (answer, review) = desk.gate.review(&desk.proposal, &desk.exposure, &desk.view, desk.now);
    let entry = answer.map(Approved::into_order).unwrap();
    assert_eq!((entry.lots, entry.reference), (Lots(10), Price(125_000)));
    assert_eq!((entry.stop, entry.target), (Some(Price(124_900)), Some(Price(125_050))));
    assert_eq!(review.sizing.after(Step::LotStep), Some(10.0));
    assert_eq!(review.finding(Control::OrderValue).found, 12_500_000_000);
    assert_eq!(review.findings().filter(|(_, finding)| finding.outcome == Outcome::Refused).count(), 0);
    assert!(review.findings().count() > 30);
    desk.proposal.side = Side::Sell;
    let entry = desk.ask().map(Approved::into_order).unwrap();
    assert_eq!(
        (entry.reference, entry.stop, entry.target),
        (Price(124_990), Some(Price(125_090)), Some(Price(124_940)))
    );
}

#[test]
fn a_kelly_stake_is_cut_to_every_cap_and_refused_when_nothing_is_left() {
    let mut desk = desk(&limits());
    desk.proposal.stake = Stake::Kelly(BET);
    let mut sizes = Vec::new();
    while let Ok((entry, claim)) = desk.submit() {
        assert!(claim.value() <= Money::units(60_000) && claim.risk() <= Money::units(50));
        sizes.push(entry.lots.0);
    }
    // 48 units are 60,000 dollars, the most valuable order; the strategy's 150,000 dollars are then nearly used up.
    assert_eq!(sizes, [48, 48]);
    assert_eq!(control(desk.ask()), Some(Control::SymbolPosition));
}

#[test]
fn nothing_is_sent_beyond_a_cap_however_many_ask_at_once() {
    let mut limits = limits();
    limits.symbols[0].position.long_max = Lots(10);
    let mut desk = desk(&limits);
    lots(&mut desk, 1);
    let mut claims: Vec<Claim> = (0..100)
        .filter_map(|n| {
            desk.proposal.strategy.0 = n % 2;
            desk.submit().ok().map(|sent| sent.1)
        })
        .collect();
    assert_eq!((claims.len(), desk.exposure.side(SymbolId(0), Side::Buy).in_flight), (10, Lots(10)));
    assert_eq!(desk.gate.counters().refused(Control::SymbolPosition), 90);
    desk.exposure.release(&mut claims[3]).unwrap();
    assert!(desk.submit().is_ok());
    assert_eq!(control(desk.submit()), Some(Control::SymbolPosition));
}

#[test]
fn latches_survive_restart_and_midnight_and_only_a_named_person_opens_them() {
    let mut limits = limits();
    limits.strategies[0].repeats.executions_max = 2;
    let mut first = desk(&limits);
    hold(&mut first, 2);
    assert_eq!(control(first.ask()), Some(Control::RepeatedExecution));
    lose(&mut first, 1, 350_000_000);
    let losses = [
        Latch::Halt(Scope::All),
        Latch::StrategyLoss(StrategyId(1), LossKind::Day),
        Latch::AccountLoss(LossKind::Day),
        Latch::Repeats(StrategyId(0)),
    ];
    let mut second = first.restarted(&limits);
    second.exposure.mark(StrategyId(1), Money::units(350)).unwrap();
    second.wait(Span(4 * Span::DAY.0));
    assert_eq!(control(second.ask()), Some(Control::KillSwitch));
    let who = Operator::new("Ada").unwrap();
    for latch in losses {
        assert_eq!(second.gate.latched(latch), Some(first.now), "{latch:?}");
        assert!(second.ask().is_err());
        let rearmed = second.gate.rearm(latch, who, second.now).unwrap();
        assert_eq!((rearmed.by, rearmed.since, rearmed.time), (who, first.now, second.now));
        assert_eq!(second.gate.rearm(latch, who, second.now), Err(NotLatched));
    }
    assert_eq!(control(second.ask()), None);
    second.proposal.strategy.0 = 1;
    assert_eq!(control(second.ask()), None);
    assert_eq!(second.gate.counters().rearmed, 4);
}

#[test]
fn a_passed_account_limit_pulls_the_kill_switch() {
    let mut desk = desk(&limits());
    desk.exposure.realise(StrategyId(1), Money(-300_000_001)).unwrap();
    assert_eq!(desk.gate.watch(StrategyId(1), &desk.exposure, desk.now), Some(Latch::AccountLoss(LossKind::Day)),);
    assert_eq!(desk.gate.watch(StrategyId(1), &desk.exposure, desk.now), None, "once");
    let halt = *desk.gate.kill_switch().halt(Scope::All).unwrap();
    let by = Author::Control(Control::AccountDayLoss);
    assert_eq!(halt, Halt { level: Level::Cancel, by, reason: HaltReason::Loss, time: desk.now });
    assert_eq!(control(desk.ask()), Some(Control::KillSwitch));
}

#[test]
fn a_rearmed_loss_counts_anew_from_there() {
    let mut limits = limits();
    limits.account.loss_halt = None;
    let mut desk = desk(&limits);
    lose(&mut desk, 0, 250_000_000);
    let latch = Latch::StrategyLoss(StrategyId(0), LossKind::Day);
    desk.gate.rearm(latch, Operator::new("Ada").unwrap(), desk.now).unwrap();
    assert_eq!(desk.gate.strategy_marks(StrategyId(0)).unwrap().day_loss(), Money(0));
    lose(&mut desk, 0, 40_000_000);
    assert_eq!(control(desk.ask()), None, "290 of the account's 300 are gone, 10 are risked");
    lose(&mut desk, 0, 160_000_001);
    assert_eq!(control(desk.ask()), Some(Control::StrategyDayLoss));
}

#[test]
fn leverage_by_class_through_the_gate() {
    let cases = [
        (Preset::Esma, MarginClass::MajorPair, Some(30)),
        (Preset::Esma, MarginClass::MinorPairGoldIndex, Some(20)),
        (Preset::Esma, MarginClass::Commodity, Some(10)),
        (Preset::Esma, MarginClass::Share, Some(5)),
        (Preset::Esma, MarginClass::Crypto, Some(2)),
        (Preset::Us, MarginClass::MajorPair, Some(50)),
        (Preset::Us, MarginClass::MinorPairGoldIndex, Some(20)),
        (Preset::Us, MarginClass::Crypto, None),
    ];
    for (preset, margin_class, leverage) in cases {
        let mut limits = limits();
        limits.account.preset = preset;
        limits.account.margin_level_min_percent = 0;
        let mut desk = desk_of(&limits, &[Instrument { margin_class, ..eurusd() }, usdchf()]);
        let Some(leverage) = leverage else {
            assert_eq!(control(desk.ask()), Some(Control::NotPermitted));
            continue;
        };
        let required = Preset::margin(Money::units(12_500), leverage);
        desk.view.account.free_margin = required;
        assert_eq!(control(desk.ask()), None, "{preset:?} {margin_class:?}");
        desk.view.account.free_margin = Money(required.0 - 1);
        assert_eq!(control(desk.ask()), Some(Control::Margin), "{preset:?} {margin_class:?}");
        desk.view.account.free_margin = Money::MAX;
        desk.submit().unwrap();
        assert_eq!(desk.exposure.margin_used(), required, "an order in flight has taken its margin");
        assert!(desk.gate.closes_out(Money((required.0 - 2) / 2), &desk.exposure) || preset == Preset::Us);
    }
}

#[test]
fn a_refused_proposal_takes_no_message_and_is_not_repeated() {
    let mut limits = limits();
    limits.account.messages = MessageRate { messages: 1, per: Span::SECOND, burst: 11 };
    limits.strategies[0].repeats.executions_max = 1;
    let mut desk = desk(&limits);
    lots(&mut desk, 1_000);
    for _ in 0..50 {
        assert_eq!(control(desk.ask()), Some(Control::OrderVolume));
    }
    lots(&mut desk, 1);
    assert_eq!(control(desk.ask()), None);
}

#[test]
fn faults_of_the_limits_are_all_reported() {
    let fault = |change: fn(&mut Limits, &mut Instrument)| {
        let (mut limits, mut second) = (limits(), usdchf());
        change(&mut limits, &mut second);
        Gate::new(&limits, &[eurusd(), second]).map(|_| ()).unwrap_err()
    };
    let nan = |l: &mut Limits, _: &mut Instrument| l.symbols[1].spread.multiple_max = f64::NAN;
    assert_eq!(fault(nan), [SpecFault::Negative]);
    assert_eq!(fault(|l, _| l.symbols.truncate(1)), [SpecFault::SymbolsDoNotMatch]);
    assert_eq!(fault(|_, i| i.symbol.0 = 7), [SpecFault::SymbolsDoNotMatch]);
    assert_eq!(fault(|_, i| i.lot_step = Lots(0)), [SpecFault::InstrumentInvalid { symbol: SymbolId(1) }]);
    assert_eq!(fault(|l, _| l.currencies.truncate(2)), [SpecFault::CurrencyWithoutLimit { symbol: SymbolId(1) }]);
    assert_eq!(fault(|l, _| l.currencies[1] = l.currencies[0]).len(), 3);
    assert_eq!(fault(|l, _| l.account.messages_for_exits = 300), [SpecFault::MessageRate]);
    assert_eq!(fault(|l, _| l.account.loss.day_max = Money(-1)), [SpecFault::Negative]);
    assert_eq!(
        fault(|l, _| l.symbols[0].price_move.window = Span(31)),
        [SpecFault::PriceWindow { symbol: SymbolId(0) }]
    );
    let flat = |l: &mut Limits, _: &mut Instrument| {
        let (hedging, closing) = (Hedging::Allowed, ClosingOrder::Any);
        l.account.preset = Preset::Custom(CustomPreset { leverage: [0; 5], close_out_percent: 50, hedging, closing });
    };
    assert_eq!(fault(flat), [SpecFault::Leverage]);
    let many = |l: &mut Limits, _: &mut Instrument| {
        l.strategies[1].symbols.push(SymbolId(2));
        l.strategies[1].messages.per = Span(0);
        l.strategies[1].repeats.window = Span(-1);
        l.strategies[1].session[0].weekdays = 0x80;
        l.strategies[1].drawdown = DrawdownRule::Binary { alpha: 1.0, beta: 0.1 };
        l.strategies[1].loss.drawdown_max = Money(-1);
    };
    let strategy = 1;
    let all = [
        SpecFault::StrategySymbols { strategy },
        SpecFault::MessageRate,
        SpecFault::Repeats { strategy },
        SpecFault::Session { strategy },
        SpecFault::Drawdown { strategy },
        SpecFault::Negative,
    ];
    assert_eq!(fault(many), all);
}

#[test]
fn the_desk_counts_its_own_faults_here() {
    let mut desk = desk(&limits());
    desk.gate.count(&Refusal::Fault { place: 3, sequence: 9 });
    assert_eq!(desk.gate.counters().refused(Control::Fault), 1);
    assert_eq!(Refusal::Fault { place: 3, sequence: 9 }.to_string(), "Fault: 3, allowed 9");
}

#[test]
fn the_kill_switch_stops_its_scope_only() {
    let mut desk = desk(&limits());
    desk.gate.halt(Scope::Strategy(StrategyId(1)), Halt::default());
    assert_eq!(control(desk.ask()), None);
    desk.proposal.strategy.0 = 1;
    assert_eq!(control(desk.ask()), Some(Control::KillSwitch));
}

#[test]
fn a_kelly_stake_is_cut_to_what_both_currencies_leave() {
    for (place, side) in [(0, Side::Buy), (1, Side::Buy), (0, Side::Sell), (1, Side::Sell)] {
        let mut limits = limits();
        limits.currencies[place].net_max = Money::units(30_000);
        let mut desk = desk(&limits);
        desk.proposal.stake = Stake::Kelly(BET);
        desk.proposal.side = side;
        let (entry, _) = desk.submit().unwrap();
        assert_eq!(entry.lots, Lots(24), "24 units are just within 30,000 dollars");
        assert_eq!(control(desk.submit()), Some(Control::TooSmall));
    }
}

#[test]
fn a_rearmed_throttle_counts_anew_at_once() {
    let mut limits = limits();
    limits.strategies[0].repeats.executions_max = 2;
    let mut desk = desk(&limits);
    hold(&mut desk, 2);
    assert_eq!(control(desk.ask()), Some(Control::RepeatedExecution));
    desk.proposal.side = Side::Sell;
    assert_eq!(control(desk.ask()), Some(Control::RepeatedExecution), "the whole strategy is stopped");
    let latch = Latch::Repeats(StrategyId(0));
    desk.gate.rearm(latch, Operator::new("Ada").unwrap(), desk.now).unwrap();
    desk.proposal.side = Side::Buy;
    assert_eq!(control(desk.ask()), None);
}
