//! A journal back through the desk: every action must follow again, bit for bit.

use std::path::{Path, PathBuf};

use config::Config;
use desk::{Action, Actions, Command, Desk, Event, Fact, News};
use journal::codec::{action, get_fact, put_action};
use journal::{Durability, Fault, Head, Mark, Place, Reader, Search, latest_valid};
use market::State;
use sha2::{Digest, Sha256};

use crate::beside::{self, ModelError};
use crate::record::Journalled;

/// Why a journal could not be replayed.
#[derive(Debug)]
pub enum ReplayError {
    /// The file is damaged.
    Damaged(Fault),
    /// The file or its snapshots cannot be read.
    Journal(journal::Error),
    /// The configuration in the header cannot be read by this build.
    Config(Vec<config::Fault>),
    /// It makes no desk.
    Desk(Vec<desk::Fault>),
    /// A record's payload is not one of its kind: another version's, or forged with a fitting checksum.
    Payload {
        /// The record.
        seq: u64,
        /// Its kind.
        kind: u8,
    },
    /// The desk does something else than was recorded.
    Differs {
        /// The record at which it shows.
        seq: u64,
        /// What was recorded: kind and payload; `None` when nothing more was.
        recorded: Option<(u8, Vec<u8>)>,
        /// What the desk does now; `None` when nothing more.
        now: Option<(u8, Vec<u8>)>,
    },
    /// A trained model that was seated is not beside the journal, or is not what it was.
    Model {
        /// The record that seats it.
        seq: u64,
        /// What is wrong.
        why: ModelError,
    },
    /// The snapshot does not fit the desk of this configuration.
    Snapshot,
    /// There is no event of this number.
    NoEvent {
        /// The number asked for.
        seq: u64,
        /// The last one.
        last: u64,
    },
}

impl std::fmt::Display for ReplayError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Damaged(fault) => write!(f, "the journal is damaged: {fault}"),
            Self::Journal(error) => write!(f, "{error}"),
            Self::Config(faults) => {
                writeln!(f, "the configuration in the journal cannot be read by this build:")?;
                faults.iter().try_for_each(|fault| writeln!(f, "  {fault}"))
            }
            Self::Desk(faults) => write!(f, "the configuration in the journal makes no desk: {faults:?}"),
            Self::Payload { seq, kind } => write!(f, "record {seq} of kind {kind} cannot be read by this build"),
            Self::Differs { seq, recorded, now } => {
                let shown = |what: &Option<(u8, Vec<u8>)>| match what {
                    None => "nothing".to_owned(),
                    Some((kind, payload)) => format!("kind {kind}, {} bytes {payload:02x?}", payload.len()),
                };
                write!(f, "record {seq}: recorded {}, but now follows {}", shown(recorded), shown(now))
            }
            Self::Model { seq, why } => write!(f, "record {seq} seats a model that cannot be had: {why}"),
            Self::Snapshot => f.write_str("the snapshot does not fit this build and configuration"),
            Self::NoEvent { seq, last } => write!(f, "there is no event {seq}; the last record is {last}"),
        }
    }
}

impl std::error::Error for ReplayError {}

/// Where a replay begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// At the first record.
    Start,
    /// At the newest snapshot that fits; at the first record when there is none.
    Snapshot,
}

/// What a replay found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// Events heard again.
    pub events: u64,
    /// Actions that followed again.
    pub actions: u64,
    /// The last record.
    pub last: u64,
    /// SHA-256 over the replayed actions: kind, length and payload of each.
    pub digest: Head,
    /// The record after which the replay began: 0, or that of a snapshot.
    pub began_after: u64,
    /// Snapshots that did not fit, with the reason.
    pub skipped: Vec<String>,
    /// How the file ends.
    pub ending: journal::Ending,
}

/// A journal being replayed.
pub struct Replay {
    path: PathBuf,
    desk: Desk,
    reader: Reader<std::fs::File>,
    actions: Actions,
    digest: Sha256,
    scratch: Vec<u8>,
    /// Actions of the last event that the journal must show next, in order.
    pending: std::collections::VecDeque<(u8, Vec<u8>)>,
    found: Replayed,
    /// Where reading began, when it was not at the start.
    mark: Option<Mark>,
    /// What was told of trained models, while somebody listens.
    told: Option<Vec<(u64, market::Time, News)>>,
}

