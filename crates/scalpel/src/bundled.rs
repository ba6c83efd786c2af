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

/// The bundled files, on disk.
pub(crate) struct Bundled {
    pub(crate) traded: Vec<PathBuf>,
    pub(crate) leader: Vec<PathBuf>,
}

/// Writes the bundled ticks into a folder, so that any tool can read what was replayed.
pub(crate) fn write(folder: &Path) -> Result<Bundled, Failure> {
    let write = |files: &[(&str, &[u8])]| -> Result<Vec<PathBuf>, Failure> {
        let mut paths = Vec::new();
        for (name, bytes) in files {
            let path = folder.join(name);
            let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
            made.and_then(|()| std::fs::write(&path, bytes))
                .map_err(|error| Failure::Output(format!("{}: {error}", path.display())))?;
            paths.push(path);
        }
        Ok(paths)
    };
    write(PAPERS)?;
    Ok(Bundled { traded: write(TRADED)?, leader: write(LEADER)? })
}
