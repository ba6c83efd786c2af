//! A journalled session that dies goes on where it stopped, and ends with the same bytes as if it had not died; a session
//! that is not the same is refused at the first record that differs.
#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod common;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use common::{BUILD, header, journalled, payrolls};
use config::Config;
use journal::{Durability, Ending, Error, Failure, Reader, verify};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use replay::again::{From, Replay};
use replay::backtest::{self, Input, RunError, Snapshots};
use replay::record::{Record, RecordError, Resumed};
use replay::script::Script;

const CHILD: &str = "SCALPEL_TEST_SESSION";

/// Market records between two snapshots: several within the session.
const SNAPSHOT_EVERY: u64 = 3_000;

/// Goes through the session, however far it is already; the head at its end.
fn session(path: &Path) -> Result<String, RunError> {
    let (config, input) = payrolls(false);
    session_of(path, &config, &input)
}

fn session_of(path: &Path, config: &Config, input: &Input) -> Result<String, RunError> {
    if path.exists() {
        let (record, _torn) = Resumed::open(path, &header(config), Durability::Process)?;
        let record = run(path, config, input, record)?;
        assert!(record.agreed() > 0);
        return Ok(record.close()?.to_string());
    }
    Ok(run(path, config, input, journalled(path, config))?.close()?.to_string())
}

fn run<R: Record>(path: &Path, config: &Config, input: &Input, record: R) -> Result<R, RunError> {
    let snapshots = Snapshots::beside(path, BUILD).every(SNAPSHOT_EVERY);
    let source = input.open(config, None)?;
    let finished =
        backtest::run(config, (source, &input.places()), &Script::default(), record, Some(&snapshots), &mut |_, _| {})?;
    Ok(finished.split().1)
}

/// Not a test by itself: the process that is killed.
#[test]
fn child() {
    let Some(path) = std::env::var_os(CHILD).map(PathBuf::from) else { return };
    match session(&path) {
        Ok(head) => eprintln!("ended {head}"),
        Err(error) => eprintln!("stopped {error:?}"),
    }
}

fn command(path: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "child", "--nocapture"]).env(CHILD, path);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// The session that nothing happened to: its head and the bytes of its journal.
fn unharmed(folder: &Path) -> (String, Vec<u8>) {
    let path = folder.join("unharmed");
    let head = session(&path).unwrap();
    (head, fs::read(&path).unwrap())
}

/// Kills a process with signal 9 once its journal is longer than `bytes`, or when it has ended; how long it was then.
fn kill_at(mut child: Child, path: &Path, bytes: u64) -> u64 {
    let length = || fs::metadata(path).map_or(0, |file| file.len());
    while length() < bytes && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    length()
}

#[test]
fn kill_9_at_any_instant_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (head, bytes) = unharmed(folder.path());
    let mut random = ChaCha8Rng::seed_from_u64(4);
    let (mut nth, mut deaths) = (0, 0);
    while deaths < 14 {
        nth += 1;
        assert!(nth < 50, "only {deaths} processes died before their end");
        let path = folder.path().join(format!("killed-{nth}"));
        // Up to three lives, each of which dies later than the one before; then one that comes to the end.
        let mut from = 0;
        for _ in 0..random.random_range(1..4) {
            from = random.random_range(from..bytes.len() as u64);
            from = kill_at(command(&path).spawn().unwrap(), &path, from);
            deaths += u32::from(path.exists() && from < bytes.len() as u64);
        }
        let ended = match session(&path) {
            // It was quicker than the signal.
            Err(RunError::Record(RecordError::Journal(Error::Closed))) => head.clone(),
            ended => ended.unwrap(),
        };
        assert_eq!(ended, head, "life {nth}");
        assert!(fs::read(&path).unwrap() == bytes, "life {nth}: the head is the same and the bytes are not");
        let replayed = Replay::open(&path, From::Snapshot, u64::MAX).unwrap().to_the_end().unwrap();
        assert!(replayed.began_after > 0 && replayed.ending == Ending::Closed, "{replayed:?}");
    }
}