impl Replay {
    /// Opens a journal and makes its desk again.
    ///
    /// # Errors
    /// [`ReplayError`].
    pub fn open(path: &Path, from: From, at_most: u64) -> Result<Self, ReplayError> {
        let reader = Reader::open(path).map_err(ReplayError::Damaged)?;
        let header = reader.header().clone();
        let run = u16::from_le_bytes([header.run[0], header.run[1]]);
        let config = config::parse(&header.config, run, 0).map_err(ReplayError::Config)?;
        let mut desk = Desk::new(&config.desk).map_err(ReplayError::Desk)?;
        let search = match from {
            From::Start => Search { found: None, skipped: Vec::new() },
            From::Snapshot => {
                latest_valid(path, &header.build, &header.config_digest(), at_most).map_err(ReplayError::Journal)?
            }
        };
        let skipped =
            search.skipped.iter().map(|skipped| format!("{}: {:?}", skipped.file.display(), skipped.why)).collect();
        let (reader, began_after, mark) = match search.found {
            None => (reader, 0, None),
            Some(snapshot) => {
                let mut state = market::Reader::new(&snapshot.state);
                desk.load(&mut state).map_err(|_| ReplayError::Snapshot)?;
                let place = snapshot.place;
                (skip_through(reader, &place)?, place.seq, Some(place.mark))
            }
        };
        let actions = Actions::with_capacity(desk.actions_max());
        let found = Replayed {
            events: 0,
            actions: 0,
            last: began_after,
            digest: Head::default(),
            began_after,
            skipped,
            ending: journal::Ending::Closed,
        };
        let pending = std::collections::VecDeque::new();
        Ok(Self {
            path: path.to_owned(),
            desk,
            reader,
            actions,
            digest: Sha256::new(),
            scratch: Vec::new(),
            pending,
            found,
            mark,
            told: None,
        })
    }

    /// The desk, as it stands.
    pub const fn desk(&self) -> &Desk {
        &self.desk
    }

    /// What stands at the head of the journal.
    pub fn header(&self) -> &journal::Header {
        self.reader.header()
    }

    /// From now on keeps what is told of trained models.
    pub fn listen(&mut self) {
        self.told = Some(Vec::new());
    }

    /// What was told of trained models since [`Self::listen`], with the number and time of each event.
    pub fn told(&self) -> &[(u64, market::Time, News)] {
        self.told.as_deref().unwrap_or_default()
    }

    /// Replays to the end; every action must follow again.
    ///
    /// # Errors
    /// [`ReplayError::Differs`] names the first record that does not.
    pub fn to_the_end(mut self) -> Result<Replayed, ReplayError> {
        self.rest()
    }

    /// The same, and keeps the desk, which then stands as it stood.
    ///
    /// # Errors
    /// As [`Self::to_the_end`].
    pub fn rest(&mut self) -> Result<Replayed, ReplayError> {
        while self.step()? {}
        // A crash may have come after an event and before its actions were written: those were never sent.
        if let Some(now) = self.pending.pop_front()
            && matches!(self.reader.ending(), Some(journal::Ending::Closed))
        {
            return Err(ReplayError::Differs { seq: self.found.last + 1, recorded: None, now: Some(now) });
        }
        self.found.digest = Head(self.digest.clone().finalize().into());
        self.found.ending = self.reader.ending().unwrap_or(journal::Ending::Closed);
        Ok(self.found.clone())
    }

    /// Replays up to an event and keeps its arithmetic. The desk then answers `explanations`.
    ///
    /// # Errors
    /// [`ReplayError::NoEvent`] when the record is not an event or does not exist; [`ReplayError::Differs`] as always.
    pub fn explain(&mut self, seq: u64) -> Result<Event, ReplayError> {
        loop {
            let Some(record) = self.reader.next_record().map_err(ReplayError::Damaged)? else {
                return Err(ReplayError::NoEvent { seq, last: self.found.last });
            };
            let (number, kind, time, payload) = (record.seq, record.kind, record.time, record.payload.to_vec());
            if number == seq {
                self.desk.explain();
            }
            let heard = self.take(number, kind, time, &payload)?;
            if number >= seq {
                return heard.ok_or(ReplayError::NoEvent { seq, last: number });
            }
        }
    }

    /// The desk, as it stands, to go on with.
    pub fn into_desk(self) -> Desk {
        self.desk
    }

