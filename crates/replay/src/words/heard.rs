//! What an event was.

use desk::{Command, Desk, Event, Fact, Notice, NoticeKind, Reseat, Role};
use market::{StrategyId, SymbolId, Tick, Trade};
use orders::Report;
use risk::{Latch, Scope};

use crate::beside::hex;

use super::page::{Book, Page, order_id, side};

pub(super) fn heard(page: &mut Page, event: &Event, desk: &Desk) {
    let Event { seq, time, fact } = event;
    match fact {
        Fact::Ticked(tick) => quote(page, *seq, tick, desk),
        Fact::Traded(trade) => page.wrapped(0, &format!("Event {seq}: {}", traded(trade, desk))),
        Fact::Reported(report) => {
            page.line(format!("Event {seq}: the venue reported, heard at {time}"));
            page.wrapped(2, &reported(report, desk));
        }
        Fact::Woke => page.line(format!("Event {seq}: the desk was woken at {time}, as it had asked")),
        Fact::Commanded(command) => {
            page.wrapped(0, &format!("Event {seq}: a person gave an order at {time}: {}", commanded(command, desk)));
        }
        Fact::Noticed(notice) => {
            page.wrapped(0, &format!("Event {seq}: news, heard at {time}: {}", noticed(notice, desk)));
        }
        Fact::Started => {
            page.line(format!("Event {seq}: the session began, or went on after a restart, at {time}"));
            page.line("  The venue is asked for its positions; nothing is sent before they are found equal to ours.");
        }
    }
}

/// The name of a symbol.
pub(super) fn name(symbol: SymbolId, desk: &Desk) -> String {
    Book::of(desk, symbol).map_or_else(
        || format!("symbol {}, which the configuration does not have", symbol.0),
        |book| book.instrument.name.clone(),
    )
}

fn quote(page: &mut Page, seq: u64, tick: &Tick, desk: &Desk) {
    page.line(format!("Event {seq}: a quote of {}, {}", name(tick.symbol, desk), tick.time));
    let Some(book) = Book::of(desk, tick.symbol) else { return };
    let sizes = if tick.bid_lots.0 == 0 && tick.ask_lots.0 == 0 {
        "sizes not stated".into()
    } else {
        format!("sizes {} and {}", book.lots(tick.bid_lots), book.lots(tick.ask_lots))
    };
    let (bid, ask) = (book.price(tick.bid), book.price(tick.ask));
    page.line(format!("  bid {bid}   ask {ask}   spread {}   {sizes}", book.points(tick.spread())));
    if tick.seen != tick.time {
        page.line(format!("  heard at {}, {:.3} s later", tick.seen, tick.seen.since(tick.time).as_secs()));
    }
}

fn traded(trade: &Trade, desk: &Desk) -> String {
    let symbol = name(trade.symbol, desk);
    let (lots, price) = Book::of(desk, trade.symbol).map_or_else(
        || (format!("{} units", trade.lots.0), format!("{} points", trade.price.0)),
        |book| (book.lots(trade.lots), book.price(trade.price)),
    );
    format!(
        "somebody's trade of {symbol}, {}: {lots} at {price}, the taker wanted to {}. It moves features; strategies are asked on quotes.",
        trade.time,
        side(trade.taker)
    )
}

fn commanded(command: &Command, desk: &Desk) -> String {
    match command {
        Command::Halt { by, scope, level } => {
            format!("{} pulled the kill switch for {}, level {level:?}", by.name(), scoped(*scope, desk))
        }
        Command::Rearm { by, latch } => format!("{} re-armed {}", by.name(), latched(*latch, desk)),
        Command::Adopt { by, strategy: id } => {
            format!("{} gave the positions that nobody claims to {}", by.name(), strategy(*id, desk))
        }
        Command::Seat { by, digest, class: place, role, until } => {
            let role = match role {
                Role::Champion => "the champion",
                Role::Challenger(_) => "a challenger on trial",
            };
            let until = until.map_or_else(String::new, |until| format!(", until {until}"));
            format!("{} seated the model {} as {role} of {}{until}", by.name(), hex(digest), class(*place, desk))
        }
        Command::Reseat { by, class: place, seat, how, why } => {
            let (by, class) = (by.name(), class(*place, desk));
            match how {
                Reseat::Promote => format!("{by} promoted the challenger of {class} ({seat:?})"),
                Reseat::RollBack => {
                    format!("{by} rolled {class} ({seat:?}) back to the champion of before: {}", why.name())
                }
                Reseat::Dismiss => format!("{by} dismissed the challenger of {class} ({seat:?}): {}", why.name()),
            }
        }
        Command::Stage { by, class: place, seat, canary } => format!(
            "{} lets the challenger of {} ({seat:?}) trade as a canary in {} % of blocks of {:.0} s, and lose {} points",
            by.name(),
            class(*place, desk),
            canary.share * 100.0,
            canary.block.as_secs(),
            canary.budget
        ),
    }
}

fn noticed(notice: &Notice, desk: &Desk) -> String {
    let about = notice.symbol.map_or_else(|| "every symbol".into(), |symbol| name(symbol, desk));
    let what = match notice.kind {
        NoticeKind::Window { from, until, impact } => format!("{impact:?} impact from {from} to {until}"),
        NoticeKind::Freeze { until } => format!("nothing may be opened until {until}"),
        NoticeKind::Sentiment(said) => format!(
            "a sentiment of {:+.2} with confidence {:.2}, worth half after {:.0} s",
            said.score,
            said.confidence,
            said.half_life.as_secs()
        ),
    };
    let Notice { id, source, published, .. } = notice;
    format!("item {id:016x} of source {source}, published {published}, about {about}: {what}")
}

