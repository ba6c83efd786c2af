//! How much of each label is its own.
//!
//! Labels that live at the same time tell of the same moves. The average uniqueness of a label is the mean over its life
//! of one over the number of labels alive (López de Prado 2018, chapter 4), here in continuous time, nanosecond by
//! nanosecond. As a sample weight it keeps crowded hours from counting many times. Source: signals.md 1.2.

use report::Fault;

use crate::split::Life;

/// The average uniqueness of each label, above 0 to 1, in the order of `lives`, which may be any; lives include both
/// ends. `O(n log n)`.
///
/// # Errors
/// A label that ends before it starts.
pub fn average_uniqueness(lives: &[Life]) -> Result<Vec<f64>, Fault> {
    if let Some(place) = lives.iter().position(|life| life.end < life.start) {
        return Err(Fault::Order { what: "label lives (an end not before its start)", place });
    }
    // Every moment at which the number alive changes. A life ends with the nanosecond after its end.
    let mut changes: Vec<(i128, i64)> = Vec::with_capacity(2 * lives.len());
    for life in lives {
        changes.push((i128::from(life.start), 1));
        changes.push((i128::from(life.end) + 1, -1));
    }
    changes.sort_unstable();
    // The integral of one over the number alive, up to each of those moments.
    let mut moments: Vec<(i128, f64)> = Vec::with_capacity(changes.len());
    let (mut alive, mut sum) = (0_i64, 0.0);
    for (at, change) in changes {
        if let Some((before, _)) = moments.last()
            && alive > 0
        {
            sum += (at - before) as f64 / alive as f64;
        }
        alive += change;
        match moments.last_mut() {
            Some((same, until)) if *same == at => *until = sum,
            _ => moments.push((at, sum)),
        }
    }
    let until = |at: i128| moments[moments.partition_point(|(moment, _)| *moment < at)].1;
    let own = |life: &Life| {
        let (from, to) = (i128::from(life.start), i128::from(life.end) + 1);
        ((until(to) - until(from)) / (to - from) as f64).clamp(f64::MIN_POSITIVE, 1.0)
    };
    Ok(lives.iter().map(own).collect())
}

/// How many independent labels these are worth: the sum of their uniqueness.
///
/// # Errors
/// As [`average_uniqueness`].
pub fn effective_count(lives: &[Life]) -> Result<f64, Fault> {
    Ok(average_uniqueness(lives)?.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Nanosecond by nanosecond.
    fn slow(lives: &[Life]) -> Vec<f64> {
        let alive = |t: i64| lives.iter().filter(|life| (life.start..=life.end).contains(&t)).count() as f64;
        let own = |life: &Life| (life.start..=life.end).map(|t| 1.0 / alive(t)).sum::<f64>();
        lives.iter().map(|life| own(life) / (life.end - life.start + 1) as f64).collect()
    }

    #[test]
    fn by_hand() {
        let life = |start, end| Life { start, end };
        assert_eq!(average_uniqueness(&[]).unwrap(), Vec::<f64>::new());
        assert_eq!(average_uniqueness(&[life(5, 5), life(9, 11)]).unwrap(), [1.0, 1.0]);
        assert_eq!(average_uniqueness(&[life(0, 3), life(2, 5)]).unwrap(), [0.75, 0.75]);
        assert_eq!(effective_count(&[life(0, 9); 4]).unwrap(), 1.0);
        assert!(average_uniqueness(&[life(0, 3), life(2, 1)]).is_err());
        let whole = life(i64::MIN, i64::MAX);
        assert_eq!(average_uniqueness(&[whole, whole]).unwrap(), [0.5, 0.5]);
    }

    proptest! {
        #[test]
        fn it_equals_its_slow_twin(raw in prop::collection::vec((-40_i64..40, 0_i64..30), 1..40)) {
            let lives: Vec<Life> = raw.iter().map(|(start, life)| Life { start: *start, end: start + life }).collect();
            for (fast, slow) in average_uniqueness(&lives).unwrap().iter().zip(slow(&lives)) {
                prop_assert!((fast - slow).abs() < 1e-12, "{fast} {slow}");
            }
        }
    }
}
