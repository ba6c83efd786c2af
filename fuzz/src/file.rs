//! A file on the disk through the whole way of the feed: opened, decoded, judged, counted, quarantined.

use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, Once};
use std::{env, fs, process};

use feed::{FeedError, FeedSpec, Judged, Quarantine, Rejection, Source, parse_bytes, schema_for};
use market::Instrument;

use crate::quotes::{Believed, check_mid, check_record, limits, options, total};

/// What the last panic said.
static LAST_PANIC: Mutex<String> = Mutex::new(String::new());
static HOOKED: Once = Once::new();
static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { memory.to_owned() } else { env::temp_dir() };
    folder.join(format!("20140501_eurusd_fuzz-{}", process::id()))
});

/// Runs `check`, and aborts only when a panic comes out of it: Parquet's library panics on damaged files and the feed catches
/// that, but libFuzzer's own hook would abort.
pub fn guarded(check: impl FnOnce()) {
    HOOKED.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            let mut last = LAST_PANIC.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            info.to_string().clone_into(&mut last);
        }));
    });
    if catch_unwind(AssertUnwindSafe(check)).is_err() {
        eprintln!("{}", LAST_PANIC.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        process::abort();
    }
}

/// What the quarantine wrote.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads the bytes as a file: what is judged, and the error that ended it. Every row is accounted for.
pub fn read(bytes: &[u8], instrument: &Instrument) -> (Vec<Judged>, Option<FeedError>) {
    let path: &Path = &FILE;
    fs::write(path, bytes).unwrap();
    let found = read_at(path, bytes, instrument);
    fs::remove_file(path).unwrap();
    found
}

fn read_at(path: &Path, bytes: &[u8], instrument: &Instrument) -> (Vec<Judged>, Option<FeedError>) {
    let options = options(limits(2_048, 1 << 20));
    let beliefs = schema_for(instrument);
    let spec = FeedSpec { paths: vec![path.into()], instrument: instrument.clone(), beliefs, options: options.clone() };
    let kept = Kept::default();
    let mut source = Source::open(vec![spec], Some(Quarantine::new(Box::new(kept.clone())))).unwrap();
    let (mut all, mut error) = (vec![], None);
    for judged in source.by_ref() {
        match judged {
            Ok(judged) => all.push(judged),
            Err(found) => error = Some(found),
        }
    }
    check_judged(&all, bytes, instrument);
    let counts = source.counts();
    let believed = all.iter().filter(|judged| judged.judgement.believed()).count() as u64;
    assert!(counts.is_complete(), "{counts:?}");
    assert_eq!((counts.quotes + counts.trades, counts.believed), (all.len() as u64, believed));
    assert_eq!(source.finish().unwrap().map(|quarantine| quarantine.written()), Some(counts.rejected));
    let kept = kept.0.lock().unwrap();
    let lines = kept.split_inclusive(|byte| *byte == b'\n');
    let rejections = lines.filter(|line| serde_json::from_slice::<Rejection>(line).is_ok()).count();
    assert_eq!(rejections as u64, counts.rejected);
    if error.is_none() && !bytes.starts_with(b"PAR1") {
        let parsed = parse_bytes(&path.display().to_string(), bytes, instrument, &options).unwrap();
        assert_eq!(total(&parsed) as u64, counts.rows);
    }
    (all, error)
}

fn check_judged(all: &[Judged], bytes: &[u8], instrument: &Instrument) {
    let mut order = Believed::default();
    for judged in all {
        check_record(&judged.record, instrument);
        if !judged.judgement.believed() {
            continue;
        }
        check_mid(&judged.record);
        // Our own Parquet was believed before: there doubts only flag.
        if !bytes.starts_with(b"PAR1") {
            order.check(&judged.record);
        }
    }
}
