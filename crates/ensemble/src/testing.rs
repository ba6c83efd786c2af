//! A specification and a synthetic market for tests and benchmarks.

use ensemble::{
    AgentSpec, Barrier, CalibrationSpec, CouncilSpec, DecideSpec, DomainSpec, FairValueSpec, LabelSpec, NewsSpec,
    RegimeSpec, WatchSpec, WeightSpec,
};
use features::{Feature, Frame};
use market::{Lots, Points, Price, Span, SymbolId, Tick, Time, math};
use models::{AciSpec, Adaptation, AdwinSpec, BocpdSpec, FtrlSpec, HmmSpec, PlattSpec};

/// Fifteen points either way within two minutes, without commission: where an edge is easy to see, and noise too.
pub(crate) const BARRIER: Barrier =
    Barrier { target: Points(15), stop: Points(15), horizon: Span::from_secs(120), commission_points: 0.0 };

/// A council that learns within hours of synthetic time.
pub(crate) const COUNCIL: CouncilSpec = CouncilSpec {
    barrier: BARRIER,
    labels: LabelSpec {
        cadence: Span::SECOND,
        latency: Span::from_millis(100),
        capacity: 128,
        silence: Span::from_secs(60),
    },
    agents: AgentSpec {
        logistic: FtrlSpec { alpha: 0.05, beta: 1.0, l1: 0.0, l2: 2.0 },
        fair_value: FairValueSpec { noise_seconds: 2.0, leader_noise_seconds: 4.0, reversion: Span::from_secs(10) },
        surge_min: 0.2,
        domain: DomainSpec { memory: 5_000.0, samples_min: 100, deviation_max: 8.0, mean_square_max: 12.0 },
        calibration: CalibrationSpec {
            platt: PlattSpec { memory: 1_000.0, prior: 4.0, slope: (0.0, 2.0), offset: 1.0 },
            aci: AciSpec { miscoverage: 0.2, gamma: 0.01, capacity: 64 },
            labels_min: 40.0,
            block: 10.0,
            width_reference: 1.0,
        },
        news: NewsSpec { weight: 0.5, floor: 0.05 },
        watch: WatchSpec {
            adwin: AdwinSpec { delta: 0.002, clock: 1, max_buckets: 5, min_part: 5, grace: 10, rows: 16 },
            inputs_memory: 2_000.0,
            inputs_min: 1_000.0,
            inputs_max: 0.2,
            outside_share: 0.2,
            outside_samples: 200,
            hold: Span::HOUR,
        },
    },
    weights: WeightSpec { eta: 1.0, alpha: 0.002, floor: 0.02, cap: 0.6 },
    regime: RegimeSpec {
        cadence: Span::from_secs(5),
        domain: DomainSpec { memory: 5_000.0, samples_min: 60, deviation_max: 10.0, mean_square_max: 30.0 },
        hmm: HmmSpec {
            initial: [0.2, 0.6, 0.2],
            transition: [[0.99, 0.01, 0.0], [0.005, 0.99, 0.005], [0.0, 0.01, 0.99]],
            mean: [[-1.0, -0.5, -1.0], [0.0, 0.0, 0.0], [1.5, 1.0, 1.5]],
            variance: [[1.0; 3]; 3],
            adaptation: Adaptation::Fixed,
        },
        change: BocpdSpec { hazard: 0.005, mean: 0.0, kappa: 1.0, alpha: 1.0, beta: 1.0, capacity: 256 },
        recent_steps: 3,
        openness: [1.0, 1.0, 0.5],
        change_shuts: 1.0,
    },
    age_max: Span::from_secs(2),
    leader_moves: Span(0),
};

/// A strategy that listens to everybody alike.
pub(crate) const DECIDE: DecideSpec = DecideSpec {
    prior: [1.0; ensemble::AGENTS],
    beta: 1.0,
    margin_points: 0.0,
    z: 1.645,
    awake_min: 2,
    gate_min: 0.3,
    meta_min: 0.5,
    meta_required: false,
};

/// Deterministic noise: the LCG-12 of signals.md 7.
#[derive(Clone)]
pub(crate) struct Noise(pub(crate) u64);

impl Noise {
    pub(crate) fn normal(&mut self) -> f64 {
        let mut sum = -6.0;
        for _ in 0..12 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            sum += (self.0 >> 11) as f64 / (1_u64 << 53) as f64;
        }
        sum
    }
}

/// A market of two quotes a second, two points wide: a random walk of five square points a second, pushed by a signal
/// that fades within ten seconds and shows in the imbalance. Every other feature is noise.
#[derive(Clone)]
pub(crate) struct Market {
    noise: Noise,
    /// Points by which one deviation of the signal moves the mid per quote.
    edge: f64,
    pub(crate) signal: f64,
    mid: f64,
    time: Time,
}

impl Market {
    pub(crate) fn new(seed: u64, edge: f64) -> Self {
        Self { noise: Noise(seed), edge, signal: 0.0, mid: 110_000.0, time: Time::from_millis(1_399_000_000_000) }
    }

    /// The next quote and the frame after it.
    pub(crate) fn next(&mut self) -> (Tick, Frame) {
        self.time = self.time.plus(Span::from_millis(500));
        self.mid += self.edge * self.signal + self.noise.normal() * math::sqrt(2.5);
        self.signal = 0.95 * self.signal + self.noise.normal() * math::sqrt(1.0 - 0.95 * 0.95);
        let bid = Price(Points::rounded(self.mid - 1.0).map_or(1, |points| points.0));
        let (ask, lots) = (bid.plus(Points(2)), Lots(100));
        let tick =
            Tick { symbol: SymbolId(0), time: self.time, seen: self.time, bid, ask, bid_lots: lots, ask_lots: lots };
        (tick, self.frame())
    }

    fn frame(&mut self) -> Frame {
        let mut frame = Frame::empty(self.time).with(Feature::Imbalance, 0.3 * self.signal);
        for (feature, scale) in NOISY {
            frame = frame.with(*feature, scale * self.noise.normal());
        }
        for (feature, level) in LEVELS {
            frame = frame.with(*feature, level * math::exp(0.1 * self.noise.normal()));
        }
        frame
    }
}

const NOISY: &[(Feature, f64)] = &[
    (Feature::OfiShareS1, 0.5),
    (Feature::OfiShareS5, 0.3),
    (Feature::OfiShareS30, 0.2),
    (Feature::TickImbalanceS5, 0.3),
    (Feature::HawkesLogRatio, 0.7),
    (Feature::IntensitySurge, 0.4),
    (Feature::MomentumS1, 1.0),
    (Feature::MomentumS5, 1.0),
    (Feature::MomentumS30, 1.0),
    (Feature::MomentumS60, 1.0),
    (Feature::MomentumS300, 1.0),
    (Feature::LeaderBasis, 0.5),
    (Feature::ZScoreS60, 1.0),
    (Feature::ZScoreS300, 1.0),
    (Feature::RangeS60, 0.3),
];

const LEVELS: &[(Feature, f64)] = &[
    (Feature::RealisedS60, 300.0),
    (Feature::SpreadEwma60, 2.0),
    (Feature::IntensityS60, 2.0),
    (Feature::SigmaS60, 17.0),
];
