//! An artefact as bytes: `docs/formats/model.md`.

use features::Feature;
use market::{Points, Reader, Span, State, Time, Torn};
use models::Net;
use models::forest::Forest;

use super::{Artefact, ArtefactError, Brain, Digest, INPUTS_MAX, Input, Line, Parts, Scale, Sequence, Trained};
use crate::barrier::Barrier;
use crate::cadence::Cadence;

/// The first bytes of an encoding; its version follows.
const MAGIC: [u8; 7] = *b"SCMODEL";
/// The version that is written and read.
const VERSION: u8 = 2;

impl Artefact {
    /// Appends everything but the digest, which is that of these bytes.
    pub fn encode(parts: &Parts, out: &mut Vec<u8>) {
        out.extend_from_slice(&MAGIC);
        out.push(VERSION);
        put_text(&parts.name, out);
        parts.barrier.target.0.save(out);
        parts.barrier.stop.0.save(out);
        parts.barrier.horizon.0.save(out);
        parts.barrier.commission_points.save(out);
        parts.outside_max.save(out);
        parts.missing_max.save(out);
        parts.trained.save(out);
        (parts.inputs.len() as u32).save(out);
        for input in &parts.inputs {
            put_text(input.feature.name(), out);
            input.low.save(out);
            input.high.save(out);
            input.deciles.save(out);
        }
        out.push(parts.brain.seat().code());
        match &parts.brain {
            Brain::Trees(forests) => forests.iter().for_each(|forest| forest.encode(out)),
            Brain::Sequence(sequence) => put_sequence(sequence, out),
            Brain::Meta { forest, of } => {
                out.extend_from_slice(of);
                forest.encode(out);
            }
        }
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

fn decode_parts(from: &mut Reader<'_>) -> Result<Parts, ArtefactError> {
    if from.take::<7>()? != MAGIC {
        return Err(ArtefactError::Torn);
    }
    let found = from.u8()?;
    if found != VERSION {
        return Err(ArtefactError::Version { found });
    }
    let name = get_text(from)?;
    let barrier = Barrier {
        target: Points(from.read()?),
        stop: Points(from.read()?),
        horizon: Span(from.read()?),
        commission_points: from.read()?,
    };
    let (outside_max, missing_max) = (from.read()?, from.read()?);
    let trained: (Time, Time) = (from.read()?, from.read()?);
    let inputs = get_inputs(from)?;
    let seat = *Trained::ALL.get(usize::from(from.u8()?)).ok_or(Torn)?;
    let forest = |from: &mut Reader<'_>| Forest::decode(from).map_err(ArtefactError::Forest);
    let brain = match seat {
        Trained::Trees => Brain::Trees([forest(from)?, forest(from)?]),
        Trained::Sequence => Brain::Sequence(Box::new(get_sequence(inputs.len(), from)?)),
        Trained::Meta => Brain::Meta { of: from.take::<32>()?, forest: forest(from)? },
    };
    Ok(Parts { name, barrier, inputs, outside_max, missing_max, trained, brain })
}

fn get_inputs(from: &mut Reader<'_>) -> Result<Vec<Input>, ArtefactError> {
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
        let (low, high) = (from.read()?, from.read()?);
        let mut deciles = [0.0; 9];
        deciles.load(from)?;
        inputs.push(Input { feature, low, high, deciles });
    }
    Ok(inputs)
}

fn put_sequence(sequence: &Sequence, out: &mut Vec<u8>) {
    for scale in &sequence.scales {
        scale.mean.save(out);
        scale.deviation.save(out);
    }
    sequence.clip.save(out);
    sequence.cadence.encode(out);
    sequence.gap.0.save(out);
    sequence.warm.save(out);
    for line in &sequence.lines {
        line.slope.save(out);
        line.offset.save(out);
    }
    sequence.net.encode(out);
}

fn get_sequence(inputs: usize, from: &mut Reader<'_>) -> Result<Sequence, ArtefactError> {
    let mut scales = Vec::with_capacity(inputs);
    for _ in 0..inputs {
        scales.push(Scale { mean: from.read()?, deviation: from.read()? });
    }
    let (clip, cadence, gap, warm) = (from.read()?, Cadence::decode(from)?, Span(from.read()?), from.read()?);
    let mut line = || Ok::<Line, Torn>(Line { slope: from.read()?, offset: from.read()? });
    let lines = [line()?, line()?];
    let net = Net::decode(from).map_err(ArtefactError::Net)?;
    Ok(Sequence { net, scales, clip, cadence, gap, warm, lines })
}

fn put_text(text: &str, out: &mut Vec<u8>) {
    out.push(text.len().min(usize::from(u8::MAX)) as u8);
    out.extend_from_slice(&text.as_bytes()[..text.len().min(usize::from(u8::MAX))]);
}

fn get_text(from: &mut Reader<'_>) -> Result<String, Torn> {
    let length = usize::from(from.u8()?);
    std::str::from_utf8(from.slice(length)?).map(str::to_owned).map_err(|_| Torn)
}
