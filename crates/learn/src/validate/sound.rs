//! Can it be judged at all? Look-ahead on the real ticks, a planted leak that must be found, warm-up, the same rows again.

use features::Feature;
use feed::Record;
use serde::{Deserialize, Serialize};

use crate::dataset::checks::{lookahead_check, warmup_check};
use crate::dataset::read::Columns;
use crate::dataset::recipe::Source;
use crate::dataset::row::Row;
use crate::dataset::stream::Stream;
use crate::fault::Fault;
use crate::progress::{Progress, tell};
use crate::train::bins::Binned;
use crate::train::boost::{BoostSpec, Labels, boost};
use crate::train::metrics;
use crate::train::pipeline::ground::Ground;
use crate::train::pipeline::judge::score;
use crate::validate::spec::ValidateSpec;

/// A model that sees the planted leak must be at least this good.
pub const CONTROL_AUC: f64 = 0.95;
/// How far a feature may be off after half of the warm-up, as a share of its size.
pub const SETTLED: f64 = 0.05;
/// The column in which the future is planted.
const PLANTED: Feature = Feature::MomentumS1;

/// What was found about whether the figures can be believed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Sound {
    /// How often the ticks were cut off.
    pub cuts: usize,
    /// Rows that were compared with those made of all ticks.
    pub rows: u64,
    /// Columns that changed when later ticks were taken away.
    pub leaks: Vec<String>,
    /// Whether a planted leak was found by the same check.
    pub control_flagged: bool,
    /// Area under the curve of trees that see the planted leak, on rows that they did not learn from.
    pub control_auc: Option<f64>,
    /// Features that are still off after half of a piece of warm-up, with how far: a model served so early sees other numbers.
    pub unsettled: Vec<(String, f64)>,
    /// Records of that warm-up.
    pub warmup_records: usize,
    /// The column that differs when the rows are made again from the ticks.
    pub made_again: Option<String>,
    /// Why nothing can be judged; empty when it can.
    pub faults: Vec<String>,
}

/// Pieces of the ticks before `until`, evenly spread.
fn pieces(
    source: &Source,
    spec: &ValidateSpec,
    until: i64,
    progress: &dyn Progress,
) -> Result<Vec<Vec<Record>>, Fault> {
    let mut ticks = source.input.open(&source.config, None)?;
    let mut pieces: Vec<Vec<Record>> = Vec::new();
    let (mut heard, mut filling) = (0_u64, false);
    while let Some(judged) = ticks.next() {
        let record = judged?.record;
        heard += 1;
        if record.seen().0 >= until {
            break;
        }
        if heard.is_multiple_of(1_024) && !filling {
            let at = ticks.progress();
            tell(progress, "look-ahead", at.read, at.total)?;
            // Within the part before the lockbox, about four fifths of the bytes.
            let due = at.total as f64 * 0.75 * pieces.len() as f64 / spec.pieces as f64;
            filling = pieces.len() < spec.pieces && at.read as f64 >= due;
            if filling {
                pieces.push(Vec::with_capacity(spec.records));
            }
        }
        if let Some(piece) = pieces.last_mut().filter(|_| filling) {
            piece.push(record);
            filling = piece.len() < spec.records;
        }
    }
    Ok(pieces)
}

fn rows_of(source: &Source, records: &[Record]) -> Result<Vec<Row>, Fault> {
    let mut stream = Stream::new(&source.config, &source.spec)?;
    let mut rows = Vec::new();
    for record in records {
        stream.hear(record, &mut rows);
    }
    stream.finish(&mut rows);
    Ok(rows)
}

/// The result of a buy, known only later, in a feature's place.
fn plant(mut row: Row) -> Row {
    row.frame = row.frame.with(PLANTED, row.came[0].map_or(0.0, |came| came.net));
    row
}

