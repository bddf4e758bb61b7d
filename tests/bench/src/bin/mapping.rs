//! The mapping of fixed rows and nothing else, natively: for counting its instructions, which are the same on any machine.
//! `mapping ROUNDS` maps a thousand customers so many times; the difference of two counts is the mapping's own.

#![expect(clippy::print_stdout, reason = "what it has done is what it says")]

fn main() {
    let rounds = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1);
    let columns = bench::columns(1000);
    let mut bytes = 0;
    for _ in 0..rounds {
        if let Ok(mapping) = talon_one_destination::map_batch(bench::CONFIG, &columns, &[]) {
            bytes += mapping.batch.payloads.data.len();
        }
    }
    println!("{bytes}");
}
