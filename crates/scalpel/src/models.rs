//! `scalpel models`: the registry at the terminal.

use std::path::Path;

use registry::rollout::{Event, Evidence, Ground, Measure, Override};
use registry::{Alias, By, Folder, Registry, Request, Version, Which};
use serde_json::{Value, json};
use vault::{Algorithm, Kek, Role, SigningKey, TrustStore, files};

use crate::models_arguments::{Asked, At, Models, One, Who};
use crate::opened::{Desk, say};
pub(crate) use crate::opened::{failed, passphrase, usable};
use crate::schedule::measured;
use crate::{Failure, Outcome, models_keys, package, screen};

pub(crate) fn version(text: &str) -> Result<Version, Failure> {
    Version::parse(text).ok_or_else(|| Failure::Usage(format!("{text:?} is not a version such as 1.2.3")))
}

fn alias(text: &str) -> Result<Alias, Failure> {
    let known = || Failure::Usage(format!("{text:?} is none of champion, challenger, canary, shadow"));
    Alias::parse(text).ok_or_else(known)
}

pub(crate) fn signing_key(path: &Path) -> Result<SigningKey, Failure> {
    files::read_key(path).map_err(|error| match error {
        vault::Error::File { .. } | vault::Error::Permissions { .. } => Failure::Input(error.to_string()),
        error => usable(&path.display().to_string(), &error),
    })
}

pub(crate) fn value(of: &impl serde::Serialize) -> Result<Value, Failure> {
    serde_json::to_value(of).map_err(|error| Failure::Broken(error.to_string()))
}

pub(crate) fn models(verb: &Models) -> Outcome {
    match verb {
        Models::Init { at, owner, key, kek_file, p256, days } => init(at, owner, (key, kek_file), (*p256, *days)),
        Models::List { at } => list(&Desk::closed(at)?),
        Models::Show { at, one } => show(&Desk::closed(at)?, one),
        Models::Card { at, one } => card(&Desk::closed(at)?, one),
        Models::Diff { at, one, other } => diff(&Desk::closed(at)?, one, other),
        Models::Sign { folder, key, json } => sign(folder, key, *json),
        Models::Import { at, opens, folder, key } => import(&Desk::open(at, opens)?, folder, key),
        Models::Verify { at, opens, one } => verify(&Desk::open(at, opens)?, one),
        Models::Advance { .. } => advance(verb),
        Models::Promote { at, opens, one, alias, who } => point(&Desk::open(at, opens)?, one, alias, (who, true)),
        Models::Rollback { at, opens, one, alias, who } => point(&Desk::open(at, opens)?, one, alias, (who, false)),
        Models::Trust { verb } => models_keys::trust(verb),
        Models::Rotate { at, opens } => models_keys::rotate(&Desk::open(at, opens)?),
        Models::Rescan { at, opens } => models_keys::rescan(&Desk::open(at, opens)?),
        Models::Export { at, opens, one, out, also } => export(&Desk::open(at, opens)?, one, out, also.as_deref()),
    }
}

fn init(at: &At, owner: &str, (key, kek_file): (&Path, &Path), (p256, days): (bool, u32)) -> Outcome {
    let written = |error: vault::Error| Failure::Output(error.to_string());
    let registry = Registry::new(Folder::create(&at.registry).map_err(|refusal| failed(&refusal))?);
    if registry.trust(None).is_ok() {
        return Err(Failure::Output(format!("{}: a registry is there already", at.registry.display())));
    }
    let made = SigningKey::generate(if p256 { Algorithm::P256 } else { Algorithm::Ed25519 }).map_err(written)?;
    let now_s = screen::epoch_seconds();
    let kek = Kek::generate(&format!("kek-{now_s}-{}", std::process::id())).map_err(written)?;
    let text = passphrase().ok();
    let locked = text.as_ref().map(|text| (text.as_str(), vault::kek::Work::RECOMMENDED));
    files::write_key(key, &made).map_err(written)?;
    let public = key.with_extension("pub");
    files::write_public(&public, made.public()).map_err(written)?;
    kek.write(kek_file, locked).map_err(written)?;
    let mut trust = TrustStore::default();
    let until = now_s + i64::from(days) * 86_400;
    trust.trust(made.public(), owner, &[Role::SignModels], (now_s, until)).map_err(written)?;
    let pin = registry.set_trust(&trust).map_err(|refusal| failed(&refusal))?;
    let id = made.public().id();
    let said = json!({ "key": id, "kek": kek.id(), "trust": pin, "public": public });
    let text = format!(
        "key {id} of {owner}, public half {}\nwrapping key {}\ntrust {pin}: keep it, and pass it as --trust",
        public.display(),
        kek.id()
    );
    say(at.json, "models_init", &said, &text)
}

