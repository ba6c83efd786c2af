//! Trained models: onto the shelf, into their seats, and what their trials say.

use std::sync::Arc;

use ensemble::{Artefact, BenchNews, Digest, Trained};

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

    pub(crate) fn seat(&mut self, digest: Digest, class: u16, role: Role, actions: &mut Actions) {
        let news = match self.sit_down(&digest, class, role) {
            Ok(()) => News::Seated { class, digest },
            Err(why) => News::Unseated { class, digest, why },
        };
        Self::tell(actions, news);
    }

    fn sit_down(&mut self, digest: &Digest, class: u16, role: Role) -> Result<(), Unseated> {
        let model = self.shelf.iter().find(|model| model.digest() == digest).ok_or(Unseated::NotOnShelf)?;
        let model = Arc::clone(model);
        let council = self.councils.get_mut(usize::from(class)).ok_or(Unseated::UnknownClass)?;
        match role {
            Role::Champion => council.install(model),
            Role::Challenger(trial) => council.challenge(model, trial),
        }
        .map_err(Unseated::Misfit)
    }

    pub(crate) fn reseat(&mut self, class: u16, seat: Trained, how: Reseat, actions: &mut Actions) {
        let moved = self.councils.get_mut(usize::from(class)).is_some_and(|council| match how {
            Reseat::Promote => council.promote(seat),
            Reseat::RollBack => council.roll_back(seat),
            Reseat::Dismiss => council.dismiss(seat),
        });
        Self::tell(actions, News::Reseated { class, seat, how, moved });
    }

    /// What the bench of a council has to say after a tick.
    pub(crate) fn listen_to_bench(&mut self, council: usize, actions: &mut Actions) {
        let Some(news) = self.councils[council].take_news() else { return };
        let class = council as u16;
        let news = match news {
            BenchNews::Ruled(seat, ruling) => News::Ruled { class, seat, ruling },
            BenchNews::RolledBack(seat) => News::FellBack { class, seat },
        };
        Self::tell(actions, news);
    }
}
