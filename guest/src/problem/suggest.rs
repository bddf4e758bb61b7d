//! The nearest of the known names, for "did you mean" hints.

/// The candidate that is most likely meant by `word`, or none if nothing is close. Case does not count.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_ascii_lowercase();
    // A third of the letters may differ: `audiance` is meant for `audience`, `id` is not meant for `name`.
    let allowed = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(&word, &candidate.to_ascii_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many letters must be inserted, removed or replaced to make `left` of `right`.
#[cfg_attr(target_family = "wasm", optimize(size))]
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    // `row[i]` is the distance between the letters of `left` read so far and the first `i` letters of `right`.
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (read, letter) in left.chars().enumerate() {
        let mut above_left = read;
        let mut before = read + 1;
        for (cell, other) in row.iter_mut().skip(1).zip(&right) {
            let replaced = above_left + usize::from(letter != *other);
            above_left = *cell;
            before = replaced.min(before + 1).min(above_left + 1);
            *cell = before;
        }
        if let Some(first) = row.first_mut() {
            *first = read + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_counted_in_letters() {
        for (left, right, expected) in [
            ("", "", 0),
            ("abc", "abc", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("audiance_id", "audience_id", 1),
            ("größe", "grösse", 2),
        ] {
            assert_eq!(distance(left, right), expected, "{left} {right}");
            assert_eq!(distance(right, left), expected, "{right} {left}");
        }
    }

    #[test]
    fn the_nearest_name_is_found_and_a_far_one_is_not() {
        let known = ["deployment_url", "api_key", "audience_id"];
        assert_eq!(nearest("deployement_url", known), Some("deployment_url"));
        assert_eq!(nearest("API_KEY", known), Some("api_key"));
        assert_eq!(nearest("apikey", known), Some("api_key"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest("", known), None);
    }
}
