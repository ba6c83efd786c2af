//! The ledger of what is open and in flight: totals at five levels, kept one claim at a time, O(1) each.

use crate::books::{Book, CurrencyBook, SideBook};
use crate::claim::{Claim, Stage, Terms};
use crate::ground::{self, CURRENCIES_MAX, Ground};
use crate::limits::{Limits, SpecFault};
use crate::loss::money;
use crate::margin::Preset;
use crate::order::{Approved, Entry};
use crate::proposal::Rate;
use market::{Instrument, Lots, Money, Reader, Side, State, StrategyId, SymbolId, Torn};

/// Why the ledger did not book something. It then counts the fault, and the gate refuses entries until a recount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LedgerFault {
    /// No such symbol.
    UnknownSymbol,
    /// No such strategy.
    UnknownStrategy,
    /// A volume or price that is not positive, or too large to value.
    Unusable,
    /// More would be taken out than was booked.
    NotBooked,
    /// An order was treated as a position, or the reverse.
    WrongStage,
    /// More would be closed than is open.
    ExceedsOpen,
}

/// What is open and in flight, as `orders` reports it.
#[derive(Debug, Clone)]
pub struct Exposure {
    grounds: Vec<Ground>,
    symbols: Vec<[SideBook; 2]>,
    strategies: Vec<Book>,
    account: Book,
    currencies: [CurrencyBook; CURRENCIES_MAX],
    faults: u64,
}

const fn place(side: Side) -> usize {
    match side {
        Side::Buy => 0,
        Side::Sell => 1,
    }
}

impl Exposure {
    /// An empty ledger for these instruments and strategies.
    ///
    /// # Errors
    /// Every fault of the limits.
    pub fn new(limits: &Limits, instruments: &[Instrument]) -> Result<Self, Vec<SpecFault>> {
        Ok(Self {
            grounds: ground::lay(limits, instruments)?,
            symbols: vec![[SideBook::default(); 2]; instruments.len()],
            strategies: vec![Book::default(); limits.strategies.len()],
            account: Book::default(),
            currencies: [CurrencyBook::default(); CURRENCIES_MAX],
            faults: 0,
        })
    }

    /// What an order or position on these terms claims; `None` when it cannot be valued.
    pub fn appraise(&self, terms: &Terms, stage: Stage, rate: Rate) -> Option<Claim> {
        let ground = self.grounds.get(usize::from(terms.symbol.0))?;
        if terms.lots.0 <= 0 || terms.price.0 <= 0 {
            return None;
        }
        let value = rate.convert(ground.instrument.notional(terms.price, terms.lots)?)?;
        let risk = match terms.stop {
            None => value,
            Some(stop) => {
                let against = market::Points(terms.price.above(stop).0.saturating_mul(terms.side.sign()).max(0));
                rate.convert(ground.instrument.value(against, terms.lots)?)?
            }
        };
        // A class without leverage is not approved; should one be held all the same, it counts in full.
        let margin = Preset::margin(value, ground.leverage.unwrap_or(1));
        let Terms { strategy, symbol, side, lots, .. } = *terms;
        Some(Claim { strategy, symbol, side, stage, lots, closing: Lots::ZERO, value, risk, margin })
    }

    /// Reserves what an approved entry claims, before it is sent.
    ///
    /// # Errors
    /// [`LedgerFault`]; the entry must then not be sent.
    pub fn reserve(&mut self, approved: &Approved<Entry>, rate: Rate) -> Result<Claim, LedgerFault> {
        let claim = self.appraise(&Terms::of(approved.order()), Stage::InFlight, rate);
        let booked = claim.ok_or(LedgerFault::Unusable).and_then(|claim| self.book(&claim).map(|()| claim));
        self.counted(booked)
    }

    /// Gives back what is left of an order that was rejected, cancelled or expired.
    ///
    /// # Errors
    /// [`LedgerFault`] when it was not booked.
    pub fn release(&mut self, claim: &mut Claim) -> Result<(), LedgerFault> {
        let released = match claim.stage {
            Stage::InFlight => self.unbook(claim),
            Stage::Open => Err(LedgerFault::WrongStage),
        };
        *claim = if released.is_ok() { Claim { lots: Lots::ZERO, ..*claim } } else { *claim };
        self.counted(released)
    }

    /// Turns what was filled of an order into an open position, and leaves `rest` of the order in flight. The position is
    /// valued on its own terms, or in proportion to the order while no rate is known. A fill is a fact: it is booked
    /// whatever the limits say.
    ///
    /// # Errors
    /// [`LedgerFault`] when the order was not booked or the fill is unusable.
    pub fn fill(
        &mut self,
        order: &mut Claim,
        filled: &Terms,
        rest: Lots,
        rate: Option<Rate>,
    ) -> Result<Claim, LedgerFault> {
        let opened = rate
            .and_then(|rate| self.appraise(filled, Stage::Open, rate))
            .or_else(|| (filled.lots.0 > 0).then(|| Claim { stage: Stage::Open, ..order.resized(filled.lots) }));
        let booked = self.exchange(order, opened, rest);
        self.counted(booked)
    }

