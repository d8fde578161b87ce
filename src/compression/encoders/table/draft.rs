//! A text that is guessed, and JSON as Go writes it.

/// A guess on its way: what was appended since it was taken, up to a ceiling for all of it.
#[derive(Debug)]
pub(super) struct Draft {
    bytes: Vec<u8>,
    room: u64,
}

impl Draft {
    /// A guess of at most `room` bytes.
    pub(super) fn new(room: u64) -> Self {
        Self { bytes: Vec::new(), room }
    }

    /// Takes what was appended since the last call; the buffer stays.
    pub(super) fn drain(&mut self, take: &mut dyn FnMut(&[u8])) {
        take(&self.bytes);
        self.bytes.clear();
    }

    /// How much more is guessed, in bytes.
    pub(super) fn room(&self) -> u64 {
        self.room
    }

    /// Appends bytes as far as there is room.
    pub(super) fn put(&mut self, bytes: &[u8]) {
        let room = usize::try_from(self.room).unwrap_or(usize::MAX);
        let bytes = &bytes[..bytes.len().min(room)];
        self.bytes.extend_from_slice(bytes);
        self.room -= bytes.len() as u64;
    }

    /// Appends a JSON string, quotes included: what HTML minds is escaped, what is not UTF-8
    /// replaced.
    pub(super) fn put_string(&mut self, bytes: &[u8]) {
        self.put(b"\"");
        for part in bytes.utf8_chunks() {
            self.put_text(part.valid());
            // One mark for each byte.
            for _ in part.invalid() {
                self.put(b"\\ufffd");
            }
        }
        self.put(b"\"");
    }

    fn put_text(&mut self, text: &str) {
        let mut plain = 0;
        for (at, character) in text.char_indices() {
            let escape: &[u8] = match character {
                '"' => b"\\\"",
                '\\' => b"\\\\",
                '\n' => b"\\n",
                '\r' => b"\\r",
                '\t' => b"\\t",
                '\0'..=' ' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' if character != ' ' => b"",
                _ => continue,
            };
            self.put(&text.as_bytes()[plain..at]);
            if escape.is_empty() {
                self.put(format!("\\u{:04x}", u32::from(character)).as_bytes());
            } else {
                self.put(escape);
            }
            plain = at + character.len_utf8();
        }
        self.put(&text.as_bytes()[plain..]);
    }

    /// Appends bytes as a JSON string in base 64.
    pub(super) fn put_base64(&mut self, bytes: &[u8]) {
        const DIGITS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let digit = |group: u32, place: u32| DIGITS[(group >> (6 * place) & 63) as usize];
        self.put(b"\"");
        for group in bytes.chunks(3) {
            let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
            let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
            let mut text = [digit(bits, 3), digit(bits, 2), digit(bits, 1), digit(bits, 0)];
            text[group.len() + 1..].fill(b'=');
            self.put(&text);
        }
        self.put(b"\"");
    }
}

/// The members of one JSON object.
///
/// Whoever has indented text gives the indentation of the members.
pub(super) struct Object<'d> {
    draft: &'d mut Draft,
    indent: Option<&'static [u8]>,
    is_empty: bool,
}

impl<'d> Object<'d> {
    /// Opens an object; `indent` is a line break and what stands before each of its members.
    pub(super) fn begin(draft: &'d mut Draft, indent: Option<&'static [u8]>) -> Self {
        draft.put(b"{");
        Self { draft, indent, is_empty: true }
    }

    /// Begins a member; its value is to be put into what comes back.
    pub(super) fn key(&mut self, key: &[u8]) -> &mut Draft {
        if !std::mem::replace(&mut self.is_empty, false) {
            self.draft.put(b",");
        }
        self.draft.put(self.indent.unwrap_or_default());
        self.draft.put_string(key);
        self.draft.put(if self.indent.is_some() { b": " } else { b":" });
        self.draft
    }

    pub(super) fn text(&mut self, key: &str, text: &[u8]) {
        self.key(key.as_bytes()).put_string(text);
    }

    /// A member that is left out where it is empty.
    pub(super) fn text_if_any(&mut self, key: &str, text: &[u8]) {
        if !text.is_empty() {
            self.text(key, text);
        }
    }

    pub(super) fn number(&mut self, key: &str, number: impl std::fmt::Display) {
        self.key(key.as_bytes()).put(number.to_string().as_bytes());
    }

    /// A member that is left out where it is 0.
    pub(super) fn number_if_any(&mut self, key: &str, number: i64) {
        if number != 0 {
            self.number(key, number);
        }
    }

    /// A member that is left out where it is 0.
    pub(super) fn length_if_any(&mut self, key: &str, length: u64) {
        if length != 0 {
            self.number(key, length);
        }
    }

    /// Closes it; `indent` is a line break and what stands before the brace.
    pub(super) fn end(self, indent: &[u8]) {
        self.draft.put(if self.indent.is_some() { indent } else { b"" });
        self.draft.put(b"}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(draft: &mut Draft) -> String {
        let mut text = Vec::new();
        draft.drain(&mut |bytes| text.extend_from_slice(bytes));
        String::from_utf8(text).expect("UTF-8")
    }

    #[test]
    fn strings_are_escaped_as_go_escapes_them() {
        let mut draft = Draft::new(1000);
        draft.put_string("a\"\\\n\r\t\u{1}\u{7f}<>& \u{2028}\u{e4}".as_bytes());
        let text = "\"a\\\"\\\\\\n\\r\\t\\u0001\u{7f}\\u003c\\u003e\\u0026 \\u2028\u{e4}\"";
        assert_eq!(taken(&mut draft), text);
        draft.put_string(b"caf\xe9\xe2\x82 x");
        assert_eq!(taken(&mut draft), "\"caf\\ufffd\\ufffd\\ufffd x\"");
    }

    #[test]
    fn base_64_is_padded() {
        let mut draft = Draft::new(1000);
        for text in [&b""[..], b"f", b"fo", b"foo", b"foob"] {
            draft.put_base64(text);
        }
        assert_eq!(taken(&mut draft), "\"\"\"Zg==\"\"Zm8=\"\"Zm9v\"\"Zm9vYg==\"");
    }

    #[test]
    fn objects_leave_out_what_is_empty() {
        let mut draft = Draft::new(1000);
        let mut object = Object::begin(&mut draft, None);
        object.text("a", b"b");
        object.text_if_any("c", b"");
        object.number_if_any("d", 0);
        object.length_if_any("e", 7);
        object.end(b"");
        assert_eq!(taken(&mut draft), "{\"a\":\"b\",\"e\":7}");
        let mut object = Object::begin(&mut draft, Some(b"\n\t"));
        object.number("n", 1);
        object.end(b"\n");
        assert_eq!(taken(&mut draft), "{\n\t\"n\": 1\n}");
    }

    #[test]
    fn a_draft_ends_at_its_ceiling() {
        let mut draft = Draft::new(5);
        draft.put(b"abc");
        assert_eq!(draft.room(), 2);
        draft.put(b"def");
        assert_eq!(draft.room(), 0);
        draft.put(b"g");
        assert_eq!(taken(&mut draft), "abcde");
    }
}
