//! Many files as one stream of judged records, in constant memory.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use market::{BeliefSpec, Instrument, Judgement, Time};

use crate::decode::{self, Decoder, FileInfo, Item, Options, Record};
use crate::error::{Fault, FeedError};
use crate::judge::{Counts, Judge, trusted};
use crate::open::Input;
use crate::quarantine::{Quarantine, Rejection};

/// One feed: the files of one symbol from one source.
#[derive(Debug, Clone)]
pub struct FeedSpec {
    /// Its files, in any order.
    pub paths: Vec<PathBuf>,
    /// What they quote, with its place in the desk's table.
    pub instrument: Instrument,
    /// The declared schema; see [`crate::schema_for`].
    pub beliefs: BeliefSpec,
    /// What the user says about the files.
    pub options: Options,
}

/// A record and what we think of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judged {
    /// The record, on the instrument's grid.
    pub record: Record,
    /// Whether it is believed, and every doubt.
    pub judgement: Judgement,
    /// Which feed, by its place in the list given to [`Source::open`].
    pub feed: u16,
    /// Which file of the feed, by the order in which they are read.
    pub file: u32,
}

/// How far the reading is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the files read so far.
    pub read: u64,
    /// Bytes of the files in all.
    pub total: u64,
}

/// A feed being read, one file after the other.
struct Lane {
    spec: FeedSpec,
    index: u16,
    paths: Vec<PathBuf>,
    next_file: usize,
    open: Option<Box<dyn Decoder>>,
    judge: Judge,
    files: Vec<FileInfo>,
    counts: Vec<Counts>,
    /// The next record, where feeds are merged.
    ahead: Option<Judged>,
    done_bytes: u64,
}

/// A stream of judged records. Records that do not reach the grid are counted and quarantined, and not yielded; those
/// on the grid are yielded with their judgement, and quarantined too when rejected.
pub struct Source {
    lanes: Vec<Lane>,
    quarantine: Option<Quarantine>,
    total: u64,
    primed: bool,
    failed: bool,
}

impl Lane {
    fn new(index: u16, spec: FeedSpec) -> Result<Self, FeedError> {
        if spec.paths.is_empty() {
            return Err(FeedError::new("", Fault::NoFiles));
        }
        let several = spec.paths.len() > 1;
        if several && spec.options.hour.is_some() {
            return Err(FeedError::new("", Fault::OneFileOnly("hour")));
        }
        if several && spec.options.date.is_some() {
            return Err(FeedError::new("", Fault::OneFileOnly("date")));
        }
        let paths = if several { sorted(&spec)? } else { spec.paths.clone() };
        let judge = Judge::new(spec.beliefs);
        let (files, counts) = (vec![], vec![]);
        Ok(Self { spec, index, paths, next_file: 0, open: None, judge, files, counts, ahead: None, done_bytes: 0 })
    }

    /// The next judged record of the feed, moving through its files.
    fn advance(&mut self, quarantine: &mut Option<Quarantine>) -> Result<Option<Judged>, FeedError> {
        loop {
            let Some(decoder) = &mut self.open else {
                if !self.open_next()? {
                    return Ok(None);
                }
                continue;
            };
            let file = self.files.len() - 1;
            let counts = &mut self.counts[file];
            let Some(item) = decoder.next()? else {
                if counts.believed + counts.rejected == 0 && counts.rows > 0 {
                    let found = decoder.other_symbol().map(str::to_owned);
                    return Err(nothing(&self.files[file].name, &self.spec.instrument.name, found));
                }
                self.open = None;
                self.done_bytes += self.files[file].size;
                continue;
            };
            counts.rows += 1;
            let (record, judgement) = match item {
                Item::Quote(tick) => (Record::Quote(tick), self.judge.quote(&tick)),
                Item::Trade(trade, id) => (Record::Trade(trade), self.judge.trade(&trade, id)),
                Item::Bad(doubt, part) => {
                    counts.unusable(doubt);
                    keep(quarantine, &self.files[file], decoder.as_ref(), doubt.name(), Some(part))?;
                    continue;
                }
                Item::Skipped(skip) => {
                    *counts.skipped.entry(skip.name()).or_default() += 1;
                    continue;
                }
            };
            counts.judged(&record, judgement);
            if let Some(doubt) = judgement.rejection() {
                keep(quarantine, &self.files[file], decoder.as_ref(), doubt.name(), None)?;
            }
            return Ok(Some(Judged { record, judgement, feed: self.index, file: file as u32 }));
        }
    }

    fn open_next(&mut self) -> Result<bool, FeedError> {
        let Some(path) = self.paths.get(self.next_file) else { return Ok(false) };
        let (decoder, info) = decode::open(&Input::Path(path.clone()), &self.spec.instrument, &self.spec.options)?;
        let believed_before = self.files.last().is_some_and(|last| last.believed_before);
        if info.believed_before != believed_before {
            let spec = &self.spec.beliefs;
            self.judge = Judge::new(if info.believed_before { trusted(spec) } else { *spec });
        }
        self.next_file += 1;
        self.files.push(info);
        self.counts.push(Counts::default());
        self.open = Some(decoder);
        Ok(true)
    }
}

fn nothing(file: &str, asked: &str, found: Option<String>) -> FeedError {
    let fault = found.map_or(Fault::NoRecords, |found| Fault::OtherSymbol(asked.to_owned(), found));
    FeedError::new(file, fault)
}

