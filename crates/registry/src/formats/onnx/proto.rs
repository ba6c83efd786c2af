//! The few messages of ONNX that a net of ours needs, borrowed from the file. Source: onnx.proto, IR version 13.

use super::wire::{Field, Fields, corrupt, varint};
use crate::formats::error::shortened;
use crate::formats::{FormatError, FormatFault, NAME_MAX};

/// The most nodes, tensors, inputs or outputs of a graph, and attributes of a node.
pub(super) const MANY_MAX: usize = 256;
/// The most axes of a tensor.
const AXES_MAX: usize = 8;

/// `ModelProto`.
#[derive(Debug, Default)]
pub(super) struct Model<'a> {
    pub(super) graph: Option<Graph<'a>>,
    /// The version of the standard operators.
    pub(super) opset: u64,
    pub(super) functions: bool,
    pub(super) metadata: Vec<(&'a str, &'a str)>,
}

/// `GraphProto`.
#[derive(Debug, Default)]
pub(super) struct Graph<'a> {
    pub(super) nodes: Vec<Node<'a>>,
    pub(super) tensors: Vec<Tensor<'a>>,
    pub(super) inputs: Vec<Value<'a>>,
    pub(super) outputs: Vec<Value<'a>>,
    pub(super) sparse: bool,
}

/// `NodeProto`.
#[derive(Debug, Default)]
pub(super) struct Node<'a> {
    pub(super) inputs: Vec<&'a str>,
    pub(super) outputs: Vec<&'a str>,
    pub(super) name: &'a str,
    pub(super) kind: &'a str,
    pub(super) domain: &'a str,
    pub(super) attributes: Vec<Attribute<'a>>,
}

/// `AttributeProto`.
#[derive(Debug, Default)]
pub(super) struct Attribute<'a> {
    pub(super) name: &'a str,
    pub(super) float: f32,
    pub(super) int: i64,
    pub(super) text: &'a [u8],
    pub(super) tensor: Option<Tensor<'a>>,
    /// The integers of a list; at most [`AXES_MAX`].
    pub(super) ints: Vec<i64>,
    pub(super) texts: Vec<&'a [u8]>,
    /// It holds a graph, a sparse tensor, a type, or a list that no node of ours has.
    pub(super) other: bool,
}

/// `TensorProto`: its numbers stay in the file until they are asked for.
#[derive(Debug, Default, Clone)]
pub(super) struct Tensor<'a> {
    pub(super) name: &'a str,
    pub(super) dims: Vec<i64>,
    pub(super) kind: u64,
    raw: Option<&'a [u8]>,
    /// Typed numbers: the parts of the field, packed or one by one.
    typed: Vec<Field<'a>>,
    pub(super) outside: bool,
}

/// `ValueInfoProto`: its name, the type of its numbers and its axes, each with its size where that is fixed.
#[derive(Debug, Default)]
pub(super) struct Value<'a> {
    pub(super) name: &'a str,
    pub(super) kind: u64,
    pub(super) axes: Vec<Option<i64>>,
}

fn text(field: Field<'_>) -> Result<&str, FormatError> {
    let bytes = field.bytes().ok_or_else(|| corrupt("a number stands where a text is due"))?;
    let text = std::str::from_utf8(bytes).map_err(|_| corrupt("a text is not UTF-8"))?;
    if text.len() > NAME_MAX {
        return Err(FormatError::at(shortened(text), FormatFault::LongName(text.len())));
    }
    Ok(text)
}

