//! The payloads of a session's records: what the desk heard, and what it wanted to leave. Little-endian, fields in order
//! (`market::Coded`); the kinds are listed in docs/formats/events.md and never change their meaning within a version.
//!
//! What the desk merely tells (`Action::Tell`) is not written: it follows from the events by replay.

use desk::{Action, Command, Fact, Role};
use market::{Coded, Reader, State, StrategyId, Tick, Time, Torn, Trade};
use orders::{Instruction, OrderId, Report, Request};
use risk::{Latch, Level, LossKind, Operator, Scope};

/// Kinds of records that hold events.
pub mod event {
    /// A quote.
    pub const TICKED: u8 = 1;
    /// A trade.
    pub const TRADED: u8 = 2;
    /// A venue's report.
    pub const REPORTED: u8 = 3;
    /// A wake that was asked for.
    pub const WOKE: u8 = 4;
    /// A person's order.
    pub const COMMANDED: u8 = 5;
    /// The session begins or goes on.
    pub const STARTED: u8 = 6;
    /// Something was said outside the market.
    pub const NOTICED: u8 = 7;
}

/// Kinds of records that hold actions.
pub mod action {
    /// The first kind that is an action.
    pub const FIRST: u8 = 64;
    /// A request to the venue.
    pub const SEND: u8 = 64;
    /// A query about a request.
    pub const QUERY: u8 = 65;
    /// A query for the list of positions.
    pub const LIST: u8 = 66;
    /// A wish to be woken.
    pub const WAKE_AT: u8 = 67;
}

/// Writes a fact's payload and answers its kind.
pub fn put_fact(fact: &Fact, out: &mut Vec<u8>) -> u8 {
    match fact {
        Fact::Ticked(tick) => {
            tick.put(out);
            event::TICKED
        }
        Fact::Traded(trade) => {
            trade.put(out);
            event::TRADED
        }
        Fact::Reported(report) => {
            report.put(out);
            event::REPORTED
        }
        Fact::Woke => event::WOKE,
        Fact::Commanded(command) => {
            put_command(command, out);
            event::COMMANDED
        }
        Fact::Started => event::STARTED,
        Fact::Noticed(notice) => {
            notice.save(out);
            event::NOTICED
        }
    }
}

/// Reads a fact of a kind.
///
/// # Errors
/// [`Torn`] when the kind is no event's, or the payload is not exactly one of its kind.
pub fn get_fact(kind: u8, payload: &[u8]) -> Result<Fact, Torn> {
    let mut from = Reader::new(payload);
    let fact = match kind {
        event::TICKED => Fact::Ticked(Tick::get(&mut from)?),
        event::TRADED => Fact::Traded(Trade::get(&mut from)?),
        event::REPORTED => Fact::Reported(Report::get(&mut from)?),
        event::WOKE => Fact::Woke,
        event::COMMANDED => Fact::Commanded(get_command(&mut from)?),
        event::STARTED => Fact::Started,
        event::NOTICED => Fact::Noticed(from.read()?),
        _ => return Err(Torn),
    };
    if from.rest().is_empty() { Ok(fact) } else { Err(Torn) }
}

/// Writes the payload of an action that leaves and answers its kind; `None` for what is merely told.
pub fn put_action(action: &Action, out: &mut Vec<u8>) -> Option<u8> {
    match action {
        Action::Send(request) => {
            put_request(request, out);
            Some(action::SEND)
        }
        Action::Query(id) => {
            id.put(out);
            Some(action::QUERY)
        }
        Action::List => Some(action::LIST),
        Action::WakeAt(time) => {
            time.put(out);
            Some(action::WAKE_AT)
        }
        Action::Tell(_) => None,
    }
}

fn put_request(request: &Request, out: &mut Vec<u8>) {
    request.id().put(out);
    request.instruction().put(out);
}

/// What a request asked, as it stands in a journal. It cannot be sent: only `orders` can make a request.
///
/// # Errors
/// [`Torn`] when the payload is not exactly a request.
pub fn get_request(payload: &[u8]) -> Result<(OrderId, Instruction), Torn> {
    let mut from = Reader::new(payload);
    let read = (OrderId::get(&mut from)?, Instruction::get(&mut from)?);
    if from.rest().is_empty() { Ok(read) } else { Err(Torn) }
}

/// The time that a record of kind [`action::WAKE_AT`] asks for.
///
/// # Errors
/// [`Torn`] when the payload is not exactly a time.
pub fn get_wake(payload: &[u8]) -> Result<Time, Torn> {
    let mut from = Reader::new(payload);
    let time = Time::get(&mut from)?;
    if from.rest().is_empty() { Ok(time) } else { Err(Torn) }
}

