//! The manifest for people: `card.md`.

use std::fmt::Write as _;

use crate::manifest::Manifest;

/// The parts that a complete card has, each a heading of the second level.
pub const PARTS: [&str; 6] = ["What it is", "Data", "Features", "Validation", "Costs", "When it fails"];

/// The parts that a card lacks.
pub fn missing(card: &str) -> Vec<&'static str> {
    let has = |part: &str| card.lines().any(|line| line.strip_prefix("## ").is_some_and(|rest| rest.trim() == part));
    PARTS.into_iter().filter(|part| !has(part)).collect()
}

/// A card with everything that the manifest says; `fails` tells when the model should not be trusted.
pub fn write(manifest: &Manifest, fails: &str) -> String {
    let Manifest { name, version, kind, train, validation, barrier_spec, feature_schema, .. } = manifest;
    let number = |value: Option<f64>| value.map_or("not computed".into(), |value| format!("{value}"));
    let mut text = format!("# {name} {version}\n\n## What it is\n\n");
    let _ = writeln!(
        text,
        "A {kind:?} model for {}, made by {} from commit {}. It answers whether a target of {} points is reached before a \
         stop of {} points within {} s. Use it until {} s since 1970 UTC.",
        manifest.symbols.join(", "),
        manifest.created_by,
        manifest.git_commit,
        barrier_spec.target,
        barrier_spec.stop,
        barrier_spec.wait_s,
        manifest.expiry_at_s
    );
    let _ = writeln!(
        text,
        "\n## Data\n\n{} rows ({} after overlap) from {} s to {} s since 1970 UTC, {} files.",
        train.n,
        train.uniq_n,
        train.from_s,
        train.to_s,
        train.data_digests.len()
    );
    let _ = writeln!(text, "\n## Features\n\n{}", feature_schema.names.join(", "));
    let _ = writeln!(
        text,
        "\n## Validation\n\nBy {}. AUC {}, log loss {}, Brier {}, calibration error {}; expectation {} pips (95% above {}); \
         deflated Sharpe {} over {} trials, probability of overfitting {}.",
        validation.method,
        number(validation.auc),
        number(validation.logloss),
        number(validation.brier),
        number(validation.ece),
        number(validation.exp_pips),
        number(validation.exp_lo95),
        number(validation.dsr),
        validation.dsr_n.map_or("unknown".into(), |n| n.to_string()),
        number(validation.pbo)
    );
    let _ = writeln!(text, "\n## Costs\n\n{}\n\n## When it fails\n\n{fails}", barrier_spec.cost_model);
    text
}
