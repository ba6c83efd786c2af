//! Snapshots: what is written reads back, what was changed does not.
#![no_main]

use journal::format::Head;
use journal::{Mark, Place, Snapshot};
use libfuzzer_sys::fuzz_target;
use market::Time;
use scalpel_fuzz::edit;
use scalpel_fuzz::input::Input;

fuzz_target!(|bytes: &[u8]| {
    if bytes.starts_with(&journal::snapshot::MAGIC) {
        return canonical(bytes);
    }
    let mut input = Input::new(bytes);
    let snapshot = snapshot(&mut input);
    let written = snapshot.to_bytes();
    let fits = snapshot.place.mark.seq <= snapshot.place.seq;
    assert_eq!(Snapshot::from_bytes(&written), fits.then_some(snapshot));

    let mut mutant = written.clone();
    for _ in 0..4 {
        if input.is_empty() {
            break;
        }
        edit::bytes(&mut input, &mut mutant);
    }
    if mutant != written {
        assert_eq!(Snapshot::from_bytes(&mutant), None);
        digest(&mut mutant);
    }
    canonical(&mutant);
});

fn snapshot(input: &mut Input<'_>) -> Snapshot {
    let (seq, distance) = (input.number(), u64::from(input.byte()));
    let mark = Mark {
        seq: seq.wrapping_sub(distance),
        offset: input.number(),
        head: Head([input.byte(); 32]),
        time: Time(input.number() as i64),
        crc: u32::from(input.byte()),
    };
    let length = usize::from(input.byte());
    let build = String::from_utf8_lossy(input.slice(length)).into_owned();
    let length = usize::from(input.byte());
    let state = input.slice(length).to_vec();
    let place = Place { seq, time: Time(input.number() as i64), head: Head([input.byte(); 32]), mark };
    Snapshot { run: [input.byte(); 16], build, config: Head([input.byte(); 32]), place, state }
}

/// Makes the digest at the end fit what stands before it.
fn digest(bytes: &mut [u8]) {
    if let Some((body, digest)) = bytes.split_last_chunk_mut::<32>() {
        *digest = Head::of(body).0;
    }
}

/// Whatever reads as a snapshot is exactly what a snapshot writes.
fn canonical(bytes: &[u8]) {
    if let Some(snapshot) = Snapshot::from_bytes(bytes) {
        assert_eq!(snapshot.to_bytes(), bytes);
    }
}