fn message(field: Field<'_>) -> Result<Fields<'_>, FormatError> {
    field.bytes().map(Fields).ok_or_else(|| corrupt("a number stands where a message is due"))
}

fn number(field: Field<'_>) -> Result<u64, FormatError> {
    match field {
        Field::Number(number) => Ok(number),
        _ => Err(corrupt("bytes stand where a number is due")),
    }
}

fn push<T>(list: &mut Vec<T>, item: T, max: usize) -> Result<(), FormatError> {
    if list.len() >= max {
        return Err(FormatError::unsupported(format!("a list of more than {max}"), "export a smaller net"));
    }
    list.push(item);
    Ok(())
}

/// Adds the integers of a field, packed or single.
fn integers(list: &mut Vec<i64>, field: Field<'_>) -> Result<(), FormatError> {
    match field {
        Field::Number(number) => push(list, number as i64, AXES_MAX),
        Field::Bytes(mut packed) => {
            while !packed.is_empty() {
                let number = varint(&mut packed).ok_or_else(|| corrupt("a packed number is cut short"))?;
                push(list, number as i64, AXES_MAX)?;
            }
            Ok(())
        }
        _ => Err(corrupt("integers of another kind")),
    }
}

impl<'a> Model<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, FormatError> {
        let mut model = Self::default();
        for field in Fields(bytes) {
            match field? {
                (7, field) if model.graph.is_none() => model.graph = Some(Graph::read(message(field)?)?),
                (7, _) => return Err(corrupt("there are two graphs")),
                (8, field) => {
                    let (mut domain, mut version) = ("", 0);
                    for field in message(field)? {
                        match field? {
                            (1, field) => domain = text(field)?,
                            (2, field) => version = number(field)?,
                            _ => {}
                        }
                    }
                    if ["", "ai.onnx"].contains(&domain) {
                        model.opset = version;
                    }
                }
                (14, field) => {
                    let (mut key, mut value) = ("", "");
                    for field in message(field)? {
                        match field? {
                            (1, field) => key = text(field)?,
                            (2, Field::Bytes(bytes)) => value = std::str::from_utf8(bytes).unwrap_or_default(),
                            _ => {}
                        }
                    }
                    push(&mut model.metadata, (key, value), MANY_MAX)?;
                }
                (25, _) => model.functions = true,
                _ => {}
            }
        }
        Ok(model)
    }
}

impl<'a> Graph<'a> {
    fn read(fields: Fields<'a>) -> Result<Self, FormatError> {
        let mut graph = Self::default();
        for field in fields {
            match field? {
                (1, field) => push(&mut graph.nodes, Node::read(message(field)?)?, MANY_MAX)?,
                (5, field) => push(&mut graph.tensors, Tensor::read(message(field)?)?, MANY_MAX)?,
                (11, field) => push(&mut graph.inputs, Value::read(message(field)?)?, MANY_MAX)?,
                (12, field) => push(&mut graph.outputs, Value::read(message(field)?)?, MANY_MAX)?,
                (15, _) => graph.sparse = true,
                _ => {}
            }
        }
        Ok(graph)
    }
}

impl<'a> Node<'a> {
    fn read(fields: Fields<'a>) -> Result<Self, FormatError> {
        let mut node = Self::default();
        for field in fields {
            match field? {
                (1, field) => push(&mut node.inputs, text(field)?, AXES_MAX)?,
                (2, field) => push(&mut node.outputs, text(field)?, AXES_MAX)?,
                (3, field) => node.name = text(field)?,
                (4, field) => node.kind = text(field)?,
                (5, field) => push(&mut node.attributes, Attribute::read(message(field)?)?, AXES_MAX * 2)?,
                (7, field) => node.domain = text(field)?,
                _ => {}
            }
        }
        Ok(node)
    }
}

impl<'a> Attribute<'a> {
    fn read(fields: Fields<'a>) -> Result<Self, FormatError> {
        let mut attribute = Self::default();
        for field in fields {
            match field? {
                (1, field) => attribute.name = text(field)?,
                (2, Field::Four(bytes)) => attribute.float = f32::from_le_bytes(bytes),
                (3, field) => attribute.int = number(field)? as i64,
                (4, Field::Bytes(bytes)) => attribute.text = bytes,
                (5, field) => attribute.tensor = Some(Tensor::read(message(field)?)?),
                (8, field) => integers(&mut attribute.ints, field)?,
                (9, Field::Bytes(bytes)) => push(&mut attribute.texts, bytes, AXES_MAX)?,
                // 13 is a remark, 20 the kind of the attribute, which its fields say too.
                (13 | 20, _) => {}
                _ => attribute.other = true,
            }
        }
        Ok(attribute)
    }
}