fn put_command(command: &Command, out: &mut Vec<u8>) {
    match command {
        Command::Halt { by, scope, level } => {
            out.push(0);
            by.save(out);
            put_scope(*scope, out);
            level.save(out);
        }
        Command::Rearm { by, latch } => {
            out.push(1);
            by.save(out);
            put_latch(*latch, out);
        }
        Command::Adopt { by, strategy } => {
            out.push(2);
            by.save(out);
            strategy.put(out);
        }
        Command::Seat { by, digest, class, role, until } => {
            out.push(3);
            by.save(out);
            out.extend_from_slice(digest);
            class.put(out);
            match role {
                Role::Champion => out.push(0),
                Role::Challenger(trial) => {
                    out.push(1);
                    trial.save(out);
                }
            }
            until.save(out);
        }
        Command::Reseat { by, class, seat, how, why } => {
            out.push(4);
            by.save(out);
            class.put(out);
            seat.save(out);
            how.save(out);
            why.save(out);
        }
        Command::Stage { by, class, seat, canary } => {
            out.push(5);
            by.save(out);
            class.put(out);
            seat.save(out);
            canary.save(out);
        }
    }
}

fn get_command(from: &mut Reader<'_>) -> Result<Command, Torn> {
    let kind = from.u8()?;
    let by: Operator = from.read()?;
    // A command has an author: a name that nobody could give is no command of ours.
    if Operator::new(by.name()) != Some(by) {
        return Err(Torn);
    }
    match kind {
        0 => Ok(Command::Halt { by, scope: get_scope(from)?, level: from.read::<Level>()? }),
        1 => Ok(Command::Rearm { by, latch: get_latch(from)? }),
        2 => Ok(Command::Adopt { by, strategy: StrategyId::get(from)? }),
        3 => {
            let (digest, class, role) = (from.take()?, u16::get(from)?, get_role(from)?);
            Ok(Command::Seat { by, digest, class, role, until: from.read()? })
        }
        4 => {
            let (class, seat, how) = (u16::get(from)?, from.read()?, from.read()?);
            Ok(Command::Reseat { by, class, seat, how, why: from.read()? })
        }
        5 => Ok(Command::Stage { by, class: u16::get(from)?, seat: from.read()?, canary: from.read()? }),
        _ => Err(Torn),
    }
}

fn get_role(from: &mut Reader<'_>) -> Result<Role, Torn> {
    match from.u8()? {
        0 => Ok(Role::Champion),
        1 => Ok(Role::Challenger(from.read()?)),
        _ => Err(Torn),
    }
}

fn put_scope(scope: Scope, out: &mut Vec<u8>) {
    let (kind, number) = match scope {
        Scope::All => (0, 0),
        Scope::Strategy(strategy) => (1, strategy.0),
        Scope::Symbol(symbol) => (2, symbol.0),
    };
    out.push(kind);
    number.put(out);
}

fn get_scope(from: &mut Reader<'_>) -> Result<Scope, Torn> {
    let kind = from.u8()?;
    let number = u16::get(from)?;
    match kind {
        0 if number == 0 => Ok(Scope::All),
        1 => Ok(Scope::Strategy(StrategyId(number))),
        2 => Ok(Scope::Symbol(market::SymbolId(number))),
        _ => Err(Torn),
    }
}

fn put_latch(latch: Latch, out: &mut Vec<u8>) {
    match latch {
        Latch::Halt(scope) => {
            out.push(0);
            put_scope(scope, out);
        }
        Latch::Repeats(strategy) => {
            out.push(1);
            strategy.put(out);
        }
        Latch::StrategyLoss(strategy, kind) => {
            out.push(2);
            strategy.put(out);
            out.push(loss_code(kind));
        }
        Latch::AccountLoss(kind) => {
            out.push(3);
            out.push(loss_code(kind));
        }
    }
}

fn get_latch(from: &mut Reader<'_>) -> Result<Latch, Torn> {
    match from.u8()? {
        0 => Ok(Latch::Halt(get_scope(from)?)),
        1 => Ok(Latch::Repeats(StrategyId::get(from)?)),
        2 => Ok(Latch::StrategyLoss(StrategyId::get(from)?, get_loss(from)?)),
        3 => Ok(Latch::AccountLoss(get_loss(from)?)),
        _ => Err(Torn),
    }
}