#[test]
fn a_torn_tail_is_kept_aside_and_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (head, bytes) = unharmed(folder.path());
    let start = header(&payrolls(false).0).to_bytes().unwrap().len();
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let mut torn = 0;
    for nth in 0..6 {
        let path = folder.path().join(format!("torn-{nth}"));
        let cut = random.random_range(start..bytes.len());
        fs::write(&path, &bytes[..cut]).unwrap();
        torn += u32::from(matches!(verify(&path).unwrap().ending, Ending::Torn { .. }));
        assert_eq!(session(&path).unwrap(), head, "cut at {cut}");
        assert!(fs::read(&path).unwrap() == bytes, "cut at {cut}");
    }
    assert!(torn >= 3, "only {torn} were torn");
}

#[test]
fn a_damaged_journal_is_not_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let (_, bytes) = unharmed(folder.path());
    let path = folder.path().join("damaged");
    let mut damaged = bytes[..bytes.len() / 2].to_vec();
    damaged[bytes.len() / 4] ^= 1;
    fs::write(&path, &damaged).unwrap();
    let error = session(&path).unwrap_err();
    assert!(matches!(error, RunError::Record(RecordError::Journal(Error::Faulty(_)))), "{error:?}");
    assert!(fs::read(&path).unwrap() == damaged, "it was changed");
}

/// The kernel's limit on the size of a file, which a shell sets for the child.
#[test]
fn a_full_disk_ends_the_session_and_it_goes_on_later() {
    let folder = tempfile::tempdir().unwrap();
    let (head, bytes) = unharmed(folder.path());
    let path = folder.path().join("full");
    let child = command(&path);
    let mut shell = Command::new("sh");
    // Blocks of 512 or of 1024 bytes, as the shell likes: less than the journal in both.
    let blocks = bytes.len() / 3 / 512 / 2;
    shell.args(["-c", &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"")]);
    shell.arg(child.get_program()).args(child.get_args()).stdout(Stdio::null()).stderr(Stdio::piped());
    shell.envs(child.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut said = String::new();
    let mut running = shell.spawn().unwrap();
    running.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    running.wait().unwrap();
    let stopped = said.lines().find(|line| line.starts_with("stopped")).unwrap_or_else(|| panic!("{said}"));
    assert!(stopped.starts_with("stopped Record(Journal(Failed(Full { used: "), "{stopped}");
    assert_eq!(session(&path).unwrap(), head);
    assert!(fs::read(&path).unwrap() == bytes);
}

#[test]
fn the_error_of_a_full_disk_says_what_is_needed() {
    let failure = Failure::Full { used: 4_096, needed: 100 };
    let error = RunError::Record(RecordError::Journal(Error::Failed(failure)));
    let expected =
        "the journal cannot be written: the journal failed: no room: 4096 bytes are written and 100 more are needed";
    assert_eq!(error.to_string(), expected);
}

/// The first half of the session's journal, under another name.
fn half(folder: &Path, bytes: &[u8]) -> PathBuf {
    let path = folder.join("half");
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    path
}

/// What a resumed session says when it does not agree, though the header is taken for granted.
fn disagreement(path: &Path, config: &Config, input: &Input) -> (u64, u8, u8) {
    let before = fs::read(path).unwrap();
    let recovered = journal::recover(path).unwrap();
    let whole = fs::metadata(path).unwrap().len();
    let record = Resumed::new(Reader::open(path).unwrap(), recovered.writer, Durability::Process);
    let found = match run(path, config, input, record) {
        Err(RunError::Record(RecordError::Differs { seq, recorded, now, .. })) => (seq, recorded.0, now.0),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it went on"),
    };
    assert!(fs::read(path).unwrap() == before[..whole as usize], "the journal was changed");
    found
}

