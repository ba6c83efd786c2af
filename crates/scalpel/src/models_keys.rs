//! `scalpel models trust | rotate | rescan`: whose signatures count, what opens the blobs, and whether all of it still holds.

use registry::Which;
use serde_json::json;
use vault::{Digest, Role, TrustStore, files};

use crate::models_arguments::Trust;
use crate::opened::{Desk, failed, hex, usable};
use crate::{Failure, Outcome, screen};

/// `models trust list | add | revoke`.
pub(crate) fn trust(verb: &Trust) -> Outcome {
    match verb {
        Trust::List { at } => {
            let desk = Desk::closed(at)?;
            say(&desk, &desk.trust, "models_trust_list")
        }
        Trust::Add { at, public, owner, days } => {
            let mut desk = Desk::closed(at)?;
            let shown = public.display().to_string();
            let key = files::read_public(public).map_err(|error| usable(&shown, &error))?;
            let now_s = screen::epoch_seconds();
            let span = (now_s, now_s + i64::from(*days) * 86_400);
            let added = desk.trust.trust(&key, owner, &[Role::SignModels], span);
            added.map_err(|error| Failure::Usage(format!("{shown}: {error}")))?;
            change(&desk, "models_trust_add")
        }
        Trust::Revoke { at, key, reason } => {
            let mut desk = Desk::closed(at)?;
            let id = Digest::from_hex(key).ok_or_else(|| hex(key))?;
            let revoked = desk.trust.revoke(id, screen::epoch_seconds(), reason);
            revoked.map_err(|error| Failure::Usage(error.to_string()))?;
            change(&desk, "models_trust_revoke")
        }
    }
}

fn change(desk: &Desk<'_>, kind: &str) -> Outcome {
    desk.registry.set_trust(&desk.trust).map_err(|refusal| failed(&refusal))?;
    say(desk, &desk.trust, kind)
}

/// The keys, and the digest to pin their file by.
fn say(desk: &Desk<'_>, trust: &TrustStore, kind: &str) -> Outcome {
    let bytes = trust.to_json().map_err(|error| Failure::Broken(error.to_string()))?;
    let (pin, now_s) = (Digest::of(&bytes), screen::epoch_seconds());
    let mut lines = Vec::new();
    let mut keys = Vec::new();
    for key in trust.keys() {
        let state = match (&key.revoked, now_s) {
            (Some(revoked), _) => format!("REVOKED: {}", revoked.reason),
            (None, now) if now < key.not_before_s => "not yet".into(),
            (None, now) if now > key.not_after_s => "past".into(),
            (None, _) => "counts".into(),
        };
        let said = serde_json::to_value(key).map_err(|error| Failure::Broken(error.to_string()))?;
        keys.push(said);
        lines.push(format!("{} {} until {} s since 1970 UTC: {state}", key.id, key.owner, key.not_after_s));
    }
    lines.push(format!("trust {pin}: keep it, and pass it as --trust"));
    desk.say(kind, &json!({ "trust": pin, "keys": keys }), &lines.join("\n"))
}

/// `models rotate`.
pub(crate) fn rotate(desk: &Desk<'_>) -> Outcome {
    let done = desk.registry.rotate(&desk.keks).map_err(|refusal| failed(&refusal))?;
    let id = desk.keks.current().id();
    let text = format!("{done} blobs wrapped again with {id}; with it alone everything opens");
    desk.say("models_rotate", &json!({ "wrapped": done, "kek": id }), &text)
}

/// `models rescan`: every check of every version. All are looked at; it fails when one does not hold.
pub(crate) fn rescan(desk: &Desk<'_>) -> Outcome {
    let (mut all, mut lines, mut bad) = (Vec::new(), Vec::new(), 0_usize);
    for name in desk.registry.names().map_err(|refusal| failed(&refusal))? {
        for version in desk.registry.versions(&name).map_err(|refusal| failed(&refusal))? {
            let found = desk.whole(&name, Which::Version(version));
            let (asked, refused) = match found {
                Ok((_, asked)) => (asked, None),
                Err(refusal) => (false, Some(refusal.to_string())),
            };
            bad += usize::from(refused.is_some());
            lines.push(match &refused {
                Some(why) => format!("{name} {version}: REFUSED: {why}"),
                None if asked => format!("{name} {version}: holds, golden questions answered"),
                None => format!("{name} {version}: holds, golden questions not asked"),
            });
            all.push(json!({ "name": name, "version": version, "asked": asked, "refused": refused }));
        }
    }
    let trials = desk.registry.trials().verify(None).map_err(|refusal| failed(&refusal))?;
    lines.push(format!("{} versions, {bad} refused; {} lines of trials", all.len(), trials.head.seq));
    desk.say("models_rescan", &json!({ "versions": all, "refused": bad }), &lines.join("\n"))?;
    if bad == 0 { Ok(()) } else { Err(Failure::Proof(format!("{bad} of {} versions do not hold", all.len()))) }
}
