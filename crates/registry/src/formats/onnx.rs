//! Nets in ONNX, made into our own: a declared subset, read weight by weight, so that what serves is one program and pure.
//!
//! `wire`  protocol buffers   `proto` the messages   `shape` where the numbers of a step lie   `graph` nodes into layers
//!
//! Read are: one GRU (forward, default activations, from rest, the reset gate before or after the recurrent matrix) and
//! behind it, or alone, dense layers of Gemm, `MatMul`, Add, Relu, Tanh and Sigmoid, one after another. Shapes may be changed by
//! Squeeze, Unsqueeze, Reshape, Transpose, Identity and a Gather of the last step. Everything else is refused with its node.

mod graph;
mod proto;
mod shape;
mod wire;

use super::{Format, FormatError, FormatFault, NAME_MAX, check_names, recognise};
use models::net::NetSpec;
use proto::{MANY_MAX, Model};

/// The versions of the standard operators whose meaning here is known.
const OPSETS: std::ops::RangeInclusive<u64> = 7..=26;
/// Where the names of the features stand in the file's metadata: a JSON list, or texts with commas between.
const NAMES: [&str; 2] = ["feature_names", "features"];

/// A net out of a foreign file.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportedNet {
    /// The net.
    pub spec: NetSpec,
    /// The names of its inputs in the order of a row, from the metadata `feature_names`; empty when the file has none.
    pub names: Vec<String>,
}

/// Makes a net of the bytes of an ONNX file.
///
/// # Errors
/// When the bytes are too many, are no ONNX, contradict their format, or compute something beyond the subset; the error
/// names the node or tensor.
pub fn net(bytes: &[u8]) -> Result<ImportedNet, FormatError> {
    if recognise(bytes)? != Format::Onnx {
        return Err(FormatError::unsupported("a forest", "load it as a forest, not as a net"));
    }
    let model = Model::read(bytes)?;
    if model.functions {
        return Err(FormatError::unsupported("a net with functions of its own", "export it with inlined functions"));
    }
    if !OPSETS.contains(&model.opset) {
        let what = format!("version {} of the operators", model.opset);
        return Err(FormatError::unsupported(what, "export with opset 7 to 26"));
    }
    let graph = model.graph.as_ref().ok_or_else(|| FormatError::whole(FormatFault::Missing("graph")))?;
    let spec = graph::read(graph)?;
    let found = model.metadata.iter().find(|(key, _)| NAMES.contains(key));
    let names = found.map_or(Ok(Vec::new()), |(key, value)| names(key, value, spec.inputs))?;
    Ok(ImportedNet { spec, names })
}

fn names(key: &str, value: &str, inputs: usize) -> Result<Vec<String>, FormatError> {
    let place = || format!("metadata {key}");
    if value.len() > inputs.min(MANY_MAX * 8) * (NAME_MAX + 4) {
        return Err(FormatError::at(place(), FormatFault::LongName(value.len())));
    }
    let names: Vec<String> = if value.trim_start().starts_with('[') {
        serde_json::from_str(value)
            .map_err(|error| FormatError::at(place(), FormatFault::Corrupt(error.to_string())))?
    } else {
        value.split(',').map(|name| name.trim().to_owned()).collect()
    };
    check_names(&names, inputs, "metadata feature_names")?;
    Ok(names)
}
