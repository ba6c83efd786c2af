//! What counts as measured of a version: first what was signed, then what somebody brings.

use crate::card;
use crate::error::{Refusal, Why};
use crate::load::{Checks, Opened};
use crate::rollout::{Ask, Event, Evidence, Ground, Measure, Override};

/// What somebody asks of a version. Whether it has an edge is not theirs to say: its signed manifest does.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// What is asked.
    pub event: Event,
    /// What was measured elsewhere: latency, shadow, canary. It does not contradict the manifest.
    pub evidence: Evidence,
    /// Whose money it would trade.
    pub ground: Ground,
    /// Who overrides a missing edge on paper, if anybody.
    pub consent: Option<Override>,
}

/// What the signed part of a version proves: its signature, its validation, its card, and its schema where one runs.
pub(crate) fn signed(opened: &Opened, checks: &Checks<'_>) -> Evidence {
    let says = &opened.manifest.validation;
    let whole = std::str::from_utf8(&opened.card).is_ok_and(|text| card::missing(text).is_empty());
    let facts = [
        (Measure::SignatureValid, true),
        (Measure::WalkForward, says.verdict.is_some() && !says.method.trim().is_empty()),
        (Measure::DsrComputed, says.dsr.is_some() && says.dsr_n.is_some()),
        (Measure::PboComputed, says.pbo.is_some()),
        (Measure::CardComplete, whole),
    ];
    let mut evidence: Evidence = facts.into_iter().map(|(fact, holds)| (fact, f64::from(u8::from(holds)))).collect();
    evidence.extend(says.ece.map(|ece| (Measure::CalibrationError, ece)));
    let equal = |running| f64::from(u8::from(running == opened.manifest.feature_schema.hash));
    evidence.extend(checks.schema.map(|running| (Measure::SchemaEqual, equal(running))));
    evidence
}

/// A request with everything that is known of the version. Of two calibration errors, that of validation and that of shadow,
/// the larger counts; any other measure that is signed is not said differently.
///
/// # Errors
/// `Contradicts` with the measure.
pub(crate) fn ask(file: &str, opened: &Opened, checks: &Checks<'_>, request: &Request) -> Result<Ask, Refusal> {
    let mut evidence = request.evidence.clone();
    for (measure, signed) in signed(opened, checks) {
        match evidence.get(&measure).copied() {
            Some(given) if measure == Measure::CalibrationError => {
                evidence.insert(measure, if given <= signed { signed } else { given });
            }
            Some(given) if given != signed => {
                return Err(Refusal::new(file, Why::Contradicts { measure, given, signed }));
            }
            _ => drop(evidence.insert(measure, signed)),
        }
    }
    let Request { event, ground, ref consent, .. } = *request;
    let edge = opened.manifest.validation.edge();
    // An override is one only where there is something to override.
    let consent = consent.clone().filter(|_| !edge);
    Ok(Ask { event, evidence, edge, ground, consent })
}
