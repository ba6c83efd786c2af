//! The open positions: a bounded table with a list per symbol, so that a tick touches only its own symbol's.

use market::{Reader, State, SymbolId, Torn};
use risk::Ticket;

use crate::position::Position;

/// The open positions. Invariant: every occupied place is in exactly one list, that of its position's symbol; lists are
/// in the order of opening.
#[derive(Debug)]
pub(crate) struct Book {
    places: Vec<Option<Position>>,
    free: Vec<u16>,
    lists: Vec<Vec<u16>>,
}

impl Book {
    pub(crate) fn new(symbols: usize, places: u16) -> Self {
        Self {
            places: vec![None; usize::from(places)],
            free: (0..places).rev().collect(),
            lists: (0..symbols).map(|_| Vec::with_capacity(usize::from(places))).collect(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    pub(crate) fn room(&self) -> usize {
        self.free.len()
    }

    /// The places of a symbol's positions, oldest first.
    #[inline]
    pub(crate) fn of(&self, symbol: SymbolId) -> &[u16] {
        self.lists.get(usize::from(symbol.0)).map_or(&[], Vec::as_slice)
    }

    #[inline]
    pub(crate) fn at(&self, place: u16) -> Option<&Position> {
        self.places.get(usize::from(place)).and_then(Option::as_ref)
    }

    #[inline]
    pub(crate) fn at_mut(&mut self, place: u16) -> Option<&mut Position> {
        self.places.get_mut(usize::from(place)).and_then(Option::as_mut)
    }

    pub(crate) fn find(&self, ticket: Ticket) -> Option<u16> {
        self.place_where(|position| position.ticket == ticket)
    }

    /// The place of the position that was opened under a number.
    pub(crate) fn find_first(&self, ticket: Ticket) -> Option<u16> {
        self.place_where(|position| position.first_ticket == ticket)
    }

    fn place_where(&self, is_it: impl Fn(&Position) -> bool) -> Option<u16> {
        self.lists.iter().flatten().copied().find(|place| self.at(*place).is_some_and(&is_it))
    }

    /// All positions, by symbol and then by age.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Position> + Clone {
        self.lists.iter().flatten().filter_map(|place| self.at(*place))
    }

    /// All places, by symbol and then by age.
    pub(crate) fn place(&self, nth: usize) -> Option<u16> {
        self.lists.iter().flatten().nth(nth).copied()
    }

    /// Puts a position in; `None` when the table is full or the symbol unknown.
    pub(crate) fn insert(&mut self, position: &Position) -> Option<u16> {
        let list = self.lists.get_mut(usize::from(position.symbol.0))?;
        let place = self.free.pop()?;
        list.push(place);
        self.places[usize::from(place)] = Some(*position);
        Some(place)
    }

    /// Takes a position out.
    pub(crate) fn remove(&mut self, place: u16) -> Option<Position> {
        let position = *self.at(place)?;
        self.vacate(place);
        Some(position)
    }

    /// Forgets a position.
    pub(crate) fn vacate(&mut self, place: u16) {
        let Some(symbol) = self.at(place).map(|position| position.symbol) else { return };
        self.places[usize::from(place)] = None;
        self.free.push(place);
        if let Some(list) = self.lists.get_mut(usize::from(symbol.0)) {
            list.retain(|other| *other != place);
        }
    }

    /// Does something with each of a symbol's positions, oldest first, until it answers `None`.
    #[inline]
    pub(crate) fn each(&mut self, symbol: SymbolId, mut with: impl FnMut(&mut Position) -> Option<()>) -> Option<()> {
        let Self { places, lists, .. } = self;
        for place in lists.get(usize::from(symbol.0))? {
            if let Some(Some(position)) = places.get_mut(usize::from(*place)) {
                with(position)?;
            }
        }
        Some(())
    }
}

/// Places are not saved, only what they hold and in which order: nothing that can be seen depends on them.
impl State for Book {
    fn save(&self, out: &mut Vec<u8>) {
        self.len().save(out);
        self.iter().for_each(|position| position.save(out));
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        let places = u16::try_from(self.places.len()).map_err(|_| Torn)?;
        self.places.fill(None);
        self.free.clear();
        self.free.extend((0..places).rev());
        self.lists.iter_mut().for_each(Vec::clear);
        let len: usize = from.read()?;
        for _ in 0..len {
            let position: Position = from.read()?;
            self.insert(&position).ok_or(Torn)?;
        }
        Ok(())
    }
}
