//! How to make the same rows again: the configuration, the files and what was said of them, the choices.

use std::path::{Path, PathBuf};

use config::Config;
use ensemble::Barrier;
use features::Feature;
use feed::{Options, Zone};
use market::{Points, Span, SymbolId};
use replay::backtest::Input;
use serde::{Deserialize, Serialize};

use crate::dataset::meta::{Meta, file_sha256};
use crate::dataset::spec::{DatasetSpec, Primary, Sampling};
use crate::fault::Fault;

/// A file as it was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Given {
    /// Its path, as it was given: relative paths are from where the program ran.
    pub path: String,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
}

/// The files of one symbol of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feed {
    /// The clock of the files, where they do not say.
    pub zone: Option<String>,
    /// The files, in the order in which they were given.
    pub files: Vec<Given>,
}

/// When rows are taken, with its number in nanoseconds, ticks or points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Every {
    /// [`Sampling::Time`].
    Nanoseconds(i64),
    /// [`Sampling::Ticks`].
    Ticks(u32),
    /// [`Sampling::Move`].
    Points(i64),
}

/// Everything that rows were made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// The text of the configuration.
    pub config: String,
    /// The files of each symbol of the configuration, in its order.
    pub feeds: Vec<Feed>,
    /// Which symbol of the configuration.
    pub symbol: u16,
    /// The target's distance, in points.
    pub target: i64,
    /// The stop's distance, in points.
    pub stop: i64,
    /// How long a trade may last, in nanoseconds.
    pub horizon_ns: i64,
    /// Commission of a round trip, in points.
    pub commission: f64,
    /// From a decision to its fill, in nanoseconds.
    pub latency_ns: i64,
    /// A silence longer than this voids labels, in nanoseconds.
    pub silence_ns: i64,
    /// When rows are taken.
    pub every: Every,
    /// How many rows may be unresolved at once.
    pub pending_max: usize,
    /// The feature whose sign chooses the side of the meta-label.
    pub primary: Option<String>,
    /// How old the own quote may be when the leader's moves are rows too, in nanoseconds; 0: they are none.
    pub leader_moves_ns: i64,
}

/// What a recipe needs, opened again and found unchanged.
pub struct Source {
    /// The configuration.
    pub config: Config,
    /// The files.
    pub input: Input,
    /// The choices.
    pub spec: DatasetSpec,
}

impl Recipe {
    /// The recipe of a build. Reads every file once for its digest.
    ///
    /// # Errors
    /// [`Fault::File`].
    pub fn of(config: &Config, input: &Input, spec: &DatasetSpec) -> Result<Self, Fault> {
        let given = |path: &PathBuf| -> Result<Given, Fault> {
            Ok(Given { path: path.display().to_string(), sha256: file_sha256(path)?.0 })
        };
        let feed = |(paths, options): &(Vec<PathBuf>, Options)| -> Result<Feed, Fault> {
            let zone = options.zone.as_ref().map(ToString::to_string);
            Ok(Feed { zone, files: paths.iter().map(given).collect::<Result<_, _>>()? })
        };
        Ok(Self {
            config: config.text.clone(),
            feeds: input.feeds.iter().map(feed).collect::<Result<_, _>>()?,
            symbol: spec.symbol.0,
            target: spec.barrier.target.0,
            stop: spec.barrier.stop.0,
            horizon_ns: spec.barrier.horizon.0,
            commission: spec.barrier.commission_points,
            latency_ns: spec.latency.0,
            silence_ns: spec.silence.0,
            every: match spec.sampling {
                Sampling::Time(span) => Every::Nanoseconds(span.0),
                Sampling::Ticks(ticks) => Every::Ticks(ticks),
                Sampling::Move(points) => Every::Points(points.0),
            },
            pending_max: spec.pending_max,
            primary: match spec.primary {
                Primary::Absent => None,
                Primary::Sign(feature) => Some(feature.name().to_owned()),
            },
            leader_moves_ns: spec.leader_moves.0,
        })
    }

