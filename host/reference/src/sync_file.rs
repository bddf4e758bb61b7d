//! The sync file: which rows go where, and how fast. Read once, into types.
//!
//! All faults of a file are found in one pass and told together, the plugin's own among them: [`Draft`] is a file that
//! was read but not yet judged by the plugin, [`Draft::finish`] turns it into a [`SyncFile`] or into every fault there
//! is. What `[destination]` means is the plugin's to say; nothing here knows a key of it.

mod database;
mod defaults;
mod destination;
mod dialect;
pub mod expression;
mod glob;
mod outcomes;
mod schema;
mod section;
mod source;
mod state;
mod target;
pub mod threshold;
mod variables;

#[cfg(test)]
mod tests;

use std::env::VarError;
use std::fmt;
use std::io::Read;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

pub use self::database::DatabaseSpec;
#[cfg(feature = "adbc")]
pub(crate) use self::database::is_manifest;
pub use self::defaults::DEFAULTS;
use self::defaults::{Defaults, Origins};
pub use self::destination::{Destination, Mapping};
pub use self::dialect::{CsvDialect, Encoding};
pub use self::glob::Glob;
pub use self::outcomes::OutcomeTable;
pub use self::schema::schema;
use self::section::Section;
pub use self::source::{Adbc, Computed, Input, OnError, SourceSpec};
pub use self::state::{StatePlace, StateSpec};
pub use self::target::{CompleteAfter, TargetConfig, sync_name};
use crate::fault::Fault;
use crate::sync_file::threshold::Threshold;
use destination_engine::redaction::{HIDDEN, Redaction};

/// Bytes of a sync file, or of a query in a file of its own.
const MOST_BYTES: u64 = 4 << 20;
/// Workers of a run that says nothing else. Four keep one connection each busy without bursts.
const DEFAULT_CONCURRENCY: u32 = 4;
/// More workers than this cannot be fed by one flow of rows.
const MOST_CONCURRENCY: u32 = 64;
/// Up to this many rejected rows never stop a run: fewer are a matter of some rows, not of all.
const DEFAULT_REJECTED: u32 = 1000;
/// The same where each row is a request of its own: a mistake that all rows share costs under a hundred requests, as it does otherwise.
const DEFAULT_REJECTED_ALONE: u32 = 50;
/// Up to this share of the rows never stops a run by being rejected.
const DEFAULT_REJECTED_RATIO: f64 = 0.5;
/// Up to this many removals are never held back.
const DEFAULT_REMOVALS: u32 = 10;
/// Up to this part of the known members is never held back.
const DEFAULT_REMOVAL_RATIO: f64 = 0.1;

/// Where `${VAR}` finds its value: the process's environment, or a table of the embedder's.
pub type Lookup<'a> = dyn Fn(&str) -> Result<String, VarError> + 'a;

/// A sync that can be run.
#[derive(Debug, Clone)]
pub struct SyncFile {
    /// Names the sync, and with it its state.
    pub name: SyncName,
    /// The syncs that it goes after where several run together; `None` where the file leaves it to the plugin's order.
    pub after: Option<Vec<SyncName>>,
    /// The plugin's config.
    pub destination: Destination,
    /// Where the rows come from.
    pub source: SourceSpec,
    /// Columns that are made from others before rows are mapped.
    pub computed: Vec<Computed>,
    /// How fast they may go.
    pub limits: Limits,
    /// What is remembered between runs.
    pub state: StateSpec,
    /// The way to the destination.
    pub network: Network,
    /// The table that is told what happened to each row.
    pub outcomes: Option<OutcomeTable>,
    /// The values that took the place of `${VARIABLES}`: no output shows them.
    pub secrets: Redaction,
}

/// A sync's name: letters, digits, `-`, `_` and `.`, at most 64, beginning with a letter or digit. It is part of a
/// file's name, on every platform.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SyncName(String);

/// How fast a run may be, and when it is to stop. What the file leaves open is the plugin's to say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Requests a second, for all workers together.
    pub requests_per_second: Rate,
    /// Requests a minute, for all workers together.
    pub requests_per_minute: Rate,
    /// Records a minute, for all workers together: some plans count each record of a request. No plugin knows of one.
    pub records_per_minute: Option<NonZeroU32>,
    /// Batches under way at the same time.
    pub concurrency: u32,
    /// Rejected rows that stop a run: where so many are, the rest most likely would be too.
    pub max_rejected: MaxRejected,
}

