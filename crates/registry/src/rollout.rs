//! From draft to champion: states, events, gates. Pure: what was measured comes in, the next state or a refusal goes out.
//!
//! Without an edge no model goes past shadow on its own merits: on paper accounts a named person may send it on with a
//! reason that is journalled; to live money nobody can.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a version of a model stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// Registered, nothing else.
    Draft,
    /// Signed, whole, and its validation computed.
    Validated,
    /// Sees every tick, trades nothing.
    Shadow,
    /// Trades 1% of the risk budget.
    #[serde(rename = "CANARY_1")]
    Canary1,
    /// Trades 5% of the risk budget.
    #[serde(rename = "CANARY_5")]
    Canary5,
    /// Trades 25% of the risk budget.
    #[serde(rename = "CANARY_25")]
    Canary25,
    /// Trades.
    Champion,
    /// Was replaced by a better one; may be reinstated when that one is rolled back.
    Retired,
    /// Something is wrong with it; nothing loads it.
    Quarantined,
    /// Was taken back from trading; nothing loads it.
    RolledBack,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 10] = [
        Self::Draft,
        Self::Validated,
        Self::Shadow,
        Self::Canary1,
        Self::Canary5,
        Self::Canary25,
        Self::Champion,
        Self::Retired,
        Self::Quarantined,
        Self::RolledBack,
    ];

    /// The state's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Draft => "DRAFT",
            Self::Validated => "VALIDATED",
            Self::Shadow => "SHADOW",
            Self::Canary1 => "CANARY_1",
            Self::Canary5 => "CANARY_5",
            Self::Canary25 => "CANARY_25",
            Self::Champion => "CHAMPION",
            Self::Retired => "RETIRED",
            Self::Quarantined => "QUARANTINED",
            Self::RolledBack => "ROLLED_BACK",
        }
    }

    /// Whether the model trades in this state.
    pub fn trades(self) -> bool {
        matches!(self, Self::Canary1 | Self::Canary5 | Self::Canary25 | Self::Champion)
    }

    /// Share of the risk budget that the model may use, in percent.
    pub fn budget_percent(self) -> u8 {
        match self {
            Self::Canary1 => 1,
            Self::Canary5 => 5,
            Self::Canary25 => 25,
            Self::Champion => 100,
            _ => 0,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What is asked of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// Check it and its validation.
    Validate,
    /// Let it see every tick.
    ToShadow,
    /// Let it trade 1% of the budget.
    ToCanary,
    /// Let the canary trade the next share.
    Step,
    /// Let it trade.
    ToChampion,
    /// Let a former champion trade again, because its successor was rolled back.
    Reinstate,
    /// Replaced, or not pursued.
    Retire,
    /// Something is wrong with it.
    Quarantine,
    /// Take it back from trading, at once.
    RollBack,
    /// Begin again as a draft.
    Release,
}

impl Event {
    /// Every event.
    pub const ALL: [Self; 10] = [
        Self::Validate,
        Self::ToShadow,
        Self::ToCanary,
        Self::Step,
        Self::ToChampion,
        Self::Reinstate,
        Self::Retire,
        Self::Quarantine,
        Self::RollBack,
        Self::Release,
    ];

    /// The event's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Validate => "validate",
            Self::ToShadow => "to_shadow",
            Self::ToCanary => "to_canary",
            Self::Step => "step",
            Self::ToChampion => "to_champion",
            Self::Reinstate => "reinstate",
            Self::Retire => "retire",
            Self::Quarantine => "quarantine",
            Self::RollBack => "roll_back",
            Self::Release => "release",
        }
    }
}

/// Something that was measured or checked. Facts are 1 for yes, 0 for no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Fact: the signature and every digest were verified.
    SignatureValid,
    /// Fact: the feature schema is the running one.
    SchemaEqual,
    /// Fact: every golden question was answered within 1e-6.
    GoldenPassed,
    /// Fact: a walk-forward validation was done.
    WalkForward,
    /// Fact: the deflated Sharpe ratio was computed, with its number of trials.
    DsrComputed,
    /// Fact: the probability of backtest overfitting was computed.
    PboComputed,
    /// Fact: the card has all its parts.
    CardComplete,
    /// 99th percentile of the time of an inference over its budget.
    LatencyOfBudget,
    /// Share of inputs out of the domain that the model was trained on.
    OutOfDomain,
    /// Fact: a replay gave the same answers bit for bit.
    ReplayParity,
    /// Labels that were resolved while in shadow.
    Labels,
    /// E-value of the paired log-loss against the champion.
    LogLossEvalue,
    /// Fact: not worse by more than a margin that was declared beforehand.
    NonInferior,
    /// Expected calibration error.
    CalibrationError,
    /// Probability that the budget of the next share is used up.
    BudgetDepletion,
    /// E-value of profit and loss against the champion.
    ProfitEvalue,
    /// Fact: it costs less to run or to trade.
    Cheaper,
    /// Days traded as canary.
    TradingDays,
    /// Fact: it was champion before.
    WasChampion,
}