    /// The recipe of a dataset.
    ///
    /// # Errors
    /// [`Fault::Content`] when the file was made by a program that wrote none.
    pub fn in_dataset<'a>(path: &Path, meta: &'a Meta) -> Result<&'a Self, Fault> {
        let none = "does not say how it was made: build it again with this version (scalpel learn dataset)";
        meta.recipe.as_ref().ok_or_else(|| Fault::content(path, &none))
    }

    /// Opens everything again. A file that is gone or has other bytes is refused.
    ///
    /// # Errors
    /// [`Fault::Content`] with the file and what to do; [`Fault::Asked`] when the configuration is not one.
    pub fn open(&self) -> Result<Source, Fault> {
        let parsed = config::parse(&self.config, 1, 1);
        let config = parsed.map_err(|faults| {
            let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
            Fault::Asked("the dataset's configuration", lines.join("; "))
        })?;
        let mut feeds = Vec::new();
        for feed in &self.feeds {
            let mut options = Options::none();
            options.zone = feed.zone.as_deref().map(Zone::parse).transpose()?;
            feeds.push((feed.files.iter().map(unchanged).collect::<Result<_, _>>()?, options));
        }
        let feature = |name: &String| {
            let known = Feature::ALL.iter().copied().find(|feature| feature.name() == name);
            known.ok_or_else(|| Fault::Asked("primary", format!("this build has no feature {name}")))
        };
        let spec = DatasetSpec {
            symbol: SymbolId(self.symbol),
            barrier: Barrier {
                target: Points(self.target),
                stop: Points(self.stop),
                horizon: Span(self.horizon_ns),
                commission_points: self.commission,
            },
            latency: Span(self.latency_ns),
            silence: Span(self.silence_ns),
            sampling: match self.every {
                Every::Nanoseconds(span) => Sampling::Time(Span(span)),
                Every::Ticks(ticks) => Sampling::Ticks(ticks),
                Every::Points(points) => Sampling::Move(Points(points)),
            },
            pending_max: self.pending_max,
            primary: self.primary.as_ref().map(feature).transpose()?.map_or(Primary::Absent, Primary::Sign),
            leader_moves: Span(self.leader_moves_ns),
        };
        spec.check()?;
        Ok(Source { config, input: Input { feeds }, spec })
    }
}

fn unchanged(given: &Given) -> Result<PathBuf, Fault> {
    let path = PathBuf::from(&given.path);
    let back = "the dataset was made from it: put it back, run from the folder that paths were given from, or build \
                the dataset and train again";
    let (found, _) = file_sha256(&path).map_err(|fault| Fault::content(&path, &format!("{fault}; {back}")))?;
    if found != given.sha256 {
        return Err(Fault::content(&path, &format!("is not the file that it was; {back}")));
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::tests::{config, spec};

    #[test]
    fn what_was_chosen_comes_back_and_a_changed_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        std::fs::write(&path, "ts_ms,bid,ask\n").unwrap();
        let config = config();
        let mut options = Options::none();
        options.zone = Some(Zone::parse("UTC+05:30").unwrap());
        let input = Input { feeds: vec![(vec![path.clone()], options), (vec![], Options::none())] };
        for sampling in [Sampling::Time(Span(7)), Sampling::Ticks(3), Sampling::Move(Points(4))] {
            let primary = Primary::Sign(Feature::MomentumS5);
            let spec = DatasetSpec { sampling, primary, ..spec(&config) };
            let recipe = Recipe::of(&config, &input, &spec).unwrap();
            let text = serde_json::to_string(&recipe).unwrap();
            let read: Recipe = serde_json::from_str(&text).unwrap();
            assert_eq!(read, recipe);
            let source = read.open().unwrap();
            assert_eq!((source.spec, source.config.text), (spec, config.text.clone()));
            assert_eq!(source.input.feeds[0].0, [path.as_path()]);
            assert_eq!(source.input.feeds[0].1.zone.as_ref().unwrap().to_string(), "UTC+05:30");
        }
        let recipe = Recipe::of(&config, &input, &spec(&config)).unwrap();
        std::fs::write(&path, "ts_ms,bid,ask \n").unwrap();
        let text = recipe.open().err().unwrap().to_string();
        assert!(text.contains("a.csv") && text.contains("not the file") && text.contains("build"), "{text}");
        std::fs::remove_file(&path).unwrap();
        assert!(recipe.open().err().unwrap().to_string().contains("put it back"));
    }
}
