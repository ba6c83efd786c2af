//! A journal fed back to the desk: the same actions bit for bit, from the start and from every snapshot, the same desk at
//! the end; another action is seen at its record; and the arithmetic of a decision is that of the live one (oracle 41).
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use common::{ActionsDigest, BUILD, SEED, header, journalled, parse, payrolls, root};
use config::Config;
use desk::{Action, Desk, Event, Explanation};
use journal::codec::{action, get_request};
use journal::{Durability, Ending, Reader, Writer};
use market::{Points, Span, State, SymbolId, Tick, Time};
use orders::Instruction;
use replay::again::{From, Replay, ReplayError, config_of, restart};
use replay::backtest::{self, Snapshots};
use replay::record::Record;
use replay::script::Script;
use replay::session::{Nobody, Session, Watch};
use replay::synthetic::{Plant, Walk};
use risk::Step;
use venue::Paper;

/// The golden session of payrolls with both feeds, as a journal with snapshots, and its desk's last state.
struct Recorded {
    path: PathBuf,
    state: Vec<u8>,
    _folder: tempfile::TempDir,
}

fn state(desk: &Desk) -> Vec<u8> {
    let mut bytes = Vec::new();
    desk.save(&mut bytes);
    bytes
}

fn recorded() -> Recorded {
    let (config, input) = payrolls(true);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("session.journal");
    let source = input.open(&config, None).unwrap();
    let snapshots = Snapshots::beside(&path, BUILD).every(7_001);
    let record = journalled(&path, &config);
    let finished =
        backtest::run(&config, (source, &input.places()), &Script::default(), record, Some(&snapshots), &mut |_, _| {})
            .unwrap();
    finished.record.close().unwrap();
    Recorded { path, state: state(&finished.desk), _folder: folder }
}

/// The numbers of the snapshots beside a journal.
fn snapshots(journal: &Path) -> Vec<u64> {
    let files = fs::read_dir(journal.parent().unwrap()).unwrap().map(|file| file.unwrap().file_name());
    let number = |name: &str| name.rsplit_once(".snap-").and_then(|(_, number)| number.parse().ok());
    let mut numbers: Vec<u64> = files.filter_map(|name| number(name.to_str().unwrap())).collect();
    numbers.sort_unstable();
    numbers
}

#[test]
fn from_the_start_and_from_every_snapshot_the_same_desk_comes_out() {
    let recorded = recorded();
    let mut replay = Replay::open(&recorded.path, From::Start, u64::MAX).unwrap();
    let whole = replay.rest().unwrap();
    assert!(state(replay.desk()) == recorded.state, "from the start");
    assert_eq!((whole.began_after, whole.ending), (0, Ending::Closed));
    let mut digest = ActionsDigest::default();
    let mut reader = Reader::open(&recorded.path).unwrap();
    while let Some(record) = reader.next_record().unwrap() {
        if record.kind >= action::FIRST {
            digest.add(record.kind, record.payload);
        }
    }
    assert_eq!(whole.digest, digest.finish());
    let numbers = snapshots(&recorded.path);
    assert!(numbers.len() >= 5, "{numbers:?}");
    for number in numbers {
        let mut replay = Replay::open(&recorded.path, From::Snapshot, number).unwrap();
        let found = replay.rest().unwrap();
        assert_eq!((found.began_after, found.last), (number, whole.last));
        assert!(found.events < whole.events && found.skipped.is_empty());
        assert!(state(replay.desk()) == recorded.state, "from the snapshot after record {number}");
    }
}

#[test]
fn a_snapshot_that_does_not_fit_is_passed_over() {
    let recorded = recorded();
    let numbers = snapshots(&recorded.path);
    let (last, before) = (numbers[numbers.len() - 1], numbers[numbers.len() - 2]);
    let file = recorded.path.with_file_name(format!("session.journal.snap-{last}"));
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    fs::write(&file, bytes).unwrap();
    let mut replay = Replay::open(&recorded.path, From::Snapshot, u64::MAX).unwrap();
    let found = replay.rest().unwrap();
    assert_eq!((found.began_after, found.skipped.len()), (before, 1));
    assert!(state(replay.desk()) == recorded.state);
}

/// The journal written anew with one record changed (`None`: left out), every checksum and seal fitting.
fn forged(recorded: &Recorded, seq: u64, change: impl Fn(&mut Vec<u8>) -> bool) -> PathBuf {
    let (config, _) = payrolls(true);
    let path = recorded.path.with_file_name(format!("forged-{seq}"));
    let _ = fs::remove_file(&path);
    let mut writer = Writer::create(&path, &header(&config)).unwrap();
    let mut reader = Reader::open(&recorded.path).unwrap();
    while let Some(record) = reader.next_record().unwrap() {
        let mut payload = record.payload.to_vec();
        if record.seq != seq || change(&mut payload) {
            writer.append(record.kind, record.time, &payload).unwrap();
        }
    }
    writer.close().unwrap();
    path
}

