//! What a new user does with rows of one's own: `init`, the fake Talon.One, and the first sync.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

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
