//! The writer on its own thread: the desk's thread copies a record into a ring and goes on.
//!
//! The ring is bounded; full means that the disk is too slow: `append` blocks and counts. The thread takes whatever is
//! there as one group, hands it to the operating system, and syncs when someone waits for the disk or when the bytes
//! that a power loss would take grow over a bound. An order that waits for its record pays two hops between threads.
//! What nobody waits for reaches the operating system within about a millisecond, or when the ring is half full.

mod hand;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use market::Time;
use rtrb::{Producer, RingBuffer};

use crate::chain::Place;
use crate::durability::{Durability, Replica};
use crate::error::{Doing, Error, Failure};
use crate::format::{PAYLOAD_BYTES_MAX, SEAL_KIND};
use crate::writer::{Closed, Writer};
use hand::Hand;

/// Bytes before a payload in the ring: length u16, kind u8, time i64.
const FRAME_HEAD_BYTES: usize = 11;
/// The longest frame.
const FRAME_BYTES_MAX: usize = FRAME_HEAD_BYTES + PAYLOAD_BYTES_MAX;
/// The smallest ring: two of the longest frames.
pub const RING_BYTES_MIN: usize = 2 * FRAME_BYTES_MAX;
/// A ring for about 17,000 quotes.
pub const RING_BYTES: usize = 1 << 20;
/// The thread takes at most this much at once, so that watermarks move under load.
const TAKE_BYTES: usize = 128 * 1024;
/// How often the other side is asked without giving up the processor.
const SPINS: u32 = 256;
/// The longest nap of a thread that was not woken. Whoever waits wakes it at once.
const NAP: Duration = Duration::from_millis(1);

/// How the background writer behaves.
#[derive(Clone)]
pub struct Spec {
    /// Bytes of the ring, at least [`RING_BYTES_MIN`]; more than fits blocks the desk.
    pub ring_bytes: usize,
    /// Sync without being asked when more than this was written since the last sync; `u64::MAX` syncs only when asked.
    pub unsynced_bytes_max: u64,
    /// The strictest class that will be waited for.
    pub strictest: Durability,
    /// The second machine; needed when `strictest` is [`Durability::Replica`].
    pub replica: Option<Arc<dyn Replica>>,
}

impl std::fmt::Debug for Spec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spec")
            .field("ring_bytes", &self.ring_bytes)
            .field("strictest", &self.strictest)
            .finish_non_exhaustive()
    }
}

/// What both threads see.
#[derive(Debug, Default)]
struct Shared {
    written: AtomicU64,
    durable: AtomicU64,
    /// Someone waits for this record to be on the disk.
    wanted: AtomicU64,
    /// How many appends found the ring full.
    blocked: AtomicU64,
    failed: AtomicBool,
    failure: OnceLock<Failure>,
    /// No more records will come.
    ended: AtomicBool,
    /// Write the closing seal at the end.
    seal: AtomicBool,
    /// The journal's thread naps.
    naps: AtomicBool,
    /// Someone waits on `moved`.
    waits: AtomicBool,
    place: Mutex<Option<Place>>,
    moved: Condvar,
}

impl Shared {
    fn failure(&self) -> Option<Failure> {
        self.failed.load(Ordering::Acquire).then(|| self.failure.get().copied().unwrap_or(Failure::ThreadGone))
    }

    fn fail(&self, failure: Failure) {
        let _ = self.failure.set(failure);
        self.failed.store(true, Ordering::SeqCst);
        self.announce();
    }

    /// Wakes whoever waits for a watermark.
    fn announce(&self) {
        if self.waits.load(Ordering::SeqCst) {
            let _guard = self.place.lock().unwrap_or_else(PoisonError::into_inner);
            self.moved.notify_all();
        }
    }
}

/// The watermarks, for other threads.
#[derive(Debug, Clone)]
pub struct Progress(Arc<Shared>);

impl Progress {
    /// The last record that survives the death of the process.
    pub fn written(&self) -> u64 {
        self.0.written.load(Ordering::Acquire)
    }

    /// The last record that survives a power loss.
    pub fn durable(&self) -> u64 {
        self.0.durable.load(Ordering::Acquire)
    }

    /// How many appends found the ring full.
    pub fn blocked(&self) -> u64 {
        self.0.blocked.load(Ordering::Relaxed)
    }