/// The number of the record of a kind that is `skip` records of that kind in.
fn nth(journal: &Path, kind: u8, skip: usize) -> u64 {
    let mut reader = Reader::open(journal).unwrap();
    let mut left = skip;
    while let Some(record) = reader.next_record().unwrap() {
        if record.kind == kind {
            if left == 0 {
                return record.seq;
            }
            left -= 1;
        }
    }
    panic!("there are not so many of kind {kind}")
}

fn differs_at(path: &Path) -> (u64, Option<u8>, Option<u8>) {
    journal::verify(path).unwrap();
    let kind = |what: Option<(u8, Vec<u8>)>| what.map(|(kind, _)| kind);
    match Replay::open(path, From::Start, u64::MAX).unwrap().to_the_end() {
        Err(ReplayError::Differs { seq, recorded, now }) => (seq, kind(recorded), kind(now)),
        Err(error) => panic!("{error}"),
        Ok(found) => panic!("it replays: {found:?}"),
    }
}

#[test]
fn another_action_is_seen_at_its_record() {
    let recorded = recorded();
    for skip in [0, 20, 100] {
        let seq = nth(&recorded.path, action::SEND, skip);
        for byte in [0, 9] {
            let path = forged(&recorded, seq, |payload| {
                payload[byte] ^= 1;
                true
            });
            assert_eq!(differs_at(&path), (seq, Some(action::SEND), Some(action::SEND)), "byte {byte}");
        }
    }
    // An action that was left out shows at the record that stands in its place.
    let seq = nth(&recorded.path, action::WAKE_AT, 3);
    let path = forged(&recorded, seq, |_| false);
    let (found, _, now) = differs_at(&path);
    assert_eq!((found, now), (seq, Some(action::WAKE_AT)));
    // A tick that was another leads to another action, soon or later, or to none: here the tick before an entry.
    let seq = nth(&recorded.path, action::SEND, 0);
    let path = forged(&recorded, seq - 1, |payload| {
        let ask = 2 + 8 + 8 + 8;
        payload[ask] ^= 2;
        true
    });
    let (found, _, now) = differs_at(&path);
    assert_eq!((found, now), (seq, Some(action::SEND)));
}

#[test]
fn what_a_death_left_out_is_no_difference() {
    let recorded = recorded();
    let bytes = fs::read(&recorded.path).unwrap();
    let seq = nth(&recorded.path, action::SEND, 50);
    let mut reader = Reader::open(&recorded.path).unwrap();
    let mut cut = 0;
    while let Some(record) = reader.next_record().unwrap() {
        if record.seq == seq {
            cut = record.offset;
            break;
        }
    }
    // The event is there and its action is not; the same when a restart follows.
    let path = recorded.path.with_file_name("dead");
    fs::write(&path, &bytes[..usize::try_from(cut).unwrap()]).unwrap();
    let found = Replay::open(&path, From::Start, u64::MAX).unwrap().to_the_end().unwrap();
    assert_eq!((found.last, found.ending), (seq - 1, Ending::Open { seq, offset: cut }));
    let (desk, record, replayed) = restart(&path, Durability::Process).unwrap();
    assert_eq!(replayed.last, seq - 1);
    let (config, _) = payrolls(true);
    let now = desk.position().time;
    let mut session = Session::new(desk, Paper::new(config.venue).unwrap(), record, Nobody);
    session.start(now).unwrap();
    session.pass_until(now.plus(Span::SECOND)).unwrap();
    session.record.before_leaving().unwrap();
    let live = state(&session.desk);
    // What was decided and never written down is asked about, not sent.
    assert_eq!(nth(&path, action::QUERY, 0), seq + 1);
    let mut replay = Replay::open(&path, From::Start, u64::MAX).unwrap();
    replay.rest().unwrap();
    assert!(state(replay.desk()) == live);
}

#[test]
fn the_configuration_stands_in_the_journal() {
    let recorded = recorded();
    let (config, _) = payrolls(true);
    let found = config_of(&recorded.path).unwrap();
    assert_eq!((found.text, found.desk), (config.text, config.desk));
}

/// Keeps what the live desk thought at every entry, and the volume that it sent.
struct Notes(BTreeMap<u64, Vec<(String, i64)>>);

/// Every number of an explanation; floats print so that they can be read back exactly.
fn shown(explanation: &Explanation) -> String {
    format!("{explanation:?}")
}

impl Watch for Notes {
    fn on_action(&mut self, event: &Event, action: &Action, desk: &Desk) {
        let Action::Send(request) = action else { return };
        let Instruction::Open(entry) = request.instruction() else { return };
        let of = desk.explanations().iter().find(|explanation| explanation.sent == Some(request.id())).unwrap();
        self.0.entry(event.seq).or_default().push((shown(of), entry.lots.0));
    }
    fn on_event(&mut self, _: &Event, _: &Desk) {}
}

