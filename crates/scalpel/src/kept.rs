//! Models that a run names out of a registry.

use ensemble::Artefact;
use registry::{Alias, Version, Which};

use crate::models_arguments::{At, Kept, Opens};
use crate::opened::{Desk, failed};
use crate::{Failure, package};

/// `NAME@ALIAS` or `NAME@1.2.3`; nothing for a text of another form.
pub(crate) fn named(text: &str) -> Option<(&str, Which)> {
    let (name, which) = text.split_once('@')?;
    let version = || Version::parse(which).map(Which::Version);
    let which = Alias::parse(which).map(Which::Alias).or_else(version)?;
    registry::manifest::named(name).then_some((name, which))
}

/// The models of a version in a registry, after every check and with their golden questions asked, for paper.
///
/// # Errors
/// Which check refused it, and why.
pub(crate) fn of_registry(name: &str, which: Which, kept: &Kept) -> Result<Vec<Artefact>, Failure> {
    let Kept { registry: Some(folder), trust, kek } = kept else {
        return Err(Failure::Usage(format!("{name}: name the registry that it is in with --registry and --kek")));
    };
    let at = At { registry: folder.clone(), trust: trust.clone(), json: false };
    let desk = Desk::open(&at, &Opens { kek: kek.clone() })?.on_paper();
    let ask = |models: &mut Vec<Artefact>, x: &[f64]| package::ask(models, x);
    let loaded =
        desk.registry.load(name, which, &desk.checks(), package::parse, ask).map_err(|refusal| failed(&refusal))?;
    Ok(loaded.1)
}
