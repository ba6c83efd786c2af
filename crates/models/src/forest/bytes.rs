//! A forest as bytes: what was described, in order, little-endian. Reading goes through the builder, so bytes that were
//! tampered with can only give another sound forest, or a refusal.

use super::{Child, Forest, ForestError, ForestFault, Leaf, Link, Missing, SET_WORDS_MAX, Split, Summing, Test, Tree};
use super::{LEAVES_MAX, TREES_MAX};
use market::{Reader, State, Torn};

const MAGIC: [u8; 8] = *b"FOREST 1";
const IN: u8 = 6;
/// The fewest bytes of a leaf.
const LEAF_BYTES: usize = 16;

impl Forest {
    /// Appends the forest.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&MAGIC);
        (self.features as u32).save(out);
        self.base.save(out);
        match self.link {
            Link::Identity => 0.0_f64.save(out),
            Link::Logistic { slope } => slope.save(out),
        }
        out.push(match self.summing {
            Summing::Double => 0,
            Summing::Single => 1,
        });
        (self.trees.len() as u32).save(out);
        for tree in &self.trees {
            put_tree(tree, out);
        }
    }

    /// Reads a forest.
    ///
    /// # Errors
    /// [`ForestFault::Torn`] when the bytes are not those of an `encode`, another fault when they describe a forest
    /// that the builder refuses.
    pub fn decode(from: &mut Reader<'_>) -> Result<Self, ForestError> {
        let torn = |_: Torn| ForestError::whole(ForestFault::Torn);
        if from.take::<8>().map_err(torn)? != MAGIC {
            return Err(ForestError::whole(ForestFault::Torn));
        }
        let features = from.read::<u32>().map_err(torn)? as usize;
        let base = from.read().map_err(torn)?;
        let slope: f64 = from.read().map_err(torn)?;
        let link = if slope.to_bits() == 0 { Link::Identity } else { Link::Logistic { slope } };
        let summing = match from.u8().map_err(torn)? {
            0 => Summing::Double,
            1 => Summing::Single,
            _ => return Err(ForestError::whole(ForestFault::Torn)),
        };
        let trees = from.read::<u32>().map_err(torn)? as usize;
        if trees > TREES_MAX {
            return Err(ForestError::whole(ForestFault::Trees(trees)));
        }
        let mut builder = Self::builder(features).base(base).link(link).summing(summing);
        for at in 0..trees {
            let tree = get_tree(from).map_err(|_| ForestError::tree(at, ForestFault::Torn))?;
            builder.tree(tree)?;
        }
        builder.build()
    }
}

fn put_tree(tree: &Tree, out: &mut Vec<u8>) {
    (tree.leaves.len() as u32).save(out);
    for leaf in &tree.leaves {
        leaf.value.save(out);
        leaf.cover.save(out);
    }
    for split in &tree.splits {
        split.feature.save(out);
        match &split.test {
            Test::AtMost { threshold, missing, default_left } => {
                out.push(*missing as u8 * 2 + u8::from(*default_left));
                threshold.save(out);
            }
            Test::In { set } => {
                out.push(IN);
                set.save(out);
            }
        }
        put_child(split.left, out);
        put_child(split.right, out);
        split.cover.save(out);
    }
}

fn put_child(child: Child, out: &mut Vec<u8>) {
    match child {
        Child::Split(place) => place << 1,
        Child::Leaf(place) => place << 1 | 1,
    }
    .save(out);
}

fn get_tree(from: &mut Reader<'_>) -> Result<Tree, Torn> {
    let leaves = from.read::<u32>()? as usize;
    if leaves == 0 || leaves > LEAVES_MAX || leaves > from.rest().len() / LEAF_BYTES {
        return Err(Torn);
    }
    let leaf = |from: &mut Reader<'_>| Ok(Leaf { value: from.read()?, cover: from.read()? });
    Ok(Tree {
        leaves: (0..leaves).map(|_| leaf(from)).collect::<Result<_, Torn>>()?,
        splits: (1..leaves).map(|_| get_split(from)).collect::<Result<_, Torn>>()?,
    })
}

fn get_split(from: &mut Reader<'_>) -> Result<Split, Torn> {
    let feature = from.read()?;
    let code = from.u8()?;
    let test = if code == IN {
        let words: usize = from.read()?;
        if words > SET_WORDS_MAX {
            return Err(Torn);
        }
        Test::In { set: (0..words).map(|_| from.read()).collect::<Result<_, Torn>>()? }
    } else {
        let missing = *[Missing::None, Missing::Zero, Missing::Nan].get(usize::from(code / 2)).ok_or(Torn)?;
        Test::AtMost { threshold: from.read()?, missing, default_left: code % 2 == 1 }
    };
    Ok(Split { feature, test, left: get_child(from)?, right: get_child(from)?, cover: from.read()? })
}

fn get_child(from: &mut Reader<'_>) -> Result<Child, Torn> {
    let code: u32 = from.read()?;
    Ok(if code & 1 == 1 { Child::Leaf(code >> 1) } else { Child::Split(code >> 1) })
}
