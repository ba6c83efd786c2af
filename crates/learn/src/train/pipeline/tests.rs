use super::*;
use crate::dataset::spec::{DatasetSpec, Sampling};
use crate::dataset::tests::{config, spec, ticks};
use crate::dataset::{rows, write::Writer};
use crate::progress::Quiet;
use market::{Points, Span};
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

/// Rows of quotes that follow a leader: there is something to learn.
pub(crate) fn dataset(folder: &Path) -> PathBuf {
    let config = config();
    let barrier =
        ensemble::Barrier { target: Points(14), stop: Points(14), horizon: Span::from_secs(3), commission_points: 0.0 };
    let spec = DatasetSpec { sampling: Sampling::Ticks(3), barrier, ..spec(&config) };
    let rows = &mut rows(&config, &spec, &ticks(24_000, 5)).unwrap();
    let input = replay::backtest::Input { feeds: vec![] };
    let meta = crate::dataset::meta::Meta::of(&config, &input, &spec, "made up").unwrap();
    let path = folder.join("rows.parquet");
    let mut writer = Writer::create(&path, &meta).unwrap();
    writer.write(rows).unwrap();
    writer.finish().unwrap();
    path
}

pub(crate) fn small() -> TrainSpec {
    let usual = TrainSpec::usual(3);
    let boost =
        BoostSpec { trees_max: 12, learning_rate: 0.2, leaves_max: 6, leaf_rows_min: 20, bins: 32, ..usual.boost };
    let gru = GruSpec { hidden: 4, epochs_max: 2, window: 32, warm: 8, ..GruSpec::small(3) };
    TrainSpec {
        boost,
        meta: BoostSpec { trees_max: 6, ..boost },
        gru: Some(gru),
        folds: 3,
        embargo_ms: 60_000,
        block: 10.0,
        ..usual
    }
}

fn bytes(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

/// Stops after so many words of progress, as a kill would.
struct Fuse(AtomicU64);

impl Progress for Fuse {
    fn at(&self, _: &str, _: u64, _: u64) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }
}

#[test]
fn the_same_bytes_on_any_threads_and_after_any_stop() {
    let folder = tempfile::tempdir().unwrap();
    let data = dataset(folder.path());
    let (whole, other, broken) =
        (folder.path().join("whole"), folder.path().join("other"), folder.path().join("broken"));
    let report = train(&data, &whole, &small(), 2, &Quiet).unwrap();
    assert_eq!(train(&data, &other, &small(), 3, &Quiet).unwrap(), report);
    assert_eq!(bytes(&whole), bytes(&other));
    for fuse in [1, 30, 60, 20] {
        let stopped = train(&data, &broken, &small(), 2, &Fuse(AtomicU64::new(fuse)));
        assert!(stopped.is_err_and(|fault| fault == Fault::Stopped), "{fuse}");
    }
    assert!(!Stages::open(&broken).unwrap().finished().is_empty());
    assert_eq!(train(&data, &broken, &small(), 2, &Quiet).unwrap(), report);
    assert_eq!(bytes(&whole), bytes(&broken));

    // Nothing is done again, and another spec is.
    let again = train(&data, &whole, &small(), 2, &Fuse(AtomicU64::new(0))).unwrap();
    assert_eq!(again, report);
    let changed = TrainSpec { boost: BoostSpec { l2: 3.0, ..small().boost }, ..small() };
    assert_eq!(train(&data, &whole, &changed, 2, &Fuse(AtomicU64::new(0))), Err(Fault::Stopped));

    // The leader leads: trees find it, out of fold and on the test rows.
    let trees = report.judged.iter().find(|judged| judged.model == "trees" && judged.side == "buy").unwrap();
    let (develop, test) = (trees.develop.as_ref().unwrap(), trees.test.as_ref().unwrap());
    assert!(develop.auc > 0.53 && test.auc > 0.55, "{develop:?} {test:?}");
    assert!(test.log_loss_skill > 0.0 && develop.rows + test.rows <= report.develop + report.test);
    assert!(report.importance[0][0].0.starts_with("leader"), "{:?}", report.importance[0]);
    assert!(report.rules.iter().all(|rule| rule.net.is_finite() && rule.trades < report.test));
}

#[test]
fn a_day_that_is_tested_on_changes_nothing_that_is_learned() {
    let folder = tempfile::tempdir().unwrap();
    let data = dataset(folder.path());
    let ground = Ground::of(&data, &small()).unwrap();
    let from = ground.times[ground.test[0] as usize];
    assert!(ground.develop.iter().all(|row| ground.ended[*row as usize] < from));
    for fold in ground.lives().folds(&ground.develop, 3, 60_000_000_000).unwrap() {
        let begin = ground.times[fold.test[0] as usize];
        let end = fold.test.iter().map(|row| ground.ended[*row as usize]).max().unwrap();
        for row in fold.train {
            let (seen, known) = (ground.times[row as usize], ground.ended[row as usize]);
            assert!(known < begin || seen > end + 60_000_000_000);
        }
    }
    let bad = TrainSpec { test_from: Some(i64::MIN), ..small() };
    assert!(matches!(train(&data, &folder.path().join("x"), &bad, 1, &Quiet), Err(Fault::TooLittle(..))));
    let bad = TrainSpec { features: vec!["no such".into()], ..small() };
    assert!(train(&data, &folder.path().join("y"), &bad, 1, &Quiet).unwrap_err().to_string().contains("no such"));
    assert!(train(&data, &folder.path().join("z"), &small(), 0, &Quiet).is_err());
}
