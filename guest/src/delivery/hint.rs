//! What Talon.One says that holds for every record of a request alike.

use destination_toolkit::delivery::split::hint::{WORDS, words};
use destination_toolkit::http::error_body::ErrorBody;

use crate::api::error_body;

/// Whether an error says that an attribute which all of the records have does not exist. A text that may be about a value
/// does not count: another record has another value.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(super) fn undefined_attribute_of_all(error: &ErrorBody, items: &[&str]) -> bool {
    if !error_body::undefined_attribute(error) || error_body::of_one_record(error) {
        return false;
    }
    let text = error.pointers.join(" ") + " " + &error.text;
    let cited = |item: &str, word: &str| [":\"", ":"].iter().any(|before| item.contains(&[before, word].concat()));
    let one = items.first().copied().unwrap_or_default();
    let named = |word: &&str| {
        let member = format!("\"{word}\":");
        !matches!(*word, "attributes" | "integrationId") && items.iter().all(|item| item.contains(&member))
    };
    words(&text).take(WORDS).any(|word| named(&word)) && !words(&error.text).any(|word| cited(one, word))
}
