//! What a desk did, as text.

use desk::{Action, Desk, Idle, News};
use ensemble::Reason;
use market::{Doubt, Points, Price, Side, StrategyId, SymbolId, Time};
use orders::{Instruction, OrderId, Surprise, Verdict};
use risk::{Author, Kind, Level};

use super::specs::noon;

/// The counts before an event.
pub struct Before {
    counts: desk::Counts,
    ticks: Vec<desk::TickCounts>,
}

impl Before {
    pub fn of(desk: &Desk) -> Self {
        let symbols = 0..desk.spec().symbols.len() as u16;
        let ticks = symbols.filter_map(|symbol| desk.tick_counts(SymbolId(symbol)).cloned()).collect();
        Self { counts: desk.counts().clone(), ticks }
    }

    /// What was counted since, but for ticks that nobody wanted anything of.
    pub fn changes(&self, desk: &Desk) -> Vec<String> {
        let (before, now) = (&self.counts, desk.counts());
        let mut changes = Vec::new();
        for (symbol, before) in self.ticks.iter().enumerate() {
            let now = desk.tick_counts(SymbolId(symbol as u16)).unwrap();
            for doubt in Doubt::ALL {
                let code = usize::from(doubt.code());
                if now.rejected[code] > before.rejected[code] {
                    changes.push(format!("doubted {}", doubt.name()));
                }
                if now.flagged[code] > before.flagged[code] {
                    changes.push(format!("flagged {}", doubt.name()));
                }
            }
        }
        for idle in Idle::ALL.iter().filter(|idle| **idle != Idle::NothingWanted) {
            let code = usize::from(idle.code());
            (before.idle[code]..now.idle[code]).for_each(|_| changes.push(format!("idle {}", idle.name())));
        }
        for reason in Reason::ALL {
            let code = usize::from(reason.code());
            (before.passed[code]..now.passed[code]).for_each(|_| changes.push(format!("passed {}", reason.name())));
        }
        (before.strangers..now.strangers).for_each(|_| changes.push("stranger".into()));
        (before.unsent..now.unsent).for_each(|_| changes.push("unsent".into()));
        changes
    }
}

pub const fn number(id: OrderId) -> u64 {
    id.0 & 0xFFFF_FFFF_FFFF
}

/// Seconds since the script's beginning.
pub fn time(time: Time) -> String {
    if time < noon() {
        return "at once".into();
    }
    let millis = time.since(noon()).as_millis();
    if millis % 1_000 == 0 { (millis / 1_000).to_string() } else { format!("{}.{:03}", millis / 1_000, millis % 1_000) }
}

fn symbol(desk: &Desk, symbol: SymbolId) -> String {
    desk.spec().symbols[usize::from(symbol.0)].instrument.name.clone()
}

fn strategy(desk: &Desk, strategy: StrategyId) -> String {
    desk.spec().strategies[usize::from(strategy.0)].name.clone()
}

fn level(name: &str, price: Option<Price>) -> String {
    price.map_or(String::new(), |price| format!(" {name} {}", price.0))
}

const fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

pub fn action(desk: &Desk, action: &Action) -> String {
    match action {
        Action::Send(request) => format!("#{} {}", number(request.id()), instruction(desk, request.instruction())),
        Action::Query(id) => format!("query #{}", number(*id)),
        Action::List => "list".into(),
        Action::WakeAt(at) => format!("wake {}", time(*at)),
        Action::Tell(news) => told(desk, news),
    }
}

fn instruction(desk: &Desk, instruction: &Instruction) -> String {
    match instruction {
        Instruction::Open(entry) => {
            let Kind::Market { deviation: Points(deviation) } = entry.kind else { return "limit".into() };
            format!(
                "{} {} {} {} @{}+{deviation}{}{}",
                strategy(desk, entry.strategy),
                side(entry.side),
                entry.lots.0,
                symbol(desk, entry.symbol),
                entry.reference.0,
                level("stop", entry.stop),
                level("target", entry.target)
            )
        }
        Instruction::Close(reduction) => {
            format!("close T{} {} {:?}", reduction.ticket.0, reduction.lots.0, reduction.cause)
        }
        Instruction::Protect(protection) => format!(
            "protect T{}{}{}",
            protection.ticket.0,
            level("stop", protection.stop),
            level("target", protection.target)
        ),
        Instruction::Cancel { order, .. } => format!("cancel #{}", number(*order)),
    }
}

