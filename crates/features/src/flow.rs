//! Who presses on the best prices: order flow imbalance, imbalance of sizes, weighted mid, tick rule.

use crate::decay::Sums;
use crate::feature::Feature::{
    Imbalance, MicroPriceEstimate, MicroPriceGap, OfiS1, OfiS5, OfiS30, OfiShareS1, OfiShareS5, OfiShareS30,
    TickImbalanceS5, TickImbalanceS30, WeightedMid,
};
use crate::features::Step;
use crate::frame::Frame;
use crate::micro::MicroPrice;
use market::{Points, Tick};

/// The best prices and sizes of a tick.
#[derive(Debug, Clone, Copy, Default)]
struct Top {
    bid: i64,
    ask: i64,
    bid_lots: i64,
    ask_lots: i64,
}

market::state!(Top { bid, ask, bid_lots, ask_lots });

impl Top {
    const fn of(tick: &Tick) -> Self {
        Self { bid: tick.bid.0, ask: tick.ask.0, bid_lots: tick.bid_lots.0, ask_lots: tick.ask_lots.0 }
    }

    /// Whether both sizes are known.
    const fn is_sized(&self) -> bool {
        self.bid_lots > 0 && self.ask_lots > 0
    }

    /// `(B - A) / (B + A)`.
    fn imbalance(&self) -> f64 {
        let (bid, ask) = (self.bid_lots as f64, self.ask_lots as f64);
        (bid - ask) / (bid + ask)
    }

    /// The weighted mid less the mid: `(b A + a B) / (A + B) - (a + b) / 2 = imbalance (a - b) / 2`.
    fn weighted_mid_gap(&self) -> f64 {
        self.imbalance() * (self.ask as f64 - self.bid as f64) * 0.5
    }

    /// The order flow imbalance of one event by sizes: Cont, Kukanov and Stoikov 2014, `e_n`.
    fn flow_since(&self, before: &Self) -> f64 {
        let bid_in = if self.bid >= before.bid { self.bid_lots as f64 } else { 0.0 };
        let bid_out = if self.bid <= before.bid { before.bid_lots as f64 } else { 0.0 };
        let ask_in = if self.ask <= before.ask { self.ask_lots as f64 } else { 0.0 };
        let ask_out = if self.ask >= before.ask { before.ask_lots as f64 } else { 0.0 };
        bid_in - bid_out - ask_in + ask_out
    }

    /// The proxy without sizes, `sign(db) + sign(da)`.
    const fn signs_since(&self, before: &Self) -> f64 {
        (self.bid.saturating_sub(before.bid).signum() + self.ask.saturating_sub(before.ask).signum()) as f64
    }
}

/// Decayed flow of one kind over 1, 5 and 30 s, and the sum of its absolute parts.
#[derive(Debug, Clone)]
struct Pressure {
    net: Sums<3>,
    gross: Sums<3>,
}

market::state!(Pressure { net, gross });

impl Pressure {
    const NONE: Self = Self { net: Sums::NONE, gross: Sums::NONE };

    #[inline]
    fn add(&mut self, weights: &[f64; 3], flow: f64) {
        self.net.add(weights, flow);
        self.gross.add(weights, flow.abs());
    }
}

/// The running state of the flow group, trades apart.
#[derive(Debug, Clone)]
pub(crate) struct Flow {
    before: Option<Top>,
    signs: Pressure,
    sizes: Pressure,
    /// How long the stream had run, in seconds, when its ticks first named their sizes.
    sized_from: Option<f64>,
    /// The tick rule's last sign, and its decayed sums.
    last_sign: f64,
    ticks: Sums<2>,
    signed_ticks: Sums<2>,
    micro: MicroPrice,
}

market::state!(Flow { before, signs, sizes, sized_from, last_sign, ticks, signed_ticks, micro });

