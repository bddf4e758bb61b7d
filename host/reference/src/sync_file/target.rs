//! The config of a target in a pipeline that others run: the plugin's keys at the top, the host's own beside them.
//!
//! It is JSON that a runner has written, with its variables in place: nothing is expanded here. Paths are relative to the
//! folder that the runner works in, since the file itself lies in a folder that is gone after the run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json};
use toml::{Table, Value};

use super::section::Section;
use super::{Destination, Limits, Network, StateSpec, SyncName, read_limits, read_network, state};
use crate::fault::Fault;
use crate::report::outcomes::OutcomeFile;
use destination_engine::bindings::Secret;
use destination_engine::redaction::{HIDDEN, Redaction};

/// What stands for a stream's name in a path.
const STREAM: &str = "{stream}";
/// What stands for the name of a stream's run in a path.
const RUN: &str = "{run}";
/// The keys that are the host's own.
const OWN: [&str; 8] =
    ["streams", "limits", "state", "network", "dead_letters", "outcomes", "report", "complete_after"];

/// What says that a table which is read from its beginning has come to its end, so that a mirror may remove what is not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompleteAfter {
    /// ACTIVATE_VERSION behind its last record.
    ActivateVersion,
    /// STATE behind its last record, at the end of the input: for taps that send ACTIVATE_VERSION at the beginning or not at
    /// all. A tap that dies right behind a STATE in the middle of a table looks the same.
    State,
}

/// A target's config, before the plugin has judged its part.
#[derive(Debug, Clone)]
pub struct TargetConfig {
    destination: Destination,
    /// What single streams have in the place of the plugin's keys at the top; `None` where every stream is taken.
    streams: Option<BTreeMap<String, Destination>>,
    /// How fast rows may go.
    pub limits: Limits,
    /// The way to the destination.
    pub network: Network,
    /// When a table is complete, in Singer. Airbyte says so itself.
    pub complete_after: Option<CompleteAfter>,
    /// Where the result of all streams goes as JSON.
    pub report: Option<PathBuf>,
    /// Whether all removals are let through.
    pub allow_removals: bool,
    state: StateSpec,
    dead_letters: Option<PathBuf>,
    outcomes: Option<OutcomeFile>,
}

impl TargetConfig {
    /// Reads a config. Relative paths begin at `base`.
    ///
    /// # Errors
    /// All faults of the host's own keys.
    pub fn from_json(text: &str, base: &Path) -> Result<Self, Vec<Fault>> {
        let read: Map<String, Json> = serde_json::from_str(text).map_err(|error| {
            // serde_json's own words may show a part of the text, and with it a key.
            let place = format!("line {}, column {}", error.line(), error.column());
            vec![Fault::new("", format!("is not a JSON object: it stops being one at {place}"))]
        })?;
        // What a runner has no value for is not set.
        let mut keys: Map<String, Json> = read.into_iter().filter(|(_, value)| !value.is_null()).collect();
        let mut faults = Vec::new();
        let mut own = Table::new();
        for key in OWN {
            if let Some(value) = keys.shift_remove(key).and_then(to_toml) {
                own.insert(key.to_owned(), value);
            }
        }
        let mut root = Section::root(own, &mut faults);
        let destination = Destination::default().with(keys);
        let streams = read_streams(&mut root, &destination);
        let limits = read_limits(root.section("limits"));
        let network = read_network(root.section("network"), base);
        let dead_letters = root.string("dead_letters").map(|path| base.join(path));
        let choices = [("activate_version", CompleteAfter::ActivateVersion), ("state", CompleteAfter::State)];
        let complete_after = root.choice("complete_after", &choices);
        let report = root.string("report").map(|path| base.join(path));
        let outcomes = read_outcomes(&mut root, base);
        let mut section = root.section("state");
        let place = state::read_place(&mut section, base, || Some(format!("{STREAM}.state.sqlite")));
        let allow_removals = section.boolean("allow_removals").unwrap_or_default();
        let state = state::finish(&mut section, place, base);
        section.finish();
        root.finish();
        let Some(state) = state.filter(|_| faults.is_empty()) else { return Err(faults) };
        Ok(Self {
            destination,
            streams,
            limits,
            network,
            complete_after,
            report,
            allow_removals,
            state,
            dead_letters,
            outcomes,
        })
    }

