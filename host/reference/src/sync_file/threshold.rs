//! A number and a share that must both be exceeded before something is too much: ten removals of twenty members are few,
//! ten in a thousand too.

/// Too much is more than `count` and more than `ratio` of the whole.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// A number that is never too much.
    pub count: u32,
    /// A share of the whole, from 0 to 1, that is never too much.
    pub ratio: f64,
}

impl Threshold {
    /// Whether `part` of `whole` is too much.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a share of rows does not need its 16th digit")]
    pub fn exceeded_by(&self, part: u64, whole: u64) -> bool {
        part > u64::from(self.count) && part as f64 > self.ratio * whole as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_numbers_must_be_exceeded() {
        let threshold = Threshold { count: 10, ratio: 0.5 };
        for (part, whole, exceeded) in
            [(10, 10, false), (11, 11, true), (11, 22, false), (12, 22, true), (0, 0, false), (500, 1000, false)]
        {
            assert_eq!(threshold.exceeded_by(part, whole), exceeded, "{part} of {whole}");
        }
        assert!(Threshold { count: 0, ratio: 0.0 }.exceeded_by(1, u64::MAX));
        assert!(!Threshold { count: 0, ratio: 1.0 }.exceeded_by(7, 7));
    }
}
