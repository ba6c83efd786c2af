//! `[[class]]`: barrier classes, and the councils that state probabilities about them.

use desk::spec::ClassSpec;
use ensemble::{
    AgentSpec, Barrier, CalibrationSpec, CouncilSpec, DomainSpec, FairValueSpec, LabelSpec, NewsSpec, RegimeSpec,
    WatchSpec, WeightSpec,
};
use market::{Instrument, Span};
use models::{AciSpec, Adaptation, AdwinSpec, BocpdSpec, FtrlSpec, HmmSpec, PlattSpec};

use crate::instruments::symbols;
use crate::table::Table;

/// A class as it is named, with what strategies need to know of it.
pub(crate) struct Class {
    pub(crate) name: String,
    pub(crate) barrier: Barrier,
}

/// Reads every class; one council for each of its symbols.
pub(crate) fn classes(root: &Table<'_>, instruments: &[Instrument], news: NewsSpec) -> (Vec<Class>, Vec<ClassSpec>) {
    let names: Vec<String> = instruments.iter().map(|instrument| instrument.name.clone()).collect();
    let (mut classes, mut councils): (Vec<Class>, Vec<ClassSpec>) = (Vec::new(), Vec::new());
    for table in root.tables("class") {
        let name = table.text("name").to_owned();
        if classes.iter().any(|class| class.name == name) {
            table.fault("name", format!("\"{name}\" is the name of a class before"));
        }
        let symbols = symbols(&table, "symbols", &names);
        let Some(instrument) = symbols.first().and_then(|symbol| instruments.get(usize::from(symbol.0))) else {
            continue;
        };
        same_pips(&table, &symbols, instruments);
        let council = council(&table, instrument, news);
        if let Err(fault) = council.barrier.check() {
            table.fault("target", format!("makes no barrier: {fault:?} is out of range"));
        }
        classes.push(Class { name: name.clone(), barrier: council.barrier });
        councils.extend(symbols.into_iter().map(|symbol| ClassSpec { name: name.clone(), symbol, council }));
    }
    (classes, councils)
}

/// Distances are read once for all symbols of a table, so a pip must be as many points everywhere.
pub(crate) fn same_pips(table: &Table<'_>, symbols: &[market::SymbolId], instruments: &[Instrument]) {
    let mut pips = symbols.iter().filter_map(|symbol| instruments.get(usize::from(symbol.0))).map(|i| i.pip);
    let first = pips.next();
    if pips.any(|pip| Some(pip) != first) {
        table.fault("symbols", "have pips of different sizes; write a table for each size");
    }
}

fn council(table: &Table<'_>, instrument: &Instrument, news: NewsSpec) -> CouncilSpec {
    let barrier = Barrier {
        target: table.points("target", instrument),
        stop: table.points("stop", instrument),
        horizon: table.span("horizon"),
        commission_points: table.points("commission", instrument).as_f64(),
    };
    let cadence = table.span("sample_every");
    let labels = LabelSpec {
        cadence,
        latency: table.span("decision_latency"),
        capacity: capacity(barrier.horizon, cadence),
        silence: table.span("silence"),
    };
    let agents = AgentSpec {
        logistic: FtrlSpec {
            alpha: table.number("learning_rate", 1e-6, 10.0),
            beta: 1.0,
            l1: 0.0,
            l2: table.number("l2", 0.0, 1e6),
        },
        fair_value: FairValueSpec { noise_seconds: 2.0, leader_noise_seconds: 4.0, reversion: Span::from_secs(10) },
        surge_min: 0.2,
        domain: DomainSpec { memory: 20_000.0, samples_min: 300, deviation_max: 8.0, mean_square_max: 12.0 },
        calibration: CalibrationSpec {
            platt: PlattSpec {
                memory: table.number("calibration_memory", 10.0, 1e9),
                prior: 25.0,
                slope: (0.0, 2.0),
                offset: 2.0,
            },
            aci: AciSpec { miscoverage: 0.2, gamma: 0.01, capacity: 128 },
            labels_min: table.number("labels_min", 1.0, 1e9),
            block: table.number("calibration_block", 1.0, 1e6),
            width_reference: table.number("width_reference", 1e-6, 10.0),
        },
        news,
        watch: watch(),
    };
    let weights = WeightSpec {
        eta: table.number("weight_rate", 0.0, 100.0),
        alpha: table.number("weight_share", 0.0, 1.0),
        floor: 0.02,
        cap: 0.6,
    };
    CouncilSpec {
        barrier,
        labels,
        agents,
        weights,
        regime: table.choice("regime", &[("standard-1", standard())]),
        age_max: table.span("opinion_age_max"),
        leader_moves: if table.has("leader_moves") { table.span("leader_moves") } else { Span(0) },
    }
}

/// How trained models are watched: ADWIN with the usual numbers, looked at after every label because labels that do not
/// overlap are few; an input has moved at a PSI of .2 over some hours; a fifth of 1,000 samples outside is too much.
fn watch() -> WatchSpec {
    WatchSpec {
        adwin: AdwinSpec { delta: 0.002, clock: 1, max_buckets: 5, min_part: 5, grace: 10, rows: 16 },
        inputs_memory: 10_000.0,
        inputs_min: 2_000.0,
        inputs_max: 0.2,
        outside_share: 0.2,
        outside_samples: 1_000,
        hold: Span(24 * Span::HOUR.0),
    }
}

/// Room for every sample of a horizon, so that none is dropped.
fn capacity(horizon: Span, cadence: Span) -> usize {
    let samples = if cadence.0 > 0 { horizon.0 / cadence.0 } else { 0 };
    (samples.clamp(0, 65_000) + 2) as usize
}

/// The regime filter `standard-1`: three regimes (quiet, usual, wild) of realised variance, spread and intensity, each a
/// deviation apart; a change about every eight minutes; entries half as welcome in the wild regime and not at all just
/// after a change.
fn standard() -> RegimeSpec {
    RegimeSpec {
        cadence: Span::SECOND,
        domain: DomainSpec { memory: 20_000.0, samples_min: 300, deviation_max: 10.0, mean_square_max: 30.0 },
        hmm: HmmSpec {
            initial: [0.2, 0.6, 0.2],
            transition: [[0.99, 0.01, 0.0], [0.005, 0.99, 0.005], [0.0, 0.01, 0.99]],
            mean: [[-1.0, -0.5, -1.0], [0.0, 0.0, 0.0], [1.5, 1.0, 1.5]],
            variance: [[1.0; 3]; 3],
            adaptation: Adaptation::Fixed,
        },
        change: BocpdSpec { hazard: 0.002, mean: 0.0, kappa: 1.0, alpha: 1.0, beta: 1.0, capacity: 256 },
        recent_steps: 10,
        openness: [1.0, 1.0, 0.5],
        change_shuts: 1.0,
    }
}
