//! `scalpel learn validate`: is a training worth anything?

use std::fmt::Write;

use learn::ledger::Ledger;
use learn::validate::figures::{Ends, Validation};
use learn::validate::spec::ValidateSpec;
use learn::validate::{Asking, Origin, validate as all};
use market::Time;

use crate::backtest::BUILD;
use crate::learn::{Drawn, failed};
use crate::learn_arguments::{Validate, millis};
use crate::{Failure, Outcome, limits, package, screen, trials};

fn time(flag: &str, text: &str) -> Result<i64, Failure> {
    millis(text).ok_or_else(|| Failure::Usage(format!("{flag} {text}: write 1d, 12h or 30min")))
}

pub(crate) fn validate(asked: &Validate) -> Outcome {
    let spec = ValidateSpec {
        groups: asked.groups,
        tests: asked.tests,
        cadence_ms: time("--cadence", &asked.cadence)?,
        rolling_ms: asked.rolling.as_deref().map(|text| time("--rolling", text)).transpose()?,
        first: asked.first,
        ..ValidateSpec::usual(asked.seed)
    };
    if asked.memory.is_some() {
        let origin = Origin::read(&asked.training).map_err(failed)?;
        let dataset = asked.dataset.as_ref().unwrap_or(&origin.dataset);
        limits::bound(asked.memory.as_deref(), limits::of_dataset(dataset, asked.threads)?)?;
    }
    let asking = Asking {
        training: &asked.training,
        dataset: asked.dataset.as_deref(),
        spec: &spec,
        ledger: asked.ledger.as_ref().map(Ledger::at),
        code: BUILD,
        now: trials::now(),
        threads: asked.threads,
        open_lockbox: asked.open_lockbox,
    };
    let drawn = Drawn::new("validation");
    let found = all(&asking, &drawn).map_err(failed)?;
    drawn.finish();
    let packaged = package::validated(&asked.training.join("package"), &found)?;
    if asked.json {
        let object = serde_json::to_string_pretty(&found).map_err(|error| Failure::Broken(error.to_string()))?;
        return screen::say(&object);
    }
    let folder = asked.training.display();
    let package = if packaged {
        format!("Package   {folder}/package says so; scalpel models sign {folder}/package --key FILE signs it")
    } else {
        "Package   none: the training made no model to seat".into()
    };
    screen::say(&format!("{}\n{package}\nAll figures in {folder}/validation.json", text(&found).trim_end()))
}

fn between(ends: Option<Ends>) -> String {
    ends.map_or("[unknown: too few days]".into(), |ends| format!("[{:+.3}, {:+.3}]", ends.low, ends.high))
}

fn known(value: Option<f64>) -> String {
    value.map_or("unknown".into(), |value| format!("{value:.4}"))
}

/// One screen.
fn text(found: &Validation) -> String {
    let mut text = format!("VERDICT   {}\n", found.verdict);
    for reason in &found.reasons {
        let _ = writeln!(text, "          {reason}");
    }
    let _ = writeln!(
        text,
        "\n{} rows by purged folds; walk forward: {} trainings, {} rows of {} days, none known to its model\n",
        found.develop, found.windows, found.walked, found.days
    );
    let _ = writeln!(
        text,
        "of           rows  effective    AUC  (apart, 95 %)           log-loss skill  Brier skill    ECE"
    );
    for quality in &found.quality {
        let auc = quality.auc_interval.map_or("unknown".into(), |i| format!("{:.3} to {:.3}", i.low, i.high));
        let _ = writeln!(
            text,
            "{:9} {:>7}  {:>9.0}  {:.4}  {auc:22} {:>+15.5}  {:>+11.5}  {:.3}",
            quality.of,
            quality.rows,
            quality.effective,
            quality.auc,
            quality.log_loss_skill,
            quality.brier_skill,
            quality.ece
        );
    }
    text.push_str("(a high AUC of a side is mostly volatility; direction stands apart)\n\n");
    for rule in &found.rules {
        let chosen = if rule.rule == found.chosen { '*' } else { ' ' };
        let _ = writeln!(
            text,
            "{chosen} {:54} {:>6} trades  won {:.3}  net {:>+7.3} pips  Sharpe a day {}",
            rule.rule,
            rule.trades,
            rule.won,
            rule.net,
            known(rule.sharpe_day)
        );
    }
    more(found, &mut text);
    text
}

fn more(found: &Validation, text: &mut String) {
    for under in &found.costs {
        let (net, ends) = (under.net, between(under.interval));
        let _ = writeln!(text, "* costs x {:.1}: {net:+.3} {ends} pips a trade", under.at);
    }
    for under in &found.latencies {
        let (at, trades, net) = (under.at, under.trades, under.net);
        let _ = writeln!(text, "* latency {at:.0} ms: {net:+.3} {} pips, {trades} trades", between(under.interval));
    }
    let paths: Vec<String> = found.paths.sharpe_day.iter().map(|sharpe| known(*sharpe)).collect();
    let _ = writeln!(
        text,
        "* Sharpe a day on {} paths of {} splits: {}\n",
        paths.len(),
        found.paths.splits,
        paths.join(" ")
    );
    for mark in &found.marks {
        let passed = mark.passed.map_or("?", |passed| if passed { "passed" } else { "FAILED" });
        let (value, threshold) = (known(mark.value), known(mark.threshold));
        let _ = writeln!(text, "{passed:7} {:52} {value:>10} {} {threshold}", mark.name, mark.sense);
    }
    let sound = &found.sound;
    let _ = writeln!(
        text,
        "\nLook-ahead: {} cuts, {} rows compared, {} columns changed; the planted leak was {}found (AUC {})",
        sound.cuts,
        sound.rows,
        sound.leaks.len(),
        if sound.control_flagged { "" } else { "NOT " },
        known(sound.control_auc)
    );
    let unsettled: Vec<&str> = sound.unsettled.iter().take(6).map(|(name, _)| name.as_str()).collect();
    if !unsettled.is_empty() {
        let (count, records) = (sound.unsettled.len(), sound.warmup_records);
        let _ =
            writeln!(text, "Warm-up: after {records} records {count} features still differ: {}", unsettled.join(", "));
    }
    lockbox(found, text);
}

fn lockbox(found: &Validation, text: &mut String) {
    let lockbox = &found.lockbox;
    let day = |time: i64| {
        let (year, month, day) = Time(time).date();
        format!("{year}-{month:02}-{day:02}")
    };
    let _ = writeln!(text, "Lockbox: {} to {}, opened {} times", day(lockbox.from), day(lockbox.to), lockbox.openings);
    if let Some(under) = &lockbox.found {
        let (net, trades) = (under.net, under.trades);
        let _ = writeln!(text, "  in it: {net:+.3} {} pips a trade, {trades} trades", between(under.interval));
    }
    for remark in &lockbox.remarks {
        let _ = writeln!(text, "  {remark}");
    }
    let trials = found.deflated.as_ref().map(|deflated| deflated.trials);
    if let Some(trials) = trials {
        let _ = writeln!(text, "Trials: {trials} in the ledger");
    }
}