    /// The plugin's config for a stream; `None` where only others are configured.
    pub fn stream(&self, name: &str) -> Option<&Destination> {
        match &self.streams {
            None => Some(&self.destination),
            Some(streams) => streams.get(name),
        }
    }

    /// The names of the streams that are configured by name.
    pub fn stream_names(&self) -> impl Iterator<Item = &str> {
        self.streams.iter().flat_map(BTreeMap::keys).map(String::as_str)
    }

    /// The plugin's configs, each with the name of its stream where there is one.
    pub fn destinations(&self) -> impl Iterator<Item = (Option<&str>, &Destination)> {
        let top = self.streams.is_none().then_some((None, &self.destination));
        let named = self.streams.iter().flatten().map(|(name, destination)| (Some(name.as_str()), destination));
        top.into_iter().chain(named)
    }

    /// What is remembered of a stream's sync between runs, and where.
    pub fn state(&self, sync: &SyncName) -> StateSpec {
        match self.state.file() {
            Some(path) => StateSpec { max_removals: self.state.max_removals, ..StateSpec::at(of_stream(path, sync)) },
            None => self.state.clone(),
        }
    }

    /// Where the rejected rows of a stream go; the file's name holds that of the `run`, so that no run takes another's place.
    pub fn dead_letters(&self, sync: &SyncName, run: &str) -> Option<PathBuf> {
        self.dead_letters.as_ref().map(|folder| folder.join(format!("{sync}.{run}.ndjson")))
    }

    /// Where it is told what happened to each row of a stream.
    pub fn outcomes(&self, sync: &SyncName, run: &str) -> Option<OutcomeFile> {
        let file = self.outcomes.as_ref()?;
        let path = of_stream(file.path(), sync);
        Some(file.at(path.to_str().map_or_else(|| path.clone(), |text| PathBuf::from(text.replace(RUN, run)))))
    }

    /// Whether rejected rows are kept.
    pub fn keeps_rejected_rows(&self) -> bool {
        self.dead_letters.is_some()
    }

    /// The values that no output may show.
    pub fn secrets(&self, secrets: &[Secret]) -> Redaction {
        let values = self
            .destinations()
            .flat_map(|(_, destination)| secrets.iter().filter_map(|secret| destination.text(&secret.config_key)));
        let values: Vec<String> = values.chain(self.state.secrets()).collect();
        Redaction::of(values.iter().map(|value| (value.as_str(), HIDDEN)))
    }
}

