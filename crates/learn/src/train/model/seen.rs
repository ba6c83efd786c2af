//! What a dataset says of a model's inputs: the ranges and deciles of its development rows, and rows to ask about.

use ensemble::{Brain, Cadence, Input, Parts};
use features::Feature;
use market::Time;

use crate::dataset::read::Columns;
use crate::fault::Fault;
use crate::train::model::Made;
use crate::train::pipeline::ground::Ground;

/// The share of training values that lies below, and above, what counts as inside.
const TAIL: f64 = 0.001;

/// How many rows of the dataset go with a model, as questions.
const ROWS: usize = 16;

/// The model of a brain that reads these features, with its questions.
pub(crate) fn made(
    ground: &Ground,
    (name, names): (&str, &[String]),
    trained: (Time, Time),
    rows: Vec<Vec<f64>>,
    brain: Brain,
) -> Result<Made, Fault> {
    let (inputs, missing_max) = inputs(ground, names)?;
    let parts = Parts {
        name: name.to_owned(),
        barrier: ground.barrier,
        outside_max: (inputs.len() / 10) as u32,
        inputs,
        missing_max,
        trained,
        brain,
    };
    let model = replay::beside::made(parts).map_err(|error| Fault::Asked("model", error.to_string()))?;
    Ok(Made { model, rows })
}

/// When a net takes its steps: the rule of the dataset's rows.
pub(crate) fn cadence(ground: &Ground) -> Result<Cadence, Fault> {
    let sampling = &ground.data.meta().sampling;
    Cadence::parse(sampling).ok_or_else(|| Fault::Asked("sampling", format!("this build knows no \"{sampling}\"")))
}

/// Rows of a dataset, evenly spread.
pub(crate) fn asked(columns: &dyn Columns) -> impl Iterator<Item = usize> {
    let rows = columns.rows();
    (0..ROWS.min(rows)).map(move |nth| nth * (rows / ROWS.min(rows).max(1)))
}

/// Columns of these rows.
pub(crate) fn rows(columns: &dyn Columns, names: &[String]) -> Result<Vec<Vec<f64>>, Fault> {
    let mut rows: Vec<Vec<f64>> = asked(columns).map(|_| Vec::with_capacity(names.len())).collect();
    for name in names {
        let column = columns.column(name)?;
        rows.iter_mut().zip(asked(columns)).for_each(|(row, at)| row.push(column[at]));
    }
    Ok(rows)
}

/// The feature of a name.
pub(crate) fn feature(name: &str) -> Option<Feature> {
    Feature::ALL.iter().copied().find(|feature| feature.name() == name)
}

/// Features with the range and the deciles of their training, and how many were ever missing there.
fn inputs(ground: &Ground, names: &[String]) -> Result<(Vec<Input>, u32), Fault> {
    let (mut inputs, mut missing) = (Vec::with_capacity(names.len()), 0);
    for name in names {
        let feature = feature(name).ok_or_else(|| Fault::Asked("features", format!("this build has no {name}")))?;
        let column = ground.data.column(name)?;
        let seen = ground.develop.iter().map(|row| column[*row as usize]);
        let mut known: Vec<f64> = seen.filter(|value| value.is_finite()).collect();
        known.sort_unstable_by(f64::total_cmp);
        let at = |share: f64| {
            let place = ((known.len().max(1) - 1) as f64 * share).round() as usize;
            known.get(place).copied().unwrap_or(0.0)
        };
        let deciles = std::array::from_fn(|nth| at((nth + 1) as f64 / 10.0));
        inputs.push(Input { feature, low: at(TAIL), high: at(1.0 - TAIL), deciles });
        missing += u32::from(known.len() < ground.develop.len());
    }
    Ok((inputs, missing))
}
