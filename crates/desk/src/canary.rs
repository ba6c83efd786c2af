//! What canaries stake: every entry that their word led to, from its request to its last closing.

use ensemble::{Arm, Decision, Trained, VOTERS};
use market::{Lots, Points};
use orders::{ClosedTrade, Failure, Opening, OrderId};
use risk::Ticket;

use crate::action::Actions;
use crate::desk::Desk;

/// An entry that a canary's word led to.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Stake {
    class: u16,
    seat: Trained,
    experiment: u32,
    order: OrderId,
    /// The position's first number, zero before it is open.
    ticket: Ticket,
    asked: Lots,
    open: Lots,
    /// Whether the request may still be filled.
    alive: bool,
    /// What was reserved for it, in points per unit of volume.
    reserved: f64,
}

market::state!(Stake { class, seat, experiment, order, ticket, asked, open, alive, reserved });

impl Desk {
    /// Reserves what a decision under a canary's arm may lose; `false` when the entry must not be made, for want of a stop
    /// or of room in the budget. A canary whose budget has no room leaves.
    pub(crate) fn stake(&mut self, council: usize, decision: &Decision, stop: Option<Points>) -> bool {
        let before = self.stakes.len();
        for seat in VOTERS {
            let assigned = decision.assigned[seat as usize].filter(|assigned| assigned.arm == Arm::Canary);
            let Some(assigned) = assigned else { continue };
            if seat.agent().is_none_or(|agent| decision.spec.prior[agent as usize] <= 0.0) {
                continue;
            }
            let (experiment, now) = (assigned.experiment, self.position.time);
            let room = self.stakes.len() < self.stakes.capacity();
            let here = &mut self.councils[council];
            let loss = stop.and_then(|stop| here.at_stake(seat, experiment, stop));
            let Some(reserved) = loss.filter(|loss| room && here.reserve(seat, experiment, *loss, now)) else {
                self.unstake(before);
                return false;
            };
            let class = council as u16;
            self.stakes.push(Stake { class, seat, experiment, reserved, alive: true, ..Stake::default() });
        }
        true
    }

    /// The entry was sent, or was not: then what was reserved for it is free.
    pub(crate) fn staked(&mut self, council: usize, sent: Option<(OrderId, Lots)>, actions: &mut Actions) {
        let open = self.stakes.iter().position(|stake| stake.order == OrderId::default());
        let Some(first) = open else { return };
        let Some((order, asked)) = sent else { return self.unstake(first) };
        for stake in &mut self.stakes[first..] {
            (stake.order, stake.asked) = (order, asked);
        }
        for seat in Trained::ALL {
            self.councils[council].check_budget(*seat);
        }
        self.listen_to_bench(council, actions);
    }

    /// Takes back the stakes from a place on.
    fn unstake(&mut self, from: usize) {
        while self.stakes.len() > from {
            self.drop_stake(from);
        }
    }

    fn drop_stake(&mut self, at: usize) {
        let Stake { class, seat, experiment, reserved, .. } = self.stakes.remove(at);
        if let Some(council) = self.councils.get_mut(usize::from(class)) {
            council.release(seat, experiment, reserved);
        }
    }

    /// A fill of an entry: from now on its position is followed.
    pub(crate) fn stake_opened(&mut self, opening: &Opening) {
        let first = self.orders.position(opening.ticket).map_or(opening.ticket, |position| position.first_ticket);
        for stake in self.stakes.iter_mut().filter(|stake| stake.order == opening.order.id) {
            stake.ticket = first;
            stake.open.0 = stake.open.0.saturating_add(opening.lots.0);
            stake.alive = opening.order.filled < opening.order.lots;
        }
    }

    /// A request came to nothing, or its rest did.
    pub(crate) fn stake_failed(&mut self, failure: &Failure) {
        for stake in self.stakes.iter_mut().filter(|stake| stake.order == failure.order.id) {
            stake.alive = false;
        }
        self.sweep_stakes();
    }

    /// A position was closed, at least in part: the result counts against the budget of the canary that opened it.
    pub(crate) fn stake_closed(&mut self, trade: &ClosedTrade, actions: &mut Actions) {
        if !self.stakes.iter().any(|stake| stake.ticket == trade.first_ticket) {
            return;
        }
        let points = self.net_points(trade);
        let mut lots = trade.lots.0;
        // On a netting account several entries share a position: the first one is closed first.
        for nth in 0..self.stakes.len() {
            let stake = &mut self.stakes[nth];
            if stake.ticket != trade.first_ticket || lots <= 0 {
                continue;
            }
            let part = lots.min(stake.open.0);
            stake.open.0 -= part;
            // Seats of one entry are charged alike.
            let Stake { class, seat, experiment, asked, order, .. } = *stake;
            if self.stakes.get(nth + 1).is_none_or(|next| next.order != order) {
                lots -= part;
            }
            let result = points * part as f64 / asked.0.max(1) as f64;
            self.councils[usize::from(class)].settle(seat, experiment, result);
        }
        self.sweep_stakes();
        for class in 0..self.councils.len() {
            for seat in Trained::ALL {
                self.councils[class].check_budget(*seat);
            }
            self.listen_to_bench(class, actions);
        }
    }

    /// What a closing earned after all costs, in points per unit of volume; not a number when money cannot be compared
    /// with points.
    fn net_points(&self, trade: &ClosedTrade) -> f64 {
        /// Enough points that the rounding of money does not show.
        const MANY: i64 = 1_000;
        let gross = (trade.exit.above(trade.entry).0.saturating_mul(trade.side.sign())) as f64;
        let costs = trade.commission.as_f64() + trade.swap.as_f64();
        if costs == 0.0 {
            return gross;
        }
        let instrument = self.symbols.get(usize::from(trade.symbol.0)).map(|symbol| &symbol.instrument);
        let many = instrument.and_then(|instrument| instrument.value(Points(MANY), trade.lots));
        let many = many.zip(self.rate(trade.symbol)).and_then(|(value, rate)| rate.convert(value));
        match many {
            Some(many) if many.0 > 0 => gross + costs * MANY as f64 / many.as_f64(),
            _ => f64::NAN,
        }
    }

    /// Forgets the stakes of which nothing is open nor under way.
    fn sweep_stakes(&mut self) {
        let mut at = 0;
        while let Some(stake) = self.stakes.get(at) {
            if stake.alive || stake.open.0 > 0 {
                at += 1;
            } else {
                self.drop_stake(at);
            }
        }
    }

    /// The venue's positions and ours are equal: what a canary had open and nobody has any more, without a word of its end,
    /// counts as lost whole.
    pub(crate) fn stakes_agree(&mut self) {
        for nth in 0..self.stakes.len() {
            let stake = self.stakes[nth];
            let open = self.orders.positions().any(|position| position.first_ticket == stake.ticket);
            if stake.alive || stake.open.0 == 0 || open {
                continue;
            }
            self.stakes[nth].open = Lots::ZERO;
            self.councils[usize::from(stake.class)].settle(stake.seat, stake.experiment, -stake.reserved);
        }
        self.sweep_stakes();
    }

    /// How many entries of canaries are open or under way.
    pub fn stakes(&self) -> usize {
        self.stakes.len()
    }
}
