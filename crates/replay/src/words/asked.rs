//! What every control of the gate found, each figure in its unit.

use market::{Points, SymbolId};
use risk::{CONTROLS, Refusal, Review};

use super::heard::name;
use super::page::{Book, NO_LIMIT, Page, at_most, span};

const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

pub(super) fn controls(page: &mut Page, review: &Review, book: &Book<'_>) {
    let asked = review.findings().count();
    page.line(format!("  Controls of the gate: {asked} of {} were asked", CONTROLS.len()));
    for (control, finding) in review.findings() {
        let outcome = super::outcome(finding.outcome);
        let measure = Refusal::from_figures(control, finding.found, finding.allowed);
        let (found, allowed) = measure.map_or_else(
            || (finding.found.to_string(), format!("allowed {}", finding.allowed)),
            |measure| figures(&measure, book),
        );
        let purpose = CONTROLS.get(usize::from(control.code())).map_or("", |row| row.purpose);
        page.listed(
            4,
            14,
            [format!("{outcome:9} {:20} {found}, {allowed};", control.name()).as_str()]
                .into_iter()
                .chain(purpose.split(' ')),
        );
    }
}

/// What was found and what is allowed, in words.
pub(crate) fn figures(refusal: &Refusal, book: &Book<'_>) -> (String, String) {
    money(refusal, book)
        .or_else(|| distances(refusal, book))
        .or_else(|| volumes(refusal, book))
        .or_else(|| counts(refusal))
        .or_else(|| times(refusal))
        .unwrap_or_else(|| others(refusal, book))
}

type Words = (String, String);

fn money(refusal: &Refusal, book: &Book<'_>) -> Option<Words> {
    let within = |found, allowed| Some((book.money(found), at_most(&book.money(allowed))));
    match *refusal {
        Refusal::StrategyDayLoss { loss, max } | Refusal::AccountDayLoss { loss, max } => {
            Some((format!("{} lost today", book.money(loss)), at_most(&book.money(max))))
        }
        Refusal::StrategyDrawdown { drawdown, max } | Refusal::AccountDrawdown { drawdown, max } => {
            Some((format!("{} below the peak", book.money(drawdown)), at_most(&book.money(max))))
        }
        Refusal::OrderValue { value, max }
        | Refusal::LaunchValue { value, max }
        | Refusal::StrategyValue { value, max }
        | Refusal::AccountValue { value, max } => within(value, max),
        Refusal::TradeRisk { risk, max } | Refusal::StrategyRisk { risk, max } | Refusal::AccountRisk { risk, max } => {
            within(risk, max)
        }
        Refusal::LossRoom { risk, room } => within(risk, room),
        Refusal::CurrencyNet { net, max } => within(net, max),
        Refusal::Margin { required, free } => {
            Some((format!("{} needed", book.money(required)), format!("{} free", book.money(free))))
        }
        Refusal::NoEquity { equity, above } => Some((book.money(equity), format!("more than {}", book.money(above)))),
        _ => None,
    }
}

fn distances(refusal: &Refusal, book: &Book<'_>) -> Option<Words> {
    let within = |found: Points, allowed: Points| Some((book.points(found), format!("at most {}", allowed.0)));
    let at_least = |found: Points, least: Points| Some((book.points(found), format!("at least {}", least.0)));
    match *refusal {
        Refusal::WideSpread { spread, max } | Refusal::UnusualSpread { spread, max } => within(spread, max),
        Refusal::PriceCollar { distance, max } => within(distance, max),
        Refusal::PriceMove { moved, max } => within(moved, max),
        Refusal::StopTooNear { distance, least } | Refusal::TargetTooNear { distance, least } => {
            at_least(distance, least)
        }
        Refusal::Frozen { distance, freeze_level } => {
            Some((book.points(distance), format!("more than the freeze level of {}", freeze_level.0)))
        }
        Refusal::CrossedQuote { bid, ask } => {
            Some((format!("bid {}", book.price(bid)), format!("at most the ask {}", book.price(ask))))
        }
        Refusal::StopLoosened { stop, current } => {
            Some((format!("stop {}", book.price(stop)), format!("not looser than {}", book.price(current))))
        }
        Refusal::Unchanged { stop, target } => {
            Some((format!("stop {}", book.price(stop)), format!("target {} stand already", book.price(target))))
        }
        _ => None,
    }
}