impl Flow {
    pub(crate) fn new(pip: Points) -> Self {
        Self {
            before: None,
            signs: Pressure::NONE,
            sizes: Pressure::NONE,
            sized_from: None,
            last_sign: 0.0,
            ticks: Sums::NONE,
            signed_ticks: Sums::NONE,
            micro: MicroPrice::new(pip),
        }
    }

    pub(crate) fn on_tick(&mut self, tick: &Tick, step: &Step, frame: &mut Frame) {
        let top = Top::of(tick);
        let before = self.before.replace(top).unwrap_or(top);
        let sized = top.is_sized();
        let imbalance = if sized { top.imbalance() } else { 0.0 };
        let gap = if sized { top.weighted_mid_gap() } else { 0.0 };
        frame.set(Imbalance, imbalance, sized);
        frame.set(WeightedMid, step.mid + gap, sized);
        frame.set(MicroPriceGap, gap, sized);

        let by_sizes = self.add_flow(&before, &top, step);
        let (pressure, seen) = match self.sized_from {
            Some(from) if by_sizes => (&self.sizes, step.seen - from),
            _ => (&self.signs, step.seen),
        };
        let ready = [1.0, 5.0, 30.0].map(|tau| seen >= tau);
        let share = [0, 1, 2].map(|i| pressure.net.share(&pressure.gross, i));
        for (i, feature) in [OfiS1, OfiS5, OfiS30].into_iter().enumerate() {
            frame.set(feature, pressure.net.0[i], ready[i]);
        }
        for (i, feature) in [OfiShareS1, OfiShareS5, OfiShareS30].into_iter().enumerate() {
            frame.set(feature, share[i], ready[i]);
        }
        self.tick_rule(step, frame);
        let state = if sized { imbalance } else { share[0] };
        let (estimate, known) = self.micro.on_tick(state, step.spread, step.change);
        frame.set(MicroPriceEstimate, estimate, known);
    }

    /// Adds the flow between two ticks; true when it is measured by sizes.
    fn add_flow(&mut self, before: &Top, top: &Top, step: &Step) -> bool {
        let weights = step.weights.flow();
        self.signs.add(&weights, top.signs_since(before));
        let by_sizes = top.is_sized() && before.is_sized();
        if by_sizes {
            self.sizes.add(&weights, top.flow_since(before));
            self.sized_from.get_or_insert(step.seen);
        } else if self.sized_from.is_some() {
            self.sizes.add(&weights, 0.0);
        }
        by_sizes
    }

    fn tick_rule(&mut self, step: &Step, frame: &mut Frame) {
        if step.change != 0.0 {
            self.last_sign = step.change.signum();
        }
        let weights = [step.weights.s5, step.weights.s30];
        self.ticks.add(&weights, 1.0);
        self.signed_ticks.add(&weights, self.last_sign);
        frame.set(TickImbalanceS5, self.signed_ticks.share(&self.ticks, 0), step.seen >= 5.0);
        frame.set(TickImbalanceS30, self.signed_ticks.share(&self.ticks, 1), step.seen >= 30.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oracle_1_order_flow_imbalance() {
        let quotes = [
            (1000, 5, 1002, 4),
            (1000, 7, 1002, 4),
            (1001, 3, 1002, 6),
            (1001, 3, 1003, 2),
            (1000, 8, 1003, 2),
            (1000, 8, 1002, 1),
        ];
        let tops = quotes.map(|(bid, bid_lots, ask, ask_lots)| Top { bid, ask, bid_lots, ask_lots });
        let flow: Vec<f64> = tops.windows(2).map(|pair| pair[1].flow_since(&pair[0])).collect();
        assert_eq!(flow, [2.0, 1.0, 6.0, -3.0, -1.0]);
        assert_eq!(flow.iter().sum::<f64>(), 5.0);
        let weighted_mid = 1001.5 + tops[2].weighted_mid_gap();
        assert!((weighted_mid / 10.0 - 100.133_333_333_3).abs() < 1e-9);
        assert!((tops[2].imbalance() + 0.333_333_333_3).abs() < 1e-9);
    }
}
