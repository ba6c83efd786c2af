//! `models`: from a folder to a shadow and back out.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::program::{Ran, scalpel};

const CARD: &str = "# flow\n## What it is\n## Data\n## Features\n## Validation\n## Costs\n## When it fails\n";

/// What a validation writes into a manifest.
fn validation(verdict: &str) -> Value {
    json!({ "method": "walk-forward", "purge_s": 60.0, "embargo_s": 60.0, "auc": 0.53, "logloss": null, "brier": null,
        "ece": 0.01, "exp_pips": null, "exp_lo95": null, "dsr": 0.4, "dsr_n": 12, "pbo": 0.6, "spa_p": null, "verdict": verdict })
}

fn model(folder: &Path, name: &str, version: &str, validation: &Value) {
    let place = folder.join(name);
    fs::create_dir_all(&place).unwrap();
    let manifest = json!({
        "schema_version": 1, "name": "flow", "version": version, "kind": "ftrl",
        "created_at_s": 1_700_000_000, "created_by": "Ada", "git_commit": "c1740fa", "trial_id": null, "files": [],
        "feature_schema": { "hash": "0".repeat(64), "names": ["ofi"], "units": ["lots"], "norm": [] },
        "barrier_spec": { "target": 10.0, "stop": 10.0, "wait_s": 60.0, "cost_model": "spread" },
        "horizon_s": 60.0, "symbols": ["EURUSD"],
        "train": { "from_s": 1, "to_s": 2, "n": 3, "uniq_n": 1.5, "data_digests": [] },
        "validation": validation,
        "calibration": { "kind": "none", "points": [] }, "latency": null, "expiry_at_s": 9_999_999_999_i64,
        "min_engine": "0.1.0", "parents": [], "license": "Apache-2.0",
    });
    fs::write(place.join("manifest.json"), manifest.to_string()).unwrap();
    fs::write(place.join("golden.jsonl"), "{\"x\":[0.5],\"p\":0.5}\n").unwrap();
    fs::write(place.join("card.md"), CARD).unwrap();
    fs::write(place.join("weights.bin"), version).unwrap();
}

/// `models VERB ... --json`, one argument a word.
fn models(folder: &Path, words: &str) -> Ran {
    let words: Vec<_> = ["models"].into_iter().chain(words.split(' ')).chain(["--json"]).collect();
    scalpel(folder, &words)
}

fn result(ran: Ran) -> Value {
    ran.expect(0, &[]).json("models")["result"].clone()
}

#[test]
fn a_model_is_signed_imported_moved_and_exported() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let made = result(models(at, "init --owner Ada --key ada.key --kek-file ada.kek --p256"));
    models(at, "init --owner Ada --key b.key --kek-file b.kek").expect(4, &["already"]);
    for (name, version, verdict) in [("one", "1.0.0", "NO EDGE"), ("two", "1.1.0", "EDGE")] {
        model(at, name, version, &validation(verdict));
        models(at, &format!("import {name} --key ada.key --kek file:ada.kek")).expect(5, &["no signature"]);
        assert_eq!(result(models(at, &format!("sign {name} --key ada.key")))["files"][0]["path"], "weights.bin");
        result(models(at, &format!("import {name} --key ada.key --kek file:ada.kek")));
    }
    models(at, "import one --key ada.key --kek file:ada.kek").expect(4, &["models/flow/1.0.0", "there already"]);
    let pin = made["trust"].as_str().unwrap();
    let verified = result(models(at, &format!("verify flow 1.0.0 --kek file:ada.kek --trust {pin}")));
    assert_eq!(verified["signer"], made["key"]);
    models(at, &format!("list --trust {}", "0".repeat(64))).expect(5, &["trust/keys.json"]);
    let listed = result(models(at, "list"));
    assert_eq!((listed.as_array().unwrap().len(), &listed[1]["state"]), (2, &json!("DRAFT")));
    let fields = result(models(at, "diff flow 1.0.0 1.1.0"));
    assert_eq!(fields.as_array().unwrap().iter().filter(|one| one["field"] == "version").count(), 1);
    assert_eq!(result(models(at, "card flow 1.0.0"))["card"], CARD);
    let by = "--kek file:ada.kek --actor Ada --reason test";
    models(at, &format!("advance flow 1.0.0 validate {by}")).expect(2, &["gates shut: schema, golden"]);
    models(at, &format!("promote flow 1.0.0 champion {by}")).expect(2, &["DRAFT", "champion"]);
    let facts = json!({ "schema_equal": 1, "golden_passed": 1, "latency_of_budget": 0.5, "out_of_domain": 0.0, "replay_parity": 1,
        "labels": 2_500, "log_loss_evalue": 21, "budget_depletion": 0.01 });
    fs::write(at.join("measured.json"), facts.to_string()).unwrap();
    fs::write(at.join("lies.json"), json!({ "dsr_computed": 0 }).to_string()).unwrap();
    models(at, &format!("advance flow 1.0.0 validate --evidence lies.json {by}"))
        .expect(2, &["dsr_computed", "signed files say 1"]);
    models(at, &format!("advance flow 1.0.0 validate --edge {by}")).expect(2, &["--edge"]);
    for version in ["1.0.0", "1.1.0"] {
        for event in ["validate", "to-shadow"] {
            result(models(at, &format!("advance flow {version} {event} --evidence measured.json {by}")));
        }
        result(models(at, &format!("promote flow {version} shadow {by}")));
    }
    let canary = format!("to-canary --evidence measured.json {by}");
    models(at, &format!("advance flow 1.0.0 {canary}")).expect(2, &["no EDGE", "on paper"]);
    models(at, &format!("advance flow 1.0.0 {canary} --live")).expect(2, &["no EDGE", "never trades live"]);
    assert_eq!(result(models(at, &format!("advance flow 1.1.0 {canary} --live")))["state"], "CANARY_1");
    result(models(at, &format!("rollback flow 1.0.0 shadow {by}")));
    let shown = result(models(at, "show flow 1.0.0"));
    assert_eq!((shown["aliases"][0].as_str(), shown["state"].as_str()), (Some("shadow"), Some("SHADOW")));
    assert_eq!(result(models(at, &format!("advance flow 1.0.0 {canary} --override-edge")))["state"], "CANARY_1");
    let shown = result(models(at, "show flow 1.0.0"));
    assert_eq!(
        shown["history"].as_array().unwrap().last().unwrap()["consent"],
        json!({ "person": "Ada", "reason": "test" })
    );
    result(models(at, "export flow 1.0.0 --kek file:ada.kek --out out"));
    assert_eq!(fs::read_to_string(at.join("out/flow-1.0.0/weights.bin")).unwrap(), "1.0.0");
    keys(at);
    tampered(at);
}

