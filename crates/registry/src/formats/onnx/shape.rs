//! Where the numbers of a step lie in a tensor that flows through the graph, and what moving its axes does.

/// An axis of a tensor that flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Axis {
    /// The steps of a sequence, or its rows: an axis of the input, with its size where that is fixed.
    Free(usize, Option<i64>),
    /// The numbers of a step.
    Features(usize),
    /// One long, put there by the graph.
    One,
}

/// The axes of a tensor that flows.
pub(super) type Axes = Vec<Axis>;

/// What cannot be done: in words, for the refusal.
pub(super) type Told<T> = Result<T, &'static str>;

/// Place of an axis that may be counted from the end.
fn place(axis: i64, count: usize) -> Told<usize> {
    let at = if axis < 0 { axis + count as i64 } else { axis };
    usize::try_from(at).ok().filter(|at| *at < count).ok_or("an axis that does not exist")
}

/// Takes out axes that are one long.
pub(super) fn squeeze(axes: &[Axis], which: &[i64]) -> Told<Axes> {
    let gone = which.iter().map(|axis| place(*axis, axes.len())).collect::<Told<Vec<_>>>()?;
    let long = |at: &usize| !matches!(axes[*at], Axis::One | Axis::Free(_, Some(1)) | Axis::Features(1));
    if gone.iter().any(long) {
        return Err("a Squeeze of an axis that is not known to be one long (export with a fixed batch of 1)");
    }
    Ok(axes.iter().enumerate().filter(|(at, _)| !gone.contains(at)).map(|(_, axis)| *axis).collect())
}

/// Puts in axes that are one long.
pub(super) fn unsqueeze(axes: &[Axis], which: &[i64]) -> Told<Axes> {
    let count = axes.len() + which.len();
    let new = which.iter().map(|axis| place(*axis, count)).collect::<Told<Vec<_>>>()?;
    if count > 8 || (1..new.len()).any(|at| new[..at].contains(&new[at])) {
        return Err("an Unsqueeze of the same axis twice, or beyond eight axes");
    }
    let mut old = axes.iter();
    let all = (0..count).map(|at| if new.contains(&at) { Some(Axis::One) } else { old.next().copied() });
    all.collect::<Option<_>>().ok_or("an Unsqueeze that does not fit")
}

/// Orders axes anew; without an order, from last to first.
pub(super) fn transpose(axes: &[Axis], order: &[i64]) -> Told<Axes> {
    let order: Vec<i64> = if order.is_empty() { (0..axes.len() as i64).rev().collect() } else { order.to_vec() };
    let order = order.iter().map(|axis| place(*axis, axes.len())).collect::<Told<Vec<_>>>()?;
    if order.len() != axes.len() || (1..order.len()).any(|at| order[..at].contains(&order[at])) {
        return Err("a Transpose whose perm is not one of the axes");
    }
    Ok(order.into_iter().map(|at| axes[at]).collect())
}

/// Gives the tensor another shape, as long as the numbers of a step stay together and rows stay rows.
pub(super) fn reshape(axes: &[Axis], target: &[i64]) -> Told<Axes> {
    const MIXED: &str = "a Reshape that mixes the numbers of different steps or rows";
    let Some((Axis::Features(n), rows)) = axes.split_last().map(|(last, rows)| (*last, rows)) else {
        return Err(MIXED);
    };
    if n == 1 && (target == [-1] || target == [1]) {
        return reshape(axes, &[target[0], 1]).map(|axes| axes[..1].to_vec());
    }
    let Some((last, front)) = target.split_last() else { return Err(MIXED) };
    let fits = *last == n as i64 || (*last == -1 && !front.contains(&-1)) || (*last == 0 && target.len() == axes.len());
    if !fits {
        return Err(MIXED);
    }
    // Axes of one come and go; each of the others must find its place again.
    let mut left = rows.iter().copied().filter(|axis| *axis != Axis::One);
    let mut made = Axes::new();
    for (at, size) in front.iter().enumerate() {
        made.push(match *size {
            0 if rows.get(at) == Some(&Axis::One) => Axis::One,
            0 => left.next().filter(|axis| rows.get(at) == Some(axis)).ok_or(MIXED)?,
            -1 => left.next().unwrap_or(Axis::One),
            1 => Axis::One,
            size => left.next().filter(|axis| matches!(axis, Axis::Free(_, Some(n)) if *n == size)).ok_or(MIXED)?,
        });
    }
    if left.any(|axis| !matches!(axis, Axis::Free(_, Some(1)))) {
        return Err(MIXED);
    }
    made.push(Axis::Features(n));
    Ok(made)
}

