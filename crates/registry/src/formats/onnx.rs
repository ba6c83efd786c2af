//! Nets in ONNX, run by tract.
//!
//! A net is asked with inputs of one fixed shape and answers its first output. Only operators that compute are let in
//! (no control flow, nothing random, nothing whose size the file may choose freely), only from the standard domain, and
//! no weights from other files. For recurrent nets that stream, `models::net` is some twenty times faster.

use super::error::shortened;
use super::{Format, FormatError, FormatFault, recognise};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tract_onnx::pb::{GraphProto, ModelProto};
use tract_onnx::prelude::{
    Datum, Framework, InferenceFact, InferenceModelExt, IntoRunnable, Tensor, TypedSimpleState, tvec,
};

/// The most numbers of an input.
pub const INPUTS_MAX: usize = 65_536;
/// The most numbers of an output.
pub const OUTPUTS_MAX: usize = 4096;
/// The most nodes of a net.
pub const NODES_MAX: usize = 4096;
/// The most numbers of one tensor of the file.
pub const TENSOR_MAX: i64 = 8 << 20;

/// The operators that are let in.
const OPERATORS: &[&str] = &[
    "Abs",
    "Add",
    "AveragePool",
    "BatchNormalization",
    "Cast",
    "Ceil",
    "Clip",
    "Concat",
    "Constant",
    "Conv",
    "Div",
    "Dropout",
    "Elu",
    "Erf",
    "Exp",
    "Flatten",
    "Floor",
    "GRU",
    "Gather",
    "Gelu",
    "Gemm",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "HardSigmoid",
    "Identity",
    "LSTM",
    "LayerNormalization",
    "LeakyRelu",
    "Log",
    "LogSoftmax",
    "MatMul",
    "Max",
    "MaxPool",
    "Mean",
    "Min",
    "Mul",
    "Neg",
    "PRelu",
    "Pow",
    "RNN",
    "Reciprocal",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceSum",
    "Relu",
    "Reshape",
    "Selu",
    "Sigmoid",
    "Sign",
    "Slice",
    "Softmax",
    "Softplus",
    "Split",
    "Sqrt",
    "Squeeze",
    "Sub",
    "Sum",
    "Tanh",
    "Transpose",
    "Unsqueeze",
];

/// A net with inputs of a fixed shape.
#[derive(Debug)]
pub struct OnnxNet {
    state: TypedSimpleState,
    shape: Vec<usize>,
    outputs: usize,
}

impl OnnxNet {
    /// Reads a net, gives its only input the shape (for example `[1, 48]`) and asks it once with zeros.
    ///
    /// # Errors
    /// When the bytes are no ONNX file, the net has several inputs, an operator that is not let in or tract does not
    /// know, weights in other files, too many nodes, or answers no or too many numbers.
    pub fn load(bytes: &[u8], shape: &[usize]) -> Result<Self, FormatError> {
        if recognise(bytes)? != Format::Onnx {
            return Err(FormatError::whole(FormatFault::Unknown));
        }
        let numbers = shape.iter().try_fold(1_usize, |all, n| all.checked_mul(*n)).unwrap_or(0);
        if !(1..=INPUTS_MAX).contains(&numbers) || shape.len() > 8 {
            let what = format!("an input of the shape {shape:?}");
            return Err(FormatError::unsupported(what, "choose 1 to 65536 numbers in at most 8 dimensions"));
        }
        // tract answers damaged files with errors; should it panic on one, that is an answer too.
        catch_unwind(AssertUnwindSafe(|| Self::build(bytes, shape)))
            .unwrap_or_else(|_| Err(corrupt("tract panicked on this net")))
    }

    fn build(bytes: &[u8], shape: &[usize]) -> Result<Self, FormatError> {
        let onnx = tract_onnx::onnx();
        let proto = onnx.proto_model_for_read(&mut &*bytes).map_err(corrupt)?;
        check(&proto)?;
        let model = onnx.model_for_proto_model(&proto).map_err(corrupt)?;
        let plan = model
            .with_input_fact(0, InferenceFact::dt_shape(f32::datum_type(), shape))
            .and_then(InferenceModelExt::into_optimized)
            .and_then(IntoRunnable::into_runnable)
            .map_err(corrupt)?;
        let state = Arc::clone(&plan).spawn().map_err(corrupt)?;
        let mut net = Self { state, shape: shape.to_vec(), outputs: 0 };
        net.outputs = net.answer(&vec![0.0; shape.iter().product()], |numbers| numbers.len())?;
        if !(1..=OUTPUTS_MAX).contains(&net.outputs) {
            let what = format!("an output of {} numbers", net.outputs);
            return Err(FormatError::unsupported(what, "export a net with 1 to 4096 outputs"));
        }
        Ok(net)
    }

