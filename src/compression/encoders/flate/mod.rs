//! What the encoders of deflate (RFC 1951) share.

pub mod bits;
pub mod codes;
pub mod header;
pub mod huffman;
pub mod symbols;
pub mod window;
mod word_lens;
