//! The venue's list of positions against ours.

use market::{Lots, Money, Price, Reader, Side, State, SymbolId, Time, Torn};
use risk::Ticket;

use crate::position::Position;

/// A line of the venue's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldPosition {
    /// The position.
    pub ticket: Ticket,
    /// Of what.
    pub symbol: SymbolId,
    /// Which way.
    pub side: Side,
    /// How much.
    pub lots: Lots,
    /// Where it was opened.
    pub price: Price,
    /// The stop in force.
    pub stop: Option<Price>,
    /// The target in force.
    pub target: Option<Price>,
}

market::state!(HeldPosition { ticket, symbol, side, lots, price, stop, target });

impl Default for HeldPosition {
    /// A place for [`State`] to load into.
    fn default() -> Self {
        Self {
            ticket: Ticket(0),
            symbol: SymbolId(0),
            side: Side::Buy,
            lots: Lots::ZERO,
            price: Price(0),
            stop: None,
            target: None,
        }
    }
}

/// A way in which the venue's picture and ours differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// The venue holds what we do not know.
    MissingHere(HeldPosition),
    /// We hold what the venue does not know.
    MissingThere(Ticket),
    /// Not the same volume.
    LotsDiffer {
        /// Ours.
        ours: Lots,
        /// The venue's line.
        held: HeldPosition,
    },
    /// Not the same side, or not even the same symbol.
    SideDiffers(HeldPosition),
    /// We count on a stop and the venue has none.
    StopMissing {
        /// Ours.
        ours: Price,
        /// The venue's line.
        held: HeldPosition,
    },
    /// Not the same stop or target.
    LevelsDiffer(HeldPosition),
    /// Not the same cash.
    BalanceDiffers {
        /// Ours.
        ours: Money,
        /// The venue's.
        theirs: Money,
    },
}

impl Difference {
    fn parts(&self) -> (u8, HeldPosition, i64, i64) {
        let none = HeldPosition::default();
        match *self {
            Self::MissingHere(held) => (0, held, 0, 0),
            Self::MissingThere(ticket) => (1, HeldPosition { ticket, ..none }, 0, 0),
            Self::LotsDiffer { ours, held } => (2, held, ours.0, 0),
            Self::SideDiffers(held) => (3, held, 0, 0),
            Self::StopMissing { ours, held } => (4, held, ours.0, 0),
            Self::LevelsDiffer(held) => (5, held, 0, 0),
            Self::BalanceDiffers { ours, theirs } => (6, none, ours.0, theirs.0),
        }
    }
}

impl Default for Difference {
    /// A place for [`State`] to load into.
    fn default() -> Self {
        Self::MissingThere(Ticket(0))
    }
}

impl State for Difference {
    fn save(&self, out: &mut Vec<u8>) {
        let (code, held, ours, theirs) = self.parts();
        code.save(out);
        held.save(out);
        ours.save(out);
        theirs.save(out);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        let code = from.u8()?;
        let held: HeldPosition = from.read()?;
        let (ours, theirs): (i64, i64) = (from.read()?, from.read()?);
        *self = match code {
            0 => Self::MissingHere(held),
            1 => Self::MissingThere(held.ticket),
            2 => Self::LotsDiffer { ours: Lots(ours), held },
            3 => Self::SideDiffers(held),
            4 => Self::StopMissing { ours: Price(ours), held },
            5 => Self::LevelsDiffer(held),
            6 => Self::BalanceDiffers { ours: Money(ours), theirs: Money(theirs) },
            _ => return Err(Torn),
        };
        Ok(())
    }
}

/// What came of a list from the venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    /// It is as we have it: entries may be sent.
    Agrees,
    /// It differs in this many ways; see `differences`. Nothing is entered until they are adopted or a later list agrees.
    Differs(usize),
    /// Lines are missing or too many; it says nothing. To be asked for again.
    Incomplete,
    /// Something was under way or changed while it came, so it cannot be compared. To be asked for again.
    Unsteady,
}

/// The list that is coming in, and what came of the last one.
#[derive(Debug)]
pub(crate) struct Reconciliation {
    held: Vec<HeldPosition>,
    held_max: usize,
    /// Lines heard, kept or not.
    lines: u32,
    disturbed: bool,
    pub(crate) differences: Vec<Difference>,
    pub(crate) agreed: bool,
    /// The venue's time of the last list that could be compared.
    listed: Time,
    /// Our picture holds everything that happened at the venue before this, heard of or not: a list agreed, or was adopted.
    settled: Time,
}

market::state!(Reconciliation { held, lines, disturbed, differences, agreed, listed, settled });

impl Reconciliation {
    /// Not agreed until a first list says so.
    pub(crate) fn new(positions_max: usize) -> Self {
        Self {
            held: Vec::with_capacity(2 * positions_max),
            held_max: 2 * positions_max,
            lines: 0,
            disturbed: false,
            differences: Vec::with_capacity(3 * positions_max + 1),
            agreed: false,
            listed: Time::MIN,
            settled: Time::MIN,
        }
    }

    /// Our picture was made that of the last list.
    pub(crate) fn settle(&mut self) {
        self.differences.clear();
        (self.agreed, self.settled) = (true, self.listed);
    }

    /// Whether the venue's list has told us what happened at this time, if we had not heard of it.
    pub(crate) fn told(&self, time: Time) -> bool {
        time <= self.settled
    }

    /// The same, whatever came first in that instant.
    pub(crate) fn told_before(&self, time: Time) -> bool {
        time < self.settled
    }

    /// Our picture changed: a list that is just coming in, or waits to be adopted, is no longer of this moment.
    pub(crate) fn disturb(&mut self) {
        self.disturbed = self.lines > 0;
        self.differences.clear();
    }

