//! Which of some refused records are probably to blame, by what the server says.

use super::BatchSender;
use crate::http::error_body::ErrorBody;

/// Words of an error that are looked for among the records' fields: it names one early, if at all.
pub const WORDS: usize = 24;

/// Where to divide a part.
pub(super) struct Hint {
    pub(super) basis: Basis,
    /// Not empty.
    pub(super) suspects: Vec<usize>,
    /// Not empty.
    pub(super) others: Vec<usize>,
}

/// What a hint rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Basis {
    /// The server points to records of the request.
    Position,
    /// The server names an attribute that the suspects have.
    Attribute,
}

/// The hint in an error, or none where it fits all records or no record.
pub(super) fn find(error_body: &ErrorBody, indices: &[usize], sender: &dyn BatchSender) -> Option<Hint> {
    by_position(error_body, indices).or_else(|| by_attribute(error_body, indices, sender))
}

/// Pointers such as `/customerProfiles/3/attributes/tier`: their first number is a position in the request.
fn by_position(error_body: &ErrorBody, indices: &[usize]) -> Option<Hint> {
    let positions: Vec<usize> = error_body
        .pointers
        .iter()
        .filter_map(|pointer| words(pointer).find_map(|segment| segment.parse().ok()))
        .collect();
    let marked = indices.iter().enumerate().map(|(position, index)| (*index, positions.contains(&position)));
    divide(Basis::Position, marked)
}

/// The first word that is an attribute of some of the records, but not of all.
fn by_attribute(error_body: &ErrorBody, indices: &[usize], sender: &dyn BatchSender) -> Option<Hint> {
    let text = error_body.pointers.join(" ") + " " + &error_body.text;
    for word in words(&text).take(WORDS) {
        let member = format!("\"{word}\":");
        let carries = |index: &usize| (*index, sender.item(*index).contains(&member));
        let hint = divide(Basis::Attribute, indices.iter().map(carries));
        if hint.is_some() {
            return hint;
        }
    }
    None
}

/// The words of an error: names of fields among them, and numbers.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_').filter(|word| !word.is_empty())
}

/// A hint, unless all are marked or none is.
fn divide(basis: Basis, indices: impl Iterator<Item = (usize, bool)>) -> Option<Hint> {
    let (mut suspects, mut others) = (Vec::new(), Vec::new());
    for (index, marked) in indices {
        if marked { &mut suspects } else { &mut others }.push(index);
    }
    (!suspects.is_empty() && !others.is_empty()).then_some(Hint { basis, suspects, others })
}
