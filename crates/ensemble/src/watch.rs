//! What is watched of a trained model while it serves: its losses, its calibration, its inputs, and how often they lie
//! outside (signals.md 1.6, 6.3).
//!
//! Losses enter one label at a time, whose sample and side were chosen before anything was known of it, because labels
//! that overlap depend on each other. ADWIN says when their mean has moved; only a rise is an alarm. The calibration is
//! watched by the loss less the entropy that the model's own probability lets expect, which is zero on average for one
//! that says what comes. Inputs are compared with the deciles of their training by PSI, one input per sample in turn.
//! A rise of the losses together with any other alarm, or too many samples out of the domain, take the model off its
//! seat; moved inputs alone never do. Memory is fixed when the model sits down.

use features::{Feature, Frame};
use market::{Reader, Span, State, Time, Torn};
use models::psi::PsiMonitor;
use models::scores::log_loss;
use models::{Adwin, AdwinSpec, Drift};

use crate::artefact::{Artefact, Input};
use crate::vote::Abstain;

/// The most samples whose being outside is remembered.
const OUTSIDE_MAX: usize = 1_024;

/// The largest log loss that a clipped probability can have, ln 50: the unit of what ADWIN sees.
const LOSS_MAX: f64 = 3.912_023_005_428_146;

/// How trained models are watched.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WatchSpec {
    /// The window over losses, and that over losses less the expected entropy.
    pub adwin: AdwinSpec,
    /// How many samples the distribution of an input is remembered over.
    pub inputs_memory: f64,
    /// An input is not judged before this many samples.
    pub inputs_min: f64,
    /// An input has moved when its index is above this; .2 by custom.
    pub inputs_max: f64,
    /// The model leaves when more than this part of the last samples lay outside its domain ...
    pub outside_share: f64,
    /// ... of which there must be this many, 1 to 1,024.
    pub outside_samples: u16,
    /// How long an alarm of the losses or of the calibration stands.
    pub hold: Span,
}

/// What has drifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Drifted {
    /// The mean log loss has risen.
    Loss,
    /// The log loss has risen beyond what the probabilities let expect.
    Calibration,
    /// An input is not distributed as in training.
    Inputs {
        /// Its place among the model's inputs.
        input: u16,
    },
}

/// Why a model left its seat, or was sent away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Rollback {
    /// A person wanted it.
    #[default]
    Person,
    /// The trial's ruling.
    Ruling,
    /// Another loss might not have fitted into its budget.
    Budget,
    /// It produced what is not a number.
    NotANumber,
    /// It took too long to answer. Measured outside: the desk has no clock.
    Latency,
    /// Its signature is not, or no longer, good. Checked outside.
    Signature,
    /// Its time is over.
    Age,
    /// Its losses rose, and something else moved too.
    Drift,
    /// Too many samples were far from its training.
    OutOfDomain,
}

market::state_enum!(Rollback { Person, Ruling, Budget, NotANumber, Latency, Signature, Age, Drift, OutOfDomain });

impl Rollback {
    /// The reason in words, for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Person => "a person wanted it",
            Self::Ruling => "its trial said so",
            Self::Budget => "its budget is spent",
            Self::NotANumber => "it said what is not a number",
            Self::Latency => "it answered too late",
            Self::Signature => "its signature is not good",
            Self::Age => "its time is over",
            Self::Drift => "its losses rose and something else moved",
            Self::OutOfDomain => "too many samples lay outside its training",
        }
    }
}

/// An input against its training.
#[derive(Debug, Clone)]
struct Gauge {
    feature: Feature,
    input: u16,
    monitor: PsiMonitor<10>,
    moved: bool,
}

