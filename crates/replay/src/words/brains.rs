//! What the trained models said, and what each input added to it.

use desk::Explanation;
use ensemble::decide::Decision;
use ensemble::{Chair, Trained};

use super::page::{Book, Page, side, span};
use crate::beside::hex;
use crate::shares::{Apart, Speaker, seated, speakers};

/// How many contributions are named; the rest is summed up.
const NAMED: usize = 6;

pub(super) fn brains(page: &mut Page, decision: &Decision, explanation: &Explanation, book: &Book<'_>) {
    let Some(council) = book.council(explanation) else { return };
    let seated: Vec<String> = seated(council).map(|seated| seated.words()).collect();
    let who = if seated.is_empty() { "no trained model".to_owned() } else { seated.join("; ") };
    page.wrapped(2, &format!("Seated: {who} (ensemble epoch {})", decision.epoch));
    for speaker in &speakers(council, decision, explanation) {
        speaks(page, speaker, decision);
        let unit = if speaker.seat == Trained::Sequence { " deviations" } else { "" };
        if let Some(fault) = &speaker.fault {
            page.line(format!("    cannot be taken apart: {fault}"));
        }
        speaker.apart.iter().for_each(|apart| shares(page, apart, (speaker.seat, unit)));
    }
}

fn speaks(page: &mut Page, speaker: &Speaker<'_>, decision: &Decision) {
    let what = match speaker.seat {
        Trained::Trees => "The trees",
        Trained::Sequence => "The net",
        Trained::Meta => "The meta model",
    };
    let canary = if speaker.chair == Chair::Challenger { ", a canary" } else { "" };
    let (name, digest) = (&speaker.model.parts().name, hex(speaker.model.digest()));
    page.line(format!("  {what}: {name}{canary}, digest {}", &digest[..16]));
    if let Some(assigned) = speaker.assigned {
        page.line(format!(
            "    experiment {}, block {}: the {}'s word stands",
            assigned.experiment,
            assigned.block,
            Speaker::arm(assigned.arm)
        ));
    }
    if let Some(step) = &speaker.step {
        let [buy, sell] = step.log_odds;
        page.line(format!(
            "    step {} since it rested, {} ago ({}): {buy:+.6} to buy, {sell:+.6} to sell, calibrated",
            step.steps,
            span(step.age),
            step.cadence,
        ));
        page.line("    before its calibration, against every input at its mean after the same past:");
    }
    if speaker.seat == Trained::Meta {
        asked(page, decision);
    }
}

/// What the meta model said of the better side.
fn asked(page: &mut Page, decision: &Decision) {
    match (decision.meta, decision.meta_silent) {
        (Some(p), _) => page.line(format!(
            "    a net profit to {}: {p:.6}, at least {} is needed",
            side(decision.best),
            decision.spec.meta_min
        )),
        (None, Some(silence)) => page.line(format!("    has nothing to say ({})", silence.name())),
        (None, None) => page.line("    not asked: something else forbids the trade already"),
    }
}

/// An output as its parts, checked.
fn shares(page: &mut Page, apart: &Apart, (seat, unit): (Trained, &str)) {
    let told = format!("to {}", side(apart.side));
    let base = if seat == Trained::Sequence { "at the means" } else { "on average" };
    let verified = if apart.holds { "" } else { "  UNVERIFIED: the parts do not add up" };
    page.line(format!("    {told:8} {:+.6} = {:+.6} {base} {verified}", apart.output, apart.base));
    for share in apart.shares.iter().take(NAMED) {
        let seen = share.value.map_or_else(|| "not ready".to_owned(), |value| format!("{value:.4}{unit}"));
        page.line(format!("      {:+.6}  {} = {seen}", share.adds, share.input));
    }
    let rest: f64 = apart.shares.iter().skip(NAMED).map(|share| share.adds).sum();
    page.line(format!("      {rest:+.6}  all other inputs"));
}