/// Rejected rows that stop a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MaxRejected {
    /// A number that is never too much; where none is set, it depends on what a row costs.
    pub count: Option<u32>,
    /// A share of the rows so far, from 0 to 1, that is never too much.
    pub ratio: f64,
}

impl MaxRejected {
    /// The limit of a run in which each row is a request of its own (`alone`), or not.
    #[must_use]
    pub fn threshold(self, alone: bool) -> Threshold {
        let default = if alone { DEFAULT_REJECTED_ALONE } else { DEFAULT_REJECTED };
        Threshold { count: self.count.unwrap_or(default), ratio: self.ratio }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests_per_second: Rate::PluginDefault,
            requests_per_minute: Rate::PluginDefault,
            records_per_minute: None,
            concurrency: DEFAULT_CONCURRENCY,
            max_rejected: MaxRejected { count: None, ratio: DEFAULT_REJECTED_RATIO },
        }
    }
}

/// A number of requests in a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// What the plugin's descriptor says.
    PluginDefault,
    /// No limit: for a server of one's own.
    Unlimited,
    /// At most this many.
    AtMost(NonZeroU32),
}

/// The way to the destination. Proxies are the environment's to name (`HTTPS_PROXY`, `NO_PROXY`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Network {
    /// Files of certificates (PEM) that are trusted beside the system's.
    pub ca_files: Vec<PathBuf>,
}

/// A mirror holds its removals back where there are more than `count` and more than `ratio` of the known members.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MaxRemovals {
    /// Removals that are never too many.
    pub count: u32,
    /// Part of the known members, from 0 to 1, that is never too large.
    pub ratio: f64,
    /// Where it is there, all removals of so much time count together, beside those of one run.
    pub per: Option<Period>,
}

impl MaxRemovals {
    /// The two numbers that removals must both exceed to be withheld.
    pub(crate) fn threshold(&self) -> Threshold {
        Threshold { count: self.count, ratio: self.ratio }
    }
}

/// A length of time, as a sync file writes it: `90m`, `24h`, `7d`, `2w`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// Its length in seconds.
    pub seconds: u32,
}

/// A sync file that was read, before the plugin has judged its part. What has a fault of its own is `None`.
#[derive(Debug)]
pub struct Draft {
    name: Option<SyncName>,
    after: Option<Vec<SyncName>>,
    destination: Destination,
    source: Option<SourceSpec>,
    computed: Vec<Computed>,
    limits: Limits,
    state: Option<StateSpec>,
    network: Network,
    outcomes: Option<OutcomeTable>,
    secrets: Redaction,
    faults: Vec<Fault>,
    /// Paths of strings whose variables could not be replaced. What stands there is not what the user meant.
    unexpanded: Vec<String>,
    /// Which values are the defaults'.
    origins: Origins,
}

impl SyncName {
    /// A name, or what is wrong with it.
    pub fn new(name: &str) -> Result<Self, String> {
        let length = name.chars().count();
        if length == 0 || length > 64 {
            return Err(format!("has {length} characters; 1 to 64 are allowed"));
        }
        if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            return Err(format!("is {name:?}; it must begin with a letter or digit (a-z, A-Z, 0-9)"));
        }
        match name.chars().find(|&c| !(c.is_ascii_alphanumeric() || "-_.".contains(c))) {
            Some(c) => Err(format!("is {name:?}; {c:?} is not among letters, digits, `-`, `_` and `.`")),
            None => Ok(Self(name.to_owned())),
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SyncName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Period {
    /// The units, the largest first: a letter, a word and the seconds of one.
    const UNITS: [(char, &str, u32); 4] =
        [('w', "week", 7 * 86_400), ('d', "day", 86_400), ('h', "hour", 3_600), ('m', "minute", 60)];

    /// A whole number above 0 and a unit's letter. `None` for anything else, and for more than ten years.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        const MOST: u32 = 3_650 * 86_400;
        let (_, _, unit) = Self::UNITS.into_iter().find(|(letter, ..)| text.ends_with(*letter))?;
        let digits = text.get(..text.len().checked_sub(1)?)?;
        let number: u32 = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())??;
        let seconds = number.checked_mul(unit).filter(|seconds| (1..=MOST).contains(seconds))?;
        Some(Self { seconds })
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = Self::UNITS.into_iter().find(|(.., unit)| self.seconds.is_multiple_of(*unit));
        let (_, word, unit) = fits.unwrap_or(('s', "second", 1));
        let number = self.seconds / unit;
        write!(f, "{number} {word}{}", if number == 1 { "" } else { "s" })
    }
}

