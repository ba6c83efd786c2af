//! The ticks that the program carries, so that the main job needs nothing but the program.

use std::path::{Path, PathBuf};

use crate::Failure;

macro_rules! days {
    ($feed:literal: $($day:literal),*) => {
        &[$((
            concat!($feed, "/", $day, ".csv.zst"),
            include_bytes!(concat!("../../../data/ticks/", $feed, "/", $day, ".csv.zst")),
        )),*]
    };
}

/// OANDA's EURUSD, 2014-05-01 to 2014-05-09: what is traded.
const TRADED: &[(&str, &[u8])] = days!("oanda-EURUSD":
    "20140501", "20140502", "20140504", "20140505", "20140506", "20140507", "20140508", "20140509");

/// FXCM's EURUSD of the same days: the feed that is listened to.
const LEADER: &[(&str, &[u8])] = days!("fxcm-EURUSD":
    "20140501", "20140502", "20140504", "20140505", "20140506", "20140507", "20140508", "20140509");

/// Where the ticks come from, and under which licence they are passed on.
const PAPERS: &[(&str, &[u8])] = &[
    ("PROVENANCE.md", include_bytes!("../../../data/ticks/PROVENANCE.md")),
    ("LICENCE.Apache-2.0.txt", include_bytes!("../../../data/ticks/LICENCE.Apache-2.0.txt")),
];

macro_rules! package {
    ($($file:literal),*) => {
        &[$(($file, include_bytes!(concat!("../../../data/models/eurusd-quick/", $file)))),*]
    };
}

/// Models that were trained on the first of these days, signed: see data/models/README.md.
const MODEL: &[(&str, &[u8])] = package!(
    "manifest.json",
    "manifest.dsse",
    "golden.jsonl",
    "card.md",
    "validation.json",
    "trees.model",
    "net.model",
    "meta.model"
);

/// Whose signature counts for them.
const TRUST: &[u8] = include_bytes!("../../../data/models/trust.json");

/// The bundled models, written into a folder and checked there as any package is, as of the moment of their making: the
/// ticks that they meet are older than that.
pub(crate) fn models(folder: &Path) -> Result<(registry::Manifest, Vec<ensemble::Artefact>), Failure> {
    put(folder, MODEL)?;
    let broken = |what: &dyn std::fmt::Display| Failure::Broken(format!("the bundled models: {what}"));
    let trust = vault::TrustStore::from_json(TRUST).map_err(|error| broken(&error))?;
    let said = registry::Manifest::from_json("manifest.json", MODEL[0].1).map_err(|refusal| broken(&refusal))?;
    crate::package::of_folder(folder, &trust, said.created_at_s)
}

/// Writes files into a folder.
fn put(folder: &Path, files: &[(&str, &[u8])]) -> Result<Vec<PathBuf>, Failure> {
    let mut paths = Vec::new();
    for (name, bytes) in files {
        let path = folder.join(name);
        let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        made.and_then(|()| std::fs::write(&path, bytes))
            .map_err(|error| Failure::Output(format!("{}: {error}", path.display())))?;
        paths.push(path);
    }
    Ok(paths)
}

/// The bundled files, on disk.
pub(crate) struct Bundled {
    pub(crate) traded: Vec<PathBuf>,
    pub(crate) leader: Vec<PathBuf>,
}

/// Writes the bundled ticks into a folder, so that any tool can read what was replayed.
pub(crate) fn write(folder: &Path) -> Result<Bundled, Failure> {
    put(folder, PAPERS)?;
    Ok(Bundled { traded: put(folder, TRADED)?, leader: put(folder, LEADER)? })
}
