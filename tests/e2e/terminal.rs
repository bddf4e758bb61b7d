//! What people and shells see of the command line itself.

use std::process::Command;

use serde_json::Value;

use crate::harness::TestEnv;
use crate::snapshot;

/// The commands that a help text lists.
fn commands(help: &str) -> Vec<&str> {
    help.lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .map(|line| line.split_whitespace().next().unwrap())
        .filter(|name| *name != "help")
        .collect()
}

#[test]
fn commands_that_take_something_help_with_an_example() {
    let env = TestEnv::permissive();
    let help = env.host(&["--help"]);
    let mut shown = help.ends_with(0).stdout.clone();
    for command in commands(&help.stdout) {
        let help = env.host(&[command, "--help"]);
        help.ends_with(0);
        // The one takes nothing, the other has commands of its own.
        let plain = matches!(command, "demo" | "state");
        assert!(plain || help.stdout.contains("Example"), "{command} has no example:\n{}", help.stdout);
        shown.push_str(&format!("\n=== {command} --help\n{}", help.stdout));
        for inner in commands(&help.stdout) {
            let help = env.host(&[command, inner, "--help"]);
            shown.push_str(&format!("\n=== {command} {inner} --help\n{}", help.ends_with(0).stdout));
        }
    }
    snapshot::assert("help", &shown);
}

#[test]
fn wrong_usage_is_said_with_what_is_right() {
    let env = TestEnv::permissive();
    let mut shown = String::new();
    for arguments in [
        &["snyc", "sync.toml"][..],
        &["sync"],
        &["sync", "x.toml", "--dead-leters", "f"],
        &["preview", "x.toml", "--rows", "0"],
        &["fake", "--port", "x"],
        &["completions", "tcsh"],
        &["sync", "nowhere.toml"],
    ] {
        let outcome = env.host(arguments);
        outcome.ends_with(2);
        shown.push_str(&format!("=== {}\n{}\n", arguments.join(" "), outcome.all().trim()));
    }
    snapshot::assert("wrong_usage", &shown);
}

#[test]
fn shells_take_the_completions() {
    let env = TestEnv::permissive();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = env.host(&["completions", shell]);
        script.ends_with(0);
        assert!(script.stdout.contains("dead-letters"), "{shell}");
    }
    let script = env.write("completions.bash", env.host(&["completions", "bash"]).stdout);
    // What a person would get after `destination-host sy<TAB>`.
    let completed = Command::new("bash")
        .args(["--norc", "-c", "source \"$0\"; COMP_WORDS=(destination-host sy) COMP_CWORD=1; _destination__host destination-host sy destination-host; echo \"${COMPREPLY[@]}\""])
        .arg(script)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&completed.stdout).trim(), "sync");
}

#[test]
fn the_manual_has_every_command() {
    let env = TestEnv::permissive();
    let manual = env.host(&["man"]);
    manual.ends_with(0);
    for text in [
        ".TH destination-host",
        ".SH SYNC",
        ".SH PREVIEW",
        ".SH STATE RESET",
        "\\-\\-yes",
        "dead\\-letters",
        "Exit codes",
    ] {
        manual.says(text);
    }
}

#[test]
fn standard_error_can_be_json_line_by_line() {
    let env = TestEnv::permissive();
    env.write("rows.csv", "id\n1\n\"\"\n");
    env.profiles(&[("id", "integration_id", "")]);
    let outcome = env.host(&["sync", "sync.toml", "--log-format", "json"]);
    outcome.ends_with(3);
    let events: Vec<Value> = outcome.stderr.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert!(events.iter().any(|event| event["level"] == "WARN" && event["message"] == "1 row rejected"), "{events:?}");
    assert!(events.iter().all(|event| event["timestamp"].is_string()));

    env.write("sync.toml", "name = \"x\"\n");
    let outcome = env.host(&["--log-format", "json", "sync", "sync.toml"]);
    outcome.ends_with(2);
    let events: Vec<Value> = outcome.stderr.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert!(events.iter().any(|event| event["path"] == "source.type" && event["hint"].is_string()), "{events:?}");
}

#[test]
fn a_state_is_not_forgotten_without_a_word() {
    let env = TestEnv::permissive();
    env.write("rows.csv", "id\n1\n");
    env.audience("mirror");
    env.host(&["sync", "sync.toml"]).ends_with(0);
    env.host(&["state", "reset", "sync.toml"]).ends_with(2).says("nothing was forgotten").says("--yes");
    env.host(&["state", "show", "sync.toml"]).ends_with(0).says("1 key");
    env.host(&["state", "reset", "sync.toml", "--yes"]).ends_with(0).says("forgot 1 key");
}

/// What a file, a server or a plugin says can't move the cursor, colour the terminal or turn text round.
#[test]
fn text_from_outside_is_shown_with_its_controls_escaped() {
    let env = TestEnv::permissive();
    env.write("rows.csv", "\u{1b}[31mid\u{1b}]0;pwn\u{7},na\u{202e}me\n1,\u{9b}2J\n");
    env.profiles(&[("id", "integration_id", "")]);
    for arguments in
        [&["validate", "sync.toml"][..], &["sync", "sync.toml"], &["--log-format", "json", "sync", "sync.toml"]]
    {
        let outcome = env.command(arguments).env("DESTINATION_HOST_LOG", "trace").output().unwrap();
        let said = String::from_utf8([outcome.stdout, outcome.stderr].concat()).unwrap();
        assert!(said.contains("\\u001b[31mid"), "{arguments:?}: {said}");
        let raw = said
            .chars()
            .find(|c| (c.is_control() && !matches!(c, '\n' | '\t')) || ('\u{202a}'..='\u{202e}').contains(c));
        assert_eq!(raw, None, "{arguments:?}: {said:?}");
    }
    // A preview's bodies are what is sent, byte for byte, where no terminal reads them.
    env.write("rows.csv", "id,name\n1,\u{202e}x\n");
    env.profiles(&[("id", "integration_id", ""), ("name", "name", "")]);
    env.host(&["preview", "sync.toml"]).ends_with(0).says("\u{202e}x");
}

/// A full disk, as Linux plays it: who asked for output and did not get it is told.
#[test]
fn output_that_cannot_be_written_is_a_failure() {
    let env = TestEnv::permissive();
    env.write("rows.csv", "id\n1\n");
    env.audience("mirror");
    env.host(&["sync", "sync.toml"]).ends_with(0);
    for arguments in [
        &["preview", "sync.toml"][..],
        &["validate", "sync.toml"],
        &["check", "sync.toml"],
        &["describe"],
        &["describe", "--schema"],
        &["schema"],
        &["man"],
        &["completions", "bash"],
        &["state", "show", "sync.toml"],
        &["state", "export", "sync.toml"],
        &["sync", "sync.toml"],
    ] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let outcome = env.command(arguments).stdout(full).output().unwrap();
        let said = String::from_utf8_lossy(&outcome.stderr).into_owned();
        assert_eq!(outcome.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.contains("cannot be written") && said.contains("No space left"), "{arguments:?}: {said}");
    }
}
