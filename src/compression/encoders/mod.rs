//! Compressors written anew, so that stored bytes can be made again from their content.
//!
//! An encoder is a promise: the same content and parameters give the same bytes in every release of
//! this crate. A change of output is a new encoder with a number of its own; the golden vectors of
//! each one (`tests/golden/encoders`) hold it to that.

#[cfg(test)]
mod drawn;
pub mod flate;
pub mod go;
mod klauspost;
pub mod klauspost_zstd;
mod libzstd;
pub mod predicted;
pub mod table;
mod zlib;

use crate::format::EncoderKind;

/// Makes, from a content, the bytes that a certain compressor made of it.
///
/// How the content is split over calls of [`Encoder::write`] does not change the output. Memory is
/// bounded by a constant of the encoder, whatever the length of the content.
pub trait Encoder: Send {
    /// Takes the next bytes of the content and appends to `out` what became ready.
    fn write(&mut self, content: &[u8], out: &mut Vec<u8>);

    /// The content has ended: appends the rest. Called once, and nothing after it but
    /// [`Encoder::restart`].
    fn finish(&mut self, out: &mut Vec<u8>);

    /// Begins another content in the memory of the former one, finished or not; false where this
    /// encoder cannot, and [`start`] has to make one.
    ///
    /// # Errors
    /// As [`start`].
    fn restart(&mut self, _setup: &Setup<'_>) -> Result<bool, EncoderError> {
        Ok(false)
    }
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
    /// The encoder is a library's, and the one in this build gives other bytes.
    #[error("encoder {number} is not in this build (another compressor is linked in its place)")]
    Replaced {
        /// The number.
        number: u32,
    },
}

/// Which encoder, and all that its output depends on besides the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setup<'a> {
    /// A number of docs/format.md section 10.8.
    pub number: u32,
    /// The encoder's parameters.
    pub parameters: &'a [u64],
    /// What turns the encoder's guesses into what was; empty for most.
    pub corrections: &'a [u8],
    /// Length of the content to come, in bytes.
    pub content_len: u64,
}

/// Starts an encoder.
///
/// # Errors
/// When the number is not known, or the parameters are not the encoder's.
pub fn start(setup: &Setup<'_>) -> Result<Box<dyn Encoder>, EncoderError> {
    let Setup { number, parameters, corrections, content_len } = *setup;
    let refuse = |rule| EncoderError::Parameters { number, rule };
    if number == table::NUMBER {
        return Err(refuse("a table is made of all pieces before it"));
    }
    if !corrections.is_empty() && number != predicted::NUMBER {
        return Err(refuse("it takes no corrections"));
    }
    match number {
        0 if parameters.is_empty() => Ok(Box::new(Nothing)),
        0 => Err(refuse("it takes no parameters")),
        go::NUMBER => go::start(parameters),
        klauspost::FIRST_NUMBER..=klauspost::LAST_NUMBER => klauspost::start(number, parameters),
        klauspost_zstd::NUMBER => klauspost_zstd::start(setup),
        zlib::NUMBER => zlib::start(parameters),
        libzstd::NUMBER => libzstd::start(parameters, content_len),
        predicted::NUMBER => predicted::start(parameters, corrections),
        _ => Err(EncoderError::Unknown { number }),
    }
}

/// Starts an encoder, in the memory of `former` where that fits.
///
/// # Errors
/// As [`start`].
pub fn start_after(
    former: Option<Box<dyn Encoder>>,
    setup: &Setup<'_>,
) -> Result<Box<dyn Encoder>, EncoderError> {
    if let Some(mut former) = former
        && former.restart(setup)?
    {
        return Ok(former);
    }
    start(setup)
}

/// Numbers of all encoders that one with these parameters needs, its own first.
pub fn all(number: u32, parameters: &[u64]) -> Vec<u32> {
    let mut all = vec![number];
    if number == table::NUMBER
        && let Ok(parameters) = table::Parameters::from_numbers(parameters)
    {
        all.extend(parameters.texts.iter().map(|text| text.encoder));
    }
    all
}

/// Memory that an encoder is reckoned to take, in bytes, as docs/format.md section 10.8 has it; 0 for
/// a number that is not known. Blocks that are made at once take it once for each thread.
pub fn memory(setup: &Setup<'_>) -> u64 {
    match EncoderKind::from_number(setup.number) {
        Ok(EncoderKind::Nothing) | Err(_) => 0,
        Ok(EncoderKind::GoFlate) => 2 << 20,
        Ok(
            EncoderKind::KlauspostFlate1
            | EncoderKind::KlauspostFlate2
            | EncoderKind::KlauspostFlate3
            | EncoderKind::KlauspostFlate4,
        ) => klauspost::memory(setup.parameters),
        Ok(EncoderKind::KlauspostZstd) => klauspost_zstd::memory(setup),
        Ok(EncoderKind::Predicted) => 16 << 20,
        Ok(EncoderKind::Zlib) => 8 << 20,
        Ok(EncoderKind::Libzstd) => libzstd::memory(setup),
        Ok(EncoderKind::Table) => table::memory(setup.parameters),
    }
}

/// What an encoder is called, with the parameters that a person may know it by.
pub fn name(number: u32, parameters: &[u64]) -> String {
    let level = match parameters.first() {
        Some(10) => "Huffman only".to_owned(),
        Some(level) => format!("level {level}"),
        None => "no level".to_owned(),
    };
    let blocks = |len: Option<&u64>| match len {
        None | Some(0) => String::new(),
        Some(len) => format!(", blocks of {len}"),
    };
    match EncoderKind::from_number(number) {
        Ok(EncoderKind::Nothing) => "nothing: stored".to_owned(),
        Ok(EncoderKind::GoFlate) => format!("Go 1.8-1.26 compress/flate, {level}"),
        Ok(EncoderKind::KlauspostFlate1) => {
            klauspost("1.15.11", &level, &blocks(parameters.get(1)))
        }
        Ok(EncoderKind::KlauspostFlate2) => {
            klauspost("1.15.15", &level, &blocks(parameters.get(1)))
        }
        Ok(EncoderKind::KlauspostFlate3) => klauspost("1.18.0", &level, &blocks(parameters.get(1))),
        Ok(EncoderKind::KlauspostFlate4) => {
            let since = if parameters.get(2).is_some() { "1.20.0" } else { "1.18.2, Go 1.27" };
            klauspost(since, &level, &blocks(parameters.get(1)))
        }
        Ok(EncoderKind::KlauspostZstd) => klauspost_zstd::name(parameters),
        Ok(EncoderKind::Zlib) => zlib::name(&level, parameters),
        Ok(EncoderKind::Libzstd) => libzstd::name(&level, parameters),
        Ok(EncoderKind::Predicted) => "any deflate, with corrections".to_owned(),
        Ok(EncoderKind::Table) => table::name(parameters),
        Err(_) => format!("encoder {number}"),
    }
}

fn klauspost(since: &str, level: &str, blocks: &str) -> String {
    let program = if blocks.is_empty() { "flate" } else { "flate in pgzip" };
    format!("klauspost/compress {program} (since {since}), {level}{blocks}")
}

/// Encoder 0: the content goes nowhere, as its stored bytes are carried as they are.
struct Nothing;

impl Encoder for Nothing {
    fn write(&mut self, _: &[u8], _: &mut Vec<u8>) {}

    fn finish(&mut self, _: &mut Vec<u8>) {}
}
