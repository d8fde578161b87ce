//! Reading a window in which matches are looked for.

use super::symbols::MAX_MATCH;

/// How many bytes a window has behind its content, so that a read may go past the end.
///
/// What is there does not matter: lengths are cut to the content.
pub const PADDING: usize = MAX_MATCH.next_multiple_of(8);

/// An array of nothing, made where it stays: it may be longer than the stack.
pub fn zeros<T: Copy + Default, const N: usize>() -> Box<[T; N]> {
    let slice = vec![T::default(); N].into_boxed_slice();
    slice.try_into().unwrap_or_else(|_| unreachable!("a slice of N is an array of N"))
}

/// The four bytes at `at`, the first one lowest.
#[inline]
pub fn four(window: &[u8], at: usize) -> u32 {
    window[at..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

/// How many bytes are the same at both places, [`PADDING`] at most.
///
/// Both places are at least [`PADDING`] before the end of the window.
///
/// # Panics
/// When they are not.
#[inline]
pub fn common_len(window: &[u8], one: usize, other: usize) -> usize {
    let one: &[u8; PADDING] = window[one..].first_chunk().expect("the window is padded");
    let other: &[u8; PADDING] = window[other..].first_chunk().expect("the window is padded");
    let words = one.as_chunks::<8>().0.iter().zip(other.as_chunks::<8>().0);
    for (index, (one, other)) in words.enumerate() {
        let difference = u64::from_le_bytes(*one) ^ u64::from_le_bytes(*other);
        if difference != 0 {
            return index * 8 + (difference.trailing_zeros() / 8) as usize;
        }
    }
    PADDING
}
