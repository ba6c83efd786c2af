//! Who takes: decayed trade volume, signed by the taker. Trades keep their own clock.

use crate::decay::{Sums, Weights};
use crate::feature::Feature::{TradeImbalanceS1, TradeImbalanceS5, TradeImbalanceS30, TradeShareS5, TradeShareS30};
use crate::frame::Frame;
use market::{Time, Trade};

/// The running state of trade imbalance.
#[derive(Debug, Clone)]
pub(crate) struct Trades {
    started: bool,
    first: Time,
    now: Time,
    net: Sums<3>,
    gross: Sums<3>,
}

market::state!(Trades { started, first, now, net, gross });

impl Trades {
    pub(crate) const fn new() -> Self {
        Self { started: false, first: Time(0), now: Time(0), net: Sums::NONE, gross: Sums::NONE }
    }

    /// Adds a trade. The source names the taker, so no tick rule is needed; unknown volume counts as one.
    pub(crate) fn on_trade(&mut self, trade: &Trade, frame: &mut Frame) {
        if !self.started {
            (self.started, self.first, self.now) = (true, trade.time, trade.time);
        }
        let lots = trade.lots.0.max(1) as f64;
        self.add(trade.time, lots * trade.taker.sign() as f64, lots, frame);
    }

    /// Lets the sums fade up to a tick.
    #[inline]
    pub(crate) fn on_tick(&mut self, now: Time, frame: &mut Frame) {
        if self.started {
            self.add(now, 0.0, 0.0, frame);
        }
    }

    fn add(&mut self, time: Time, net: f64, gross: f64, frame: &mut Frame) {
        let now = self.now.max(time);
        let weights = Weights::over(now.since(self.now).as_secs()).flow();
        self.now = now;
        self.net.add(&weights, net);
        self.gross.add(&weights, gross);
        let seen = now.since(self.first).as_secs();
        for (i, feature) in [TradeImbalanceS1, TradeImbalanceS5, TradeImbalanceS30].into_iter().enumerate() {
            frame.set(feature, self.net.0[i], seen >= [1.0, 5.0, 30.0][i]);
        }
        frame.set(TradeShareS5, self.net.share(&self.gross, 1), seen >= 5.0);
        frame.set(TradeShareS30, self.net.share(&self.gross, 2), seen >= 30.0);
    }
}
