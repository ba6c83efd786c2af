//! The list of numbers: what each is called, what it is measured in, which group pays for it, and how long it must watch.

use market::Span;

/// A set of feature groups; work for a group that is not wanted is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Groups(pub u32);

impl Groups {
    /// No group: a tick only moves the clock.
    pub const NONE: Self = Self(0);
    /// Order flow, imbalance, micro-price, trades.
    pub const FLOW: Self = Self(1);
    /// Distances to moving means and z-scores.
    pub const MOMENTUM: Self = Self(1 << 1);
    /// Sigmas, realised variance, jumps, ATR.
    pub const VOLATILITY: Self = Self(1 << 2);
    /// Spread dynamics.
    pub const SPREAD: Self = Self(1 << 3);
    /// Hawkes intensities and event rates.
    pub const HAWKES: Self = Self(1 << 4);
    /// Time of day and sessions.
    pub const TIME: Self = Self(1 << 5);
    /// Lead-lag against a leader.
    pub const LEAD: Self = Self(1 << 6);
    /// Place in the recent range.
    pub const RANGE: Self = Self(1 << 7);
    /// Every group.
    pub const ALL: Self = Self(0xff);

    /// The groups in either set.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether any group is in both sets.
    pub const fn wants(self, any: Self) -> bool {
        self.0 & any.0 != 0
    }
}

