use super::*;
use crate::testing::{Lcg, anything, close};
use market::Reader;
use proptest::prelude::*;

/// `LightGBM`'s `NumericalDecision` and `CategoricalDecision`, word for word: does `x` go left?
fn goes_left(test: &Test, mut x: f64) -> bool {
    match test {
        Test::AtMost { threshold, missing, default_left } => {
            if x.is_nan() && *missing != Missing::Nan {
                x = 0.0;
            }
            let zero = (-ZERO_WITHIN..=ZERO_WITHIN).contains(&x);
            if (*missing == Missing::Zero && zero) || (*missing == Missing::Nan && x.is_nan()) {
                return *default_left;
            }
            x <= *threshold
        }
        Test::In { set } => {
            if x.is_nan() || x >= 2_147_483_648.0 || (x as i32) < 0 {
                return false;
            }
            let category = (x as i32) as usize;
            category / 32 < set.len() && set[category / 32] & (1 << (category % 32)) != 0
        }
    }
}

fn leaf_of(tree: &Tree, row: &[f64]) -> usize {
    let mut at = if tree.splits.is_empty() { Child::Leaf(0) } else { Child::Split(0) };
    loop {
        match at {
            Child::Leaf(leaf) => return leaf as usize,
            Child::Split(place) => {
                let split = &tree.splits[place as usize];
                let x = row.get(split.feature as usize).copied().unwrap_or(f64::NAN);
                at = if goes_left(&split.test, x) { split.left } else { split.right };
            }
        }
    }
}

/// The twin of `raw`: one tree after the other, node by node, as described.
fn walked(forest: &Forest, row: &[f64]) -> f64 {
    let leaves = forest.trees().iter().map(|tree| tree.leaves[leaf_of(tree, row)].value);
    match forest.summing() {
        Summing::Double => leaves.fold(forest.base(), |sum, leaf| sum + leaf),
        Summing::Single => f64::from(leaves.fold(forest.base() as f32, |sum, leaf| sum + leaf as f32)),
    }
}

fn below(noise: &mut Lcg, n: usize) -> usize {
    (noise.uniform() * n as f64) as usize
}

/// A tree grown by splitting leaves at random; the covers of brothers add up.
fn grow(noise: &mut Lcg, features: usize, leaves: usize) -> Tree {
    let value = |noise: &mut Lcg| f64::from(noise.normal() as f32) / 8.0;
    let mut tree = Tree { splits: Vec::new(), leaves: vec![Leaf { value: value(noise), cover: 1024.0 }] };
    while tree.leaves.len() < leaves {
        let (old, new, split) = (below(noise, tree.leaves.len()), tree.leaves.len() as u32, tree.splits.len() as u32);
        let cover = tree.leaves[old].cover;
        let test = match below(noise, 8) {
            0 => Test::In { set: (0..=below(noise, 2)).map(|_| (noise.uniform() * 4e9) as u32).collect() },
            1 => Test::below_f32((noise.normal() * 4.0).round() as f32 / 4.0, noise.uniform() < 0.5).unwrap(),
            n => Test::AtMost {
                threshold: if noise.uniform() < 0.1 { f64::INFINITY } else { (noise.normal() * 4.0).round() / 4.0 },
                missing: [Missing::None, Missing::Zero, Missing::Nan][n % 3],
                default_left: noise.uniform() < 0.5,
            },
        };
        // The parent of the leaf now leads to the split.
        for s in &mut tree.splits {
            for child in [&mut s.left, &mut s.right] {
                if *child == Child::Leaf(old as u32) {
                    *child = Child::Split(split);
                }
            }
        }
        let (left, right) = (Child::Leaf(old as u32), Child::Leaf(new));
        tree.splits.push(Split { feature: below(noise, features) as u32, test, left, right, cover });
        let part = cover * (0.05 + 0.9 * noise.uniform());
        tree.leaves[old].cover = part;
        tree.leaves.push(Leaf { value: value(noise), cover: cover - part });
    }
    tree
}

