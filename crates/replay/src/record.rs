//! What is written down of a session: nothing, a journal, or a journal that is already there and must agree.

use std::path::Path;

use desk::{Action, Fact};
use journal::codec::{put_action, put_fact};
use journal::recover::TornKept;
use journal::{Durability, Head, Header, Place, Writer};
use market::Time;

/// Why something could not be written down, or does not agree with what was.
#[derive(Debug)]
pub enum RecordError {
    /// The journal.
    Journal(journal::Error),
    /// A record of the journal is damaged.
    Damaged(journal::Fault),
    /// The journal is of another run: its number or its configuration is not the one at hand.
    OtherRun,
    /// What happens now is not what the journal says happened.
    Differs {
        /// The record that differs.
        seq: u64,
        /// When it was written down, and when it happens now.
        times: (Time, Time),
        /// What the journal holds there: kind and payload.
        recorded: (u8, Vec<u8>),
        /// What happens now: kind and payload.
        now: (u8, Vec<u8>),
    },
}

impl std::fmt::Display for RecordError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Journal(error) => write!(f, "the journal cannot be written: {error}"),
            Self::Damaged(fault) => write!(f, "the journal is damaged: {fault}"),
            Self::OtherRun => f.write_str("the journal is of another run: another number or configuration"),
            Self::Differs { seq, times, recorded, now } => write!(
                f,
                "record {seq} of the journal is of kind {} with {} bytes at {}, but now kind {} with {} bytes follows at {}: another build, configuration or input",
                recorded.0,
                recorded.1.len(),
                times.0,
                now.0,
                now.1.len(),
                times.1
            ),
        }
    }
}

impl std::error::Error for RecordError {}

impl From<journal::Error> for RecordError {
    fn from(error: journal::Error) -> Self {
        Self::Journal(error)
    }
}

/// Where events get their numbers, and actions are written before they leave.
pub trait Record {
    /// Numbers an event and writes it down, before the desk hears it.
    ///
    /// # Errors
    /// [`RecordError`].
    fn event(&mut self, time: Time, fact: &Fact) -> Result<u64, RecordError>;

    /// Writes an action down, before it leaves. What is merely told is not written.
    ///
    /// # Errors
    /// [`RecordError`].
    fn action(&mut self, time: Time, action: &Action) -> Result<(), RecordError>;

    /// Waits until everything so far is as safe as was chosen.
    ///
    /// # Errors
    /// [`RecordError`].
    fn before_leaving(&mut self) -> Result<(), RecordError>;

    /// Where the journal stands, if there is one.
    fn place(&mut self) -> Option<Place>;
}

/// Numbers records as a journal would and forgets them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unrecorded {
    seq: u64,
}

impl Record for Unrecorded {
    fn event(&mut self, _: Time, _: &Fact) -> Result<u64, RecordError> {
        self.seq += 1;
        Ok(self.seq)
    }
    fn action(&mut self, _: Time, action: &Action) -> Result<(), RecordError> {
        self.seq += u64::from(!matches!(action, Action::Tell(_)));
        Ok(())
    }
    fn before_leaving(&mut self) -> Result<(), RecordError> {
        Ok(())
    }
    fn place(&mut self) -> Option<Place> {
        None
    }
}

/// A journal, written on the desk's own thread.
#[derive(Debug)]
pub struct Journalled {
    writer: Writer,
    durability: Durability,
    scratch: Vec<u8>,
}

impl Journalled {
    /// Writes to `writer`; nothing leaves before it is as safe as `durability` says.
    pub fn new(writer: Writer, durability: Durability) -> Self {
        Self { writer, durability, scratch: Vec::with_capacity(4_096) }
    }

    /// Seals and closes the journal; the hash at its head.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn close(self) -> Result<Head, RecordError> {
        Ok(self.writer.close()?.head)
    }
}

impl Record for Journalled {
    fn event(&mut self, time: Time, fact: &Fact) -> Result<u64, RecordError> {
        self.scratch.clear();
        let kind = put_fact(fact, &mut self.scratch);
        Ok(self.writer.append(kind, time, &self.scratch)?)
    }
    fn action(&mut self, time: Time, action: &Action) -> Result<(), RecordError> {
        self.scratch.clear();
        if let Some(kind) = put_action(action, &mut self.scratch) {
            self.writer.append(kind, time, &self.scratch)?;
        }
        Ok(())
    }
    fn before_leaving(&mut self) -> Result<(), RecordError> {
        self.writer.commit(self.durability)?;
        Ok(())
    }
    fn place(&mut self) -> Option<Place> {
        Some(self.writer.place())
    }
}

/// A journal written on a thread of its own; what leaves waits for it.
#[derive(Debug)]
pub struct Offloaded {
    writer: journal::Background,
    durability: Durability,
    scratch: Vec<u8>,
}

