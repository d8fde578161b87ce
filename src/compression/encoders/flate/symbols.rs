//! The alphabets of deflate: literals with lengths, and distances, with their extra bits.

/// Symbols of literals, the end of a block and lengths.
pub const LITERALS: usize = 286;

/// Symbols of distances.
pub const DISTANCES: usize = 30;

/// The symbol that ends a block.
pub const END_OF_BLOCK: usize = 256;

/// The symbol of the shortest length.
pub const FIRST_LENGTH: usize = 257;

/// The longest words of the two codes, in bits.
pub const MAX_WORD_LEN: usize = 15;

/// Length of the shortest match.
pub const MIN_MATCH: usize = 3;

/// Length of the longest match.
pub const MAX_MATCH: usize = 258;

/// Furthest distance of a match.
pub const MAX_DISTANCE: usize = 1 << 15;

/// The symbol of each length, less [`FIRST_LENGTH`]; lengths are counted from [`MIN_MATCH`].
const LENGTH_SYMBOLS: [u8; 256] = {
    let mut symbols = [0; 256];
    let (mut length, mut symbol) = (0, 0);
    while length < 255 {
        symbols[length] = symbol;
        length += 1;
        if length % (1 << LENGTH_EXTRA_LENS[symbol as usize]) == 0 {
            symbol += 1;
        }
    }
    // The longest one has a symbol of its own.
    symbols[255] = 28;
    symbols
};

/// How many extra bits follow each symbol of a length.
///
/// Lengths and distances are counted from zero; their extra bits are then the lowest ones.
pub const LENGTH_EXTRA_LENS: [u8; LITERALS - FIRST_LENGTH] =
    [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];

/// The symbol of each distance, counted from one: of those below 256, then of the others by their
/// bits from the seventh on.
const DISTANCE_SYMBOLS: [u8; 512] = {
    let mut symbols = [0; 512];
    let (mut index, mut symbol) = (0, 0);
    while index < 512 {
        symbols[index] = symbol;
        index += 1;
        if index == 256 {
            // The two after it stand for distances below 256 and are not asked for.
            (index, symbol) = (258, 16);
            continue;
        }
        let coarse = if index > 256 { 7 } else { 0 };
        if index % (1 << (DISTANCE_EXTRA_LENS[symbol as usize] - coarse)) == 0 {
            symbol += 1;
        }
    }
    symbols
};

/// How many extra bits follow each symbol of a distance.
pub const DISTANCE_EXTRA_LENS: [u8; DISTANCES] = [
    0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13,
    13,
];

/// The symbol of a length, less [`FIRST_LENGTH`]; `length` is counted from [`MIN_MATCH`].
#[inline]
pub fn length_symbol(length: u8) -> usize {
    usize::from(LENGTH_SYMBOLS[usize::from(length)])
}

/// The symbol of a distance, which is counted from one and below [`MAX_DISTANCE`].
#[inline]
pub fn distance_symbol(distance: u16) -> usize {
    let index = if distance < 256 { distance } else { 256 + (distance >> 7) };
    usize::from(DISTANCE_SYMBOLS[usize::from(index % 512)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_the_symbols_of_the_standard() {
        let of = |length: usize| {
            257 + length_symbol(u8::try_from(length - MIN_MATCH).expect("a length"))
        };
        let lengths =
            [3, 4, 10, 11, 12, 13, 18, 19, 34, 35, 66, 67, 114, 115, 130, 131, 226, 227, 257, 258];
        assert_eq!(
            lengths.map(of),
            [
                257, 258, 264, 265, 265, 266, 268, 269, 272, 273, 276, 277, 279, 280, 280, 281,
                283, 284, 284, 285
            ]
        );
    }

    #[test]
    fn distances_have_the_symbols_of_the_standard() {
        let of =
            |distance: usize| distance_symbol(u16::try_from(distance - 1).expect("a distance"));
        let distances = [1, 2, 4, 5, 6, 7, 256, 257, 384, 385, 512, 513, 1025, 24576, 24577, 32768];
        assert_eq!(distances.map(of), [0, 1, 3, 4, 4, 5, 15, 16, 16, 17, 17, 18, 20, 28, 29, 29]);
    }
}
