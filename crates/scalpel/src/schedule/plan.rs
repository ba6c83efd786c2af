//! A plan: what is retrained when, and where it goes. All that is wrong with one is told together.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::Failure;
use crate::learn_arguments::millis;
use crate::limits;

/// A plan that makes sense.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    pub(crate) name: String,
    pub(crate) work: PathBuf,
    pub(crate) ticks: Vec<PathBuf>,
    pub(crate) leader: Vec<PathBuf>,
    /// Words of `learn dataset`, `learn train` and `learn validate`, each a flag and its value.
    pub(crate) dataset: Vec<String>,
    pub(crate) train: Vec<String>,
    pub(crate) validate: Vec<String>,
    pub(crate) when: When,
    /// The journal of the desk whose drift makes a round due.
    pub(crate) journal: Option<PathBuf>,
    pub(crate) registry: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) kek: String,
    pub(crate) actor: String,
    pub(crate) alias: registry::Alias,
}

/// When a round is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// So many seconds after the round before began.
    Every(i64),
    /// At this second of the week, from Monday 00:00 UTC.
    Weekly(i64),
}

const WEEK: i64 = 7 * 86_400;
/// 1970-01-05 was a Monday.
const MONDAY: i64 = 4 * 86_400;

impl When {
    /// The first second after `last` at which a round is due.
    pub(crate) fn after(self, last: i64) -> i64 {
        match self {
            Self::Every(seconds) => last.saturating_add(seconds),
            Self::Weekly(at) => {
                let week = (last - MONDAY - at).div_euclid(WEEK) + 1;
                week * WEEK + MONDAY + at
            }
        }
    }

    fn weekly(text: &str) -> Option<Self> {
        let (day, time) = text.split_once(' ')?;
        let day = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].iter().position(|known| *known == day)? as i64;
        let (hour, minute) = time.split_once(':')?;
        let number =
            |text: &str, most: i64| text.parse::<i64>().ok().filter(|n| (0..most).contains(n) && text.len() == 2);
        Some(Self::Weekly(day * 86_400 + number(hour, 24)? * 3_600 + number(minute, 60)? * 60))
    }
}

/// Takes keys out of the text and gathers what is wrong.
struct Reader {
    table: Table,
    faults: Vec<String>,
}

impl Reader {
    fn text(&mut self, key: &str) -> Option<String> {
        match self.table.remove(key)? {
            Value::String(text) if !text.trim().is_empty() => Some(text),
            _ => self.fault(key, "must be a text that is not empty"),
        }
    }

    fn fault<T>(&mut self, key: &str, what: &str) -> Option<T> {
        self.faults.push(format!("{key}: {what}"));
        None
    }

    fn needed(&mut self, key: &str) -> String {
        if !self.table.contains_key(key) {
            self.faults.push(format!("{key}: is missing"));
        }
        self.text(key).unwrap_or_default()
    }

    /// A file that must be there.
    fn file(&mut self, key: &str, path: &str) -> PathBuf {
        if !path.is_empty() && !Path::new(path).is_file() {
            self.faults.push(format!("{key}: there is no file {path}"));
        }
        PathBuf::from(path)
    }

    /// The files that patterns match, in order.
    fn files(&mut self, key: &str, is_needed: bool) -> Vec<PathBuf> {
        let patterns = match self.table.remove(key) {
            None if !is_needed => return Vec::new(),
            None => return self.fault(key, "is missing").unwrap_or_default(),
            Some(Value::String(one)) => vec![Value::String(one)],
            Some(Value::Array(all)) => all,
            Some(_) => return self.fault(key, "must be a list of paths or patterns").unwrap_or_default(),
        };
        let mut found = Vec::new();
        for pattern in patterns {
            let text = pattern.as_str().unwrap_or_default().to_owned();
            let matched = glob::glob(&text).map(|paths| paths.filter_map(Result::ok).collect::<Vec<_>>());
            match matched {
                Ok(paths) if !text.is_empty() && !paths.is_empty() => found.extend(paths),
                Ok(_) => self.faults.push(format!("{key}: nothing matches {pattern}")),
                Err(error) => self.faults.push(format!("{key}: {text}: {error}")),
            }
        }
        found
    }

