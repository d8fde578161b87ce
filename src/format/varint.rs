//! Varints and zigzags (docs/format.md section 1): one spelling per value.

use super::FormatError;

/// Appends `value` in its shortest form.
#[expect(clippy::cast_possible_truncation, reason = "seven bits fit a byte")]
pub(crate) fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Reads one varint from a source of bytes.
pub(crate) fn take(
    mut next: impl FnMut() -> Result<u8, FormatError>,
    place: &'static str,
) -> Result<u64, FormatError> {
    let bad = |rule| FormatError::Rule { rule, place, row: 0 };
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = next()?;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            break;
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return if byte == 0 && shift > 0 {
                Err(bad("a varint has its shortest form"))
            } else {
                Ok(value)
            };
        }
    }
    Err(bad("a varint fits 64 bits"))
}

/// Reads one varint from the start of `bytes`; returns its length too, or `None` where there is none
/// in its shortest form.
pub(crate) fn read(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut len = 0;
    let mut next = || {
        let byte = bytes.get(len).copied();
        len += 1;
        byte.ok_or(FormatError::Rule { rule: "a varint is whole", place: "corrections", row: 0 })
    };
    let value = take(&mut next, "corrections").ok()?;
    Some((value, len))
}

/// Maps a signed difference to a varint's value: 0, -1, 1, -2, ... to 0, 1, 2, 3, ...
pub(crate) const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

/// The inverse of [`zigzag`].
pub(crate) const fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8]) -> Result<u64, FormatError> {
        let mut bytes = bytes.iter();
        take(
            || {
                bytes.next().copied().ok_or(FormatError::Truncated {
                    reading: "test",
                    expected: 1,
                    available: 0,
                })
            },
            "test",
        )
    }

    proptest! {
        #[test]
        fn every_value_has_one_spelling_that_reads_back(value: u64, signed: i64) {
            let mut bytes = Vec::new();
            put(&mut bytes, value);
            prop_assert_eq!(read(&bytes).expect("own"), value);
            prop_assert!(read(&bytes[..bytes.len() - 1]).is_err());
            prop_assert_eq!(unzigzag(zigzag(signed)), signed);
        }
    }

    #[test]
    fn overlong_and_too_large_varints_are_refused() {
        let rule = |bytes: &[u8]| read(bytes).expect_err("bad").to_string();
        assert!(rule(&[0x80, 0x00]).contains("shortest"));
        assert!(rule(&[0xff, 0x80, 0x00]).contains("shortest"));
        let nine = [0xff; 9];
        assert!(rule(&[&nine[..], &[2]].concat()).contains("64 bits"));
        assert!(rule(&[&nine[..], &[0x81, 0]].concat()).contains("64 bits"));
        assert_eq!(read(&[&nine[..], &[1]].concat()).expect("the greatest"), u64::MAX);
        assert_eq!(zigzag(i64::MIN), u64::MAX);
    }
}
