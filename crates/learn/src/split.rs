//! Splits of labelled samples that leave nothing of the test in the training.
//!
//! A sample's label lives from `start`, when it was asked for, to `end`, when it was known, both included. A training
//! sample is dropped when its life touches that of a test group, or begins within the embargo after it (López de Prado
//! 2018, chapters 7 and 12). Source: signals.md 1.3; oracle: signals.md 7 #10, and indices of skfolio and purgedcv in
//! `tests/data`.

use report::Fault;

/// The most splits that are made.
pub const SPLITS_MAX: usize = 100_000;

/// The most groups that samples are divided into.
pub const GROUPS_MAX: usize = 64;

/// The life of a label in nanoseconds, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Life {
    /// When it was asked for.
    pub start: i64,
    /// When it was known.
    pub end: i64,
}

/// Places of samples, from zero, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// To learn from.
    pub train: Vec<usize>,
    /// To be judged on: nothing in `train` knows of them.
    pub test: Vec<usize>,
    /// The groups that `test` is made of; of walk-forward, the number of the window.
    pub groups: Vec<usize>,
}

/// Samples must be in order of their starts, and end no earlier than they start.
fn check(lives: &[Life], needed: usize) -> Result<(), Fault> {
    if lives.len() < needed {
        return Err(Fault::TooFew { what: "samples", found: lives.len(), needed });
    }
    let what = "label lives (by start; an end not before its start)";
    let bad =
        (0..lives.len()).find(|i| lives[*i].end < lives[*i].start || (*i > 0 && lives[*i].start < lives[*i - 1].start));
    bad.map_or(Ok(()), |place| Err(Fault::Order { what, place }))
}

fn check_embargo(embargo: i64) -> Result<(), Fault> {
    let (what, low, high) = ("embargo in nanoseconds", 0.0, i64::MAX as f64);
    if embargo < 0 { Err(Fault::Outside { what, found: embargo as f64, low, high }) } else { Ok(()) }
}

/// Where each of `groups` groups of consecutive samples begins, and the end: the first ones are one longer when the
/// samples do not divide.
fn edges(samples: usize, groups: usize) -> Vec<usize> {
    (0..=groups).map(|g| g * (samples / groups) + g.min(samples % groups)).collect()
}

/// The split whose test is made of these groups.
fn split(lives: &[Life], edges: &[usize], groups: &[usize], embargo: i64) -> Split {
    // From the first start to the last end of a group. Starts are in order, so a sample outside the group that lies
    // between its labels touches one of them.
    let spans: Vec<(i64, i64)> = groups
        .iter()
        .map(|g| {
            let group = &lives[edges[*g]..edges[*g + 1]];
            let end = group.iter().map(|life| life.end).max().unwrap_or(i64::MIN);
            (group.first().map_or(i64::MAX, |life| life.start), end.saturating_add(embargo))
        })
        .collect();
    let (mut train, mut test) = (Vec::new(), Vec::new());
    for (g, edge) in edges.windows(2).enumerate() {
        if groups.contains(&g) {
            test.extend(edge[0]..edge[1]);
        } else {
            let clear = |i: &usize| spans.iter().all(|(from, to)| lives[*i].end < *from || lives[*i].start > *to);
            train.extend((edge[0]..edge[1]).filter(clear));
        }
    }
    Split { train, test, groups: groups.to_vec() }
}

/// Purged k-fold: each of `folds` (2 to [`GROUPS_MAX`]) groups of consecutive samples is the test once. `embargo` is in
/// nanoseconds after the last end of a test group.
///
/// # Errors
/// Samples out of order, fewer samples than folds, folds or embargo out of range.
pub fn purged_k_fold(lives: &[Life], folds: usize, embargo: i64) -> Result<Vec<Split>, Fault> {
    Ok(Combinatorial::new(lives, folds, 1, embargo)?.splits)
}

/// Combinatorial purged cross-validation: every choice of test groups, and the paths that they make together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Combinatorial {
    /// One split for every choice of test groups, in lexicographic order: `C(n, k)`.
    pub splits: Vec<Split>,
    /// For each path, the split that judges each group: `k / n C(n, k)` paths, and each split's group is in one of them.
    pub paths: Vec<Vec<usize>>,
    edges: Vec<usize>,
}

