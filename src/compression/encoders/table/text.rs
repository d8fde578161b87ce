//! A text of a table: its guess is corrected as it comes, and compressed when it is whole.

use super::edits::Script;
use super::parameters::{Kind, TextParameters};
use super::{Packed, tail};
use crate::compression::encoders::{self, Encoder, EncoderError};

#[derive(Debug)]
pub(super) struct Text {
    kind: Kind,
    parameters: TextParameters,
    script: Script,
    /// No more than its length.
    bytes: Vec<u8>,
    /// How long it is so far.
    made: u64,
}

impl Text {
    pub(super) fn start(
        kind: Kind,
        parameters: &TextParameters,
        script: Script,
    ) -> Result<Self, EncoderError> {
        // What is refused is refused before any work.
        encoders::start(&parameters.setup(kind))?;
        Ok(Self { kind, parameters: parameters.clone(), script, bytes: Vec::new(), made: 0 })
    }

    /// Takes the next bytes of the guess.
    pub(super) fn write(&mut self, guess: &[u8]) {
        self.correct(|script, give| {
            script.apply(guess, give);
            true
        });
    }

    /// The guess has ended: compresses the text, in the memory of an encoder that is idle, if there
    /// is one, and leaves its own there.
    pub(super) fn finish(
        mut self,
        idle: &mut Option<Box<dyn Encoder>>,
    ) -> Result<Packed, &'static str> {
        if !self.correct(Script::finish) {
            return Err("corrections keep and skip what is guessed");
        }
        if self.made != self.parameters.len {
            return Err("a text is as long as it says");
        }
        let setup = self.parameters.setup(self.kind);
        let encoder = encoders::start_after(idle.take(), &setup);
        let encoder = encoder.map_err(|_| "a text has an encoder that compresses it")?;
        let mut packing = Packing {
            encoder,
            packed: Vec::new(),
            check: flate2::Crc::new(),
            most: self.parameters.most_packed(),
        };
        let around = match self.kind {
            Kind::Stargz => tail::index_around(self.parameters.len),
            _ => [Vec::new(), Vec::new()],
        };
        for bytes in [&around[0], &self.bytes, &around[1]] {
            packing.pack(bytes)?;
        }
        let Packing { mut encoder, mut packed, check, most } = packing;
        encoder.finish(&mut packed);
        *idle = Some(encoder);
        if packed.len() as u64 > most {
            return Err(TOO_LONG);
        }
        let trailer = u64::from(check.amount()) << 32 | u64::from(check.sum());
        Ok(Packed { bytes: packed, len: self.made, trailer: trailer.to_le_bytes() })
    }

    /// Runs the script and keeps what comes of it, as far as the text is long.
    fn correct(&mut self, run: impl FnOnce(&mut Script, &mut dyn FnMut(&[u8])) -> bool) -> bool {
        let Self { script, parameters, bytes, made, .. } = self;
        run(script, &mut |given| {
            let room = usize::try_from(parameters.len.saturating_sub(*made)).unwrap_or(usize::MAX);
            bytes.extend_from_slice(&given[..given.len().min(room)]);
            *made = made.saturating_add(given.len() as u64);
        })
    }
}

const TOO_LONG: &str = "a text is compressed to a quarter of its length";

/// Bytes that an encoder gets at once.
const STEP: usize = 64 << 10;

struct Packing {
    encoder: Box<dyn Encoder>,
    packed: Vec<u8>,
    check: flate2::Crc,
    most: u64,
}

impl Packing {
    fn pack(&mut self, bytes: &[u8]) -> Result<(), &'static str> {
        for step in bytes.chunks(STEP) {
            self.check.update(step);
            self.encoder.write(step, &mut self.packed);
            if self.packed.len() as u64 > self.most {
                return Err(TOO_LONG);
            }
        }
        Ok(())
    }
}
