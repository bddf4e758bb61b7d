//! What forms the values of a column have: numbers, dates and the like, as people and programs write them.
//!
//! Pure. A form is what all values of a column have; where they fit two that mean different things, it is said that they do.

/// What all values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// There are no values.
    Nothing,
    /// Anything.
    Text,
    /// Digits alone, without a zero in front.
    Integer,
    /// Digits and a point.
    Decimal,
    /// Digits and a comma where others have a point, points between thousands: 1.234,56.
    CommaDecimal,
    /// Commas between thousands: 1,234.56.
    CommaThousands,
    /// 1,234 or 1.234: one thousand or one.
    UnclearNumber,
    /// Words for yes and no.
    Boolean,
    /// A date, or a date and time, with the year in front: RFC 3339.
    Time,
    /// A date with the year behind.
    Date {
        order: DateOrder,
        separator: char,
        /// Whether days and months below ten have a zero in front.
        padded: bool,
    },
    /// Dates of several forms.
    MixedDates,
    /// Dates with the year behind, with a time.
    DateAndTime,
    /// Addresses.
    Email,
}

/// Which number of a date comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DateOrder {
    DayMonth,
    MonthDay,
    /// No day above twelve tells.
    Unclear,
}

/// The forms that all values so far could have.
#[derive(Debug)]
pub(crate) struct Forms {
    values: u64,
    point: bool,
    german: bool,
    english: bool,
    /// A value that only one of the two ways to write numbers explains.
    german_alone: bool,
    english_alone: bool,
    fraction: bool,
    /// Whether all points have three digits behind them.
    thirds: bool,
    boolean: bool,
    time: bool,
    date: Option<Dates>,
    any_date: bool,
    date_and_time: bool,
    email: bool,
    /// A value that has one meaning where others of its form could have two.
    telling: Option<String>,
}

/// What is known of dates with the year behind.
#[derive(Debug, Clone, Copy)]
struct Dates {
    separator: char,
    padded: bool,
    day_month: bool,
    month_day: bool,
}

impl Default for Forms {
    fn default() -> Self {
        Self {
            values: 0,
            point: true,
            german: true,
            english: true,
            german_alone: false,
            english_alone: false,
            fraction: false,
            thirds: true,
            boolean: true,
            time: true,
            date: None,
            any_date: true,
            date_and_time: true,
            email: true,
            telling: None,
        }
    }
}

impl Forms {
    /// Looks at a value.
    pub(crate) fn add(&mut self, value: &str) {
        let plain = plain_number(value);
        let (german, english) = (grouped(value, '.', ','), grouped(value, ',', '.'));
        self.point &= plain;
        self.german &= german;
        self.english &= english;
        self.german_alone |= german && !english;
        self.english_alone |= english && !german;
        self.fraction |= value.contains('.');
        self.thirds &= value.split_once('.').is_none_or(|(_, behind)| behind.len() == 3);
        self.boolean &= BOOLEANS.iter().any(|word| word.eq_ignore_ascii_case(value));
        let (date, rest) = value.split_once([' ', 'T']).unwrap_or((value, ""));
        self.time &= is_iso_date(date);
        let dates = Dates::of(date);
        self.any_date &= dates.is_some() || is_iso_date(date);
        self.date_and_time &= dates.is_some() && rest.contains(':');
        let tells = german != english || dates.is_some_and(|dates| dates.day_month != dates.month_day);
        if tells && self.telling.is_none() {
            self.telling = Some(value.to_owned());
        }
        self.date = match (self.date, dates.filter(|_| rest.is_empty())) {
            (None, dates) if self.values == 0 => dates,
            (Some(all), Some(one)) if all.separator == one.separator => Some(Dates {
                separator: all.separator,
                padded: all.padded && one.padded,
                day_month: all.day_month && one.day_month,
                month_day: all.month_day && one.month_day,
            }),
            _ => None,
        };
        self.email &= is_email(value);
        self.values += 1;
    }

    /// A value that shows why.
    pub(crate) fn telling(&mut self) -> Option<String> {
        self.telling.take()
    }

    /// What they come to.
    pub(crate) fn form(&self) -> Form {
        if self.values == 0 {
            return Form::Nothing;
        }
        if self.boolean {
            return Form::Boolean;
        }
        if self.point && !self.fraction {
            return Form::Integer;
        }
        if self.point {
            // 1.234 and 2.500 are thousands to some.
            return if self.german && self.thirds { Form::UnclearNumber } else { Form::Decimal };
        }
        match (self.german, self.english) {
            (true, false) => return Form::CommaDecimal,
            (false, true) => return Form::CommaThousands,
            (true, true) => return Form::UnclearNumber,
            (false, false) => {}
        }
        if self.time {
            return Form::Time;
        }
        match self.date {
            Some(Dates { day_month: true, month_day, separator, padded }) => {
                let order = if month_day { DateOrder::Unclear } else { DateOrder::DayMonth };
                return Form::Date { order, separator, padded };
            }
            Some(Dates { month_day: true, separator, padded, .. }) => {
                return Form::Date { order: DateOrder::MonthDay, separator, padded };
            }
            _ if self.date_and_time => return Form::DateAndTime,
            _ if self.any_date => return Form::MixedDates,
            _ => {}
        }
        if self.email { Form::Email } else { Form::Text }
    }
}

