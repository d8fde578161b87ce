//! Corrections: what turns a guess into the text that was.
//!
//! A script is a run of edits, each three varints and some bytes: how much of the guess to keep, how
//! much of it to pass over afterwards, and how many bytes to put between the two, which follow.
//! What the last edit leaves of the guess is kept.

use crate::format::varint;

/// One edit, its bytes apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Edit {
    keep: u64,
    skip: u64,
    /// Bytes of the script that are put in.
    insert: (usize, usize),
}

/// A script on its way over a guess.
#[derive(Debug)]
pub(super) struct Script {
    bytes: Vec<u8>,
    /// Where in the script the next edit begins.
    at: usize,
    /// What is left of the edit that is open.
    open: Option<Edit>,
}

impl Script {
    /// Takes a script.
    ///
    /// # Errors
    /// What rule it breaks.
    pub(super) fn new(bytes: Vec<u8>) -> Result<Self, &'static str> {
        let mut script = Self { bytes, at: 0, open: None };
        let mut is_first = true;
        while let Some(edit) = script.next()? {
            if edit.insert.0 == edit.insert.1 && edit.skip == 0 {
                return Err("a correction changes something");
            }
            if edit.keep == 0 && !is_first {
                return Err("corrections that touch are one");
            }
            is_first = false;
        }
        script.at = 0;
        Ok(script)
    }

    /// Reads the next edit.
    fn next(&mut self) -> Result<Option<Edit>, &'static str> {
        if self.at == self.bytes.len() {
            return Ok(None);
        }
        let mut number = || {
            let (value, len) = varint::read(&self.bytes[self.at..])?;
            self.at += len;
            Some(value)
        };
        let numbers = number().zip(number()).zip(number());
        let ((keep, skip), insert) = numbers.ok_or("a correction is three numbers")?;
        let end = usize::try_from(insert).ok().and_then(|insert| self.at.checked_add(insert));
        let end = end.filter(|end| *end <= self.bytes.len());
        let end = end.ok_or("a correction has the bytes that it puts in")?;
        let insert = (self.at, end);
        self.at = end;
        Ok(Some(Edit { keep, skip, insert }))
    }

    /// Takes the next bytes of the guess and gives out what they become.
    pub(super) fn apply(&mut self, mut guess: &[u8], give: &mut dyn FnMut(&[u8])) {
        loop {
            if self.open.is_none() {
                // The script was read before, without an error.
                self.open = self.next().unwrap_or(None);
            }
            let Some(edit) = &mut self.open else {
                return give(guess);
            };
            let keep = split_len(edit.keep, guess);
            give(&guess[..keep]);
            guess = &guess[keep..];
            edit.keep -= keep as u64;
            if edit.keep > 0 {
                return;
            }
            give(&self.bytes[edit.insert.0..edit.insert.1]);
            edit.insert.0 = edit.insert.1;
            let skip = split_len(edit.skip, guess);
            guess = &guess[skip..];
            edit.skip -= skip as u64;
            if edit.skip > 0 {
                return;
            }
            self.open = None;
        }
    }

    /// The guess has ended: gives out what is put behind it. Says whether all edits found what they
    /// keep or skip.
    pub(super) fn finish(&mut self, give: &mut dyn FnMut(&[u8])) -> bool {
        self.apply(&[], give);
        self.open.is_none() && self.at == self.bytes.len()
    }
}

fn split_len(len: u64, bytes: &[u8]) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX).min(bytes.len())
}

/// Takes corrections apart into the scripts of so many texts: the length of each as a varint, then
/// the script. No corrections are empty scripts.
pub(super) fn split(mut corrections: &[u8], texts: usize) -> Result<Vec<Script>, &'static str> {
    let mut scripts = Vec::with_capacity(texts);
    let has_any = !corrections.is_empty();
    let mut is_empty = true;
    for _ in 0..texts {
        let mut script: &[u8] = &[];
        if has_any {
            let (len, varint_len) = varint::read(corrections).ok_or("a script has a length")?;
            let rest = &corrections[varint_len..];
            let len = usize::try_from(len).ok().filter(|len| *len <= rest.len());
            (script, corrections) = rest.split_at(len.ok_or("a script is as long as it says")?);
            is_empty &= script.is_empty();
        }
        scripts.push(Script::new(script.to_vec())?);
    }
    if has_any && is_empty {
        return Err("corrections change something");
    }
    if corrections.is_empty() { Ok(scripts) } else { Err("a text has one script") }
}

/// Puts scripts together as corrections.
pub(super) fn join(scripts: &[Vec<u8>]) -> Vec<u8> {
    let mut corrections = Vec::new();
    if scripts.iter().any(|script| !script.is_empty()) {
        for script in scripts {
            varint::put(&mut corrections, script.len() as u64);
            corrections.extend_from_slice(script);
        }
    }
    corrections
}

/// Bytes that have to be equal behind a difference.
const RESYNC_LEN: usize = 16;

/// How far behind a difference it is looked for them, in turn.
const REACHES: [usize; 3] = [256, 4 << 10, 64 << 10];

/// Bytes that are looked at behind differences, before they are taken to be too many.
const MOST_WORK: usize = 96 << 20;

