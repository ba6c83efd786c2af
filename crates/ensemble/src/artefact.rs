//! A trained model as the council takes it in: what it reads, what its probabilities are about, where it was trained.
//!
//! Whoever verified its signature hands it over with its digest. It is immutable and shared; everything that is learned
//! about it while it serves (its calibration, its trial) stays with the seat.

use features::{Feature, Frame};
use market::{Points, Reader, Span, State, Torn};
use models::forest::{Forest, ForestError, Link};

use crate::barrier::{Barrier, BarrierFault};
use crate::vote::{Abstain, AgentKind};

/// The most inputs of a trained model.
pub const INPUTS_MAX: usize = Feature::COUNT;

/// A seat that a trained model takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Trained {
    /// Boosted trees, one forest per side.
    #[default]
    Trees,
}

market::state_enum!(Trained { Trees });

/// How many seats take trained models.
pub const TRAINED: usize = Trained::ALL.len();

impl Trained {
    /// The agent that speaks from this seat.
    pub const fn agent(self) -> AgentKind {
        match self {
            Self::Trees => AgentKind::Trees,
        }
    }
}

/// The digest (SHA-256) of an artefact's encoding: its identity.
pub type Digest = [u8; 32];

/// A feature that a model reads, and the range in which nearly all of its training lay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Input {
    /// Which feature; one that is not ready is read as NaN, which trees know as missing.
    pub feature: Feature,
    /// Values below this are outside.
    pub low: f64,
    /// Values above this are outside.
    pub high: f64,
}

/// Why an artefact cannot be used.
#[derive(Debug, Clone, PartialEq)]
pub enum ArtefactError {
    /// There is no input, or more than [`INPUTS_MAX`].
    Inputs {
        /// How many there are.
        found: usize,
    },
    /// An input's range is not one: a bound is not finite, or low is above high.
    Range {
        /// Which input.
        input: usize,
    },
    /// A feature is named that this build does not know.
    UnknownFeature {
        /// Which input.
        input: usize,
        /// Its name.
        name: String,
    },
    /// A forest reads another number of features than there are inputs.
    Width {
        /// How many it reads.
        reads: usize,
        /// How many inputs there are.
        inputs: usize,
    },
    /// A forest's sum does not mean log-odds.
    NotLogOdds,
    /// The barrier makes no sense.
    Barrier(BarrierFault),
    /// A forest cannot be used.
    Forest(ForestError),
    /// The name is empty, longer than 96 bytes, or has control characters.
    Name,
    /// The bytes are not an artefact, or of a later version.
    Torn,
}

impl std::fmt::Display for ArtefactError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Inputs { found } => write!(f, "{found} inputs; a model has 1 to {INPUTS_MAX}"),
            Self::Range { input } => write!(f, "input {input}: its range is not one"),
            Self::UnknownFeature { input, name } => {
                write!(f, "input {input}: this build knows no feature {name:?}; train with this version")
            }
            Self::Width { reads, inputs } => {
                write!(f, "a forest reads {reads} features, but {inputs} inputs are named")
            }
            Self::NotLogOdds => f.write_str("a forest's sum does not mean log-odds: train it with a binary objective"),
            Self::Barrier(fault) => write!(f, "its barrier makes no sense: {fault:?}"),
            Self::Forest(error) => write!(f, "{error}"),
            Self::Name => f.write_str("its name is empty, longer than 96 bytes or has control characters"),
            Self::Torn => f.write_str("the bytes are no model of this version"),
        }
    }
}

impl std::error::Error for ArtefactError {}

/// Everything of a trained model but its digest.
#[derive(Debug, Clone, PartialEq)]
pub struct Parts {
    /// Name and version, for people.
    pub name: String,
    /// What its probabilities are about.
    pub barrier: Barrier,
    /// What it reads, in the order of its rows.
    pub inputs: Vec<Input>,
    /// With more inputs than this outside their range it abstains.
    pub outside_max: u32,
    /// With more inputs than this not ready it abstains.
    pub missing_max: u32,
    /// The forests of the buy and of the sell side: log-odds that the side's upper barrier is touched first.
    pub forests: [Forest; 2],
}

/// A trained model. Made only whole and sound.
#[derive(Debug, Clone, PartialEq)]
pub struct Artefact {
    digest: Digest,
    parts: Parts,
}

/// The first bytes of an encoding, with its version.
const MAGIC: [u8; 8] = *b"SCMODEL\x01";

impl Artefact {
    /// A model of these parts under a digest.
    ///
    /// # Errors
    /// [`ArtefactError`] says what does not fit together.
    pub fn new(parts: Parts, digest: Digest) -> Result<Self, ArtefactError> {
        parts.barrier.check().map_err(ArtefactError::Barrier)?;
        if parts.name.trim().is_empty() || parts.name.len() > 96 || parts.name.chars().any(char::is_control) {
            return Err(ArtefactError::Name);
        }
        let inputs = parts.inputs.len();
        if inputs == 0 || inputs > INPUTS_MAX {
            return Err(ArtefactError::Inputs { found: inputs });
        }
        let sound = |input: &Input| input.low.is_finite() && input.high.is_finite() && input.low <= input.high;
        if let Some(input) = parts.inputs.iter().position(|input| !sound(input)) {
            return Err(ArtefactError::Range { input });
        }
        for forest in &parts.forests {
            if forest.features() != inputs {
                return Err(ArtefactError::Width { reads: forest.features(), inputs });
            }
            if !matches!(forest.link(), Link::Logistic { .. }) {
                return Err(ArtefactError::NotLogOdds);
            }
        }
        Ok(Self { digest, parts })
    }

