//! How many large requests a second the fake takes, so that it is known not to be the bottleneck of a benchmark.
//!
//! `cargo run --release -p fake-talon-one --example throughput -- 20000 4` sends 20,000 requests of about 130 KB over 4
//! connections. The fake has one thread; the rate for each second of that thread's processor time is what it could do
//! with a core for itself (read from /proc, so on Linux only).

use std::error::Error;
use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Instant;

use fake_talon_one::{Fake, Settings};

const KEY: &str = "k";

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let requests: usize = arguments.next().map_or(Ok(20_000), |text| text.parse())?;
    let connections: usize = arguments.next().map_or(Ok(4), |text| text.parse())?;
    let strict = arguments.next().is_some_and(|mode| mode == "strict");
    let settings = Settings::demo(KEY);
    let fake = Fake::start(if strict { settings } else { settings.count_only() })?;
    let request = request();

    let start = Instant::now();
    thread::scope(|scope| {
        let clients: Vec<_> =
            (0..connections).map(|_| scope.spawn(|| client(&fake, &request, requests / connections))).collect();
        clients.into_iter().try_for_each(|client| client.join().unwrap_or_else(|_| Err(io::ErrorKind::Other.into())))
    })?;
    let seconds = start.elapsed().as_secs_f64();

    let seen = fake.requests().len() as f64;
    let mut out = io::stdout();
    writeln!(out, "{seen} requests of {} bytes, {} items", request.len(), fake.items_sent())?;
    writeln!(out, "{seconds:.2} s, {:.0} requests/s", seen / seconds)?;
    if let Some(cpu) = processor_seconds() {
        writeln!(out, "{cpu:.2} s of the fake's thread, {:.0} requests for each", seen / cpu)?;
    }
    Ok(())
}

fn request() -> Vec<u8> {
    let item = |n: u32| {
        format!(
            concat!(
                r#"{{"integrationId":"customer-{:06}","attributes":{{"email":"customer-{:06}@example.com","#,
                r#""loyalty_tier":"gold","lifetime_value":1234.56,"marketing_opt_in":true}}}}"#
            ),
            n, n
        )
    };
    let body = format!(r#"{{"customerProfiles":[{}]}}"#, (0..1000).map(item).collect::<Vec<_>>().join(","));
    let head = format!(
        "PUT /v2/customer_profiles?silent=yes HTTP/1.1\r\nhost: localhost\r\nauthorization: ApiKey-v1 {KEY}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head, body].concat().into_bytes()
}

fn client(fake: &Fake, request: &[u8], requests: usize) -> io::Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", fake.port()))?;
    stream.set_nodelay(true)?;
    let mut answers = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    for _ in 0..requests {
        stream.write_all(request)?;
        line.clear();
        answers.read_line(&mut line)?;
        if !line.starts_with("HTTP/1.1 204 ") {
            return Err(io::Error::other(line));
        }
        while line != "\r\n" {
            line.clear();
            answers.read_line(&mut line)?;
        }
    }
    Ok(())
}

/// User and system time of the thread named `fake-talon-one`; a thread's name is cut to 15 bytes.
fn processor_seconds() -> Option<f64> {
    const TICKS_A_SECOND: f64 = 100.0;
    let tasks = std::fs::read_dir("/proc/self/task").ok()?;
    let stats = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("stat")).ok());
    let stat = stats.into_iter().find(|stat| stat.contains("(fake-talon-one)"))?;
    let (_, fields) = stat.rsplit_once(") ")?;
    let ticks: Vec<f64> = fields.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse().ok()).collect();
    Some(ticks.iter().sum::<f64>() / TICKS_A_SECOND)
}