/// What destinations read as booleans. 0 and 1 are numbers as well.
const BOOLEANS: [&str; 8] = ["true", "false", "yes", "no", "t", "f", "y", "n"];

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Digits, and perhaps a point and more. A zero in front makes a code of it.
fn plain_number(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, fraction)| (whole, Some(fraction)));
    digits(whole) && (whole == "0" || !whole.starts_with('0')) && fraction.is_none_or(digits)
}

/// A number with these signs between thousands, if any, and before the fraction, if any.
fn grouped(text: &str, group: char, point: char) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = text.split_once(point).map_or((text, None), |(whole, fraction)| (whole, Some(fraction)));
    let mut parts = whole.split(group);
    let first = parts.next().unwrap_or_default();
    let rest: Vec<&str> = parts.collect();
    let whole = digits(first)
        && (first == "0" || !first.starts_with('0'))
        && (rest.is_empty() || first.len() <= 3)
        && rest.iter().all(|part| part.len() == 3 && digits(part));
    whole && fraction.is_none_or(digits)
}

fn is_iso_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    matches!(parts.as_slice(), [year, month, day]
        if year.len() == 4 && month.len() == 2 && day.len() == 2 && [year, month, day].into_iter().all(|part| digits(part)))
}

impl Dates {
    fn of(text: &str) -> Option<Self> {
        let separator = text.chars().find(|c| matches!(c, '.' | '/' | '-'))?;
        let parts: Vec<&str> = text.split(separator).collect();
        let [first, second, year] = parts.as_slice() else { return None };
        let number = |text: &str| digits(text).then(|| text.parse::<u32>().ok()).flatten().filter(|_| text.len() <= 2);
        let (first_number, second_number) = (number(first)?, number(second)?);
        let fits = |day: u32, month: u32| (1..=31).contains(&day) && (1..=12).contains(&month);
        let dates = Self {
            separator,
            padded: first.len() == 2 && second.len() == 2,
            day_month: fits(first_number, second_number),
            month_day: fits(second_number, first_number),
        };
        (year.len() == 4 && digits(year) && (dates.day_month || dates.month_day)).then_some(dates)
    }
}

fn is_email(text: &str) -> bool {
    let Some((name, domain)) = text.split_once('@') else { return false };
    !name.is_empty() && domain.contains('.') && !domain.contains('@') && !text.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(values: &[&str]) -> Form {
        let mut forms = Forms::default();
        values.iter().for_each(|value| forms.add(value));
        forms.form()
    }

    #[test]
    fn values_have_the_form_that_all_of_them_have() {
        use DateOrder::{DayMonth, MonthDay, Unclear};
        let date = |order, separator, padded| Form::Date { order, separator, padded };
        for (values, expected) in [
            (&[][..], Form::Nothing),
            (&["1", "-20", "0"], Form::Integer),
            (&["1", "007"], Form::Text),
            (&["1.5", "2", "-0.25"], Form::Decimal),
            (&["1.234", "2.500"], Form::UnclearNumber),
            (&["1.234", "2.5"], Form::Decimal),
            (&["1.234,56", "12,5", "3"], Form::CommaDecimal),
            (&["1.234.567", "1"], Form::CommaDecimal),
            (&["1,234.56", "12"], Form::CommaThousands),
            (&["1,234", "5,678"], Form::UnclearNumber),
            (&["1,234", "5,67"], Form::CommaDecimal),
            (&["1,234", "1,234,567"], Form::CommaThousands),
            (&["true", "No", "y"], Form::Boolean),
            (&["1", "0"], Form::Integer),
            (&["2026-11-27", "2026-11-27T10:00:00Z", "2026-11-27 10:00"], Form::Time),
            (&["27.11.2026", "01.02.2026"], date(DayMonth, '.', true)),
            (&["1.2.2026", "27.11.2026"], date(DayMonth, '.', false)),
            (&["11/27/2026", "01/02/2026"], date(MonthDay, '/', true)),
            (&["03/04/2026", "05/06/2026"], date(Unclear, '/', true)),
            (&["27/11/2026", "11/27/2026"], Form::MixedDates),
            (&["27.11.2026", "2026-11-27"], Form::MixedDates),
            (&["27.11.2026", "27/11/2026"], Form::MixedDates),
            (&["27.11.2026 10:00", "28.11.2026 11:30"], Form::DateAndTime),
            (&["32.13.2026"], Form::Text),
            (&["a@b.com", "c.d@e.co.uk"], Form::Email),
            (&["a@b.com", "no"], Form::Text),
            (&["+49 170 123"], Form::Text),
        ] {
            assert_eq!(form(values), expected, "{values:?}");
        }
    }
}