fn keep(
    quarantine: &mut Option<Quarantine>,
    file: &FileInfo,
    decoder: &dyn Decoder,
    reason: &str,
    part: Option<&str>,
) -> Result<(), FeedError> {
    let Some(quarantine) = quarantine else { return Ok(()) };
    let bytes = decoder.raw();
    let raw = String::from_utf8_lossy(&bytes).into_owned();
    let lossy = raw.as_bytes() != bytes;
    let part = part.map(str::to_owned);
    let rejection =
        Rejection { file: file.name.clone(), at: decoder.place(), reason: reason.to_owned(), part, raw, lossy };
    quarantine.keep(&rejection).map_err(|error| FeedError::new("quarantine", Fault::Io(error.to_string())))
}

/// The files of a feed by the time of their first record; files without one come last. Ties keep the given order.
fn sorted(spec: &FeedSpec) -> Result<Vec<PathBuf>, FeedError> {
    let mut timed = vec![];
    for path in &spec.paths {
        timed.push((first_time(path, spec)?.unwrap_or(Time::MAX), path.clone()));
    }
    timed.sort_by_key(|(time, _)| *time);
    Ok(timed.into_iter().map(|(_, path)| path).collect())
}

fn first_time(path: &Path, spec: &FeedSpec) -> Result<Option<Time>, FeedError> {
    let (mut decoder, _) = decode::open(&Input::Path(path.to_owned()), &spec.instrument, &spec.options)?;
    while let Some(item) = decoder.next()? {
        match item {
            Item::Quote(tick) => return Ok(Some(tick.seen)),
            Item::Trade(trade, _) => return Ok(Some(trade.seen)),
            Item::Bad(..) | Item::Skipped(_) => {}
        }
    }
    Ok(None)
}

impl Source {
    /// Opens the files of one or more feeds. Files of one feed are read one after the other by the time of their first
    /// record (where they overlap, the later one's rows are doubted as backwards); feeds are merged by the time at which records were heard, ties by symbol and then by the order of the
    /// feeds. Two feeds of one symbol should pass [`crate::offset`] first.
    ///
    /// # Errors
    /// When a file cannot be opened, is not recognised, or lacks a zone, an hour or a day.
    pub fn open(feeds: Vec<FeedSpec>, quarantine: Option<Quarantine>) -> Result<Self, FeedError> {
        let mut total = 0;
        let mut lanes = vec![];
        for (index, spec) in feeds.into_iter().enumerate() {
            for path in &spec.paths {
                total += std::fs::metadata(path).map_err(|error| FeedError::io(path, &error))?.len();
            }
            lanes.push(Lane::new(u16::try_from(index).unwrap_or(u16::MAX), spec)?);
        }
        if lanes.is_empty() {
            return Err(FeedError::new("", Fault::NoFiles));
        }
        Ok(Self { lanes, quarantine, total, primed: false, failed: false })
    }

    /// How far the reading is.
    pub fn progress(&self) -> Progress {
        let read = self.lanes.iter().map(|lane| {
            let open = lane.files.last().filter(|_| lane.open.is_some());
            lane.done_bytes + open.map_or(0, |file| file.read.load(Ordering::Relaxed).min(file.size))
        });
        Progress { read: read.sum::<u64>().min(self.total), total: self.total }
    }

    /// The files of a feed opened so far, in the order in which they are read.
    pub fn files(&self, feed: u16) -> &[FileInfo] {
        self.lanes.get(usize::from(feed)).map_or(&[], |lane| &lane.files)
    }

    /// What became of the rows of each of these files.
    pub fn counts_by_file(&self, feed: u16) -> &[Counts] {
        self.lanes.get(usize::from(feed)).map_or(&[], |lane| &lane.counts)
    }

    /// What became of all rows read so far.
    pub fn counts(&self) -> Counts {
        let mut all = Counts::default();
        self.lanes.iter().flat_map(|lane| &lane.counts).for_each(|counts| all.add(counts));
        all
    }

    /// Writes out the quarantine and gives it back.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> Result<Option<Quarantine>, FeedError> {
        if let Some(quarantine) = &mut self.quarantine {
            quarantine.flush().map_err(|error| FeedError::new("quarantine", Fault::Io(error.to_string())))?;
        }
        Ok(self.quarantine)
    }

    fn step(&mut self) -> Result<Option<Judged>, FeedError> {
        if let [only] = self.lanes.as_mut_slice() {
            return only.advance(&mut self.quarantine);
        }
        if !self.primed {
            for lane in &mut self.lanes {
                lane.ahead = lane.advance(&mut self.quarantine)?;
            }
            self.primed = true;
        }
        let key =
            |lane: &Lane| lane.ahead.map(|judged| (judged.record.seen(), lane.spec.instrument.symbol, lane.index));
        let Some(first) = self.lanes.iter_mut().filter(|lane| lane.ahead.is_some()).min_by_key(|lane| key(lane)) else {
            return Ok(None);
        };
        let judged = first.ahead.take();
        first.ahead = first.advance(&mut self.quarantine)?;
        Ok(judged)
    }
}

impl Iterator for Source {
    type Item = Result<Judged, FeedError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let step = self.step().transpose();
        self.failed = matches!(step, Some(Err(_)));
        step
    }
}