/// Takes the last place of an axis: a single place removes it, a list of one keeps it.
pub(super) fn last(axes: &[Axis], axis: i64, index: &[i64], single: bool) -> Told<(Axes, Axis)> {
    let at = place(axis, axes.len())?;
    let end = match axes[at] {
        Axis::One => index == [0] || index == [-1],
        Axis::Free(_, Some(n)) => index == [-1] || index == [n - 1],
        Axis::Free(_, None) => index == [-1],
        Axis::Features(_) => false,
    };
    if !end {
        return Err("a Gather of anything but the last step");
    }
    let mut kept = axes.to_vec();
    if single {
        kept.remove(at);
    } else {
        kept[at] = Axis::One;
    }
    Ok((kept, axes[at]))
}

#[cfg(test)]
mod tests {
    use super::Axis::{Features, Free, One};
    use super::*;

    const STEPS: Axis = Free(0, None);
    const ROWS: Axis = Free(1, None);
    const ROW: Axis = Free(1, Some(1));

    #[test]
    fn axes_move_and_the_numbers_of_a_step_stay_together() {
        assert_eq!(squeeze(&[STEPS, One, ROWS, Features(3)], &[1]), Ok(vec![STEPS, ROWS, Features(3)]));
        assert_eq!(squeeze(&[STEPS, ROW, Features(1)], &[1, -1]), Ok(vec![STEPS]));
        assert!(squeeze(&[STEPS, ROWS, Features(3)], &[1]).is_err() && squeeze(&[ROW, Features(3)], &[2]).is_err());
        assert_eq!(unsqueeze(&[STEPS, Features(3)], &[1]), Ok(vec![STEPS, One, Features(3)]));
        assert_eq!(unsqueeze(&[STEPS, Features(3)], &[-1, 0]), Ok(vec![One, STEPS, Features(3), One]));
        assert!(unsqueeze(&[STEPS], &[0, 0]).is_err() && unsqueeze(&[STEPS], &[3]).is_err());
        assert_eq!(transpose(&[STEPS, ROWS, Features(3)], &[1, 0, 2]), Ok(vec![ROWS, STEPS, Features(3)]));
        assert_eq!(transpose(&[STEPS, Features(3)], &[]), Ok(vec![Features(3), STEPS]));
        assert!(transpose(&[STEPS, ROWS], &[0, 0]).is_err() && transpose(&[STEPS, ROWS], &[0]).is_err());
    }

    #[test]
    fn a_reshape_keeps_rows_rows() {
        let flow = [STEPS, One, ROW, Features(4)];
        assert_eq!(reshape(&flow, &[-1, 4]), Ok(vec![STEPS, Features(4)]));
        assert_eq!(reshape(&flow, &[0, 1, 4]), Ok(vec![STEPS, One, Features(4)]));
        assert_eq!(reshape(&flow, &[0, 0, -1]), Ok(vec![STEPS, One, Features(4)]));
        assert_eq!(reshape(&[One, ROWS, Features(4)], &[-1, 4]), Ok(vec![ROWS, Features(4)]));
        assert_eq!(reshape(&[STEPS, Features(1)], &[-1]), Ok(vec![STEPS]));
        for target in [&[-1, 2][..], &[4, -1], &[], &[-1, -1], &[7, 4], &[-1]] {
            assert!(reshape(&flow, target).is_err(), "{target:?}");
        }
        assert!(reshape(&[STEPS, ROWS, Features(4)], &[-1, 4]).is_err(), "steps and rows");
        assert!(reshape(&[STEPS, Features(4), ROWS], &[-1, 4]).is_err());
    }

    #[test]
    fn only_the_last_step_is_taken() {
        let flow = [Free(0, Some(8)), ROW, Features(4)];
        assert_eq!(last(&flow, 0, &[-1], true), Ok((vec![ROW, Features(4)], Free(0, Some(8)))));
        assert_eq!(last(&flow, 0, &[7], false), Ok((vec![One, ROW, Features(4)], Free(0, Some(8)))));
        assert!(last(&flow, 0, &[6], true).is_err() && last(&flow, 2, &[-1], true).is_err());
        assert!(last(&flow, 3, &[-1], true).is_err() && last(&[STEPS], 0, &[0], true).is_err());
    }
}
