//! A net as bytes: magic, inputs `u32`, whether there is a cell `u8`, then that: hidden `u32`, `linear_before_reset` `u8`
//! and its lists; layers `u8`, then each: outputs `u32`, activation `u8`, weights and bias. Little-endian; lengths follow
//! from the widths.

use super::error::check_width;
use super::{Activation, GruSpec, LAYERS_MAX, LayerSpec, Net, NetError, NetSpec};
use market::{Reader, State, Torn};

const MAGIC: [u8; 8] = *b"SCNET\0\0\x01";

impl Net {
    /// Appends the weights.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let put = |list: &[f64], out: &mut Vec<u8>| list.iter().for_each(|weight| weight.save(out));
        let spec = self.spec();
        out.extend_from_slice(&MAGIC);
        (spec.inputs as u32).save(out);
        spec.cell.is_some().save(out);
        if let Some(cell) = &spec.cell {
            (cell.hidden as u32).save(out);
            cell.linear_before_reset.save(out);
            cell.lists().iter().for_each(|(_, list, _)| put(list, out));
        }
        out.push(spec.layers.len() as u8);
        for layer in &spec.layers {
            (layer.outputs as u32).save(out);
            out.push(layer.activation.code());
            put(&layer.weights, out);
            put(&layer.bias, out);
        }
    }

    /// Reads what [`Net::encode`] wrote. Nothing is reserved for more numbers than there are bytes.
    ///
    /// # Errors
    /// [`NetError::Torn`] when the bytes are not those of an `encode`, others as [`Net::new`].
    pub fn decode(from: &mut Reader<'_>) -> Result<Self, NetError> {
        if from.take::<8>()? != MAGIC {
            return Err(NetError::Torn);
        }
        let inputs = width("inputs", from)?;
        let cell = if from.read::<bool>()? { Some(cell(inputs, from)?) } else { None };
        let count = usize::from(from.u8()?);
        if count > LAYERS_MAX {
            return Err(NetError::Layers(count));
        }
        let mut seen = cell.as_ref().map_or(inputs, |cell| cell.hidden);
        let mut layers = Vec::with_capacity(count);
        for _ in 0..count {
            let outputs = width("outputs", from)?;
            let code = usize::from(from.u8()?);
            let activation = *Activation::ALL.get(code).ok_or(Torn)?;
            let weights = list(outputs * seen, from)?;
            layers.push(LayerSpec { outputs, weights, bias: list(outputs, from)?, activation });
            seen = outputs;
        }
        Self::new(NetSpec { inputs, cell, layers })
    }
}

fn cell(inputs: usize, from: &mut Reader<'_>) -> Result<GruSpec, NetError> {
    let hidden = width("hidden", from)?;
    Ok(GruSpec {
        inputs,
        hidden,
        linear_before_reset: from.read()?,
        input_weights: list(3 * hidden * inputs, from)?,
        recurrent_weights: list(3 * hidden * hidden, from)?,
        input_bias: list(3 * hidden, from)?,
        recurrent_bias: list(3 * hidden, from)?,
    })
}

fn width(which: &'static str, from: &mut Reader<'_>) -> Result<usize, NetError> {
    let found = from.read::<u32>()? as usize;
    check_width(which, found)?;
    Ok(found)
}

fn list(len: usize, from: &mut Reader<'_>) -> Result<Vec<f64>, Torn> {
    let bytes = from.slice(8 * len)?;
    bytes.chunks(8).map(|bytes| Reader::new(bytes).read::<f64>()).collect()
}