    /// Why the journal stopped, if it did.
    pub fn failure(&self) -> Option<Failure> {
        self.0.failure()
    }
}

/// A [`Writer`] behind a ring. Gives the same numbers and the same bytes as the writer alone.
pub struct Background {
    ring: Producer<u8>,
    frame: Vec<u8>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<Result<Option<Closed>, Error>>>,
    replica: Option<Arc<dyn Replica>>,
    seq: u64,
    /// With less room than this in the ring, its thread is woken from a nap.
    wake_below: usize,
}

impl std::fmt::Debug for Background {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Background").field("seq", &self.seq).field("blocked", &self.blocked()).finish_non_exhaustive()
    }
}

impl Background {
    /// Moves `writer` to a thread of its own.
    ///
    /// # Errors
    /// [`Error::NoReplica`] when replica is chosen and there is none; [`Error::Io`] when no thread can be started.
    pub fn start(writer: Writer, spec: Spec) -> Result<Self, Error> {
        if spec.strictest == Durability::Replica && spec.replica.is_none() {
            return Err(Error::NoReplica);
        }
        let ring_bytes = spec.ring_bytes.max(RING_BYTES_MIN);
        let (ring, taken) = RingBuffer::new(ring_bytes);
        let shared = Arc::new(Shared::default());
        shared.written.store(writer.written(), Ordering::Release);
        shared.durable.store(writer.durable(), Ordering::Release);
        let seq = writer.seq();
        let hand = Hand {
            writer,
            ring: taken,
            shared: Arc::clone(&shared),
            bytes: vec![0; TAKE_BYTES + FRAME_BYTES_MAX],
            held: 0,
            unsynced_bytes_max: spec.unsynced_bytes_max,
        };
        let thread = thread::Builder::new().name("journal".to_owned()).spawn(move || hand.run());
        let thread = Some(thread.map_err(Error::io(Doing::Thread))?);
        let frame = Vec::with_capacity(FRAME_BYTES_MAX);
        Ok(Self { ring, frame, shared, thread, replica: spec.replica, seq, wake_below: ring_bytes / 2 })
    }

