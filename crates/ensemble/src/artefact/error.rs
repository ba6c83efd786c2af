//! Why an artefact cannot be used.

use models::NetError;
use models::forest::ForestError;

use super::INPUTS_MAX;
use crate::barrier::BarrierFault;

/// Why an artefact cannot be used.
#[derive(Debug, Clone, PartialEq)]
pub enum ArtefactError {
    /// There is no input, or more than [`INPUTS_MAX`].
    Inputs {
        /// How many there are.
        found: usize,
    },
    /// An input's range or its deciles are not one: a number is not finite, low is above high, or deciles fall.
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
    /// A forest or a net reads another number of columns than there are.
    Width {
        /// How many it reads.
        reads: usize,
        /// How many there are.
        inputs: usize,
    },
    /// A net answers with another number than two: log-odds of a buy and of a sell.
    Outputs {
        /// With how many.
        found: usize,
    },
    /// A number beside a net makes no sense: which one.
    Sequence(&'static str),
    /// A forest's sum does not mean log-odds.
    NotLogOdds,
    /// The barrier makes no sense.
    Barrier(BarrierFault),
    /// It was trained on until before it began.
    Period,
    /// A forest cannot be used.
    Forest(ForestError),
    /// A net cannot be used.
    Net(NetError),
    /// The name is empty, longer than 96 bytes, or has control characters.
    Name,
    /// It is a model, but of another version.
    Version {
        /// Of which.
        found: u8,
    },
    /// The bytes are not an artefact.
    Torn,
}

impl std::fmt::Display for ArtefactError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Inputs { found } => write!(f, "{found} inputs; a model has 1 to {INPUTS_MAX}"),
            Self::Range { input } => write!(f, "input {input}: its range or its deciles are none"),
            Self::UnknownFeature { input, name } => {
                write!(f, "input {input}: this build knows no feature {name:?}; train with this version")
            }
            Self::Width { reads, inputs } => {
                write!(f, "it reads {reads} columns, but {inputs} are named")
            }
            Self::Outputs { found } => {
                write!(f, "its net has {found} outputs; two are due: a buy's and a sell's log-odds")
            }
            Self::Sequence(which) => write!(f, "the {which} beside its net makes no sense"),
            Self::NotLogOdds => f.write_str("a forest's sum does not mean log-odds: train it with a binary objective"),
            Self::Barrier(fault) => write!(f, "its barrier makes no sense: {fault:?}"),
            Self::Period => f.write_str("its training ends before it begins"),
            Self::Forest(error) => write!(f, "{error}"),
            Self::Net(error) => write!(f, "{error}"),
            Self::Name => f.write_str("its name is empty, longer than 96 bytes or has control characters"),
            Self::Version { found } => write!(
                f,
                "a model of version {found}, but this build reads version 2: train it again with scalpel learn train"
            ),
            Self::Torn => f.write_str("the bytes are no model"),
        }
    }
}

impl std::error::Error for ArtefactError {}

impl From<market::Torn> for ArtefactError {
    fn from(_: market::Torn) -> Self {
        Self::Torn
    }
}