/// A changed file is named by every verb that reads it.
fn tampered(at: &Path) {
    let card = at.join("registry/models/flow/1.0.0/card.md");
    assert!(fs::write(&card, "# a better flow\n").is_ok());
    for verb in ["verify flow 1.0.0 --kek file:ada.kek", "show flow 1.0.0", "card flow 1.0.0"] {
        models(at, verb).expect(5, &["models/flow/1.0.0/card.md", "changed"]);
    }
    let scanned =
        models(at, "rescan --kek file:new.kek").expect(5, &["1 of 2 versions"]).json("models")["result"].clone();
    let refused = |place: usize| scanned["versions"][place]["refused"].as_str();
    assert!(refused(0).unwrap().contains("card.md") && refused(1).is_none() && scanned["refused"] == 1, "{scanned}");
    assert!(result(models(at, "list"))[0]["refused"].as_str().unwrap().contains("card.md"));
}

/// Whose signatures count, and what opens the blobs, change; everything that was registered stays usable or is refused.
fn keys(at: &Path) {
    let whole = |kek: &str| models(at, &format!("rescan --kek file:{kek}"));
    assert_eq!(result(whole("ada.kek"))["refused"], 0);
    result(models(at, "init --registry other --owner Bob --key bob.key --kek-file new.kek"));
    let rotated = result(models(at, "rotate --kek file:new.kek --kek file:ada.kek"));
    assert_eq!(rotated["wrapped"], 2);
    assert_eq!(result(models(at, "rotate --kek file:new.kek"))["wrapped"], 0);
    whole("ada.kek").expect(5, &["2 of 2 versions"]);
    assert_eq!(result(whole("new.kek"))["refused"], 0);
    let added = result(models(at, "trust add --public bob.pub --owner Bob"));
    models(at, "trust add --public bob.pub --owner Bob").expect(2, &["bob.pub"]);
    let listed = result(models(at, &format!("trust list --trust {}", added["trust"].as_str().unwrap())));
    let [ada, bob] = [0, 1].map(|place| listed["keys"][place]["id"].as_str().unwrap().to_owned());
    assert_eq!(listed["keys"][1]["owner"], "Bob");
    result(models(at, &format!("trust revoke {bob} --reason left")));
    models(at, "trust revoke 00 --reason left").expect(2, &["not a SHA-256"]);
    models(at, &format!("trust revoke {} --reason left", "0".repeat(64))).expect(2, &["0000"]);
    let before = fs::read(at.join("registry/trust/keys.json")).unwrap();
    result(models(at, &format!("trust revoke {ada} --reason stolen")));
    whole("new.kek").expect(5, &["2 of 2 versions"]);
    fs::write(at.join("registry/trust/keys.json"), before).unwrap();
}
