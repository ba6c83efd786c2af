//! What a model says of itself: `manifest.json`, signed with everything else.

use serde::{Deserialize, Serialize};
use vault::oms::plain;
use vault::{Digest, json};

use crate::error::{Refusal, Why};
use crate::version::Version;

/// The manifest's file.
pub const MANIFEST: &str = "manifest.json";
/// The signature's file: an OMS v1.0 bundle.
pub const SIGNATURE: &str = "manifest.dsse";
/// The golden questions' file.
pub const GOLDEN: &str = "golden.jsonl";
/// The card's file.
pub const CARD: &str = "card.md";

/// Largest manifest, in bytes.
pub const MANIFEST_BYTES_MAX: u64 = 1 << 20;
/// Largest card, in bytes.
pub const CARD_BYTES_MAX: u64 = 1 << 20;
/// Largest file of a model, in bytes.
pub const FILE_BYTES_MAX: u64 = 256 << 20;
/// Most files of a model.
pub const FILES_MAX: usize = 64;
/// What `validation.verdict` says of a model with an edge.
pub const EDGE: &str = "EDGE";
/// What `validation.verdict` can say.
pub const VERDICTS: [&str; 3] = [EDGE, "NO EDGE", "NOT ENOUGH DATA"];
const DEPTH_MAX: usize = 8;
const VERSION: u32 = 1;

/// What kind of model it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the words of the field say it")]
pub enum Kind {
    Gbdt,
    Gru,
    Ftrl,
    Kalman,
    Onnx,
    Lexicon,
}

/// One file of the model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Where it lies below the model's folder.
    pub path: String,
    /// SHA-256 of its bytes, not encrypted.
    pub sha256: Digest,
    /// Its length in bytes, not encrypted.
    pub size: u64,
}

/// How a feature is scaled before the model sees it: (x - centre) / scale.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the formula says it")]
pub struct Norm {
    pub centre: f64,
    pub scale: f64,
}

/// The features that the model takes, in their order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureSchema {
    /// SHA-256 of `names`, `units` and `norm`: `FeatureSchema::digest`.
    pub hash: Digest,
    /// Names.
    pub names: Vec<String>,
    /// Units, one each.
    pub units: Vec<String>,
    /// Scaling, one each; empty where nothing is scaled.
    pub norm: Vec<Norm>,
}

impl FeatureSchema {
    /// A schema with its hash.
    pub fn new(names: Vec<String>, units: Vec<String>, norm: Vec<Norm>) -> Self {
        let hash = Self::digest(&names, &units, &norm);
        Self { hash, names, units, norm }
    }

    /// SHA-256 of the parts: each text with its length before it, each number as its eight bytes, little-endian.
    pub fn digest(names: &[String], units: &[String], norm: &[Norm]) -> Digest {
        let mut bytes = b"scalpel-features/1 ".to_vec();
        for texts in [names, units] {
            bytes.extend_from_slice(&(texts.len() as u64).to_le_bytes());
            for text in texts {
                bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
                bytes.extend_from_slice(text.as_bytes());
            }
        }
        for Norm { centre, scale } in norm {
            bytes.extend_from_slice(&centre.to_le_bytes());
            bytes.extend_from_slice(&scale.to_le_bytes());
        }
        Digest::of(&bytes)
    }
}

/// The question that the model answers: is the upper barrier reached first?
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BarrierSpec {
    /// Distance to the target, in points.
    pub target: f64,
    /// Distance to the stop, in points.
    pub stop: f64,
    /// Longest wait, in seconds.
    pub wait_s: f64,
    /// The cost model that labels were made with.
    pub cost_model: String,
}

/// What it was trained on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Train {
    /// First second of the data, since 1970 UTC.
    pub from_s: i64,
    /// Last second of the data, since 1970 UTC.
    pub to_s: i64,
    /// Rows.
    pub n: u64,
    /// Rows after overlapping labels are counted as parts.
    pub uniq_n: f64,
    /// Digests of the data's files.
    pub data_digests: Vec<Digest>,
}

/// How it was validated. Null where it was not computed; a gate then stays shut.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names are those of docs/formats/registry.md")]
pub struct Validation {
    pub method: String,
    pub purge_s: f64,
    pub embargo_s: f64,
    pub auc: Option<f64>,
    pub logloss: Option<f64>,
    pub brier: Option<f64>,
    pub ece: Option<f64>,
    pub exp_pips: Option<f64>,
    pub exp_lo95: Option<f64>,
    pub dsr: Option<f64>,
    pub dsr_n: Option<u64>,
    pub pbo: Option<f64>,
    pub spa_p: Option<f64>,
    /// What validation found: `EDGE`, `NO EDGE` or `NOT ENOUGH DATA`; absent where nobody validated it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
}

impl Validation {
    /// Whether validation found an edge. What nobody validated has none.
    pub fn edge(&self) -> bool {
        self.verdict.as_deref() == Some(EDGE)
    }
}

/// How its raw score becomes a probability.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// `none`, `platt` or `isotonic`.
    pub kind: String,
    /// Points of the curve, or the coefficients.
    pub points: Vec<[f64; 2]>,
}

