//! What a crash leaves: the next start finds everything acknowledged, or stops with the reason.
#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod common;

use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use common::{append, closed, content, header, open, parts};
use journal::background::{Background, RING_BYTES_MIN, Spec};
use journal::format::BLOCK_RECORDS;
use journal::{
    Doing, Durability, Ending, Error, Failure, Fault, Medium, Reader, Replica, Shape, What, Writer, recover,
    recover_after, verify, verify_bytes,
};
use proptest::prelude::*;
use proptest::test_runner::Config;

const CHILD: &str = "SCALPEL_TEST_JOURNAL";
const MODE: &str = "SCALPEL_TEST_MODE";

fn spec(strictest: Durability) -> Spec {
    Spec { ring_bytes: RING_BYTES_MIN, unsynced_bytes_max: 1 << 20, strictest, replica: None }
}

/// Every record is there up to at least `acknowledged`, with the content of its number.
fn check_content(path: &Path, acknowledged: u64) -> u64 {
    let mut reader = Reader::open(path).unwrap();
    let mut last = 0;
    while let Some(record) = reader.next_record().unwrap() {
        last += 1;
        let (kind, time, payload) = content(last);
        assert_eq!((record.seq, record.kind, record.time, record.payload), (last, kind, time, payload.as_slice()));
    }
    assert!(acknowledged <= last, "{acknowledged} was acknowledged, {last} is there");
    last
}

/// Not a test by itself: the process that is killed. Says on stderr what is acknowledged, after it is.
#[test]
fn child() {
    let Some(path) = std::env::var_os(CHILD).map(PathBuf::from) else { return };
    let mode = std::env::var(MODE).unwrap();
    let mut writer = if path.exists() {
        recover(&path).expect("the child recovers").writer
    } else {
        Writer::create(&path, &header()).expect("the child creates")
    };
    eprintln!("acknowledged {}", writer.written());
    match mode.as_str() {
        "writer" => loop {
            let count = 1 + content(writer.seq()).2.len() as u64 * 3;
            append(&mut writer, count);
            eprintln!("acknowledged {}", writer.flush().unwrap());
        },
        "background" => {
            let mut background = Background::start(writer, spec(Durability::Disk)).unwrap();
            loop {
                for _ in 0..=content(background.seq()).2.len() {
                    let (kind, time, payload) = content(background.seq() + 1);
                    background.append(kind, time, &payload).unwrap();
                }
                let class = if background.seq().is_multiple_of(7) { Durability::Disk } else { Durability::Process };
                background.wait(background.seq(), class).unwrap();
                eprintln!("acknowledged {}", background.seq());
            }
        }
        _ => loop {
            append(&mut writer, 1_000);
            match writer.sync() {
                Ok(seq) => eprintln!("acknowledged {seq}"),
                Err(error) => {
                    let again = writer.append(1, market::Time(0), b"").unwrap_err();
                    eprintln!("stopped {error:?} then {again:?}");
                    return;
                }
            }
        },
    }
}

fn command(path: &Path, mode: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "child", "--nocapture"]).env(CHILD, path).env(MODE, mode);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

fn last_acknowledged(said: &str) -> u64 {
    said.lines().filter_map(|line| line.strip_prefix("acknowledged ")?.parse().ok()).next_back().unwrap_or(0)
}

