use config::{Role, default_text};
use desk::spec::Decide;
use desk::{Action, Desk, Event, Fact};
use feed::InstrumentTable;
use market::{Lots, Points, Price, Side, Span, SymbolId, Time, Trade};
use orders::{OrderId, Reject, Report};
use risk::{Control, Latch, Level, Operator, Refusal, Scope, Ticket};
use venue::paper::Paper;

use super::explanation;
use crate::record::Unrecorded;
use crate::session::{Session, Watch};
use crate::synthetic::{Plant, Walk, theta_for};

/// The default desk on EURUSD, learning faster than it would on real ticks, and demanding nothing.
pub(crate) fn config() -> config::Config {
    let instrument = InstrumentTable::built_in().require("EURUSD", SymbolId(0)).unwrap();
    let text = default_text(&[(instrument, Role::Trade { leader: None })]).unwrap();
    let text = text
        .replace("sample_every = \"5 s\"", "sample_every = \"1 s\"")
        .replace("target = \"6 pip\"", "target = \"2 pip\"")
        .replace("stop = \"8 pip\"", "stop = \"3 pip\"")
        .replace("labels_min = 40.0", "labels_min = 5.0")
        .replace("width_reference = 1.0", "width_reference = 9.0")
        .replace("calibration_block = 10.0", "calibration_block = 1.0")
        .replace("mon-fri 06:00-18:00", "mon-fri 00:00-24:00");
    let mut config = config::parse(&text, 1, 7).unwrap();
    if let Decide::Ensemble { spec, .. } = &mut config.desk.strategies[0].decide {
        (spec.z, spec.gate_min, spec.awake_min, spec.margin_points) = (0.0, 0.0, 1, -5.0);
    }
    config
}

/// Every different story, by its marks, and all texts that were told of quotes.
#[derive(Default)]
struct Stories {
    told: Vec<String>,
    ensemble: Option<String>,
    marks: Vec<&'static str>,
}

const MARKS: [&str; 15] = [
    "(unsettled)",
    "(warming_up)",
    "(all_abstained)",
    "(below_margin)",
    "(stop_too_wide)",
    "(invested)",
    "(resting)",
    "Refused by NoEdge",
    "(nothing_wanted)",
    "of scalp: buy",
    "of baseline: ",
    "opened position",
    "closed",
    "was woken",
    "the session began",
];

impl Watch for Stories {
    fn on_action(&mut self, _: &Event, _: &Action, _: &Desk) {}

    fn on_event(&mut self, event: &Event, desk: &Desk) {
        let sent = desk.explanations().iter().any(|explanation| explanation.sent.is_some());
        if !sent && event.seq > 9 && !event.seq.is_multiple_of(5) && matches!(event.fact, Fact::Ticked(_)) {
            return;
        }
        let text = explanation(event, desk);
        let new: Vec<_> = MARKS.iter().filter(|mark| !self.marks.contains(mark) && text.contains(**mark)).collect();
        if self.ensemble.is_none() && text.contains("of scalp: ") {
            self.ensemble = Some(text.clone());
        }
        if !new.is_empty() {
            self.marks.extend(new);
            self.told.push(text);
        }
    }
}

fn stories() -> Stories {
    let config = config();
    let mut desk = Desk::new(&config.desk).unwrap();
    desk.explain();
    let venue = Paper::new(config.venue.clone()).unwrap();
    let mut session = Session::new(desk, venue, Unrecorded::default(), Stories::default());
    let walk = Walk {
        seed: 5,
        symbol: SymbolId(0),
        ticks: 30_000,
        start: Time::from_date(2014, 5, 6),
        every: Span::SECOND.0 / 2,
        mid: 138_000,
        spread: Points(3),
        step: Points(1),
        plant: Plant::Edge { theta: theta_for(0.97, 23, 27), reach: 60, quiet: 200 },
    };
    session.start(walk.start).unwrap();
    for tick in walk.ticks() {
        session.tick(&tick).unwrap();
    }
    session.watch
}

/// The numbers of the first line that contains `mark`, after it.
fn numbers(text: &str, mark: &str) -> Vec<f64> {
    let line = text.lines().find_map(|line| line.split_once(mark)).unwrap_or_else(|| panic!("{mark} in\n{text}")).1;
    let words = line.split([' ', '/', '(', ')', '=', ',', ';', '%']);
    words.filter_map(|word| word.parse().ok()).collect()
}

fn near(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found} is not {expected}");
}

#[test]
fn what_is_told_adds_up() {
    let stories = stories();
    let missing: Vec<_> = MARKS.iter().filter(|mark| !stories.marks.contains(mark)).collect();
    assert!(missing.is_empty(), "nothing of {missing:?}");
    for text in &stories.told {
        let longest = text.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(longest < 120, "{longest} columns in\n{text}");
        assert!(!text.contains("NaN") && !text.contains("inf "), "{text}");
        if text.contains("The agents;") {
            the_pool_adds_up(text);
        }
    }
    let text = stories.ensemble.unwrap();
    the_sizing_adds_up(&text);
    assert!(text.contains("Sent: request 1-") && text.contains("RepeatedExecution"), "{text}");
}

