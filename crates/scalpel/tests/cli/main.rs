//! The program as its users meet it: the real binary, real files, exit codes, text and JSON.
//!
//! `asking` what is asked and refused   `runs` backtests      `data` inspect and import
//! `journals` verify, replay, explain   `crashes` killed runs, full disks
//! `models` the registry               `learning` from ticks to a seated model
//! `rollout` news, challengers, canaries
//! `validation` is a training worth anything, and retraining by a schedule

#[cfg(test)]
mod asking;
#[cfg(test)]
mod crashes;
#[cfg(test)]
mod data;
#[cfg(test)]
mod journals;
#[cfg(test)]
mod learning;
#[cfg(test)]
mod models;
#[cfg(test)]
mod rollout;
#[cfg(test)]
mod runs;
#[cfg(test)]
mod validation;

#[cfg(test)]
pub(crate) mod program {
    use std::path::{Path, PathBuf};
    use std::process::{Command, Output};

    use serde_json::Value;

    /// What a run of the program left.
    #[derive(Debug)]
    pub(crate) struct Ran {
        pub(crate) code: Option<i32>,
        pub(crate) out: String,
        pub(crate) err: String,
    }

    impl Ran {
        pub(crate) fn of(output: Output) -> Self {
            let text = |bytes| String::from_utf8(bytes).unwrap();
            let ran = Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) };
            assert!(!ran.err.contains("panicked"), "{ran:?}");
            // Neither is a terminal.
            assert!(!ran.err.contains('\u{1b}') && !ran.out.contains('\u{1b}'), "{ran:?}");
            ran
        }

        /// Checks the exit code and that the complaint, or the output of a success, has these words.
        #[track_caller]
        pub(crate) fn expect(self, code: i32, words: &[&str]) -> Self {
            assert_eq!(self.code, Some(code), "{self:?}");
            let said = if code == 0 { &self.out } else { &self.err };
            for word in words {
                assert!(said.contains(word), "{word} in {self:?}");
            }
            self
        }

        /// Standard output as the one JSON object that it is, valid by its schema.
        #[track_caller]
        pub(crate) fn json(&self, schema: &str) -> Value {
            let object: Value = serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {self:?}"));
            let path = root().join("docs/formats").join(format!("{schema}.schema.json"));
            let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
            let validator = jsonschema::validator_for(&schema).unwrap();
            let faults: Vec<String> =
                validator.iter_errors(&object).map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
            assert!(faults.is_empty(), "{faults:#?}");
            object
        }
    }

    pub(crate) fn command(folder: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scalpel"));
        command.current_dir(folder).args(arguments);
        command
    }

    pub(crate) fn scalpel(folder: &Path, arguments: &[&str]) -> Ran {
        Ran::of(command(folder, arguments).output().unwrap())
    }

    pub(crate) fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
    }

    /// Bundled days of a feed, `01` for 2014-05-01.
    pub(crate) fn ticks(feed: &str, days: &[&str]) -> Vec<String> {
        let folder = root().join("data/ticks").join(format!("{feed}-EURUSD"));
        days.iter().map(|day| folder.join(format!("201405{day}.csv.zst")).display().to_string()).collect()
    }

    pub(crate) const DAYS: [&str; 8] = ["01", "02", "04", "05", "06", "07", "08", "09"];

    /// `backtest` of files into `run`, with more arguments.
    pub(crate) fn backtest<'a>(files: &'a [String], more: &[&'a str]) -> Vec<&'a str> {
        let mut arguments = vec!["backtest", "--symbol", "EURUSD", "--out", "run", "--quick", "--ticks"];
        arguments.extend(files.iter().map(String::as_str));
        arguments.extend(more);
        arguments
    }

    /// One bundled day replayed into `run` of a new folder: enough trades to look at, in half a second.
    pub(crate) fn one_day() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        scalpel(folder.path(), &backtest(&ticks("oanda", &["01"]), &[])).expect(0, &["VERDICT"]);
        folder
    }

    pub(crate) fn read(folder: &Path, name: &str) -> String {
        std::fs::read_to_string(folder.join(name)).unwrap()
    }

    /// The hash at a journal's head, when the journal is whole and closed.
    pub(crate) fn head(folder: &Path) -> String {
        let ran = scalpel(folder, &["journal", "verify", "run/session.journal", "--json"]).expect(0, &[]);
        ran.json("journal-verify")["head"].as_str().unwrap().to_owned()
    }
}
