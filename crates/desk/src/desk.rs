//! The desk: its parts, and which event goes where.

use std::sync::Arc;

use ensemble::{Artefact, Council, TRAINED};
use features::{Features, Frame};
use market::{
    Belief, Instrument, Lots, Money, Price, Reader, State, StrategyId, SymbolId, Tick, Time, Torn, Trade, Usual,
};
use orders::{Orders, Wanted, Woken};
use risk::{Account, Author, Gate, Halt, HaltReason, MarketView, Rate, Review};

use crate::action::{Action, Actions, News};
use crate::build::{faults, legs, symbol};
use crate::canary::Stake;
use crate::counters::{Counts, TickCounts};
use crate::event::{Command, Event, Fact, Position};
use crate::explain::Explanation;
use crate::notice::Known;
use crate::rules::Rule;
use crate::spec::{Conversion, Spec};

/// Why a [`Spec`] cannot be a desk.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// The orders' room or the limits cannot be used.
    Orders(Vec<orders::SpecFault>),
    /// The gate's limits cannot be used.
    Limits(Vec<risk::SpecFault>),
    /// A strategy, class, leader or conversion names a symbol that does not exist.
    UnknownSymbol {
        /// Who names it.
        by: String,
    },
    /// A strategy's barrier class has no council for one of its symbols.
    NoCouncil {
        /// Which strategy.
        strategy: String,
    },
    /// A strategy without a probability cannot bet by Kelly's rule.
    KellyWithoutProbability {
        /// Which strategy.
        strategy: String,
    },
    /// A class's barrier makes no sense.
    Barrier {
        /// Which class.
        class: String,
        /// What does not.
        fault: ensemble::BarrierFault,
    },
    /// There are not as many exits or risk profiles as strategies.
    Strategies,
    /// A blackout could not be remembered.
    Blackout,
}

/// One symbol's part of the desk.
#[derive(Debug)]
pub(crate) struct Symbol {
    pub(crate) instrument: Instrument,
    pub(crate) conversion: Conversion,
    pub(crate) belief: Belief,
    pub(crate) usual: Usual,
    pub(crate) features: Features,
    pub(crate) last: Option<Tick>,
    pub(crate) counts: TickCounts,
    /// Symbols whose leader this one is.
    pub(crate) followers: Vec<usize>,
    /// Councils of this symbol.
    pub(crate) councils: Vec<usize>,
    /// Strategies that trade it, by their legs.
    pub(crate) legs: Vec<usize>,
}

/// A strategy on one symbol.
#[derive(Debug)]
pub(crate) struct Leg {
    pub(crate) strategy: StrategyId,
    pub(crate) symbol: SymbolId,
    pub(crate) council: Option<usize>,
    pub(crate) rule: Rule,
    pub(crate) rests_until: Time,
}

/// The desk. `on_event` is all of it; the rest answers questions.
#[derive(Debug)]
pub struct Desk {
    pub(crate) spec: Spec,
    pub(crate) symbols: Vec<Symbol>,
    pub(crate) councils: Vec<Council>,
    pub(crate) legs: Vec<Leg>,
    pub(crate) gate: Gate,
    pub(crate) orders: Orders,
    pub(crate) counts: Counts,
    pub(crate) position: Position,
    /// The earliest wake that was asked for and has not come.
    pub(crate) asked: Time,
    /// While the venue's list and ours were not found equal: not before this is it asked for again.
    pub(crate) list_after: Time,
    /// Flattening: the venue's list is wanted once nothing is open any more.
    pub(crate) verifying: bool,
    pub(crate) wanted: Vec<Wanted>,
    pub(crate) woken: Woken,
    /// Entries that the word of a canary led to.
    pub(crate) stakes: Vec<Stake>,
    /// Notices that were heard lately.
    pub(crate) known: Known,
    /// Trained models that wait for a command to sit down. Not part of the state: a replay puts them here again.
    pub(crate) shelf: Vec<Arc<Artefact>>,
    /// The gate's record of the last proposal: large, so there is one.
    pub(crate) review: Review,
    pub(crate) explaining: bool,
    /// Makes the next reviews panic.
    #[cfg(test)]
    pub(crate) gate_breaks: bool,
    pub(crate) explanations: Vec<Explanation>,
}

