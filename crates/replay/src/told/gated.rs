//! The proposal, its size, what every control found, and what was done.

use desk::Explanation;
use market::{Side, Tick};
use risk::{Kind, Outcome, Proposal, Refusal, Review, Stake, Step};
use serde_json::{Value, json};

use crate::words::asked::figures;
use crate::words::page::{Book, side};

pub(super) fn proposal(proposal: &Proposal, tick: &Tick, book: &Book<'_>) -> Value {
    let (how, entry) = match proposal.kind {
        Kind::Market { .. } => ("market", tick.entry(proposal.side)),
        Kind::Limit { price, .. } => ("limit", price),
    };
    json!({ "side": side(proposal.side), "how": how, "entry": book.price(entry),
        "stop_points": proposal.stop.map(|points| points.0), "target_points": proposal.target.map(|points| points.0) })
}

/// The sizing chain, each step with its value and the unit of that.
pub(super) fn sizing(proposal: &Proposal, review: &Review, book: &Book<'_>) -> Value {
    let by = match proposal.stake {
        Stake::Fixed(_) => "fixed",
        Stake::Kelly(_) => "kelly",
    };
    let step = |step: &Step| {
        let (value, unit) = (review.sizing.after(*step)?, unit(*step));
        let currency = (unit == "currency").then(|| book.desk.spec().currency.to_string());
        Some(json!({ "step": format!("{step:?}"), "value": value, "unit": unit, "currency": currency }))
    };
    let steps: Vec<Value> = Step::ALL.iter().filter_map(step).collect();
    json!({ "by": by, "steps": steps })
}

const fn unit(step: Step) -> &'static str {
    match step {
        Step::Kelly | Step::EstimationError | Step::Drawdown | Step::Confidence | Step::Meta | Step::Regime => "equity",
        Step::TradeRisk => "currency",
        Step::Volume | Step::OrderCap | Step::CurrencyCap | Step::LossCap | Step::LotStep => "volume_units",
    }
}

/// Every control that was asked: whole numbers in its own unit, and the same in words.
pub(super) fn gates(review: &Review, book: &Book<'_>) -> Vec<Value> {
    let gate = |(control, finding): (risk::Control, risk::Finding)| {
        let words = Refusal::from_figures(control, finding.found, finding.allowed).map(|it| figures(&it, book));
        let (found, allowed) = words.unzip();
        json!({ "name": control.name(), "ok": finding.outcome == Outcome::Passed, "value": finding.found,
            "limit": finding.allowed, "found": found, "allowed": allowed })
    };
    review.findings().map(gate).collect()
}

/// What was done, in a word.
pub(super) fn action(explanation: &Explanation) -> &'static str {
    match (&explanation.proposal, &explanation.refusal, explanation.sent) {
        (None, _, _) => "none",
        (Some(_), Some(_), _) => "refused",
        (Some(_), None, None) => "not_sent",
        (Some(proposal), None, Some(_)) => match proposal.side {
            Side::Buy => "buy",
            Side::Sell => "sell",
        },
    }
}
