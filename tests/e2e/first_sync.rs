//! What a new user does with rows of one's own: `init`, the fake Talon.One, and the first sync.

use std::fs;
use std::io::{BufRead, BufReader};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::harness::{Outcome, TestEnv};

#[test]
fn rows_of_ones_own_reach_the_fake_as_init_wrote_them_down() {
    let env = TestEnv::permissive();
    env.write("customers.csv", "customer_id;email;points\n0007;ada@example.com;1.250,50\n0008;;17,00\n");
    env.host(&["init", "customers.csv", "--output", "customers.toml"]).ends_with(0);
    let mut fake =
        env.command(&["fake", "--any-attributes"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut url = String::new();
    BufReader::new(fake.stdout.take().unwrap()).read_line(&mut url).unwrap();
    env.write("customers.toml", env.read("customers.toml").replace("https://yourcompany.talon.one", url.trim()));
    let first = Outcome::of(env.command(&["sync", "customers.toml"]).env("TALON_ONE_API_KEY", "demo-key"));
    fake.kill().unwrap();
    fake.wait().unwrap();
    first.ends_with(0).says("delivered       2");
}

/// A block of the front page: commands, each with all that it shows.
fn blocks(page: &str) -> Vec<Vec<(String, String)>> {
    let consoles = page.split("```console\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let commands = |block: &str| {
        let block = format!("\n{block}");
        let commands = block.split("\n$ ").skip(1).map(|command| command.split_once('\n').unwrap_or((command, "")));
        commands.map(|(command, shown)| (command.to_owned(), shown.trim_end().to_owned())).collect()
    };
    consoles.map(commands).collect()
}

/// Without what differs from run to run: seconds.
fn steady(shown: &str) -> String {
    let lines = shown.trim_end().lines().map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        let steady = words.iter().enumerate().map(|(at, word)| match words.get(at + 1) {
            Some(&"s") if word.parse::<f64>().is_ok() => "[seconds]",
            _ => word,
        });
        steady.collect::<Vec<_>>().join(" ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_front_page_shows_what_its_commands_show() {
    let page = fs::read_to_string("../../README.md").unwrap();
    let blocks = blocks(&page);
    let [fake, others @ ..] = blocks.as_slice() else { panic!("the front page has no commands") };
    let [(command, shown)] = fake.as_slice() else { panic!("the first block starts the fake alone") };
    let folder = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_destination-host")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let shell = |script: &str| {
        let mut shell = Command::new("bash");
        shell.args(["-c", script]).current_dir(folder.path()).env("PATH", &path).env_remove("TALON_ONE_API_KEY");
        shell
    };

    // On a free port, for which the page's stands from here on.
    let mut fake =
        shell(&format!("exec {} 2>&1", command.replace("8085", "0"))).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(fake.stdout.take().unwrap()).lines().take(shown.lines().count());
    let said: Vec<String> = lines.map(Result::unwrap).collect();
    let port = said.first().and_then(|url| url.rsplit(':').next()).unwrap().to_owned();
    let found = catch_unwind(AssertUnwindSafe(|| {
        assert_eq!(said.join("\n"), shown.replace("8085", &port));
        let mut so_far = String::new();
        let mut tried = 0;
        for (command, shown) in others.iter().flatten() {
            // What a command leaves in the shell (`export`) is there for the next ones, which see it made again.
            let ran = shell(&format!("{so_far}(\n{}\n) 2>&1", command.replace("8085", &port))).output().unwrap();
            assert!(ran.status.success(), "{command}: {ran:?}");
            assert_eq!(
                steady(&String::from_utf8(ran.stdout).unwrap()),
                steady(&shown.replace("8085", &port)),
                "{command}"
            );
            if command.starts_with("export ") {
                so_far = format!("{so_far}{command}\n");
            }
            tried += 1;
        }
        assert!(tried >= 8, "the front page has lost its commands");
    }));
    fake.kill().unwrap();
    fake.wait().unwrap();
    if let Err(panic) = found {
        resume_unwind(panic);
    }
}
