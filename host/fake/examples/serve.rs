//! The fake as a process: prints its URL and runs until its standard input ends.
//!
//! `cargo run -p fake-talon-one --example serve -- 8080`; without a port it takes a free one.

use std::error::Error;
use std::io::{self, Write};

use fake_talon_one::{Fake, Settings};

fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::args().nth(1).map_or(Ok(0), |port| port.parse())?;
    let fake = Fake::start(Settings::demo("demo-key").management_key("demo-management-key").port(port))?;
    writeln!(io::stdout(), "{}", fake.url())?;
    io::copy(&mut io::stdin(), &mut io::sink())?;
    Ok(())
}
