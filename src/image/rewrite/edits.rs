//! Changes to a text at some places, all else as it was.

use std::ops::Range;

/// Places of a text with what stands there instead; they do not overlap.
#[derive(Debug, Default)]
pub(super) struct Edits(Vec<(Range<usize>, Vec<u8>)>);

impl Edits {
    /// Puts `new` in the place of what is at `range`.
    pub(super) fn replace(&mut self, range: Range<usize>, new: impl Into<Vec<u8>>) {
        self.0.push((range, new.into()));
    }

    /// Takes members out of an object, or elements out of a list, with a comma each. `items` are
    /// all of them, with whether they go; the spaces around those that stay are theirs.
    pub(super) fn remove(&mut self, items: &[(Range<usize>, bool)]) {
        let mut kept_end = None;
        let mut run: Option<Range<usize>> = None;
        for (range, goes) in items {
            match (goes, run.take()) {
                (true, None) => run = Some(kept_end.unwrap_or(range.start)..range.end),
                (true, Some(before)) => run = Some(before.start..range.end),
                (false, before) => {
                    if let Some(before) = before {
                        // Behind something that stays the comma before goes, else the one after.
                        let end = if kept_end.is_some() { before.end } else { range.start };
                        self.replace(before.start..end, "");
                    }
                    kept_end = Some(range.end);
                }
            }
        }
        if let Some(run) = run {
            self.replace(run, "");
        }
    }

    /// The changed text; `None` where nothing changes.
    pub(super) fn apply(mut self, text: &[u8]) -> Option<Vec<u8>> {
        self.0.sort_by_key(|(range, _)| (range.start, range.end));
        let mut out = Vec::with_capacity(text.len());
        let mut at = 0;
        for (range, new) in &self.0 {
            debug_assert!(range.start >= at, "BUG: two edits of one place");
            out.extend_from_slice(text.get(at..range.start).unwrap_or_default());
            out.extend_from_slice(new);
            at = range.end;
        }
        out.extend_from_slice(text.get(at..).unwrap_or_default());
        (out != text).then_some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::super::json::Value;
    use super::*;

    fn without(text: &str, goes: &[bool]) -> Option<String> {
        let list = Value::document(text.as_bytes()).expect("a list");
        let items = list.items().map(|item| item.range).zip(goes.iter().copied());
        let mut edits = Edits::default();
        edits.remove(&items.collect::<Vec<_>>());
        let out = edits.apply(text.as_bytes())?;
        Some(String::from_utf8(out).expect("UTF-8"))
    }

    #[test]
    fn what_goes_takes_one_comma_along_and_leaves_the_spaces_of_what_stays() {
        let text = "[ 1, 2 ,3 , 4\n]";
        for (goes, left) in [
            ([true, false, false, false], "[ 2 ,3 , 4\n]"),
            ([false, true, false, false], "[ 1 ,3 , 4\n]"),
            ([false, false, false, true], "[ 1, 2 ,3\n]"),
            ([true, true, false, true], "[ 3\n]"),
            ([false, true, true, false], "[ 1 , 4\n]"),
            ([true, false, true, false], "[ 2 , 4\n]"),
            ([true, true, true, true], "[ \n]"),
        ] {
            assert_eq!(without(text, &goes).as_deref(), Some(left));
        }
        assert_eq!(without(text, &[false; 4]), None);
        assert_eq!(without("{\"a\":1,\"b\":2}", &[false, true]).as_deref(), Some("{\"a\":1}"));
    }

    #[test]
    fn places_are_replaced_in_any_order_and_the_same_text_is_no_change() {
        let mut edits = Edits::default();
        edits.replace(4..5, "yy");
        edits.replace(0..2, "");
        assert_eq!(edits.apply(b"abcdef").as_deref(), Some(&b"cdyyf"[..]));
        let mut edits = Edits::default();
        edits.replace(1..2, "b");
        assert_eq!(edits.apply(b"abc"), None);
    }
}
