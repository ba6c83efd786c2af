//! Trained models: onto the shelf, into their seats, and what their trials say.

use std::sync::Arc;

use ensemble::{Artefact, BenchNews, CanarySpec, Chair, Digest, Rollback, Trained, Unstaged};
use market::Time;

use crate::action::{Actions, News, Unseated};
use crate::desk::Desk;
use crate::event::{Reseat, Role};

impl Desk {
    /// Puts a verified model where a command to seat it finds it. It changes nothing else.
    pub fn shelve(&mut self, model: Arc<Artefact>) {
        self.shelf.retain(|other| other.digest() != model.digest());
        self.shelf.push(model);
    }

    /// Whether a model lies on the shelf.
    pub fn has_on_shelf(&self, digest: &Digest) -> bool {
        self.shelf.iter().any(|model| model.digest() == digest)
    }

    pub(crate) fn seat(
        &mut self,
        (digest, until): (Digest, Option<Time>),
        class: u16,
        role: Role,
        actions: &mut Actions,
    ) {
        let news = match self.sit_down((&digest, until), class, role) {
            Ok(seat) => {
                let chair = match role {
                    Role::Champion => Chair::Champion,
                    Role::Challenger(_) => Chair::Challenger,
                };
                News::Seated { class, digest, seat, chair }
            }
            Err(why) => News::Unseated { class, digest, why },
        };
        Self::tell(actions, news);
    }

    fn sit_down(
        &mut self,
        (digest, until): (&Digest, Option<Time>),
        class: u16,
        role: Role,
    ) -> Result<Trained, Unseated> {
        let model = self.shelf.iter().find(|model| model.digest() == digest).ok_or(Unseated::NotOnShelf)?;
        let (model, seat) = (Arc::clone(model), model.seat());
        let council = self.councils.get_mut(usize::from(class)).ok_or(Unseated::UnknownClass)?;
        match role {
            Role::Champion => council.install(model, until),
            Role::Challenger(trial) => council.challenge(model, until, trial),
        }
        .map(|()| seat)
        .map_err(Unseated::Misfit)
    }

    pub(crate) fn reseat(
        &mut self,
        (class, seat): (u16, Trained),
        (how, why): (Reseat, Rollback),
        actions: &mut Actions,
    ) {
        let moved = self.councils.get_mut(usize::from(class)).is_some_and(|council| match how {
            Reseat::Promote => council.promote(seat),
            Reseat::RollBack => council.roll_back(seat),
            Reseat::Dismiss => council.dismiss(seat),
        });
        Self::tell(actions, News::Reseated { class, seat, how, why, moved });
    }

    pub(crate) fn stage(&mut self, (class, seat): (u16, Trained), canary: &CanarySpec, actions: &mut Actions) {
        let council = self.councils.get_mut(usize::from(class)).ok_or(Unstaged::UnknownClass);
        let news = match council.and_then(|council| council.stage(seat, canary, u64::from(class))) {
            Ok(()) => News::Staged { class, seat },
            Err(why) => News::Unstaged { class, seat, why },
        };
        Self::tell(actions, news);
    }

    /// What the bench of a council has to say after a tick.
    pub(crate) fn listen_to_bench(&mut self, council: usize, actions: &mut Actions) {
        while let Some(news) = self.councils[council].take_news() {
            let class = council as u16;
            let news = match news {
                BenchNews::Ruled(seat, ruling) => News::Ruled { class, seat, ruling },
                BenchNews::Withdrawn { seat, chair, why, back } => News::Withdrawn { class, seat, chair, why, back },
                BenchNews::Drifted(seat, chair, what) => News::Drifted { class, seat, chair, what },
            };
            Self::tell(actions, news);
        }
    }
}