impl Measure {
    /// The measure's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::SignatureValid => "signature_valid",
            Self::SchemaEqual => "schema_equal",
            Self::GoldenPassed => "golden_passed",
            Self::WalkForward => "walk_forward",
            Self::DsrComputed => "dsr_computed",
            Self::PboComputed => "pbo_computed",
            Self::CardComplete => "card_complete",
            Self::LatencyOfBudget => "latency_of_budget",
            Self::OutOfDomain => "out_of_domain",
            Self::ReplayParity => "replay_parity",
            Self::Labels => "labels",
            Self::LogLossEvalue => "log_loss_evalue",
            Self::NonInferior => "non_inferior",
            Self::CalibrationError => "calibration_error",
            Self::BudgetDepletion => "budget_depletion",
            Self::ProfitEvalue => "profit_evalue",
            Self::Cheaper => "cheaper",
            Self::TradingDays => "trading_days",
            Self::WasChampion => "was_champion",
        }
    }
}

/// What was measured.
pub type Evidence = BTreeMap<Measure, f64>;

/// A bound on one measure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub enum Need {
    /// It must be at least this.
    AtLeast(Measure, f64),
    /// It must be at most this.
    AtMost(Measure, f64),
}

impl Need {
    /// Whether the evidence holds the bound. What was not measured, and NaN, does not.
    pub fn met(self, evidence: &Evidence) -> bool {
        match self {
            Self::AtLeast(measure, bound) => evidence.get(&measure).is_some_and(|value| *value >= bound),
            Self::AtMost(measure, bound) => evidence.get(&measure).is_some_and(|value| *value <= bound),
        }
    }
}

/// A condition of an event: one of the alternatives, each of which is a list of bounds that all hold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Gate {
    /// Its name.
    pub name: &'static str,
    /// For which event.
    pub event: Event,
    /// The alternatives.
    pub any: &'static [&'static [Need]],
}

const fn fact(measure: Measure) -> Need {
    Need::AtLeast(measure, 1.0)
}

/// Every gate.
pub const GATES: &[Gate] = &[
    Gate { name: "signature", event: Event::Validate, any: &[&[fact(Measure::SignatureValid)]] },
    Gate { name: "schema", event: Event::Validate, any: &[&[fact(Measure::SchemaEqual)]] },
    Gate { name: "golden", event: Event::Validate, any: &[&[fact(Measure::GoldenPassed)]] },
    Gate { name: "walk_forward", event: Event::Validate, any: &[&[fact(Measure::WalkForward)]] },
    Gate { name: "dsr", event: Event::Validate, any: &[&[fact(Measure::DsrComputed)]] },
    Gate { name: "pbo", event: Event::Validate, any: &[&[fact(Measure::PboComputed)]] },
    Gate { name: "card", event: Event::Validate, any: &[&[fact(Measure::CardComplete)]] },
    Gate { name: "latency", event: Event::ToShadow, any: &[&[Need::AtMost(Measure::LatencyOfBudget, 1.0)]] },
    Gate { name: "domain", event: Event::ToShadow, any: &[&[Need::AtMost(Measure::OutOfDomain, 0.05)]] },
    Gate { name: "replay", event: Event::ToShadow, any: &[&[fact(Measure::ReplayParity)]] },
    Gate { name: "labels", event: Event::ToCanary, any: &[&[Need::AtLeast(Measure::Labels, 2_000.0)]] },
    Gate {
        name: "better",
        event: Event::ToCanary,
        any: &[&[Need::AtLeast(Measure::LogLossEvalue, 20.0)], &[fact(Measure::NonInferior)]],
    },
    Gate { name: "calibration", event: Event::ToCanary, any: &[&[Need::AtMost(Measure::CalibrationError, 0.02)]] },
    Gate { name: "canary_budget", event: Event::ToCanary, any: &[&[Need::AtMost(Measure::BudgetDepletion, 0.05)]] },
    Gate { name: "step_budget", event: Event::Step, any: &[&[Need::AtMost(Measure::BudgetDepletion, 0.05)]] },
    Gate {
        name: "profit",
        event: Event::ToChampion,
        any: &[&[Need::AtLeast(Measure::ProfitEvalue, 20.0)], &[fact(Measure::NonInferior), fact(Measure::Cheaper)]],
    },
    Gate { name: "days", event: Event::ToChampion, any: &[&[Need::AtLeast(Measure::TradingDays, 5.0)]] },
    Gate { name: "was_champion", event: Event::Reinstate, any: &[&[fact(Measure::WasChampion)]] },
];