fn class(place: u16, desk: &Desk) -> String {
    let spec = desk.spec().classes.get(usize::from(place));
    spec.map_or_else(|| format!("class {place}"), |spec| format!("the class {}", spec.name))
}

fn latched(latch: Latch, desk: &Desk) -> String {
    match latch {
        Latch::Halt(scope) => format!("the kill switch for {}", scoped(scope, desk)),
        Latch::Repeats(id) => format!("the repeated-execution throttle of {}", strategy(id, desk)),
        Latch::StrategyLoss(id, kind) => format!("the loss limit of {} ({kind:?})", strategy(id, desk)),
        Latch::AccountLoss(kind) => format!("the loss limit of the account ({kind:?})"),
    }
}

fn scoped(scope: Scope, desk: &Desk) -> String {
    match scope {
        Scope::All => "everything".to_owned(),
        Scope::Strategy(id) => strategy(id, desk),
        Scope::Symbol(id) => name(id, desk),
    }
}

fn strategy(id: StrategyId, desk: &Desk) -> String {
    let spec = desk.spec().strategies.get(usize::from(id.0));
    spec.map_or_else(|| format!("strategy {}", id.0), |spec| format!("the strategy {}", spec.name))
}

fn reported(report: &Report, desk: &Desk) -> String {
    match report {
        Report::Accepted { id, time } => format!("{time}: request {} rests at the venue", order_id(*id)),
        Report::Rejected { id, time, reason } => {
            format!("{time}: request {} was refused for good, reason {reason:?}: nothing happened", order_id(*id))
        }
        Report::Cancelled { id, time } => format!("{time}: request {} is cancelled or expired", order_id(*id)),
        Report::Unknown { id, time } => {
            format!(
                "{time}: what became of request {} is not known; it is queried, never sent again blindly",
                order_id(*id)
            )
        }
        Report::NeverHeard { id, time } => format!("{time}: the venue never heard of request {}", order_id(*id)),
        Report::MarginCalled { time } => format!("{time}: margin runs out, the venue warns"),
        Report::Listed { time, positions, balance } => {
            format!("{time}: the end of its list: {positions} positions, balance {balance} {}", desk.spec().currency)
        }
        Report::Opened { .. } | Report::Closed { .. } | Report::Protected { .. } | Report::Held { .. } => {
            filled(report, desk)
        }
    }
}

/// Reports that name prices and volumes: in the grid of their symbol, where the desk still knows it.
fn filled(report: &Report, desk: &Desk) -> String {
    let symbol = symbol_of(report, desk);
    let book = symbol.and_then(|symbol| Book::of(desk, symbol));
    let price =
        |price: market::Price| book.as_ref().map_or_else(|| format!("{} points", price.0), |book| book.price(price));
    let lots = |lots: market::Lots| book.as_ref().map_or_else(|| format!("{} units", lots.0), |book| book.lots(lots));
    let maybe = |wanted: &Option<market::Price>| wanted.map_or_else(|| "none".into(), price);
    let currency = desk.spec().currency;
    match report {
        Report::Opened { id, time, ticket, lots: filled, rest, price: at, commission } => format!(
            "{time}: request {} opened position {}: {} at {}, {} of it still to fill, commission {commission} {currency}",
            order_id(*id),
            ticket.0,
            lots(*filled),
            price(*at),
            lots(*rest)
        ),
        Report::Closed { id, time, ticket, successor, lots: closed, price: at, profit, commission, swap, cause } => {
            let by = id.map_or_else(|| "the venue by itself".into(), |id| format!("request {}", order_id(id)));
            let rest = successor.map_or_else(String::new, |next| format!("; the rest lives on as position {}", next.0));
            format!(
                "{time}: {by} closed {} of position {} at {}, cause {cause:?}: profit {profit}, commission {commission}, swap {swap} {currency}{rest}",
                lots(*closed),
                ticket.0,
                price(*at)
            )
        }
        Report::Protected { id, time, ticket, stop, target } => format!(
            "{time}: request {} set the stop of position {} to {} and its target to {}",
            order_id(*id),
            ticket.0,
            maybe(stop),
            maybe(target)
        ),
        Report::Held { time, ticket, symbol, side: which, lots: held, price: at, stop, target } => format!(
            "{time}: a line of its list: position {}, {} {} of {} at {}, stop {}, target {}",
            ticket.0,
            side(*which),
            lots(*held),
            name(*symbol, desk),
            price(*at),
            maybe(stop),
            maybe(target)
        ),
        other => format!("{other:?}"),
    }
}

/// The symbol that a report is about. A position that the venue closed by itself is gone after the event; then only the
/// one symbol that is traded can be meant, if there is but one.
fn symbol_of(report: &Report, desk: &Desk) -> Option<SymbolId> {
    let by_request = || match report {
        Report::Closed { id: Some(id), .. } => desk.orders().order(*id).map(|order| order.symbol),
        Report::Closed { successor: Some(ticket), .. } => {
            desk.orders().position(*ticket).map(|position| position.symbol)
        }
        _ => None,
    };
    let only_one = || {
        let mut traded = desk.spec().strategies.iter().flat_map(|strategy| &strategy.symbols);
        let first = *traded.next()?;
        traded.all(|symbol| *symbol == first).then_some(first)
    };
    desk.orders().symbol_of(report).or_else(by_request).or_else(only_one)
}