impl Desk {
    /// A desk that has heard nothing. All the room it will ever need is made here.
    ///
    /// # Errors
    /// Every fault of the spec.
    pub fn new(spec: &Spec) -> Result<Self, Vec<Fault>> {
        let faults = faults(spec);
        if !faults.is_empty() {
            return Err(faults);
        }
        let instruments: Vec<_> = spec.symbols.iter().map(|symbol| symbol.instrument.clone()).collect();
        let mut gate = Gate::new(&spec.limits, &instruments).map_err(|faults| vec![Fault::Limits(faults)])?;
        for blackout in &spec.blackouts {
            gate.black_out(*blackout, Time::MIN).map_err(|_| vec![Fault::Blackout])?;
        }
        let orders = Orders::new(&spec.orders, &instruments, &spec.limits).map_err(|f| vec![Fault::Orders(f)])?;
        let legs = legs(spec);
        let symbols = spec.symbols.iter().enumerate().map(|(place, _)| symbol(spec, place, &legs)).collect();
        Ok(Self {
            symbols,
            councils: spec.classes.iter().map(|class| Council::new(&class.council)).collect(),
            explanations: Vec::with_capacity(legs.len()),
            legs,
            gate,
            orders,
            counts: Counts::default(),
            position: Position::default(),
            asked: Time::MAX,
            list_after: Time::MIN,
            verifying: false,
            wanted: Vec::with_capacity(usize::from(spec.orders.positions_max)),
            woken: Woken::new(&spec.orders),
            stakes: Vec::with_capacity(TRAINED * usize::from(spec.orders.orders_max + spec.orders.positions_max)),
            known: Known::new(),
            shelf: Vec::new(),
            review: Review::empty(),
            explaining: false,
            #[cfg(test)]
            gate_breaks: false,
            spec: spec.clone(),
        })
    }

    /// How many actions one event can cause at most: what [`Actions`] needs room for.
    pub fn actions_max(&self) -> usize {
        8 * usize::from(self.spec.orders.orders_max) + 8 * self.legs.len() + 16 * TRAINED * self.councils.len() + 16
    }

    /// Hears one event and says what follows from it. The same events give the same actions.
    pub fn on_event(&mut self, event: &Event, actions: &mut Actions) {
        actions.clear();
        self.explanations.clear();
        self.position = Position { seq: event.seq, time: event.time };
        match &event.fact {
            Fact::Ticked(tick) => self.on_tick(tick, actions),
            Fact::Traded(trade) => self.on_trade(trade),
            Fact::Reported(report) => self.on_report(report, actions),
            Fact::Woke => self.asked = Time::MAX,
            Fact::Commanded(command) => self.on_command(command, actions),
            Fact::Started => self.on_start(event.time),
            Fact::Noticed(notice) => self.on_notice(notice, actions),
        }
        self.wake_if_due(actions);
        if self.verifying {
            self.verify_if_flat();
        }
        self.reconcile_if_doubted(actions);
        self.ask_to_be_woken(actions);
    }

    #[inline(never)]
    fn on_start(&mut self, now: Time) {
        // Whoever was to wake us may have died.
        self.asked = Time::MAX;
        self.orders.doubt();
        self.orders.doubt_requests(now);
        self.list_after = Time::MIN;
    }

    #[inline(never)]
    fn on_trade(&mut self, trade: &Trade) {
        match self.symbols.get_mut(usize::from(trade.symbol.0)) {
            Some(symbol) => symbol.features.on_trade(trade),
            None => self.counts.strangers += 1,
        }
    }

    #[inline(never)]
    fn on_command(&mut self, command: &Command, actions: &mut Actions) {
        match *command {
            Command::Halt { by, scope, level } => {
                let reason = HaltReason::Wanted;
                let halt = Halt { level, by: Author::Operator(by), reason, time: self.position.time };
                self.halt(scope, halt, actions);
            }
            Command::Rearm { by, latch } => {
                // Nothing to open is no fault: two people may have pressed the same button.
                let news = match self.gate.rearm(latch, by, self.position.time) {
                    Ok(rearmed) => News::Rearmed(rearmed),
                    Err(risk::NotLatched) => News::NotLatched { by, latch },
                };
                Self::tell(actions, news);
            }
            Command::Adopt { by, strategy } => {
                let rates: Vec<_> = (0..self.symbols.len()).map(|place| self.rate(SymbolId(place as u16))).collect();
                let rate = |symbol: SymbolId| rates.get(usize::from(symbol.0)).copied().flatten();
                // What cannot be adopted stays different, and entries stay shut; the new list says so.
                let news = match self.orders.adopt(strategy, rate, self.position.time) {
                    Ok(differences) => News::Adopted { by, differences: differences as u32 },
                    Err(why) => News::NotAdopted { by, why },
                };
                Self::tell(actions, news);
                self.list_after = Time::MIN;
                self.settle(strategy, actions);
            }
            Command::Seat { by: _, digest, class, role, until } => self.seat((digest, until), class, role, actions),
            Command::Reseat { by: _, class, seat, how, why } => self.reseat((class, seat), (how, why), actions),
            Command::Stage { by: _, class, seat, canary } => self.stage((class, seat), &canary, actions),
        }
    }

    fn ask_to_be_woken(&mut self, actions: &mut Actions) {
        let list = if self.orders.reconciled() { Time::MAX } else { self.list_after };
        let deadline = self.orders.next_deadline().unwrap_or(Time::MAX).min(list);
        if deadline < self.asked {
            self.asked = deadline;
            actions.push(Action::WakeAt(deadline));
        }
    }