impl Offloaded {
    /// Writes through `writer`; nothing leaves before it is as safe as `durability` says.
    pub fn new(writer: journal::Background, durability: Durability) -> Self {
        Self { writer, durability, scratch: Vec::with_capacity(4_096) }
    }

    /// Seals and closes the journal; the hash at its head.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn close(self) -> Result<Head, RecordError> {
        Ok(self.writer.close()?.head)
    }
}

impl Record for Offloaded {
    fn event(&mut self, time: Time, fact: &Fact) -> Result<u64, RecordError> {
        self.scratch.clear();
        let kind = put_fact(fact, &mut self.scratch);
        Ok(self.writer.append(kind, time, &self.scratch)?)
    }
    fn action(&mut self, time: Time, action: &Action) -> Result<(), RecordError> {
        self.scratch.clear();
        if let Some(kind) = put_action(action, &mut self.scratch) {
            self.writer.append(kind, time, &self.scratch)?;
        }
        Ok(())
    }
    fn before_leaving(&mut self) -> Result<(), RecordError> {
        self.writer.wait(self.writer.seq(), self.durability)?;
        Ok(())
    }
    fn place(&mut self) -> Option<Place> {
        self.writer.place().ok()
    }
}

/// Goes on with the journal of a session that died: what happens again must agree with what was written, record by record;
/// after the last of them new records are appended.
///
/// The paper venue lives in the process that died, so its truth is made again by the same requests; a session that spoke
/// with a real venue is restarted instead, and asks it for its list.
#[derive(Debug)]
pub struct Resumed {
    recorded: Option<journal::Reader<std::fs::File>>,
    inner: Journalled,
    seq: u64,
    agreed: u64,
}

impl Resumed {
    /// Goes on at the end of a recovered journal, after agreeing with all of `recorded`.
    pub fn new(recorded: journal::Reader<std::fs::File>, writer: Writer, durability: Durability) -> Self {
        Self { recorded: Some(recorded), inner: Journalled::new(writer, durability), seq: 0, agreed: 0 }
    }

    /// Opens the journal of a session that died: a torn end is moved aside, and its header must be that of the session at
    /// hand, but for the build.
    ///
    /// # Errors
    /// [`RecordError::OtherRun`], and whatever is wrong with the file; it is unchanged then.
    pub fn open(path: &Path, header: &Header, durability: Durability) -> Result<(Self, Option<TornKept>), RecordError> {
        let found = journal::Reader::open(path).map_err(RecordError::Damaged)?;
        let same = |one: &Header, other: &Header| (one.run, &one.config) == (other.run, &other.config);
        if !same(found.header(), header) {
            return Err(RecordError::OtherRun);
        }
        let recovered = journal::recover(path)?;
        // Anew: what was torn is cut off only now.
        let reader = journal::Reader::open(path).map_err(RecordError::Damaged)?;
        Ok((Self::new(reader, recovered.writer, durability), recovered.torn))
    }

    /// How many records were there already and agreed.
    pub const fn agreed(&self) -> u64 {
        self.agreed
    }

    /// Seals and closes the journal; the hash at its head.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn close(self) -> Result<Head, RecordError> {
        self.inner.close()
    }

    /// Whether the next record is there already and agrees; `false` when it is to be appended.
    fn agrees(&mut self, kind: u8, time: Time) -> Result<bool, RecordError> {
        let Some(reader) = &mut self.recorded else { return Ok(false) };
        let Some(record) = reader.next_record().map_err(RecordError::Damaged)? else {
            self.recorded = None;
            return Ok(false);
        };
        self.seq = record.seq;
        if (record.kind, record.time, record.payload) != (kind, time, self.inner.scratch.as_slice()) {
            return Err(RecordError::Differs {
                seq: record.seq,
                times: (record.time, time),
                recorded: (record.kind, record.payload.to_vec()),
                now: (kind, self.inner.scratch.clone()),
            });
        }
        self.agreed += 1;
        Ok(true)
    }
}

impl Record for Resumed {
    fn event(&mut self, time: Time, fact: &Fact) -> Result<u64, RecordError> {
        self.inner.scratch.clear();
        let kind = put_fact(fact, &mut self.inner.scratch);
        if self.agrees(kind, time)? {
            return Ok(self.seq);
        }
        self.inner.event(time, fact)
    }
    fn action(&mut self, time: Time, action: &Action) -> Result<(), RecordError> {
        self.inner.scratch.clear();
        let Some(kind) = put_action(action, &mut self.inner.scratch) else { return Ok(()) };
        if self.agrees(kind, time)? { Ok(()) } else { self.inner.action(time, action) }
    }
    fn before_leaving(&mut self) -> Result<(), RecordError> {
        if self.recorded.is_some() { Ok(()) } else { self.inner.before_leaving() }
    }
    fn place(&mut self) -> Option<Place> {
        if self.recorded.is_some() { None } else { self.inner.place() }
    }
}
