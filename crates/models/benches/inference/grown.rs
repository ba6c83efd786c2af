//! Models of the sizes that the figures are about, grown at random: what benches here and of the council ask.

use models::forest::{Child, Forest, Leaf, Link, Missing, Split, Test, Tree};
use models::net::{Activation, GruSpec, LayerSpec, Net, NetSpec};

/// Numbers from 0 to 1, the same ones in every run.
pub struct Noise(pub u64);

impl Noise {
    pub fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, n: usize) -> usize {
        (self.uniform() * n as f64) as usize
    }
}

/// A tree whose leaves were split at random until there were enough; features from 0 to 1, leaves within `size` of zero.
fn tree(noise: &mut Noise, features: usize, leaves: usize, size: f64) -> Tree {
    let leaf = |noise: &mut Noise, cover| Leaf { value: size * (2.0 * noise.uniform() - 1.0), cover };
    let mut tree = Tree { splits: Vec::new(), leaves: vec![leaf(noise, 1024.0)] };
    while tree.leaves.len() < leaves {
        let (old, new, place) = (noise.below(tree.leaves.len()), tree.leaves.len() as u32, tree.splits.len() as u32);
        for split in &mut tree.splits {
            for child in [&mut split.left, &mut split.right] {
                if *child == Child::Leaf(old as u32) {
                    *child = Child::Split(place);
                }
            }
        }
        let cover = tree.leaves[old].cover;
        let test = Test::AtMost { threshold: noise.uniform(), missing: Missing::Nan, default_left: place % 2 == 0 };
        let (left, right) = (Child::Leaf(old as u32), Child::Leaf(new));
        tree.splits.push(Split { feature: noise.below(features) as u32, test, left, right, cover });
        tree.leaves[old].cover = cover / 2.0;
        tree.leaves.push(leaf(noise, cover / 2.0));
    }
    tree
}

/// Log-odds from so many trees.
pub fn forest(noise: &mut Noise, features: usize, (trees, leaves): (usize, usize), size: f64) -> Forest {
    let mut builder = Forest::builder(features).link(Link::Logistic { slope: 1.0 });
    for _ in 0..trees {
        builder.tree(tree(noise, features, leaves, size)).expect("a sound tree");
    }
    builder.build().expect("a sound forest")
}

/// A recurrent unit and two outputs.
pub fn net(inputs: usize, hidden: usize) -> Net {
    let mut noise = Noise(11);
    let mut list = |len: usize| (0..len).map(|_| noise.uniform() - 0.5).collect::<Vec<f64>>();
    let cell = GruSpec {
        inputs,
        hidden,
        linear_before_reset: true,
        input_weights: list(3 * hidden * inputs),
        recurrent_weights: list(3 * hidden * hidden),
        input_bias: list(3 * hidden),
        recurrent_bias: list(3 * hidden),
    };
    let head = LayerSpec { outputs: 2, weights: list(2 * hidden), bias: list(2), activation: Activation::None };
    Net::new(NetSpec { inputs, cell: Some(cell), layers: vec![head] }).expect("a sound net")
}