    /// Puts a record into the ring and gives it its number; blocks while the ring is full. Allocates nothing.
    ///
    /// # Errors
    /// [`Error::PayloadTooLong`], [`Error::KindReserved`]; [`Error::Poisoned`] once the thread has failed.
    pub fn append(&mut self, kind: u8, time: Time, payload: &[u8]) -> Result<u64, Error> {
        if kind == SEAL_KIND {
            return Err(Error::KindReserved);
        }
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err(Error::PayloadTooLong { bytes: payload.len() });
        }
        self.push(kind, time, payload)?;
        self.seq += 1;
        Ok(self.seq)
    }

    /// Blocks until record `seq` has what `durability` names.
    ///
    /// # Errors
    /// [`Error::Poisoned`] when the journal failed before; [`Error::NoReplica`]; [`Error::NotAppended`].
    pub fn wait(&self, seq: u64, durability: Durability) -> Result<(), Error> {
        if self.seq < seq {
            return Err(Error::NotAppended { seq, last: self.seq });
        }
        if durability == Durability::Replica && self.replica.is_none() {
            return Err(Error::NoReplica);
        }
        if self.has(seq, durability) {
            return Ok(());
        }
        self.ask(seq, durability);
        for _ in 0..SPINS {
            std::hint::spin_loop();
            if self.has(seq, durability) {
                return Ok(());
            }
        }
        self.until(|shared, _| shared.failed.load(Ordering::SeqCst) || self.has(seq, durability));
        match self.shared.failure() {
            Some(failure) if !self.has(seq, durability) => Err(Error::Poisoned(failure)),
            _ => Ok(()),
        }
    }

    /// Asks for what `durability` names without waiting: `Disk` makes the thread sync soon.
    pub fn ask(&self, seq: u64, durability: Durability) {
        if durability == Durability::Disk {
            self.shared.wanted.fetch_max(seq, Ordering::SeqCst);
        }
        self.wake();
    }

    /// Whether record `seq` has what `durability` names.
    pub fn has(&self, seq: u64, durability: Durability) -> bool {
        seq <= match durability {
            Durability::Process => self.shared.written.load(Ordering::Acquire),
            Durability::Disk => self.shared.durable.load(Ordering::Acquire),
            Durability::Replica => self.replica.as_ref().map_or(0, |replica| replica.acknowledged()),
        }
    }

    /// Where the journal stands after the last record appended, for a snapshot; blocks until the thread is there.
    ///
    /// # Errors
    /// [`Error::Poisoned`] once the thread has failed.
    pub fn place(&mut self) -> Result<Place, Error> {
        *self.shared.place.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.push(SEAL_KIND, Time(0), &[])?;
        self.wake();
        let place = self.until(|shared, place| shared.failed.load(Ordering::SeqCst) || place.is_some());
        place.ok_or_else(|| Error::Poisoned(self.shared.failure().unwrap_or(Failure::ThreadGone)))
    }

    /// The last number given.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// How many appends found the ring full.
    pub fn blocked(&self) -> u64 {
        self.shared.blocked.load(Ordering::Relaxed)
    }

    /// The watermarks, for other threads.
    pub fn progress(&self) -> Progress {
        Progress(Arc::clone(&self.shared))
    }

    /// Writes everything and the closing seal, and waits for the disk.
    ///
    /// # Errors
    /// What the thread failed with.
    pub fn close(mut self) -> Result<Closed, Error> {
        self.shared.seal.store(true, Ordering::Release);
        self.join()?.ok_or(Error::Poisoned(Failure::ThreadGone))
    }

    fn join(&mut self) -> Result<Option<Closed>, Error> {
        self.shared.ended.store(true, Ordering::SeqCst);
        let Some(thread) = self.thread.take() else { return Ok(None) };
        thread.thread().unpark();
        thread.join().unwrap_or(Err(Error::Poisoned(Failure::ThreadGone)))
    }

    fn push(&mut self, kind: u8, time: Time, payload: &[u8]) -> Result<(), Error> {
        if let Some(failure) = self.shared.failure() {
            return Err(Error::Poisoned(failure));
        }
        self.frame.clear();
        self.frame.extend_from_slice(&(payload.len() as u16).to_le_bytes());
        self.frame.push(kind);
        self.frame.extend_from_slice(&time.0.to_le_bytes());
        self.frame.extend_from_slice(payload);
        if self.ring.push_entire_slice(&self.frame).is_err() {
            self.push_when_room()?;
        }
        // To wake a thread costs more than all that was done for the tick, so a record that nobody waits for lies in the
        // ring until the thread's nap is over. Without a fence this may miss a thread that is just lying down.
        if self.shared.naps.load(Ordering::Relaxed) && self.ring.slots() < self.wake_below {
            self.wake();
        }
        Ok(())
    }

    #[cold]
    fn push_when_room(&mut self) -> Result<(), Error> {
        self.shared.blocked.fetch_add(1, Ordering::Relaxed);
        self.wake();
        let mut tries = 0;
        while self.ring.push_entire_slice(&self.frame).is_err() {
            if let Some(failure) = self.shared.failure() {
                return Err(Error::Poisoned(failure));
            }
            if self.ring.is_abandoned() {
                return Err(Error::Poisoned(Failure::ThreadGone));
            }
            tries += 1;
            if tries < SPINS { std::hint::spin_loop() } else { thread::yield_now() }
        }
        Ok(())
    }

    fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }

    /// Sleeps until `done`, or until the thread is gone.
    fn until(&self, done: impl Fn(&Shared, &Option<Place>) -> bool) -> Option<Place> {
        self.shared.waits.store(true, Ordering::SeqCst);
        let mut guard = self.shared.place.lock().unwrap_or_else(PoisonError::into_inner);
        while !done(&self.shared, &guard) {
            if self.thread.as_ref().is_none_or(JoinHandle::is_finished) {
                self.shared.failed.store(true, Ordering::SeqCst);
            }
            // The bound covers a replica, which announces nothing.
            let waited = self.shared.moved.wait_timeout(guard, NAP);
            guard = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        self.shared.waits.store(false, Ordering::SeqCst);
        *guard
    }
}

impl Drop for Background {
    /// Writes what is in the ring, waits for the disk and joins the thread; no closing seal.
    fn drop(&mut self) {
        // There is no one left to tell; the file says how far it came.
        let _ = self.join();
    }
}