    /// From the symbol's quote currency to the account's, now.
    #[inline]
    pub fn rate(&self, symbol: SymbolId) -> Option<Rate> {
        let place = usize::from(symbol.0);
        let here = self.symbols.get(place)?;
        match here.conversion {
            Conversion::Same => Some(Rate::ONE),
            Conversion::OwnMid => self.mid_rate(place).map(Rate::inverse),
            Conversion::Fixed { numerator, denominator } => Rate::new(numerator, denominator),
            Conversion::Times(other) => self.mid_rate(usize::from(other.0)),
            Conversion::Over(other) => self.mid_rate(usize::from(other.0)).map(Rate::inverse),
        }
    }

    #[inline(never)]
    fn mid_rate(&self, place: usize) -> Option<Rate> {
        let symbol = self.symbols.get(place)?;
        let tick = symbol.last?;
        Rate::of_price(Price(i64::midpoint(tick.bid.0, tick.ask.0)), symbol.instrument.digits)
    }

    /// The market of a symbol as the gate sees it; `None` before its first believed quote.
    pub(crate) fn view(&self, symbol: SymbolId) -> Option<MarketView> {
        let here = self.symbols.get(usize::from(symbol.0))?;
        let tick = here.last?;
        let equity = self.orders.ledger().equity();
        let margin = self.orders.exposure().margin_used();
        let level = market::Points::rounded(here.usual.level()).map(|points| Price(points.0));
        Some(MarketView {
            bid: tick.bid,
            ask: tick.ask,
            quoted: tick.seen,
            spread_usual: here.usual.spread(),
            reference: level,
            rate: self.rate(symbol),
            account: Account { equity, free_margin: equity.minus(margin).unwrap_or(Money(i64::MIN)) },
        })
    }

    pub(crate) fn tell(actions: &mut Actions, news: News) {
        actions.push(Action::Tell(news));
    }

    /// How often what happened.
    pub const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The counts of a symbol's ticks.
    pub fn tick_counts(&self, symbol: SymbolId) -> Option<&TickCounts> {
        self.symbols.get(usize::from(symbol.0)).map(|symbol| &symbol.counts)
    }

    /// The orders, positions and the account.
    pub const fn orders(&self) -> &Orders {
        &self.orders
    }

    /// The gate: its latches and counters.
    pub const fn gate(&self) -> &Gate {
        &self.gate
    }

    /// The features of a symbol as of the last event: what its councils looked at.
    pub fn frame(&self, symbol: SymbolId) -> Option<&Frame> {
        self.symbols.get(usize::from(symbol.0)).map(|symbol| symbol.features.frame())
    }

    /// The councils, in the order of the spec's classes.
    pub fn councils(&self) -> &[Council] {
        &self.councils
    }

    /// What the desk is configured with.
    pub const fn spec(&self) -> &Spec {
        &self.spec
    }

    /// The last event heard.
    pub const fn position(&self) -> Position {
        self.position
    }

    /// From now on keeps the arithmetic of each event's decisions, until the next event. Decides exactly as before.
    pub fn explain(&mut self) {
        self.explaining = true;
    }

    /// The arithmetic of the last event's decisions, while explaining.
    pub fn explanations(&self) -> &[Explanation] {
        &self.explanations
    }

    /// Volume that a leg holds or has in flight, and how many positions and orders that is.
    pub(crate) fn held(&self, strategy: StrategyId, symbol: SymbolId) -> (Lots, u32) {
        let open = self.orders.positions_of(symbol).filter(|position| position.strategy == strategy);
        let (mut lots, mut count) = (Lots::ZERO, 0);
        for position in open {
            lots.0 = lots.0.saturating_add(position.lots.0 * position.side.sign());
            count += 1;
        }
        let ours = |order: &&orders::Order| {
            order.purpose == orders::Purpose::Entry && (order.strategy, order.symbol) == (strategy, symbol)
        };
        (lots, count + self.orders.live().iter().filter(ours).count() as u32)
    }
}

market::state!(Symbol { belief, usual, features, last, counts });
market::state!(Leg { rule, rests_until });

impl State for Desk {
    fn save(&self, out: &mut Vec<u8>) {
        self.symbols.iter().for_each(|symbol| symbol.save(out));
        self.councils.iter().for_each(|council| council.save(out));
        self.legs.iter().for_each(|leg| leg.save(out));
        self.gate.save(out);
        self.orders.save(out);
        self.counts.save(out);
        self.position.save(out);
        self.asked.save(out);
        self.list_after.save(out);
        self.verifying.save(out);
        self.stakes.save(out);
        self.known.save(out);
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        self.symbols.iter_mut().try_for_each(|symbol| symbol.load(from))?;
        self.councils.iter_mut().try_for_each(|council| council.load(from))?;
        self.legs.iter_mut().try_for_each(|leg| leg.load(from))?;
        self.gate.load(from)?;
        self.orders.load(from)?;
        self.counts.load(from)?;
        self.position.load(from)?;
        self.asked.load(from)?;
        self.list_after.load(from)?;
        self.verifying.load(from)?;
        let room = self.stakes.capacity();
        self.stakes.load(from)?;
        if self.stakes.len() > room {
            return Err(Torn);
        }
        self.stakes.reserve_exact(room - self.stakes.len());
        self.known.load(from)
    }
}