fn list(desk: &Desk<'_>) -> Outcome {
    let all = desk.registry.list(&desk.checks()).map_err(|refusal| failed(&refusal))?;
    let line = |one: &registry::look::Listed| {
        let aliases: Vec<_> = one.aliases.iter().map(|alias| alias.name()).collect();
        let ok = one.refused.as_ref().map_or("verified".into(), |why| format!("REFUSED: {why}"));
        format!("{:20} {:>10} {:12} {:20} {ok}", one.name, one.version.to_string(), one.state.name(), aliases.join(" "))
    };
    let text = if all.is_empty() { "no models".into() } else { all.iter().map(line).collect::<Vec<_>>().join("\n") };
    desk.say("models_list", &value(&all)?, &text)
}

fn show(desk: &Desk<'_>, one: &One) -> Outcome {
    let shown =
        desk.registry.show(&one.name, version(&one.version)?, &desk.checks()).map_err(|refusal| failed(&refusal))?;
    if shown.manifest.is_none()
        && let Some(why) = &shown.listed.refused
    {
        return Err(Failure::Proof(why.clone()));
    }
    let text = serde_json::to_string_pretty(&shown).map_err(|error| Failure::Broken(error.to_string()))?;
    desk.say("models_show", &value(&shown)?, &text)
}

fn card(desk: &Desk<'_>, one: &One) -> Outcome {
    let text =
        desk.registry.card(&one.name, version(&one.version)?, &desk.checks()).map_err(|refusal| failed(&refusal))?;
    desk.say("models_card", &json!({ "card": text, "missing": registry::card::missing(&text) }), &text)
}

fn diff(desk: &Desk<'_>, one: &One, other: &str) -> Outcome {
    let pair = ((one.name.as_str(), version(&one.version)?), (one.name.as_str(), version(other)?));
    let found = desk.registry.diff(pair.0, pair.1, &desk.checks()).map_err(|refusal| failed(&refusal))?;
    let lines: Vec<_> = found.iter().map(|d| format!("{}: {} -> {}", d.field, d.one, d.two)).collect();
    desk.say("models_diff", &value(&found)?, &lines.join("\n"))
}

fn sign(folder: &Path, key: &Path, as_json: bool) -> Outcome {
    let signed = registry::sign_folder(folder, &signing_key(key)?).map_err(|refusal| failed(&refusal))?;
    let text = format!("{} {}: {} files signed", signed.name, signed.version, signed.files.len());
    say(as_json, "models_sign", &value(&signed)?, &text)
}

fn import(desk: &Desk<'_>, folder: &Path, key: &Path) -> Outcome {
    let key = signing_key(key)?;
    let ours = (&key, &desk.keks);
    let found =
        desk.registry.import(folder, &desk.trust, desk.checks().now_s, ours).map_err(|refusal| failed(&refusal))?;
    let text = format!("{} {} registered as a draft", found.name, found.version);
    desk.say("models_import", &value(&found)?, &text)
}

fn verify(desk: &Desk<'_>, one: &One) -> Outcome {
    let (found, asked) =
        desk.whole(&one.name, Which::Version(version(&one.version)?)).map_err(|refusal| failed(&refusal))?;
    let golden = if asked { "answered as they should be" } else { "not asked" };
    let said = json!({ "name": one.name, "version": one.version, "digest": found.digest, "signer": found.signer,
        "files": found.files.len(), "golden": found.golden.len(), "head": found.head });
    let text = format!(
        "{} {}: verified, signed by {}; {} files, {} golden questions {golden}\nhead {} of its log: {}",
        one.name,
        one.version,
        found.signer,
        found.files.len(),
        found.golden.len(),
        found.head.seq,
        found.head.hash
    );
    desk.say("models_verify", &said, &text)
}

