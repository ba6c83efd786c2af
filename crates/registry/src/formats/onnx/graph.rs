//! Nodes into layers. One stream flows from the input to the output; every node moves its axes or adds to the net.

use super::proto::{Attribute, Graph, Node, Tensor};
use super::shape::{self, Axes, Axis, Told};
use crate::formats::error::shortened;
use crate::formats::{FormatError, FormatFault};
use models::net::{Activation, GruSpec, LAYERS_MAX, LayerSpec, NetSpec, WIDTH_MAX};
use std::collections::BTreeMap;

const SUPPORTED: &str = "supported are GRU, Gemm, MatMul, Add, Relu, Tanh, Sigmoid, Squeeze, Unsqueeze, Reshape, Transpose, Identity, Constant, \
                         and a Gather of the last step";
const CHAIN: &str = "export a net whose layers follow each other";

/// The numbers of a matrix at most: those of the widest recurrent unit.
const NUMBERS_MAX: usize = 3 * WIDTH_MAX * WIDTH_MAX;

/// What a name stands for.
#[derive(Clone)]
enum Held<'a> {
    /// Known numbers.
    Known(&'a Tensor<'a>),
    /// The stream, as it was when so many parts were in the net.
    Stream { axes: Axes, parts: usize },
}

/// The net as far as it was read.
struct Reading<'a> {
    held: BTreeMap<&'a str, Held<'a>>,
    spec: NetSpec,
    /// How often the numbers of the stream were changed.
    parts: usize,
    /// Layers that were made from an activation alone or are closed: an Add no longer belongs to them.
    open: bool,
    /// The axis that the GRU went along.
    steps: Option<Axis>,
}

/// The net of a graph.
pub(super) fn read(graph: &Graph<'_>) -> Result<NetSpec, FormatError> {
    let refuse = |what: &str, instead| Err(FormatError::unsupported(what, instead));
    if graph.sparse {
        return refuse("a sparse weight", "export it dense");
    }
    for tensor in &graph.tensors {
        if tensor.outside {
            let what = "a weight in another file";
            let error = FormatError::unsupported(what, "export with the weights inside");
            return Err(error.placed(format!("tensor '{}'", shortened(tensor.name))));
        }
    }
    let known = |name: &str| graph.tensors.iter().any(|tensor| tensor.name == name);
    let mut given = graph.inputs.iter().filter(|input| !known(input.name));
    let (Some(input), None, [output]) = (given.next(), given.next(), graph.outputs.as_slice()) else {
        return refuse(
            "a net without one input and one output",
            "export it with one of each; its state begins at zero",
        );
    };
    let place = format!("input '{}'", shortened(input.name));
    let rank = input.axes.len();
    let (Some(Some(features)), true) = (input.axes.last(), [1, 11].contains(&input.kind) && (1..=3).contains(&rank))
    else {
        let what = "an input that is not float or double, with 1 to 3 axes, the last of fixed size";
        return Err(FormatError::unsupported(what, "name its shape when exporting").placed(place));
    };
    let inputs = usize::try_from(*features).ok().filter(|n| (1..=WIDTH_MAX).contains(n));
    let Some(inputs) = inputs else {
        let error = FormatError::unsupported(format!("a row of {features} features"), "choose 1 to 1024");
        return Err(error.placed(place));
    };
    let mut axes: Axes = input.axes[..rank - 1].iter().enumerate().map(|(at, size)| Axis::Free(at, *size)).collect();
    axes.push(Axis::Features(inputs));
    let mut held: BTreeMap<_, _> = graph.tensors.iter().map(|tensor| (tensor.name, Held::Known(tensor))).collect();
    held.insert(input.name, Held::Stream { axes, parts: 0 });
    let spec = NetSpec { inputs, cell: None, layers: Vec::new() };
    let mut reading = Reading { held, spec, parts: 0, open: false, steps: None };
    for (at, node) in graph.nodes.iter().enumerate() {
        let place = || format!("node {at} '{}'", shortened(node.name));
        reading.node(node).map_err(|what| FormatError::unsupported(what, SUPPORTED).placed(place()))?;
    }
    match reading.held.get(output.name) {
        Some(Held::Stream { parts, .. }) if *parts == reading.parts => {}
        _ => return refuse("an output that is not the end of the net", CHAIN),
    }
    reading.spec.check().map_err(|error| FormatError::whole(FormatFault::Corrupt(error.to_string())))?;
    Ok(reading.spec)
}

