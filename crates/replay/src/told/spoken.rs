//! The trained models: who sat, whose word stood, and what each input added to it.

use ensemble::{Council, Trained};
use serde_json::{Value, json};

use crate::beside::hex;
use crate::shares::{Apart, Share, Speaker, seated};
use crate::words::page::side;

/// Every model that sat, with its parts where its word stood.
pub(super) fn models(council: &Council, heard: &[Speaker<'_>]) -> Vec<Value> {
    let model = |seated: crate::shares::Seated<'_>| {
        let speaker = heard.iter().find(|speaker| (speaker.seat, speaker.chair) == (seated.seat, seated.chair));
        let step = speaker.and_then(|speaker| speaker.step.as_ref());
        json!({
            "seat": seated.seat.name(),
            "role": seated.role(),
            "name": seated.model.parts().name,
            "digest": hex(seated.model.digest()),
            "speaks": speaker.is_some(),
            "step": step.map(|step| json!({ "steps": step.steps, "age_s": step.age.as_secs(),
                "cadence": step.cadence, "log_odds": step.log_odds })),
            "method": if seated.seat == Trained::Sequence { "integrated_gradients" } else { "tree_shap" },
            "contributions": speaker.map_or_else(Vec::new, |speaker| speaker.apart.iter().map(apart).collect()),
            "fault": speaker.and_then(|speaker| speaker.fault.as_ref()),
        })
    };
    seated(council).map(model).collect()
}

fn apart(apart: &Apart) -> Value {
    let inputs: Vec<Value> = apart.shares.iter().map(share).collect();
    json!({ "side": side(apart.side), "output": apart.output, "base": apart.base, "missed": apart.missed,
        "verified": apart.holds, "pieces": apart.pieces, "inputs": inputs })
}

fn share(share: &Share) -> Value {
    json!({ "input": share.input, "value": share.value, "adds": share.adds })
}