impl Gauge {
    /// Equal deciles make one bin, and so does what lies above the last when nothing did in training.
    fn new(feature: Feature, input: u16, (deciles, high): (&[f64; 9], f64), memory: f64) -> Self {
        let ends: [f64; 10] = std::array::from_fn(|bin| deciles.get(bin).copied().unwrap_or(f64::INFINITY));
        let mut expected = [0.0; 10];
        let mut open = 0;
        for bin in 0..10 {
            let above_all = bin == 9 && high <= ends[8];
            let same = bin > 0 && bin < 9 && ends[bin] <= ends[bin - 1];
            if !same && !above_all {
                open = bin;
            }
            expected[open] += 0.1;
        }
        Self { feature, input, monitor: PsiMonitor::new(ends, expected, memory), moved: false }
    }
}

market::state!(Gauge { monitor, moved });

/// Whether each of the last samples lay outside.
#[derive(Debug, Clone)]
struct Outside {
    samples: usize,
    bits: [u64; OUTSIDE_MAX / 64],
    next: usize,
    seen: u64,
    count: u32,
}

market::state!(Outside { bits, next, seen, count });

impl Outside {
    fn new(samples: u16) -> Self {
        let samples = usize::from(samples).clamp(1, OUTSIDE_MAX);
        Self { samples, bits: [0; OUTSIDE_MAX / 64], next: 0, seen: 0, count: 0 }
    }

    fn push(&mut self, outside: bool) {
        let (word, bit) = (self.next / 64, 1_u64 << (self.next % 64));
        self.count -= u32::from(self.bits[word] & bit != 0);
        self.count += u32::from(outside);
        self.bits[word] = if outside { self.bits[word] | bit } else { self.bits[word] & !bit };
        self.next = (self.next + 1) % self.samples;
        self.seen += 1;
    }

    fn share(&self) -> Option<f64> {
        (self.seen >= self.samples as u64).then(|| f64::from(self.count) / self.samples as f64)
    }
}

/// The watch over one model.
#[derive(Debug, Clone)]
pub struct Watch {
    spec: WatchSpec,
    loss: Adwin,
    calibration: Adwin,
    /// When the losses, and when the calibration, last alarmed.
    alarms: [Option<Time>; 2],
    gauges: Vec<Gauge>,
    /// The gauge to be read next.
    turn: usize,
    outside: Outside,
    /// The sample and the side whose label comes next.
    waits: Option<(u64, bool)>,
    labels: u64,
    verdict: Option<Rollback>,
}

impl State for Watch {
    fn save(&self, out: &mut Vec<u8>) {
        self.loss.save(out);
        self.calibration.save(out);
        self.alarms.save(out);
        self.gauges.iter().for_each(|gauge| gauge.save(out));
        self.turn.save(out);
        self.outside.save(out);
        self.waits.save(out);
        self.labels.save(out);
        self.verdict.save(out);
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        self.loss.load(from)?;
        self.calibration.load(from)?;
        self.alarms.load(from)?;
        self.gauges.iter_mut().try_for_each(|gauge| gauge.load(from))?;
        self.turn.load(from)?;
        self.outside.load(from)?;
        self.waits.load(from)?;
        self.labels.load(from)?;
        self.verdict.load(from)?;
        let is_sound = self.turn <= self.gauges.len() && self.outside.next < self.outside.samples;
        if is_sound { Ok(()) } else { Err(Torn) }
    }
}

impl Watch {
    pub(crate) fn new(spec: &WatchSpec, model: &Artefact) -> Self {
        Self::over(spec, &model.parts().inputs)
    }

    fn over(spec: &WatchSpec, inputs: &[Input]) -> Self {
        let gauge = |(place, input): (usize, &Input)| {
            Gauge::new(input.feature, place as u16, (&input.deciles, input.high), spec.inputs_memory)
        };
        Self {
            spec: *spec,
            loss: Adwin::new(&spec.adwin),
            calibration: Adwin::new(&spec.adwin),
            alarms: [None; 2],
            gauges: inputs.iter().enumerate().map(gauge).collect(),
            turn: 0,
            outside: Outside::new(spec.outside_samples),
            waits: None,
            labels: 0,
            verdict: None,
        }
    }