/// The name of a stream's sync: the stream's own, or as near to it as the name of a file can be.
pub fn sync_name(stream: &str) -> SyncName {
    if let Ok(name) = SyncName::new(stream) {
        return name;
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let plain: String = stream.chars().take(40).map(|c| if allowed(c) { c } else { '_' }).collect();
    let hash = xxhash_rust::xxh3::xxh3_64(stream.as_bytes());
    SyncName(format!("s{plain}-{hash:016x}"))
}

fn of_stream(path: &Path, sync: &SyncName) -> PathBuf {
    match path.to_str() {
        Some(text) => PathBuf::from(text.replace(STREAM, sync.as_str())),
        None => path.to_owned(),
    }
}

fn read_outcomes(root: &mut Section<'_>, base: &Path) -> Option<OutcomeFile> {
    let path = root.string("outcomes")?;
    if !path.contains(STREAM) {
        root.fault("outcomes", "names one file for all streams", "write {stream} in its name");
        return None;
    }
    match OutcomeFile::new(&base.join(&path)) {
        Ok(file) => Some(file),
        Err(reason) => {
            root.fault("outcomes", format!("{path:?}: {reason}"), "for example outcomes/{stream}.ndjson");
            None
        }
    }
}

fn read_streams(root: &mut Section<'_>, top: &Destination) -> Option<BTreeMap<String, Destination>> {
    let mut streams = BTreeMap::new();
    for (name, value) in root.table("streams")? {
        match (serde_json::to_value(&value), &value) {
            (Ok(Json::Object(keys)), Value::Table(_)) => {
                streams.insert(name, top.with(keys));
            }
            _ => root.fault(
                &format!("streams.{name}"),
                "is no object",
                "write the keys that this stream has in the place of those at the top: {}",
            ),
        }
    }
    Some(streams)
}

/// The same value without the nulls within it, for which TOML has no form.
fn to_toml(json: Json) -> Option<Value> {
    Some(match json {
        Json::Null => return None,
        Json::Bool(boolean) => Value::Boolean(boolean),
        Json::Number(number) => match number.as_i64() {
            Some(integer) => Value::Integer(integer),
            None => Value::Float(number.as_f64()?),
        },
        Json::String(text) => Value::String(text),
        Json::Array(list) => Value::Array(list.into_iter().filter_map(to_toml).collect()),
        Json::Object(keys) => {
            Value::Table(keys.into_iter().filter_map(|(key, value)| Some((key, to_toml(value)?))).collect())
        }
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    fn config(text: &str) -> Result<TargetConfig, String> {
        TargetConfig::from_json(text, Path::new("work"))
            .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    }

    #[test]
    fn the_plugins_keys_stand_at_the_top() {
        let config = config(
            r#"{"api_key": "s3cret", "size": 12345678901234567890, "unset": null, "limits": {"concurrency": 2},
                "state": {"path": "s/{stream}.db", "max_removals": {"count": 3}, "allow_removals": true},
                "dead_letters": "rejected", "outcomes": "told/{stream}.{run}.csv", "report": "report.json"}"#,
        )
        .unwrap();
        let destination = config.stream("any").unwrap();
        assert_eq!(destination.json(), r#"{"api_key":"s3cret","size":12345678901234567890}"#);
        let sync = sync_name("public-people");
        assert_eq!(config.limits.concurrency, 2);
        assert_eq!(config.state(&sync).file(), Some(Path::new("work/s/public-people.db")));
        assert_eq!(config.state(&sync).max_removals.count, 3);
        assert!(config.allow_removals);
        let letters = config.dead_letters(&sync, "r1").unwrap();
        assert_eq!(letters, Path::new("work/rejected/public-people.r1.ndjson"));
        assert_eq!(config.outcomes(&sync, "r1").unwrap().path(), Path::new("work/told/public-people.r1.csv"));
        assert_eq!(config.report.as_deref(), Some(Path::new("work/report.json")));
    }

    #[test]
    fn a_stream_has_its_own_keys_in_the_place_of_the_others() {
        let config = config(r#"{"kind": "a", "key": 1, "streams": {"people": {"kind": "b"}}}"#).unwrap();
        assert_eq!(config.stream("people").unwrap().json(), r#"{"kind":"b","key":1}"#);
        assert!(config.stream("orders").is_none());
        assert_eq!(config.stream_names().collect::<Vec<_>>(), ["people"]);
    }

    #[test]
    fn faults_are_told_by_key_and_without_values() {
        for (text, expected) in [
            ("[]", "is not a JSON object"),
            (r#"{"api_key": "s3cret" oops}"#, "line 1, column 22"),
            (r#"{"limits": {"concurency": 1}}"#, "limits.concurency: is not a known key"),
            (r#"{"state": {"path": 1}}"#, "state.path: is a whole number"),
            (r#"{"streams": {"a": 1}}"#, "streams.a: is no object"),
            (r#"{"outcomes": "told.csv"}"#, "outcomes: names one file for all streams"),
            (r#"{"outcomes": "{stream}.txt"}"#, "must end in .parquet"),
            (r#"{"streams": ["a"]}"#, "streams: is a list"),
        ] {
            let told = config(text).unwrap_err();
            assert!(told.contains(expected) && !told.contains("s3cret"), "{text}: {told}");
        }
    }

    #[test]
    fn any_streams_name_names_a_sync() {
        assert_eq!(sync_name("public-people").as_str(), "public-people");
        let long = "ä".repeat(300);
        for odd in ["a b", "a/b", "", "..", "-x", "🦀", &long] {
            let name = sync_name(odd);
            assert!(SyncName::new(name.as_str()).is_ok(), "{odd}: {name}");
        }
        assert_ne!(sync_name("a b"), sync_name("a/b"));
    }
}
