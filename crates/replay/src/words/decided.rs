//! From the null to the expected value: what `ensemble::decide` worked out, with the numbers in its formulas.

use desk::Explanation;
use ensemble::decide::{Decision, NoTrade, Part, Reason, View};
use ensemble::{Abstain, Reach};

use super::AGENT_KINDS;
use super::page::{Book, Page, side, span};

pub(super) fn decided(
    page: &mut Page,
    outcome: &Result<Decision, NoTrade>,
    explanation: &Explanation,
    book: &Book<'_>,
) {
    let (decision, reason) = match outcome {
        Ok(decision) => (decision, None),
        Err(no_trade) => (&no_trade.decision, Some(no_trade.reason)),
    };
    bet(page, decision, book);
    regime(page, decision);
    agents(page, decision);
    super::brains::brains(page, decision, explanation, book);
    for (place, view) in decision.views.iter().enumerate() {
        value(page, decision, (place, view), book);
    }
    costs(page, decision, book);
    let told = match reason {
        None => format!(
            "Decision: {}. Its EV_lo of {:.4} points is above the margin of {} and the higher of the two.",
            side(decision.best),
            decision.view().ev_lo,
            decision.spec.margin_points
        ),
        Some(reason) => format!("Decision: no trade ({}): {}.", reason.name(), why(reason, decision)),
    };
    page.wrapped(2, &told);
    let missed = decision.discrepancy();
    if missed > 1e-6 {
        page.line(format!("  UNVERIFIED: base and contributions miss the log-odds by {missed:.3e}."));
    }
}

/// The barrier and the win rate without skill.
fn bet(page: &mut Page, decision: &Decision, book: &Book<'_>) {
    let Decision { barrier, p0, base, spread_points: c, .. } = decision;
    let (a, s, k) = (barrier.target.0, barrier.stop.0, barrier.commission_points);
    page.line("  The bet, in points from the fill:");
    page.line(format!(
        "    target a = {a}, stop S = {s}, within {}; spread c = {c}, commission k = {k} a round trip; {} points are a pip",
        span(barrier.horizon),
        book.instrument.pip.0
    ));
    let plain = (barrier.stop.as_f64() - c) / (barrier.stop.as_f64() + barrier.target.as_f64());
    let clipped = if (plain - p0).abs() > 1e-12 { ", clipped to [0.02, 0.98]" } else { "" };
    page.line(format!(
        "    p0    = (S - c)/(S + a) = ({s} - {c})/({s} + {a}) = {p0:.6}{clipped}: the win rate without skill"
    ));
    page.line(format!("    base  = ln(p0/(1 - p0)) = {base:.8}"));
    if let Some(even) = barrier.break_even() {
        page.line(format!("    break-even p = (S + k)/(S + a) = ({s} + {k})/({s} + {a}) = {even:.6}"));
    }
}

fn regime(page: &mut Page, decision: &Decision) {
    let regime = &decision.regime;
    let reach = match regime.reach {
        Reach::Unknown => "not enough was seen to tell the regimes apart",
        Reach::Inside => "the market is within what was seen before",
        Reach::Outside => "the market is outside of what was seen before",
    };
    let [one, two, three] = regime.posterior;
    page.line(format!(
        "  The regime: posterior {one:.4} {two:.4} {three:.4}; a recent change {:.4}",
        regime.change_probability
    ));
    page.line(format!("    gate {:.4}, at least {} is needed; {reach}", regime.gate, decision.spec.gate_min));
}

fn agents(page: &mut Page, decision: &Decision) {
    page.line(format!(
        "  The agents; each adds beta x weight x confidence x (logit p - base), with beta = {}:",
        decision.beta
    ));
    page.line("    agent        p buy   p sell   weight  confidence   labels  misses by    adds to buy   adds to sell");
    for (kind, part) in AGENT_KINDS.iter().zip(&decision.parts) {
        let name = kind.name();
        match part.abstained {
            Some(reason) => page.line(format!("    {name:10} abstains ({}): {}", reason.name(), silence(reason))),
            None => page.line(format!(
                "    {name:10} {:.5}  {:.5}  {:.5}     {:.5} {:>8.1}    {:.5}  {:>+13.8}  {:>+13.8}",
                part.p[0],
                part.p[1],
                part.weight,
                part.confidence,
                part.labels,
                part.miscalibration,
                part.contribution[0],
                part.contribution[1]
            )),
        }
    }
    let sum = |side: usize| decision.parts.iter().map(|part| part.contribution[side]).sum::<f64>();
    page.line(format!("    {:64}{:>+13.8}  {:>+13.8}", "sum", sum(0), sum(1)));
}