/// The number of the first record of a kind in a journal.
fn first(bytes: &[u8], mut wanted: impl FnMut(u8, &[u8]) -> bool) -> u64 {
    let mut reader = Reader::new(std::io::Cursor::new(bytes)).unwrap();
    while let Some(record) = reader.next_record().unwrap() {
        if wanted(record.kind, record.payload) {
            return record.seq;
        }
    }
    panic!("there is none")
}

#[test]
fn another_configuration_is_refused_at_the_first_record_that_differs() {
    let folder = tempfile::tempdir().unwrap();
    let (_, bytes) = unharmed(folder.path());
    let path = half(folder.path(), &bytes);
    let (config, input) = payrolls(false);
    let text = config.text.replace("lots = \"0.10 lot\"", "lots = \"0.20 lot\"");
    let other = common::parse(&text, common::SEED);
    let sent = journal::codec::action::SEND;
    assert_eq!(disagreement(&path, &other, &input), (first(&bytes, |kind, _| kind == sent), sent, sent));
    // Where the header is asked for it speaks first, so that a difference which has not shown yet is seen too.
    let late = common::parse(&config.text.replace("day_loss_max = \"3000", "day_loss_max = \"2999"), common::SEED);
    let before = fs::read(&path).unwrap();
    let error = session_of(&path, &late, &input).unwrap_err();
    assert!(matches!(error, RunError::Record(RecordError::OtherRun)), "{error}");
    assert!(fs::read(&path).unwrap() == before, "the journal was changed");
}

#[test]
fn other_ticks_are_refused_at_the_first_record_that_differs() {
    let folder = tempfile::tempdir().unwrap();
    let (_, bytes) = unharmed(folder.path());
    let path = half(folder.path(), &bytes);
    let (config, input) = payrolls(false);
    // A tick in the middle has another ask.
    let text = ticks_of(&input.feeds[0].0[0]);
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let changed = lines[2_000].split(',').collect::<Vec<_>>();
    let price: f64 = changed[2].parse().unwrap();
    lines[2_000] = format!("{},{},{:.5}", changed[0], changed[1], price + 0.000_01);
    let file = folder.path().join("other.csv");
    fs::write(&file, lines.join("\n") + "\n").unwrap();
    let mut other = input;
    other.feeds[0].0 = vec![file];
    let (seq, recorded, now) = disagreement(&path, &config, &other);
    // The header of the file is its first line, so this is its two thousandth tick.
    let mut ticks = 0;
    let expected = first(&bytes, |kind, _| {
        ticks += u64::from(kind == journal::codec::event::TICKED);
        ticks == 2_000
    });
    assert_eq!((seq, recorded, now), (expected, journal::codec::event::TICKED, journal::codec::event::TICKED));
    // Fewer ticks than were recorded: the session's end comes where another tick was.
    let file = folder.path().join("short.csv");
    fs::write(&file, ticks_of(&payrolls(false).1.feeds[0].0[0]).lines().take(1_000).collect::<Vec<_>>().join("\n"))
        .unwrap();
    other.feeds[0].0 = vec![file];
    let (_, recorded, now) = disagreement(&path, &config, &other);
    assert_eq!((recorded, now), (journal::codec::event::TICKED, journal::codec::event::COMMANDED));
}

/// The believed and the doubted ticks of a compressed file, as text.
fn ticks_of(path: &Path) -> String {
    let mut text = String::from("ts_ms,bid,ask\n");
    let (config, _) = payrolls(false);
    let input = Input { feeds: vec![(vec![path.to_owned()], feed::Options::none())] };
    for judged in input.open(&config, None).unwrap() {
        let feed::Record::Quote(tick) = judged.unwrap().record else { continue };
        let price = |price: market::Price| price.0 as f64 * 1e-5;
        let line = format!("{},{:.5},{:.5}\n", tick.time.0 / 1_000_000, price(tick.bid), price(tick.ask));
        text.push_str(&line);
    }
    text
}