    /// Asks the net: writes the numbers of its first output.
    ///
    /// # Errors
    /// When a list has another length than the shape or the output, or tract fails.
    pub fn ask(&mut self, inputs: &[f32], outputs: &mut [f32]) -> Result<(), FormatError> {
        let due = self.shape.iter().product();
        if inputs.len() != due {
            return Err(FormatError::at("inputs", FormatFault::Length { given: inputs.len(), due }));
        }
        if outputs.len() != self.outputs {
            let fault = FormatFault::Length { given: outputs.len(), due: self.outputs };
            return Err(FormatError::at("outputs", fault));
        }
        self.answer(inputs, |numbers| outputs.copy_from_slice(numbers))
    }

    /// The shape of the input.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// How many numbers the first output has.
    pub const fn outputs(&self) -> usize {
        self.outputs
    }

    fn answer<T>(&mut self, inputs: &[f32], take: impl FnOnce(&[f32]) -> T) -> Result<T, FormatError> {
        let input = Tensor::from_shape(&self.shape, inputs).map_err(corrupt)?;
        let answers = self.state.run(tvec!(input.into())).map_err(corrupt)?;
        let first = answers.first().ok_or_else(|| corrupt("the net has no output"))?;
        let view = first.to_plain_array_view::<f32>().map_err(corrupt)?;
        let numbers = view.as_slice().ok_or_else(|| corrupt("the output does not lie in order"))?;
        Ok(take(numbers))
    }
}

fn corrupt(error: impl std::fmt::Display) -> FormatError {
    let why: String = format!("{error:#}").chars().take(300).map(|c| if c.is_control() { '?' } else { c }).collect();
    FormatError::whole(FormatFault::Corrupt(why))
}

fn check(proto: &ModelProto) -> Result<(), FormatError> {
    if !proto.functions.is_empty() {
        return Err(FormatError::unsupported("a net with functions of its own", "export it with inlined functions"));
    }
    let graph = proto.graph.as_ref().ok_or_else(|| FormatError::whole(FormatFault::Missing("graph")))?;
    if graph.node.len() > NODES_MAX {
        return Err(FormatError::unsupported(format!("a net of {} nodes", graph.node.len()), "export a smaller net"));
    }
    let given = graph.input.iter().filter(|input| graph.initializer.iter().all(|known| known.name != input.name));
    if given.count() != 1 || graph.output.is_empty() {
        return Err(FormatError::unsupported("a net without one input and an output", "export it with one of each"));
    }
    check_nodes(graph)?;
    let constants = graph.node.iter().flat_map(|node| &node.attribute).filter_map(|attribute| attribute.t.as_ref());
    for tensor in graph.initializer.iter().chain(constants) {
        let place = || format!("tensor '{}'", shortened(&tensor.name));
        if tensor.data_location == Some(1) || !tensor.external_data.is_empty() {
            let what = "a weight in another file";
            return Err(FormatError::unsupported(what, "export with the weights inside").placed(place()));
        }
        let size = tensor.dims.iter().try_fold(1_i64, |all, n| if *n < 0 { None } else { all.checked_mul(*n) });
        if size.is_none_or(|size| size > TENSOR_MAX) {
            let what = format!("a tensor of the shape {:?}", tensor.dims.iter().take(8).collect::<Vec<_>>());
            return Err(FormatError::unsupported(what, "export a smaller net").placed(place()));
        }
    }
    Ok(())
}

fn check_nodes(graph: &GraphProto) -> Result<(), FormatError> {
    if !graph.sparse_initializer.is_empty() {
        return Err(FormatError::unsupported("a sparse weight", "export it dense"));
    }
    for (at, node) in graph.node.iter().enumerate() {
        let place = || format!("node {at} '{}'", shortened(&node.name));
        let standard = ["", "ai.onnx"].contains(&node.domain.as_str());
        if !standard || !OPERATORS.contains(&node.op_type.as_str()) {
            let what = format!("the operator '{}'", shortened(&format!("{} {}", node.domain, node.op_type)));
            let instead = "export the net with plain layers, or run it outside";
            return Err(FormatError::unsupported(what, instead).placed(place()));
        }
        let nested =
            |a: &tract_onnx::pb::AttributeProto| a.g.is_some() || !a.graphs.is_empty() || a.sparse_tensor.is_some();
        if node.attribute.iter().any(nested) {
            return Err(FormatError::unsupported("a net inside a net", "export it flat").placed(place()));
        }
    }
    Ok(())
}
