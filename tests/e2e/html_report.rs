//! The report as a page: opened without a network, whatever stands in the rows.

use fake_talon_one::{AttributeType, Settings};

use crate::harness::{KEY, TestEnv, sync_file};
use crate::snapshot;

fn page(env: &TestEnv, code: i32, more: &[&str]) -> String {
    let mut arguments = vec!["sync", "sync.toml", "--report-html", "report.html"];
    arguments.extend(more);
    env.host(&arguments).ends_with(code);
    let page = env.read("report.html");
    assert!(!page.contains(KEY));
    sound(&page);
    page
}

/// Nothing is loaded from anywhere, and every element that opens closes.
fn sound(page: &str) {
    let mut open: Vec<&str> = Vec::new();
    for tag in page.split('<').skip(1).map(|rest| rest.split('>').next().unwrap()) {
        for reference in [" src", " href", " on", "url(", "import"] {
            assert!(!tag.contains(reference), "<{tag}> refers to something else or does something");
        }
        let name = tag.trim_start_matches('/').split([' ', '\n']).next().unwrap();
        assert!(!matches!(name, "script" | "link" | "iframe" | "img" | "object"), "<{tag}> is in the page");
        match tag {
            _ if tag.starts_with('!') || tag.ends_with('/') || name == "meta" => {}
            _ if tag.starts_with('/') => assert_eq!(open.pop(), Some(name)),
            _ => open.push(name),
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

/// What stands in the page, without how it looks and without empty lines.
fn body(page: &str) -> String {
    let body = &page[page.find("<body>").unwrap()..];
    body.lines().filter(|line| !line.trim().is_empty()).map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_run_is_told_with_its_numbers() {
    let env = TestEnv::permissive();
    let lines: String = (0..2500).map(|id| format!("{id:04}\n")).collect();
    env.write("rows.csv", format!("id\n{lines}"));
    env.profiles(&[("id", "integration_id", "")]);
    let page = page(&env, 0, &[]);
    snapshot::assert("page_of_a_run", &body(&page));
}

#[test]
fn what_comes_from_rows_and_servers_is_escaped() {
    let env = TestEnv::new(Settings::new(KEY).attribute("points", AttributeType::Number));
    let evil = "<img src=x onerror=alert(1)>\"'&";
    env.write("rows.csv", format!("id,points\n1,\"{}\"\n2,5\n", evil.replace('"', "\"\"")));
    let mappings = [("id", "integration_id", ""), ("points", "points", "type = \"number\"")];
    env.write("sync.toml", sync_file("customer_profiles", "", &mappings, "csv", "rows.csv"));
    let page = page(&env, 3, &[]);
    snapshot::assert("page_with_rejected_rows", &body(&page));
}

#[test]
fn a_run_that_failed_says_why_and_what_to_do() {
    let env = TestEnv::new(Settings::new("another key"));
    env.write("rows.csv", "id\n1\n");
    env.profiles(&[("id", "integration_id", "")]);
    let page = page(&env, 1, &[]);
    snapshot::assert("page_of_a_failure", &body(&page));
}

#[test]
fn withheld_removals_and_empty_sources_are_told() {
    let env = TestEnv::permissive();
    env.audience("mirror");
    let lines: String = (0..100).map(|id| format!("{id}\n")).collect();
    env.write("rows.csv", format!("id\n{lines}"));
    env.host(&["sync", "sync.toml"]).ends_with(0);
    env.write("rows.csv", "id\n");
    let page = page(&env, 4, &[]);
    snapshot::assert("page_with_withheld_removals", &body(&page));
}

#[test]
fn a_page_that_cannot_be_written_is_found_before_the_first_request() {
    let env = TestEnv::permissive();
    env.write("rows.csv", "id\n1\n");
    env.profiles(&[("id", "integration_id", "")]);
    env.host(&["sync", "sync.toml", "--report-html", "no/such/folder/page.html"]).ends_with(2).says("no/such/folder");
    assert_eq!(env.fake.requests().len(), 0);
}

#[test]
fn the_syncs_name_stands_in_the_name_of_each_file() {
    let env = TestEnv::permissive();
    env.write("rows.csv", "id\n1\n\n");
    env.profiles(&[("id", "integration_id", "")]);
    let (files, names) =
        [("--report", "json"), ("--report-html", "html"), ("--outcomes", "csv"), ("--dead-letters", "ndjson")]
            .map(|(option, extension)| {
                ([option.to_owned(), format!("of-{{sync}}.{extension}")], format!("of-e2e.{extension}"))
            })
            .into_iter()
            .unzip::<_, _, Vec<_>, Vec<_>>();
    let arguments: Vec<&str> =
        ["sync", "sync.toml"].into_iter().chain(files.iter().flatten().map(String::as_str)).collect();
    env.host(&arguments).ends_with(0);
    for name in names {
        assert!(!env.read(&name).is_empty() || name.ends_with("ndjson"), "{name}");
    }
}
