//! Compressors written anew, so that stored bytes can be made again from their content.
//!
//! An encoder is a promise: the same content and parameters give the same bytes in every release of
//! this crate. A change of output is a new encoder with a number of its own; the golden vectors of
//! each one (`tests/golden/encoders`) hold it to that.

pub mod flate;
pub mod go;
pub mod klauspost_zstd;

use klauspost_zstd::KlauspostZstd;

use crate::format::EncoderKind;

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

/// Why there is no encoder of a number with some parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncoderError {
    /// The number is not given out, or was given out later.
    #[error("encoder {number} is not known to this release")]
    Unknown {
        /// The number.
        number: u32,
    },
    /// The encoder has no such parameters.
    #[error("encoder {number} does not take these parameters ({rule})")]
    Parameters {
        /// The number.
        number: u32,
        /// What they break.
        rule: &'static str,
    },
}

/// Starts the encoder with a number of docs/format.md section 10.8. Only some have corrections.
///
/// # Errors
/// When the number is not known, or the parameters are not the encoder's.
pub fn start(
    number: u32,
    parameters: &[u64],
    corrections: &[u8],
) -> Result<Box<dyn Encoder>, EncoderError> {
    let refuse = |rule| EncoderError::Parameters { number, rule };
    match (number, parameters, corrections) {
        (0, [], []) => Ok(Box::new(Nothing)),
        (0, ..) => Err(EncoderError::Parameters { number, rule: "nothing has no parameters" }),
        (go::NUMBER, _, []) => go::start(parameters),
        (6, _, []) => {
            let parameters =
                klauspost_zstd::Parameters::from_numbers(parameters).map_err(refuse)?;
            Ok(Box::new(KlauspostZstd::new(parameters)))
        }
        _ => Err(EncoderError::Unknown { number }),
    }
}

/// Memory that a running encoder takes at most, in bytes; 0 for a number that is not known.
pub fn memory(number: u32) -> u64 {
    match EncoderKind::from_number(number) {
        Ok(EncoderKind::Nothing) | Err(_) => 0,
        Ok(EncoderKind::GoFlate) => 2 << 20,
        Ok(
            EncoderKind::KlauspostFlate1
            | EncoderKind::KlauspostFlate2
            | EncoderKind::KlauspostFlate3
            | EncoderKind::KlauspostFlate4
        ) => 16 << 20,
        Ok(EncoderKind::KlauspostZstd) => 32 << 20,
        Ok(EncoderKind::Zlib) => 8 << 20,
        Ok(EncoderKind::Libzstd) => 96 << 20,
        Ok(EncoderKind::Preflate) => 256 << 20,
    }
}

/// What an encoder is called, with its parameters.
pub fn name(number: u32, parameters: &[u64]) -> String {
    let kind = EncoderKind::from_number(number);
    match (kind, parameters) {
        (Ok(EncoderKind::Nothing), _) => "nothing (stored)".to_owned(),
        _ => format!("encoder {number} {parameters:?}"),
    }
}

/// Encoder 0: the content goes nowhere, as its stored bytes are carried as they are.
struct Nothing;

impl Encoder for Nothing {
    fn write(&mut self, _: &[u8], _: &mut Vec<u8>) {}

    fn finish(&mut self, _: &mut Vec<u8>) {}
}