impl Combinatorial {
    /// All choices of `tests` of `groups` groups, purged, with an embargo in nanoseconds.
    ///
    /// # Errors
    /// Samples out of order, fewer samples than groups, groups not from 2 to [`GROUPS_MAX`], tests not from 1 to groups
    /// less one, more than [`SPLITS_MAX`] splits, an embargo below zero.
    pub fn new(lives: &[Life], groups: usize, tests: usize, embargo: i64) -> Result<Self, Fault> {
        let range = |what, found: usize, low: usize, high: usize| {
            let fault = Fault::Outside { what, found: found as f64, low: low as f64, high: high as f64 };
            if (low..=high).contains(&found) { Ok(()) } else { Err(fault) }
        };
        range("number of groups", groups, 2, GROUPS_MAX)?;
        range("number of test groups", tests, 1, groups - 1)?;
        let count = choose(groups, tests);
        if count > SPLITS_MAX as u128 {
            let found = usize::try_from(count).unwrap_or(usize::MAX);
            return Err(Fault::TooMany { what: "splits", found, allowed: SPLITS_MAX });
        }
        check(lives, groups)?;
        check_embargo(embargo)?;
        let edges = edges(lives.len(), groups);
        let mut splits = Vec::new();
        let mut choice: Vec<usize> = (0..tests).collect();
        loop {
            splits.push(split(lives, &edges, &choice, embargo));
            if !next_choice(&mut choice, groups) {
                break;
            }
        }
        let judges =
            |g: usize| -> Vec<usize> { (0..splits.len()).filter(|s| splits[*s].groups.contains(&g)).collect() };
        let by_group: Vec<Vec<usize>> = (0..groups).map(judges).collect();
        let paths = (0..by_group[0].len()).map(|path| by_group.iter().map(|splits| splits[path]).collect()).collect();
        Ok(Self { splits, paths, edges })
    }

    /// Puts what was said of each split's test, in the order of its `test`, together: for each path one value a sample,
    /// in order, each said by a model that did not know the sample.
    ///
    /// # Errors
    /// Not one list a split, or a list of another length than its test.
    pub fn assemble<T: Clone>(&self, said: &[Vec<T>]) -> Result<Vec<Vec<T>>, Fault> {
        if said.len() != self.splits.len() {
            return Err(Fault::Shape { what: "lists, one a split", found: said.len(), expected: self.splits.len() });
        }
        for (list, split) in said.iter().zip(&self.splits) {
            if list.len() != split.test.len() {
                return Err(Fault::Shape { what: "values of a test", found: list.len(), expected: split.test.len() });
            }
        }
        let part = |group: usize, split: usize| {
            let before = self.splits[split].groups.iter().take_while(|g| **g != group);
            let skip: usize = before.map(|g| self.edges[g + 1] - self.edges[*g]).sum();
            said[split][skip..skip + self.edges[group + 1] - self.edges[group]].iter().cloned()
        };
        let whole =
            |path: &Vec<usize>| path.iter().enumerate().flat_map(|(group, split)| part(group, *split)).collect();
        Ok(self.paths.iter().map(whole).collect())
    }
}

/// How many choices of `k` of `n` there are.
fn choose(n: usize, k: usize) -> u128 {
    (0..k.min(n - k) as u128).fold(1, |count, i| count * (n as u128 - i) / (i + 1))
}

/// The next choice in lexicographic order; false after the last.
fn next_choice(choice: &mut [usize], n: usize) -> bool {
    let k = choice.len();
    let Some(at) = (0..k).rev().find(|i| choice[*i] < n - k + i) else { return false };
    choice[at] += 1;
    for i in at + 1..k {
        choice[i] = choice[i - 1] + 1;
    }
    true
}

/// What a walk-forward split learns from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// Everything before.
    Expanding,
    /// Samples that start in this many nanoseconds before the test.
    Rolling(i64),
}

/// Walk-forward: how production learns and is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WalkForward {
    /// What is learned from.
    pub window: Window,
    /// Nanoseconds from the first start to the first test.
    pub first: i64,
    /// Nanoseconds from one training to the next, which is how long each test is: the cadence of production.
    pub cadence: i64,
    /// Nanoseconds between the last known label of a training and its test: what training and deployment take.
    pub gap: i64,
}