fn volumes(refusal: &Refusal, book: &Book<'_>) -> Option<Words> {
    let within = |found, allowed| Some((book.lots(found), at_most(&book.lots(allowed))));
    match *refusal {
        Refusal::TooSmall { lots, min } => Some((book.lots(lots), format!("at least {}", book.lots(min)))),
        Refusal::OrderVolume { lots, max } | Refusal::SymbolPosition { lots, max } => within(lots, max),
        Refusal::Hedged { opposite, allowed } => {
            Some((format!("{} held on the other side", book.lots(opposite)), at_most(&book.lots(allowed))))
        }
        Refusal::ExceedsOpen { lots, open } => within(lots, open),
        _ => None,
    }
}

fn counts(refusal: &Refusal) -> Option<Words> {
    let most = |max: u32| if max == u32::MAX { NO_LIMIT.to_owned() } else { format!("at most {max}") };
    match *refusal {
        Refusal::LaunchEntries { entries, max } => Some((format!("entry {entries} since the start"), most(max))),
        Refusal::PositionCount { positions, max } => Some((format!("{positions} with this one"), most(max))),
        Refusal::RepeatedExecution { executions, max } => Some((format!("{executions} with this one"), most(max))),
        Refusal::NotOldest { older, allowed } => Some((format!("{older} older positions"), most(allowed))),
        Refusal::LedgerUnsound { faults, allowed } => {
            Some((format!("{faults} contradictions"), format!("at most {allowed}")))
        }
        Refusal::MarginLevel { percent: i64::MAX, least } => {
            Some(("no margin in use".into(), format!("at least {least} %")))
        }
        Refusal::MarginLevel { percent, least } => Some((format!("{percent} %"), format!("at least {least} %"))),
        Refusal::NoEdge { p_ppm, break_even_ppm } => {
            let part = |ppm: i64| ppm as f64 / 1e6;
            Some((format!("p = {:.6}", part(p_ppm)), format!("more than the break-even {:.6}", part(break_even_ppm))))
        }
        Refusal::Fault { place, sequence } => Some((format!("place {place}"), format!("event {sequence}"))),
        _ => None,
    }
}

fn times(refusal: &Refusal) -> Option<Words> {
    match *refusal {
        Refusal::KillSwitch { level, since } => Some((format!("pulled to {level:?}"), format!("since {since}"))),
        Refusal::OutsideSession { since_midnight, weekday } => {
            let day = DAYS.get(weekday as usize).copied().unwrap_or("no day");
            let minutes = since_midnight.0 / market::Span::MINUTE.0;
            Some((format!("{day} {:02}:{:02} UTC", minutes / 60, minutes % 60), "within a session window".into()))
        }
        Refusal::Blackout { from: market::Time::MAX, .. } => Some(("no blackout is open".into(), "none may be".into())),
        Refusal::Blackout { from, until } => Some((format!("blackout from {from}"), format!("until {until}"))),
        Refusal::MessageRate { wait, per } | Refusal::StrategyMessageRate { wait, per } => {
            let now =
                if wait.0 == 0 { "a message is free now".into() } else { format!("next message in {}", span(wait)) };
            Some((now, format!("counted per {}", span(per))))
        }
        Refusal::StaleQuote { age, age_max } => {
            Some((format!("quote {} old", span(age)), format!("at most {}", span(age_max))))
        }
        Refusal::Duplicate { age: market::Span(i64::MAX), window } => {
            Some(("no such order before".into(), format!("none within {}", span(window))))
        }
        Refusal::Duplicate { age, window } => {
            Some((format!("sent {} ago", span(age)), format!("none within {}", span(window))))
        }
        _ => None,
    }
}

fn others(refusal: &Refusal, book: &Book<'_>) -> Words {
    let known = |symbol: SymbolId, strategy: market::StrategyId| {
        let spec = book.desk.spec().strategies.get(usize::from(strategy.0));
        (
            name(symbol, book.desk),
            spec.map_or_else(|| format!("strategy {}", strategy.0), |spec| format!("for {}", spec.name)),
        )
    };
    match *refusal {
        Refusal::UnknownStrategy { strategy, known } => {
            (format!("strategy {}", strategy.0), format!("{known} are known"))
        }
        Refusal::UnknownSymbol { symbol, known } => (name(symbol, book.desk), format!("{known} symbols are known")),
        Refusal::NotPermitted { symbol, strategy }
        | Refusal::NoReference { symbol, strategy }
        | Refusal::NoStop { symbol, strategy }
        | Refusal::NoConversion { symbol, strategy } => known(symbol, strategy),
        Refusal::NotOurs { strategy, owner } => {
            (format!("strategy {}", strategy.0), format!("it is strategy {}'s", owner.0))
        }
        Refusal::Malformed { input, value } => (format!("{input:?} = {value}"), "a usable number".into()),
        ref other => {
            let (found, allowed) = other.figures();
            (found.to_string(), format!("allowed {allowed}"))
        }
    }
}