macro_rules! features {
    ($($(#[doc = $doc:literal])* $name:ident: $text:literal, $unit:literal, $group:ident, $seconds:literal;)*) => {
        /// A number that a [`crate::Frame`] may hold. The documentation of each ends with when it is ready.
        ///
        /// `S5` means a decay constant or window of 5 seconds, `M5` bars of 5 minutes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Feature {
            $($(#[doc = $doc])* $name,)*
        }

        market::state_enum!(Feature { $($name),* });

        impl Feature {
            /// How many features there are.
            pub const COUNT: usize = Self::ALL.len();

            /// The name in reports and model files.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The unit of the value.
            pub const fn unit(self) -> &'static str {
                match self { $(Self::$name => $unit,)* }
            }

            /// The group that must be wanted for it.
            pub const fn group(self) -> Groups {
                match self { $(Self::$name => Groups::$group,)* }
            }

            /// The window: no frame holds the feature earlier than this after the first tick.
            pub const fn window(self) -> Span {
                Span::from_secs(match self { $(Self::$name => $seconds,)* })
            }
        }
    };
}

features! {
    /// `(B - A) / (B + A)` of the sizes at the best prices. Ready while the tick names both sizes.
    Imbalance: "imbalance", "ratio in [-1, 1]", FLOW, 0;
    /// `(b A + a B) / (A + B)`, a price level (Stoikov 2018). Ready while the tick names both sizes.
    WeightedMid: "weighted_mid", "points", FLOW, 0;
    /// Weighted mid less mid. Ready while the tick names both sizes.
    MicroPriceGap: "micro_price_gap", "points", FLOW, 0;
    /// Expected move of the mid given (imbalance, spread), learned online from a table of states (after Stoikov 2018);
    /// without sizes the state is `OfiShareS1`. Ready once the present state was seen 64 times.
    MicroPriceEstimate: "micro_price_estimate", "points", FLOW, 0;
    /// Decayed order flow imbalance at level 1 by sizes (Cont, Kukanov, Stoikov 2014), or the decayed
    /// `sign(db) + sign(da)` when the sizes are unknown; tau 1 s. Ready after 1 s.
    OfiS1: "ofi_s1", "lots, or signs", FLOW, 1;
    /// As `OfiS1` with tau 5 s. Ready after 5 s.
    OfiS5: "ofi_s5", "lots, or signs", FLOW, 5;
    /// As `OfiS1` with tau 30 s. Ready after 30 s.
    OfiS30: "ofi_s30", "lots, or signs", FLOW, 30;
    /// `OfiS1` divided by the decayed sum of its absolute parts. Ready after 1 s.
    OfiShareS1: "ofi_share_s1", "ratio in [-1, 1]", FLOW, 1;
    /// As `OfiShareS1` with tau 5 s. Ready after 5 s.
    OfiShareS5: "ofi_share_s5", "ratio in [-1, 1]", FLOW, 5;
    /// As `OfiShareS1` with tau 30 s. Ready after 30 s.
    OfiShareS30: "ofi_share_s30", "ratio in [-1, 1]", FLOW, 30;
    /// Decayed mean of the tick rule's sign of each quote (an unchanged mid repeats the sign before), tau 5 s. Ready after 5 s.
    TickImbalanceS5: "tick_imbalance_s5", "ratio in [-1, 1]", FLOW, 5;
    /// As `TickImbalanceS5` with tau 30 s. Ready after 30 s.
    TickImbalanceS30: "tick_imbalance_s30", "ratio in [-1, 1]", FLOW, 30;
    /// Decayed sum of trade volume, signed by the taker; a trade of unknown volume counts as one lot unit; tau 1 s.
    /// Ready 1 s after the first trade.
    TradeImbalanceS1: "trade_imbalance_s1", "lots", FLOW, 1;
    /// As `TradeImbalanceS1` with tau 5 s. Ready 5 s after the first trade.
    TradeImbalanceS5: "trade_imbalance_s5", "lots", FLOW, 5;
    /// As `TradeImbalanceS1` with tau 30 s. Ready 30 s after the first trade.
    TradeImbalanceS30: "trade_imbalance_s30", "lots", FLOW, 30;
    /// `TradeImbalanceS5` divided by the decayed volume. Ready 5 s after the first trade.
    TradeShareS5: "trade_share_s5", "ratio in [-1, 1]", FLOW, 5;
    /// `TradeImbalanceS30` divided by the decayed volume. Ready 30 s after the first trade.
    TradeShareS30: "trade_share_s30", "ratio in [-1, 1]", FLOW, 30;

    /// Mid less its EWMA of tau 1 s, over the sigma of 1 s (at least a tenth of a pip). Ready with `SigmaS10`.
    MomentumS1: "momentum_s1", "sigmas", MOMENTUM, 30;
    /// Mid less its EWMA of tau 5 s, over the sigma of 5 s. Ready with `SigmaS10`.
    MomentumS5: "momentum_s5", "sigmas", MOMENTUM, 30;
    /// Mid less its EWMA of tau 30 s, over the sigma of 30 s. Ready with `SigmaS60`.
    MomentumS30: "momentum_s30", "sigmas", MOMENTUM, 180;
    /// Mid less its EWMA of tau 60 s, over the sigma of 60 s. Ready with `SigmaS60`.
    MomentumS60: "momentum_s60", "sigmas", MOMENTUM, 180;
    /// Mid less its EWMA of tau 300 s, over the sigma of 300 s. Ready with `SigmaS300`.
    MomentumS300: "momentum_s300", "sigmas", MOMENTUM, 900;
    /// Mid less its EWMA of tau 30 s, over the EW standard deviation around that mean (at least a tenth of a pip):
    /// the mean reversion score. Ready after 30 s.
    ZScoreS30: "z_score_s30", "standard deviations", MOMENTUM, 30;
    /// As `ZScoreS30` with tau 60 s. Ready after 60 s.
    ZScoreS60: "z_score_s60", "standard deviations", MOMENTUM, 60;
    /// As `ZScoreS30` with tau 300 s. Ready after 300 s.
    ZScoreS300: "z_score_s300", "standard deviations", MOMENTUM, 300;

    /// Standard deviation of mid changes over 10 s: the root of 10 times the EW variance per second of 1 s changes,
    /// averaged over 60 s. Ready after 30 changes.
    SigmaS10: "sigma_s10", "points", VOLATILITY, 30;
    /// As `SigmaS10` over 60 s: from 6 s changes, averaged over 360 s. Ready after 30 changes, 180 s or more.
    SigmaS60: "sigma_s60", "points", VOLATILITY, 180;
    /// As `SigmaS10` over 300 s: from 30 s changes, averaged over 1,800 s. Ready after 30 changes, 900 s or more.
    SigmaS300: "sigma_s300", "points", VOLATILITY, 900;
    /// Sigma per root second of the 10 s scale over that of the 300 s scale: above one, volatility expands. Ready with both.
    SigmaRatio: "sigma_ratio", "ratio", VOLATILITY, 900;
    /// Variance per second of tick changes over that of 1 s changes: above one, the mid bounces. Ready with `SigmaS10`.
    NoiseRatio: "noise_ratio", "ratio", VOLATILITY, 30;
    /// Realised variance: squares of 1 s mid changes in the last 60 whole seconds, seconds without a tick left out.
    /// Ready after 60 s.
    RealisedS60: "realised_s60", "points squared", VOLATILITY, 60;
    /// Bipower variation of the same changes (Barndorff-Nielsen and Shephard 2004). Ready after 60 s.
    BipowerS60: "bipower_s60", "points squared", VOLATILITY, 60;
    /// Jump part, `max(RealisedS60 - BipowerS60, 0)`. Ready after 60 s.
    JumpS60: "jump_s60", "points squared", VOLATILITY, 60;
    /// As `RealisedS60`, of 5 s changes in the last 60 whole slots of 5 s. Ready after 300 s.
    RealisedS300: "realised_s300", "points squared", VOLATILITY, 300;
    /// Bipower variation of the same changes. Ready after 300 s.
    BipowerS300: "bipower_s300", "points squared", VOLATILITY, 300;
    /// Jump part, `max(RealisedS300 - BipowerS300, 0)`. Ready after 300 s.
    JumpS300: "jump_s300", "points squared", VOLATILITY, 300;
    /// Wilder's average true range of 14 one-minute mid bars. Ready after 14 bars beyond the first, cut one.
    AtrM1: "atr_m1", "points", VOLATILITY, 840;
    /// As `AtrM1` of five-minute bars.
    AtrM5: "atr_m5", "points", VOLATILITY, 4200;
    /// As `AtrM1` of fifteen-minute bars.
    AtrM15: "atr_m15", "points", VOLATILITY, 12600;

    /// Ask less bid. Ready at once.
    Spread: "spread", "points", SPREAD, 0;
    /// EWMA of the spread, tau 60 s. Ready after 60 s.
    SpreadEwma60: "spread_ewma_60", "points", SPREAD, 60;
    /// Spread less `SpreadEwma60`. Ready after 60 s.
    SpreadExcess: "spread_excess", "points", SPREAD, 60;
    /// Spread over `SigmaS60` (at least a tenth of a pip). Ready with `SigmaS60`.
    SpreadPerSigma: "spread_per_sigma", "ratio", SPREAD, 180;
    /// Seconds since the spread was last above the declared multiple of its EWMA, since the first tick before any such;
    /// at most 3,600. Ready after 60 s.
    SinceWidening: "since_widening", "seconds", SPREAD, 60;

    /// Intensity of upward moves of the mid, self- and cross-excited (Hawkes 1971). Ready after 300 s.
    HawkesUp: "hawkes_up", "per second", HAWKES, 300;
    /// Intensity of downward moves of the mid. Ready after 300 s.
    HawkesDown: "hawkes_down", "per second", HAWKES, 300;
    /// `ln(HawkesUp / HawkesDown)`. Ready after 300 s.
    HawkesLogRatio: "hawkes_log_ratio", "log ratio", HAWKES, 300;
    /// Ticks per second, decayed with tau 5 s. Ready after 5 s.
    IntensityS5: "intensity_s5", "per second", HAWKES, 5;
    /// Ticks per second, decayed with tau 60 s. Ready after 60 s.
    IntensityS60: "intensity_s60", "per second", HAWKES, 60;
    /// `ln(IntensityS5 / IntensityS60)`. Ready after 60 s.
    IntensitySurge: "intensity_surge", "log ratio", HAWKES, 60;

    /// Sine of the angle of the day, which begins at 17:00 in New York (Sydney's open); by whole minutes. Ready at once.
    HourSin: "hour_sin", "ratio in [-1, 1]", TIME, 0;
    /// Cosine of the same angle. Ready at once.
    HourCos: "hour_cos", "ratio in [-1, 1]", TIME, 0;
    /// One while Sydney trades: 07:00 to 16:00 there, Monday to Friday. Ready at once.
    SessionSydney: "session_sydney", "0 or 1", TIME, 0;
    /// One while Tokyo trades: 09:00 to 18:00 there, Monday to Friday. Ready at once.
    SessionTokyo: "session_tokyo", "0 or 1", TIME, 0;
    /// One while London trades: 08:00 to 17:00 there, Monday to Friday. Ready at once.
    SessionLondon: "session_london", "0 or 1", TIME, 0;
    /// One while New York trades: 08:00 to 17:00 there, Monday to Friday. Ready at once.
    SessionNewYork: "session_new_york", "0 or 1", TIME, 0;

    /// Mid change of the leader over 1 s (1.000 to 1.125 s) less our own. Ready once both were heard that long,
    /// while neither is stale.
    LeaderReturnS1: "leader_return_s1", "points", LEAD, 1;
    /// As `LeaderReturnS1` over 5 s.
    LeaderReturnS5: "leader_return_s5", "points", LEAD, 5;
    /// As `LeaderReturnS1` over 30 s.
    LeaderReturnS30: "leader_return_s30", "points", LEAD, 30;
    /// Leader's mid less our mid, less its EWMA of tau 300 s. Ready after 300 s of both, while neither is stale.
    LeaderBasis: "leader_basis", "points", LEAD, 300;

    /// `(mid - low) / (high - low)` of the mids of this second and the 60 before; one half when flat. Ready after 60 s.
    RangeS60: "range_s60", "ratio in [0, 1]", RANGE, 60;
    /// As `RangeS60` over 300 s. Ready after 300 s.
    RangeS300: "range_s300", "ratio in [0, 1]", RANGE, 300;
    /// High less low of the same mids, 60 s. Ready after 60 s.
    RangeWidthS60: "range_width_s60", "points", RANGE, 60;
    /// High less low of the same mids, 300 s. Ready after 300 s.
    RangeWidthS300: "range_width_s300", "points", RANGE, 300;
}

/// How many features there are.
pub const COUNT: usize = Feature::COUNT;

const _: () = assert!(COUNT <= 64, "the ready set of a frame has 64 bits");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_different_and_every_group_has_features() {
        let mut names: Vec<_> = Feature::ALL.iter().map(|feature| feature.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), COUNT);
        let all = Feature::ALL.iter().fold(Groups::NONE, |groups, feature| groups.with(feature.group()));
        assert_eq!(all, Groups::ALL);
        assert!(Groups::FLOW.wants(Groups::ALL) && !Groups::FLOW.wants(Groups::TIME.with(Groups::LEAD)));
    }
}
