//! A fault in what the user wrote: where it stands, what is wrong, and what to write instead.
//!
//! Faults are gathered and shown together, so that one look at the list is enough to fix a file. Values are shown only
//! by the code that knows them not to be secret.

use std::fmt;

/// One thing to fix in a sync file or on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where: `source.path`, `destination.mappings[2].source`; empty for the file as a whole.
    pub path: String,
    /// What is wrong: the value seen and the form expected.
    pub message: String,
    /// What to write instead, where that is known.
    pub hint: Option<String>,
}

impl Fault {
    /// A fault at `path`.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into(), hint: None }
    }

    /// The same fault with its fix.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A name that is not among those known here, with the nearest that is.
    pub fn unknown_key<'a>(path: impl Into<String>, name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        let fault = Self::new(path, "is not a known key");
        match nearest(name, known.iter().copied()) {
            Some(near) => fault.hint(format!("did you mean `{near}`?")),
            None => fault.hint(format!("known here: {}", known.join(", "))),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() { f.write_str(&self.message) } else { write!(f, "{}: {}", self.path, self.message) }
    }
}

/// The candidate that `name` was most likely meant to be; `None` where none is close.
///
/// Upper and lower case count as equal, so that `Customer_ID` finds `customer_id`. A third of the name may differ: more
/// would guess at names that have nothing to do with it.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = name.to_lowercase();
    let most = (folded.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&folded, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_a_slip_of_the_pen_away() {
        assert_eq!(nearest("concurency", ["path", "concurrency"]), Some("concurrency"));
        assert_eq!(nearest("Customer_ID", ["customer_id", "customer_in"]), Some("customer_id"));
        assert_eq!(nearest("ab", ["ba"]), Some("ba"));
        assert_eq!(nearest("email", ["phone", "name"]), None);
        assert_eq!(nearest("x", []), None);
    }

    #[test]
    fn an_unknown_key_names_the_nearest_or_all() {
        let near = Fault::unknown_key("limits.concurency", "concurency", ["concurrency", "requests_per_second"]);
        assert_eq!(near.to_string(), "limits.concurency: is not a known key");
        assert_eq!(near.hint.as_deref(), Some("did you mean `concurrency`?"));

        let far = Fault::unknown_key("state.zzz", "zzz", ["path", "max_removals"]);
        assert_eq!(far.hint.as_deref(), Some("known here: path, max_removals"));
    }

    #[test]
    fn a_fault_of_the_whole_file_has_no_path_to_show() {
        assert_eq!(Fault::new("", "is empty").to_string(), "is empty");
    }
}
