//! The calls of the Management API, and those of the Integration API that look and create.

use std::collections::BTreeSet;

use fake_talon_one::{AttributeType, Clock, Fake, Settings, path};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::client::{KEY, exchange, http, post_memberships, put_profiles, raw_request, send, start};
use crate::published::fits;

const MANAGEMENT_KEY: &str = "management-key-of-the-tests";

fn settings() -> Settings {
    Settings::demo(KEY).management_key(MANAGEMENT_KEY).clock(Clock::manual()).management_rate_limit(1000)
}

async fn manage(fake: &Fake, method: Method, target: &str, body: Value) -> Response {
    let request = http().request(method, format!("{}{target}", fake.url()));
    let request = request.header("authorization", format!("ManagementKey-v1 {MANAGEMENT_KEY}"));
    let request = if body.is_null() {
        request
    } else {
        request.header("content-type", "application/json").body(body.to_string())
    };
    request.send().await.unwrap()
}

async fn look(fake: &Fake, target: &str) -> Response {
    manage(fake, Method::GET, target, Value::Null).await
}

async fn add_members(fake: &Fake, ids: &[&str]) {
    let items: Vec<String> = ids
        .iter()
        .map(|id| json!({ "action": "add", "profileIntegrationId": id, "audienceId": 42 }).to_string())
        .collect();
    assert_eq!(post_memberships(fake, &items.join(",")).await.status(), StatusCode::NO_CONTENT);
}

fn texts<'a>(body: &'a Value, member: &str) -> Vec<&'a str> {
    body["data"].as_array().unwrap().iter().map(|item| item[member].as_str().unwrap()).collect()
}

