//! Online models and statistics of streams: pure, bounded, no allocation after construction, saved bit for bit.
//!
//! `ewma`     averages with irregular decay              `kalman`   local level and local trend
//! `hawkes`   self-exciting intensities, up and down     `hmm`      which of three regimes, forward filter
//! `bocpd`    how long since the last change             `drift`    Page-Hinkley, and what both detectors answer
//! `adwin`    a window that forgets after a change       `psi`      has an input moved away from its reference
//! `ftrl`     online logistic regression                 `platt`    recalibration of log-odds
//! `aci`      adaptive conformal interval width          `barrier`  the closed form of a bracket's win rate
//! `hedge`    weights of experts, fixed share            `adahedge` the same without a learning rate
//! `pool`     opinions into one probability              `scores`   Brier, log loss, calibration error
//! `wilson`   interval of a share                        `sequential` tests that may be read at any time
//! `forest`   boosted trees, exactly explained           `net`      a recurrent net, one step at a time
//! `isotonic` recalibration by any rising curve
//! `paired`   a challenger beside the champion, with a risk budget
//! `guard`    what keeps NaN and infinity out: observations that are not finite change nothing, larger than 1e100 are
//!            clipped; numbers of a spec outside their documented range are taken at its nearer end.

mod guard;

pub mod aci;
pub mod adahedge;
pub mod adwin;
pub mod barrier;
pub mod bocpd;
pub mod drift;
pub mod ewma;
pub mod forest;
pub mod ftrl;
pub mod hawkes;
pub mod hedge;
pub mod hmm;
pub mod isotonic;
pub mod kalman;
pub mod net;
pub mod paired;
pub mod platt;
pub mod pool;
pub mod psi;
pub mod scores;
pub mod sequential;
pub mod wilson;

#[cfg(test)]
mod testing;

pub use aci::{Aci, AciSpec};
pub use adahedge::AdaHedge;
pub use adwin::{Adwin, AdwinSpec};
pub use bocpd::{Bocpd, BocpdSpec};
pub use drift::{Direction, Drift, PageHinkley, PageHinkleySpec};
pub use ewma::{DecayedSum, Ewma, EwmaMoments};
pub use forest::{ContributionError, Forest, ForestBuilder, ForestError, ForestFault};
pub use ftrl::{Ftrl, FtrlSpec};
pub use hawkes::{Hawkes, HawkesPair, HawkesPairSpec, HawkesSpec};
pub use hedge::{Hedge, HedgeSpec};
pub use hmm::{Adaptation, Hmm, HmmSpec, STATES};
pub use isotonic::{Between, Isotonic, IsotonicError, Labelled};
pub use kalman::{Innovation, LocalLevel, LocalLevelSpec, LocalTrend, LocalTrendSpec};
pub use net::{Activation, GruSpec, LayerSpec, Net, NetError, NetSpec, NetState};
pub use paired::{Decision, Pair, Paired, PairedSpec, Stop};
pub use platt::{Platt, PlattSpec};
pub use pool::{Opinion, Pooled, centred_pool, log_pool};
pub use psi::{PsiMonitor, psi};
pub use sequential::{EProcess, MixtureSprt, Sprt, SprtVerdict};
pub use wilson::wilson;
