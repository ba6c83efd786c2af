//! How good probabilities are, with weights.

use market::math::ln;

/// The area under the ROC curve: the chance that a row that came true was given more than one that did not; ties count
/// half. `None` without both.
pub fn auc(scores: &[f64], labels: &[bool], weights: &[f64]) -> Option<f64> {
    let mut order: Vec<usize> = (0..scores.len()).filter(|row| weights[*row] > 0.0).collect();
    order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    let (mut below, mut area, mut positive) = (0.0, 0.0, 0.0);
    for tie in order.chunk_by(|a, b| scores[*a] == scores[*b]) {
        let mass = |label: bool| tie.iter().filter(|row| labels[**row] == label).map(|row| weights[*row]).sum::<f64>();
        let (yes, no) = (mass(true), mass(false));
        area += yes * (below + no / 2.0);
        below += no;
        positive += yes;
    }
    (positive > 0.0 && below > 0.0).then(|| area / (positive * below))
}

/// The weighted mean log loss, in nats; `None` without weight.
pub fn log_loss(probabilities: &[f64], labels: &[bool], weights: &[f64]) -> Option<f64> {
    mean(probabilities, labels, weights, |p, label| -ln(if label { p } else { 1.0 - p }.max(1e-15)))
}

/// The weighted mean Brier score; `None` without weight.
pub fn brier(probabilities: &[f64], labels: &[bool], weights: &[f64]) -> Option<f64> {
    mean(probabilities, labels, weights, |p, label| (p - f64::from(u8::from(label))) * (p - f64::from(u8::from(label))))
}

fn mean(probabilities: &[f64], labels: &[bool], weights: &[f64], loss: impl Fn(f64, bool) -> f64) -> Option<f64> {
    let (mut sum, mut mass) = (0.0, 0.0);
    for ((p, label), weight) in probabilities.iter().zip(labels).zip(weights) {
        sum += weight * loss(*p, *label);
        mass += weight;
    }
    (mass > 0.0).then(|| sum / mass)
}

/// The weighted calibration error: the mean distance between what was said and what happened, over `bins` bins of rising
/// probability and about equal weight; `None` without weight.
pub fn calibration_error(probabilities: &[f64], labels: &[bool], weights: &[f64], bins: usize) -> Option<f64> {
    let mut order: Vec<usize> = (0..probabilities.len()).filter(|row| weights[*row] > 0.0).collect();
    order.sort_by(|a, b| probabilities[*a].total_cmp(&probabilities[*b]));
    let total: f64 = order.iter().map(|row| weights[*row]).sum();
    let (mut error, mut passed) = (0.0, 0.0);
    let (mut mass, mut said, mut came) = (0.0, 0.0, 0.0);
    let mut bin = 1;
    for (nth, row) in order.iter().enumerate() {
        let weight = weights[*row];
        passed += weight;
        mass += weight;
        said += weight * probabilities[*row];
        came += weight * f64::from(u8::from(labels[*row]));
        if passed >= total * f64::from(bin) / bins.max(1) as f64 || nth + 1 == order.len() {
            error += f64::abs(said - came);
            (mass, said, came) = (0.0, 0.0, 0.0);
            bin += 1;
        }
    }
    debug_assert!(mass == 0.0);
    (total > 0.0).then(|| error / total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn auc_counts_pairs(rows in prop::collection::vec((0_u8..6, any::<bool>(), 0_u8..4), 2..60)) {
            let scores: Vec<f64> = rows.iter().map(|row| f64::from(row.0)).collect();
            let labels: Vec<bool> = rows.iter().map(|row| row.1).collect();
            let weights: Vec<f64> = rows.iter().map(|row| f64::from(row.2)).collect();
            let (mut won, mut pairs) = (0.0, 0.0);
            for i in (0..rows.len()).filter(|i| labels[*i]) {
                for j in (0..rows.len()).filter(|j| !labels[*j]) {
                    let mass = weights[i] * weights[j];
                    pairs += mass;
                    won += mass * if scores[i] > scores[j] { 1.0 } else if scores[i] == scores[j] { 0.5 } else { 0.0 };
                }
            }
            let area = auc(&scores, &labels, &weights);
            prop_assert_eq!(area.is_some(), pairs > 0.0);
            prop_assert!(area.is_none_or(|area| (area - won / pairs).abs() < 1e-12));
        }
    }

    #[test]
    fn oracle_29() {
        let (p, y, w) = ([0.9, 0.8, 0.3, 0.6], [true, false, false, true], [1.0; 4]);
        assert!((brier(&p, &y, &w).unwrap() - 0.225).abs() < 1e-12);
        assert!((log_loss(&p, &y, &w).unwrap() - 0.645_574_748_9).abs() < 1e-9);
        let error = calibration_error(&p, &y, &w, 4).unwrap();
        assert!((error - (0.3 + 0.4 + 0.8 + 0.1) / 4.0).abs() < 1e-12);
    }
}
