//! Days of the proleptic Gregorian calendar.

/// A day. Years before 1 are counted from 0 downwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date {
    /// 0 to 9999, or any where days are shown.
    pub year: i64,
    /// 1 to 12.
    pub month: i64,
    /// 1 to 31.
    pub day: i64,
}

/// Seconds in a day.
pub const SECONDS_A_DAY: i64 = 86_400;

/// From 0000-03-01 to 1970-01-01. Counting years from 1 March makes a leap day the last of its year.
const DAYS_TO_1970: i64 = 719_468;

const DAYS_IN_400_YEARS: i64 = 146_097;

impl Date {
    /// The date, if there is such a day.
    #[inline]
    #[must_use]
    pub fn new(year: i64, month: i64, day: i64) -> Option<Self> {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let last = match month {
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => 31,
        };
        let exists = (0..=9999).contains(&year) && (1..=12).contains(&month) && (1..=last).contains(&day);
        exists.then_some(Self { year, month, day })
    }

    /// The date so many days after 1970-01-01, unless its year has more than four digits.
    #[inline]
    #[must_use]
    pub fn of_days(days: i64) -> Option<Self> {
        // From 0000-01-01 to 9999-12-31.
        (-719_528..=2_932_896).contains(&days).then(|| Self::of_any_year(days))
    }

    /// The date so many days after 1970-01-01, of any year that timestamps can have.
    #[inline]
    #[must_use]
    pub fn of_any_year(days: i64) -> Self {
        let days = days + DAYS_TO_1970;
        let era = days.div_euclid(DAYS_IN_400_YEARS);
        let day_of_era = days.rem_euclid(DAYS_IN_400_YEARS);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = era * 400 + year_of_era + i64::from(month <= 2);
        Self { year, month, day }
    }

    /// The days since 1970-01-01.
    #[inline]
    #[must_use]
    pub fn days(self) -> i64 {
        let (year, month_from_march) =
            if self.month <= 2 { (self.year - 1, self.month + 9) } else { (self.year, self.month - 3) };
        let year_of_era = year.rem_euclid(400);
        let day_of_year = (153 * month_from_march + 2) / 5 + self.day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        year.div_euclid(400) * DAYS_IN_400_YEARS + day_of_era - DAYS_TO_1970
    }
}

/// A number of exactly `digits` digits at the start of a text, and what follows it.
#[inline]
pub fn number(text: &str, digits: usize) -> Option<(i64, &str)> {
    let (number, rest) = text.split_at_checked(digits)?;
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((number.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_ten_thousand_years_is_counted_once() {
        let mut days = Date::new(0, 1, 1).unwrap().days();
        assert_eq!(Date::of_days(days - 1), None);
        for year in 0..=9999 {
            for month in 1..=12 {
                for day in 1..=31 {
                    if let Some(date) = Date::new(year, month, day) {
                        assert_eq!(date.days(), days);
                        assert_eq!(Date::of_days(days), Some(date));
                        days += 1;
                    }
                }
            }
        }
        assert_eq!(Date::of_days(days), None);
    }

    #[test]
    fn days_of_any_year_have_their_date() {
        for (days, year, month, day) in
            [(-735_160, -43, 3, 15), (4_759_110, 15_000, 1, 1), (2_932_897, 10_000, 1, 1), (-719_529, -1, 12, 31)]
        {
            assert_eq!(Date::of_any_year(days), Date { year, month, day });
        }
        // As far as seconds of 64 bits go, it is computed without a wrap.
        let _ = Date::of_any_year(i64::MAX / SECONDS_A_DAY);
        let _ = Date::of_any_year(i64::MIN / SECONDS_A_DAY);
    }

    #[test]
    fn known_days_stand_where_they_should() {
        for (year, month, day, days) in
            [(1970, 1, 1, 0), (1969, 12, 31, -1), (2000, 2, 29, 11_016), (2024, 5, 31, 19_874)]
        {
            assert_eq!(Date::new(year, month, day).unwrap().days(), days);
        }
        for (year, month, day) in
            [(1900, 2, 29), (2023, 2, 29), (2024, 4, 31), (2024, 0, 1), (2024, 13, 1), (2024, 1, 0)]
        {
            assert_eq!(Date::new(year, month, day), None);
        }
    }
}
