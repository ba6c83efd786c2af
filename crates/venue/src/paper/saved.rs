//! The paper venue in a snapshot. Reasons of past fills are not saved: nothing depends on them.

use super::{Arrival, Ask, Paper, Position, Resting};
use market::coded::{get_vec, put_all};
use market::{Reader, State, Torn};
use market::{coded_enum, coded_struct};

coded_struct!(Arrival { id, sent, time });
coded_struct!(Position { ticket, symbol, side, lots, cost, stop, target, swap, margin });
coded_struct!(Resting { arrival, entry, price, expires, rest, ahead, ticket });
coded_enum!(Ask {
    0 => Order { id, instruction },
    1 => Query { id },
    2 => List {},
});

impl State for Paper {
    fn save(&self, out: &mut Vec<u8>) {
        self.books.iter().for_each(|book| book.save(out));
        self.clock.save(out);
        self.requests.save(out);
        self.reports.save(out);
        self.answers.save(out);
        for chance in [&self.slippage, &self.rejects, &self.partial] {
            chance.save(out);
        }
        put_all(self.positions.iter(), out);
        put_all(self.resting.iter(), out);
        self.tickets.save(out);
        self.balance.save(out);
        self.called.save(out);
        // Open profit is valued at each symbol's own ticks, by the conversion of that moment.
        self.books.iter().for_each(|book| book.profit.save(out));
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        self.books.iter_mut().try_for_each(|book| book.load(from))?;
        self.clock.load(from)?;
        self.requests.load(from)?;
        self.reports.load(from)?;
        self.answers.load(from)?;
        [&mut self.slippage, &mut self.rejects, &mut self.partial]
            .into_iter()
            .try_for_each(|chance| chance.load(from))?;
        get_vec(&mut self.positions, from)?;
        get_vec(&mut self.resting, from)?;
        self.tickets.load(from)?;
        self.balance.load(from)?;
        self.called.load(from)?;
        let symbols = self.positions.iter().map(|position| position.symbol);
        let symbols = symbols.chain(self.resting.iter().map(|resting| resting.entry.symbol));
        if symbols.into_iter().any(|symbol| self.place(symbol).is_none()) {
            return Err(Torn);
        }
        (0..self.books.len()).for_each(|place| self.refresh(place));
        self.books.iter_mut().try_for_each(|book| book.profit.load(from))?;
        self.profits = self.books.iter().map(|book| i128::from(book.profit.0)).sum();
        Ok(())
    }
}
