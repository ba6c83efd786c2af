//! Where stop and target are, how the size came about, and the request that was sent.

use desk::spec::{StopRule, StrategySpec};
use desk::{Desk, Explanation};
use ensemble::decide::Decision;
use features::{Feature, Frame};
use market::{Points, Price, Side, Tick};
use orders::{Order, Purpose};
use risk::limits::DrawdownRule;
use risk::{Bet, Kind, Proposal, Review, Stake, Step, StopSpec, Volatility};

use super::page::{Book, Page, order_id, side};

/// What the strategy proposed to the gate.
pub(super) fn proposed(
    page: &mut Page,
    (spec, proposal): (&StrategySpec, &Proposal),
    explanation: &Explanation,
    tick: &Tick,
    book: &Book<'_>,
) {
    let entry = match proposal.kind {
        Kind::Market { .. } => tick.entry(proposal.side),
        Kind::Limit { price, .. } => price,
    };
    let how = kind(&proposal.kind, book);
    page.line(format!("  Proposed to the gate: {} {how}, seen at {}", side(proposal.side), book.price(entry)));
    stop(page, &spec.stop, &explanation.frame, tick, book);
    if let Some(Ok(decision)) = &explanation.decision {
        wider(page, decision, &spec.stop, (&explanation.frame, tick), book);
    }
    let (worse, better) = match proposal.side {
        Side::Buy => (-1, 1),
        Side::Sell => (1, -1),
    };
    let at = |distance: Option<Points>, sign: i64| match distance {
        None => "none".to_owned(),
        Some(distance) => {
            let price = Price(entry.0.saturating_add(distance.0.saturating_mul(sign)));
            format!("{} away, at {}", book.points(distance), book.price(price))
        }
    };
    page.line(format!("    stop   {}", at(proposal.stop, worse)));
    page.line(format!("    target {}", at(proposal.target, better)));
}

fn kind(kind: &Kind, book: &Book<'_>) -> String {
    match kind {
        Kind::Market { deviation } => format!("at market, filled at most {} worse", book.points(*deviation)),
        Kind::Limit { price, expires } => format!("with a limit at {}, until {expires}", book.price(*price)),
    }
}

/// Where a stop that follows volatility comes from: the furthest of its parts.
pub(super) fn stop(page: &mut Page, rule: &StopRule, frame: &Frame, tick: &Tick, book: &Book<'_>) {
    let (least, widen) = match rule {
        StopRule::Absent => return page.line("    no stop: the strategy's rule has none"),
        StopRule::Fixed { .. } => return page.line("    stop and target are fixed by the configuration"),
        StopRule::Volatility { stop, widen, .. } => (stop, widen),
    };
    let instrument = book.instrument;
    let (level, spread) = (instrument.stop_level.0, tick.spread().0);
    page.line("    The stop is the furthest of, in points rounded up:");
    page.line(format!("      the least          {}", least.0));
    let parts = [
        (widen.sigma_multiple, Feature::SigmaS60.name(), frame.get(Feature::SigmaS60)),
        (widen.range_multiple, Feature::AtrM5.name(), frame.get(Feature::AtrM5)),
        (widen.spread_multiple, "spread", Some(tick.spread().as_f64())),
    ];
    for (multiple, name, value) in parts {
        match value {
            _ if multiple == 0.0 => {}
            None => page.line(format!("      {multiple} x {name}: not ready")),
            Some(value) => page.line(format!("      {:18} {multiple} x {value:.4} = {:.4}", name, multiple * value)),
        }
    }
    page.line(format!("      the broker's       stop level {level} + spread {spread} + 1 = {}", level + spread + 1));
}

/// The stop that a rule asks for; `None` where it cannot be known.
fn distance(rule: &StopRule, frame: &Frame, tick: &Tick, book: &Book<'_>) -> Option<Points> {
    let StopRule::Volatility { stop, widen, .. } = rule else { return None };
    let StopSpec { sigma_multiple, range_multiple, .. } = *widen;
    let known = |multiple: f64, feature: Feature| if multiple > 0.0 { frame.get(feature) } else { Some(0.0) };
    let volatility = Volatility {
        sigma: known(sigma_multiple, Feature::SigmaS60)?,
        range: known(range_multiple, Feature::AtrM5)?,
        spread: tick.spread(),
    };
    let wide = risk::stops(widen, &volatility, book.instrument).ok()?;
    Some(wide.stop.max(*stop))
}

/// Whether the trade is worth its cost with the stop that volatility asks for.
pub(super) fn wider(
    page: &mut Page,
    decision: &Decision,
    rule: &StopRule,
    (frame, tick): (&Frame, &Tick),
    book: &Book<'_>,
) {
    let Some(stop) = distance(rule, frame, tick, book) else { return };
    let (p_lo, a, k) = (decision.view().p_lo, decision.barrier.target.as_f64(), decision.barrier.commission_points);
    let value = p_lo * a - (1.0 - p_lo) * stop.as_f64() - k;
    page.line(format!(
        "    EV_lo with it: {p_lo:.6} x {a} - {:.6} x {} - {k} = {}; margin {}",
        1.0 - p_lo,
        stop.0,
        book.distance(value),
        decision.spec.margin_points
    ));
}

