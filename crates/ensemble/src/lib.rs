//! Many agents, one signal with its reasons: calibrated opinions about a declared barrier, pooled around the null.
//!
//! Pure, bounded, nothing allocated after construction. It does not size, send or know an order.
//!
//! `barrier`      what a probability is about           `vote`      who speaks, and why not
//! `inputs`       what each logistic agent looks at     `fair`      fair value, through the barrier formula
//! `domain`       the scale of inputs, and what is far  `labels`    what became of a sample, exactly once
//! `calibration`  what log-odds are worth               `weights`   who is listened to, by regime
//! `regime`       the gate and the context              `seat`      one agent whole; how to add one
//! `council`      learn and tell, tick by tick          `decide`    the trade rule, with all its arithmetic
//! `artefact`     a trained model as a seat takes it    `bench`     challengers on trial, champions of before
//! `cadence`      which ticks are moments               `sequence`  a net in its seat
//! `meta`         the second model, asked after the pool
//! `canary`       blocks and budget of a challenger     `watch`     drift, and what else takes a model off its seat
//! `news`         what is said in the news

#[cfg(test)]
extern crate self as ensemble;

pub mod artefact;
pub mod barrier;
mod bench;
pub mod cadence;
pub mod calibration;
pub mod canary;
pub mod council;
pub mod decide;
pub mod domain;
mod fair;
mod inputs;
pub mod labels;
pub mod meta;
pub mod news;
pub mod regime;
mod seat;
mod sequence;
#[cfg(test)]
mod testing;
pub mod vote;
pub mod watch;
pub mod weights;

pub use artefact::{
    Artefact, ArtefactError, Brain, Digest, Input, Line, Parts, Scale, Sequence, TRAINED, Trained, VOTERS,
};
pub use barrier::{Barrier, BarrierFault};
pub use bench::{BenchNews, Chair, Trial};
pub use cadence::{Cadence, Sampler};
pub use calibration::{CalibrationSpec, Evidence};
pub use canary::{Arm, Assignment, Canary, CanarySpec, Unstaged};
pub use council::{Council, CouncilSpec, Misfit};
pub use decide::{DecideSpec, Decision, NoTrade, Part, Reason, View, decide};
pub use domain::{DomainSpec, Reach};
pub use fair::FairValueSpec;
pub use labels::{Label, LabelCounts, LabelSpec, Outcome};
pub use meta::MetaSilence;
pub use news::{NewsSpec, Sentiment};
pub use regime::{REGIME_INPUTS, RegimeSpec, RegimeView};
pub use seat::AgentSpec;
pub use sequence::Step;
pub use vote::{AGENTS, Abstain, AgentKind, Opinion, Vote};
pub use watch::{Drifted, Rollback, Watch, WatchSpec};
pub use weights::WeightSpec;