impl<'a> Reading<'a> {
    fn node(&mut self, node: &'a Node<'a>) -> Result<(), String> {
        let kind = shortened(node.kind);
        if !["", "ai.onnx"].contains(&node.domain) {
            return Err(format!("the operator '{} {kind}'", shortened(node.domain)));
        }
        let told = |result: Told<()>| result.map_err(|why| format!("{kind}: {why}"));
        if node.attributes.iter().any(|attribute| attribute.other) {
            return told(Err("an attribute that holds a graph or a list of another kind"));
        }
        let output = node.outputs.iter().copied().find(|name| !name.is_empty());
        let Some(output) = output else { return told(Err("a node without an output")) };
        if node.outputs.iter().any(|name| self.held.contains_key(name)) {
            return told(Err("a name that stands for two things"));
        }
        match node.kind {
            "Constant" => told(self.constant(node, output)),
            "GRU" => told(self.gru(node)),
            "Gemm" => told(self.gemm(node, output)),
            "MatMul" => told(self.matmul(node, output)),
            "Add" => told(self.add(node, output)),
            "Relu" => told(self.activate(node, output, Activation::Relu)),
            "Tanh" => told(self.activate(node, output, Activation::Tanh)),
            "Sigmoid" => told(self.activate(node, output, Activation::Sigmoid)),
            "Squeeze" | "Unsqueeze" | "Reshape" | "Transpose" | "Identity" | "Gather" => told(self.moved(node, output)),
            _ => Err(kind),
        }
    }

    /// The stream behind an input of a node.
    fn stream(&self, node: &Node<'_>, at: usize) -> Told<Axes> {
        match node.inputs.get(at).and_then(|name| self.held.get(name)) {
            Some(Held::Stream { axes, parts }) if *parts == self.parts => Ok(axes.clone()),
            Some(Held::Stream { .. }) => Err("a branch: it takes what another node went on from"),
            Some(Held::Known(_)) => Err("a known tensor where the stream is due"),
            None => Err("an input that nothing before it made"),
        }
    }

    /// The known tensor behind an input of a node, if it has that input.
    fn known(&self, node: &Node<'_>, at: usize) -> Told<Option<&'a Tensor<'a>>> {
        match node.inputs.get(at).filter(|name| !name.is_empty()).map(|name| self.held.get(name)) {
            None => Ok(None),
            Some(Some(Held::Known(tensor))) => Ok(Some(tensor)),
            Some(Some(Held::Stream { .. })) => Err("the stream where known numbers are due"),
            Some(None) => Err("an input that nothing before it made"),
        }
    }

    fn due(&self, node: &Node<'_>, at: usize) -> Told<&'a Tensor<'a>> {
        self.known(node, at)?.ok_or("a weight is missing")
    }

    /// The stream goes on under this name; with `changed`, in other numbers.
    fn go_on(&mut self, output: &'a str, axes: Axes, changed: bool) {
        self.parts += usize::from(changed);
        self.held.insert(output, Held::Stream { axes, parts: self.parts });
    }

    fn constant(&mut self, node: &'a Node<'a>, output: &'a str) -> Told<()> {
        let tensor = node.attributes.iter().find(|attribute| attribute.name == "value");
        let tensor = tensor.and_then(|attribute| attribute.tensor.as_ref()).filter(|tensor| !tensor.outside);
        let tensor = tensor.ok_or("a constant that is not a tensor in this file")?;
        self.held.insert(output, Held::Known(tensor));
        Ok(())
    }

    fn moved(&mut self, node: &'a Node<'a>, output: &'a str) -> Told<()> {
        // What only moves a known tensor would have to be computed: exporters do that beforehand.
        let axes = self.stream(node, 0)?;
        let list = |name: &str, at: usize| {
            let tensor = self.known(node, at)?;
            let given = tensor.map(|tensor| tensor.integers().ok_or("axes or a shape that are not a few integers"));
            let own = attribute(node, name).map(|attribute| attribute.ints.clone());
            given.transpose().map(|given| given.or(own))
        };
        let moved = match node.kind {
            "Squeeze" => shape::squeeze(&axes, &list("axes", 1)?.ok_or("a Squeeze that does not name its axes")?)?,
            "Unsqueeze" => {
                shape::unsqueeze(&axes, &list("axes", 1)?.ok_or("an Unsqueeze that does not name its axes")?)?
            }
            "Reshape" if integer(node, "allowzero", 0) != 0 => return Err("a Reshape with allowzero"),
            "Reshape" => shape::reshape(&axes, &list("shape", 1)?.ok_or("a Reshape without a shape")?)?,
            "Transpose" => {
                shape::transpose(&axes, &attribute(node, "perm").map(|perm| perm.ints.clone()).unwrap_or_default())?
            }
            "Gather" => {
                let index = self.due(node, 1)?;
                let places = index.integers().ok_or("a Gather whose place is not an integer")?;
                let (kept, gone) = shape::last(&axes, integer(node, "axis", 0), &places, index.dims.is_empty())?;
                if gone != Axis::One && self.steps != Some(gone) {
                    return Err("a Gather along another axis than that of a GRU's steps");
                }
                kept
            }
            _ => axes,
        };
        self.go_on(output, moved, false);
        Ok(())
    }