    fn step(&mut self) -> Result<bool, ReplayError> {
        let Some(record) = self.reader.next_record().map_err(ReplayError::Damaged)? else { return Ok(false) };
        let (seq, kind, time) = (record.seq, record.kind, record.time);
        let mut payload = std::mem::take(&mut self.scratch);
        payload.clear();
        payload.extend_from_slice(record.payload);
        let taken = self.take(seq, kind, time, &payload);
        self.scratch = payload;
        taken.map(|_| true)
    }

    fn take(&mut self, seq: u64, kind: u8, time: market::Time, payload: &[u8]) -> Result<Option<Event>, ReplayError> {
        self.found.last = seq;
        if kind >= action::FIRST {
            return self.compare(seq, kind, payload).map(|()| None);
        }
        let fact = get_fact(kind, payload).map_err(|_| ReplayError::Payload { seq, kind })?;
        if fact == Fact::Started {
            // What was not written when the session died was never sent.
            self.pending.clear();
        }
        if let Fact::Commanded(Command::Seat { digest, .. }) = &fact
            && !self.desk.has_on_shelf(digest)
        {
            self.desk.shelve(beside::fetch(&self.path, digest).map_err(|why| ReplayError::Model { seq, why })?);
        }
        if let Some(now) = self.pending.pop_front() {
            return Err(ReplayError::Differs { seq, recorded: Some((kind, payload.to_vec())), now: Some(now) });
        }
        let event = Event { seq, time, fact };
        self.desk.on_event(&event, &mut self.actions);
        self.found.events += 1;
        if let Some(told) = &mut self.told {
            let news = self.actions.as_slice().iter().filter_map(of_models);
            told.extend(news.map(|news| (seq, time, news)));
        }
        for action in self.actions.as_slice() {
            let mut bytes = Vec::new();
            if let Some(kind) = put_action(action, &mut bytes) {
                self.pending.push_back((kind, bytes));
            }
        }
        Ok(Some(event))
    }

    fn compare(&mut self, seq: u64, kind: u8, payload: &[u8]) -> Result<(), ReplayError> {
        let now = self.pending.pop_front();
        match now {
            Some((expected, bytes)) if expected == kind && bytes == payload => {
                self.digest.update([kind]);
                self.digest.update((payload.len() as u64).to_le_bytes());
                self.digest.update(payload);
                self.found.actions += 1;
                Ok(())
            }
            now => Err(ReplayError::Differs { seq, recorded: Some((kind, payload.to_vec())), now }),
        }
    }
}

/// What an action tells of trained models.
const fn of_models(action: &Action) -> Option<News> {
    match action {
        Action::Tell(
            news @ (News::Seated { .. }
            | News::Reseated { .. }
            | News::Ruled { .. }
            | News::Withdrawn { .. }
            | News::Drifted { .. }
            | News::Staged { .. }
            | News::Unstaged { .. }),
        ) => Some(*news),
        _ => None,
    }
}

/// The desk of a session that died, as its journal tells it, and the journal to go on with. The venue lived on: the new
/// session must be started, so that the venue is asked for its list, and what was on its way for its answers.
///
/// # Errors
/// [`ReplayError`], also when the journal says of another build or configuration than it was written by.
pub fn restart(path: &Path, durability: Durability) -> Result<(Desk, Journalled, Replayed), ReplayError> {
    let mut replay = Replay::open(path, From::Snapshot, u64::MAX)?;
    let recovered = match &replay.mark {
        Some(mark) => journal::recover_after(path, mark),
        None => journal::recover(path),
    };
    let recovered = recovered.map_err(ReplayError::Journal)?;
    let replayed = replay.rest()?;
    Ok((replay.into_desk(), Journalled::new(recovered.writer, durability), replayed))
}

/// A reader that stands after the record of a snapshot: the mark before it, then what lies between the two.
fn skip_through(reader: Reader<std::fs::File>, place: &Place) -> Result<Reader<std::fs::File>, ReplayError> {
    let mut reader = reader.skip_to(&place.mark).map_err(ReplayError::Damaged)?;
    while reader.place().seq < place.seq {
        if reader.next_record().map_err(ReplayError::Damaged)?.is_none() {
            return Err(ReplayError::Snapshot);
        }
    }
    Ok(reader)
}

/// The configuration that stands in a journal's header.
///
/// # Errors
/// [`ReplayError`].
pub fn config_of(path: &Path) -> Result<Config, ReplayError> {
    let reader = Reader::open(path).map_err(ReplayError::Damaged)?;
    let header = reader.header();
    let run = u16::from_le_bytes([header.run[0], header.run[1]]);
    config::parse(&header.config, run, 0).map_err(ReplayError::Config)
}