    /// Appends a flag and its value, when the key is there; `check` says what is wrong with it.
    fn flag(&mut self, key: &str, words: &mut Vec<String>, check: impl Fn(&Value) -> Result<String, &'static str>) {
        let Some(value) = self.table.remove(key) else { return };
        match check(&value) {
            Ok(text) => words.extend([format!("--{}", key.replace('_', "-")), text]),
            Err(what) => self.faults.push(format!("{key}: {what}")),
        }
    }
}

fn number(value: &Value) -> Result<String, &'static str> {
    let found = value.as_float().or_else(|| value.as_integer().map(|n| n as f64));
    found.filter(|x| x.is_finite() && *x >= 0.0).map(|x| x.to_string()).ok_or("must be a number, not negative")
}

fn whole(value: &Value) -> Result<String, &'static str> {
    value.as_integer().filter(|n| *n >= 0).map(|n| n.to_string()).ok_or("must be a whole number, not negative")
}

fn size(value: &Value) -> Result<String, &'static str> {
    let text = value.as_str().filter(|text| limits::size(text).is_some());
    text.map(str::to_owned).ok_or("write \"2GiB\" or \"500MB\"")
}

fn time(value: &Value) -> Result<String, &'static str> {
    let text = value.as_str().filter(|text| millis(text).is_some());
    text.map(str::to_owned).ok_or("write \"1d\", \"12h\" or \"30min\"")
}

