//! What is searched: the parameters of the trees, and how the next ones are drawn (TPE, by the crate `optimizer`).
//!
//! Every draw depends on the seed, the number of the trial and the trials before it, so a search that is told its old
//! trials again goes on as if it had not been broken. No two parameters have the same range: they would be drawn alike.

use optimizer::parameter::{FloatParam, IntParam, Parameter};
use optimizer::sampler::tpe::TpeSampler;
use optimizer::{Direction, Study};

use crate::fault::Fault;
use crate::train::boost::BoostSpec;

/// Trials before the first that learns from those before it.
const STARTUP: usize = 10;

/// A search: draws parameters, hears how good they were.
pub(crate) struct Search {
    study: Study<f64>,
    rate: FloatParam,
    leaves: IntParam,
    depth: IntParam,
    rows: IntParam,
    l2: FloatParam,
    features: FloatParam,
    bagging: FloatParam,
}

/// A drawn trial that was not told of yet.
pub(crate) struct Drawn(optimizer::Trial);

fn failed(error: &optimizer::Error) -> Fault {
    Fault::Asked("search", error.to_string())
}

impl Search {
    pub(crate) fn new(seed: u64) -> Result<Self, Fault> {
        let sampler = TpeSampler::builder().seed(seed).n_startup_trials(STARTUP).build();
        let sampler = sampler.map_err(|error| failed(&error))?;
        Ok(Self {
            study: Study::with_sampler(Direction::Maximize, sampler),
            rate: FloatParam::new(0.01, 0.3).log_scale().name("learning_rate"),
            leaves: IntParam::new(4, 64).log_scale().name("leaves_max"),
            depth: IntParam::new(2, 8).name("depth_max"),
            rows: IntParam::new(20, 2_000).log_scale().name("leaf_rows_min"),
            l2: FloatParam::new(0.1, 100.0).log_scale().name("l2"),
            features: FloatParam::new(0.3, 1.0).name("feature_share"),
            bagging: FloatParam::new(0.4, 1.0).name("row_share"),
        })
    }

    /// The next parameters, the rest as in `base`.
    pub(crate) fn draw(&self, base: &BoostSpec) -> Result<(Drawn, BoostSpec), Fault> {
        let mut trial = self.study.ask();
        let whole = |param: &IntParam, trial: &mut optimizer::Trial| param.suggest(trial).map_err(|e| failed(&e));
        let real = |param: &FloatParam, trial: &mut optimizer::Trial| param.suggest(trial).map_err(|e| failed(&e));
        let spec = BoostSpec {
            learning_rate: real(&self.rate, &mut trial)?,
            leaves_max: usize::try_from(whole(&self.leaves, &mut trial)?).unwrap_or(2),
            depth_max: u32::try_from(whole(&self.depth, &mut trial)?).unwrap_or(2),
            leaf_rows_min: u32::try_from(whole(&self.rows, &mut trial)?).unwrap_or(1),
            l2: real(&self.l2, &mut trial)?,
            feature_share: real(&self.features, &mut trial)?,
            row_share: real(&self.bagging, &mut trial)?,
            ..*base
        };
        Ok((Drawn(trial), spec))
    }

    /// Hears how good a trial was.
    pub(crate) fn hear(&self, Drawn(trial): Drawn, objective: f64) {
        self.study.tell(trial, Ok::<_, &str>(objective));
    }
}
