//! The nearest of the known names, for "did you mean" hints.

/// The candidate that is most likely meant by `word`, or none if nothing is close. Case does not count.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_ascii_lowercase();
    // A third of the letters may differ, two swapped ones counting as one: `audiance` is meant for `audience`, `id` is not
    // meant for `name`.
    let allowed = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&word, &candidate.to_ascii_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_and_a_far_one_is_not() {
        let known = ["deployment_url", "api_key", "audience_id"];
        assert_eq!(nearest("deployement_url", known), Some("deployment_url"));
        assert_eq!(nearest("API_KEY", known), Some("api_key"));
        assert_eq!(nearest("apikey", known), Some("api_key"));
        assert_eq!(nearest("adn", ["and", "nor"]), Some("and"), "two letters swapped are one slip");
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest("", known), None);
    }
}
