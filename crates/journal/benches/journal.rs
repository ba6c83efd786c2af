//! What an append costs, with the chain; what the desk's thread pays; what a group commit takes.
//!
//! `cargo bench -p journal`. The files lie in `SCALPEL_BENCH_DIR`, else in the temporary folder: for disk figures it
//! must be a disk. Commit latencies are printed as percentiles, since a mean says little about a disk.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark has a clock and prints"
)]

use std::hint::black_box;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use journal::background::{Background, RING_BYTES, Spec};
use journal::{Durability, Head, Header, Medium, Writer, verify};
use market::Time;

const PAYLOAD: [u8; 48] = [7; 48];

struct Nowhere;

impl Medium for Nowhere {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        black_box(bytes);
        Ok(())
    }
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn header() -> Header {
    let (build, config) = ("bench".to_owned(), "[risk]\n".repeat(100));
    Header { run: [1; 16], created: Time(0), first: 1, previous: Head::default(), build, config }
}

fn folder() -> tempfile::TempDir {
    let at = std::env::var_os("SCALPEL_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    tempfile::tempdir_in(at).unwrap()
}

fn spec(ring_bytes: usize) -> Spec {
    Spec { ring_bytes, unsynced_bytes_max: u64::MAX, strictest: Durability::Disk, replica: None }
}

fn append(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("journal");
    group.throughput(Throughput::Elements(1)).measurement_time(Duration::from_secs(3));
    for bytes in [0, 32, 48, 64, 256] {
        group.bench_function(format!("append {bytes} bytes, chained, no disk"), |bench| {
            let mut writer = Writer::on(Box::new(Nowhere), &header()).unwrap();
            let payload = vec![7_u8; bytes];
            bench.iter(|| writer.append(1, Time(5), black_box(&payload)).unwrap());
        });
    }
    group.bench_function("append + flush each, 48 bytes, file", |bench| {
        let folder = folder();
        let mut writer = Writer::create(&folder.path().join("a"), &header()).unwrap();
        bench.iter(|| {
            writer.append(1, Time(5), black_box(&PAYLOAD)).unwrap();
            writer.flush().unwrap()
        });
    });
    group.finish();
}

/// A burst that fits in the ring, then the thread catches up, unmeasured: what the desk's thread pays.
fn enqueue(criterion: &mut Criterion) {
    const BURST: u32 = 4096;
    let mut group = criterion.benchmark_group("journal");
    group.throughput(Throughput::Elements(1)).measurement_time(Duration::from_secs(3));
    group.bench_function("background enqueue, 48 bytes", |bench| {
        bench.iter_custom(|count| {
            let writer = Writer::on(Box::new(Nowhere), &header()).unwrap();
            let mut background = Background::start(writer, spec(RING_BYTES)).unwrap();
            let mut spent = Duration::ZERO;
            let mut left = count;
            while left > 0 {
                let burst = left.min(u64::from(BURST));
                let began = Instant::now();
                for _ in 0..burst {
                    background.append(1, Time(5), black_box(&PAYLOAD)).unwrap();
                }
                spent += began.elapsed();
                background.wait(background.seq(), Durability::Process).unwrap();
                left -= burst;
            }
            spent
        });
    });
    group.finish();
}

fn percentiles(name: &str, mut taken: Vec<Duration>) {
    taken.sort_unstable();
    let at = |percent: f64| taken[((taken.len() - 1) as f64 * percent / 100.0) as usize].as_secs_f64() * 1e6;
    println!("{name:<58} p50 {:9.2} us  p99 {:9.2} us  p99.9 {:9.2} us", at(50.0), at(99.0), at(99.9));
}

fn commits(_: &mut Criterion) {
    let folder = folder();
    for group in [1, 64] {
        for (durability, count) in [(Durability::Process, 20_000), (Durability::Disk, 2_000)] {
            let mut writer = Writer::create(&folder.path().join(format!("{durability:?}{group}")), &header()).unwrap();
            let taken = (0..count).map(|_| {
                let began = Instant::now();
                for _ in 0..group {
                    writer.append(1, Time(5), &PAYLOAD).unwrap();
                }
                writer.commit(durability).unwrap();
                began.elapsed()
            });
            percentiles(&format!("writer, {group} records, {durability:?}"), taken.collect());
        }
    }
    for (durability, count) in [(Durability::Process, 20_000), (Durability::Disk, 2_000)] {
        let writer = Writer::create(&folder.path().join(format!("b{durability:?}")), &header()).unwrap();
        let mut background = Background::start(writer, spec(RING_BYTES)).unwrap();
        let taken = (0..count).map(|_| {
            let began = Instant::now();
            let seq = background.append(1, Time(5), &PAYLOAD).unwrap();
            background.wait(seq, durability).unwrap();
            began.elapsed()
        });
        percentiles(&format!("background, 1 record, {durability:?}"), taken.collect());
    }
}

/// Sustained rates with a real file, and reading it all back.
fn sustained(_: &mut Criterion) {
    const RECORDS: u64 = 5_000_000;
    let folder = folder();
    let rate = |name: &str, began: Instant| {
        println!("{name:<58} {:9.2} million records/s", RECORDS as f64 / began.elapsed().as_secs_f64() / 1e6);
    };
    let path = folder.path().join("writer");
    let mut writer = Writer::create(&path, &header()).unwrap();
    let began = Instant::now();
    for number in 0..RECORDS {
        writer.append(1, Time(number as i64), &PAYLOAD).unwrap();
    }
    writer.flush().unwrap();
    rate("writer, page cache, one thread", began);
    writer.close().unwrap();
    let began = Instant::now();
    assert_eq!(verify(&path).unwrap().records, RECORDS);
    rate("verify", began);
    let writer = Writer::create(&folder.path().join("background"), &header()).unwrap();
    let mut background = Background::start(writer, spec(RING_BYTES)).unwrap();
    let began = Instant::now();
    for number in 0..RECORDS {
        background.append(1, Time(number as i64), &PAYLOAD).unwrap();
    }
    background.wait(RECORDS, Durability::Process).unwrap();
    rate("background, page cache", began);
    println!("  ring full {} times", background.blocked());
}

criterion_group!(benches, append, enqueue, commits, sustained);
criterion_main!(benches);