    /// How many numbers a step of the stream has; its axis must be the last.
    fn width(axes: &[Axis]) -> Told<usize> {
        match axes.last() {
            Some(Axis::Features(n)) => Ok(*n),
            _ => Err("the numbers of a step do not lie in its last axis"),
        }
    }

    fn push(&mut self, output: &'a str, mut axes: Axes, layer: LayerSpec, open: bool) -> Told<()> {
        if self.spec.layers.len() >= LAYERS_MAX {
            return Err("a net of more than 16 layers");
        }
        axes.pop();
        axes.push(Axis::Features(layer.outputs));
        self.spec.layers.push(layer);
        self.open = open;
        self.go_on(output, axes, true);
        Ok(())
    }

    fn gemm(&mut self, node: &'a Node<'a>, output: &'a str) -> Told<()> {
        let axes = self.stream(node, 0)?;
        let inputs = Self::width(&axes)?;
        if axes.len() != 2 || integer(node, "transA", 0) != 0 {
            return Err("an input that is not rows of features");
        }
        let (weights, flipped) = (self.due(node, 1)?, integer(node, "transB", 0) != 0);
        let (alpha, beta) = (float(node, "alpha", 1.0), float(node, "beta", 1.0));
        let (outputs, weights) = matrix(weights, inputs, flipped)?;
        let bias = self.known(node, 2)?.map_or(Ok(vec![0.0; outputs]), |tensor| row(tensor, outputs))?;
        let weights = weights.into_iter().map(|weight| weight * alpha).collect();
        let bias = bias.into_iter().map(|bias| bias * beta).collect();
        self.push(output, axes, LayerSpec { outputs, weights, bias, activation: Activation::None }, true)
    }

    fn matmul(&mut self, node: &'a Node<'a>, output: &'a str) -> Told<()> {
        let axes = self.stream(node, 0)?;
        let (outputs, weights) = matrix(self.due(node, 1)?, Self::width(&axes)?, false)?;
        let layer = LayerSpec { outputs, weights, bias: vec![0.0; outputs], activation: Activation::None };
        self.push(output, axes, layer, true)
    }

    fn add(&mut self, node: &'a Node<'a>, output: &'a str) -> Told<()> {
        let first = matches!(node.inputs.first().and_then(|name| self.held.get(name)), Some(Held::Stream { .. }));
        let (axes, tensor) = (self.stream(node, usize::from(!first))?, self.due(node, usize::from(first))?);
        let width = Self::width(&axes)?;
        if tensor.dims.len() > axes.len() {
            return Err("an Add of a tensor with more axes than the stream");
        }
        let added = row(tensor, width)?;
        let layer =
            self.spec.layers.last_mut().filter(|_| self.open).ok_or("an Add that is not behind MatMul or Gemm")?;
        layer.bias.iter_mut().zip(added).for_each(|(bias, more)| *bias += more);
        self.go_on(output, axes, true);
        Ok(())
    }

    fn activate(&mut self, node: &'a Node<'a>, output: &'a str, activation: Activation) -> Told<()> {
        let axes = self.stream(node, 0)?;
        if let Some(layer) = self.spec.layers.last_mut().filter(|_| self.open) {
            layer.activation = activation;
            self.open = false;
            self.go_on(output, axes, true);
            return Ok(());
        }
        // Nothing to put it on: a layer that passes every number on.
        let n = Self::width(&axes)?;
        let weights = (0..n * n).map(|at| f64::from(u8::from(at / n == at % n))).collect();
        self.push(output, axes, LayerSpec { outputs: n, weights, bias: vec![0.0; n], activation }, false)
    }

