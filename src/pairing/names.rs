//! Names of members, cut into what stays from release to release and what does not.

use std::ops::Range;

/// Shortest run of hex digits that is taken for a digest, if it has a digit: shorter ones are words.
const MIN_HEX_RUN: usize = 6;

/// How much of a name is compared with others, in bytes from its end: bounds the work for long ones.
const COMPARED_LEN: usize = 128;

/// A name without what says only where the archive was made: leading `./` and `/`.
pub(super) fn clean(mut name: &[u8]) -> &[u8] {
    while let Some(rest) = name.strip_prefix(b"./").or_else(|| name.strip_prefix(b"/")) {
        name = rest;
    }
    name
}

/// A cleaned name cut behind its last slash: the directory, slash included, and the rest.
pub(super) fn split(name: &[u8]) -> (&[u8], &[u8]) {
    let at = name.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    name.split_at(at)
}

/// First word of a file's name, with the marks before it, and the last word behind a dot.
pub(super) fn stem(file: &[u8]) -> (&[u8], &[u8]) {
    let marks = len_while(file, |byte| !byte.is_ascii_alphanumeric());
    let word = len_while(&file[marks..], u8::is_ascii_alphabetic);
    let dot = len_while(file, |byte| *byte != b'.');
    let mut words = file[dot..].rsplit(|byte| *byte == b'.');
    let extension = words.find(|word| word.first().is_some_and(u8::is_ascii_alphabetic));
    (&file[..marks + word], extension.unwrap_or_default())
}

/// The next version, number or digest of a name, at `at` or behind it.
///
/// Going from one to the next takes time linear in the name: of what is no digest, fewer than
/// [`MIN_HEX_RUN`] bytes are looked at again.
fn next_run(name: &[u8], at: usize) -> Option<Range<usize>> {
    let digit = at + name[at..].iter().position(u8::is_ascii_digit)?;
    let before = name[at..digit].iter().rev().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let start = digit - before;
    let end = digit + len_while(&name[digit..], u8::is_ascii_hexdigit);
    let is_digest = end - start >= MIN_HEX_RUN;
    Some(if is_digest { start..end } else { digit..digit + version_len(&name[digit..]) })
}

/// Length of the digits at the start, and of more digits behind single dots: `1.2.13`.
fn version_len(name: &[u8]) -> usize {
    let mut len = len_while(name, u8::is_ascii_digit);
    while name.get(len) == Some(&b'.') {
        match len_while(&name[len + 1..], u8::is_ascii_digit) {
            0 => break,
            digits => len += 1 + digits,
        }
    }
    len
}

fn len_while(name: &[u8], is_in: impl Fn(&u8) -> bool) -> usize {
    name.iter().take_while(|byte| is_in(byte)).count()
}

/// Appends a name with one NUL, which no name has, for each version, number and digest.
pub(super) fn fold(name: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(run) = next_run(name, at) {
        out.extend(&name[at..run.start]);
        out.push(0);
        at = run.end;
    }
    out.extend(&name[at..]);
}

/// A piece of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece<'a> {
    Byte(u8),
    /// A version, a number or a digest.
    Run(&'a [u8]),
}

/// Cuts the end of a name into pieces.
fn cut<'a>(name: &'a [u8], pieces: &mut Vec<Piece<'a>>) {
    let name = &name[name.len().saturating_sub(COMPARED_LEN)..];
    let mut at = 0;
    pieces.clear();
    while let Some(run) = next_run(name, at) {
        pieces.extend(name[at..run.start].iter().copied().map(Piece::Byte));
        pieces.push(Piece::Run(&name[run.clone()]));
        at = run.end;
    }
    pieces.extend(name[at..].iter().copied().map(Piece::Byte));
}

/// Compares one name with many.
#[derive(Debug, Default)]
pub(super) struct Comparer<'a> {
    name: Vec<Piece<'a>>,
    other: Vec<Piece<'a>>,
}

impl<'a> Comparer<'a> {
    /// Sets the name that others are compared with.
    pub(super) fn set(&mut self, name: &'a [u8]) {
        cut(name, &mut self.name);
    }

    /// How alike the names are: pieces that they have in common from the start on and from the end
    /// on, where a run is like any other run but counts more if it is the same.
    pub(super) fn likeness(&mut self, other: &'a [u8]) -> usize {
        cut(other, &mut self.other);
        let (mut ours, mut theirs) = (&self.name[..], &self.other[..]);
        let mut likeness = 0;
        while let ([our, our_rest @ ..], [their, their_rest @ ..]) = (ours, theirs)
            && let Some(points) = alike(*our, *their)
        {
            likeness += points;
            (ours, theirs) = (our_rest, their_rest);
        }
        while let ([our_rest @ .., our], [their_rest @ .., their]) = (ours, theirs)
            && let Some(points) = alike(*our, *their)
        {
            likeness += points;
            (ours, theirs) = (our_rest, their_rest);
        }
        likeness
    }
}

