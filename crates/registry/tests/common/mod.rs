//! A small registry with everything that it needs.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each test file uses a part; a test may fail")]

use std::path::Path;

use registry::manifest::{BarrierSpec, Calibration, FeatureSchema, Kind, Latency, Train, Validation};
use registry::rollout::{Event, Evidence, Ground, Measure};
use registry::{Checks, Draft, Folder, Loaded, Manifest, Registry, Request, Version};
use vault::{Algorithm, Digest, Kek, Keks, Role, SigningKey, TrustStore};

pub const NOW: i64 = 1_800_000_000;
pub const YEAR: i64 = 365 * 86_400;

pub struct World {
    pub folder: tempfile::TempDir,
    pub key: SigningKey,
    pub trust: TrustStore,
    pub keks: Keks,
}

pub fn world() -> World {
    let key = SigningKey::generate(Algorithm::Ed25519).unwrap();
    let mut trust = TrustStore::default();
    trust.trust(key.public(), "Ada", &[Role::SignModels], (NOW - YEAR, NOW + YEAR)).unwrap();
    let keks = Keks::new(vec![Kek::generate("k1").unwrap()]).unwrap();
    World { folder: tempfile::tempdir().unwrap(), key, trust, keks }
}

impl World {
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn registry(&self) -> Registry<Folder> {
        Registry::new(Folder::open(self.path()).unwrap())
    }

    pub fn checks(&self) -> Checks<'_> {
        Checks {
            trust: &self.trust,
            keks: &self.keks,
            now_s: NOW,
            schema: Some(schema().hash),
            ground: Ground::Live,
            seen: None,
        }
    }

    pub fn register(&self, version: Version) -> Manifest {
        self.registry().register(&draft(version), &self.key, &self.keks).unwrap()
    }

    /// Registers a version whose validation says something else.
    pub fn register_with(&self, version: Version, validation: Validation) -> Manifest {
        let mut draft = draft(version);
        draft.manifest.validation = validation;
        self.registry().register(&draft, &self.key, &self.keks).unwrap()
    }

    pub fn version(&self, version: &str) -> std::path::PathBuf {
        self.path().join("models/flow").join(version)
    }
}

pub fn schema() -> FeatureSchema {
    let text = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    FeatureSchema::new(text(&["ofi", "spread"]), text(&["lots", "points"]), vec![])
}

/// A toy model: p = weights.bin[0] / 256 + x[0] / 1000; the second file is only there.
pub fn draft(version: Version) -> Draft {
    let manifest = Manifest {
        schema_version: 1,
        name: "flow".into(),
        version,
        kind: Kind::Gbdt,
        created_at_s: NOW - 1_000,
        created_by: "Ada".into(),
        git_commit: "c1740fa".into(),
        trial_id: Some(7),
        files: vec![],
        feature_schema: schema(),
        barrier_spec: BarrierSpec { target: 10.0, stop: 10.0, wait_s: 60.0, cost_model: "spread".into() },
        horizon_s: 60.0,
        symbols: vec!["EURUSD".into()],
        train: Train { from_s: 1, to_s: 2, n: 3, uniq_n: 1.5, data_digests: vec![Digest::of(b"data")] },
        validation: Validation {
            method: "walk-forward".into(),
            auc: Some(0.53),
            ece: Some(0.01),
            dsr: Some(0.97),
            dsr_n: Some(40),
            pbo: Some(0.1),
            verdict: Some("EDGE".into()),
            ..Validation::default()
        },
        calibration: Calibration { kind: "none".into(), points: vec![] },
        latency: Some(Latency { p50_us: 3.5, p99_us: 9.0, host: "test".into() }),
        expiry_at_s: NOW + 100,
        min_engine: Version::new(0, 1, 0),
        parents: vec![],
        license: "Apache-2.0".into(),
    };
    let golden = (0..3).map(|x| format!("{{\"x\":[{x},null],\"p\":{}}}\n", 0.25 + f64::from(x) / 1e3));
    Draft {
        card: registry::card::write(&manifest, "Around news."),
        manifest,
        files: vec![
            ("weights.bin".into(), vec![64, version.major as u8]),
            ("more/notes.bin".into(), vec![1, version.minor as u8]),
        ],
        golden: golden.collect::<String>().into_bytes(),
    }
}

pub fn parse(loaded: &Loaded) -> Result<f64, String> {
    Ok(f64::from(loaded.files.get("weights.bin").ok_or("no weights")?[0]) / 256.0)
}

pub fn ask(model: &mut f64, x: &[f64]) -> Result<f64, String> {
    Ok(*model + x.first().ok_or("no features")? / 1e3)
}

/// Evidence that opens every gate.
pub fn best() -> Evidence {
    use Measure::*;
    let facts =
        [SignatureValid, SchemaEqual, GoldenPassed, WalkForward, DsrComputed, PboComputed, CardComplete, ReplayParity];
    let mut evidence: Evidence = facts.into_iter().map(|fact| (fact, 1.0)).collect();
    evidence.extend([
        (LatencyOfBudget, 0.5),
        (OutOfDomain, 0.01),
        (Labels, 5_000.0),
        (LogLossEvalue, 30.0),
        (CalibrationError, 0.01),
        (BudgetDepletion, 0.01),
        (ProfitEvalue, 25.0),
        (TradingDays, 6.0),
    ]);
    evidence
}

pub fn good(event: Event) -> Request {
    Request { event, evidence: best(), ground: Ground::Live, consent: None }
}

/// Copies a folder.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