/// Tests one after the other in time, each behind a training on labels that were known `gap` before it. Windows without a
/// test sample are left out, and those without a training sample too.
///
/// # Errors
/// No sample, samples out of order, a time of the spec that is not above zero (the gap: below zero), or more than
/// [`SPLITS_MAX`] windows.
pub fn walk_forward(lives: &[Life], spec: &WalkForward) -> Result<Vec<Split>, Fault> {
    check(lives, 1)?;
    let above = |what, found: i64, low: i64| {
        let fault = Fault::Outside { what, found: found as f64, low: low as f64, high: i64::MAX as f64 };
        if found >= low { Ok(()) } else { Err(fault) }
    };
    above("first training in nanoseconds", spec.first, 1)?;
    above("cadence in nanoseconds", spec.cadence, 1)?;
    above("gap in nanoseconds", spec.gap, 0)?;
    if let Window::Rolling(length) = spec.window {
        above("rolling window in nanoseconds", length, 1)?;
    }
    let (begin, last) = (lives[0].start, lives[lives.len() - 1].start);
    let windows = (i128::from(last) - i128::from(begin) - i128::from(spec.first)) / i128::from(spec.cadence) + 1;
    if windows > SPLITS_MAX as i128 {
        let found = usize::try_from(windows).unwrap_or(usize::MAX);
        return Err(Fault::TooMany { what: "windows", found, allowed: SPLITS_MAX });
    }
    let mut splits = Vec::new();
    let mut at = begin.saturating_add(spec.first);
    for window in 0.. {
        if at > last {
            break;
        }
        let next = at.saturating_add(spec.cadence);
        // Starts are in order: the test is one run.
        let from = lives.partition_point(|life| life.start < at);
        let to = if next == at { lives.len() } else { lives.partition_point(|life| life.start < next) };
        let oldest = if let Window::Rolling(length) = spec.window { at.saturating_sub(length) } else { i64::MIN };
        let known = |i: &usize| lives[*i].start >= oldest && lives[*i].end < at.saturating_sub(spec.gap);
        let train: Vec<usize> = (0..from).filter(known).collect();
        if from < to && !train.is_empty() {
            splits.push(Split { train, test: (from..to).collect(), groups: vec![window] });
        }
        if next == at {
            break;
        }
        at = next;
    }
    Ok(splits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lives(count: i64, life: i64) -> Vec<Life> {
        (0..count).map(|i| Life { start: 10 * i, end: 10 * i + life }).collect()
    }

    #[test]
    fn oracle_10() {
        for (groups, tests, splits, paths) in [(6, 2, 15, 5), (10, 8, 45, 36), (10, 2, 45, 9)] {
            let found = Combinatorial::new(&lives(97, 25), groups, tests, 30).unwrap();
            assert_eq!((found.splits.len(), found.paths.len()), (splits, paths));
            // Each split's group is used exactly once.
            let mut used: Vec<(usize, usize)> =
                found.paths.iter().flat_map(|path| path.iter().copied().enumerate()).collect();
            used.sort_unstable();
            used.dedup();
            assert_eq!(used.len(), splits * tests);
        }
    }

    #[test]
    fn oracle_10_indices_are_those_of_purgedcv_and_skfolio() {
        #[derive(serde::Deserialize)]
        struct Case {
            by: String,
            lives: Vec<(i64, i64)>,
            groups: usize,
            tests: usize,
            embargo: i64,
            splits: Vec<(Vec<usize>, Vec<usize>)>,
            #[serde(default)]
            paths: Vec<Vec<usize>>,
        }
        let cases: Vec<Case> = serde_json::from_str(include_str!("../tests/data/splits.json")).unwrap();
        assert_eq!(cases.len(), 7);
        for case in cases {
            let lives: Vec<Life> = case.lives.iter().map(|(start, end)| Life { start: *start, end: *end }).collect();
            let found = Combinatorial::new(&lives, case.groups, case.tests, case.embargo).unwrap();
            let splits: Vec<_> = found.splits.iter().map(|s| (s.train.clone(), s.test.clone())).collect();
            assert_eq!(splits, case.splits, "{} ({}, {})", case.by, case.groups, case.tests);
            assert!(case.paths.is_empty() || found.paths == case.paths, "{} {:?}", case.by, found.paths);
        }
    }

    #[test]
    fn a_path_is_made_of_what_others_said() {
        let samples = lives(50, 15);
        let found = Combinatorial::new(&samples, 6, 2, 0).unwrap();
        let said: Vec<Vec<(usize, usize)>> =
            found.splits.iter().enumerate().map(|(s, split)| split.test.iter().map(|i| (s, *i)).collect()).collect();
        let paths = found.assemble(&said).unwrap();
        assert_eq!(paths.len(), 5);
        for path in paths {
            assert_eq!(path.iter().map(|(_, i)| *i).collect::<Vec<_>>(), (0..50).collect::<Vec<_>>());
            assert!(path.iter().all(|(s, i)| !found.splits[*s].train.contains(i)));
        }
        assert!(found.assemble(&said[1..]).is_err());
    }

    #[test]
    fn walks_as_production_does() {
        let spec = WalkForward { window: Window::Rolling(200), first: 300, cadence: 100, gap: 5 };
        let found = walk_forward(&lives(60, 25), &spec).unwrap();
        assert_eq!(found.len(), 3);
        // The test begins at 300; labels of 270 end at 295, which is not before 295.
        assert_eq!(found[0], Split { train: (10..27).collect(), test: (30..40).collect(), groups: vec![0] });
        assert_eq!(found[2].test, (50..60).collect::<Vec<_>>());
        let all = walk_forward(&lives(60, 25), &WalkForward { window: Window::Expanding, ..spec }).unwrap();
        assert_eq!(all[2].train, (0..47).collect::<Vec<_>>());
    }

    #[test]
    fn what_cannot_be_split_is_said() {
        let samples = lives(9, 5);
        assert!(purged_k_fold(&samples, 10, 0).is_err() && purged_k_fold(&samples, 1, 0).is_err());
        assert!(purged_k_fold(&samples, 3, -1).is_err());
        assert!(Combinatorial::new(&samples, 4, 4, 0).is_err());
        assert!(matches!(Combinatorial::new(&lives(99, 1), 40, 20, 0), Err(Fault::TooMany { .. })));
        let mut mixed = samples.clone();
        mixed.swap(3, 4);
        assert!(matches!(purged_k_fold(&mixed, 3, 0), Err(Fault::Order { place: 4, .. })));
        let spec = WalkForward { window: Window::Expanding, first: 1, cadence: 0, gap: 0 };
        assert!(walk_forward(&samples, &spec).is_err() && walk_forward(&[], &spec).is_err());
        let far = [Life { start: i64::MIN, end: 0 }, Life { start: i64::MAX, end: i64::MAX }];
        assert!(matches!(walk_forward(&far, &WalkForward { cadence: 1, ..spec }), Err(Fault::TooMany { .. })));
        assert_eq!(walk_forward(&far, &WalkForward { cadence: i64::MAX, ..spec }).unwrap().len(), 1);
    }

    fn any_lives() -> impl Strategy<Value = Vec<Life>> {
        prop::collection::vec((0_i64..400, 0_i64..60), 12..80).prop_map(|raw| {
            let mut lives: Vec<Life> = raw.into_iter().map(|(start, life)| Life { start, end: start + life }).collect();
            lives.sort();
            lives
        })
    }

    fn touches(a: Life, from: i64, to: i64) -> bool {
        a.start <= to && a.end >= from
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_training_label_touches_a_test_or_its_embargo(
            lives in any_lives(), groups in 2_usize..8, tests in 1_usize..7, embargo in 0_i64..50,
        ) {
            let tests = tests.min(groups - 1);
            let found = Combinatorial::new(&lives, groups, tests, embargo).unwrap();
            let edges = edges(lives.len(), groups);
            for split in &found.splits {
                // Sample by sample, the definition; the embargo is that of each group as a whole.
                let ends: Vec<i64> = split.groups.iter()
                    .map(|g| lives[edges[*g]..edges[*g + 1]].iter().map(|life| life.end).max().unwrap()).collect();
                for i in 0..lives.len() {
                    let in_test = split.test.contains(&i);
                    let touched = split.test.iter().any(|t| touches(lives[i], lives[*t].start, lives[*t].end))
                        || ends.iter().any(|end| lives[i].start > *end && lives[i].start <= end + embargo);
                    prop_assert_eq!(split.train.contains(&i), !in_test && !touched, "sample {}", i);
                }
            }
        }

        #[test]
        fn no_training_label_is_known_after_its_test_began(
            lives in any_lives(), first in 1_i64..200, cadence in 1_i64..100, gap in 0_i64..30, rolling in 0_i64..300,
        ) {
            let window = if rolling > 0 { Window::Rolling(rolling) } else { Window::Expanding };
            let found = walk_forward(&lives, &WalkForward { window, first, cadence, gap }).unwrap();
            for split in &found {
                let begin = lives[0].start + first + split.groups[0] as i64 * cadence;
                prop_assert!(split.train.iter().all(|i| lives[*i].end < begin - gap));
                prop_assert!(split.test.iter().all(|i| (begin..begin + cadence).contains(&lives[*i].start)));
            }
            let mut tests: Vec<usize> = found.iter().flat_map(|split| split.test.clone()).collect();
            tests.dedup();
            prop_assert!(tests.is_sorted() && tests.len() == found.iter().map(|s| s.test.len()).sum::<usize>());
        }
    }
}
