//! What the desk told of drift: its journal, heard again. The one place that knows where that is written.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use desk::{Desk, News};
use ensemble::Drifted;
use replay::again::{From, Replay};
use serde::{Deserialize, Serialize};

use crate::journals::{failed, readable};
use crate::schedule::plan::Plan;
use crate::{Failure, screen};

/// A journal that grows is heard again no more often than this: it is heard from its start.
const HEAR: Duration = Duration::from_mins(10);

/// How far a journal was heard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Heard {
    /// Which journal: the head of its chain before the first record, in hexadecimal.
    journal: String,
    /// The event that the last drift followed from; 0 before any.
    seq: u64,
}

/// All drift that a journal tells of, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    journal: String,
    drifts: Vec<(u64, &'static str)>,
}

impl Told {
    pub(crate) fn heard(&self) -> Heard {
        Heard { journal: self.journal.clone(), seq: self.drifts.last().map_or(0, |drift| drift.0) }
    }

    /// What drifted after that, in words; `None` when nothing did. Of another journal everything is new.
    pub(crate) fn since(&self, heard: Option<&Heard>) -> Option<String> {
        let after = heard.filter(|heard| heard.journal == self.journal).map_or(0, |heard| heard.seq);
        let mut what: Vec<&str> = self.drifts.iter().filter(|(seq, _)| *seq > after).map(|(_, what)| *what).collect();
        what.sort_unstable();
        what.dedup();
        (!what.is_empty()).then(|| what.join(", "))
    }
}

/// Hears the journal of a plan, and not again while nothing was written.
#[derive(Default)]
pub(crate) struct Ears {
    last: Option<(PathBuf, u64, Instant, Told)>,
}

impl Ears {
    /// What the plan's journal tells; `None` without one, or before it is there.
    ///
    /// # Errors
    /// The journal is damaged, or does not follow again on this build.
    pub(crate) fn told(&mut self, plan: &Plan) -> Result<Option<Told>, Failure> {
        let Some(path) = plan.journal.as_ref().filter(|path| path.exists()) else { return Ok(None) };
        readable(path)?;
        let long = std::fs::metadata(path).map_or(0, |known| known.len());
        let now = screen::now();
        if let Some((of, then, at, told)) = &self.last
            && of == path
            && (*then == long || (*then < long && now.duration_since(*at) < HEAR))
        {
            return Ok(Some(told.clone()));
        }
        let reader =
            journal::Reader::open(path).map_err(|fault| failed(path)(replay::again::ReplayError::Damaged(fault)))?;
        let journal = reader.place().head.to_string();
        let mut replay = Replay::open(path, From::Start, u64::MAX).map_err(failed(path))?;
        replay.listen();
        replay.rest().map_err(failed(path))?;
        let ours = |class: u16| trades(replay.desk(), class, plan);
        let drifts = replay.told().iter().filter_map(|(seq, _, news)| Some((*seq, drift(news, ours)?))).collect();
        let told = Told { journal, drifts };
        self.last = Some((path.clone(), long, now, told.clone()));
        Ok(Some(told))
    }
}

/// What has drifted, in a word, where it is of a class that this plan retrains for.
fn drift(news: &News, ours: impl Fn(u16) -> bool) -> Option<&'static str> {
    let News::Drifted { class, what, .. } = news else { return None };
    ours(*class).then_some(match what {
        Drifted::Loss => "losses",
        Drifted::Calibration => "calibration",
        Drifted::Inputs { .. } => "inputs",
    })
}

/// Whether a class of the desk is the one that the plan's models are for.
fn trades(desk: &Desk, class: u16, plan: &Plan) -> bool {
    let Some(class) = desk.spec().classes.get(usize::from(class)) else { return false };
    let symbol = desk.spec().symbols.get(usize::from(class.symbol.0));
    let asked = |flag: &str| plan.dataset.iter().skip_while(|word| *word != flag).nth(1).map(String::as_str);
    class.name == asked("--class").unwrap_or("scalp")
        && symbol.is_some_and(|symbol| Some(symbol.instrument.name.as_str()) == asked("--symbol"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ensemble::{Chair, Trained};

    fn told(journal: &str, drifts: &[(u64, Drifted)]) -> Told {
        let news = |what| News::Drifted { class: 0, seat: Trained::Trees, chair: Chair::Champion, what };
        let drifts = drifts.iter().filter_map(|(seq, what)| Some((*seq, drift(&news(*what), |class| class == 0)?)));
        Told { journal: journal.into(), drifts: drifts.collect() }
    }

    #[test]
    fn every_drift_is_new_once_and_every_journal_begins_anew() {
        let (inputs, loss) = (Drifted::Inputs { input: 3 }, Drifted::Loss);
        let none = told("a", &[]);
        assert_eq!((none.since(None), none.heard().seq), (None, 0));
        let one = told("a", &[(7, inputs)]);
        assert_eq!(one.since(Some(&none.heard())).as_deref(), Some("inputs"));
        assert_eq!(one.since(Some(&one.heard())), None, "once");
        let both = told("a", &[(7, inputs), (9, loss)]);
        assert_eq!(both.since(Some(&one.heard())).as_deref(), Some("losses"));
        assert_eq!(both.since(Some(&both.heard())), None, "once");
        assert_eq!(both.since(None).as_deref(), Some("inputs, losses"));
        assert_eq!(told("b", &[(2, Drifted::Calibration)]).since(Some(&both.heard())).as_deref(), Some("calibration"));
    }

    #[test]
    fn what_other_classes_tell_and_other_news_are_no_drift() {
        let news = News::Drifted { class: 1, seat: Trained::Trees, chair: Chair::Champion, what: Drifted::Loss };
        assert_eq!(drift(&news, |class| class == 0), None);
        assert_eq!(drift(&News::Staged { class: 0, seat: Trained::Trees }, |_| true), None);
    }
}