/// The sizing chain, step by step, as far as it came.
pub(super) fn sizing(page: &mut Page, proposal: &Proposal, review: &Review, book: &Book<'_>) {
    let equity = book.desk.orders().ledger().equity();
    match &proposal.stake {
        Stake::Fixed(lots) => page.line(format!("  Size: always {}", book.lots(*lots))),
        Stake::Kelly(bet) => page.line(format!(
            "  Size: by Kelly's rule, win {} and loss {} points after costs, equity {}",
            bet.win,
            bet.loss,
            book.money(equity)
        )),
    }
    for step in Step::ALL {
        let Some(value) = review.sizing.after(*step) else { continue };
        let how = match &proposal.stake {
            Stake::Kelly(bet) => formula(*step, bet, review, proposal, book.desk),
            Stake::Fixed(_) => "floored to the lot step".into(),
        };
        let name = format!("{step:?}");
        page.line(format!("    {name:15} {:>24}   {how}", amount(*step, value, book)));
    }
}

/// A step's value in its unit.
fn amount(step: Step, value: f64, book: &Book<'_>) -> String {
    match step {
        Step::Kelly | Step::EstimationError | Step::Drawdown | Step::Confidence | Step::Meta | Step::Regime => {
            format!("{value:.8} of equity")
        }
        Step::TradeRisk => format!("{value:.2} {}", book.desk.spec().currency),
        Step::Volume | Step::OrderCap | Step::CurrencyCap | Step::LossCap | Step::LotStep => {
            book.lots(market::Lots(value as i64))
        }
    }
}

/// How a step came about. The factors of the chain are told as the ratio to the step before.
fn formula(step: Step, bet: &Bet, review: &Review, proposal: &Proposal, desk: &Desk) -> String {
    let Bet { p, p_se, win, loss, confidence, meta, regime_gate } = bet;
    let limits = desk.spec().limits.strategies.get(usize::from(proposal.strategy.0));
    match step {
        Step::Kelly => format!("p - (1 - p) loss/win = {p:.6} - {:.6} x {loss}/{win}", 1.0 - p),
        Step::EstimationError => {
            let b = win / loss;
            let (g, noise) = ((b + 1.0) * p - 1.0, (b + 1.0) * p_se);
            format!("x g^2/(g^2 + n^2), g = (b + 1) p - 1 = {g:.5}, n = (b + 1) se = {noise:.5}")
        }
        Step::Drawdown => {
            let factor = ratio(review, Step::EstimationError, Step::Drawdown);
            let rule = limits.map_or_else(String::new, |limits| drawdown(limits.drawdown));
            format!("x {factor:.6}{rule}")
        }
        Step::Confidence => format!("x {confidence:.6}, the agents' confidence by weight"),
        Step::Meta => format!("x {meta:.6}, the meta model"),
        Step::Regime => format!("x {regime_gate:.6}, the regime's gate"),
        Step::TradeRisk => limits.map_or_else(String::new, |limits| {
            format!("x equity, at most {} % of it", f64::from(limits.trade_risk.max_ppm) / 10_000.0)
        }),
        Step::Volume => "the most that loses no more than this at the stop".into(),
        Step::OrderCap => "at most the largest order, by volume and by value".into(),
        Step::CurrencyCap => "at most what the currencies' limits leave".into(),
        Step::LossCap => "at most what strategy and account may still lose".into(),
        Step::LotStep => "floored to the lot step".into(),
    }
}

fn drawdown(rule: DrawdownRule) -> String {
    let (DrawdownRule::Diffusion { alpha, beta } | DrawdownRule::Binary { alpha, beta }) = rule;
    format!(", so that ever falling to {} % has at most {} % chance", alpha * 100.0, beta * 100.0)
}

fn ratio(review: &Review, before: Step, after: Step) -> f64 {
    let value = |step| review.sizing.after(step).unwrap_or(f64::NAN);
    value(after) / value(before)
}

/// What became of the proposal.
pub(super) fn outcome(page: &mut Page, explanation: &Explanation, book: &Book<'_>) {
    if let Some(refusal) = &explanation.refusal {
        let control = refusal.control();
        let (found, allowed) = super::asked::figures(refusal, book);
        page.wrapped(2, &format!("Refused by {}: {found}, {allowed}. Nothing was sent.", control.name()));
        return;
    }
    let Some(id) = explanation.sent else {
        page.line("  Approved, but not sent: no room for another request, or the venue's positions are in doubt.");
        return;
    };
    match book.desk.orders().order(id) {
        Some(order) => page.wrapped(2, &format!("Sent: {}", request(order, explanation.proposal.as_ref(), book))),
        None => page.line(format!("  Sent as request {}", order_id(id))),
    }
}

/// A request in words.
pub(super) fn request(order: &Order, proposal: Option<&Proposal>, book: &Book<'_>) -> String {
    let (id, lots) = (order_id(order.id), book.lots(order.lots));
    let protection = format!("stop {}, target {}", book.price_or_none(order.stop), book.price_or_none(order.target));
    let whose = book.desk.spec().strategies.get(usize::from(order.strategy.0)).map_or("", |spec| spec.name.as_str());
    let symbol = &book.instrument.name;
    match order.purpose {
        Purpose::Entry => {
            let how = proposal.map_or_else(String::new, |proposal| format!(" {}", kind(&proposal.kind, book)));
            let seen = book.price_or_none(order.reference);
            format!(
                "request {id} of {whose}: {} {lots} of {symbol}{how}, seen at {seen}, {protection}",
                side(order.side)
            )
        }
        Purpose::Rung | Purpose::Out => {
            let (ticket, cause) = (order.ticket.0, order.cause);
            format!(
                "request {id} of {whose}: close {lots} of position {ticket} ({} {symbol}), cause {cause:?}",
                side(order.side)
            )
        }
        Purpose::Stop | Purpose::BreakEven | Purpose::Trail => {
            let (ticket, purpose) = (order.ticket.0, order.purpose);
            format!("request {id} of {whose}: protect position {ticket} ({symbol}), {purpose:?}: {protection}")
        }
        Purpose::Cancel => format!("request {id}: cancel request {}", order_id(order.counterpart)),
    }
}
