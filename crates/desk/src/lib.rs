//! Events in, actions out: trading as one pure function, `Desk::on_event`.
//!
//! It knows the order of the rooms and nothing else: belief, features, ensemble, gate, orders. It promises the same actions
//! for the same events, bit for bit, on every machine, and allocates nothing per tick or report.
//!
//! `spec`      what a desk is configured with       `event`     what it hears
//! `action`    what it wants, and tells             `counters`  how often what, and why not
//! `desk`      the function                         `ticks`     a quote's way through the rooms
//! `propose`   from an opinion to a request         `leave`     exits, halts and flattening
//! `hear`      the venue's reports                  `explain`   the arithmetic of one decision
//! `rules`     strategies that decide by a rule     `seat`      trained models and their trials
//! `build`     a spec into its parts, or its faults  `canary`    what canaries stake
//! `notice`    what is said outside the market

mod action;
mod build;
mod canary;
mod counters;
mod desk;
mod event;
mod explain;
mod hear;
mod leave;
mod notice;
mod propose;
mod rules;
mod seat;
pub mod spec;
mod ticks;

pub use action::{Action, Actions, News, Unseated};
pub use counters::{Counts, Idle, TickCounts};
pub use desk::{Desk, Fault};
pub use event::{Command, Event, Fact, Position, Reseat, Role};
pub use explain::Explanation;
pub use notice::{Around, Impact, NewsRules, Notice, NoticeFault, NoticeKind};
pub use spec::Spec;
