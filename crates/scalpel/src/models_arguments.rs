//! What can be asked of `scalpel models`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

const CYCLE: &str = "A model's way:
  scalpel models init --owner Ada --key ada.key --kek-file ada.kek
  scalpel models sign my-model --key ada.key
  scalpel models import my-model --key ada.key --kek file:ada.kek
  scalpel models verify flow 1.0.0 --kek file:ada.kek
  scalpel models advance flow 1.0.0 validate --evidence measured.json --actor Ada --reason \"walk-forward of May\" --kek file:ada.kek
  scalpel models promote flow 1.0.0 champion --actor Ada --reason \"better by 4 points\" --kek file:ada.kek

docs/formats/registry.md says what lies where and what is checked.";

/// Where the registry lies, and what opens it.
#[derive(Args)]
pub(crate) struct At {
    /// Folder of the registry
    #[arg(long, value_name = "DIR", default_value = "registry")]
    pub(crate) registry: PathBuf,
    /// SHA-256 of trust/keys.json, as `models init` printed it: another file is refused
    #[arg(long, value_name = "HEX")]
    pub(crate) trust: Option<String>,
    /// Print one JSON object on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

/// What opens the blobs.
#[derive(Args)]
pub(crate) struct Opens {
    /// Wrapping keys, `file:PATH` or `env:NAME`; the first one seals. A locked file asks `SCALPEL_PASSPHRASE`
    #[arg(long, value_name = "REF", required = true, num_args = 1)]
    pub(crate) kek: Vec<String>,
}

/// Where models that a run names lie, and what opens them.
#[derive(Args)]
pub(crate) struct Kept {
    /// Folder of the registry of models that are named NAME@ALIAS
    #[arg(long, value_name = "DIR", requires = "kek")]
    pub(crate) registry: Option<PathBuf>,
    /// SHA-256 of its trust/keys.json: another file is refused
    #[arg(long, value_name = "HEX", requires = "registry")]
    pub(crate) trust: Option<String>,
    /// What opens its blobs, `file:PATH` or `env:NAME`
    #[arg(long, value_name = "REF", num_args = 1, requires = "registry")]
    pub(crate) kek: Vec<String>,
}

/// One version of a model.
#[derive(Args)]
pub(crate) struct One {
    /// The model
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Its version
    #[arg(value_name = "VERSION")]
    pub(crate) version: String,
}

/// Who asks, and why.
#[derive(Args)]
pub(crate) struct Who {
    /// Who asks
    #[arg(long)]
    pub(crate) actor: String,
    /// Why
    #[arg(long)]
    pub(crate) reason: String,
}

/// Whose signatures count.
#[derive(Subcommand)]
pub(crate) enum Trust {
    /// Every key, and the digest to pin them by
    List {
        #[command(flatten)]
        at: At,
    },
    /// Let the signatures of a key count from now on
    Add {
        #[command(flatten)]
        at: At,
        /// The public key, PEM
        #[arg(long, value_name = "FILE")]
        public: PathBuf,
        /// Who holds the private half
        #[arg(long)]
        owner: String,
        /// Days that it counts
        #[arg(long, default_value_t = 365)]
        days: u32,
    },
    /// Let nothing count that a key ever signed
    Revoke {
        #[command(flatten)]
        at: At,
        /// The key, as `trust list` names it
        #[arg(value_name = "KEY")]
        key: String,
        /// Why
        #[arg(long)]
        reason: String,
    },
}

#[derive(Subcommand)]
#[command(after_help = CYCLE)]
pub(crate) enum Models {
    /// Make a registry with a signing key, a wrapping key and a trust store
    Init {
        #[command(flatten)]
        at: At,
        /// Who holds the signing key
        #[arg(long)]
        owner: String,
        /// The signing key to write, PEM; its public half goes beside it with .pub
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// The wrapping key to write; under `SCALPEL_PASSPHRASE` if that is set
        #[arg(long, value_name = "FILE")]
        kek_file: PathBuf,
        /// Sign with P-256, which the `model_signing` tool can verify, and not Ed25519
        #[arg(long)]
        p256: bool,
        /// Days that the signing key counts
        #[arg(long, default_value_t = 365)]
        days: u32,
    },
    /// Every version of every model, verified up to its encrypted files
    List {
        #[command(flatten)]
        at: At,
    },
    /// One version: what it says of itself, and its history
    Show {
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        one: One,
    },
    /// The card of one version
    Card {
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        one: One,
    },
    /// What two versions of a model say differently
    Diff {
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        one: One,
        /// The other version
        #[arg(value_name = "OTHER")]
        other: String,
    },
    /// Sign a folder: manifest.json, golden.jsonl, card.md and the model's files
    Sign {
        /// The folder
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// The signing key, PEM
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// Print one JSON object on stdout
        #[arg(long)]
        json: bool,
    },
    /// Verify a signed folder and register its model as a draft
    Import {
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        opens: Opens,
        /// The folder
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// The key that signs it here, PEM
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
    },
    /// Every check of one version; models of our own are asked their golden questions
    Verify {
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        opens: Opens,
        #[command(flatten)]
        one: One,
    },
    /// Move a version to its next state, if the gates let it
    Advance {
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        opens: Opens,
        #[command(flatten)]
        one: One,
        /// What is asked
        #[arg(value_enum)]
        event: Asked,
        /// What was measured beside its validation (latency, shadow, canary): a JSON object of measure and number. What the
        /// signed manifest says, the verdict above all, is read there
        #[arg(long, value_name = "FILE")]
        evidence: Option<PathBuf>,
        /// Measure latency, domain and parity on the newest rows of this training's dataset, and count them as evidence
        #[arg(long, value_name = "DIR")]
        measure: Option<PathBuf>,
        /// It trades money, not paper
        #[arg(long)]
        live: bool,
        /// Take a missing EDGE on yourself, on paper: --actor and --reason are written down as the override
        #[arg(long, conflicts_with = "live")]
        override_edge: bool,
        #[command(flatten)]
        who: Who,
    },
    /// Point an alias at a newer version
    Promote {
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        opens: Opens,
        #[command(flatten)]
        one: One,
        /// champion, challenger, canary or shadow
        #[arg(value_name = "ALIAS")]
        alias: String,
        #[command(flatten)]
        who: Who,
    },
    /// Point an alias back at a version that it pointed at before
    Rollback {
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        opens: Opens,
        #[command(flatten)]
        one: One,
        /// champion, challenger, canary or shadow
        #[arg(value_name = "ALIAS")]
        alias: String,
        #[command(flatten)]
        who: Who,
    },
    /// Whose signatures count: list, add, revoke
    Trust {
        #[command(subcommand)]
        verb: Trust,
    },
    /// Wrap every blob with the first --kek; name the old ones after it. Contents are not sealed anew
    Rotate {
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        opens: Opens,
    },
    /// Every check of every version, whatever its state; fails when one does not hold
    Rescan {
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        opens: Opens,
    },
    /// Write a version as a folder that other tools verify
    Export {
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        opens: Opens,
        #[command(flatten)]
        one: One,
        /// Where to; the folder NAME-VERSION is made in it
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// A second key that signs the same files into NAME-VERSION.sig, PEM
        #[arg(long, value_name = "FILE")]
        also: Option<PathBuf>,
    },
}

/// What is asked of a version.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Asked {
    /// Draft to validated
    Validate,
    /// Validated to shadow
    ToShadow,
    /// Shadow to canary with 1% of the budget
    ToCanary,
    /// The canary's next share: 5%, 25%
    Step,
    /// Canary to champion
    ToChampion,
    /// Not used any more
    Retire,
    /// Something is wrong with it
    Quarantine,
    /// Take it back from trading
    RollBack,
    /// Quarantined or rolled back to draft
    Release,
}