#[expect(clippy::too_many_lines, reason = "one line for each kind of news")]
fn told(desk: &Desk, news: &News) -> String {
    match news {
        News::Refused { refusal, .. } => {
            let (found, allowed) = refusal.figures();
            format!("refused {} {found}/{allowed}", refusal.control().name())
        }
        News::Opened(opening) => {
            let held = desk.orders().position(opening.ticket).map_or(0, |position| position.lots.0);
            format!("opened T{} {} {held}", opening.ticket.0, side(opening.order.side))
        }
        News::Closed(trade) => {
            let rest = trade.successor.map_or(String::new(), |ticket| format!(" -> T{}", ticket.0));
            format!(
                "closed T{} {} of {} {:?} {:.2}{rest}",
                trade.ticket.0,
                trade.lots.0,
                trade.lots.0 + trade.rest.0,
                trade.cause,
                trade.net().as_f64()
            )
        }
        News::Failed(failure) => {
            let verdict = match failure.verdict {
                Verdict::Over => "over".into(),
                Verdict::Retried { not_before, .. } => format!("again from {}", time(not_before)),
                Verdict::Stuck { not_before, .. } => format!("stuck, again from {}", time(not_before)),
            };
            let reason = failure.reason.map_or(String::new(), |reason| format!(" {reason:?}"));
            format!("failed #{}{reason} ({verdict})", number(failure.order.id))
        }
        News::Halted(halt) => {
            let by = match halt.by {
                Author::Desk => "the desk".into(),
                Author::Control(control) => control.name().to_owned(),
                Author::Operator(operator) => operator.name().to_owned(),
            };
            format!("halted {} by {by}: {:?}", halt_level(halt.level), halt.reason)
        }
        News::Unanswered(unanswered) => format!("unanswered #{}", number(unanswered.id)),
        News::Surprised(surprise) => format!("surprised {}", surprised(surprise)),
        News::Contradicted(impossible) => format!("contradicted #{}", number(impossible.id)),
        News::Confused(impossible) => format!("confused T{}", impossible.ticket.0),
        News::Differs { differences } => format!(
            "differs {differences}: {:?}",
            desk.orders().differences().iter().map(difference).collect::<Vec<_>>()
        ),
        News::Agrees => "agrees".into(),
        News::MarginCalled => "margin called".into(),
        News::Unsent { why, .. } => format!("unsent: {why:?}"),
        News::Latched(latch) => format!("latched {latch:?}"),
        News::Rearmed(rearmed) => format!("rearmed {:?} by {}", rearmed.latch, rearmed.by.name()),
        News::NotLatched { by, latch } => format!("{} found nothing to re-arm at {latch:?}", by.name()),
        News::Seated { class, digest, .. } => format!("seated {} at {class}", digest[0]),
        News::Unseated { class, digest, why } => format!("could not seat {} at {class}: {why:?}", digest[0]),
        News::Reseated { class, seat, how, moved, .. } => format!("{how:?} {seat:?} at {class}: {moved}"),
        News::Ruled { class, seat, ruling } => format!("ruled {ruling:?} on {seat:?} at {class}"),
        News::Withdrawn { class, seat, chair, why, back } => {
            format!("withdrew {chair:?} {seat:?} at {class}: {why:?}, back {back}")
        }
        News::Drifted { class, seat, what, .. } => format!("drifted {what:?} of {seat:?} at {class}"),
        News::Staged { class, seat } => format!("staged {seat:?} at {class}"),
        News::Unstaged { class, seat, why } => format!("could not stage {seat:?} at {class}: {why:?}"),
        News::Noticed { id, shut } => format!("noticed {id}{}", if shut.is_some() { ", shut" } else { "" }),
        News::Unnoticed { id, why } => format!("did not follow {id}: {why:?}"),
        News::Adopted { by, differences } => format!("{} adopted {differences}", by.name()),
        News::NotAdopted { by, why } => format!("{} could not adopt: {why:?}", by.name()),
    }
}

const fn halt_level(level: Level) -> &'static str {
    match level {
        Level::NoEntries => "no_entries",
        Level::Cancel => "cancel",
        Level::Flatten => "flatten",
    }
}

const fn surprised(surprise: &Surprise) -> &'static str {
    match surprise {
        Surprise::UnknownOrder(_) => "unknown order",
        Surprise::UnknownTicket(_) => "unknown ticket",
        Surprise::Overclosed(_) => "overclosed",
        Surprise::Full(_) => "full",
        Surprise::Overflow(_) => "overflow",
    }
}

fn difference(difference: &orders::Difference) -> &'static str {
    use orders::Difference::{
        BalanceDiffers, LevelsDiffer, LotsDiffer, MissingHere, MissingThere, SideDiffers, StopMissing,
    };
    match difference {
        MissingHere(_) => "missing here",
        MissingThere(_) => "missing there",
        LotsDiffer { .. } => "lots",
        SideDiffers(_) => "side",
        StopMissing { .. } => "stop missing",
        LevelsDiffer(_) => "levels",
        BalanceDiffers { .. } => "balance",
    }
}