    fn exchange(&mut self, order: &mut Claim, opened: Option<Claim>, rest: Lots) -> Result<Claim, LedgerFault> {
        let opened = opened.ok_or(LedgerFault::Unusable)?;
        let same = (opened.strategy, opened.symbol, opened.side) == (order.strategy, order.symbol, order.side);
        if order.stage != Stage::InFlight || !same {
            return Err(LedgerFault::WrongStage);
        }
        if rest.0 < 0 || rest > order.lots {
            return Err(LedgerFault::Unusable);
        }
        self.unbook(order)?;
        self.book(&opened)?;
        *order = order.resized(rest);
        if rest.0 > 0 {
            self.book(order)?;
        }
        Ok(opened)
    }

    /// Books a position that the venue holds, whoever opened it.
    ///
    /// # Errors
    /// [`LedgerFault`] when it cannot be booked.
    pub fn adopt(&mut self, held: &Terms, rate: Rate) -> Result<Claim, LedgerFault> {
        let claim = self.appraise(held, Stage::Open, rate);
        let booked = claim.ok_or(LedgerFault::Unusable).and_then(|claim| self.book(&claim).map(|()| claim));
        self.counted(booked)
    }

    /// Takes note that `lots` of a position are being closed, so that nobody closes them twice.
    ///
    /// # Errors
    /// [`LedgerFault::ExceedsOpen`] when less is open.
    pub fn closing(&mut self, position: &mut Claim, lots: Lots) -> Result<(), LedgerFault> {
        let closing = position.closing.plus(lots).filter(|closing| lots.0 > 0 && *closing <= position.lots);
        let next = closing.map(|closing| Claim { closing, ..*position }).ok_or(LedgerFault::ExceedsOpen);
        let done = next.and_then(|next| self.restage(position, next));
        self.counted(done)
    }

    /// Takes note that `lots` of a position are no longer being closed: the venue refused.
    ///
    /// # Errors
    /// [`LedgerFault`] when less was being closed.
    pub fn keep(&mut self, position: &mut Claim, lots: Lots) -> Result<(), LedgerFault> {
        let closing = position.closing.minus(lots).filter(|closing| lots.0 >= 0 && closing.0 >= 0);
        let next = closing.map(|closing| Claim { closing, ..*position }).ok_or(LedgerFault::NotBooked);
        let done = next.and_then(|next| self.restage(position, next));
        self.counted(done)
    }

    /// Takes `lots` out of a position that were closed, and out of what was being closed as far as that goes.
    ///
    /// # Errors
    /// [`LedgerFault`] when less is open.
    pub fn reduce(&mut self, position: &mut Claim, lots: Lots) -> Result<(), LedgerFault> {
        let rest = position.lots.minus(lots).filter(|rest| lots.0 > 0 && rest.0 >= 0);
        let next = rest.map(|rest| {
            let closing = Lots((position.closing.0 - lots.0).max(0));
            Claim { closing, ..position.resized(rest) }
        });
        let done = next.ok_or(LedgerFault::ExceedsOpen).and_then(|next| self.restage(position, next));
        self.counted(done)
    }

    /// Values a position anew, after its stop moved or the rate did. Volume and sides stay.
    ///
    /// # Errors
    /// [`LedgerFault`] when it cannot be valued or was not booked.
    pub fn restate(&mut self, position: &mut Claim, terms: &Terms, rate: Rate) -> Result<(), LedgerFault> {
        let next = self.appraise(terms, position.stage, rate).filter(|next| {
            let owner = (next.strategy, next.symbol, next.side, next.lots);
            owner == (position.strategy, position.symbol, position.side, position.lots)
        });
        let next = next.map(|next| Claim { closing: position.closing, ..next }).ok_or(LedgerFault::Unusable);
        let done = next.and_then(|next| self.swap(position, next));
        self.counted(done)
    }

    fn restage(&mut self, position: &mut Claim, next: Claim) -> Result<(), LedgerFault> {
        if position.stage != Stage::Open {
            return Err(LedgerFault::WrongStage);
        }
        self.swap(position, next)
    }

    fn swap(&mut self, claim: &mut Claim, next: Claim) -> Result<(), LedgerFault> {
        self.unbook(claim)?;
        if next.lots.0 > 0 {
            self.book(&next)?;
        }
        *claim = next;
        Ok(())
    }

    /// Books the profit of something closed, or a cost, in the account's currency.
    ///
    /// # Errors
    /// [`LedgerFault::UnknownStrategy`]; the account's profit is booked all the same.
    pub fn realise(&mut self, strategy: StrategyId, profit: Money) -> Result<(), LedgerFault> {
        self.account.realised += i128::from(profit.0);
        let done = self.strategy_mut(strategy).map(|book| book.realised += i128::from(profit.0));
        self.counted(done)
    }