impl Default for MaxRemovals {
    fn default() -> Self {
        Self { count: DEFAULT_REMOVALS, ratio: DEFAULT_REMOVAL_RATIO, per: None }
    }
}

impl Draft {
    /// Reads the file at `path`, with variables from the process's environment and what [`DEFAULTS`] beside it says. Its
    /// directory is the base of all relative paths in both.
    pub fn open(path: &Path) -> Result<Self, Vec<Fault>> {
        let base = path.parent().unwrap_or(Path::new(""));
        let text = read_text(path).map_err(|message| vec![Fault::new("", message)])?;
        let defaults = defaults::beside(path)?;
        Self::read(&text, defaults, base, &|name| std::env::var(name))
    }

    /// Reads a file's text. Fails only where it is no TOML at all; every other fault waits for [`Self::finish`].
    pub fn parse(text: &str, base: &Path, lookup: &Lookup<'_>) -> Result<Self, Vec<Fault>> {
        Self::read(text, None, base, lookup)
    }

    fn read(text: &str, defaults: Option<Defaults>, base: &Path, lookup: &Lookup<'_>) -> Result<Self, Vec<Fault>> {
        let mut table: Table = text.parse().map_err(|error| vec![syntax_fault(text, &error)])?;
        let mut faults = Vec::new();
        let origins = defaults.map(|defaults| defaults.fill(&mut table)).unwrap_or_default();
        let mut values = Vec::new();
        expand_table(&mut table, "", &mut |text, path| match variables::expand(text, lookup, &mut values) {
            Ok(expanded) => *text = expanded,
            Err(error) => faults.push(Fault::new(path, error.to_string()).hint(error.hint())),
        });
        let unexpanded = faults.iter().map(|fault| fault.path.clone()).collect();

        let mut root = Section::root(table, &mut faults);
        let name = read_name(&mut root);
        let after = read_after(&mut root);
        let destination = root.table("destination");
        if destination.is_none() {
            root.fault("destination", "is required", "add a [destination] table with the plugin's settings");
        }
        let (source, computed) = source::read(root.section("source"), base);
        let limits = read_limits(root.section("limits"));
        let state = state::read(root.section("state"), base, name.as_ref());
        // One that stands in the file itself has no name to be shown by.
        let written = state.iter().flat_map(StateSpec::secrets).map(|secret| (HIDDEN.to_owned(), secret));
        values.extend(written);
        let secrets = Redaction::of(values.iter().map(|(shown, value)| (value.as_str(), shown.as_str())));
        let network = read_network(root.section("network"), base);
        let outcomes = outcomes::read(&mut root, base);
        root.finish();
        let destination = Destination::from_toml(destination.unwrap_or_default(), &mut faults);
        Ok(Self {
            name,
            after,
            destination,
            source,
            computed,
            limits,
            state,
            network,
            outcomes,
            secrets,
            faults,
            unexpanded,
            origins,
        })
    }

    /// The plugin's config as JSON. It holds secrets.
    pub fn destination(&self) -> &Destination {
        &self.destination
    }

    /// Where the rows come from, where the file says it without a fault.
    pub fn source(&self) -> Option<&SourceSpec> {
        self.source.as_ref()
    }

    /// Columns that are made from others, those that the file says without a fault.
    pub fn computed(&self) -> &[Computed] {
        &self.computed
    }

    /// The values that took the place of `${VARIABLES}`: no output shows them.
    pub fn secrets(&self) -> &Redaction {
        &self.secrets
    }

    /// The name and state of a file whose other parts may have faults: to look at a state, no key is needed.
    pub fn state(self) -> Result<(SyncName, StateSpec), Vec<Fault>> {
        match (self.name, self.state) {
            (Some(name), Some(state)) => Ok((name, state)),
            _ => Err(self.origins.tell(self.faults)),
        }
    }

    /// Adds faults that others found. Those of a value whose variable is missing are dropped: the variable is the fault.
    pub fn add_faults(&mut self, faults: impl IntoIterator<Item = Fault>) {
        let unexpanded = &self.unexpanded;
        self.faults.extend(faults.into_iter().filter(|fault| !unexpanded.contains(&fault.path)));
    }

    /// The sync, or all faults that were found.
    pub fn finish(self) -> Result<SyncFile, Vec<Fault>> {
        let Self {
            name,
            after,
            destination,
            source,
            computed,
            limits,
            state,
            network,
            outcomes,
            secrets,
            faults,
            origins,
            ..
        } = self;
        match (name, source, state) {
            (Some(name), Some(source), Some(state)) if faults.is_empty() => {
                Ok(SyncFile { name, after, destination, source, computed, limits, state, network, outcomes, secrets })
            }
            _ => Err(origins.tell(faults)),
        }
    }
}