const fn loss_code(kind: LossKind) -> u8 {
    match kind {
        LossKind::Day => 0,
        LossKind::Drawdown => 1,
    }
}

fn get_loss(from: &mut Reader<'_>) -> Result<LossKind, Torn> {
    match from.u8()? {
        0 => Ok(LossKind::Day),
        1 => Ok(LossKind::Drawdown),
        _ => Err(Torn),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use desk::{Impact, Notice, NoticeKind, Reseat};
    use ensemble::{CanarySpec, Rollback, Sentiment, Trained};
    use market::{Lots, Money, Price, Side, SymbolId};
    use models::paired::PairedSpec;
    use orders::Reject;
    use risk::{ExitCause, Ticket};

    const TRIAL: PairedSpec = PairedSpec {
        alpha: 0.05,
        bound: 90.0,
        margin: 0.0,
        share: 0.0,
        budget: 0.0,
        blocks: 1,
        block_labels: 500,
        labels_min: 100,
        labels_max: 5_000,
    };

    const CANARY: CanarySpec = CanarySpec { share: 0.05, block: market::Span::HOUR, salt: 9, budget: 900.0 };

    const SAID: Sentiment = Sentiment { score: -0.5, confidence: 0.25, half_life: market::Span::MINUTE };

    fn noticed(symbol: Option<SymbolId>, kind: NoticeKind) -> Fact {
        Fact::Noticed(Notice { id: 77, source: 3, published: Time(4), symbol, kind })
    }

    fn facts() -> Vec<Fact> {
        let (time, id, ticket) = (Time(5), OrderId(7), Ticket(9));
        let tick = Tick { symbol: SymbolId(1), time, seen: time, bid: Price(10), ask: Price(12), ..Tick::default() };
        let taker = Side::Sell;
        let by = Operator::new("Ada").unwrap();
        vec![
            Fact::Ticked(tick),
            Fact::Traded(Trade { symbol: SymbolId(1), time, seen: time, price: Price(3), lots: Lots(2), taker }),
            Fact::Reported(Report::Rejected { id, time, reason: Reject::Requote }),
            Fact::Reported(Report::Closed {
                id: None,
                time,
                ticket,
                successor: Some(Ticket(10)),
                lots: Lots(1),
                price: Price(9),
                profit: Money(-5),
                commission: Money(-1),
                swap: Money(0),
                cause: ExitCause::Trail,
            }),
            Fact::Woke,
            Fact::Started,
            Fact::Commanded(Command::Halt { by, scope: Scope::Symbol(SymbolId(3)), level: Level::Flatten }),
            Fact::Commanded(Command::Rearm { by, latch: Latch::StrategyLoss(StrategyId(2), LossKind::Drawdown) }),
            Fact::Commanded(Command::Adopt { by, strategy: StrategyId(1) }),
            Fact::Commanded(Command::Seat { by, digest: [7; 32], class: 1, role: Role::Champion, until: None }),
            Fact::Commanded(Command::Seat {
                by,
                digest: [9; 32],
                class: 0,
                role: Role::Challenger(TRIAL),
                until: Some(time),
            }),
            Fact::Commanded(Command::Reseat {
                by,
                class: 2,
                seat: Trained::Trees,
                how: Reseat::RollBack,
                why: Rollback::Latency,
            }),
            Fact::Commanded(Command::Stage { by, class: 2, seat: Trained::Trees, canary: CANARY }),
            noticed(None, NoticeKind::Window { from: time, until: Time(9), impact: Impact::Medium }),
            noticed(Some(SymbolId(1)), NoticeKind::Freeze { until: Time(10) }),
            noticed(None, NoticeKind::Sentiment(SAID)),
        ]
    }

    #[test]
    fn facts_read_back_and_every_cut_is_torn() {
        for fact in facts() {
            let mut bytes = Vec::new();
            let kind = put_fact(&fact, &mut bytes);
            assert!(kind < action::FIRST);
            assert_eq!(get_fact(kind, &bytes), Ok(fact));
            for cut in 0..bytes.len() {
                assert_eq!(get_fact(kind, &bytes[..cut]), Err(Torn), "{fact:?} cut at {cut}");
            }
            bytes.push(0);
            assert_eq!(get_fact(kind, &bytes), Err(Torn), "{fact:?} with one byte more");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_break_the_reader(kind: u8, bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..120)) {
            let _ = (get_fact(kind, &bytes), get_request(&bytes), get_wake(&bytes));
        }
    }
}