/// Whose money the model would trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ground {
    /// A paper or demo account.
    Paper,
    /// Money.
    Live,
}

/// A person who sends a model without an edge past shadow, on paper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Override {
    /// Who.
    pub person: String,
    /// Why.
    pub reason: String,
}

/// Everything that the next state depends on.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    /// What is asked.
    pub event: Event,
    /// What was measured.
    pub evidence: Evidence,
    /// Whether the report of the model says EDGE.
    pub edge: bool,
    /// Whose money it would trade.
    pub ground: Ground,
    /// Who overrides a missing edge, if anybody.
    pub consent: Option<Override>,
}

/// Why the state does not change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// The event means nothing in that state.
    NoWay {
        /// The state.
        state: State,
        /// The event.
        event: Event,
    },
    /// Gates that are shut: measured and not enough, or not measured.
    Shut(Vec<&'static str>),
    /// The model has no edge and nobody took it on themselves.
    NoEdge,
    /// The model has no edge; nobody can send it to live money.
    NoEdgeLive,
    /// An override without a person or a reason.
    NoReason,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoWay { state, event } => write!(f, "{} is not possible in state {state}", event.name()),
            Self::Shut(gates) => write!(f, "gates shut: {}", gates.join(", ")),
            Self::NoEdge => write!(f, "no EDGE: only a named person with a reason can send it past shadow, on paper"),
            Self::NoEdgeLive => write!(f, "no EDGE: it never trades live money"),
            Self::NoReason => write!(f, "an override names a person and a reason"),
        }
    }
}

/// Where an event leads from a state, gates aside. Total: every pair has its answer.
pub fn way(state: State, event: Event) -> Option<State> {
    use State::{Canary1, Canary5, Canary25, Champion, Draft, Quarantined, Retired, RolledBack, Shadow, Validated};
    match (state, event) {
        (Draft, Event::Validate) => Some(Validated),
        (Validated, Event::ToShadow) => Some(Shadow),
        (Shadow, Event::ToCanary) => Some(Canary1),
        (Canary1, Event::Step) => Some(Canary5),
        (Canary5, Event::Step) => Some(Canary25),
        (Canary25, Event::ToChampion) | (Retired, Event::Reinstate) => Some(Champion),
        (Canary1 | Canary5 | Canary25 | Champion, Event::RollBack) => Some(RolledBack),
        (Quarantined | RolledBack, Event::Release) => Some(Draft),
        (
            Draft | Validated | Shadow | Canary1 | Canary5 | Canary25 | Champion | Quarantined | RolledBack,
            Event::Retire,
        ) => Some(Retired),
        (
            Draft | Validated | Shadow | Canary1 | Canary5 | Canary25 | Champion | Retired | RolledBack,
            Event::Quarantine,
        ) => Some(Quarantined),
        _ => None,
    }
}

