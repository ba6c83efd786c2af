//! Ticks into rows: the features that the desk saw at a moment, and what became of a trade on either side.
//!
//! `spec`      when rows are taken, and what they are labelled with   `row`     one row
//! `stream`    a desk without strategies hears the ticks              `meta`    what a file says about itself
//! `write`     rows into Parquet                                      `read`    Parquet into columns
//! `checks`    does anything look ahead; how long must it warm up    `recipe`  how to make the same rows again

pub mod checks;
pub mod meta;
pub(crate) mod moves;
pub mod read;
pub mod recipe;
pub mod row;
pub mod spec;
pub mod stream;
pub mod write;

use std::path::Path;

use config::Config;
use feed::Record;
use replay::backtest::Input;

use crate::fault::Fault;
use crate::progress::{Progress, tell};
use meta::Meta;
use row::Row;
use spec::DatasetSpec;
use stream::Stream;
use write::Writer;

/// What a build made.
#[derive(Debug, Clone, PartialEq)]
pub struct Built {
    /// What the file says about itself.
    pub meta: Meta,
    /// Records heard.
    pub records: u64,
    /// Rows written.
    pub rows: u64,
}

/// Reads tick files through the desk's own features and labels into one Parquet file; the file appears whole or not at
/// all. `input` has the files of each symbol of the configuration; `source` says in words where they are from.
///
/// # Errors
/// [`Fault`]: the ticks, the spec, the file, or a wish to stop.
pub fn build(
    (config, input, source): (&Config, &Input, &str),
    spec: &DatasetSpec,
    out: &Path,
    progress: &dyn Progress,
) -> Result<Built, Fault> {
    let meta = Meta::of(config, input, spec, source)?;
    let mut stream = Stream::new(config, spec)?;
    let mut writer = Writer::create(out, &meta)?;
    let mut ticks = input.open(config, None)?;
    let (mut records, mut rows) = (0_u64, Vec::new());
    while let Some(judged) = ticks.next() {
        stream.hear(&judged?.record, &mut rows);
        records += 1;
        if records.is_multiple_of(8_192) {
            let at = ticks.progress();
            tell(progress, "dataset", at.read, at.total)?;
            writer.write(&mut rows)?;
        }
    }
    stream.finish(&mut rows);
    writer.write(&mut rows)?;
    let at = ticks.progress();
    tell(progress, "dataset", at.total, at.total)?;
    let rows = writer.finish()?;
    Ok(Built { meta, records, rows })
}

/// The rows of records that are already in memory, as [`build`] writes them.
///
/// # Errors
/// [`Fault::Asked`].
pub fn rows(config: &Config, spec: &DatasetSpec, records: &[Record]) -> Result<Vec<Row>, Fault> {
    let mut stream = Stream::new(config, spec)?;
    let mut rows = Vec::new();
    for record in records {
        stream.hear(record, &mut rows);
    }
    stream.finish(&mut rows);
    Ok(rows)
}

#[cfg(test)]
pub(crate) mod tests;
