//! An explanation as text: the arithmetic of one event's decisions, with every number filled in, for a trader to check.
//!
//! `page`     lines, numbers and units        `heard`    the event itself
//! `seen`     the features                    `decided`  from the null to the expected value
//! `sized`    stop, target, size, request     `asked`    what every control of the gate found
//! `brains`   what the trained models said
//!
//! Nothing in here decides: it reads what the desk kept while it was asked to explain.

pub(crate) mod asked;
mod brains;
mod decided;
mod heard;
pub(crate) mod page;
mod seen;
mod sized;
#[cfg(test)]
pub(crate) mod tests;

use desk::spec::Decide;
use desk::{Desk, Event, Explanation, Fact, Idle};
use ensemble::AgentKind;
use features::Feature;
use market::{StrategyId, Tick};
use risk::{Author, Outcome};

use page::{Book, Page, count, span};

/// The arithmetic of one event's decisions, after the desk has heard the event while explaining.
pub fn explanation(event: &Event, desk: &Desk) -> String {
    let mut page = Page::new();
    heard::heard(&mut page, event, desk);
    if let Fact::Ticked(tick) = &event.fact {
        asked_about(&mut page, tick, desk);
    }
    requests(&mut page, event, desk);
    account(&mut page, desk);
    page.text()
}

/// What each strategy made of a quote.
fn asked_about(page: &mut Page, tick: &Tick, desk: &Desk) {
    let symbol = tick.symbol;
    let Some(book) = Book::of(desk, symbol) else { return };
    let trading = desk.spec().strategies.iter().filter(|strategy| strategy.symbols.contains(&symbol)).count();
    let explanations = desk.explanations();
    let Some(first) = explanations.first() else {
        page.line(if trading == 0 {
            "No strategy trades this symbol: it is only listened to."
        } else {
            "The quote was not believed, so nothing followed from it: `scalpel data inspect` on the file says why."
        });
        return;
    };
    seen::seen(page, &first.frame, &book);
    for explanation in explanations {
        page.line("");
        strategy(page, explanation, tick, &book);
    }
}

fn strategy(page: &mut Page, explanation: &Explanation, tick: &Tick, book: &Book<'_>) {
    let Some(spec) = book.desk.spec().strategies.get(usize::from(explanation.strategy.0)) else { return };
    let how = match &spec.decide {
        Decide::Ensemble { class, .. } => format!("the ensemble, barrier class {class}"),
        Decide::Cross { fast, slow } => format!("the cross of two averages of the mid, over {fast} and {slow} ticks"),
        Decide::Imbalance { threshold } => format!("the sizes at the best quotes, imbalance of {threshold} or more"),
        Decide::Random { every, .. } => format!("a coin, thrown every {} on average", span(*every)),
    };
    page.line(format!("Strategy {}: {how}", spec.name));
    if let Some(decision) = &explanation.decision {
        decided::decided(page, decision, explanation, book);
    }
    if explanation.idle == Some(Idle::StopTooWide)
        && let Some(Ok(decision)) = &explanation.decision
    {
        sized::stop(page, &spec.stop, &explanation.frame, tick, book);
        sized::wider(page, decision, &spec.stop, (&explanation.frame, tick), book);
    }
    if let Some(reason) = explanation.idle {
        page.wrapped(2, &idle(reason, explanation, book));
    }
    let Some(proposal) = &explanation.proposal else { return };
    sized::proposed(page, (spec, proposal), explanation, tick, book);
    let Some(review) = &explanation.review else { return };
    sized::sizing(page, proposal, review, book);
    asked::controls(page, review, book);
    sized::outcome(page, explanation, book);
}

/// Why a strategy was not asked, or not followed, with what stands in the way.
fn idle(reason: Idle, explanation: &Explanation, book: &Book<'_>) -> String {
    let desk = book.desk;
    let spec = desk.spec().strategies.get(usize::from(explanation.strategy.0));
    let why = match reason {
        Idle::Invested => {
            let most = spec.map_or(0, |spec| spec.positions_max);
            format!("it holds as many positions and entries in flight as it wants ({most})")
        }
        Idle::Resting => {
            let rest = spec.map_or_else(String::new, |spec| format!(" of {}", span(spec.cooldown)));
            format!("it rests: the cooldown{rest} after its last entry or refusal is not over")
        }
        Idle::NothingWanted => "its rule wants nothing on this quote".into(),
        Idle::NoVolatility => {
            let needed = [Feature::SigmaS60, Feature::AtrM5];
            let missing = needed.iter().filter(|feature| !explanation.frame.is_ready(**feature));
            let missing: Vec<_> = missing.map(|feature| feature.name()).collect();
            format!("the stop follows a volatility that is not known yet ({})", missing.join(", "))
        }
        Idle::StopTooWide => "with the stop that volatility asks for, the trade is not worth its cost".into(),
        Idle::Unsettled => unsettled(desk),
        Idle::Halted => halted(explanation.strategy, explanation, book),
        Idle::CanaryBudget => {
            "it follows a canary, and the loss that the trade may bring does not fit its budget, or there is no stop"
                .into()
        }
    };
    format!("Not asked or not followed ({}): {why}.", reason.name())
}

fn unsettled(desk: &Desk) -> String {
    if desk.orders().reconciled() {
        return "the fate of a request of this symbol is in doubt; it is queried first".into();
    }
    match desk.orders().differences().len() {
        0 => "the venue's list of positions has not been compared with ours yet".into(),
        n => {
            let places = count(n, "place", "places");
            format!("the venue's positions and ours differ in {places}; entries stay shut until they agree")
        }
    }
}

fn halted(strategy: StrategyId, explanation: &Explanation, book: &Book<'_>) -> String {
    let Some(halt) = book.desk.gate().kill_switch().standing(strategy, explanation.symbol) else {
        return "the kill switch was pulled".into();
    };
    let by = match halt.by {
        Author::Desk => "the desk".into(),
        Author::Control(control) => format!("the control {}", control.name()),
        Author::Operator(operator) => operator.name().to_owned(),
    };
    format!("the kill switch was pulled at {} by {by}, level {:?}, reason {:?}", halt.time, halt.level, halt.reason)
}

/// Exits that left on this event: requests about positions, sent at its time.
fn requests(page: &mut Page, event: &Event, desk: &Desk) {
    let entries: Vec<_> = desk.explanations().iter().filter_map(|explanation| explanation.sent).collect();
    let sent = desk.orders().live().iter().filter(|order| order.sent == event.time && !entries.contains(&order.id));
    for (nth, order) in sent.enumerate() {
        let Some(book) = Book::of(desk, order.symbol) else { continue };
        if nth == 0 {
            page.line("");
            page.line(format!("Other requests sent at {}:", event.time));
        }
        page.wrapped(2, &sized::request(order, None, &book));
    }
}

fn account(page: &mut Page, desk: &Desk) {
    let ledger = desk.orders().ledger();
    let open = count(desk.orders().positions().count(), "position", "positions");
    let alive = count(desk.orders().live().len(), "request", "requests");
    page.line("");
    page.wrapped(
        0,
        &format!(
            "After this event: balance {} {currency}, equity {} {currency}, {open} open, {alive} under way.",
            ledger.balance(),
            ledger.equity(),
            currency = desk.spec().currency
        ),
    );
}

/// The outcome of a control in a word.
const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::NotAsked => "not asked",
        Outcome::Passed => "passed",
        Outcome::Refused => "REFUSED",
    }
}

/// Every agent, in the order of its number.
pub(crate) const AGENT_KINDS: &[AgentKind] = AgentKind::ALL;
