//! JSON by the places of its values, so that some can be changed and all else stays as it is.
//!
//! Nothing is kept of a document but its text: each look at an object or list reads it anew, so
//! that a hostile document costs time in proportion to its length and no memory. The texts were
//! parsed before (`image::document`); what is malformed all the same has no values here.

use std::ops::Range;

/// A value of a document.
#[derive(Debug, Clone, Copy)]
pub(super) struct Value<'a> {
    text: &'a [u8],
    start: usize,
    end: usize,
}

/// A member of an object or an element of a list.
#[derive(Debug, Clone)]
pub(super) struct Item<'a> {
    /// The key; `None` in a list.
    pub(super) key: Option<String>,
    /// Key and value, without what stands around.
    pub(super) range: Range<usize>,
    pub(super) value: Value<'a>,
}

impl<'a> Value<'a> {
    /// The value that a whole document is.
    pub(super) fn document(text: &'a [u8]) -> Option<Self> {
        let start = skip_space(text, 0);
        Some(Self { text, start, end: skip_value(text, start)? })
    }

    /// The text of the whole document.
    pub(super) fn text(&self) -> &'a [u8] {
        self.text
    }

    /// Where it lies in the document.
    pub(super) fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    /// Its own text.
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.text.get(self.range()).unwrap_or_default()
    }

    /// What an object or a list holds, in order; nothing of any other value.
    pub(super) fn items(&self) -> Items<'a> {
        let first = self.text.get(self.start);
        let is_object = first == Some(&b'{');
        let at = if is_object || first == Some(&b'[') { self.start + 1 } else { self.end };
        Items { text: self.text, at, end: self.end, is_object }
    }

    /// The elements of a list; nothing of any other value.
    pub(super) fn elements(&self) -> impl Iterator<Item = Value<'a>> + use<'a> {
        self.items().filter(|item| item.key.is_none()).map(|item| item.value)
    }

    /// The value of a key; of a key that occurs twice the last counts, and `null` is absence.
    pub(super) fn get(&self, key: &str) -> Option<Self> {
        let of_key = self.items().filter(|item| item.key.as_deref() == Some(key)).last();
        of_key.map(|item| item.value).filter(|value| value.bytes() != b"null")
    }

    /// The text of a string.
    pub(super) fn string(&self) -> Option<String> {
        serde_json::from_slice(self.bytes()).ok()
    }

    /// The text of the string under a key.
    pub(super) fn string_at(&self, key: &str) -> Option<String> {
        self.get(key)?.string()
    }
}

/// Iterator over what an object or a list holds.
pub(super) struct Items<'a> {
    text: &'a [u8],
    at: usize,
    end: usize,
    is_object: bool,
}

impl<'a> Iterator for Items<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        let mut start = skip_space(self.text, self.at);
        if self.text.get(start) == Some(&b',') {
            start = skip_space(self.text, start + 1);
        }
        if start >= self.end || matches!(self.text.get(start), None | Some(b'}' | b']')) {
            return None;
        }
        let mut value = start;
        let mut key = None;
        if self.is_object {
            let end = skip_value(self.text, start)?;
            key = Some(serde_json::from_slice(self.text.get(start..end)?).ok()?);
            let colon = skip_space(self.text, end);
            if self.text.get(colon) != Some(&b':') {
                return None;
            }
            value = skip_space(self.text, colon + 1);
        }
        let end = skip_value(self.text, value).filter(|end| *end <= self.end)?;
        self.at = end;
        let value = Value { text: self.text, start: value, end };
        Some(Item { key, range: start..end, value })
    }
}

fn skip_space(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count()
}

/// One past the value that begins at `at`; `None` where it does not end or none begins.
fn skip_value(text: &[u8], at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    let (mut depth, mut in_string, mut is_escaped) = (0_usize, false, false);
    for (index, byte) in rest.iter().enumerate() {
        let is_end = match byte {
            _ if is_escaped => {
                is_escaped = false;
                false
            }
            b'\\' if in_string => {
                is_escaped = true;
                false
            }
            b'"' => {
                in_string = !in_string;
                !in_string && depth == 0
            }
            _ if in_string => false,
            b'[' | b'{' => {
                depth += 1;
                false
            }
            b']' | b'}' if depth > 0 => {
                depth -= 1;
                depth == 0
            }
            b',' | b':' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r' if depth == 0 => {
                return (index > 0).then_some(at + index);
            }
            _ => false,
        };
        if is_end {
            return Some(at + index + 1);
        }
    }
    (depth == 0 && !in_string && !rest.is_empty()).then_some(text.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn document(text: &str) -> Value<'_> {
        Value::document(text.as_bytes()).expect("a value")
    }

    fn shown<'a>(items: impl Iterator<Item = Item<'a>>, text: &str) -> Vec<&str> {
        items.map(|item| &text[item.range]).collect()
    }

    #[test]
    fn members_and_elements_lie_where_they_are() {
        let text = " { \"a\" : [ 1 ,\"x,]\\\"\",{}, null ] , \"b\":-1.5e3}\n";
        let whole = document(text);
        let members = shown(whole.items(), text);
        assert_eq!(members, ["\"a\" : [ 1 ,\"x,]\\\"\",{}, null ]", "\"b\":-1.5e3"]);
        let list = whole.get("a").expect("there");
        assert_eq!(shown(list.items(), text), ["1", "\"x,]\\\"\"", "{}", "null"]);
        assert_eq!(whole.get("b").expect("there").bytes(), b"-1.5e3");
        assert_eq!(
            list.elements().nth(1).and_then(|value| value.string()).as_deref(),
            Some("x,]\"")
        );
    }

    #[test]
    fn the_last_of_a_key_counts_and_null_is_absence() {
        let whole = document(r#"{"a":1,"b":2,"a":3,"b":null,"\u0063":"d"}"#);
        assert_eq!(whole.get("a").expect("there").bytes(), b"3");
        assert!(whole.get("b").is_none() && whole.get("d").is_none());
        assert_eq!(whole.string_at("c").as_deref(), Some("d"));
        assert_eq!(document("[1]").items().count(), 1);
        assert_eq!(document("\"[1]\"").items().count(), 0);
        assert!(document("[1]").get("0").is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(text in "[\\[\\]{}\",:\\\\a1 ]{0,40}") {
            let mut pending: Vec<Value<'_>> = Value::document(text.as_bytes()).into_iter().collect();
            while let Some(value) = pending.pop() {
                prop_assert!(value.range().end <= text.len());
                let items: Vec<Item<'_>> = value.items().collect();
                prop_assert!(items.iter().all(|item| item.range.end <= value.range().end));
                pending.extend(items.into_iter().map(|item| item.value));
            }
        }
    }
}