fn forest(seed: u64, features: usize, trees: usize, leaves: usize) -> Forest {
    let mut noise = Lcg::new(seed);
    let summing = if seed.is_multiple_of(2) { Summing::Double } else { Summing::Single };
    let mut builder = Forest::builder(features).base(0.25).summing(summing).link(Link::Logistic { slope: 1.0 });
    for _ in 0..trees {
        let leaves = 1 + below(&mut noise, leaves);
        builder.tree(grow(&mut noise, features, leaves)).unwrap();
    }
    builder.build().unwrap()
}

/// Values that meet the thresholds of `grow` exactly, and everything else.
fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => (-24..24_i32).prop_map(|quarters| f64::from(quarters) / 4.0),
        2 => 0.0..80.0_f64,
        1 => prop_oneof![Just(1e-36), Just(-1e-35), Just(1.1e-35), Just(f64::INFINITY), Just(f64::NEG_INFINITY)],
        2 => Just(f64::NAN),
        1 => anything(),
    ]
}

fn encoded(forest: &Forest) -> Vec<u8> {
    let mut bytes = Vec::new();
    forest.encode(&mut bytes);
    bytes
}

#[test]
fn trees_of_many_leaves_are_walked_and_small_ones_are_not() {
    let chain = |leaves: u32| {
        let child = |place| if place + 2 == leaves { Child::Leaf(leaves - 1) } else { Child::Split(place + 1) };
        let split = |place| Split {
            feature: 0,
            test: Test::AtMost { threshold: f64::from(place), missing: Missing::Nan, default_left: false },
            left: Child::Leaf(place),
            right: child(place),
            cover: f64::from(leaves - place),
        };
        let leaves: Vec<Leaf> = (0..leaves).map(|leaf| Leaf { value: f64::from(leaf), cover: 1.0 }).collect();
        Tree { splits: (0..leaves.len() as u32 - 1).map(split).collect(), leaves }
    };
    for (leaves, quick) in [(2, true), (31, true), (32, true), (33, false)] {
        let mut builder = Forest::builder(1);
        builder.tree(chain(leaves)).unwrap();
        let forest = builder.build().unwrap();
        assert_eq!(forest.ranks.is_some(), quick, "{leaves}");
        for (x, leaf) in [(-1.0, 0), (0.0, 0), (0.5, 1), (1.0, 1), (99.0, leaves - 1), (f64::NAN, leaves - 1)] {
            assert_eq!(forest.raw(&[x]), f64::from(leaf.min(leaves - 1)), "{leaves} leaves, {x}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn lockstep_and_naive_walk_agree_bit_for_bit(
        seed in 0_u64..10_000,
        rows in prop::collection::vec(prop::collection::vec(value(), 0..8), 1..20),
    ) {
        let forest = forest(seed, 6, 21, 31);
        for row in rows {
            let expected = walked(&forest, &row).to_bits();
            prop_assert_eq!(forest.lanes.sum(&row, forest.base(), forest.summing()).to_bits(), expected);
            prop_assert_eq!(forest.raw(&row).to_bits(), expected);
        }
    }

    #[test]
    fn trees_of_any_number_and_size_say_what_a_walk_says(
        seed in 0_u64..10_000,
        (trees, leaves) in prop_oneof![(1..300_usize, 1..6_usize), (120..140_usize, 20..32_usize), (1..4_usize, 30..60_usize)],
        row in prop::collection::vec(value(), 0..6),
    ) {
        let forest = forest(seed, 5, trees, leaves);
        prop_assert_eq!(forest.raw(&row).to_bits(), walked(&forest, &row).to_bits());
    }

    #[test]
    fn below_f32_is_the_comparison_of_32_bit_floats(threshold in proptest::num::f32::ANY, x in anything()) {
        if let Some(test) = Test::below_f32(threshold, true) {
            let near = f64::from(threshold);
            let around = [x, near, near.next_up(), near.next_down(), f64::from(threshold.next_down()), -near, 0.0, -0.0];
            for x in around.into_iter().filter(|x| !x.is_nan()) {
                prop_assert_eq!(goes_left(&test, x), (x as f32) < threshold, "{} < {}", x, threshold);
            }
            let Test::AtMost { threshold: edge, .. } = test else { unreachable!() };
            prop_assert!((edge as f32) < threshold);
            prop_assert!((edge.next_up() as f32) >= threshold || edge == f64::MAX);
        }
    }

    #[test]
    fn contributions_are_shapley_values(seed in 0_u64..10_000, row in prop::collection::vec(value(), 5)) {
        let forest = forest(seed, 5, 2, 9);
        let mut fast = [0.0; 5];
        let start = forest.contributions(&row, &mut fast).unwrap();
        for (feature, fast) in fast.iter().enumerate() {
            prop_assert!((fast - shapley(&forest, &row, feature)).abs() <= 1e-9);
        }
        prop_assert!((start - present(&forest, &row, 0)).abs() <= 1e-9);
    }

    #[test]
    fn contributions_add_up(seed in 0_u64..10_000, row in prop::collection::vec(value(), 12)) {
        let forest = forest(seed, 12, 30, 31);
        let mut each = [0.0; 12];
        let start = forest.contributions(&row, &mut each).unwrap();
        let whole: f64 = forest.trees().iter().map(|tree| tree.leaves[leaf_of(tree, &row)].value).sum();
        prop_assert!((start + each.iter().sum::<f64>() - whole - forest.base()).abs() <= 1e-9);
    }

    #[test]
    fn it_comes_back_from_its_bytes(seed in 0_u64..10_000) {
        let forest = forest(seed, 6, 4, 12);
        let bytes = encoded(&forest);
        let mut reader = Reader::new(&bytes);
        prop_assert_eq!(Forest::decode(&mut reader).unwrap(), forest);
        prop_assert!(reader.rest().is_empty());
    }

    #[test]
    fn bytes_that_were_tampered_with_never_break_it(
        seed in 0_u64..50, at in 0_usize..2000, flip in 1_u8..=255, row in prop::collection::vec(value(), 6),
    ) {
        let mut bytes = encoded(&forest(seed, 6, 4, 12));
        let at = at % bytes.len();
        bytes[at] ^= flip;
        if let Ok(forest) = Forest::decode(&mut Reader::new(&bytes)) {
            prop_assert!(forest.raw(&row).is_finite());
            prop_assert_eq!(forest.raw(&row).to_bits(), walked(&forest, &row).to_bits());
        }
        prop_assert!(Forest::decode(&mut Reader::new(&bytes[..at])).is_err());
    }
}

/// The answer when only the features of `set` are present: absent ones go both ways, by their covers.
fn present(forest: &Forest, row: &[f64], set: u32) -> f64 {
    fn below(tree: &Tree, at: Child, row: &[f64], set: u32) -> f64 {
        let cover = |child: Child| match child {
            Child::Leaf(leaf) => tree.leaves[leaf as usize].cover,
            Child::Split(split) => tree.splits[split as usize].cover,
        };
        match at {
            Child::Leaf(leaf) => tree.leaves[leaf as usize].value,
            Child::Split(place) => {
                let split = &tree.splits[place as usize];
                let [left, right] = [split.left, split.right].map(|child| below(tree, child, row, set));
                if set >> split.feature & 1 == 0 {
                    return (cover(split.left) * left + cover(split.right) * right) / split.cover;
                }
                if goes_left(&split.test, row[split.feature as usize]) { left } else { right }
            }
        }
    }
    let root = |tree: &Tree| if tree.splits.is_empty() { Child::Leaf(0) } else { Child::Split(0) };
    forest.base() + forest.trees().iter().map(|tree| below(tree, root(tree), row, set)).sum::<f64>()
}

/// The twin of the contributions: the mean over all orders in which features can arrive.
fn shapley(forest: &Forest, row: &[f64], feature: usize) -> f64 {
    let n = row.len() as u32;
    let factorial = |k: u32| (1..=k).map(f64::from).product::<f64>();
    (0..1_u32 << n)
        .filter(|set| set >> feature & 1 == 0)
        .map(|set| {
            let size = set.count_ones();
            let weight = factorial(size) * factorial(n - size - 1) / factorial(n);
            weight * (present(forest, row, set | 1 << feature) - present(forest, row, set))
        })
        .sum()
}

fn at_most(feature: u32, threshold: f64, left: Child, right: Child, cover: f64) -> Split {
    let test = Test::AtMost { threshold, missing: Missing::None, default_left: false };
    Split { feature, test, left, right, cover }
}

/// `x0 and x1`, over four points that are equally likely.
fn and_tree() -> Tree {
    let leaf = |value, cover| Leaf { value, cover };
    Tree {
        splits: vec![
            at_most(0, 0.5, Child::Leaf(0), Child::Split(1), 4.0),
            at_most(1, 0.5, Child::Leaf(1), Child::Leaf(2), 2.0),
        ],
        leaves: vec![leaf(0.0, 2.0), leaf(0.0, 1.0), leaf(1.0, 1.0)],
    }
}

fn only(tree: Tree) -> Result<Forest, ForestError> {
    let mut builder = Forest::builder(2);
    builder.tree(tree)?;
    builder.build()
}

#[test]
fn oracle_28() {
    let forest = only(and_tree()).unwrap();
    for (row, phi) in [([1.0, 1.0], [0.375, 0.375]), ([0.0, 1.0], [-0.375, 0.125])] {
        let mut each = [9.0; 2];
        close(forest.contributions(&row, &mut each).unwrap(), 0.25, 1e-15);
        close(each[0], phi[0], 1e-15);
        close(each[1], phi[1], 1e-15);
    }
}

#[test]
fn contributions_refuse_what_they_cannot_explain() {
    let forest = only(and_tree()).unwrap();
    assert_eq!(forest.contributions(&[1.0, 1.0], &mut [0.0; 3]), Err(ContributionError::Length(3, 2)));
    for cover in [0.0, 1.9] {
        let mut tree = and_tree();
        tree.splits[0].cover = cover;
        let forest = only(tree).unwrap();
        assert_eq!(forest.contributions(&[1.0, 1.0], &mut [0.0; 2]), Err(ContributionError::NoCover));
        assert_eq!(forest.raw(&[1.0, 1.0]), 1.0);
    }
}

#[test]
fn a_leaf_without_cover_is_explained_too() {
    let mut tree = and_tree();
    (tree.leaves[1].cover, tree.leaves[2].cover) = (2.0, 0.0);
    let forest = only(tree).unwrap();
    for row in [[1.0, 1.0], [0.0, 1.0], [1.0, 0.0], [0.0, 0.0]] {
        let mut each = [0.0; 2];
        let start = forest.contributions(&row, &mut each).unwrap();
        close(start + each[0] + each[1], forest.raw(&row), 1e-15);
        close(each[0], shapley(&forest, &row, 0), 1e-15);
    }
}

#[test]
fn the_builder_names_what_it_refuses() {
    let refuse = |change: fn(&mut Tree)| {
        let mut tree = and_tree();
        change(&mut tree);
        only(tree).unwrap_err()
    };
    let cases: [(ForestError, ForestFault); 11] = [
        (refuse(|t| t.leaves.clear()), ForestFault::Leaves(0)),
        (refuse(|t| t.leaves.push(t.leaves[0])), ForestFault::Counts(2, 4)),
        (refuse(|t| t.splits[1].feature = 2), ForestFault::Feature(2, 2)),
        (refuse(|t| t.leaves[1].value = f64::INFINITY), ForestFault::Value(f64::INFINITY)),
        (refuse(|t| t.leaves[1].value = -2e30), ForestFault::Value(-2e30)),
        (refuse(|t| t.leaves[1].cover = -1.0), ForestFault::Cover(-1.0)),
        (refuse(|t| t.splits[1].cover = f64::INFINITY), ForestFault::Cover(f64::INFINITY)),
        (refuse(|t| t.splits[1].test = Test::In { set: vec![] }), ForestFault::Set(0)),
        (refuse(|t| t.splits[1].left = Child::Leaf(3)), ForestFault::NoChild(Child::Leaf(3))),
        (refuse(|t| t.splits[1].left = Child::Leaf(0)), ForestFault::TwoParents),
        (refuse(|t| t.splits[1].left = Child::Split(0)), ForestFault::TwoParents),
    ];
    for (error, fault) in cases {
        assert_eq!((error.tree, error.fault), (Some(0), fault));
    }
    let error = refuse(|t| t.splits[1] = at_most(1, f64::NAN, Child::Leaf(1), Child::Leaf(2), 2.0));
    assert_eq!(error.to_string(), "tree 0, split 1: the threshold NaN is none that a number can be at most");
    // Two splits that lead only to each other.
    let mut island = and_tree();
    island.splits.push(at_most(0, 0.0, Child::Split(2), Child::Leaf(3), 1.0));
    island.leaves.push(island.leaves[0]);
    assert_eq!(only(island).unwrap_err().fault, ForestFault::Unreachable);
    let whole = |builder: ForestBuilder| builder.build().unwrap_err().fault;
    assert_eq!(whole(Forest::builder(2)), ForestFault::Trees(0));
    let with = |features, slope| {
        let mut builder = Forest::builder(features).link(Link::Logistic { slope });
        builder.tree(Tree { splits: vec![], leaves: and_tree().leaves[..1].to_vec() }).unwrap();
        whole(builder)
    };
    assert_eq!(with(0, 1.0), ForestFault::Features(0));
    assert_eq!(with(FEATURES_MAX + 1, 1.0), ForestFault::Features(FEATURES_MAX + 1));
    assert_eq!(with(1, 0.0), ForestFault::Slope(0.0));
}

/// A tree that asks the same feature again and again, each time one step to the right.
fn stairs(splits: usize, set: bool) -> Tree {
    let step = |i: usize| {
        let right = if i + 1 < splits { Child::Split(i as u32 + 1) } else { Child::Leaf(splits as u32) };
        let mut split = at_most(0, i as f64, Child::Leaf(i as u32), right, (splits + 1 - i) as f64);
        if set {
            split.test = Test::In { set: vec![i as u32] };
        }
        split
    };
    Tree {
        splits: (0..splits).map(step).collect(),
        leaves: (0..=splits).map(|i| Leaf { value: i as f64, cover: 1.0 }).collect(),
    }
}

#[test]
fn depth_and_views_are_bounded() {
    let forest = only(stairs(DEPTH_MAX, false)).unwrap();
    for x in [-1.0, 0.0, 100.5, 256.0] {
        let mut each = [0.0; 2];
        let start = forest.contributions(&[x, 0.0], &mut each).unwrap();
        close(forest.raw(&[x, 0.0]), x.ceil().max(0.0), 0.0);
        close(start + each[0], forest.raw(&[x, 0.0]), 1e-9);
    }
    assert_eq!(only(stairs(DEPTH_MAX + 1, false)).unwrap_err().fault, ForestFault::Depth);
    // 255 different sets a tree.
    let with = |trees: usize| {
        let mut builder = Forest::builder(20);
        for at in 0..trees {
            let mut tree = stairs(DEPTH_MAX - 1, true);
            tree.splits.iter_mut().for_each(|split| split.feature = at as u32);
            builder.tree(tree).unwrap();
        }
        builder.build()
    };
    let row = [2.0; 20];
    let wide = with(2).unwrap();
    assert_eq!(wide.raw(&row).to_bits(), walked(&wide, &row).to_bits());
    let widest = with(16).unwrap();
    assert_eq!(widest.raw(&row).to_bits(), walked(&widest, &row).to_bits());
    assert_eq!(with(17).unwrap_err().fault, ForestFault::Views);
}

#[test]
fn only_log_odds_have_a_probability() {
    let with = |link| {
        let mut builder = Forest::builder(2).link(link).base(-0.5);
        builder.tree(and_tree()).unwrap();
        builder.build().unwrap()
    };
    assert_eq!(with(Link::Identity).probability(&[1.0, 1.0]), None);
    let forest = with(Link::Logistic { slope: 2.0 });
    assert_eq!(forest.log_odds(&[1.0, 1.0]), Some(1.0));
    close(forest.probability(&[1.0, 1.0]).unwrap(), 0.731_058_578_630_004_9, 1e-15);
    assert_eq!(Forest::decode(&mut Reader::new(&encoded(&forest))), Ok(forest));
}