    /// Its identity.
    pub const fn digest(&self) -> &Digest {
        &self.digest
    }

    /// What it consists of.
    pub const fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Which seat it takes.
    pub const fn seat(&self) -> Trained {
        Trained::Trees
    }

    /// Writes the row that the model reads at a frame; returns it, as long as the inputs.
    ///
    /// # Errors
    /// [`Abstain::WarmUp`] with too many features not ready, [`Abstain::OutOfDomain`] with too many outside.
    pub fn row<'a>(&self, frame: &Frame, room: &'a mut [f64; INPUTS_MAX]) -> Result<&'a [f64], Abstain> {
        let (mut outside, mut missing) = (0, 0);
        for (place, input) in room.iter_mut().zip(&self.parts.inputs) {
            *place = frame.get(input.feature).unwrap_or(f64::NAN);
            missing += u32::from(place.is_nan());
            outside += u32::from(*place < input.low || *place > input.high);
        }
        if missing > self.parts.missing_max {
            return Err(Abstain::WarmUp);
        }
        if outside > self.parts.outside_max {
            return Err(Abstain::OutOfDomain);
        }
        Ok(&room[..self.parts.inputs.len()])
    }

    /// Log-odds for buying and for selling.
    pub fn log_odds(&self, row: &[f64]) -> [f64; 2] {
        [0, 1].map(|side| self.parts.forests[side].log_odds(row).unwrap_or(f64::NAN))
    }

    /// Appends everything but the digest, which is that of these bytes.
    pub fn encode(parts: &Parts, out: &mut Vec<u8>) {
        out.extend_from_slice(&MAGIC);
        put_text(&parts.name, out);
        parts.barrier.target.0.save(out);
        parts.barrier.stop.0.save(out);
        parts.barrier.horizon.0.save(out);
        parts.barrier.commission_points.save(out);
        parts.outside_max.save(out);
        parts.missing_max.save(out);
        (parts.inputs.len() as u32).save(out);
        for input in &parts.inputs {
            put_text(input.feature.name(), out);
            input.low.save(out);
            input.high.save(out);
        }
        parts.forests.iter().for_each(|forest| forest.encode(out));
    }

    /// Reads what [`Artefact::encode`] wrote, all of it.
    ///
    /// # Errors
    /// [`ArtefactError`]; nothing is trusted but the bounds of this build.
    pub fn decode(bytes: &[u8], digest: Digest) -> Result<Self, ArtefactError> {
        let mut from = Reader::new(bytes);
        let parts = decode_parts(&mut from)?;
        if !from.rest().is_empty() {
            return Err(ArtefactError::Torn);
        }
        Self::new(parts, digest)
    }
}

impl From<Torn> for ArtefactError {
    fn from(_: Torn) -> Self {
        Self::Torn
    }
}

fn decode_parts(from: &mut Reader<'_>) -> Result<Parts, ArtefactError> {
    if from.take::<8>()? != MAGIC {
        return Err(ArtefactError::Torn);
    }
    let name = get_text(from)?;
    let barrier = Barrier {
        target: Points(from.read()?),
        stop: Points(from.read()?),
        horizon: Span(from.read()?),
        commission_points: from.read()?,
    };
    let (outside_max, missing_max) = (from.read()?, from.read()?);
    let found = from.read::<u32>()? as usize;
    if found == 0 || found > INPUTS_MAX {
        return Err(ArtefactError::Inputs { found });
    }
    let mut inputs = Vec::with_capacity(found);
    for input in 0..found {
        let name = get_text(from)?;
        let Some(feature) = Feature::ALL.iter().copied().find(|feature| feature.name() == name) else {
            return Err(ArtefactError::UnknownFeature { input, name });
        };
        inputs.push(Input { feature, low: from.read()?, high: from.read()? });
    }
    let mut forest = || Forest::decode(from).map_err(ArtefactError::Forest);
    Ok(Parts { name, barrier, inputs, outside_max, missing_max, forests: [forest()?, forest()?] })
}

fn put_text(text: &str, out: &mut Vec<u8>) {
    out.push(text.len().min(usize::from(u8::MAX)) as u8);
    out.extend_from_slice(&text.as_bytes()[..text.len().min(usize::from(u8::MAX))]);
}

fn get_text(from: &mut Reader<'_>) -> Result<String, Torn> {
    let length = usize::from(from.u8()?);
    std::str::from_utf8(from.slice(length)?).map(str::to_owned).map_err(|_| Torn)
}