/// Kills the child once it has said `lines` things, at whatever instant that is, and gives all that it said.
fn kill_after(mut child: Child, lines: usize) -> String {
    let mut pipe = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    for _ in 0..lines {
        assert!(pipe.read_line(&mut said).unwrap() > 0, "the child died by itself: {said}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let mut rest = String::new();
    pipe.read_to_string(&mut rest).unwrap();
    // A line cut in two is not an acknowledgement.
    let whole = rest.rfind('\n').map_or(0, |end| end + 1);
    said + &rest[..whole]
}

#[test]
fn kill_9_loses_nothing_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let mut torn = 0;
    for mode in ["writer", "background"] {
        let path = folder.path().join(mode);
        let mut before = 0;
        for run in 0..20_usize {
            let said = kill_after(command(&path, mode).spawn().unwrap(), 1 + (run * 37) % 113);
            let acknowledged = last_acknowledged(&said);
            assert!(before <= acknowledged);
            let verified = verify(&path).expect("a killed process leaves no fault");
            torn += usize::from(matches!(verified.ending, Ending::Torn { .. }));
            assert!(acknowledged <= verified.place.seq, "{acknowledged} was acknowledged");
            before = check_content(&path, acknowledged);
        }
        let mut recovered = recover(&path).unwrap();
        append(&mut recovered.writer, 10);
        let closed = recovered.writer.close().unwrap();
        assert_eq!(verify(&path).unwrap().place.head, closed.head);
        check_content(&path, closed.seq);
    }
    println!("torn tails met: {torn}");
}

/// A real limit of the kernel: the largest file size, which a shell sets for the child.
#[test]
fn a_full_disk_stops_the_writer_and_loses_nothing_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("full");
    let child = command(&path, "sync");
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "trap '' XFSZ; ulimit -f 400; exec \"$0\" \"$@\""])
        .arg(child.get_program())
        .args(child.get_args());
    shell.envs(child.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let said = String::from_utf8(shell.output().unwrap().stderr).unwrap();
    check_stopped(&path, &said);
}

fn check_stopped(path: &Path, said: &str) {
    let acknowledged = last_acknowledged(said);
    assert!(acknowledged > 0, "{said}");
    let stopped = said.lines().find(|line| line.starts_with("stopped")).unwrap_or_else(|| panic!("{said}"));
    assert!(stopped.starts_with("stopped Failed(Full { used: "), "{stopped}");
    assert!(stopped.contains("then Poisoned(Full { used: "), "{stopped}");
    let verified = verify(path).unwrap();
    assert!(matches!(verified.ending, Ending::Torn { shape: Shape::Short, .. } | Ending::Open { .. }));
    check_content(path, acknowledged);
}

/// The real thing where a file system of 256 kB can be mounted (as root); the limit above is the test everywhere.
#[test]
fn a_full_file_system_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"]).arg(folder.path()).output();
    if !mount.is_ok_and(|output| output.status.success()) {
        return;
    }
    let path = folder.path().join("full");
    let said = String::from_utf8(command(&path, "sync").output().unwrap().stderr).unwrap();
    let result = std::panic::catch_unwind(|| {
        check_stopped(&path, &said);
        // No room for the side file either, perhaps: then nothing is cut.
        let before = fs::read(&path).unwrap();
        if let Err(error) = recover(&path) {
            assert!(matches!(error, Error::Failed(Failure::Full { .. })), "{error:?}");
            assert_eq!(fs::read(&path).unwrap(), before);
        }
    });
    assert!(Command::new("umount").arg(folder.path()).status().unwrap().success());
    result.unwrap();
}

/// A disk of so many bytes; what does not fit is written in part.
struct Small {
    bytes: Arc<Mutex<Vec<u8>>>,
    room: usize,
}

impl Medium for Small {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut held = self.bytes.lock().unwrap();
        let fits = bytes.len().min(self.room - held.len());
        held.extend_from_slice(&bytes[..fits]);
        if fits == bytes.len() { Ok(()) } else { Err(io::ErrorKind::StorageFull.into()) }
    }
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn full_at_every_byte() {
    let whole = open(40);
    for room in parts(&whole)[0].end..whole.len() {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let mut writer = Writer::on(Box::new(Small { bytes: Arc::clone(&bytes), room }), &header()).unwrap();
        let mut acknowledged = 0;
        let failed = loop {
            append(&mut writer, 2);
            match writer.flush() {
                Ok(seq) => acknowledged = seq,
                Err(error) => break error,
            }
        };
        let Error::Failed(failure @ Failure::Full { used, needed }) = failed else { panic!("{failed:?}") };
        assert!((used..used + needed).contains(&(room as u64)));
        assert_eq!(writer.append(1, market::Time(0), b""), Err(Error::Poisoned(failure)));
        assert_eq!(writer.sync(), Err(Error::Poisoned(failure)));
        let verified = verify_bytes(&bytes.lock().unwrap()).unwrap();
        assert!(acknowledged <= verified.place.seq && verified.place.seq <= acknowledged + 2);
        assert_eq!(bytes.lock().unwrap()[..], whole[..room]);
        assert_eq!(writer.close().unwrap_err(), Error::Poisoned(failure));
    }
}