fn event(asked: Asked) -> Event {
    match asked {
        Asked::Validate => Event::Validate,
        Asked::ToShadow => Event::ToShadow,
        Asked::ToCanary => Event::ToCanary,
        Asked::Step => Event::Step,
        Asked::ToChampion => Event::ToChampion,
        Asked::Retire => Event::Retire,
        Asked::Quarantine => Event::Quarantine,
        Asked::RollBack => Event::RollBack,
        Asked::Release => Event::Release,
    }
}

/// Models of our own are asked their golden questions, and take features that this program computes; of others somebody else
/// has to know.
fn answers(desk: &Desk<'_>, name: &str, number: Version, evidence: &mut Evidence) -> Outcome {
    if desk.whole(name, Which::Version(number)).map_err(|refusal| failed(&refusal))?.1 {
        evidence.extend([(Measure::GoldenPassed, 1.0), (Measure::SchemaEqual, 1.0)]);
    }
    Ok(())
}

fn advance(verb: &Models) -> Outcome {
    let Models::Advance { at, opens, one, event: asked, evidence, measure, live, override_edge, who } = verb else {
        return Err(Failure::Broken("not an advance".into()));
    };
    let desk = Desk::open(at, opens)?;
    let number = version(&one.version)?;
    let mut evidence = evidence.as_deref().map_or(Ok(Evidence::new()), |path| {
        let shown = path.display();
        let bytes = std::fs::read(path).map_err(|error| Failure::Input(format!("{shown}: {error}")))?;
        vault::json::parse("evidence", &bytes, 65_536, 2).map_err(|error| Failure::Input(format!("{shown}: {error}")))
    })?;
    let consent = override_edge.then(|| Override { person: who.actor.clone(), reason: who.reason.clone() });
    let ground = if *live { Ground::Live } else { Ground::Paper };
    if let Some(training) = measure {
        let ask = |models: &mut Vec<ensemble::Artefact>, x: &[f64]| package::ask(models, x);
        let loaded = desk.registry.load(&one.name, Which::Version(number), &desk.checks(), package::parse, ask);
        evidence.extend(measured(training, &loaded.map_err(|refusal| failed(&refusal))?.1)?);
    }
    if *asked == Asked::Validate {
        answers(&desk, &one.name, number, &mut evidence)?;
    }
    let request = Request { event: event(*asked), evidence, ground, consent };
    let by = By { actor: &who.actor, reason: &who.reason, evidence: &[] };
    let moved = desk.registry.advance(&one.name, number, &request, by, &desk.checks());
    let (state, head) = moved.map_err(|refusal| failed(&refusal))?;
    let said = json!({ "name": one.name, "version": one.version, "state": state, "head": head });
    desk.say(
        "models_advance",
        &said,
        &format!("{} {} is {state}; head {}: {}", one.name, one.version, head.seq, head.hash),
    )
}

fn point(desk: &Desk<'_>, one: &One, to: &str, (who, forward): (&Who, bool)) -> Outcome {
    let (to, number) = (alias(to)?, version(&one.version)?);
    let by = By { actor: &who.actor, reason: &who.reason, evidence: &[] };
    let moved = if forward {
        desk.registry.promote(&one.name, to, number, by, &desk.checks())
    } else {
        desk.registry.roll_back(&one.name, to, number, by, &desk.checks())
    };
    let head = moved.map_err(|refusal| failed(&refusal))?;
    let kind = if forward { "models_promote" } else { "models_rollback" };
    let said = json!({ "name": one.name, "version": one.version, "alias": to, "head": head });
    desk.say(kind, &said, &format!("{to} of {} is {number}; head {}: {}", one.name, head.seq, head.hash))
}

fn export(desk: &Desk<'_>, one: &One, out: &Path, also: Option<&Path>) -> Outcome {
    let also = also.map(signing_key).transpose()?;
    let pair = (one.name.as_str(), version(&one.version)?);
    let done = desk.registry.export(pair, out, &desk.checks(), also.as_ref()).map_err(|refusal| failed(&refusal))?;
    let text = match &done.also {
        Some(sig) => format!("{}\n{}", done.folder.display(), sig.display()),
        None => done.folder.display().to_string(),
    };
    desk.say("models_export", &value(&done)?, &text)
}
