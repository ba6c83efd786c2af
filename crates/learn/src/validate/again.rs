//! The same rows made again from the ticks: at another latency, for other labels; the features must not change.

use features::Feature;
use sha2::{Digest, Sha256};

use crate::dataset::meta::hex;
use crate::dataset::read::{Columns, Dataset, SideLabels};
use crate::dataset::recipe::Source;
use crate::dataset::row::Row;
use crate::dataset::spec::DatasetSpec;
use crate::dataset::stream::Stream;
use crate::fault::Fault;
use crate::progress::{Progress, tell};

/// The time column and each feature, as digests: they tell which of them differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint(Vec<(String, String)>);

impl Fingerprint {
    /// Of a dataset's file.
    ///
    /// # Errors
    /// [`Fault`] when it cannot be read.
    pub fn of(data: &Dataset) -> Result<Self, Fault> {
        let mut all = vec![("time".to_owned(), digest(data.times()?.into_iter().map(|time| time as u64)))];
        for feature in Feature::ALL {
            let column = data.column(feature.name())?;
            all.push((feature.name().to_owned(), digest(column.into_iter().map(bits))));
        }
        Ok(Self(all))
    }

    /// The first column that differs.
    pub fn differs(&self, other: &Self) -> Option<&str> {
        let found = self.0.iter().zip(&other.0).find(|(a, b)| a != b);
        found.map(|(a, _)| a.0.as_str()).or_else(|| (self.0.len() != other.0.len()).then_some("the list of features"))
    }
}

/// One bit pattern for everything that is not there.
fn bits(value: f64) -> u64 {
    if value.is_nan() { u64::MAX } else { value.to_bits() }
}

fn digest(values: impl Iterator<Item = u64>) -> String {
    let mut hash = Sha256::new();
    for value in values {
        hash.update(value.to_le_bytes());
    }
    hex(&hash.finalize())
}

/// Rows made again.
#[derive(Debug, Clone, PartialEq)]
pub struct Again {
    /// What the features were.
    pub fingerprint: Fingerprint,
    /// What came of a buy and of a sell.
    pub sides: [SideLabels; 2],
}

struct Gathered {
    hashes: Vec<Sha256>,
    sides: [SideLabels; 2],
}

impl Gathered {
    fn new() -> Self {
        let none = || SideLabels { won: vec![], net: vec![], weight: vec![], ended: vec![] };
        Self { hashes: vec![Sha256::new(); Feature::ALL.len() + 1], sides: [none(), none()] }
    }

    fn take(&mut self, rows: &mut Vec<Row>) {
        for row in rows.drain(..) {
            self.hashes[0].update((row.time.0 as u64).to_le_bytes());
            for (hash, feature) in self.hashes[1..].iter_mut().zip(Feature::ALL) {
                hash.update(row.frame.get(*feature).map_or(u64::MAX, bits).to_le_bytes());
            }
            for (side, came) in self.sides.iter_mut().zip(&row.came) {
                side.won.push(came.is_some_and(|came| came.won));
                side.net.push(came.map_or(0.0, |came| came.net));
                side.weight.push(came.map_or(0.0, |came| came.uniqueness));
                side.ended.push(came.map_or(row.time, |came| came.ended).0);
            }
        }
    }

    fn done(self) -> Again {
        let names = std::iter::once("time").chain(Feature::ALL.iter().map(|feature| feature.name()));
        let all = names.zip(self.hashes).map(|(name, hash)| (name.to_owned(), hex(&hash.finalize())));
        Again { fingerprint: Fingerprint(all.collect()), sides: self.sides }
    }
}

/// Makes the rows of a source again with another spec.
///
/// # Errors
/// [`Fault`]: the ticks, or a wish to stop.
pub fn again(source: &Source, spec: &DatasetSpec, (stage, progress): (&str, &dyn Progress)) -> Result<Again, Fault> {
    let mut stream = Stream::new(&source.config, spec)?;
    let mut ticks = source.input.open(&source.config, None)?;
    let (mut gathered, mut rows, mut heard) = (Gathered::new(), Vec::new(), 0_u64);
    while let Some(judged) = ticks.next() {
        stream.hear(&judged?.record, &mut rows);
        heard += 1;
        if heard.is_multiple_of(8_192) {
            let at = ticks.progress();
            tell(progress, stage, at.read, at.total)?;
            gathered.take(&mut rows);
        }
    }
    stream.finish(&mut rows);
    gathered.take(&mut rows);
    Ok(gathered.done())
}

impl Again {
    /// The labels as bytes.
    pub fn pack(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for side in &self.sides {
            bytes.extend(side.won.iter().map(|won| u8::from(*won)));
            for column in [&side.net, &side.weight] {
                bytes.extend(column.iter().flat_map(|value| value.to_le_bytes()));
            }
            bytes.extend(side.ended.iter().flat_map(|value| value.to_le_bytes()));
        }
        bytes
    }

    /// The labels from bytes.
    ///
    /// # Errors
    /// [`Fault::Content`] when they are not of so many rows.
    pub fn unpack(bytes: &[u8], rows: usize) -> Result<[SideLabels; 2], Fault> {
        if bytes.len() != 2 * rows * 25 {
            return Err(Fault::Content("stage".into(), "holds another number of rows".into()));
        }
        let side = |bytes: &[u8]| {
            let words = bytes[rows..].as_chunks::<8>().0;
            let numbers = |nth: usize| words[nth * rows..(nth + 1) * rows].iter();
            SideLabels {
                won: bytes[..rows].iter().map(|won| *won == 1).collect(),
                net: numbers(0).map(|b| f64::from_le_bytes(*b)).collect(),
                weight: numbers(1).map(|b| f64::from_le_bytes(*b)).collect(),
                ended: numbers(2).map(|b| i64::from_le_bytes(*b)).collect(),
            }
        };
        let (buy, sell) = bytes.split_at(rows * 25);
        Ok([side(buy), side(sell)])
    }
}