#[test]
fn a_torn_last_record_at_every_length_is_kept_aside_and_the_chain_goes_on() {
    let folder = common::quick_folder();
    let whole = open(BLOCK_RECORDS + 20);
    let parts = parts(&whole);
    let expected = {
        let mut bytes = closed(BLOCK_RECORDS + 25);
        bytes.shrink_to_fit();
        bytes
    };
    // The last records and the seal of the block.
    for at in parts[BLOCK_RECORDS as usize].start..whole.len() {
        let path = folder.path().join(format!("{at}"));
        fs::write(&path, &whole[..at]).unwrap();
        let mut recovered = recover(&path).unwrap();
        let part = parts.iter().find(|part| at < part.end).unwrap();
        match recovered.torn {
            Some(torn) => {
                assert_eq!((torn.offset, torn.bytes), (part.start as u64, (at - part.start) as u64));
                assert_eq!(fs::read(torn.file).unwrap(), whole[part.start..at]);
            }
            None => assert_eq!(at, part.start),
        }
        let missing = BLOCK_RECORDS + 25 - recovered.writer.seq();
        append(&mut recovered.writer, missing);
        recovered.writer.close().unwrap();
        assert!(fs::read(&path).unwrap() == expected, "cut at {at}");
    }
}

#[test]
fn side_files_are_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j");
    let whole = open(3);
    for name in ["j.torn", "j.torn.1", "j.torn.2"] {
        fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        assert_eq!(recover(&path).unwrap().torn.unwrap().file, folder.path().join(name));
    }
}

#[test]
fn it_stops_at_what_no_crash_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j");
    let mut bytes = open(20);
    let part = parts(&bytes)[7];
    bytes[part.start + 25] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let fault = Fault { seq: 7, offset: part.start as u64, what: What::Checksum };
    assert_eq!(recover(&path).unwrap_err(), Error::Faulty(fault));
    assert_eq!(fs::read(&path).unwrap(), bytes);

    fs::write(&path, closed(3)).unwrap();
    assert_eq!(recover(&path).unwrap_err(), Error::Closed);
    let missing = recover(&folder.path().join("none")).unwrap_err();
    assert_eq!(missing, Error::Io { doing: Doing::Open, kind: io::ErrorKind::NotFound });
}

#[test]
fn two_writers_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j");
    let mut writer = Writer::create(&path, &header()).unwrap();
    assert_eq!(Writer::create(&path, &header()).unwrap_err(), Error::Exists);
    assert_eq!(recover(&path).unwrap_err(), Error::Locked);
    append(&mut writer, 3);
    writer.flush().unwrap();
    drop(writer);
    let first = recover(&path).unwrap();
    assert_eq!((first.writer.seq(), first.writer.durable()), (3, 3));
    assert_eq!(recover(&path).unwrap_err(), Error::Locked);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
}

#[test]
fn background_gives_the_same_bytes_as_the_writer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j");
    let writer = Writer::create(&path, &header()).unwrap();
    let mut background = Background::start(writer, spec(Durability::Disk)).unwrap();
    for seq in 1..=20_000 {
        let (kind, time, payload) = content(seq);
        assert_eq!(background.append(kind, time, &payload), Ok(seq));
        if seq % 997 == 0 {
            let class = if seq % 2 == 0 { Durability::Process } else { Durability::Disk };
            background.wait(seq, class).unwrap();
            assert!(background.has(seq, class));
        }
    }
    let place = background.place().unwrap();
    let closed_at = background.close().unwrap();
    assert_eq!((place.seq, place.head), (20_000, closed_at.head));
    assert!(fs::read(&path).unwrap() == closed(20_000));
}