    /// We no longer trust our picture.
    pub(crate) fn doubt(&mut self) {
        self.agreed = false;
    }

    pub(crate) fn line(&mut self, held: HeldPosition) {
        self.lines = self.lines.saturating_add(1);
        if self.held.len() < self.held_max {
            self.held.push(held);
        }
    }

    /// The end of the list.
    pub(crate) fn close<'a>(
        &mut self,
        (said, time): (u32, Time),
        steady: bool,
        balances: (Money, Money),
        ours: impl Iterator<Item = &'a Position> + Clone,
    ) -> Listing {
        let complete = said == self.lines && self.held.len() == self.lines as usize;
        let steady = steady && !self.disturbed;
        let listing = if !complete {
            Listing::Incomplete
        } else if steady {
            compare(ours, &self.held, &mut self.differences);
            if balances.0 != balances.1 {
                self.differences.push(Difference::BalanceDiffers { ours: balances.0, theirs: balances.1 });
            }
            (self.agreed, self.listed) = (false, time);
            if self.differences.is_empty() {
                self.settle();
                Listing::Agrees
            } else {
                Listing::Differs(self.differences.len())
            }
        } else {
            Listing::Unsteady
        };
        self.held.clear();
        self.lines = 0;
        self.disturbed = false;
        listing
    }
}

/// Every way in which the two differ: the venue's lines in their order, then ours that it does not have.
fn compare<'a>(
    ours: impl Iterator<Item = &'a Position> + Clone,
    theirs: &[HeldPosition],
    differences: &mut Vec<Difference>,
) {
    differences.clear();
    for held in theirs {
        match ours.clone().find(|position| position.ticket == held.ticket) {
            None => differences.push(Difference::MissingHere(*held)),
            Some(position) => differences.extend(difference(position, held)),
        }
    }
    for position in ours {
        if !theirs.iter().any(|held| held.ticket == position.ticket) {
            differences.push(Difference::MissingThere(position.ticket));
        }
    }
}

/// How a position differs from the venue's line; the gravest first, one at a time but volume and levels together.
fn difference(position: &Position, held: &HeldPosition) -> impl Iterator<Item = Difference> {
    let same = position.side == held.side && position.symbol == held.symbol;
    let identity = (!same).then_some(Difference::SideDiffers(*held));
    let lots =
        (same && position.lots != held.lots).then_some(Difference::LotsDiffer { ours: position.lots, held: *held });
    let levels = match (position.stop, held.stop) {
        (Some(ours), None) => Some(Difference::StopMissing { ours, held: *held }),
        (ours, theirs) if ours != theirs || position.target != held.target => Some(Difference::LevelsDiffer(*held)),
        (Some(_) | None, Some(_) | None) => None,
    };
    identity.into_iter().chain(lots).chain(levels.filter(|_| same))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(ticket: u64, lots: i64, stop: Option<i64>) -> HeldPosition {
        HeldPosition {
            ticket: Ticket(ticket),
            lots: Lots(lots),
            price: Price(100),
            stop: stop.map(Price),
            ..HeldPosition::default()
        }
    }

    fn ours(ticket: u64, lots: i64, stop: Option<i64>) -> Position {
        Position { ticket: Ticket(ticket), lots: Lots(lots), stop: stop.map(Price), ..Position::default() }
    }

    #[test]
    fn every_kind_of_difference_is_found_and_survives_a_snapshot() {
        let ours = [
            ours(1, 5, Some(90)),
            ours(2, 5, None),
            ours(3, 5, Some(90)),
            Position { side: Side::Sell, ..ours(4, 5, None) },
            ours(5, 5, Some(90)),
            ours(7, 1, Some(90)),
        ];
        let theirs = [
            held(1, 5, Some(90)),
            held(3, 4, None),
            held(4, 5, None),
            held(5, 5, Some(91)),
            held(6, 1, None),
            held(7, 1, Some(90)),
        ];
        let mut found = Vec::new();
        compare(ours.iter(), &theirs, &mut found);
        let expected = [
            Difference::LotsDiffer { ours: Lots(5), held: theirs[1] },
            Difference::StopMissing { ours: Price(90), held: theirs[1] },
            Difference::SideDiffers(theirs[2]),
            Difference::LevelsDiffer(theirs[3]),
            Difference::MissingHere(theirs[4]),
            Difference::MissingThere(Ticket(2)),
        ];
        assert_eq!(found, expected);
        found.push(Difference::BalanceDiffers { ours: Money(1), theirs: Money(2) });
        let mut bytes = Vec::new();
        found.save(&mut bytes);
        assert_eq!(Reader::new(&bytes).read::<Vec<Difference>>(), Ok(found));
    }

    #[test]
    fn a_list_that_is_not_whole_is_never_read_as_an_empty_venue() {
        let mut book = Reconciliation::new(4);
        let none: [Position; 0] = [];
        let cash = (Money(1), Money(1));
        assert_eq!(book.close((1, Time(0)), true, cash, none.iter()), Listing::Incomplete);
        assert_eq!(book.close((0, Time(0)), false, cash, none.iter()), Listing::Unsteady);
        assert!(!book.agreed);
        book.line(held(1, 1, None));
        book.disturb();
        assert_eq!(book.close((1, Time(0)), true, cash, none.iter()), Listing::Unsteady);
        (0..9).for_each(|ticket| book.line(held(ticket, 1, None)));
        assert_eq!(book.close((9, Time(0)), true, cash, none.iter()), Listing::Incomplete, "more lines than room");
        assert_eq!(book.close((0, Time(0)), true, (Money(1), Money(2)), none.iter()), Listing::Differs(1));
        assert_eq!(book.close((0, Time(0)), true, cash, none.iter()), Listing::Agrees);
        assert!(book.agreed);
    }
}
