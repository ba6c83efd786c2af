//! Changes to bytes, drawn from the fuzzer's bytes.

use std::ops::Range;

use crate::input::Input;

/// Makes one change that heeds no structure.
pub fn bytes(input: &mut Input<'_>, of: &mut Vec<u8>) {
    let at = input.below(of.len());
    let end = (at + 1 + usize::from(input.byte())).min(of.len());
    match input.byte() % 6 {
        0 => of.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= input.byte()),
        1 => of.truncate(at),
        2 => drop(of.drain(at.min(end)..end)),
        3 => of[at.min(end)..end].fill(0),
        4 => {
            let again = of[at.min(end)..end].to_vec();
            let to = input.below(of.len());
            of.splice(to..to, again);
        }
        _ => {
            let length = usize::from(input.byte() % 40);
            of.extend_from_slice(input.slice(length));
        }
    }
}

/// Makes one change to whole parts: drops, doubles, moves, or takes one from the same place of another text.
pub fn part(input: &mut Input<'_>, of: &mut Vec<u8>, parts: &[Range<usize>], other: (&[u8], &[Range<usize>])) {
    let (from, to) = (input.below(parts.len()), input.below(parts.len()));
    let Some(copy) = of.get(parts[from].clone()).map(<[u8]>::to_vec) else { return };
    let at = parts[to].start.min(of.len());
    match input.byte() % 4 {
        0 => drop(of.drain(parts[from].clone())),
        1 => drop(of.splice(at..at, copy)),
        2 => {
            drop(of.drain(parts[from].clone()));
            let at = at.min(of.len());
            of.splice(at..at, copy);
        }
        _ => {
            // The header and the first record of another journal would together be another whole journal.
            if from < 2 {
                return;
            }
            let (bytes, theirs) = other;
            let Some(theirs) = theirs.get(from).and_then(|part| bytes.get(part.clone())) else { return };
            of.splice(parts[from].clone(), theirs.to_vec());
        }
    }
}
