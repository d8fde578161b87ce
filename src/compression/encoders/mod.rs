//! Compressors written anew, so that stored bytes can be made again from their content.
//!
//! An encoder is a promise: the same content and parameters give the same bytes in every release of
//! this crate. A change of output is a new encoder with a number of its own; the golden vectors of
//! each one hold it to that.

/// Makes, from a content, the bytes that a certain compressor made of it.
///
/// How the content is split over calls of [`Encoder::write`] does not change the output. Memory is
/// bounded by a constant of the encoder, whatever the length of the content.
pub trait Encoder: Send {
    /// Takes the next bytes of the content and appends to `out` what became ready.
    fn write(&mut self, content: &[u8], out: &mut Vec<u8>);

    /// The content has ended: appends the rest. Called once, and nothing after it.
    fn finish(&mut self, out: &mut Vec<u8>);
}
