//! Ticks in, numbers out: one [`Features`] per symbol, one [`Frame`] of numbers per tick. O(1) per tick, no allocation.
//!
//! Keyed on event time; time that goes back counts as standing still. Prices and distances are in points.
//!
//! `feature`   the list of numbers: names, units, groups, windows     `frame`    their values and which are ready
//! `spec`      what is a choice                                       `features` the parts in their order
//! `decay`     exp(-dt/tau) for every tau, EWMA, decayed sums         `second`   one-second bars, and grids on them
//! `window`    sums and extremes over the last N slots                `flow`     order flow and imbalance
//! `trades`    trade imbalance                                        `micro`    micro-price by state
//! `sigma`     variance per second, noise                             `realised` RV, BPV, jumps; `atr` Wilder's ATR
//! `momentum`  distance to moving means                               `spread`   spread dynamics
//! `hawkes`    intensities                                            `range`    place in the range
//! `lead`      another market, a moment earlier                       `calendar` hours and sessions

mod atr;
mod calendar;
mod decay;
mod feature;
mod features;
mod flow;
mod frame;
mod hawkes;
mod lead;
mod micro;
mod momentum;
mod range;
mod realised;
mod second;
mod sigma;
mod spec;
mod spread;
mod trades;
mod window;

pub use feature::{COUNT, Feature, Groups};
pub use features::Features;
pub use frame::Frame;
pub use spec::{HawkesSpec, Spec};
