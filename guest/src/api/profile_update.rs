//! `PUT /v2/customer_profiles/{integrationId}`: one profile a request, and the rules of campaigns run. The conditions "has joined
//! an audience" and "has left an audience" are met through this call and no other.

use destination_toolkit::bindings::Action;
use destination_toolkit::http::{MAX_BODY, Method, Request, Response, path};
use destination_toolkit::problem::quote::{one_line, shortened};
use destination_toolkit::value::digits::write_integer;
use destination_toolkit::value::json;

use crate::config::{AudienceId, Config};

/// The update of one profile. An ID that no path can have (see [`path::segment`]) is rejected before.
#[inline(never)]
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn request(id: &str, body: &str) -> Request {
    let segment = path::segment(id).unwrap_or_default();
    let path = ["/v2/customer_profiles/", &segment, "?runRuleEngine=true"].concat();
    Request { method: Method::Put, path: path.into(), body: body.to_owned(), headers: Vec::new() }
}

/// `{"attributes":{…}}`: a profile's payload without the ID, which stands in the path. `None`: it is no payload of this plugin's.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn of_profile(id: &str, payload: &str) -> Option<String> {
    let mut opening = "{\"integrationId\":".to_owned();
    json::write_string(id, &mut opening);
    opening.push(',');
    Some(["{", payload.strip_prefix(&opening)?].concat())
}

/// `{"audiencesChanges":{"adds":[42],"deletes":[]}}`. Any action but a delete adds.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn of_membership(action: Action, audience: AudienceId) -> String {
    let mut number = String::new();
    write_integer(audience.number(), &mut number);
    let (adds, deletes) = if action == Action::Delete { ("", number.as_str()) } else { (number.as_str(), "") };
    ["{\"audiencesChanges\":{\"adds\":[", adds, "],\"deletes\":[", deletes, "]}}"].concat()
}

/// The effects that an answer of 200 lists, each by its type. `None`: it is not the documented answer, so it confirms nothing.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn effects(answer: &Response, config: &Config) -> Option<Vec<String>> {
    /// Characters of a type that are told. The published ones have at most 36.
    const SHOWN: usize = 100;
    let body = String::from_utf8_lossy(&answer.body);
    let body = match json::parse(&body) {
        Ok(body) => body,
        // A long answer, of which the start was read. What it tells of effects is not complete, so none is told.
        Err(error) if error.is_eof() && body.len() >= MAX_BODY && body.contains("\"effects\":[") => {
            return Some(Vec::new());
        }
        Err(_) => return None,
    };
    let types = body.get("effects")?.as_array()?.iter().filter_map(|effect| effect.get("effectType")?.as_str());
    Some(types.map(|name| shortened(&config.scrub(&one_line(name)), SHOWN)).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{KEY, audience, profiles};

    #[test]
    fn the_id_stands_in_the_path_and_nowhere_else() {
        let payload = r#"{"integrationId":"a/b \"ä\"","attributes":{"n":1.50}}"#;
        let body = of_profile("a/b \"ä\"", payload).unwrap();
        let request = request("a/b \"ä\"", &body);
        assert_eq!((request.method, request.body.as_str()), (Method::Put, r#"{"attributes":{"n":1.50}}"#));
        assert_eq!(request.path, "/v2/customer_profiles/a%2Fb%20%22%C3%A4%22?runRuleEngine=true");
    }

    #[test]
    fn a_payload_of_another_is_none() {
        for payload in ["", "{}", r#"{"integrationId":"b","attributes":{}}"#, r#"{"attributes":{}}"#] {
            assert_eq!(of_profile("a", payload), None, "{payload}");
        }
    }

    #[test]
    fn a_membership_is_an_add_or_a_delete_of_one_audience() {
        let id = audience("add").object.audience().unwrap();
        assert_eq!(of_membership(Action::Add, id), r#"{"audiencesChanges":{"adds":[42],"deletes":[]}}"#);
        assert_eq!(of_membership(Action::Delete, id), r#"{"audiencesChanges":{"adds":[],"deletes":[42]}}"#);
    }

    #[test]
    fn effects_are_told_by_their_type() {
        let told = |body: &str| {
            let answer = Response { status: 200, body: body.as_bytes().to_vec(), ..Response::default() };
            effects(&answer, &profiles(&json!({})))
        };
        let none: [&str; 0] = [];
        for (body, types) in [
            (r#"{"effects":[],"createdCoupons":[],"createdReferrals":[]}"#, Some(&none[..])),
            (
                r#"{"effects":[{"effectType":"triggerWebhook","props":{}},{"props":{}},{"effectType":"triggerWebhook"}]}"#,
                Some(&["triggerWebhook"; 2]),
            ),
            (r#"{"effects":{}}"#, None),
            (r#"{"integrationStates":[]}"#, None),
            ("{}", None),
            ("[]", None),
            ("", None),
            ("<html>", None),
        ] {
            let types = types.map(|types| types.iter().map(|name| (*name).to_owned()).collect());
            assert_eq!(told(body), types, "{body}");
        }
        let repeated = format!(r#"{{"effects":[{{"effectType":"{KEY}\n{}"}}]}}"#, "x".repeat(500));
        let shown = told(&repeated).unwrap().concat();
        assert!(!shown.contains(KEY) && !shown.contains('\n') && shown.chars().count() <= 101, "{shown}");
    }

    #[test]
    fn a_long_answer_of_which_the_start_was_read_confirms() {
        let answer = |start: &str| Response {
            status: 200,
            body: format!("{start}{}", "x".repeat(MAX_BODY)).into_bytes(),
            ..Response::default()
        };
        let config = profiles(&json!({}));
        assert_eq!(effects(&answer(r#"{"effects":[{"effectType":"a"},{"effectType":""#), &config), Some(Vec::new()));
        for other in [r#"{"integrationStates":[""#, "<html>", "\""] {
            assert_eq!(effects(&answer(other), &config), None, "{other}");
        }
    }
}