/// Contributions to log-odds, probability, and expected value, of both sides, from the printed numbers alone.
fn the_pool_adds_up(text: &str) {
    let base = numbers(text, "base  = ln(p0/(1 - p0)) =")[0];
    let agents = ["flow", "fair_value", "burst", "momentum", "reversion"];
    let adds = |side: usize| -> f64 {
        let awake = agents.iter().filter(|agent| !text.contains(&format!("    {agent:10} abstains")));
        awake.map(|agent| numbers(text, &format!("    {agent:10} "))[6 + side]).sum()
    };
    for (side, part) in text.split("  To ").skip(1).take(2).enumerate() {
        let logit = *numbers(part, "logit = base + beta L =").last().unwrap();
        near(base + adds(side), logit, 1e-6);
        let p = *numbers(part, "p     = 1").last().unwrap();
        near(p, market::math::sigmoid(logit), 1e-6);
        for ev in ["EV    =", "EV_lo ="] {
            // p x a - (1 - p) x S - k = EV points
            let found = numbers(part, ev);
            let from = found.len() - 7;
            let [p, a, q, s, k, points, pips] = found[from..] else { panic!("{found:?}") };
            near(p * a - q * s - k, points, 2e-4);
            near(points / 10.0, pips, 0.006);
        }
    }
}

/// Kelly's fraction and every factor after it.
fn the_sizing_adds_up(text: &str) {
    let after = |step: &str| numbers(text, &format!("    {step:15} "))[0];
    let kelly = numbers(text, "    Kelly  ");
    // The fraction, and "p - (1 - p) loss/win = p - q x loss/win": the 1 of the formula is a number too.
    let [fraction, _, p, q, loss, win] = kelly[..] else { panic!("{kelly:?}") };
    near(p - q * loss / win, fraction, 1e-5);
    for (before, step) in
        [("EstimationError", "Drawdown"), ("Drawdown", "Confidence"), ("Confidence", "Meta"), ("Meta", "Regime")]
    {
        near(after(before) * numbers(text, &format!("    {step:15} "))[1], after(step), 1e-6);
    }
    assert!(after("Volume") >= after("OrderCap") && after("LossCap") >= after("LotStep"), "{text}");
}

/// What is told of an event of a desk that has heard nothing else.
fn check(fact: Fact, expected: &str) {
    let desk = Desk::new(&config().desk).unwrap();
    let text = explanation(&Event { seq: 7, time: Time(0), fact }, &desk);
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains(expected), "{expected} in\n{text}");
}

#[test]
fn every_event_is_told() {
    let (time, ticket, symbol) = (Time(0), Ticket(3), SymbolId(0));
    let by = Operator::new("Ada").unwrap();
    let trade = Trade { symbol, time, seen: time, price: Price(138_000), lots: Lots(150), taker: Side::Sell };
    check(Fact::Traded(trade), "1.50 lots at 1.38000, the taker wanted to sell");
    check(Fact::Traded(Trade { symbol: SymbolId(4), ..trade }), "symbol 4, which the configuration does not have");
    check(Fact::Started, "the session began");
    check(Fact::Woke, "was woken at 1970-01-01T00:00:00.000Z");
    let halt = desk::Command::Halt { by, scope: Scope::All, level: Level::Flatten };
    check(Fact::Commanded(halt), "Ada pulled the kill switch for everything, level Flatten");
    let rearm = desk::Command::Rearm { by, latch: Latch::Repeats(market::StrategyId(1)) };
    check(Fact::Commanded(rearm), "re-armed the repeated-execution throttle of the strategy baseline");
    let id = OrderId::new(1, 12);
    let rejected = Report::Rejected { id, time, reason: Reject::Requote };
    check(Fact::Reported(rejected), "request 1-12 was refused for good, reason Requote");
    let (lots, price, stop, target) = (Lots(10), Price(138_000), Some(Price(137_900)), None);
    let held = Report::Held { time, ticket, symbol, side: Side::Buy, lots, price, stop, target };
    check(Fact::Reported(held), "position 3, buy 0.10 lots of EURUSD at 1.38000, stop 1.37900, target none");
}

#[test]
fn every_control_has_its_words() {
    let desk = Desk::new(&config().desk).unwrap();
    let book = super::page::Book::of(&desk, SymbolId(0)).unwrap();
    for control in Control::ALL {
        let refusal = Refusal::from_figures(*control, 3, 2).or(Refusal::from_figures(*control, 1, 1)).unwrap();
        let (found, allowed) = super::asked::figures(&refusal, &book);
        // Numbers without a word are the fall-back for figures that nothing is known of.
        let is_worded = |text: &str| text.chars().any(char::is_alphabetic);
        let has_words = is_worded(&found) || is_worded(&allowed.replace("allowed", ""));
        assert!(has_words || *control == Control::Fault, "{}: {found}, {allowed}", control.name());
    }
}