fn alike(one: Piece<'_>, other: Piece<'_>) -> Option<usize> {
    match (one, other) {
        (Piece::Run(one), Piece::Run(other)) => Some(if one == other { 2 } else { 1 }),
        _ => (one == other).then_some(1),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn folded(name: &str) -> String {
        let mut out = Vec::new();
        fold(name.as_bytes(), &mut out);
        String::from_utf8_lossy(&out).replace('\0', "#")
    }

    fn likeness(one: &str, other: &str) -> usize {
        let mut comparer = Comparer::default();
        comparer.set(one.as_bytes());
        comparer.likeness(other.as_bytes())
    }

    #[test]
    fn versions_numbers_and_digests_fold_to_one_byte_each() {
        for (name, expected) in [
            ("usr/lib/python3.11/os.py", "usr/lib/python#/os.py"),
            ("usr/lib/libx.so.1.2.13", "usr/lib/libx.so.#"),
            ("main.3f2a9c.js", "main.#.js"),
            ("0f3e2a1bdeadbeef.css", "#.css"),
            ("main.3f2a.js", "main.#f#a.js"),
            ("facade/decade/x86_64", "facade/decade/x#_#"),
            ("deadbeef/defaced2", "deadbeef/#"),
            ("1.2.", "#."),
            ("a..1", "a..#"),
            ("1.2abcdef0", "##"),
            ("", ""),
        ] {
            assert_eq!(folded(name), expected);
        }
    }

    #[test]
    fn a_name_begins_behind_what_says_where_it_was_archived() {
        for name in ["etc/passwd", "./etc/passwd", "/etc/passwd", "././/etc/passwd"] {
            assert_eq!(clean(name.as_bytes()), b"etc/passwd");
        }
        assert_eq!(clean(b".hidden"), b".hidden");
        assert_eq!(clean(b"./"), b"");
    }

    #[test]
    fn a_stem_is_the_first_word_and_the_last_extension() {
        for (file, word, extension) in [
            ("libldap-2.5.so.0.1.13", "libldap", "so"),
            ("libssl\0t\0:amd\0.symbols", "libssl", "symbols"),
            ("\0.js", "\0.js", "js"),
            ("index-BfX3kq9_.js", "index", "js"),
            ("_imaging.cpython-311-x86_64-linux-gnu.so", "_imaging", "so"),
            ("[", "[", ""),
            ("2to3", "", ""),
            (".bashrc", ".bashrc", "bashrc"),
            ("", "", ""),
        ] {
            assert_eq!(stem(file.as_bytes()), (word.as_bytes(), extension.as_bytes()), "{file}");
        }
    }

    #[test]
    fn the_same_number_counts_more_than_another_one() {
        let name = "python3.13/cp1250.cpython-313.pyc";
        let right = likeness(name, "python3.11/cp1250.cpython-311.pyc");
        assert!(right > likeness(name, "python3.11/cp1251.cpython-311.pyc"));
        assert!(right < likeness(name, "python3.13/cp1250.cpython-311.pyc"));
    }

    #[test]
    fn names_are_alike_from_both_ends() {
        assert_eq!(likeness("doc/libssl3t64/copyright", "doc/libssl3/copyright"), 10 + 2 + 10);
        assert_eq!(likeness("aXb", "aYb"), 2);
        assert_eq!(likeness("aa", "aaa"), 2);
        assert_eq!(likeness("", "a"), 0);
    }

    #[test]
    fn only_the_end_of_a_long_name_is_compared() {
        let long = |first: &str| format!("{first}{}", "x".repeat(COMPARED_LEN));
        assert_eq!(likeness(&long("a"), &long("b")), COMPARED_LEN);
    }

    proptest! {
        #[test]
        fn pieces_make_up_the_name(name in "[a-f0-9./x]{0,60}") {
            let mut pieces = Vec::new();
            cut(name.as_bytes(), &mut pieces);
            let bytes = |piece: &Piece<'_>| match piece {
                Piece::Byte(byte) => vec![*byte],
                Piece::Run(run) => run.to_vec(),
            };
            let whole = pieces.iter().map(bytes).collect::<Vec<_>>().concat();
            prop_assert_eq!(whole, name.as_bytes());
        }
    }
}