    /// Takes note that a strategy's open profit changed by `change`, in the account's currency.
    ///
    /// # Errors
    /// [`LedgerFault::UnknownStrategy`]; the account's profit is marked all the same.
    pub fn mark(&mut self, strategy: StrategyId, change: Money) -> Result<(), LedgerFault> {
        self.account.unrealised += i128::from(change.0);
        let done = self.strategy_mut(strategy).map(|book| book.unrealised += i128::from(change.0));
        self.counted(done)
    }

    /// Counts everything anew from the claims that are held: after a reconciliation, and the only way to clear faults.
    ///
    /// # Errors
    /// The first [`LedgerFault`] among the claims.
    pub fn recount<'a>(&mut self, claims: impl Iterator<Item = &'a Claim>) -> Result<(), LedgerFault> {
        let profit = |book: &Book| Book { realised: book.realised, unrealised: book.unrealised, ..Book::default() };
        self.symbols.fill([SideBook::default(); 2]);
        self.strategies.iter_mut().for_each(|book| *book = profit(book));
        self.account = profit(&self.account);
        self.currencies = [CurrencyBook::default(); CURRENCIES_MAX];
        self.faults = 0;
        for claim in claims.filter(|claim| !claim.is_spent()) {
            let booked = self.book(claim);
            self.counted(booked)?;
        }
        Ok(())
    }

    fn counted<T>(&mut self, done: Result<T, LedgerFault>) -> Result<T, LedgerFault> {
        self.faults += u64::from(done.is_err());
        done
    }

    fn strategy_mut(&mut self, strategy: StrategyId) -> Result<&mut Book, LedgerFault> {
        self.strategies.get_mut(usize::from(strategy.0)).ok_or(LedgerFault::UnknownStrategy)
    }

    fn book(&mut self, claim: &Claim) -> Result<(), LedgerFault> {
        self.post(claim, 1)
    }

    fn unbook(&mut self, claim: &Claim) -> Result<(), LedgerFault> {
        self.post(claim, -1)
    }

    /// Adds (`sign` 1) or takes away (-1) a claim everywhere, or nowhere.
    fn post(&mut self, claim: &Claim, sign: i64) -> Result<(), LedgerFault> {
        let ground = self.grounds.get(usize::from(claim.symbol.0)).ok_or(LedgerFault::UnknownSymbol)?;
        let (base, quote) = (ground.base, ground.quote);
        let sides = self.symbols.get_mut(usize::from(claim.symbol.0)).ok_or(LedgerFault::UnknownSymbol)?;
        let strategy = self.strategies.get_mut(usize::from(claim.strategy.0)).ok_or(LedgerFault::UnknownStrategy)?;
        let side = sides[place(claim.side)].posted(claim, sign)?;
        let of_strategy = strategy.posted(claim, sign)?;
        let of_account = self.account.posted(claim, sign)?;
        sides[place(claim.side)] = side;
        *strategy = of_strategy;
        self.account = of_account;
        let amount = i128::from(claim.value.0);
        self.currencies[base].post(claim.stage, amount * i128::from(claim.side.sign()), i128::from(sign));
        self.currencies[quote].post(claim.stage, -amount * i128::from(claim.side.sign()), i128::from(sign));
        Ok(())
    }

    /// One side of a symbol; empty when there is no such symbol.
    pub fn side(&self, symbol: SymbolId, side: Side) -> SideBook {
        self.symbols.get(usize::from(symbol.0)).map_or_else(SideBook::default, |sides| sides[place(side)])
    }

    /// What a strategy holds.
    pub fn strategy(&self, strategy: StrategyId) -> Option<&Book> {
        self.strategies.get(usize::from(strategy.0))
    }

    /// What the account holds.
    pub const fn account(&self) -> &Book {
        &self.account
    }

    /// The position in the currency at a place of [`Limits::currencies`].
    pub fn currency(&self, place: usize) -> Option<&CurrencyBook> {
        self.currencies.get(place)
    }

    /// How often the ledger was asked to do something impossible since the last recount.
    pub const fn faults(&self) -> u64 {
        self.faults
    }

    /// Margin in use, orders in flight included.
    pub fn margin_used(&self) -> Money {
        money(self.account.margin)
    }

    /// Whether nothing is open and nothing in flight.
    pub const fn is_flat(&self) -> bool {
        self.account.positions == 0
    }
}

impl State for Exposure {
    fn save(&self, out: &mut Vec<u8>) {
        self.symbols.save(out);
        self.strategies.save(out);
        self.account.save(out);
        self.currencies.save(out);
        self.faults.save(out);
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        let sizes = (self.symbols.len(), self.strategies.len());
        self.symbols.load(from)?;
        self.strategies.load(from)?;
        self.account.load(from)?;
        self.currencies.load(from)?;
        self.faults.load(from)?;
        if sizes == (self.symbols.len(), self.strategies.len()) { Ok(()) } else { Err(Torn) }
    }
}