impl Plan {
    /// Reads a plan and looks whether what it names is there.
    ///
    /// # Errors
    /// Everything that is missing or malformed, together.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| Failure::Usage(format!("{shown}: {error}")))?;
        let table: Table = text.parse().map_err(|error| Failure::Usage(format!("{shown}: {error}")))?;
        let mut reader = Reader { table, faults: Vec::new() };
        let plan = Self::of(&mut reader);
        let unknown: Vec<String> = reader.table.keys().map(|key| format!("{key}: is no key of a plan")).collect();
        reader.faults.extend(unknown);
        if reader.faults.is_empty() {
            return Ok(plan);
        }
        let lines: Vec<String> = reader.faults.iter().map(|fault| format!("  {fault}")).collect();
        Err(Failure::Usage(format!("{shown} cannot be used:\n{}", lines.join("\n"))))
    }

    fn of(reader: &mut Reader) -> Self {
        if reader.table.remove("version").and_then(|value| value.as_integer()) != Some(1) {
            reader.faults.push("version: must be 1".into());
        }
        let name = reader.needed("name");
        if !name.is_empty() && !registry::manifest::named(&name) {
            reader.faults.push("name: must be 1 to 64 of a-z 0-9 . _ -, beginning with a letter or digit".into());
        }
        let [dataset, train, validate] = Self::words(reader);
        let when = Self::when(reader);
        let (work, key, kek) = (reader.needed("work"), reader.needed("key"), reader.needed("kek"));
        let alias = reader.text("alias").unwrap_or_else(|| "challenger".into());
        let found = registry::Alias::parse(&alias);
        let found = found.filter(|found| matches!(found, registry::Alias::Challenger | registry::Alias::Shadow));
        let alias = found.or_else(|| reader.fault("alias", "must be challenger or shadow"));
        Self {
            name,
            work: work.into(),
            ticks: reader.files("ticks", true),
            leader: reader.files("leader", false),
            dataset,
            train,
            validate,
            when,
            journal: reader.text("journal").map(PathBuf::from),
            registry: reader.needed("registry").into(),
            key: reader.file("key", &key),
            kek,
            actor: reader.text("actor").unwrap_or_else(|| "scalpel learn schedule".into()),
            alias: alias.unwrap_or(registry::Alias::Challenger),
        }
    }

    /// The words of `learn dataset`, `learn train` and `learn validate`.
    fn words(reader: &mut Reader) -> [Vec<String>; 3] {
        let symbol = reader.needed("symbol");
        let mut dataset = vec!["--symbol".to_owned(), symbol];
        for key in ["config", "spec"] {
            if let Some(path) = reader.table.get(key).and_then(Value::as_str).map(str::to_owned) {
                reader.file(key, &path);
            }
        }
        let text = |value: &Value| value.as_str().map(str::to_owned).ok_or("must be a text");
        for key in ["config", "class", "zone", "source"] {
            reader.flag(key, &mut dataset, text);
        }
        for key in ["target", "stop", "horizon", "commission"] {
            reader.flag(key, &mut dataset, number);
        }
        if let Some(value) = reader.table.remove("row_every") {
            match number(&value) {
                Ok(text) => dataset.extend(["--every".to_owned(), text]),
                Err(what) => reader.faults.push(format!("row_every: {what}")),
            }
        }
        let (mut train, mut validate) = (Vec::new(), Vec::new());
        reader.flag("spec", &mut train, text);
        if train.is_empty() {
            train.push("--no-net".into());
        }
        let mut shared = Vec::new();
        reader.flag("threads", &mut shared, whole);
        reader.flag("memory", &mut shared, size);
        dataset.extend(shared.iter().skip_while(|word| *word != "--memory").cloned());
        train.extend(shared.clone());
        validate.extend(shared);
        for key in ["groups", "tests"] {
            reader.flag(key, &mut validate, whole);
        }
        for key in ["cadence", "rolling"] {
            reader.flag(key, &mut validate, time);
        }
        [dataset, train, validate]
    }

    fn when(reader: &mut Reader) -> When {
        let (every, weekly) = (reader.text("every"), reader.text("weekly"));
        let found = match (&every, &weekly) {
            (Some(every), None) => {
                let seconds = millis(every).map(|millis| millis / 1_000).filter(|seconds| *seconds > 0);
                let found = seconds.map(When::Every);
                found.or_else(|| reader.fault("every", "write \"24h\" or \"7d\""))
            }
            (None, Some(weekly)) => When::weekly(weekly).or_else(|| reader.fault("weekly", "write \"Sun 22:00\", UTC")),
            _ => reader.fault("every", "or weekly must be there, and one of them only"),
        };
        found.unwrap_or(When::Every(86_400))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_week_by_hand() {
        let sunday = When::weekly("Sun 22:00").unwrap();
        // 2014-05-04 was a Sunday; 22:00 UTC is 1399240800.
        assert_eq!(sunday.after(1_399_240_799), 1_399_240_800);
        assert_eq!(sunday.after(1_399_240_800), 1_399_240_800 + WEEK);
        assert_eq!(When::Every(60).after(5), 65);
        for bad in ["Sun", "Sun 24:00", "sunday 10:00", "Mon 1:00", "Mon 10:60"] {
            assert_eq!(When::weekly(bad), None, "{bad}");
        }
    }

    #[test]
    fn all_faults_are_told_together() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.toml");
        std::fs::write(
            &path,
            "version = 2\nname = \"A b\"\nevery = \"1 day\"\nmemory = 7\ntarget = -1\nkey = \"none\"\nwhat = 1\n",
        )
        .unwrap();
        let Err(Failure::Usage(text)) = Plan::read(&path) else { panic!("a plan") };
        let words = ["version: must", "name: must", "every: write", "memory: write", "target: must", "no file none"];
        let missing =
            ["symbol: is missing", "ticks: is missing", "kek: is missing", "registry: is missing", "work: is"];
        for word in words.iter().chain(&missing).chain(&["what: is no key"]) {
            assert!(text.contains(word), "{word} in {text}");
        }
    }
}
