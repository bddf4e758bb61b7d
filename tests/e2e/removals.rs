//! What a mirror may remove, by the vectors that the Python package runs too: `tests/vectors/removals.json`.

use std::fs;

use destination_host::pipeline::removals::{Decision, Reason, Situation, decide};
use destination_host::sync_file::MaxRemovals;
use serde_json::Value as Json;

fn situation(given: &Json) -> Situation<'_> {
    let number = |name: &str| given[name].as_u64().unwrap();
    let max = &given["max_removals"];
    Situation {
        rows_read: number("rows_read"),
        unnamed_rows: number("unnamed_rows"),
        identity_change: given["identity_change"].as_str(),
        known: number("known"),
        leaving: number("leaving"),
        recently: 0,
        max: MaxRemovals {
            count: max["count"].as_u64().unwrap().try_into().unwrap(),
            ratio: max["ratio"].as_f64().unwrap(),
            // A limit over time is the host's alone: the package keeps no times.
            per: None,
        },
        allowed: given["allow_removals"].as_bool().unwrap(),
    }
}

/// A verdict's and a reason's names in the vectors.
fn names(verdict: &Decision) -> (&'static str, Option<&'static str>) {
    match verdict {
        Decision::Nothing => ("nothing", None),
        Decision::Remove => ("remove", None),
        Decision::Withhold(reason) => {
            let reason = match reason {
                Reason::UnnamedRows(_) => "unnamed-rows",
                Reason::EmptySource => "empty-source",
                Reason::OtherKeys(_) => "other-keys",
                Reason::TooMany { .. } | Reason::TooManyInPeriod { .. } => "too-many",
            };
            ("withhold", Some(reason))
        }
    }
}

#[test]
fn removals_are_judged_as_the_vectors_say() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/removals.json");
    let vectors: Vec<Json> = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    assert!(!vectors.is_empty());
    for vector in &vectors {
        let verdict = decide(&situation(&vector["situation"]));
        let expected = (vector["verdict"].as_str().unwrap(), vector["reason"].as_str());
        assert_eq!(names(&verdict), expected, "{}", vector["name"]);
    }
}
