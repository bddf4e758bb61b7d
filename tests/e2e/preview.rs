//! `preview` shows what `sync` sends, byte for byte, and sends nothing.

use fake_talon_one::path;

use crate::harness::TestEnv;

/// The bodies in a preview: each is the line after a line that names its request.
fn bodies(preview: &str, request: &str) -> Vec<String> {
    let mut lines = preview.lines();
    let mut bodies = Vec::new();
    while let Some(line) = lines.next() {
        if line == request {
            bodies.push(lines.next().expect("a body follows").to_owned());
        }
    }
    bodies
}

#[test]
fn a_preview_is_what_a_sync_of_profiles_sends() {
    let env = TestEnv::permissive();
    let mut rows = String::from("id,name,note\n");
    for id in 0..2300 {
        rows.push_str(&format!("{id:05},Zoë {id},\"a \"\"quoted\"\" line\nand another 🎉\"\n"));
    }
    env.write("rows.csv", rows);
    env.profiles(&[("id", "integration_id", ""), ("name", "name", ""), ("note", "note", "")]);

    let preview = env.host(&["preview", "sync.toml", "--rows", "2300"]);
    preview.ends_with(0);
    assert_eq!(env.fake.requests().len(), 0, "a preview sends nothing");

    env.sync(&[]).ends_with(0);
    let mut sent = env.bodies(path::PROFILES);
    let mut shown = bodies(&preview.stdout, "PUT /v2/customer_profiles?silent=yes");
    assert_eq!(shown.len(), 3);
    // Requests of one run are under way at the same time and may arrive in any order.
    sent.sort();
    shown.sort();
    assert_eq!(shown, sent);
}

#[test]
fn a_preview_is_what_a_sync_of_an_audience_sends() {
    for mode in ["add", "remove", "mirror"] {
        let env = TestEnv::permissive();
        env.write("rows.csv", "id\n00042\n1e5\n");
        env.audience(mode);
        let preview = env.host(&["preview", "sync.toml"]);
        preview.ends_with(0);
        assert_eq!(env.fake.requests().len(), 0);
        env.sync(&[]).ends_with(0);
        assert_eq!(bodies(&preview.stdout, "POST /v2/customer_audiences"), env.bodies(path::AUDIENCES), "{mode}");
    }
}

#[test]
fn a_preview_names_the_rows_that_would_not_go_out() {
    let env = TestEnv::permissive();
    env.write("rows.csv", "id,points\n1,12\n,3\n3,many\n");
    env.profiles(&[("id", "integration_id", ""), ("points", "points", "type = \"number\"")]);
    let preview = env.host(&["preview", "sync.toml"]);
    preview.looks_like("preview_with_rejected_rows");
    assert_eq!(
        bodies(&preview.stdout, "PUT /v2/customer_profiles?silent=yes"),
        [r#"{"customerProfiles":[{"integrationId":"1","attributes":{"points":12}}]}"#]
    );
}