/// Runs ticks live with the desk explaining itself, on a journal.
fn explained(config: &Config, ticks: impl Iterator<Item = Tick>, path: &Path) -> BTreeMap<u64, Vec<(String, i64)>> {
    let mut desk = Desk::new(&config.desk).unwrap();
    desk.explain();
    let venue = Paper::new(config.venue.clone()).unwrap();
    let mut session = Session::new(desk, venue, journalled(path, config), Notes(BTreeMap::new()));
    let mut started = false;
    for tick in ticks {
        if !std::mem::replace(&mut started, true) {
            session.start(tick.seen).unwrap();
        }
        session.tick(&tick).unwrap();
    }
    let now = session.now().plus(Span::from_secs(30));
    session.pass_until(now).unwrap();
    let Session { record, watch, .. } = session;
    record.close().unwrap();
    watch.0
}

/// The entries of a journal: the volumes that each event sent.
fn entries(path: &Path) -> BTreeMap<u64, Vec<i64>> {
    let (mut last, mut entries) = (0, BTreeMap::<u64, Vec<i64>>::new());
    let mut reader = Reader::open(path).unwrap();
    while let Some(record) = reader.next_record().unwrap() {
        if record.kind < action::FIRST {
            last = record.seq;
        } else if record.kind == action::SEND
            && let (_, Instruction::Open(entry)) = get_request(record.payload).unwrap()
        {
            entries.entry(last).or_default().push(entry.lots.0);
        }
    }
    entries
}

/// The arithmetic of an entry holds together; whether the ensemble made it.
fn check_arithmetic(sent: &Explanation, lots: i64) -> bool {
    let review = sent.review.unwrap();
    assert!(review.findings().count() > 10 && review.refusal.is_none());
    assert_eq!(review.sizing.after(Step::LotStep).map(|volume| volume as i64), Some(lots));
    let Some(decision) = sent.decision else { return false };
    let decision = decision.unwrap();
    assert!(decision.discrepancy() <= 1e-6, "{}", decision.discrepancy());
    let (view, side) = (decision.view(), usize::from(decision.best == market::Side::Sell));
    let sum: f64 = decision.parts.iter().map(|part| part.contribution[side]).sum();
    let p = market::math::sigmoid(decision.base + sum);
    assert!((p - view.p).abs() < 1e-6 && view.p_lo <= view.p);
    let kelly = review.sizing.after(Step::Kelly).unwrap();
    assert!(kelly > 0.0 && kelly < 1.0, "{kelly}");
    true
}

/// Oracle 41, for the golden session with a planted edge, whose ensemble bets by Kelly's rule.
#[test]
fn every_decision_is_explained_as_it_was_made() {
    let text = fs::read_to_string(root().join("golden/planted/config.toml")).unwrap();
    let config = parse(&text, SEED);
    let walk = Walk {
        seed: 11,
        symbol: SymbolId(0),
        ticks: 25_000,
        start: Time::from_date(2014, 5, 5),
        every: 500_000_000,
        mid: 1_387_000,
        step: Points(10),
        spread: Points(30),
        plant: Plant::Edge { theta: 0.15, reach: 600, quiet: 60 },
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("session.journal");
    let live = explained(&config, walk.ticks(), &path);
    let (mut betted, mut ruled) = (0, 0);
    let mut replay = Replay::open(&path, From::Start, u64::MAX).unwrap();
    for (seq, volumes) in entries(&path) {
        replay.explain(seq).unwrap();
        let said = replay.desk().explanations();
        let wanted = &live[&seq];
        assert_eq!(wanted.iter().map(|(_, volume)| *volume).collect::<Vec<_>>(), volumes, "event {seq}");
        for (text, volume) in wanted {
            let same = said.iter().find(|explanation| shown(explanation) == *text);
            let by_ensemble =
                check_arithmetic(same.unwrap_or_else(|| panic!("event {seq}: another explanation")), *volume);
            betted += usize::from(by_ensemble);
            ruled += usize::from(!by_ensemble);
        }
    }
    assert!(betted >= 40 && ruled >= 20, "{betted} bets and {ruled} entries by rule");
    // To ask for the arithmetic changes nothing: it is the journal of the golden session, but for its end.
    let golden = fs::read_to_string(root().join("golden/planted/actions.txt")).unwrap();
    assert_eq!(golden.lines().filter(|line| line.contains(" open ")).count(), betted + ruled);
}

#[test]
fn what_is_no_event_cannot_be_explained() {
    let recorded = recorded();
    let seq = nth(&recorded.path, action::SEND, 0);
    let mut replay = Replay::open(&recorded.path, From::Start, u64::MAX).unwrap();
    let error = replay.explain(seq).unwrap_err();
    assert!(matches!(error, ReplayError::NoEvent { seq: found, .. } if found == seq), "{error}");
    let mut replay = Replay::open(&recorded.path, From::Snapshot, u64::MAX).unwrap();
    let error = replay.explain(u64::MAX).unwrap_err();
    assert!(matches!(error, ReplayError::NoEvent { .. }), "{error}");
}