    /// A sample was taken: the label of one side of it is chosen when none is waited for, and the inputs are looked at.
    pub(crate) fn on_sample(
        &mut self,
        (sample, oldest): (u64, u64),
        frame: &Frame,
        (kept, now): (Option<Abstain>, Time),
    ) -> Option<Drifted> {
        if self.waits.is_none_or(|(waited, _)| waited < oldest) {
            self.waits = Some((sample, sample.is_multiple_of(2)));
        }
        if matches!(kept, None | Some(Abstain::Uncalibrated | Abstain::OutOfDomain)) {
            self.outside.push(kept == Some(Abstain::OutOfDomain));
        }
        for gauge in &mut self.gauges {
            if let Some(value) = frame.get(gauge.feature) {
                gauge.monitor.observe(value);
            }
        }
        let moved = self.read_next_gauge();
        self.judge(now);
        moved
    }

    /// Tells of an input only when it begins to differ.
    fn read_next_gauge(&mut self) -> Option<Drifted> {
        self.turn = if self.turn + 1 < self.gauges.len() { self.turn + 1 } else { 0 };
        let WatchSpec { inputs_min, inputs_max, .. } = self.spec;
        let gauge = self.gauges.get_mut(self.turn)?;
        let before = gauge.moved;
        let enough = gauge.monitor.weight() >= inputs_min;
        gauge.moved = enough && gauge.monitor.value().is_some_and(|index| index > inputs_max);
        (gauge.moved && !before).then_some(Drifted::Inputs { input: gauge.input })
    }

    /// A label came back, with the probability that the model had said aloud, if it had. Answers what drifted by it: the
    /// losses and the calibration may both.
    pub(crate) fn on_label(
        &mut self,
        (sample, is_buy): (u64, bool),
        said: Option<f64>,
        (won, now): (bool, Time),
    ) -> [Option<Drifted>; 2] {
        if self.waits != Some((sample, is_buy)) {
            return [None; 2];
        }
        self.waits = None;
        let Some(p) = said else { return [None; 2] };
        self.labels += 1;
        let loss = log_loss(p, won);
        let expected = p * log_loss(p, true) + (1.0 - p) * log_loss(p, false);
        let rose = [rose(&mut self.loss, loss), rose(&mut self.calibration, loss - expected)];
        let mut told = [None; 2];
        for (place, drifted) in [Drifted::Loss, Drifted::Calibration].into_iter().enumerate() {
            if rose[place] {
                self.alarms[place] = Some(now);
                told[place] = Some(drifted);
            }
        }
        self.judge(now);
        told
    }

    fn judge(&mut self, now: Time) {
        let stands = |alarm: Option<Time>| alarm.is_some_and(|at| now.since(at) <= self.spec.hold);
        let [loss, calibration] = self.alarms.map(stands);
        let other = calibration || self.gauges.iter().any(|gauge| gauge.moved);
        if self.outside.share().is_some_and(|share| share > self.spec.outside_share) {
            self.verdict = Some(Rollback::OutOfDomain);
        } else if loss && other {
            self.verdict = Some(Rollback::Drift);
        }
    }

    /// Why the model must leave, if so. Final.
    pub const fn verdict(&self) -> Option<Rollback> {
        self.verdict
    }

    /// How many labels were looked at.
    pub const fn labels(&self) -> u64 {
        self.labels
    }

    /// The part of the last samples that lay outside; `None` before there are enough.
    pub fn outside(&self) -> Option<f64> {
        self.outside.share()
    }

    /// The mean log loss within the window.
    pub fn loss(&self) -> Option<f64> {
        self.loss.mean().map(|mean| mean * LOSS_MAX)
    }
}

/// Whether the mean of a window has moved up by this observation.
fn rose(window: &mut Adwin, x: f64) -> bool {
    let before = window.mean();
    let drifted = window.observe(x / LOSS_MAX) == Drift::Drifted;
    drifted && before.zip(window.mean()).is_some_and(|(before, now)| now > before)
}

#[cfg(test)]
mod tests;
