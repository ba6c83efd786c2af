//! Files of other programs into what can think here: bounded, recognised by their content, refused with the file and what
//! to do.

use std::path::Path;

use models::forest::Link;
use models::net::Activation;
use models::{Forest, Net};
use registry::formats::{FILE_MAX, Format, forest, onnx, recognise};

use crate::fault::Fault;
use crate::train::adopt::{Foreign, Origin};
use crate::train::model::seen::feature;
use crate::train::stages::digest;

/// What thinks in a foreign file.
#[expect(clippy::large_enum_variant, reason = "there is one, and it lives for a moment")]
pub(super) enum Mind {
    Trees(Box<[Forest; 2]>),
    /// A net, and whether it remembers.
    Net((Net, bool)),
}

/// A foreign model with the features that it reads, in the order of a row.
pub(super) struct Read {
    pub(super) files: Vec<Origin>,
    pub(super) features: Vec<String>,
    pub(super) brain: Mind,
}

/// Reads the files; `given` are the features where a file does not name them.
pub(super) fn read(foreign: &Foreign, given: &[String]) -> Result<Read, Fault> {
    match foreign {
        Foreign::Trees([buy, sell]) => {
            let (one, buy_origin, features) = trees(buy, given)?;
            let (other, sell_origin, others) = trees(sell, given)?;
            if features != others {
                let what =
                    "reads other features, or in another order, than the buy side: train both on the same columns";
                return Err(Fault::content(sell, &what));
            }
            let brain = Mind::Trees(Box::new([one, other]));
            Ok(Read { files: vec![buy_origin, sell_origin], features, brain })
        }
        Foreign::Net(path) => net(path, given),
    }
}

/// The bytes of a file, when they are not too many.
fn bytes(path: &Path) -> Result<Vec<u8>, Fault> {
    let failed = |error: std::io::Error| Fault::content(path, &error);
    let long = std::fs::metadata(path).map_err(failed)?.len();
    if long > FILE_MAX as u64 {
        return Err(Fault::content(path, &format!("{long} bytes; at most {FILE_MAX} are read: train a smaller model")));
    }
    std::fs::read(path).map_err(failed)
}

fn origin(path: &Path, bytes: &[u8], format: Format) -> Origin {
    let format = match format {
        Format::LightGbm => "LightGBM",
        Format::Xgboost => "XGBoost",
        Format::Onnx => "ONNX",
    };
    let file = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    Origin { file, sha256: digest(bytes), format: format.to_owned() }
}

fn trees(path: &Path, given: &[String]) -> Result<(Forest, Origin, Vec<String>), Fault> {
    let bytes = bytes(path)?;
    let read = forest(&bytes).map_err(|error| Fault::content(path, &error))?;
    if !matches!(read.forest.link(), Link::Logistic { .. }) {
        let what = "its objective is a regression, so its sum is no log-odds: train with objective binary (LightGBM) or \
                    binary:logistic (XGBoost)";
        return Err(Fault::content(path, &what));
    }
    let features = names(path, &read.names, given, read.forest.features())?;
    Ok((read.forest, origin(path, &bytes, read.format), features))
}

fn net(path: &Path, given: &[String]) -> Result<Read, Fault> {
    let bytes = bytes(path)?;
    let format = recognise(&bytes).map_err(|error| Fault::content(path, &error))?;
    let read = onnx::net(&bytes).map_err(|error| Fault::content(path, &error))?;
    let outputs = read.spec.outputs();
    if outputs != 2 {
        let what = format!("{outputs} outputs; two are needed, the log-odds of a buy and of a sell, in that order");
        return Err(Fault::content(path, &what));
    }
    if read.spec.layers.last().is_none_or(|layer| layer.activation != Activation::None) {
        let what = "its outputs are no log-odds: export it with a last layer that has no activation (logits, before any \
                    sigmoid)";
        return Err(Fault::content(path, &what));
    }
    let features = names(path, &read.names, given, read.spec.inputs)?;
    let recurrent = read.spec.cell.is_some();
    let net = Net::new(read.spec).map_err(|error| Fault::content(path, &error))?;
    Ok(Read { files: vec![origin(path, &bytes, format)], features, brain: Mind::Net((net, recurrent)) })
}

/// The features of a row: those that the file names, each known here and once, or else those given.
fn names(path: &Path, own: &[String], given: &[String], width: usize) -> Result<Vec<String>, Fault> {
    let known = |names: &[String]| names.iter().all(|name| feature(name).is_some());
    let named = !own.is_empty() && known(own);
    if named && !given.is_empty() && own != given {
        let what = "names its features itself, and they are not those of --features: leave --features out";
        return Err(Fault::content(path, &what));
    }
    let (names, of) = if named || given.is_empty() { (own, "its features") } else { (given, "--features") };
    if names.is_empty() {
        let what = "does not name its features: save it with their names, or say them with --features a,b,... in the order \
                    of its columns";
        return Err(Fault::content(path, &what));
    }
    if names.len() != width {
        return Err(Fault::content(path, &format!("reads {width} features, and {} are given", names.len())));
    }
    if let Some(name) = names.iter().find(|name| feature(name).is_none()) {
        let shown: String = name.chars().take(40).filter(|c| !c.is_control()).collect();
        let what = format!(
            "'{shown}' of {of} is no feature of this build: train on columns of a dataset of `learn dataset` under their \
             names, or say the names with --features a,b,... in the order of its columns"
        );
        return Err(Fault::content(path, &what));
    }
    if let Some(name) = names.iter().enumerate().find_map(|(at, name)| names[..at].contains(name).then_some(name)) {
        return Err(Fault::content(path, &format!("reads {name} twice: train with each feature once")));
    }
    Ok(names.to_vec())
}
