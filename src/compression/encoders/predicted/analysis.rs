//! From a deflate stream and its content to corrections.

use super::blocks::{Block, Blocks};
use super::chains::View;
use super::coder::Writer;
use super::guessed::settings;
use super::told::Headers;
use super::walk::{Kind, Walk};
use crate::compression::encoders::flate::codes::Counts;

/// Corrections with which encoder 9 makes `deflate` of `content`. `None` where the stream is
/// damaged, has another content or what no writer does, and where corrections come to more than
/// `most` bytes.
///
/// Takes about as long as encoding does, and a third of a second for a long stream besides.
pub fn corrections(deflate: &[u8], content: &[u8], most: usize) -> Option<Vec<u8>> {
    let settings = settings(deflate, content)?;
    let mut coder = Writer::new();
    settings.code(&mut coder)?;
    let mut tracing = Tracing {
        view: View { bytes: content, start: 0 },
        walk: Walk::new(&settings),
        headers: Headers::default(),
        coder,
    };
    let mut blocks = Blocks::new(deflate, content);
    while let Some(block) = blocks.next() {
        tracing.block(&block)?;
        if tracing.coder.len() > most {
            return None;
        }
    }
    let corrections = blocks.are_all().then(|| tracing.coder.finish())?;
    (corrections.len() <= most).then_some(corrections)
}

/// A walk over what there is.
struct Tracing<'a> {
    view: View<'a>,
    walk: Walk,
    headers: Headers,
    coder: Writer,
}

impl Tracing<'_> {
    fn block(&mut self, block: &Block) -> Option<()> {
        let Self { view, walk, headers, coder } = self;
        walk.begin(coder, Some((block.kind, block.is_last)))?;
        let is_stored = block.kind == Kind::Stored;
        let is_empty = if is_stored { block.stored_len == 0 } else { block.tokens.is_empty() };
        if !walk.is_empty(coder, *view, is_empty) {
            let mut left = block.stored_len;
            while left > 0 {
                left -= walk.stored(coder, *view, Some(left))?.0;
            }
            for (number, token) in (1..).zip(&block.tokens) {
                walk.token(coder, *view, Some((*token, number == block.tokens.len())))?;
            }
        }
        if let Some(header) = &block.header {
            headers.code(coder, &Counts::of_tokens(&block.tokens), Some(header))?;
        }
        Some(())
    }
}