/// A text that a person wrote, from a file that may be anything.
fn read_text(path: &Path) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("cannot be read: {error}");
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    let read = file.take(MOST_BYTES + 1).read_to_string(&mut text).map_err(failed)?;
    if read as u64 > MOST_BYTES {
        return Err(format!("is larger than {} MiB, which nobody wrote by hand", MOST_BYTES >> 20));
    }
    Ok(text)
}

fn read_name(root: &mut Section<'_>) -> Option<SyncName> {
    let text = root.required_string("name", "\"my-sync\"")?;
    match SyncName::new(&text) {
        Ok(name) => Some(name),
        Err(message) => {
            root.fault("name", message, "it names the state of the sync: crm-profiles");
            None
        }
    }
}

fn read_after(root: &mut Section<'_>) -> Option<Vec<SyncName>> {
    let names = root.strings("after")?;
    let mut read = Vec::new();
    for name in &names {
        match SyncName::new(name) {
            Ok(name) => read.push(name),
            Err(message) => root.fault("after", message, "write the names of other syncs: [\"crm-profiles\"]"),
        }
    }
    Some(read)
}

fn read_limits(mut section: Section<'_>) -> Limits {
    let default = Limits::default();
    let requests_per_second = section.rate("requests_per_second").unwrap_or(Rate::PluginDefault);
    let records_per_minute = section.rate("records_per_minute");
    let requests_per_minute = match (section.rate("requests_per_minute"), section.rate("messages_per_minute")) {
        (Some(_), Some(_)) => {
            section.fault(
                "messages_per_minute",
                "is the former name of requests_per_minute, which is there too",
                "delete one of the two",
            );
            Rate::PluginDefault
        }
        (rate, alias) => rate.or(alias).unwrap_or(Rate::PluginDefault),
    };
    let concurrency = section.whole("concurrency", 1..=MOST_CONCURRENCY).unwrap_or(default.concurrency);
    let mut rejected = section.section("max_rejected");
    let max_rejected = MaxRejected {
        count: rejected.whole("count", 0..=u32::MAX),
        ratio: rejected.ratio("ratio").unwrap_or(default.max_rejected.ratio),
    };
    rejected.finish();
    section.finish();
    let records_per_minute = match records_per_minute {
        Some(Rate::AtMost(most)) => Some(most),
        Some(Rate::Unlimited | Rate::PluginDefault) | None => None,
    };
    Limits { requests_per_second, requests_per_minute, records_per_minute, concurrency, max_rejected }
}

fn read_removals(section: &mut Section<'_>) -> MaxRemovals {
    let mut removals = section.section("max_removals");
    let default = MaxRemovals::default();
    let max_removals = MaxRemovals {
        count: removals.whole("count", 0..=u32::MAX).unwrap_or(default.count),
        ratio: removals.ratio("ratio").unwrap_or(default.ratio),
        per: removals.period("per"),
    };
    removals.finish();
    max_removals
}

fn read_network(mut section: Section<'_>, base: &Path) -> Network {
    let ca_files = section.strings("ca_files").unwrap_or_default();
    section.finish();
    Network { ca_files: ca_files.iter().map(|file| base.join(file)).collect() }
}

/// Visits every string in a table, with its path.
fn expand_table(table: &mut Table, path: &str, expand: &mut dyn FnMut(&mut String, &str)) {
    for (key, value) in table.iter_mut() {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        expand_value(value, &path, expand);
    }
}

fn expand_value(value: &mut Value, path: &str, expand: &mut dyn FnMut(&mut String, &str)) {
    match value {
        Value::String(text) => expand(text, path),
        Value::Array(list) => {
            for (index, value) in list.iter_mut().enumerate() {
                expand_value(value, &format!("{path}[{index}]"), expand);
            }
        }
        Value::Table(table) => expand_table(table, path, expand),
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => {}
    }
}

/// Says where the text stops being TOML. The line itself is not shown: it may hold a key.
fn syntax_fault(text: &str, error: &toml::de::Error) -> Fault {
    let place = error.span().and_then(|span| text.get(..span.start)).map(|before| {
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        format!("line {line}, column {column}: ")
    });
    Fault::new("", format!("is not valid TOML: {}{}", place.unwrap_or_default(), error.message().trim()))
}
