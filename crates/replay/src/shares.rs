//! What trained models said of a decision, taken apart: what each input added to their own log-odds, and whether that
//! adds up. Read by the text and by the JSON of an explanation.

use desk::Explanation;
use ensemble::artefact::INPUTS_MAX;
use ensemble::{Arm, Artefact, Assignment, Brain, Chair, Council, Decision, Step, Trained};
use market::{Side, Span};
use models::Forest;
use models::net::attribution::TOLERANCE;

use crate::beside::hex;

/// What one input added.
pub(crate) struct Share {
    pub(crate) input: &'static str,
    /// What it was: of trees and of a meta model in its own unit, of a net in deviations from its mean; `None` when not
    /// ready.
    pub(crate) value: Option<f64>,
    pub(crate) adds: f64,
}

/// One output of a model as the sum of its parts.
pub(crate) struct Apart {
    pub(crate) side: Side,
    pub(crate) output: f64,
    /// Of trees the average over their training, of a net what it says with every input at its mean.
    pub(crate) base: f64,
    /// The largest first.
    pub(crate) shares: Vec<Share>,
    /// How far base and parts miss the output.
    pub(crate) missed: f64,
    pub(crate) holds: bool,
    /// In how many pieces a net's line was taken.
    pub(crate) pieces: Option<usize>,
}

/// The step of a net that an opinion rests on.
pub(crate) struct Stepped {
    pub(crate) steps: u64,
    pub(crate) age: Span,
    pub(crate) cadence: String,
    /// Calibrated log-odds of both sides.
    pub(crate) log_odds: [f64; 2],
}

/// A model whose word stood, or would have.
pub(crate) struct Speaker<'a> {
    pub(crate) seat: Trained,
    pub(crate) chair: Chair,
    pub(crate) model: &'a Artefact,
    pub(crate) assigned: Option<Assignment>,
    pub(crate) step: Option<Stepped>,
    pub(crate) apart: Vec<Apart>,
    /// Why it cannot be taken apart, if so.
    pub(crate) fault: Option<String>,
}

impl Speaker<'_> {
    /// Whose block it was, in a word.
    pub(crate) const fn arm(arm: Arm) -> &'static str {
        match arm {
            Arm::Champion => "champion",
            Arm::Canary => "canary",
        }
    }
}

/// A model that sits at a council.
pub(crate) struct Seated<'a> {
    pub(crate) seat: Trained,
    pub(crate) chair: Chair,
    pub(crate) model: &'a Artefact,
}

impl Seated<'_> {
    /// As what it sits, in a word.
    pub(crate) const fn role(&self) -> &'static str {
        match self.chair {
            Chair::Champion => "champion",
            Chair::Challenger => "challenger",
        }
    }

    /// Seat, role, name and the beginning of the digest.
    pub(crate) fn words(&self) -> String {
        let digest = hex(self.model.digest());
        format!("{} {} {} {}", self.seat.name(), self.role(), self.model.parts().name, &digest[..12])
    }
}

/// Every trained model that sits there, whether its word stands or not.
pub(crate) fn seated(council: &Council) -> impl Iterator<Item = Seated<'_>> {
    let chairs = |seat: &Trained| [(*seat, Chair::Champion), (*seat, Chair::Challenger)];
    Trained::ALL.iter().flat_map(chairs).filter_map(|(seat, chair)| {
        let model = council.seated(seat, chair)?;
        Some(Seated { seat, chair, model })
    })
}

/// Every trained model whose word stands at a decision, in the order of the seats.
pub(crate) fn speakers<'a>(council: &'a Council, decision: &Decision, explanation: &Explanation) -> Vec<Speaker<'a>> {
    let speaker = |seat: &Trained| {
        let assigned = decision.assigned.get(*seat as usize).copied().flatten();
        let chair = match assigned {
            Some(Assignment { arm: Arm::Canary, .. }) => Chair::Challenger,
            _ => Chair::Champion,
        };
        let model = council.seated(*seat, chair)?;
        let mut speaker = Speaker { seat: *seat, chair, model, assigned, step: None, apart: Vec::new(), fault: None };
        speaker.take_apart(council, decision, explanation);
        Some(speaker)
    };
    Trained::ALL.iter().filter_map(speaker).collect()
}

impl Speaker<'_> {
    fn take_apart(&mut self, council: &Council, decision: &Decision, explanation: &Explanation) {
        let parts = self.model.parts();
        let names: Vec<&'static str> = parts.inputs.iter().map(|input| input.feature.name()).collect();
        match &parts.brain {
            Brain::Trees(forests) => {
                let mut room = [f64::NAN; INPUTS_MAX];
                let Ok(row) = self.model.row(&explanation.frame, &mut room) else { return };
                for (forest, side) in forests.iter().zip([Side::Buy, Side::Sell]) {
                    self.keep(of_forest(forest, row, &names, side));
                }
            }
            Brain::Sequence(_) => {
                let Some(step) = council.last_step(self.chair) else { return };
                self.step = Some(Stepped {
                    steps: step.steps,
                    age: decision.time.since(step.time),
                    cadence: step.sequence.cadence.text(),
                    log_odds: step.sequence.log_odds(step.outputs),
                });
                for side in [Side::Buy, Side::Sell] {
                    self.keep(of_step(&step, &names, side));
                }
            }
            Brain::Meta { forest, .. } => {
                let Some(row) = council.meta_question(decision.best) else { return };
                let opinion = ensemble::meta::OPINION.into_iter();
                let names: Vec<&'static str> = opinion.chain(names).chain(ensemble::meta::REGIME).collect();
                self.keep(of_forest(forest, &row, &names, decision.best));
            }
        }
    }

    fn keep(&mut self, made: Result<Apart, String>) {
        match made {
            Ok(apart) => self.apart.push(apart),
            Err(fault) => self.fault = Some(fault),
        }
    }
}

/// Exact, path-dependent Shapley values.
fn of_forest(forest: &Forest, row: &[f64], names: &[&'static str], side: Side) -> Result<Apart, String> {
    let mut parts = vec![0.0; names.len()];
    let base = forest.contributions(row, &mut parts).map_err(|error| error.to_string())?;
    let output = forest.raw(row);
    let missed = (base + parts.iter().sum::<f64>() - output).abs();
    let shares = sorted(names, row, &parts);
    Ok(Apart { side, output, base, shares, missed, holds: missed <= TOLERANCE, pieces: None })
}

/// Integrated gradients of a net's last step.
fn of_step(step: &Step<'_>, names: &[&'static str], side: Side) -> Result<Apart, String> {
    let found = step.attributed(side).ok_or("its last step does not follow again from what was kept of it")?;
    let (missed, holds, pieces) = (found.missed(), found.holds(), Some(found.pieces));
    let shares = sorted(names, step.inputs, &found.parts);
    Ok(Apart { side, output: found.output, base: found.base, shares, missed, holds, pieces })
}

fn sorted(names: &[&'static str], row: &[f64], parts: &[f64]) -> Vec<Share> {
    let share = |((input, value), adds): ((&&'static str, &f64), &f64)| Share {
        input,
        value: value.is_finite().then_some(*value),
        adds: *adds,
    };
    let mut shares: Vec<Share> = names.iter().zip(row).zip(parts).map(share).collect();
    // A stable order: equal ones stay as the model reads them.
    shares.sort_by(|a, b| b.adds.abs().total_cmp(&a.adds.abs()));
    shares
}