#[test]
fn background_goes_on_where_the_writer_was_and_drops_without_a_close() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j");
    let mut writer = Writer::create(&path, &header()).unwrap();
    append(&mut writer, 300);
    let mut background = Background::start(writer, spec(Durability::Process)).unwrap();
    let (kind, time, payload) = content(301);
    assert_eq!(background.append(kind, time, &payload), Ok(301));
    assert_eq!(background.append(0, time, &payload), Err(Error::KindReserved));
    assert_eq!(background.append(1, time, &vec![0; 65_536]), Err(Error::PayloadTooLong { bytes: 65_536 }));
    let too_early = Error::NotAppended { seq: 302, last: 301 };
    assert_eq!(background.wait(302, Durability::Process), Err(too_early));
    assert_eq!(background.wait(1, Durability::Replica), Err(Error::NoReplica));
    let progress = background.progress();
    drop(background);
    assert_eq!(progress.written().max(301), 301);
    assert_eq!(check_content(&path, 301), 301);
    assert!(matches!(verify(&path).unwrap().ending, Ending::Open { seq: 302, .. }));
}

struct Follower(std::sync::atomic::AtomicU64);

impl Replica for Follower {
    fn acknowledged(&self) -> u64 {
        // Acknowledges one more each time it is asked.
        self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst)
    }
}

#[test]
fn a_replica_is_needed_and_waited_for() {
    let writer = || Writer::on(Box::new(common::Memory::default()), &header()).unwrap();
    assert_eq!(Background::start(writer(), spec(Durability::Replica)).unwrap_err(), Error::NoReplica);
    assert_eq!(writer().commit(Durability::Replica), Err(Error::NoReplica));
    let follower: Arc<dyn Replica> = Arc::new(Follower(0.into()));
    let spec = Spec { replica: Some(follower), ..spec(Durability::Replica) };
    let mut background = Background::start(writer(), spec).unwrap();
    for _ in 0..300 {
        background.append(1, market::Time(0), b"x").unwrap();
    }
    background.wait(300, Durability::Replica).unwrap();
    assert!(background.has(300, Durability::Replica));
}

#[test]
fn a_full_disk_behind_the_ring_surfaces() {
    let bytes = Arc::new(Mutex::new(Vec::new()));
    let writer = Writer::on(Box::new(Small { bytes: Arc::clone(&bytes), room: 400_000 }), &header()).unwrap();
    let mut background = Background::start(writer, spec(Durability::Disk)).unwrap();
    let progress = background.progress();
    let failed = loop {
        match background.append(1, market::Time(0), &vec![1; 60_000]) {
            Ok(seq) => assert!(seq < 100, "the ring is bounded, so the failure shows"),
            Err(error) => break error,
        }
    };
    let Error::Poisoned(failure @ Failure::Full { .. }) = failed else { panic!("{failed:?}") };
    assert_eq!(progress.failure(), Some(failure));
    assert_eq!(background.wait(background.seq(), Durability::Process), Err(Error::Poisoned(failure)));
    assert_eq!(background.place(), Err(Error::Poisoned(failure)));
    let acknowledged = progress.written();
    assert_eq!(background.close().unwrap_err(), Error::Failed(failure));
    assert!(acknowledged <= verify_bytes(&bytes.lock().unwrap()).unwrap().place.seq);
}

#[test]
fn a_full_ring_blocks_and_is_counted() {
    let memory = Arc::new(Mutex::new(Vec::new()));
    let room = usize::MAX;
    let writer = Writer::on(Box::new(Small { bytes: Arc::clone(&memory), room }), &header()).unwrap();
    let mut background = Background::start(writer, spec(Durability::Process)).unwrap();
    let progress = background.progress();
    // The disk stands still until the ring is full.
    let still = memory.lock().unwrap();
    let desk = std::thread::spawn(move || {
        for seq in 1..=50 {
            assert_eq!(background.append(1, market::Time(0), &vec![1; 60_000]), Ok(seq));
        }
        background.close().unwrap().seq
    });
    while progress.blocked() == 0 {
        std::thread::yield_now();
    }
    assert_eq!(progress.written(), 0);
    drop(still);
    assert_eq!(desk.join().unwrap(), 50);
}

