//! What the desk asks of a venue.

use market::{Tick, Time, Trade};
use orders::{Instruction, OrderId, Report, Request};

/// A venue: takes requests, reports what happened. Nothing in it waits; whoever drives it passes the time.
///
/// Time must not go back between calls. A report becomes visible to [`Venue::poll`] once the venue has been told of an
/// instant at which it could have reached us.
pub trait Venue {
    /// Sends a request. Sending the same number twice is the same request: the second is answered like the first.
    fn send(&mut self, now: Time, request: &Request);

    /// Tells a simulated venue of a quote; a real venue ignores it.
    fn on_tick(&mut self, tick: &Tick);

    /// Tells a simulated venue of a trade; a real venue ignores it.
    fn on_trade(&mut self, trade: &Trade);

    /// Does what is due at `now`.
    fn wake(&mut self, now: Time);

    /// Asks what became of a request. The venue repeats every report it made about it, or says `NeverHeard`.
    fn query(&mut self, now: Time, id: OrderId);

    /// Asks for the list of open positions: `Held` for each, then `Listed`.
    fn list(&mut self, now: Time);

    /// The next instant at which the venue has something to do or to say; `None` when it waits for us.
    fn next_wake(&self) -> Option<Time>;

    /// The next report that has reached us.
    fn poll(&mut self) -> Option<Report>;
}

/// A venue without real money, which also takes instructions that nobody approved: for the conformance suite, for storms
/// and for tests. A venue that reaches a real market does not implement it outside its own tests.
pub trait Simulator: Venue {
    /// Sends an instruction as [`Venue::send`] would send the request that carries it.
    fn instruct(&mut self, now: Time, id: OrderId, instruction: Instruction);
}

impl<V: Venue + ?Sized> Venue for Box<V> {
    fn send(&mut self, now: Time, request: &Request) {
        (**self).send(now, request);
    }
    fn on_tick(&mut self, tick: &Tick) {
        (**self).on_tick(tick);
    }
    fn on_trade(&mut self, trade: &Trade) {
        (**self).on_trade(trade);
    }
    fn wake(&mut self, now: Time) {
        (**self).wake(now);
    }
    fn query(&mut self, now: Time, id: OrderId) {
        (**self).query(now, id);
    }
    fn list(&mut self, now: Time) {
        (**self).list(now);
    }
    fn next_wake(&self) -> Option<Time> {
        (**self).next_wake()
    }
    fn poll(&mut self) -> Option<Report> {
        (**self).poll()
    }
}

impl<V: Simulator + ?Sized> Simulator for Box<V> {
    fn instruct(&mut self, now: Time, id: OrderId, instruction: Instruction) {
        (**self).instruct(now, id, instruction);
    }
}