    fn gru(&mut self, node: &'a Node<'a>) -> Told<()> {
        let axes = self.stream(node, 0)?;
        if self.spec.cell.is_some() || !self.spec.layers.is_empty() {
            return Err("a second recurrent unit, or one behind a layer");
        }
        plain(node)?;
        let &[steps @ Axis::Free(..), rows, Axis::Features(inputs)] = axes.as_slice() else {
            return Err("an input that is not steps, rows, features");
        };
        let (w, r) = (self.due(node, 1)?, self.due(node, 2)?);
        let hidden = match *r.dims {
            [1, _, hidden] => usize::try_from(hidden).ok().filter(|n| (1..=WIDTH_MAX).contains(n)),
            _ => None,
        };
        let hidden = hidden.ok_or("recurrent weights that are not 1 x 3H x H with H from 1 to 1024")?;
        let said = usize::try_from(integer(node, "hidden_size", hidden as i64));
        let shapes = ([1, 3 * hidden as i64, inputs as i64], [1, 3 * hidden as i64, hidden as i64]);
        if w.dims != shapes.0 || r.dims != shapes.1 || said != Ok(hidden) {
            return Err("weights that do not fit each other, the input or hidden_size");
        }
        let bias = match self.known(node, 3)? {
            Some(bias) if bias.dims == [1, 6 * hidden as i64] => numbers(bias)?,
            Some(_) => return Err("a bias that is not 1 x 6H"),
            None => vec![0.0; 6 * hidden],
        };
        if node.inputs.get(4).is_some_and(|name| !name.is_empty()) {
            return Err("lengths of sequences (sequence_lens)");
        }
        if let Some(start) = self.known(node, 5)?
            && numbers(start)?.iter().any(|h| *h != 0.0)
        {
            return Err("an initial_h other than zero");
        }
        let (input_bias, recurrent_bias) = bias.split_at(3 * hidden);
        self.spec.cell = Some(GruSpec {
            inputs,
            hidden,
            linear_before_reset: integer(node, "linear_before_reset", 0) != 0,
            input_weights: numbers(w)?,
            recurrent_weights: numbers(r)?,
            input_bias: input_bias.to_vec(),
            recurrent_bias: recurrent_bias.to_vec(),
        });
        self.steps = Some(steps);
        self.parts += 1;
        let outputs =
            [vec![steps, Axis::One, rows, Axis::Features(hidden)], vec![Axis::One, rows, Axis::Features(hidden)]];
        for (name, axes) in node.outputs.iter().zip(outputs).filter(|(name, _)| !name.is_empty()) {
            self.held.insert(name, Held::Stream { axes, parts: self.parts });
        }
        Ok(())
    }
}

/// Whether a GRU is one of the kind that we compute.
fn plain(node: &Node<'_>) -> Told<()> {
    let texts = |name: &str| attribute(node, name).map(|attribute| attribute.texts.as_slice());
    if attribute(node, "direction").is_some_and(|direction| direction.text != b"forward") {
        return Err("a direction other than forward: it would see the future");
    }
    if texts("activations").is_some_and(|names| names != [b"Sigmoid".as_slice(), b"Tanh"]) {
        return Err("activations other than Sigmoid and Tanh");
    }
    if attribute(node, "clip").is_some() || integer(node, "layout", 0) != 0 {
        return Err("clip or layout");
    }
    Ok(())
}

fn attribute<'n>(node: &'n Node<'_>, name: &str) -> Option<&'n Attribute<'n>> {
    node.attributes.iter().find(|attribute| attribute.name == name)
}

fn integer(node: &Node<'_>, name: &str, without: i64) -> i64 {
    attribute(node, name).map_or(without, |attribute| attribute.int)
}

fn float(node: &Node<'_>, name: &str, without: f32) -> f64 {
    f64::from(attribute(node, name).map_or(without, |attribute| attribute.float))
}

fn numbers(tensor: &Tensor<'_>) -> Told<Vec<f64>> {
    tensor.floats(NUMBERS_MAX).ok_or("a weight that is not floats or doubles, or not as many as its axes say")
}

/// The matrix of a layer, a row for each output: (outputs, weights). `flipped`: it lies so in the file.
fn matrix(tensor: &Tensor<'_>, inputs: usize, flipped: bool) -> Told<(usize, Vec<f64>)> {
    let [first, second] = tensor.dims.as_slice() else { return Err("weights that are not a matrix") };
    let (own, outputs) = if flipped { (second, first) } else { (first, second) };
    let outputs = usize::try_from(*outputs).ok().filter(|n| (1..=WIDTH_MAX).contains(n));
    let outputs = outputs.ok_or("a layer of no or more than 1024 outputs")?;
    if *own != inputs as i64 {
        return Err("weights for another number of inputs");
    }
    let all = numbers(tensor)?;
    if flipped {
        return Ok((outputs, all));
    }
    Ok((outputs, (0..outputs * inputs).map(|at| all[at % inputs * outputs + at / inputs]).collect()))
}

/// A row that is added to every step: as long as the step, or one number for all.
fn row(tensor: &Tensor<'_>, width: usize) -> Told<Vec<f64>> {
    let (last, front) = tensor.dims.split_last().map_or((1, &[][..]), |(last, front)| (*last, front));
    if front.iter().any(|n| *n != 1) || (last != 1 && last != width as i64) {
        return Err("a bias that is not one row");
    }
    let all = numbers(tensor)?;
    Ok(if all.len() == width { all } else { vec![all[0]; width] })
}
