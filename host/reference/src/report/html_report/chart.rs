//! The lines of the chart: rows a second, and the share of time that requests waited for their turn, as the points of an
//! SVG. Pure arithmetic.

use serde::Serialize;

use crate::report::timeline::Sample;

/// The size of the chart's field, in its own units.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 240.0;
/// Seconds of a run that is worth a chart: of a shorter one it would show how it started.
const SHORTEST: f64 = 1.0;
/// Steps that people count in.
const STEPS: [f64; 4] = [1.0, 2.0, 5.0, 10.0];

/// A chart, ready to be drawn.
#[derive(Debug, Serialize)]
pub(super) struct Chart {
    /// `x,y x,y …`: rows a second.
    rows: String,
    /// The same line, closed at the bottom.
    area: String,
    /// `x,y x,y …`: workers that waited for their turn.
    waits: String,
    /// Whether any did.
    waited: bool,
    marks: Vec<Mark>,
    ends: Vec<Mark>,
    width: f64,
    height: f64,
}

/// A place at an axis, with what it means.
#[derive(Debug, Serialize)]
struct Mark {
    at: f64,
    text: String,
}

impl Chart {
    /// `None` where the samples are too few for a line.
    pub(super) fn of(samples: &[Sample]) -> Option<Self> {
        let length = samples.last()?.at.as_secs_f64();
        let steps: Vec<Step> = samples.windows(2).filter_map(Step::of).collect();
        if steps.len() < 2 || length < SHORTEST {
            return None;
        }
        let top = round_up(steps.iter().map(|step| step.rows).fold(0.0, f64::max));
        let most_waits = round_up(steps.iter().map(|step| step.waits).fold(0.0, f64::max));
        let line = |value: fn(&Step) -> f64, top: f64| {
            let points = steps.iter().map(|step| {
                let (x, y) = (step.middle / length * WIDTH, HEIGHT - value(step) / top * HEIGHT);
                format!("{x:.1},{y:.1}")
            });
            points.collect::<Vec<_>>().join(" ")
        };
        let rows = line(|step| step.rows, top);
        let (first, last) = (steps.first()?.middle / length * WIDTH, steps.last()?.middle / length * WIDTH);
        Some(Self {
            area: format!("{first:.1},{HEIGHT} {rows} {last:.1},{HEIGHT}"),
            rows,
            waits: line(|step| step.waits, most_waits),
            waited: steps.iter().any(|step| step.waits > 0.05),
            marks: [0.0, 0.5, 1.0]
                .map(|part| Mark { at: HEIGHT - part * HEIGHT, text: short(top * part) })
                .into_iter()
                .collect(),
            ends: [0.0, 0.5, 1.0]
                .map(|part| Mark { at: part * WIDTH, text: seconds(length * part) })
                .into_iter()
                .collect(),
            width: WIDTH,
            height: HEIGHT,
        })
    }
}

/// What happened between two samples.
struct Step {
    middle: f64,
    /// Rows a second.
    rows: f64,
    /// How many requests were waiting at a time, on average.
    waits: f64,
}

impl Step {
    #[expect(clippy::cast_precision_loss, reason = "a chart needs no 16th digit")]
    fn of(two: &[Sample]) -> Option<Self> {
        let [from, to] = two else { return None };
        let took = to.at.saturating_sub(from.at).as_secs_f64();
        (took > 0.0).then(|| Self {
            middle: f64::midpoint(from.at.as_secs_f64(), to.at.as_secs_f64()),
            rows: to.rows.saturating_sub(from.rows) as f64 / took,
            waits: to.waited.saturating_sub(from.waited).as_secs_f64() / took,
        })
    }
}

/// The next number that people count in: 1, 2, 5, 10, 20, …
fn round_up(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let decade = 10_f64.powf(value.log10().floor());
    STEPS.iter().map(|step| step * decade).find(|step| *step >= value).unwrap_or(decade * 10.0)
}

/// A number as an axis has room for: `1.5M`, `20k`, `0.5`.
fn short(value: f64) -> String {
    let (number, unit) = match value {
        v if v >= 1e6 => (v / 1e6, "M"),
        v if v >= 1e3 => (v / 1e3, "k"),
        v => (v, ""),
    };
    format!("{}{unit}", (number * 10.0).round() / 10.0)
}

fn seconds(value: f64) -> String {
    match value {
        v if v >= 120.0 => format!("{} min", (v / 6.0).round() / 10.0),
        v => format!("{} s", (v * 10.0).round() / 10.0),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use std::time::Duration;

    use super::*;

    fn sample(at: u64, rows: u64, waited: u64) -> Sample {
        Sample { at: Duration::from_secs(at), rows, waited: Duration::from_secs(waited), ..Sample::default() }
    }

    #[test]
    fn a_steady_run_is_a_level_line() {
        let samples: Vec<_> = (0..=10).map(|at| sample(at, at * 500, at * 2)).collect();
        let chart = Chart::of(&samples).unwrap();
        assert_eq!(chart.marks.iter().map(|mark| mark.text.as_str()).collect::<Vec<_>>(), ["0", "250", "500"]);
        assert_eq!(chart.ends.iter().map(|mark| mark.text.as_str()).collect::<Vec<_>>(), ["0 s", "5 s", "10 s"]);
        assert!(chart.rows.starts_with("50.0,0.0 150.0,0.0 "), "{}", chart.rows);
        assert!(chart.area.starts_with("50.0,240 50.0,0.0 ") && chart.area.ends_with(" 950.0,240"), "{}", chart.area);
        assert!(chart.waited && chart.waits.starts_with("50.0,0.0 "), "{}", chart.waits);
    }

    #[test]
    fn too_few_samples_make_no_chart() {
        assert!(Chart::of(&[]).is_none());
        assert!(Chart::of(&[sample(0, 0, 0), sample(1, 5, 0)]).is_none());
        assert!(Chart::of(&[sample(0, 0, 0), sample(0, 5, 0), sample(0, 9, 0)]).is_none());
        let short = |ms| Sample { at: Duration::from_millis(ms), ..Sample::default() };
        assert!(Chart::of(&[short(0), short(300), short(600)]).is_none());
    }

    #[test]
    fn nothing_that_moves_stays_at_the_bottom() {
        let samples: Vec<_> = (0..5).map(|at| sample(at, 0, 0)).collect();
        let chart = Chart::of(&samples).unwrap();
        assert!(!chart.waited && chart.rows.split(' ').all(|point| point.ends_with(",240.0")), "{}", chart.rows);
    }

    #[test]
    fn axes_end_at_numbers_that_people_count_in() {
        for (value, top) in
            [(0.0, 1.0), (0.3, 0.5), (1.0, 1.0), (7.0, 10.0), (15_000.0, 20_000.0), (990_000.0, 1_000_000.0)]
        {
            assert!((round_up(value) - top).abs() < 1e-9, "{value}");
        }
        assert_eq!([short(1_500_000.0), short(20_000.0), short(0.5)], ["1.5M", "20k", "0.5"]);
        assert_eq!([seconds(0.25), seconds(90.0), seconds(300.0)], ["0.3 s", "90 s", "5 min"]);
    }
}