/// The next state. Where a model would trade without an edge, the override is asked for; all other gates stay shut or open
/// whoever asks.
///
/// # Errors
/// `Refused`, and then nothing changes.
pub fn next(state: State, ask: &Ask) -> Result<State, Refused> {
    let to = way(state, ask.event).ok_or(Refused::NoWay { state, event: ask.event })?;
    if to.trades() && !ask.edge {
        match (ask.ground, &ask.consent) {
            (Ground::Live, _) => return Err(Refused::NoEdgeLive),
            (Ground::Paper, None) => return Err(Refused::NoEdge),
            (Ground::Paper, Some(Override { person, reason })) => {
                if person.trim().is_empty() || reason.trim().is_empty() {
                    return Err(Refused::NoReason);
                }
            }
        }
    }
    let mine = GATES.iter().filter(|gate| gate.event == ask.event);
    let open = |gate: &Gate| gate.any.iter().any(|all| all.iter().all(|need| need.met(&ask.evidence)));
    let shut: Vec<_> = mine.filter(|gate| !open(gate)).map(|gate| gate.name).collect();
    if shut.is_empty() { Ok(to) } else { Err(Refused::Shut(shut)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Evidence that opens every gate of an event.
    fn best(event: Event) -> Evidence {
        let mut evidence = Evidence::new();
        for need in GATES.iter().filter(|gate| gate.event == event).flat_map(|gate| gate.any[0]) {
            match *need {
                Need::AtLeast(measure, bound) | Need::AtMost(measure, bound) => evidence.insert(measure, bound),
            };
        }
        evidence
    }

    fn ask(event: Event) -> Ask {
        Ask { event, evidence: best(event), edge: true, ground: Ground::Live, consent: None }
    }

    #[test]
    fn the_straight_way_leads_to_champion() {
        let mut state = State::Draft;
        for event in [
            Event::Validate,
            Event::ToShadow,
            Event::ToCanary,
            Event::Step,
            Event::Step,
            Event::ToChampion,
            Event::Retire,
            Event::Reinstate,
        ] {
            state = next(state, &ask(event)).unwrap();
        }
        assert_eq!(state, State::Champion);
    }

    #[test]
    fn every_pair_has_its_answer_and_rollback_needs_no_statistics() {
        for state in State::ALL {
            for event in Event::ALL {
                let found = next(state, &ask(event));
                match way(state, event) {
                    Some(to) => assert_eq!(found, Ok(to), "{state} {event:?}"),
                    None => assert_eq!(found, Err(Refused::NoWay { state, event })),
                }
            }
            let bare = |event| next(state, &Ask { evidence: Evidence::new(), edge: false, ..ask(event) });
            if state.trades() {
                assert_eq!(bare(Event::RollBack), Ok(State::RolledBack));
            }
            assert!(state == State::Quarantined || bare(Event::Quarantine) == Ok(State::Quarantined), "{state}");
            assert_eq!(serde_json::to_string(&state).unwrap(), format!("\"{}\"", state.name()));
        }
        for event in Event::ALL {
            assert_eq!(serde_json::to_string(&event).unwrap(), format!("\"{}\"", event.name()));
        }
    }

    /// Each bound lets its limit pass (`ask`), and refuses one beyond, NaN, and nothing.
    #[test]
    fn every_gate_shuts_beyond_its_limit() {
        for gate in GATES {
            let state = State::ALL.into_iter().find(|state| way(*state, gate.event).is_some()).unwrap();
            for need in gate.any[0] {
                let (measure, beyond) = match *need {
                    Need::AtLeast(measure, bound) => (measure, bound - 1e-9),
                    Need::AtMost(measure, bound) => (measure, bound + 1e-9),
                };
                assert_eq!(serde_json::to_string(&measure).unwrap(), format!("\"{}\"", measure.name()));
                for value in [Some(beyond), Some(f64::NAN), None] {
                    let mut asked = ask(gate.event);
                    asked.evidence.remove(&measure);
                    asked.evidence.extend(value.map(|value| (measure, value)));
                    let Err(Refused::Shut(gates)) = next(state, &asked) else { panic!("{} is open", gate.name) };
                    assert!(gates.contains(&gate.name), "{gates:?}");
                }
            }
        }
    }

    #[test]
    fn alternatives_open_a_gate_only_as_a_whole() {
        let mut asked = ask(Event::ToChampion);
        asked.evidence.remove(&Measure::ProfitEvalue);
        asked.evidence.insert(Measure::NonInferior, 1.0);
        assert_eq!(next(State::Canary25, &asked), Err(Refused::Shut(vec!["profit"])));
        asked.evidence.insert(Measure::Cheaper, 1.0);
        assert_eq!(next(State::Canary25, &asked), Ok(State::Champion));
    }

    #[test]
    fn without_an_edge_nothing_trades_but_on_paper_by_a_named_person() {
        let consent = |person: &str, reason: &str| Some(Override { person: person.into(), reason: reason.into() });
        for state in State::ALL {
            for event in Event::ALL {
                let Some(to) = way(state, event).filter(|to| to.trades()) else { continue };
                let bare = |ground, consent| Ask { edge: false, ground, consent, ..ask(event) };
                assert_eq!(next(state, &bare(Ground::Live, consent("Ada", "test"))), Err(Refused::NoEdgeLive));
                assert_eq!(next(state, &bare(Ground::Paper, None)), Err(Refused::NoEdge));
                assert_eq!(next(state, &bare(Ground::Paper, consent("", "test"))), Err(Refused::NoReason));
                assert_eq!(next(state, &bare(Ground::Paper, consent("Ada", " "))), Err(Refused::NoReason));
                assert_eq!(next(state, &bare(Ground::Paper, consent("Ada", "test"))), Ok(to));
                let shut = Ask { evidence: Evidence::new(), ..bare(Ground::Paper, consent("Ada", "test")) };
                assert!(matches!(next(state, &shut), Err(Refused::Shut(_))), "an override opens no other gate");
            }
        }
    }
}