impl<'a> Value<'a> {
    fn read(fields: Fields<'a>) -> Result<Self, FormatError> {
        let mut value = Self::default();
        for field in fields {
            match field? {
                (1, field) => value.name = text(field)?,
                (2, field) => {
                    for field in message(field)? {
                        if let (1, field) = field? {
                            value.tensor(message(field)?)?;
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(value)
    }

    fn tensor(&mut self, fields: Fields<'_>) -> Result<(), FormatError> {
        for field in fields {
            match field? {
                (1, field) => self.kind = number(field)?,
                (2, field) => {
                    for axis in message(field)? {
                        let (1, axis) = axis? else { continue };
                        push(&mut self.axes, size(message(axis)?)?, AXES_MAX)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// The size of an axis where it is a number, not a name.
fn size(axis: Fields<'_>) -> Result<Option<i64>, FormatError> {
    let mut size = None;
    for part in axis {
        if let (1, part) = part? {
            size = Some(number(part)? as i64);
        }
    }
    Ok(size)
}

impl<'a> Tensor<'a> {
    fn read(fields: Fields<'a>) -> Result<Self, FormatError> {
        let mut tensor = Self::default();
        for field in fields {
            match field? {
                (1, field) => integers(&mut tensor.dims, field)?,
                (2, field) => tensor.kind = number(field)?,
                (4 | 5 | 7 | 10, field @ Field::Bytes(_)) => push(&mut tensor.typed, field, MANY_MAX)?,
                // Numbers one by one, as old writers have them: only lists that are short.
                (4 | 5 | 7 | 10, field) => push(&mut tensor.typed, field, 65_536)?,
                (8, field) => tensor.name = text(field)?,
                (9, field) => tensor.raw = field.bytes(),
                (13, _) => tensor.outside = true,
                (14, Field::Number(place)) => tensor.outside |= place == 1,
                _ => {}
            }
        }
        Ok(tensor)
    }

    /// How many numbers its axes promise; nothing when an axis is negative or there are more than `max`.
    pub(super) fn count(&self, max: usize) -> Option<usize> {
        let all = self.dims.iter().try_fold(1_usize, |all, n| all.checked_mul(usize::try_from(*n).ok()?))?;
        (all <= max).then_some(all)
    }

    /// Its numbers, 32-bit or 64-bit floats, if they are as many as its axes promise.
    pub(super) fn floats(&self, max: usize) -> Option<Vec<f64>> {
        let four = |bytes: &[u8]| Some(f64::from(f32::from_le_bytes(bytes.try_into().ok()?)));
        let eight = |bytes: &[u8]| Some(f64::from_le_bytes(bytes.try_into().ok()?));
        match self.kind {
            1 => self.numbers(max, 4, four),
            11 => self.numbers(max, 8, eight),
            _ => None,
        }
    }

    fn numbers(&self, max: usize, size: usize, number: impl Fn(&[u8]) -> Option<f64>) -> Option<Vec<f64>> {
        let due = self.count(max)?;
        let mut numbers = Vec::new();
        let mut whole = |bytes: &[u8]| {
            let fits = bytes.len().is_multiple_of(size) && bytes.len() / size <= due - numbers.len();
            numbers.extend(fits.then(|| bytes.chunks_exact(size).filter_map(&number))?);
            Some(())
        };
        if let Some(raw) = self.raw {
            whole(raw)?;
        }
        for part in &self.typed {
            match part {
                Field::Bytes(bytes) => whole(bytes)?,
                Field::Four(bytes) => whole(bytes)?,
                Field::Eight(bytes) => whole(bytes)?,
                Field::Number(_) => return None,
            }
        }
        (numbers.len() == due).then_some(numbers)
    }

    /// Its integers, a few: axes, shapes, places.
    pub(super) fn integers(&self) -> Option<Vec<i64>> {
        let due = self.count(AXES_MAX)?;
        let mut list = Vec::new();
        match (self.kind, self.raw) {
            (7, Some(raw)) if raw.len() == due * 8 => {
                list.extend(raw.chunks_exact(8).filter_map(|bytes| Some(i64::from_le_bytes(bytes.try_into().ok()?))));
            }
            (6, Some(raw)) if raw.len() == due * 4 => {
                let four = |bytes: &[u8]| Some(i64::from(i32::from_le_bytes(bytes.try_into().ok()?)));
                list.extend(raw.chunks_exact(4).filter_map(four));
            }
            (6 | 7, None) => self.typed.iter().try_for_each(|field| integers(&mut list, *field)).ok()?,
            _ => return None,
        }
        (list.len() == due).then_some(list)
    }
}
