//! The stories that every venue must tell: what a request leads to, whatever venue carries it out.
//!
//! A venue crate passes [`suite`] a function that sets its venue up as a story wants it: the broker's rules, symbols and
//! costs of a [`PaperSpec`], as far as that venue can follow them. Where it cannot, it answers `None`, and the story is
//! skipped, by name.
//!
//! `stage` what a story plays on    `trading`, `rules`, `resting`, `account` the stories

mod account;
mod resting;
mod rules;
mod stage;
mod trading;

use crate::port::Simulator;
use crate::spec::PaperSpec;
use orders::Report;
pub use stage::{Stage, broker};

/// What a story needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// Its name.
    pub story: &'static str,
    /// The broker's rules.
    pub spec: PaperSpec,
}

/// A venue that is set up.
pub struct Harness {
    /// The venue. The story tells it of ticks, and sends it instructions.
    pub venue: Box<dyn Simulator>,
}

/// Why a story ended early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broken {
    /// The venue cannot be set up this way.
    Skipped,
    /// Something else was expected.
    Wrong {
        /// What was expected.
        expected: String,
        /// What was heard in this step.
        heard: Vec<Report>,
    },
}

/// What came of a story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Its name.
    pub story: &'static str,
    /// How it ended.
    pub result: Result<(), Broken>,
}

/// What a story makes its venues with.
pub struct Play<'a> {
    story: &'static str,
    make: &'a dyn Fn(&Setup) -> Option<Harness>,
}

/// A story and its name.
type Story = (&'static str, fn(&Play<'_>) -> Result<(), Broken>);

/// Plays every story.
pub fn suite(make: impl Fn(&Setup) -> Option<Harness>) -> Vec<Outcome> {
    let stories = [trading::STORIES, rules::STORIES, resting::STORIES, account::STORIES];
    let play = |(story, tell): &Story| Outcome { story, result: tell(&Play { story, make: &make }) };
    stories.into_iter().flatten().map(play).collect()
}

/// Makes sure that something was heard in this step; gives what the pattern bound.
macro_rules! heard {
    ($stage:expr, $pattern:pat $(if $guard:expr)? => $value:expr) => {{
        let found = $stage.recent().iter().find_map(|report| match *report {
            $pattern $(if $guard)? => Some($value),
            _ => None,
        });
        found.ok_or_else(|| $stage.wrong(stringify!($pattern $(if $guard)?)))?
    }};
    ($stage:expr, $pattern:pat $(if $guard:expr)?) => { heard!($stage, $pattern $(if $guard)? => ()) };
}
pub(crate) use heard;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paper::Paper;

    #[test]
    fn the_paper_venue_tells_every_story() {
        let outcomes = suite(|setup| {
            let paper = Paper::new(setup.spec.clone()).expect("a sound spec");
            Some(Harness { venue: Box::new(paper) })
        });
        let broken: Vec<_> = outcomes.iter().filter(|outcome| outcome.result.is_err()).collect();
        assert!(broken.is_empty(), "{broken:#?}");
        assert!(outcomes.len() >= 40, "{}", outcomes.len());
    }

    #[test]
    fn a_venue_that_does_nothing_tells_none() {
        struct Mute;
        impl crate::port::Venue for Mute {
            fn send(&mut self, _: market::Time, _: &orders::Request) {}
            fn on_tick(&mut self, _: &market::Tick) {}
            fn on_trade(&mut self, _: &market::Trade) {}
            fn wake(&mut self, _: market::Time) {}
            fn query(&mut self, _: market::Time, _: orders::OrderId) {}
            fn list(&mut self, _: market::Time) {}
            fn next_wake(&self) -> Option<market::Time> {
                None
            }
            fn poll(&mut self) -> Option<Report> {
                None
            }
        }
        impl Simulator for Mute {
            fn instruct(&mut self, _: market::Time, _: orders::OrderId, _: orders::Instruction) {}
        }
        let outcomes = suite(|_| Some(Harness { venue: Box::new(Mute) }));
        let told: Vec<_> = outcomes.iter().filter(|outcome| outcome.result.is_ok()).map(|o| o.story).collect();
        assert!(told.is_empty(), "{told:?}");
        let skipped = suite(|_| None);
        assert!(skipped.iter().all(|outcome| outcome.result == Err(Broken::Skipped)));
    }
}
