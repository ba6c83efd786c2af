//! Does anything look ahead, and how long must it warm up? Both by doing it again with less.

use config::Config;
use features::{Feature, Frame};
use feed::Record;

use crate::dataset::row::Row;
use crate::dataset::spec::DatasetSpec;
use crate::dataset::stream::Stream;
use crate::fault::Fault;

/// A value of an earlier row that changed when later ticks were taken away.
#[derive(Debug, Clone, PartialEq)]
pub struct Leak {
    /// The column: a feature, or a part of the row or of its labels.
    pub column: &'static str,
    /// The first row in which it was seen.
    pub row: u64,
    /// How many records were left when it was seen.
    pub records: usize,
    /// In how many rows it was seen.
    pub rows: u64,
}

/// What a look-ahead check found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Lookahead {
    /// How often the ticks were cut.
    pub cuts: usize,
    /// How many rows were compared.
    pub rows: u64,
    /// Every column that knows the future, by name.
    pub leaks: Vec<Leak>,
}

impl Lookahead {
    /// Whether nothing looks ahead, as far as was looked.
    pub const fn is_clean(&self) -> bool {
        self.leaks.is_empty()
    }

    fn found(&mut self, column: &'static str, row: u64, records: usize) {
        if let Some(leak) = self.leaks.iter_mut().find(|leak| leak.column == column) {
            leak.rows += 1;
        } else {
            self.leaks.push(Leak { column, row, records, rows: 1 });
        }
    }
}

/// Makes the rows of all records, then again of only the first so many for each cut: every row that is there again must
/// be the same bit for bit, and so must every label that was known by then. `make` is what is checked.
///
/// # Errors
/// Whatever `make` says.
pub fn lookahead_check(
    records: &[Record],
    cuts: &[usize],
    mut make: impl FnMut(&[Record]) -> Result<Vec<Row>, Fault>,
) -> Result<Lookahead, Fault> {
    let whole = make(records)?;
    let mut found = Lookahead { cuts: cuts.len(), ..Lookahead::default() };
    for cut in cuts {
        let cut = (*cut).min(records.len());
        let part = make(&records[..cut])?;
        if part.len() > whole.len() {
            found.found("row", whole.len() as u64, cut);
        }
        for (early, late) in part.iter().zip(&whole) {
            compare(early, late, cut, &mut found);
            found.rows += 1;
        }
    }
    found.leaks.sort_by_key(|leak| leak.column);
    Ok(found)
}

fn compare(early: &Row, late: &Row, cut: usize, found: &mut Lookahead) {
    let at = early.number;
    let same_row = (early.number, early.time, early.bid, early.ask) == (late.number, late.time, late.bid, late.ask);
    if !same_row {
        found.found("row", at, cut);
    }
    for feature in Feature::ALL {
        let bits = |row: &Row| row.frame.get(*feature).map(f64::to_bits);
        if bits(early) != bits(late) {
            found.found(feature.name(), at, cut);
        }
    }
    if early.regime != late.regime {
        found.found("regime", at, cut);
    }
    if early.primary != late.primary {
        found.found("primary_side", at, cut);
    }
    for (name, (early, late)) in ["buy", "sell"].into_iter().zip(early.came.iter().zip(&late.came)) {
        if early.is_some() && early != late {
            found.found(name, at, cut);
        }
    }
    if early.moved.is_some() && early.moved != late.moved {
        found.found("moved", at, cut);
    }
}

/// How far a feature is from what it is after the longest warm-up.
#[derive(Debug, Clone, PartialEq)]
pub struct Unsettled {
    /// The feature.
    pub feature: Feature,
    /// Records of warm-up.
    pub warmup: usize,
    /// The largest difference, over the largest size of the value.
    pub difference: f64,
    /// At how many probes it was ready after this warm-up and not after the longest, or the other way round.
    pub readiness: usize,
}

/// Brings a stream to each probe (a place in `records`) with each number of records before it, and compares the features
/// with those after the longest warm-up. Answers every feature and warm-up whose difference exceeds `tolerance` of the
/// value's size, the worst first: a model that is served after less warm-up than it was trained with sees other numbers.
///
/// # Errors
/// [`Fault::Asked`].
pub fn warmup_check(
    (config, spec): (&Config, &DatasetSpec),
    records: &[Record],
    (probes, warmups): (&[usize], &[usize]),
    tolerance: f64,
) -> Result<Vec<Unsettled>, Fault> {
    let longest = warmups.iter().copied().max().unwrap_or(0);
    let mut sizes = vec![0.0_f64; Feature::ALL.len()];
    let mut found: Vec<Unsettled> = Vec::new();
    let frame_after = |probe: usize, warmup: usize| -> Result<Option<Frame>, Fault> {
        let mut stream = Stream::new(config, spec)?;
        let mut rows = Vec::new();
        let from = probe.saturating_sub(warmup);
        for record in records.get(from..=probe).unwrap_or_default() {
            stream.hear(record, &mut rows);
            rows.clear();
        }
        Ok(stream.frame().copied())
    };
    let mut differences = vec![(0.0_f64, 0_usize); Feature::ALL.len() * warmups.len()];
    for probe in probes {
        let Some(settled) = frame_after(*probe, longest)? else { continue };
        for feature in Feature::ALL {
            let size = &mut sizes[*feature as usize];
            *size = size.max(settled.value(*feature).abs());
        }
        for (nth, warmup) in warmups.iter().enumerate() {
            let Some(frame) = frame_after(*probe, *warmup)? else { continue };
            for feature in Feature::ALL {
                let entry = &mut differences[nth * Feature::ALL.len() + *feature as usize];
                match (settled.get(*feature), frame.get(*feature)) {
                    (Some(a), Some(b)) => entry.0 = entry.0.max((a - b).abs()),
                    (None, None) => {}
                    _ => entry.1 += 1,
                }
            }
        }
    }
    for (nth, warmup) in warmups.iter().enumerate() {
        for feature in Feature::ALL {
            let (difference, readiness) = differences[nth * Feature::ALL.len() + *feature as usize];
            let difference = difference / sizes[*feature as usize].max(f64::MIN_POSITIVE);
            if difference > tolerance || readiness > 0 {
                found.push(Unsettled { feature: *feature, warmup: *warmup, difference, readiness });
            }
        }
    }
    found.sort_by(|a, b| b.difference.total_cmp(&a.difference).then(a.feature.cmp(&b.feature)));
    Ok(found)
}
