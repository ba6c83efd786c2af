//! The newest snapshot that fits is taken; each that does not is skipped with its reason.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use std::fs;
use std::path::PathBuf;

use common::{append, header};
use journal::snapshot::Why;
use journal::{Head, Header, Snapshot, What, Writer, latest_valid, recover_after};

struct Desk {
    folder: tempfile::TempDir,
    writer: Writer,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let writer = Writer::create(&folder.path().join("day.journal"), &header()).unwrap();
        Self { folder, writer }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("day.journal")
    }

    fn snapshot(&mut self, records: u64) -> PathBuf {
        append(&mut self.writer, records);
        self.writer.flush().unwrap();
        let place = self.writer.place();
        let state = place.seq.to_le_bytes().repeat(100);
        Snapshot::new(&header(), place, state).write(&self.path()).unwrap()
    }

    fn latest(&self) -> (Option<u64>, Vec<Why>) {
        let search = latest_valid(&self.path(), &header().build, &header().config_digest(), u64::MAX).unwrap();
        let state = search.found.map(|found| {
            assert_eq!(found.state, found.place.seq.to_le_bytes().repeat(100));
            found.place.seq
        });
        (state, search.skipped.into_iter().map(|skipped| skipped.why).collect())
    }
}

#[test]
fn the_newest_that_fits() {
    let mut desk = Desk::new();
    assert_eq!(desk.latest(), (None, vec![]));
    desk.snapshot(0);
    assert_eq!(desk.latest(), (Some(0), vec![]));
    desk.snapshot(256);
    desk.snapshot(700);
    let newest = desk.snapshot(9);
    assert_eq!(newest.file_name().unwrap(), "day.journal.snap-965");
    assert_eq!(desk.latest(), (Some(965), vec![]));

    let bytes = fs::read(&newest).unwrap();
    for at in (0..bytes.len()).step_by(11) {
        let mut mutant = bytes.clone();
        mutant[at] ^= 4;
        fs::write(&newest, &mutant).unwrap();
        assert_eq!(desk.latest(), (Some(956), vec![Why::Corrupt]), "byte {at}");
        fs::write(&newest, &bytes[..at]).unwrap();
        assert_eq!(desk.latest(), (Some(956), vec![Why::Corrupt]), "cut at {at}");
    }
    fs::write(&newest, &bytes).unwrap();
    fs::copy(&newest, desk.folder.path().join("day.journal.snap-2000")).unwrap();
    fs::write(desk.folder.path().join("day.journal.snap-3000.tmp"), "half").unwrap();
    assert_eq!(desk.latest(), (Some(965), vec![Why::OtherNumber]));
}

#[test]
fn another_build_configuration_run_or_head_does_not_fit() {
    let mut desk = Desk::new();
    desk.snapshot(10);
    append(&mut desk.writer, 10);
    desk.writer.flush().unwrap();
    let place = desk.writer.place();
    let write = |header: &Header, place| drop(Snapshot::new(header, place, vec![]).write(&desk.path()).unwrap());
    let right = header();
    write(&Header { build: "other".to_owned(), ..right.clone() }, place);
    assert_eq!(desk.latest(), (Some(10), vec![Why::OtherBuild]));
    write(&Header { config: "other".to_owned(), ..right.clone() }, place);
    assert_eq!(desk.latest(), (Some(10), vec![Why::OtherConfig]));
    write(&Header { run: [0; 16], ..right.clone() }, place);
    assert_eq!(desk.latest(), (Some(10), vec![Why::OtherRun]));
    write(&right, journal::Place { head: Head::default(), ..place });
    assert_eq!(desk.latest(), (Some(10), vec![Why::OtherHead]));
    write(&right, journal::Place { seq: 21, ..place });
    assert_eq!(desk.latest(), (Some(10), vec![Why::JournalShorter { last: 20 }, Why::OtherHead]));
    let mark = journal::Mark { offset: place.mark.offset + 100, ..place.mark };
    write(&right, journal::Place { seq: 21, mark, ..place });
    let (found, skipped) = desk.latest();
    assert_eq!(found, Some(10));
    assert!(matches!(skipped[0], Why::Journal(fault) if fault.what == What::Seal), "{skipped:?}");
}

#[test]
fn a_start_from_a_snapshot() {
    let mut desk = Desk::new();
    desk.snapshot(900);
    append(&mut desk.writer, 500);
    desk.writer.flush().unwrap();
    let head = desk.writer.place().head;
    let path = desk.path();
    drop(desk.writer);
    let search = latest_valid(&path, &header().build, &header().config_digest(), u64::MAX).unwrap();
    let recovered = recover_after(&path, &search.found.unwrap().place.mark).unwrap();
    assert_eq!((recovered.writer.seq(), recovered.verified.place.head), (1_400, head));
}