#[test]
fn segments_continue_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let paths = [1, 2, 3].map(|number| folder.path().join(format!("{number}")));
    let mut next = header();
    for path in &paths {
        let mut writer = Writer::create(path, &next).unwrap();
        append(&mut writer, 300);
        let closed = writer.close().unwrap();
        next = journal::Header { first: closed.seq + 1, previous: closed.head, ..next };
    }
    let segments = journal::verify_segments(&paths).unwrap();
    assert_eq!(segments.last().unwrap().place.seq, 900);
    let wrong = journal::verify_segments(&[&paths[0], &paths[2]]).unwrap_err();
    assert_eq!(wrong, (1, Fault { seq: 0, offset: 0, what: What::HeaderChain }));
}

#[test]
fn recovery_from_a_mark_reads_only_what_follows_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j");
    let mut writer = Writer::create(&path, &header()).unwrap();
    append(&mut writer, 1_000);
    let place = writer.place();
    append(&mut writer, 700);
    let after = writer.place();
    writer.flush().unwrap();
    drop(writer);
    assert_eq!(place.mark.seq, 1_000 / BLOCK_RECORDS * BLOCK_RECORDS);
    let recovered = recover_after(&path, &place.mark).unwrap();
    assert_eq!(recovered.verified.place, after);
    assert_eq!(recovered.verified.records, 1_700 - place.mark.seq);
    drop(recovered);
    let wrong = journal::Mark { seq: place.mark.seq + 1, ..place.mark };
    let fault = Fault { seq: wrong.seq, offset: wrong.offset, what: What::Seal };
    assert_eq!(recover_after(&path, &wrong).unwrap_err(), Error::Faulty(fault));
}

/// A disk whose power can fail: what was synced is there; of the rest some pages are, some are zeros, and the end may
/// be missing.
#[derive(Clone, Default)]
struct Lossy(Arc<Mutex<(Vec<u8>, usize)>>);

impl Medium for Lossy {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().0.extend_from_slice(bytes);
        Ok(())
    }
    fn sync(&mut self) -> io::Result<()> {
        let mut held = self.0.lock().unwrap();
        held.1 = held.0.len();
        Ok(())
    }
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(200) })]

    #[test]
    fn power_loss_loses_nothing_synced_or_stops(
        groups in proptest::collection::vec((1..60_u64, 0..4_u8), 1..30), lost in any::<u64>(), cut in any::<u16>(),
    ) {
        let disk = Lossy::default();
        let mut writer = Writer::on(Box::new(disk.clone()), &header()).unwrap();
        for (count, class) in groups {
            append(&mut writer, count);
            if class == 0 { writer.sync() } else { writer.flush() }.unwrap();
        }
        let (durable, written) = (writer.durable(), writer.written());
        let (mut bytes, synced) = disk.0.lock().unwrap().clone();
        let mut first_lost = bytes.len();
        for (number, at) in (synced.next_multiple_of(512)..bytes.len()).step_by(512).enumerate() {
            let end = bytes.len().min(at + 512);
            if lost.rotate_right(number as u32).trailing_zeros() >= 2 {
                first_lost = first_lost.min(at);
                bytes[at..end].fill(0);
            }
        }
        let end = bytes.len() - usize::from(cut) % (bytes.len() - synced + 1);
        bytes.truncate(end);
        let folder = common::quick_folder();
        let path = folder.path().join("j");
        fs::write(&path, &bytes).unwrap();
        match recover(&path) {
            Ok(recovered) => {
                prop_assert!(durable <= recovered.writer.seq() && recovered.writer.seq() <= written);
                drop(recovered);
                check_content(&path, durable);
            }
            // It may stop (a seal was kept and a page before it was not), never go on with less.
            Err(Error::Faulty(fault)) => prop_assert!(durable < fault.seq && first_lost < bytes.len(), "{fault}"),
            Err(error) => prop_assert!(false, "{error}"),
        }
    }
}