/// How long an inference takes, where that was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Latency {
    /// Median, in microseconds.
    pub p50_us: f64,
    /// 99th percentile, in microseconds.
    pub p99_us: f64,
    /// The machine.
    pub host: String,
}

/// Everything that a model says of itself. Written compactly, fields in this order, so that one content has one text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of this layout: 1.
    pub schema_version: u32,
    /// The model's name.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// What kind of model it is.
    pub kind: Kind,
    /// When it was made, in seconds since 1970 UTC.
    pub created_at_s: i64,
    /// Who made it.
    pub created_by: String,
    /// The code that made it.
    pub git_commit: String,
    /// Its line in `trials.log`.
    pub trial_id: Option<u64>,
    /// Its files, sorted by path.
    pub files: Vec<FileEntry>,
    /// The features that it takes.
    pub feature_schema: FeatureSchema,
    /// The question that it answers.
    pub barrier_spec: BarrierSpec,
    /// How far it looks, in seconds.
    pub horizon_s: f64,
    /// What it was made for.
    pub symbols: Vec<String>,
    /// What it was trained on.
    pub train: Train,
    /// How it was validated.
    pub validation: Validation,
    /// How its score becomes a probability.
    pub calibration: Calibration,
    /// How long an inference takes.
    pub latency: Option<Latency>,
    /// Last second at which it may be used, since 1970 UTC.
    pub expiry_at_s: i64,
    /// The oldest program that can use it.
    pub min_engine: Version,
    /// The models that it was made from.
    pub parents: Vec<Parent>,
    /// Its licence, an SPDX expression.
    pub license: String,
}

/// A model that another was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parent {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// SHA-256 of its manifest.
    pub manifest: Digest,
}

impl Manifest {
    /// Reads a manifest and checks what it says against itself.
    ///
    /// # Errors
    /// `Vault` for a text that is too large, nested too deeply, or not a manifest (unknown, doubled or missing fields);
    /// `Malformed`, `Climbs`, `TooMany`, `TooLarge`, `Name`.
    pub fn from_json(file: &str, bytes: &[u8]) -> Result<Self, Refusal> {
        let manifest: Self =
            json::parse("manifest", bytes, MANIFEST_BYTES_MAX, DEPTH_MAX).map_err(Refusal::vault(file))?;
        manifest.check(file)?;
        Ok(manifest)
    }

    /// The manifest's one text.
    ///
    /// # Errors
    /// `Malformed` when it contradicts itself.
    pub fn to_json(&self, file: &str) -> Result<Vec<u8>, Refusal> {
        self.check(file)?;
        let text = serde_json::to_vec(self).map_err(|error| Refusal::malformed(file, error))?;
        // A number that is not finite is written as null; it must not pass.
        Self::from_json(file, &text)?;
        Ok(text)
    }

    fn check(&self, file: &str) -> Result<(), Refusal> {
        let wrong = |why: &str| Err(Refusal::malformed(file, why));
        if self.schema_version != VERSION {
            return wrong("schema_version is not 1");
        }
        if !named(&self.name) {
            return Err(Refusal::new(&self.name, Why::Name));
        }
        if self.files.is_empty() || self.files.len() > FILES_MAX {
            return Err(Refusal::new(file, Why::TooMany { max: FILES_MAX }));
        }
        for entry in &self.files {
            if !plain(&entry.path) {
                return Err(Refusal::new(&entry.path, Why::Climbs));
            }
            if entry.size > FILE_BYTES_MAX {
                return Err(Refusal::new(&entry.path, Why::TooLarge { bytes: entry.size, max: FILE_BYTES_MAX }));
            }
            if [MANIFEST, SIGNATURE, GOLDEN, CARD].contains(&entry.path.as_str()) {
                return wrong("a file of the model has the name of a file of the registry");
            }
        }
        if !self.files.is_sorted_by(|a, b| a.path < b.path) {
            return wrong("files are not sorted by path, or one stands there twice");
        }
        let FeatureSchema { hash, names, units, norm } = &self.feature_schema;
        if names.len() != units.len() || !(norm.is_empty() || norm.len() == names.len()) {
            return wrong("features, units and norms are not equally many");
        }
        if let Some(verdict) = &self.validation.verdict
            && !VERDICTS.contains(&verdict.as_str())
        {
            return wrong("validation.verdict is none of EDGE, NO EDGE, NOT ENOUGH DATA");
        }
        if *hash != FeatureSchema::digest(names, units, norm) {
            return wrong("feature_schema.hash is not that of its features");
        }
        if self.expiry_at_s <= self.created_at_s || self.train.from_s > self.train.to_s {
            return wrong("it expires before it was made, or its training ends before it begins");
        }
        Ok(())
    }
}

/// Whether a text can be the name of a model or alias: 1 to 64 of `a-z 0-9 . _ -`, beginning with a letter or digit.
pub fn named(text: &str) -> bool {
    let mut bytes = text.bytes();
    text.len() <= 64
        && bytes.next().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte))
}
