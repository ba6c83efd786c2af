//! From the null to the expected value.

use ensemble::decide::{Decision, Part, Reason, View};
use ensemble::{Reach, VOTERS};
use serde_json::{Value, json};

use crate::beside::hex;
use crate::shares::Speaker;
use crate::words::AGENT_KINDS;
use crate::words::page::side;

/// The contributions must meet the log-odds within this, or the record is not verified.
const TOLERANCE: f64 = 1e-6;

/// The pool's arithmetic and its outcome.
pub(super) fn ensemble((decision, reason): (&Decision, Option<Reason>), heard: &[Speaker<'_>]) -> Value {
    let Decision { barrier, p0, base, beta, spec, .. } = decision;
    let agents: Vec<Value> =
        AGENT_KINDS.iter().zip(&decision.parts).map(|(kind, part)| agent(kind.name(), part, *kind, heard)).collect();
    let (missed, contributions) = (decision.discrepancy(), decision.parts.iter().map(|part| part.contribution));
    let sums = contributions.fold([0.0; 2], |sum, adds| [sum[0] + adds[0], sum[1] + adds[1]]);
    let assignment: Vec<Value> = VOTERS
        .iter()
        .zip(&decision.assigned)
        .filter_map(|(seat, assigned)| Some((seat, (*assigned)?)))
        .map(|(seat, it)| {
            json!({ "seat": seat.name(), "experiment": it.experiment, "arm": Speaker::arm(it.arm), "block": it.block })
        })
        .collect();
    json!({
        "barrier": { "target_points": barrier.target.0, "stop_points": barrier.stop.0,
            "horizon_s": barrier.horizon.as_secs() },
        "p0": p0, "base": base, "beta": beta, "awake": decision.awake,
        "demands": { "awake_min": spec.awake_min, "margin_points": spec.margin_points, "z": spec.z,
            "gate_min": spec.gate_min, "meta_min": spec.meta_min, "meta_required": spec.meta_required },
        "agents": agents,
        "sides": decision.views.iter().map(view).collect::<Vec<_>>(),
        "best": side(decision.best),
        "p": decision.view().p, "p_lo": decision.view().p_lo, "ev_points": decision.view().ev,
        "cost": { "spread_points": decision.spread_points, "commission_points": barrier.commission_points },
        "regime": regime(decision),
        "meta": { "p": decision.meta, "silent": decision.meta_silent.map(ensemble::MetaSilence::name) },
        "reason": reason.map(Reason::name),
        "assignment": assignment,
        "ensemble_epoch": decision.epoch,
        "contributions": { "sum": sums, "missed": missed, "verified": missed <= TOLERANCE },
    })
}

fn agent(name: &str, part: &Part, kind: ensemble::AgentKind, heard: &[Speaker<'_>]) -> Value {
    let model = heard.iter().find(|speaker| speaker.seat.agent() == Some(kind));
    let spoke = part.abstained.is_none();
    json!({
        "name": name,
        "model": model.map(|speaker| &speaker.model.parts().name),
        "digest": model.map(|speaker| hex(speaker.model.digest())),
        "abstain": part.abstained.map(ensemble::Abstain::name),
        "raw": spoke.then_some(part.raw),
        "p_cal": spoke.then_some(part.p),
        "conf": spoke.then_some(part.confidence),
        "w": part.weight,
        "labels": part.labels,
        "miscalibration": part.miscalibration,
        "contribution": part.contribution,
    })
}

fn view(view: &View) -> Value {
    json!({ "side": side(view.side), "pooled": view.pooled, "logit": view.logit, "p": view.p, "se": view.se,
        "p_lo": view.p_lo, "ev_points": view.ev, "ev_lo_points": view.ev_lo })
}

fn regime(decision: &Decision) -> Value {
    let regime = &decision.regime;
    let reach = match regime.reach {
        Reach::Unknown => "unknown",
        Reach::Inside => "inside",
        Reach::Outside => "outside",
    };
    json!({ "posterior": regime.posterior, "gate": regime.gate, "change": regime.change_probability, "reach": reach })
}
