//! PAX records: `length key=value\n`, length counting itself.

use crate::limits;

/// The records that place a member or name it; all others are bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Records {
    pub(super) path: Option<Vec<u8>>,
    pub(super) linkpath: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    /// Is there any `GNU.sparse` record?
    pub(super) sparse: bool,
    pub(super) sparse_name: Option<Vec<u8>>,
}

impl Records {
    /// Reads all records; `None` where one is malformed, since the member's length is then unsure.
    pub(super) fn parse(mut bytes: &[u8]) -> Option<Self> {
        let mut records = Self::default();
        while !bytes.is_empty() {
            let (record, rest) = split_record(bytes)?;
            bytes = rest;
            let equals = record.iter().position(|byte| *byte == b'=')?;
            records.set(&record[..equals], record.get(equals + 1..)?)?;
        }
        Some(records)
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        // An empty value takes the record back; what the header block says counts again.
        let text = (!value.is_empty()).then(|| value.to_vec());
        let is_name = matches!(key, b"path" | b"linkpath" | b"GNU.sparse.name");
        if is_name && u64::try_from(value.len()).ok()? > limits::NAME_LEN {
            return None;
        }
        match key {
            b"path" => self.path = text,
            b"linkpath" => self.linkpath = text,
            b"size" if value.is_empty() => self.size = None,
            b"size" => self.size = Some(decimal(value)?),
            b"GNU.sparse.name" => self.sparse_name = text,
            _ => {}
        }
        self.sparse |= key.starts_with(b"GNU.sparse.");
        Some(())
    }
}

/// Splits the first record off: what stands between its length and its newline, and the rest.
fn split_record(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    // Twenty digits hold any u64.
    let space = bytes.iter().take(21).position(|byte| *byte == b' ')?;
    let len = usize::try_from(decimal(&bytes[..space])?).ok()?;
    let body = bytes.get(space + 1..len)?.strip_suffix(b"\n")?;
    Some((body, &bytes[len..]))
}

fn decimal(digits: &[u8]) -> Option<u64> {
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_and_the_last_of_a_key_counts() {
        let records = Records::parse(b"9 path=a\n12 path=bcd\n12 size=123\n").expect("well formed");
        assert_eq!(records.path.as_deref(), Some(&b"bcd"[..]));
        assert_eq!(records.size, Some(123));
        assert!(!records.sparse);
        let taken_back = Records::parse(b"9 path=a\n8 path=\n").expect("well formed");
        assert_eq!(taken_back, Records::default());
    }

    #[test]
    fn a_malformed_record_is_refused() {
        for bytes in [
            &b"path=a\n"[..],
            b"8 path=a\n",
            b"11 path=a\n",
            b"0 \n",
            b"1 ",
            b"8 patha\n",
            b"18446744073709551616 a=b\n",
            b"99999999999999999999999999 a=b\n",
            b"11 size=-1\n",
            b"11 size=1x\n",
        ] {
            assert_eq!(Records::parse(bytes), None, "{bytes:?}");
        }
    }
}