/// Cuts pieces of the ticks before `until` and compares; plants a leak, which must be found; looks at the warm-up of the
/// features `used`.
///
/// # Errors
/// [`Fault`]: the ticks, or a wish to stop.
pub fn look(
    source: &Source,
    spec: &ValidateSpec,
    (until, used): (i64, &[String]),
    progress: &dyn Progress,
) -> Result<Sound, Fault> {
    let mut found = Sound { warmup_records: spec.records / 2, ..Sound::default() };
    let pieces = pieces(source, spec, until, progress)?;
    for (nth, piece) in pieces.iter().enumerate() {
        tell(progress, "look-ahead", nth as u64, pieces.len() as u64)?;
        let cuts: Vec<usize> = (1..=spec.cuts).map(|cut| cut * piece.len() / (spec.cuts + 1)).collect();
        let clean = lookahead_check(piece, &cuts, |part| rows_of(source, part))?;
        found.cuts += clean.cuts;
        found.rows += clean.rows;
        found.leaks.extend(clean.leaks.iter().map(|leak| leak.column.to_owned()));
        if !found.control_flagged {
            let planted = |part: &[Record]| Ok(rows_of(source, part)?.into_iter().map(plant).collect());
            let leaking = lookahead_check(piece, &cuts, planted)?;
            found.control_flagged = leaking.leaks.iter().any(|leak| leak.column == PLANTED.name());
        }
        if piece.len() == spec.records {
            warm(source, piece, used, &mut found)?;
        }
    }
    found.leaks.sort();
    found.leaks.dedup();
    found.unsettled.sort_by(|a, b| b.1.total_cmp(&a.1));
    if found.cuts == 0 || found.rows == 0 {
        found.faults.push("look-ahead could not be searched: too few ticks".into());
    } else if !found.control_flagged {
        found.faults.push("the check found no leak where one was planted".into());
    }
    if !found.leaks.is_empty() {
        found.faults.push(format!("these columns change when later ticks are taken away: {}", found.leaks.join(", ")));
    }
    Ok(found)
}

fn warm(source: &Source, piece: &[Record], used: &[String], found: &mut Sound) -> Result<(), Fault> {
    let (last, half) = (piece.len() - 1, piece.len() / 2);
    let probes = [last, last - 7, last - 77];
    let warmups = [half, piece.len() - 100];
    for one in warmup_check((&source.config, &source.spec), piece, (&probes, &warmups), SETTLED)? {
        let name = one.feature.name();
        if one.warmup != half || !used.iter().any(|used| used == name) {
            continue;
        }
        match found.unsettled.iter_mut().find(|(known, _)| known == name) {
            Some((_, worst)) => *worst = worst.max(one.difference),
            None => found.unsettled.push((name.to_owned(), one.difference)),
        }
    }
    Ok(())
}

/// Columns with the result of a buy among them.
struct Planted<'a>(&'a Ground);

const LEAK: &str = "planted";

impl Columns for Planted<'_> {
    fn rows(&self) -> usize {
        self.0.data.rows()
    }

    fn column(&self, name: &str) -> Result<Vec<f64>, Fault> {
        if name == LEAK { Ok(self.0.sides[0].net.clone()) } else { self.0.data.column(name) }
    }
}

/// How good trees are that see what came of a buy, on rows that they did not learn from; `None` with too few rows.
///
/// # Errors
/// [`Fault`]: the dataset, or a wish to stop.
pub fn control(
    ground: &Ground,
    (names, spec): (&[String], &BoostSpec),
    (train, test): (&[u32], &[u32]),
    progress: &dyn Progress,
) -> Result<Option<f64>, Fault> {
    let names: Vec<String> = names.iter().take(8).cloned().chain([LEAK.to_owned()]).collect();
    let binned = Binned::of(&Planted(ground), &names, train, spec.bins)?;
    let side = &ground.sides[0];
    let labels = Labels { came: &side.won, weight: &side.weight };
    let few = BoostSpec { trees_max: 20, patience: 0, feature_share: 1.0, learning_rate: 0.3, ..*spec };
    let forest = match boost(&binned, labels, (train, &[]), &few, ("planted leak", progress)) {
        Ok(boosted) => boosted.forest,
        Err(Fault::TooLittle(..)) => return Ok(None),
        Err(fault) => return Err(fault),
    };
    let mut scores = vec![f64::NAN; binned.rows()];
    score(&forest, &binned, test, &mut scores);
    let known: Vec<usize> = test.iter().map(|row| *row as usize).filter(|row| side.weight[*row] > 0.0).collect();
    let pick = |values: &[f64]| known.iter().map(|row| values[*row]).collect::<Vec<f64>>();
    let came: Vec<bool> = known.iter().map(|row| side.won[*row]).collect();
    Ok(metrics::auc(&pick(&scores), &came, &pick(&side.weight)))
}
