//! `defaults.toml`: settings that all sync files of a folder share.
//!
//! What a sync file says itself goes first, table by table, down to each single key; a list is one value. A sync file means
//! the same alone and in a run of the whole folder. Name, order and state file are each sync's own: two syncs that share a
//! file by accident would take each other's keys for theirs. A state at a URL may be shared: there each sync has its own.

use std::path::Path;

use toml::{Table, Value};

use super::{read_text, syntax_fault};
use crate::fault::Fault;

/// The file's name.
pub const DEFAULTS: &str = "defaults.toml";

/// What only a sync file itself may say.
const OWN: [(&str, &str); 3] = [
    ("name", "each sync has a name of its own"),
    ("after", "each sync has an order of its own"),
    ("state.path", "each sync has a state file of its own"),
];

/// The settings of a folder.
#[derive(Debug)]
pub(super) struct Defaults(Table);

/// The paths of values that are the defaults', for messages.
#[derive(Debug, Default)]
pub(super) struct Origins(Vec<String>);

/// The defaults in the folder of a sync file, where there are any.
pub(super) fn beside(sync: &Path) -> Result<Option<Defaults>, Vec<Fault>> {
    let path = sync.with_file_name(DEFAULTS);
    if sync.file_name().is_some_and(|name| name == DEFAULTS) {
        let what = "holds what the sync files beside it share; it is not a sync file";
        return Err(vec![Fault::new("", what).hint("name a sync file, or the folder")]);
    }
    match path.try_exists() {
        Ok(false) => return Ok(None),
        Ok(true) => {}
        Err(error) => return Err(vec![Fault::new(DEFAULTS, format!("cannot be looked for: {error}"))]),
    }
    let text = read_text(&path).map_err(|message| vec![Fault::new(DEFAULTS, message)])?;
    Defaults::parse(&text).map(Some)
}

impl Defaults {
    fn parse(text: &str) -> Result<Self, Vec<Fault>> {
        let named = |fault: Fault| Fault { path: format!("{DEFAULTS}: {}", fault.path), ..fault };
        let table: Table = text.parse().map_err(|error| {
            let fault = syntax_fault(text, &error);
            vec![Fault { path: DEFAULTS.to_owned(), ..fault }]
        })?;
        let there = |path: &str| match path.split_once('.') {
            Some((section, key)) => table.get(section).is_some_and(|section| section.get(key).is_some()),
            None => table.contains_key(path),
        };
        let own = OWN.iter().filter(|(path, _)| there(path));
        let faults: Vec<Fault> = own
            .map(|(key, why)| {
                named(Fault::new(*key, format!("can't be shared: {why}")).hint("move it to the sync files"))
            })
            .collect();
        if faults.is_empty() { Ok(Self(table)) } else { Err(faults) }
    }

    /// Adds what a sync file leaves open.
    pub(super) fn fill(mut self, sync: &mut Table) -> Origins {
        let mut origins = Vec::new();
        // A sync that has a file is not where the others are.
        if sync.get("state").is_some_and(|state| state.get("path").is_some())
            && let Some(Value::Table(state)) = self.0.get_mut("state")
        {
            state.remove("url");
            state.remove("lease_seconds");
        }
        fill(sync, self.0, "", &mut origins);
        Origins(origins)
    }
}

fn fill(own: &mut Table, defaults: Table, path: &str, origins: &mut Vec<String>) {
    for (key, default) in defaults {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match (own.get_mut(&key), default) {
            (Some(Value::Table(own)), Value::Table(defaults)) => fill(own, defaults, &path, origins),
            (Some(_), _) => {}
            (None, default) => {
                origins.push(path);
                own.insert(key, default);
            }
        }
    }
}

impl Origins {
    /// The faults, each that lies in a default's value with a word on where that stands.
    pub(super) fn tell(&self, faults: Vec<Fault>) -> Vec<Fault> {
        let within = |path: &str, origin: &String| {
            path.strip_prefix(origin.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        let told = |fault: Fault| match self.0.iter().any(|origin| within(&fault.path, origin)) {
            true => Fault { path: format!("{DEFAULTS}: {}", fault.path), ..fault },
            false => fault,
        };
        faults.into_iter().map(told).collect()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    fn table(text: &str) -> Table {
        text.parse().unwrap()
    }

    fn filled(own: &str, defaults: &str) -> (Table, Origins) {
        let mut own = table(own);
        let origins = Defaults::parse(defaults).unwrap().fill(&mut own);
        (own, origins)
    }

    #[test]
    fn what_a_file_says_itself_goes_first() {
        let (both, _) = filled(
            "[destination]\nkey = 'own'\nlist = [1]\n[limits]\nconcurrency = 1",
            "[destination]\nkey = 'shared'\nurl = 'https://a'\nlist = [2, 3]\n[limits.max_rejected]\ncount = 5",
        );
        let expected = "[destination]\nkey = 'own'\nurl = 'https://a'\nlist = [1]\n\
                        [limits]\nconcurrency = 1\nmax_rejected = {count = 5}";
        assert_eq!(both, table(expected));
    }

    #[test]
    fn a_fault_is_told_where_its_value_stands() {
        let (_, origins) = filled("[destination]\nkey = 'own'", "[destination]\nurl = 'x'\n[limits]\nconcurrency = 0");
        let paths = ["destination.url", "destination.url2", "destination.key", "limits.concurrency", "name"];
        let faults = paths.map(|path| Fault::new(path, "is wrong")).to_vec();
        let told: Vec<String> = origins.tell(faults).into_iter().map(|fault| fault.path).collect();
        let expected = [
            "defaults.toml: destination.url",
            "destination.url2",
            "destination.key",
            "defaults.toml: limits.concurrency",
            "name",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_place_for_states_is_shared_by_those_that_have_no_file() {
        let defaults = "[state]\nurl = 's3://a/b'\nlease_seconds = 60\nmax_removals = { count = 1 }";
        for (own, expected) in [
            ("", defaults),
            ("[state]\nurl = 's3://c'", "[state]\nurl = 's3://c'\nlease_seconds = 60\nmax_removals = { count = 1 }"),
            ("[state]\npath = 'x'", "[state]\npath = 'x'\nmax_removals = { count = 1 }"),
        ] {
            assert_eq!(filled(own, defaults).0, table(expected));
        }
    }

    #[test]
    fn what_is_each_syncs_own_is_refused() {
        let faults = Defaults::parse("name = 'x'\n[state]\npath = 'all.sqlite'").unwrap_err();
        let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
        let expected = [
            "defaults.toml: name: can't be shared: each sync has a name of its own",
            "defaults.toml: state.path: can't be shared: each sync has a state file of its own",
        ];
        assert_eq!(told, expected);
        let syntax = Defaults::parse("[limits\n").unwrap_err();
        assert!(syntax.iter().any(|fault| fault.to_string().starts_with("defaults.toml: is not valid TOML: line 1")));
    }
}
