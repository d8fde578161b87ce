//! Times as Go prints them.

use super::entry::decimal;
use crate::format::varint::{unzigzag, zigzag};

const NANOSECONDS: u32 = 1_000_000_000;
const DAY: i64 = 86_400;

/// A point in time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Time {
    /// Since 1970.
    pub(super) seconds: i64,
    pub(super) nanoseconds: u32,
}

impl Time {
    pub(super) fn at(seconds: i64) -> Self {
        Self { seconds, nanoseconds: 0 }
    }

    /// Reads the value of a PAX record: seconds, and perhaps a fraction.
    pub(super) fn parse_record(value: &[u8]) -> Option<Self> {
        let point = value.iter().position(|byte| *byte == b'.');
        let (whole, fraction) = match point {
            Some(point) => (&value[..point], &value[point + 1..]),
            None => (value, &b""[..]),
        };
        let seconds = decimal(whole)?;
        if !fraction.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let digits = fraction.iter().chain(std::iter::repeat(&b'0')).take(9);
        let nanoseconds = digits.fold(0, |value, digit| 10 * value + u32::from(digit - b'0'));
        match whole.first() {
            Some(b'-') if nanoseconds > 0 => Some(Self {
                seconds: seconds.checked_sub(1)?,
                nanoseconds: NANOSECONDS - nanoseconds,
            }),
            _ => Some(Self { seconds, nanoseconds }),
        }
    }

    /// The nearest whole second, halves up.
    pub(super) fn rounded(self) -> i64 {
        self.seconds.saturating_add((self.nanoseconds >= NANOSECONDS / 2).into())
    }

    /// Appends it as RFC 3339 has it, so many minutes east of Greenwich, with the digits of the
    /// fraction that are not zeros.
    pub(super) fn put(self, east: i64, out: &mut Vec<u8>) {
        let local = self.seconds.saturating_add(east.saturating_mul(60));
        let (year, month, day) = date(local.div_euclid(DAY));
        let second = local.rem_euclid(DAY);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        out.extend(
            format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}").bytes(),
        );
        if self.nanoseconds > 0 {
            let fraction = format!(".{:09}", self.nanoseconds);
            out.extend(fraction.trim_end_matches('0').bytes());
        }
        if east == 0 {
            out.push(b'Z');
        } else {
            let (sign, east) = if east < 0 { ('-', east.saturating_neg()) } else { ('+', east) };
            out.extend(format!("{sign}{:02}:{:02}", east / 60, east % 60).bytes());
        }
    }

    /// Reads what [`Time::put`] writes from the start of `text`, the fraction passed over; returns
    /// how many minutes east of Greenwich it was, too.
    pub(super) fn parse(text: &[u8]) -> Option<(i64, i64)> {
        let field = |at: usize, len: usize| decimal(text.get(at..at + len)?);
        let days = days(field(0, 4)?, field(5, 2)?, field(8, 2)?);
        let second = 3600 * field(11, 2)? + 60 * field(14, 2)? + field(17, 2)?;
        let zone = text.get(19..)?;
        let is_fraction = |byte: &u8| *byte == b'.' || byte.is_ascii_digit();
        let zone = &zone[zone.iter().position(|byte| !is_fraction(byte))?..];
        let east = match zone {
            [b'Z', ..] => 0,
            [sign @ (b'+' | b'-'), rest @ ..] => {
                let east = 60 * decimal(rest.get(..2)?)? + decimal(rest.get(3..5)?)?;
                if *sign == b'-' { -east } else { east }
            }
            _ => return None,
        };
        Some((days * DAY + second - 60 * east, east))
    }
}

/// Year, month and day of the day that lies so many days after 1970 began.
fn date(days: i64) -> (i64, i64, i64) {
    // Years begin in March here, so that the odd day comes last.
    let days = days.saturating_add(719_468);
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (year + era * 400 + next, month, day)
}

/// The inverse of [`date`].
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    let month = if month > 2 { month - 3 } else { month + 9 };
    let day = (153 * month + 2) / 5 + day - 1 + year * 365 + year / 4 - year / 100;
    era * 146_097 + day - 719_468
}

/// The local times that a table has: how far east of Greenwich its writer was, and from when on
/// elsewhere, as summer time would have it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Zones {
    /// Minutes east of Greenwich before the first change.
    first: i64,
    /// Ascending times, and minutes east of Greenwich from then on.
    changes: Vec<(i64, i64)>,
}

/// Changes of a zone; half a century of summer times.
const MOST_CHANGES: usize = 100;

/// Minutes that a zone is from Greenwich at most.
const MOST_EAST: i64 = 24 * 60;

