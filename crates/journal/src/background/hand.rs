//! What the journal's thread does: takes what is in the ring, writes it as one group, syncs when wanted.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::thread;

use market::Time;
use rtrb::Consumer;

use super::{FRAME_HEAD_BYTES, NAP, SPINS, Shared};
use crate::error::{Error, Failure};
use crate::format::SEAL_KIND;
use crate::writer::{Closed, Writer};

/// The journal's thread.
pub(super) struct Hand {
    pub(super) writer: Writer,
    pub(super) ring: Consumer<u8>,
    pub(super) shared: Arc<Shared>,
    /// The first `held` bytes are the beginning of a frame whose rest has not been taken yet.
    pub(super) bytes: Vec<u8>,
    pub(super) held: usize,
    pub(super) unsynced_bytes_max: u64,
}

impl Hand {
    pub(super) fn run(mut self) -> Result<Option<Closed>, Error> {
        let shared = Arc::clone(&self.shared);
        let worked = self.work();
        let ended = worked.and_then(|()| {
            if shared.seal.load(Ordering::Acquire) {
                self.writer.close().map(Some)
            } else {
                self.writer.sync().map(|_| None)
            }
        });
        if let Err(error) = ended {
            shared.fail(match error {
                Error::Failed(failure) | Error::Poisoned(failure) => failure,
                _ => Failure::ThreadGone,
            });
        }
        ended
    }

    fn work(&mut self) -> Result<(), Error> {
        let mut idle = 0;
        loop {
            // Read before the ring: what was pushed before the end is then seen.
            let ended = self.shared.ended.load(Ordering::SeqCst);
            let taken = self.take()?;
            self.commit()?;
            if taken > 0 {
                idle = 0;
            } else if ended {
                return Ok(());
            } else {
                idle += 1;
                self.rest(idle);
            }
        }
    }

    /// Appends what is in the ring, up to a bound, and gives the bytes taken.
    fn take(&mut self) -> Result<usize, Error> {
        let (taken, _) = self.ring.pop_partial_slice(&mut self.bytes[self.held..]);
        let taken = taken.len();
        let end = self.held + taken;
        let mut at = 0;
        while let Some(bytes) = frame_bytes(&self.bytes[at..end]) {
            let frame = &self.bytes[at..at + bytes];
            let (kind, time) = frame_fields(frame);
            if kind == SEAL_KIND {
                let place = self.writer.place();
                *self.shared.place.lock().unwrap_or_else(PoisonError::into_inner) = Some(place);
                self.shared.announce();
            } else {
                self.writer.append(kind, time, &frame[FRAME_HEAD_BYTES..])?;
            }
            at += bytes;
        }
        self.bytes.copy_within(at..end, 0);
        self.held = end - at;
        Ok(taken)
    }

    /// Writes the group; syncs when someone wants it or too much is at stake.
    fn commit(&mut self) -> Result<(), Error> {
        if self.writer.written() < self.writer.seq() {
            let written = self.writer.flush()?;
            self.shared.written.store(written, Ordering::SeqCst);
            self.shared.announce();
        }
        let wanted = self.shared.wanted.load(Ordering::SeqCst);
        let waited_for = self.writer.durable() < wanted && wanted <= self.writer.written();
        if waited_for || self.unsynced_bytes_max < self.writer.unsynced_bytes() {
            let durable = self.writer.sync()?;
            self.shared.durable.store(durable, Ordering::SeqCst);
            self.shared.announce();
        }
        Ok(())
    }

    fn rest(&self, idle: u32) {
        if idle < SPINS {
            std::hint::spin_loop();
            return;
        }
        self.shared.naps.store(true, Ordering::SeqCst);
        if self.ring.is_empty() && !self.shared.ended.load(Ordering::SeqCst) {
            thread::park_timeout(NAP);
        }
        self.shared.naps.store(false, Ordering::SeqCst);
    }
}

/// The length of the whole frame that begins here, if all of it is here.
fn frame_bytes(bytes: &[u8]) -> Option<usize> {
    let length = FRAME_HEAD_BYTES + usize::from(u16::from_le_bytes(*bytes.first_chunk()?));
    (length <= bytes.len()).then_some(length)
}

fn frame_fields(frame: &[u8]) -> (u8, Time) {
    let time = frame.get(3..FRAME_HEAD_BYTES).and_then(|time| time.try_into().ok());
    (frame[2], Time(time.map_or(0, i64::from_le_bytes)))
}
