//! Which of some refused records are probably to blame, by the words of the server.

use super::Trial;
use crate::complaint::Complaint;
use crate::response::Refusal;

/// Words of a complaint that are looked for among the records' attributes: it names one early, if at all.
const WORDS: usize = 24;

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

/// The hint in a complaint; none where it tells no record from another.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(super) fn find(complaint: &Complaint, places: &[usize], trial: &impl Trial) -> Option<Hint> {
    by_position(complaint, places).or_else(|| by_attribute(complaint, places, trial))
}

/// Whether a refusal says of an attribute which all of the records have that it does not exist. Words that may be about a
/// value do not count: another record has another.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(super) fn undefined(refusal: &Refusal, places: &[usize], trial: &impl Trial) -> bool {
    let complaint = &refusal.complaint;
    if !complaint.undefined_attribute() || complaint.of_one_record() {
        return false;
    }
    let said = complaint.pointers.join(" ") + " " + &complaint.text;
    let cited = |item: &str, word: &str| [":\"", ":"].iter().any(|before| item.contains(&[before, word].concat()));
    let one = places.first().map_or("", |place| trial.item(*place));
    let named = |word: &&str| {
        let member = format!("\"{word}\":");
        !matches!(*word, "attributes" | "integrationId")
            && places.iter().all(|place| trial.item(*place).contains(&member))
    };
    words(&said).take(WORDS).any(|word| named(&word)) && !words(&complaint.text).any(|word| cited(one, word))
}

/// Pointers such as `/customerProfiles/3/attributes/tier`: their first number is a position in the request.
#[cfg_attr(target_family = "wasm", optimize(size))]
fn by_position(complaint: &Complaint, places: &[usize]) -> Option<Hint> {
    let positions: Vec<usize> = complaint
        .pointers
        .iter()
        .filter_map(|pointer| words(pointer).find_map(|segment| segment.parse().ok()))
        .collect();
    let marked = places.iter().enumerate().map(|(position, place)| (*place, positions.contains(&position)));
    divide(Basis::Position, marked)
}

/// The first word that is an attribute of some of the records, but not of all.
#[cfg_attr(target_family = "wasm", optimize(size))]
fn by_attribute(complaint: &Complaint, places: &[usize], trial: &impl Trial) -> Option<Hint> {
    let said = complaint.pointers.join(" ") + " " + &complaint.text;
    for word in words(&said).take(WORDS) {
        let member = format!("\"{word}\":");
        let carries = |place: &usize| (*place, trial.item(*place).contains(&member));
        let hint = divide(Basis::Attribute, places.iter().map(carries));
        if hint.is_some() {
            return hint;
        }
    }
    None
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_').filter(|word| !word.is_empty())
}

/// A hint, unless all are marked or none is.
fn divide(basis: Basis, places: impl Iterator<Item = (usize, bool)>) -> Option<Hint> {
    let (mut suspects, mut others) = (Vec::new(), Vec::new());
    for (place, marked) in places {
        if marked { &mut suspects } else { &mut others }.push(place);
    }
    (!suspects.is_empty() && !others.is_empty()).then_some(Hint { basis, suspects, others })
}