impl Zones {
    /// Reads numbers: none, or minutes and then pairs of time and minutes, all of them zigzags.
    pub(super) fn from_numbers(numbers: &[u64]) -> Option<Self> {
        let Some((first, changes)) = numbers.split_first() else { return Some(Self::default()) };
        let (changes, []) = changes.as_chunks::<2>() else { return None };
        let changes: Vec<_> =
            changes.iter().map(|[time, east]| (unzigzag(*time), unzigzag(*east))).collect();
        let zones = Self { first: unzigzag(*first), changes };
        let ascends = zones.changes.is_sorted_by(|one, next| one.0 < next.0);
        let mut minutes = zones.changes.iter().map(|change| change.1).chain([zones.first]);
        let is_lawful = ascends
            && minutes.all(|east| east.abs() < MOST_EAST)
            && zones.changes.len() <= MOST_CHANGES
            && zones != Self::default();
        is_lawful.then_some(zones)
    }

    pub(super) fn to_numbers(&self) -> Vec<u64> {
        if *self == Self::default() {
            return Vec::new();
        }
        let changes = self.changes.iter().flat_map(|(time, east)| [zigzag(*time), zigzag(*east)]);
        std::iter::once(zigzag(self.first)).chain(changes).collect()
    }

    /// What explains these times, each with its minutes east of Greenwich.
    pub(super) fn of(mut times: Vec<(i64, i64)>) -> Self {
        times.sort_unstable();
        let first = times.first().map_or(0, |time| time.1);
        let mut changes: Vec<(i64, i64)> = Vec::new();
        for (time, east) in times {
            let last = changes.last().copied();
            if last.map_or(first, |last| last.1) != east && last.is_none_or(|last| last.0 < time) {
                changes.push((time, east));
            }
        }
        if changes.len() > MOST_CHANGES {
            changes.clear();
        }
        Self { first, changes }
    }

    /// Minutes east of Greenwich at a time.
    pub(super) fn east(&self, seconds: i64) -> i64 {
        let later = self.changes.partition_point(|change| change.0 <= seconds);
        later
            .checked_sub(1)
            .and_then(|last| self.changes.get(last))
            .map_or(self.first, |last| last.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(seconds: i64, nanoseconds: u32, east: i64) -> String {
        let mut out = Vec::new();
        Time { seconds, nanoseconds }.put(east, &mut out);
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn times_are_printed_as_go_prints_them() {
        assert_eq!(shown(0, 0, 0), "1970-01-01T00:00:00Z");
        assert_eq!(shown(951_782_400, 0, 0), "2000-02-29T00:00:00Z");
        assert_eq!(shown(-1, 0, 0), "1969-12-31T23:59:59Z");
        assert_eq!(shown(1_700_000_000, 120_000_000, 60), "2023-11-14T23:13:20.12+01:00");
        assert_eq!(shown(1_700_000_000, 1, -210), "2023-11-14T18:43:20.000000001-03:30");
        assert_eq!(shown(-62_135_596_800, 0, 0), "0001-01-01T00:00:00Z");
        for far in [i64::MIN, i64::MAX] {
            assert!(!shown(far, 0, 0).is_empty(), "no panic");
        }
    }

    #[test]
    fn what_is_printed_is_read_again() {
        for seconds in [-62_135_596_800, -1, 0, 951_868_799, 951_868_800, 1_700_000_000] {
            for east in [0, 60, -210, 13 * 60] {
                let text = shown(seconds, 5_000, east);
                assert_eq!(Time::parse(text.as_bytes()), Some((seconds, east)), "{text}");
            }
        }
        assert_eq!(Time::parse(b"1970-01-01T00:00"), None);
    }

    #[test]
    fn records_have_fractions_of_any_length() {
        let time = |seconds, nanoseconds| Some(Time { seconds, nanoseconds });
        assert_eq!(Time::parse_record(b"12"), time(12, 0));
        assert_eq!(Time::parse_record(b"12.5"), time(12, 500_000_000));
        assert_eq!(Time::parse_record(b"12.1234567891"), time(12, 123_456_789));
        assert_eq!(Time::parse_record(b"-1.25"), time(-2, 750_000_000));
        assert_eq!(Time::parse_record(b"1.x"), None);
        assert_eq!(Time::parse_record(b"x"), None);
    }

    #[test]
    fn zones_follow_from_times_and_survive_numbers() {
        let times = vec![(300, 60), (100, 60), (200, 120), (250, 120)];
        let zones = Zones::of(times.clone());
        for (time, east) in times {
            assert_eq!(zones.east(time), east);
        }
        assert_eq!(Zones::from_numbers(&zones.to_numbers()), Some(zones));
        assert!(Zones::of(Vec::new()).to_numbers().is_empty());
        let east = Zones::of(vec![(5, 60)]);
        assert_eq!(Zones::from_numbers(&east.to_numbers()), Some(east));
        assert_eq!(Zones::from_numbers(&[0]), None, "a second spelling");
        assert_eq!(Zones::from_numbers(&[0, 1]), None);
        assert_eq!(Zones::from_numbers(&[0, 10, 120, 10, 0]), None, "they ascend");
        assert_eq!(Zones::from_numbers(&[u64::MAX - 1]), None, "a day is the most");
    }
}