/// One side: pool, probability, its error, expected value.
fn value(page: &mut Page, decision: &Decision, (place, view): (usize, &View), book: &Book<'_>) {
    let Decision { base, beta, spec, barrier, .. } = decision;
    let View { pooled, logit, p, se, p_lo, ev, ev_lo, .. } = view;
    let sum = logit - base;
    page.line(format!("  To {} at {}:", side(view.side), book.price(view.entry)));
    page.line(format!("    L     = {pooled:+.8}, the pool before beta; beta L = {beta} x {pooled:+.8} = {sum:+.8}"));
    page.line(format!("    logit = base + beta L = {base:.8} {sum:+.8} = {logit:.8}"));
    page.line(format!("    p     = 1/(1 + e^-logit) = {p:.6}"));
    page.line(format!("    se    = {}", standard_error(&decision.parts, place, view)));
    let floor = if p - spec.z * se < 0.0 { ", not below 0" } else { "" };
    page.line(format!("    p_lo  = p - z se = {p:.6} - {} x {se:.6} = {p_lo:.6}{floor}", spec.z));
    let (a, s, k) = (barrier.target.0, barrier.stop.0, barrier.commission_points);
    let value = |p: f64, ev: f64| format!("{p:.6} x {a} - {:.6} x {s} - {k} = {}", 1.0 - p, book.distance(ev));
    page.line(format!("    EV    = p a - (1 - p) S - k = {}", value(*p, *ev)));
    page.line(format!("    EV_lo = the same with p_lo  = {}", value(*p_lo, *ev_lo)));
}

/// The three independent parts of the error, as in the head of `ensemble::decide`.
fn standard_error(parts: &[Part], side: usize, view: &View) -> String {
    let labels: f64 = parts.iter().map(|part| part.weight * part.labels).sum();
    if labels <= 0.0 {
        return format!("{:.6}: nobody with labels spoke, so nothing is known", view.se);
    }
    let mean: f64 = parts.iter().map(|part| part.weight * part.p[side]).sum();
    let squares = |off: &dyn Fn(&Part) -> f64| {
        parts.iter().map(|part| (part.weight * off(part)) * (part.weight * off(part))).sum::<f64>()
    };
    let sampling = view.p * (1.0 - view.p) / labels;
    let disagreement = squares(&|part| part.p[side] - mean);
    let miscalibration = squares(&|part| part.miscalibration);
    format!(
        "sqrt({sampling:.3e} sampling over {labels:.1} labels + {disagreement:.3e} disagreement + {miscalibration:.3e} misses) = {:.6}",
        view.se
    )
}

fn costs(page: &mut Page, decision: &Decision, book: &Book<'_>) {
    let (spread, commission) = (decision.spread_points, decision.barrier.commission_points);
    let lot = book.worth(spread).zip(book.worth(commission)).map_or_else(String::new, |(spread, commission)| {
        format!("; on one lot {spread:.2} + {commission:.2} {}", book.desk.spec().currency)
    });
    page.wrapped(
        2,
        &format!(
            "Costs of a round trip: spread {}, which p0 contains; commission {}, which is k{lot}.",
            book.distance(spread),
            book.distance(commission)
        ),
    );
}

fn why(reason: Reason, decision: &Decision) -> String {
    let spec = &decision.spec;
    match reason {
        Reason::Fault => "a specification or a result is not a usable number".into(),
        Reason::WarmingUp => "the regime filter has not seen enough to know where we are".into(),
        Reason::AllAbstained => "no agent that the strategy wants has an opinion".into(),
        Reason::TooFewAgents => format!("{} agents have an opinion, {} are demanded", decision.awake, spec.awake_min),
        Reason::BelowMargin => format!(
            "the better EV_lo, {:.4} points to {}, is not above the margin of {} points",
            decision.view().ev_lo,
            side(decision.best),
            spec.margin_points
        ),
        Reason::GateClosed => format!(
            "to {} would be worth it, but the regime opens the gate only {:.4}, and {} is needed",
            side(decision.best),
            decision.regime.gate,
            spec.gate_min
        ),
        Reason::MetaDeclined => format!(
            "to {} would be worth it, but the meta model gives it a net profit with {:.4}, and {} is needed",
            side(decision.best),
            decision.meta.unwrap_or(f64::NAN),
            spec.meta_min
        ),
        Reason::MetaSilent => format!(
            "to {} would be worth it, but the strategy demands the meta model's word, and it has none ({})",
            side(decision.best),
            decision.meta_silent.map_or("not asked", ensemble::MetaSilence::name)
        ),
    }
}

const fn silence(reason: Abstain) -> &'static str {
    match reason {
        Abstain::Stale => "what it saw last is older than is allowed",
        Abstain::Uncalibrated => "too few labels have come back to know what its probability is worth",
        Abstain::OutOfDomain => "the features are far from all it has seen",
        Abstain::Blackout => "a blackout was declared",
        Abstain::WarmUp => "a feature it needs, or its own memory, is not ready",
        Abstain::Fault => "it produced something that is not a number, and stays out",
        Abstain::NoOpinion => "it has looked, and has nothing to say",
        Abstain::NoModel => "no trained model sits there",
    }
}