/// The script that makes `text` of `guess`; `None` where they have little in common.
pub(super) fn script(guess: &[u8], text: &[u8]) -> Option<Vec<u8>> {
    let mut script = Vec::new();
    let (mut from, mut to, mut kept) = (0, 0, 0_usize);
    let mut work = 0;
    loop {
        let equal = common_len(&guess[from..], &text[to..]);
        (from, to, kept) = (from + equal, to + equal, kept + equal);
        if from == guess.len() && to == text.len() {
            return Some(script);
        }
        if work > MOST_WORK || script.len() > text.len() / 2 {
            return None;
        }
        let (skip, insert) = REACHES
            .into_iter()
            .find_map(|reach| {
                work += reach;
                resync(&guess[from..], &text[to..], reach)
            })
            .unwrap_or((guess.len() - from, text.len() - to));
        for number in [kept, skip, insert] {
            varint::put(&mut script, number as u64);
        }
        script.extend_from_slice(&text[to..to + insert]);
        (from, to, kept) = (from + skip, to + insert, 0);
    }
}

fn common_len(one: &[u8], other: &[u8]) -> usize {
    const STEP: usize = 64;
    let steps = one.chunks_exact(STEP).zip(other.chunks_exact(STEP));
    let equal = STEP * steps.take_while(|(one, other)| one == other).count();
    let rest = one[equal..].iter().zip(&other[equal..]);
    equal + rest.take_while(|(one, other)| one == other).count()
}

/// How much of the guess and of the text lies before they go on alike, within `reach` bytes of each.
fn resync(guess: &[u8], text: &[u8], reach: usize) -> Option<(usize, usize)> {
    let guess = &guess[..guess.len().min(reach + RESYNC_LEN)];
    let text = &text[..text.len().min(reach + RESYNC_LEN)];
    let mut places: Vec<(&[u8], usize)> =
        guess.windows(RESYNC_LEN).enumerate().map(|(at, window)| (window, at)).collect();
    places.sort_unstable();
    let found = text.windows(RESYNC_LEN).enumerate().find_map(|(at, window)| {
        let first = places.partition_point(|place| place.0 < window);
        places.get(first).filter(|place| place.0 == window).map(|place| (place.1, at))
    });
    let (mut skip, mut insert) = found?;
    // The last bytes before may be equal too.
    while skip > 0 && insert > 0 && guess[skip - 1] == text[insert - 1] {
        (skip, insert) = (skip - 1, insert - 1);
    }
    Some((skip, insert))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a script makes of a guess that comes in pieces of `cut` bytes.
    fn applied(script: Vec<u8>, guess: &[u8], cut: usize) -> Option<Vec<u8>> {
        let mut script = Script::new(script).ok()?;
        let mut text = Vec::new();
        let mut give = |bytes: &[u8]| text.extend_from_slice(bytes);
        for piece in guess.chunks(cut.max(1)) {
            script.apply(piece, &mut give);
        }
        script.finish(&mut give).then_some(text)
    }

    fn lines(count: usize) -> Vec<u8> {
        (0..count)
            .flat_map(|line| format!("line {line} of {}\n", line * line).into_bytes())
            .collect()
    }

    #[test]
    fn what_is_equal_needs_no_script() {
        assert_eq!(script(&lines(100), &lines(100)), Some(Vec::new()));
        assert_eq!(applied(Vec::new(), b"guess", 2), Some(b"guess".to_vec()));
    }

    #[test]
    fn a_change_costs_itself_and_three_numbers() {
        let guess = lines(1000);
        let mut text = guess.clone();
        text[5000] = b'#';
        text.splice(9000..9003, *b"more of it");
        let script = script(&guess, &text).expect("much in common");
        assert!(script.len() < 30, "{}", script.len());
        assert_eq!(applied(script, &guess, 7), Some(text));
    }

    #[test]
    fn a_script_that_breaks_a_rule_is_refused() {
        let rule = |bytes: &[u8]| Script::new(bytes.to_vec()).err();
        assert_eq!(rule(&[1, 0, 0]), Some("a correction changes something"));
        assert_eq!(rule(&[0, 1, 0, 0, 1, 0]), Some("corrections that touch are one"));
        assert_eq!(rule(&[1, 2]), Some("a correction is three numbers"));
        assert_eq!(rule(&[0x80, 0, 1, 0]), Some("a correction is three numbers"));
        assert_eq!(rule(&[1, 0, 2, 7]), Some("a correction has the bytes that it puts in"));
        let largest = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
        let edit = [&[0, 0][..], &largest].concat();
        assert_eq!(rule(&edit), Some("a correction has the bytes that it puts in"));
    }

    #[test]
    fn edits_that_reach_behind_the_guess_are_noticed() {
        assert_eq!(applied(vec![3, 0, 1, b'x'], b"abc", 2), Some(b"abcx".to_vec()));
        assert_eq!(applied(vec![4, 0, 1, b'x'], b"abc", 2), None);
        assert_eq!(applied(vec![0, 3, 0], b"abc", 2), Some(Vec::new()));
        assert_eq!(applied(vec![0, 4, 0], b"abc", 2), None);
    }

    proptest! {
        #[test]
        fn a_script_makes_the_text(
            guess in prop::collection::vec(0_u8..4, 0..400),
            text in prop::collection::vec(0_u8..4, 0..400),
            shared in prop::collection::vec(any::<u8>(), 0..400),
            cut in 1_usize..100,
        ) {
            let guess = [&guess[..], &shared].concat();
            let text = [&text[..], &shared, &text].concat();
            if let Some(script) = script(&guess, &text) {
                prop_assert_eq!(applied(script, &guess, cut), Some(text));
            }
        }

        #[test]
        fn any_script_ends(
            bytes in prop::collection::vec(any::<u8>(), 0..60),
            guess in prop::collection::vec(any::<u8>(), 0..100),
        ) {
            let most = guess.len() + bytes.len();
            if let Some(text) = applied(bytes, &guess, 9) {
                prop_assert!(text.len() <= most);
            }
        }
    }
}