#[tokio::test]
async fn each_api_takes_its_own_kind_of_key_alone() {
    let fake = start(settings());
    let management = format!("ManagementKey-v1 {MANAGEMENT_KEY}");
    let integration = format!("ApiKey-v1 {KEY}");
    let swapped = [format!("ManagementKey-v1 {KEY}"), format!("ApiKey-v1 {MANAGEMENT_KEY}")];
    let inventory = path::inventory("a");
    for (target, call, right, wrong) in [
        (path::AUDIENCE_LIST, "GET /v1/audiences", &management, &integration),
        (path::ATTRIBUTES, "GET /v1/attributes", &management, &integration),
        (&inventory, "GET /v1/customer_profiles/{integrationId}/inventory", &integration, &management),
    ] {
        for (key, taken) in [(right, true), (wrong, false), (&swapped[0], false), (&swapped[1], false)] {
            let request = http().get(format!("{}{target}", fake.url())).header("authorization", key);
            let (status, body) = fits(call, request.send().await.unwrap()).await;
            assert_eq!(status != StatusCode::UNAUTHORIZED, taken, "{target}: {body}");
            assert!(!body.to_string().contains(KEY) && !body.to_string().contains(MANAGEMENT_KEY), "{body}");
        }
    }
    let without = start(Settings::demo(KEY));
    assert_eq!(look(&without, path::AUDIENCE_LIST).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn each_endpoint_takes_three_requests_a_second() {
    let clock = Clock::manual();
    let fake = start(Settings::demo(KEY).management_key(MANAGEMENT_KEY).clock(clock.clone()));
    for target in [path::AUDIENCE_LIST, "/v1/attributes?entity=CustomerProfile"] {
        for _ in 0..3 {
            assert_eq!(look(&fake, target).await.status(), StatusCode::OK);
        }
        let refused = look(&fake, target).await;
        assert_eq!(refused.headers().get("retry-after").unwrap(), "1");
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    }
    clock.advance(std::time::Duration::from_secs(1));
    assert_eq!(look(&fake, path::AUDIENCE_LIST).await.status(), StatusCode::OK);
    assert_eq!(put_profiles(&fake, r#"{"integrationId":"a"}"#).await.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn audiences_are_listed_in_pages() {
    const CALL: &str = "GET /v1/audiences";
    let fake = start(settings().audience(43, "Winter sale").audience(44, "Autumn"));
    let (_, all) = fits(CALL, look(&fake, "/v1/audiences").await).await;
    assert_eq!((texts(&all, "name"), &all["hasMore"]), (vec!["Summer sale", "Winter sale", "Autumn"], &json!(false)));
    assert_eq!(all["data"][0]["id"], 42);
    let target = "/v1/audiences?pageSize=2&skip=1&sort=-name&withTotalResultSize=true";
    let (_, page) = fits(CALL, look(&fake, target).await).await;
    assert_eq!((texts(&page, "name"), &page["totalResultSize"]), (vec!["Summer sale", "Autumn"], &json!(3)));
    assert!(page.get("hasMore").is_none());
    let (_, page) = fits(CALL, look(&fake, "/v1/audiences?pageSize=2&withTotalResultSize=false").await).await;
    assert_eq!(page["hasMore"], true);
    for query in ["pageSize=1001", "pageSize=0", "skip=-1", "sort=created", "name=Autumn", "withTotalResultSize=1"] {
        let (status, _) = fits(CALL, look(&fake, &format!("/v1/audiences?{query}")).await).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
    }
}

#[tokio::test]
async fn an_audience_is_created_with_the_integration_key() {
    const CALL: &str = "POST /v2/audiences";
    let fake = start(settings());
    let create =
        async |body: Value| fits(CALL, send(&fake, Method::POST, path::NEW_AUDIENCE, &body.to_string()).await).await;
    let (status, made) = create(json!({ "name": "Winter sale" })).await;
    assert_eq!((status, &made["id"], &made["name"]), (StatusCode::CREATED, &json!(43), &json!("Winter sale")));
    assert!(fake.members(43).is_empty());
    let shopify = json!({ "name": "Shoppers", "integration": "shopify", "integrationId": "s1" });
    assert_eq!(create(shopify.clone()).await.0, StatusCode::CREATED);
    assert_eq!(create(shopify).await.0, StatusCode::CONFLICT);
    for refused in
        [json!({}), json!({ "name": "" }), json!({ "name": "x", "size": 1 }), json!({ "name": 1 }), json!([])]
    {
        assert_eq!(create(refused.clone()).await.0, StatusCode::BAD_REQUEST, "{refused}");
    }
    assert_eq!(fake.snapshot().audiences.len(), 3);
}

#[tokio::test]
async fn members_come_in_pages_with_their_audiences() {
    const CALL: &str = "GET /v1/audiences/{audienceId}/memberships";
    let fake = start(settings());
    add_members(&fake, &["a", "b", "c,\"d\"", "zoë"]).await;
    let mut seen = BTreeSet::new();
    for (skip, more) in [(0, true), (2, false)] {
        let target = format!("{}?pageSize=2&skip={skip}", path::memberships(42));
        let (_, page) = fits(CALL, look(&fake, &target).await).await;
        assert_eq!(page["hasMore"], more);
        assert_eq!(page["data"][0]["audienceMemberships"], json!([{ "id": 42, "name": "Summer sale" }]));
        seen.extend(texts(&page, "integrationId").into_iter().map(str::to_owned));
    }
    assert_eq!(seen, fake.members(42));
    let target = format!("{}?profileQuery=%C3%AB", path::memberships(42));
    assert_eq!(texts(&fits(CALL, look(&fake, &target).await).await.1, "integrationId"), ["zoë"]);
    assert_eq!(fits(CALL, look(&fake, &path::memberships(7)).await).await.0, StatusCode::NOT_FOUND);
    assert_eq!(fits(CALL, look(&fake, "/v1/audiences/Summer/memberships").await).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn an_export_has_every_member_as_a_line_that_a_csv_reader_reads() {
    let fake = start(settings());
    add_members(&fake, &["a", "b,c", "d\"e", "f\ng"]).await;
    let answer = look(&fake, &path::export(42)).await;
    assert_eq!(answer.headers().get("content-type").unwrap(), "application/csv");
    assert!(answer.headers().get("content-length").is_none());
    let text = answer.text().await.unwrap();
    assert_eq!(text, "profileintegrationid\n\"f\ng\"\n\"d\"\"e\"\n\"b,c\"\na\n");
    let unknown = look(&fake, &path::export(7)).await;
    assert_eq!(unknown.headers().get_all("content-type").iter().collect::<Vec<_>>(), ["application/csv"]);
    let call = "GET /v1/audiences/{audienceId}/memberships/export";
    assert_eq!(fits(call, unknown).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_crowd_is_exported_whole_and_changes_like_any_other_members() {
    let fake = start(settings().crowd(42, 100_000));
    fake.move_members(42, &["foreign"], &["member_00000007"]);
    let (_, counts) =
        fits("GET /v1/audiences/analytics", look(&fake, "/v1/audiences/analytics?audienceIds=42").await).await;
    assert_eq!(counts["data"], json!([{ "audienceId": 42, "membersCount": 100_000 }]));
    let text = look(&fake, &path::export(42)).await.text().await.unwrap();
    let lines: BTreeSet<&str> = text.lines().skip(1).collect();
    assert_eq!(lines.len(), 100_000);
    assert!(lines.contains("foreign") && !lines.contains("member_00000007") && lines.contains("member_00099999"));
    let (_, found) = fits(
        "GET /v1/customer_profiles/{integrationId}/inventory",
        send(&fake, Method::GET, &format!("{}?profile=true", path::inventory("member_00000008")), "").await,
    )
    .await;
    assert_eq!(found["profile"]["audienceMemberships"][0]["id"], 42);
}

#[tokio::test]
async fn counts_are_of_the_audiences_that_are_asked_for() {
    const CALL: &str = "GET /v1/audiences/analytics";
    let fake = start(settings().audience(43, "Winter sale"));
    add_members(&fake, &["a", "b"]).await;
    let (_, counts) =
        fits(CALL, look(&fake, "/v1/audiences/analytics?audienceIds=43,42,7&sort=-membersCount").await).await;
    let expected = json!([{ "audienceId": 42, "membersCount": 2 }, { "audienceId": 43, "membersCount": 0 }]);
    assert_eq!(counts["data"], expected);
    let many = vec!["1"; 1001].join(",");
    for query in ["", "?audienceIds=", "?audienceIds=x", "?sort=membersCount", &format!("?audienceIds={many}")] {
        let (status, _) = fits(CALL, look(&fake, &format!("/v1/audiences/analytics{query}")).await).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
    }
}

fn attribute(name: &str) -> Value {
    json!({ "entity": "CustomerProfile", "name": name, "title": name, "type": "number", "description": "", "suggestions": [], "editable": true })
}

#[tokio::test]
async fn an_attribute_is_created_listed_and_taken() {
    let fake = start(settings());
    let item = r#"{"integrationId":"a","attributes":{"shoe_size":38}}"#;
    assert_eq!(put_profiles(&fake, item).await.status(), StatusCode::BAD_REQUEST);
    let create = async |body: Value| {
        fits("POST /v1/attributes", manage(&fake, Method::POST, path::ATTRIBUTES, body).await).await
    };
    let (status, made) = create(attribute("shoe_size")).await;
    assert_eq!((status, &made["type"]), (StatusCode::CREATED, &json!("number")));
    assert_eq!(put_profiles(&fake, item).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(create(attribute("shoe_size")).await.0, StatusCode::CONFLICT);
    let mut of_sessions = attribute("shoe_size");
    of_sessions["entity"] = json!("CustomerSession");
    assert_eq!(create(of_sessions).await.0, StatusCode::CREATED, "names are an entity's own");
    for (member, value) in [
        ("name", json!("1st")),
        ("name", json!("größe")),
        ("title", json!("_")),
        ("type", json!("text")),
        ("entity", json!("Profile")),
        ("suggestions", json!([""])),
        ("suggestions", Value::Null),
        ("colour", json!("red")),
    ] {
        let mut wrong = attribute("other");
        wrong[member] = value;
        assert_eq!(create(wrong.clone()).await.0, StatusCode::BAD_REQUEST, "{wrong}");
    }
    let list = async |query: &str| {
        let (_, body) = fits("GET /v1/attributes", look(&fake, &format!("/v1/attributes?{query}")).await).await;
        (texts(&body, "name").len(), body["totalResultSize"].as_u64().unwrap())
    };
    assert_eq!(list("entity=CustomerProfile").await, (13, 13));
    assert_eq!(list("entity=CustomerProfile&kind=builtin").await, (4, 4));
    assert_eq!(list("entity=CustomerProfile&pageSize=5&skip=10&sort=-name").await, (3, 13));
    assert_eq!(list("search=SHOE&type=number").await, (2, 2));
}

#[tokio::test]
async fn a_closed_list_of_values_is_kept() {
    let fake = start(settings().closed_list("tier", AttributeType::String, &["gold", "silver"]));
    let put = async |value: &str| {
        put_profiles(&fake, &format!(r#"{{"integrationId":"a","attributes":{{"tier":"{value}"}}}}"#)).await.status()
    };
    assert_eq!(put("gold").await, StatusCode::NO_CONTENT);
    assert_eq!(put("tin").await, StatusCode::BAD_REQUEST);
    let (_, list) = fits("GET /v1/attributes", look(&fake, "/v1/attributes?search=tier").await).await;
    let tier = list["data"].as_array().unwrap().iter().find(|attribute| attribute["name"] == "tier").unwrap();
    assert_eq!((&tier["restrictedBySuggestions"], &tier["suggestions"]), (&json!(true), &json!(["gold", "silver"])));
}

#[tokio::test]
async fn profiles_are_found_by_their_ids() {
    const CALL: &str = "POST /v1/customer_search/no_total";
    let fake = start(settings());
    put_profiles(
        &fake,
        r#"{"integrationId":"a","attributes":{"name":"Ada"}},{"integrationId":"b"},{"integrationId":"c"}"#,
    )
    .await;
    let search = async |query: &str, body: Value| {
        fits(CALL, manage(&fake, Method::POST, &format!("{}{query}", path::SEARCH), body).await).await
    };
    let (_, found) = search("?pageSize=2", json!({ "integrationIDs": ["c", "a", "nobody", "a", "b"] })).await;
    assert_eq!((texts(&found, "integrationId"), &found["hasMore"]), (vec!["a", "b"], &json!(true)));
    assert_eq!(found["data"][0]["attributes"], json!({ "name": "Ada" }));
    let (_, found) = search("", json!({ "attributes": { "name": "Ada" } })).await;
    assert_eq!(texts(&found, "integrationId"), ["a"]);
    assert_eq!(search("", json!({ "ids": ["a"] })).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(search("?sort=id", json!({})).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn an_inventory_is_of_the_decoded_id_and_has_what_is_asked_for() {
    const CALL: &str = "GET /v1/customer_profiles/{integrationId}/inventory";
    let fake = start(settings());
    for id in ["a/b", "ü ?&#%2F", "+"] {
        put_profiles(&fake, &json!({ "integrationId": id }).to_string()).await;
        let target = format!("{}?profile=true&coupons=true&loyalty=true", path::inventory(id));
        let (status, body) = fits(CALL, send(&fake, Method::GET, &target, "").await).await;
        assert_eq!((status, &body["profile"]["integrationId"]), (StatusCode::OK, &json!(id)));
        assert_eq!(
            (&body["coupons"], &body["loyalty"], body.get("referrals")),
            (&json!([]), &json!({ "programs": {} }), None)
        );
    }
    put_profiles(&fake, r#"{"integrationId":".."}"#).await;
    // A client that follows the rules of URLs would take these for steps upwards.
    let (answer, _) = exchange(&fake, &raw_request(&format!("GET {}", path::inventory("..")), "", true));
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let (status, _) = fits(CALL, send(&fake, Method::GET, &path::inventory("nobody"), "").await).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let wrong = format!("{}?profile=yes", path::inventory("+"));
    assert_eq!(fits(CALL, send(&fake, Method::GET, &wrong, "").await).await.0, StatusCode::BAD_REQUEST);
}
