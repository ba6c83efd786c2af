//! What a file of rows says about itself, in the footer.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use config::Config;
use features::Feature;
use replay::backtest::Input;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::dataset::recipe::Recipe;
use crate::dataset::spec::{DatasetSpec, Primary};
use crate::fault::Fault;

/// The name and version of the columns and of this record.
pub const SCHEMA: &str = "scalpel-dataset/2";
/// The key of the record in the Parquet footer; its value is JSON.
pub const KEY: &str = "scalpel.dataset";

/// A file of ticks that rows were made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataDigest {
    /// Whose ticks: the name of the instrument.
    pub symbol: String,
    /// The file's name without its folders.
    pub file: String,
    /// Its size, in bytes.
    pub bytes: u64,
    /// SHA-256 of its bytes as they are stored, in hexadecimal.
    pub sha256: String,
}

/// The barrier and costs of the labels. Distances in points, times in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BarrierMeta {
    /// The target's distance.
    pub target: i64,
    /// The stop's distance.
    pub stop: i64,
    /// How long a trade may last.
    pub horizon_ms: i64,
    /// Commission of a round trip.
    pub commission: f64,
    /// From a decision to its fill.
    pub latency_ms: i64,
    /// A silence longer than this voids labels.
    pub silence_ms: i64,
}

/// What a dataset is, for whoever trains on it or checks a model against it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// [`SCHEMA`].
    pub schema: String,
    /// [`features_hash`] of the features below: a model and a desk must agree on it.
    pub features_hash: String,
    /// The features in the order of their columns.
    pub features: Vec<String>,
    /// Their units.
    pub units: Vec<String>,
    /// The instrument.
    pub symbol: String,
    /// Points of price per unit: 10 to this power.
    pub digits: u8,
    /// Points of a pip.
    pub pip: i64,
    /// The instrument that leads it.
    pub leader: Option<String>,
    /// Where the ticks are from, in the words of whoever built the file.
    pub source: String,
    /// What the labels are about.
    pub barrier: BarrierMeta,
    /// Which moments are rows.
    pub sampling: String,
    /// Moves of the leader are rows too while the own quote is not older than this, in milliseconds; 0: never.
    pub leader_moves_ms: i64,
    /// Who chose the side of the meta-label.
    pub primary: String,
    /// SHA-256 of the configuration's text, in hexadecimal.
    pub config_sha256: String,
    /// The ticks.
    pub data: Vec<DataDigest>,
    /// How to make the same rows again; absent in files of older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<Recipe>,
}

impl Meta {
    /// What a build from these files will say. Reads every file once for its digest.
    ///
    /// # Errors
    /// [`Fault::File`] when a file cannot be read, [`Fault::Asked`] when the symbol is not in the configuration.
    pub fn of(config: &Config, input: &Input, spec: &DatasetSpec, source: &str) -> Result<Self, Fault> {
        let symbols = &config.desk.symbols;
        let symbol = symbols.get(usize::from(spec.symbol.0));
        let symbol = symbol.ok_or_else(|| Fault::Asked("symbol", "is not in the configuration".into()))?;
        let mut data = Vec::new();
        for ((paths, _), known) in input.feeds.iter().zip(symbols) {
            for path in paths {
                data.push(digest(path, &known.instrument.name)?);
            }
        }
        data.sort_by(|a, b| (&a.symbol, &a.file).cmp(&(&b.symbol, &b.file)));
        let barrier = &spec.barrier;
        Ok(Self {
            schema: SCHEMA.to_owned(),
            features_hash: features_hash(),
            features: Feature::ALL.iter().map(|feature| feature.name().to_owned()).collect(),
            units: Feature::ALL.iter().map(|feature| feature.unit().to_owned()).collect(),
            symbol: symbol.instrument.name.clone(),
            digits: symbol.instrument.digits,
            pip: symbol.instrument.pip.0,
            leader: symbol.leader.and_then(|id| symbols.get(usize::from(id.0))).map(|s| s.instrument.name.clone()),
            source: source.to_owned(),
            barrier: BarrierMeta {
                target: barrier.target.0,
                stop: barrier.stop.0,
                horizon_ms: barrier.horizon.as_millis(),
                commission: barrier.commission_points,
                latency_ms: spec.latency.as_millis(),
                silence_ms: spec.silence.as_millis(),
            },
            sampling: spec.sampling.text(),
            leader_moves_ms: spec.leader_moves.as_millis(),
            primary: match spec.primary {
                Primary::Absent => "absent".to_owned(),
                Primary::Sign(feature) => format!("sign of {}", feature.name()),
            },
            config_sha256: hex(&Sha256::digest(config.text.as_bytes())),
            data,
            recipe: Some(Recipe::of(config, input, spec)?),
        })
    }
}

/// SHA-256 over the name, unit and window of every feature in order, in hexadecimal: changes when one is added, renamed,
/// moved, or changes its unit or window.
pub fn features_hash() -> String {
    let mut hash = Sha256::new();
    for feature in Feature::ALL {
        hash.update(format!("{}\0{}\0{}\n", feature.name(), feature.unit(), feature.window().0).as_bytes());
    }
    hex(&hash.finalize())
}

/// SHA-256 of a file's bytes, in hexadecimal, and how many there are.
///
/// # Errors
/// [`Fault::File`].
pub fn file_sha256(path: &Path) -> Result<(String, u64), Fault> {
    let failed = |error: std::io::Error| Fault::file(path, &error);
    let mut file = File::open(path).map_err(failed)?;
    let (mut hash, mut buffer, mut bytes) = (Sha256::new(), vec![0; 1 << 16], 0);
    loop {
        let got = file.read(&mut buffer).map_err(failed)?;
        if got == 0 {
            return Ok((hex(&hash.finalize()), bytes));
        }
        bytes += got as u64;
        hash.update(&buffer[..got]);
    }
}

fn digest(path: &Path, symbol: &str) -> Result<DataDigest, Fault> {
    let (sha256, bytes) = file_sha256(path)?;
    let file = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    Ok(DataDigest { symbol: symbol.to_owned(), file, bytes, sha256 })
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('?');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
