//! Whole texts held against files in `snapshots/`: the test fails where a line changed, and shows which.
//!
//! What differs from run to run (a port, a time, a speed) is replaced by what it is. Where a change is meant,
//! `INSTA_UPDATE=always` before the test's command writes the files again, and the difference is read like any other.

use insta::Settings;

/// What differs from run to run, and what stands in its place.
const VARYING: [(&str, &str); 14] = [
    // What this program was built from.
    (r"\(commit [^)]+\)", "(commit [commit])"),
    (r"sha256:[0-9a-f]{64}", "[digest]"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:[port]"),
    // The summary: how wide its numbers stand depends on the longest of them, which may be the time.
    (r"[\d,]+ rows/s", "[speed] rows/s"),
    (r"(?m)^   time +[\d.]+ (min \d+ )?s", "   time  [duration]"),
    (r"(?m)^(  \d+ requests?, )[\d.]+ (min \d+ )?s$", "$1[duration]"),
    (r"(?m)^(   (?:  )?[a-z][a-z ]*?) {2,}(\d)", "$1  $2"),
    // The report, and the page, which has a chart where the run lasted long enough for one.
    (r"\d{8}T\d{6}Z-[0-9a-f]{12}", "[run ID]"),
    (r#""seconds": [\d.e-]+"#, r#""seconds": [duration]"#),
    (r"<dt>rows a second</dt><dd>[\d,]+</dd>", "<dt>rows a second</dt><dd>[speed]</dd>"),
    (r"<dt>seconds</dt><dd>[\d.]+</dd>", "<dt>seconds</dt><dd>[duration]</dd>"),
    (r"(?s)<section>\s+<h2>Over time</h2>.*?</section>\n", ""),
    // Prometheus.
    (r"(_seconds(?:_sum|_total)?\{[^}]*\}) [\d.e-]+", "$1 [duration]"),
    (r#"(_bucket\{[^}]*le="\d[\d.]*"[^}]*\}) \d+"#, "$1 [count]"),
];

/// Fails where a text differs from its snapshot.
pub(crate) fn assert(name: &str, text: &str) {
    let mut settings = Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for (pattern, instead) in VARYING {
        settings.add_filter(pattern, instead);
    }
    settings.bind(|| insta::assert_snapshot!(name, text));
}
