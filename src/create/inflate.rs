//! The contents of compressed layers, in temporary files.

use std::io::{Read as _, Write as _};
use std::sync::{Condvar, Mutex, PoisonError};

use rayon::prelude::*;
use zstd::zstd_safe;

use super::named::{Named, stored};
use crate::compression::{Compression, CompressionError, Member, ceiling};
use crate::digest::{DiffId, Digest, Hasher};
use crate::error::Error;
use crate::fault::FileError;
use crate::image::{Blob, BlobKind, Image};
use crate::limits;
use crate::map::MappedFile;
use crate::observer::Observer;
use crate::spool::{Spooler, require_space};

/// Buffer for inflating, in bytes.
const COPY_LEN: usize = 256 << 10;

/// The content of a compressed layer.
pub(super) struct Inflated {
    pub(super) bytes: MappedFile,
    pub(super) digest: Digest,
    /// Where the members of a gzip layer lie, if they are not too many.
    pub(super) members: Option<Vec<Member>>,
}

/// What inflating found besides bytes.
type Found = (Digest, Option<Vec<Member>>);

/// Inflates layers of images, several at once.
pub(super) struct LayerInflater<'a> {
    spooler: &'a Spooler,
    zstd_turns: Turns,
}

impl<'a> LayerInflater<'a> {
    /// Decodes as many zstd layers at once as their windows fit into `memory` bytes, but one in any
    /// case.
    pub(super) fn new(spooler: &'a Spooler, memory: u64) -> Self {
        Self { spooler, zstd_turns: Turns::new(memory >> limits::ZSTD_WINDOW_LOG) }
    }

    /// Inflates the compressed layers that are `wanted` into temporary files, on all threads.
    pub(super) fn keep(
        &self,
        Named { image, name }: Named<'_>,
        wanted: &(dyn Fn(&Blob) -> bool + Sync),
        observer: &dyn Observer,
    ) -> Result<Vec<Option<Inflated>>, Error> {
        let dir = self.spooler.dir();
        let is_wanted = |blob: &Blob| is_compressed_layer(blob) && wanted(blob);
        if image.blobs.iter().any(is_wanted) {
            self.spooler.warn_of_memory(observer)?;
            let layers = image.blobs.iter().filter(|blob| is_wanted(blob));
            let lens = layers.map(|blob| declared_len(stored(image, blob), blob));
            require_space(dir, lens.fold(0, u64::saturating_add))?;
        }
        let inflate = |blob: &Blob| {
            if !is_wanted(blob) {
                return Ok(None);
            }
            let mut file = self.spooler.create(None)?;
            let (digest, members) = self.inflate(image, blob, name, |bytes| {
                file.write_all(bytes).map_err(FileError::at("write a temporary file in", dir))
            })?;
            let bytes = MappedFile::map(&file, dir)?;
            Ok(Some(Inflated { bytes, digest, members }))
        };
        image.blobs.par_iter().with_max_len(1).map(inflate).collect()
    }

    fn inflate(
        &self,
        image: &Image,
        blob: &Blob,
        name: &str,
        mut write: impl FnMut(&[u8]) -> Result<(), FileError>,
    ) -> Result<Found, Error> {
        let _turn = (blob.compression == Compression::Zstd).then(|| self.zstd_turns.take());
        let bad =
            |source| Error::Inflate { image: name.to_owned(), blob: blob.name.clone(), source };
        let mut inflater = image.content(blob).map_err(bad)?;
        let mut hasher = Hasher::new();
        let mut buf = vec![0; COPY_LEN];
        loop {
            match inflater.read(&mut buf).map_err(|error| bad(CompressionError::from_io(error)))? {
                0 => {
                    return Ok((hasher.finish(), inflater.members().map(<[Member]>::to_vec)));
                }
                len => {
                    hasher.update(&buf[..len]);
                    write(&buf[..len])?;
                }
            }
        }
    }
}

/// Are the contents of an image's compressed layers what was said of them? `inflated` holds them by
/// number of blob.
pub(super) fn verify<'i>(
    of: Named<'_>,
    inflated: impl Iterator<Item = Option<&'i Inflated>>,
) -> Result<(), Error> {
    for (number, (blob, inflated)) in of.image.blobs.iter().zip(inflated).enumerate() {
        if let (BlobKind::Layer { diff_id: Some(DiffId(claimed)) }, Some(inflated)) =
            (blob.kind, inflated)
        {
            of.expect(number, "diff ID", Some(claimed), inflated.digest)?;
        }
    }
    Ok(())
}

pub(super) fn is_compressed_layer(blob: &Blob) -> bool {
    matches!(blob.kind, BlobKind::Layer { .. }) && blob.compression != Compression::Plain
}

/// What the stored bytes say that their content has at least; 0 where they say nothing.
fn declared_len(stored: &[u8], blob: &Blob) -> u64 {
    let declared = match blob.compression {
        Compression::Plain => None,
        // The length of the last member, modulo 2^32, behind which only zeros may follow.
        Compression::Gzip => stored.last_chunk().map(|len| u32::from_le_bytes(*len).into()),
        // That of the first frame, if at all: of a layer that was not streamed it is the only one.
        Compression::Zstd => zstd_safe::get_frame_content_size(stored).ok().flatten(),
    };
    declared.unwrap_or(0).min(ceiling(stored.len() as u64, limits::INFLATE_RATIO))
}

/// Lets only so many go on at once.
struct Turns {
    free: Mutex<u64>,
    given_back: Condvar,
}

/// Given back when it is dropped.
struct Turn<'a>(&'a Turns);

impl Turns {
    /// `count` turns, but one at least.
    fn new(count: u64) -> Self {
        Self { free: Mutex::new(count.max(1)), given_back: Condvar::new() }
    }

    /// Waits for a turn.
    fn take(&self) -> Turn<'_> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let free = self.given_back.wait_while(free, |free| *free == 0);
        *free.unwrap_or_else(PoisonError::into_inner) -= 1;
        Turn(self)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.given_back.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;
    use std::time::Duration;

    use super::*;
    use crate::units::ByteRange;

    #[test]
    fn no_more_than_the_turns_go_on_at_once() {
        for (count, most) in [(0, 1), (1, 1), (3, 3)] {
            let turns = Turns::new(count);
            let all: Vec<_> = (0..most).map(|_| turns.take()).collect();
            assert_eq!(*turns.free.lock().expect("nobody panicked"), 0);
            drop(all);
            let (now, seen) = (AtomicUsize::new(0), AtomicUsize::new(0));
            thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        let _turn = turns.take();
                        seen.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        thread::sleep(Duration::from_millis(5));
                        now.fetch_sub(1, Ordering::SeqCst);
                    });
                }
            });
            assert!(seen.into_inner() <= most);
        }
    }

    fn declared(stored: &[u8], compression: Compression) -> u64 {
        let blob = Blob {
            file: 0,
            range: ByteRange::new(0, stored.len() as u64).expect("small"),
            compression,
            claimed: None,
            kind: BlobKind::Layer { diff_id: None },
            name: Vec::new(),
        };
        declared_len(stored, &blob)
    }

    #[test]
    fn a_layer_declares_what_its_trailer_or_header_says() {
        let content = [7; 5000];
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&content).expect("memory");
        let mut gzip = encoder.finish().expect("memory");
        assert_eq!(declared(&gzip, Compression::Gzip), 5000);
        gzip.extend([0; 512]);
        assert_eq!(declared(&gzip, Compression::Gzip), 0);
        assert_eq!(declared(b"", Compression::Gzip), 0);

        let known = zstd::bulk::compress(&content, 1).expect("memory");
        assert_eq!(declared(&known, Compression::Zstd), 5000);
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).expect("memory");
        encoder.write_all(&content).expect("memory");
        encoder.flush().expect("memory");
        let streamed = encoder.finish().expect("memory");
        assert_eq!(declared(&streamed, Compression::Zstd), 0);
        assert_eq!(declared(b"", Compression::Zstd), 0);
        assert_eq!(declared(b"plain", Compression::Plain), 0);
    }

    #[test]
    fn a_layer_cannot_declare_more_than_it_may_become() {
        let bytes = [&[0x1f, 0x8b, 8][..], &[0xff; 20]].concat();
        let most = ceiling(bytes.len() as u64, limits::INFLATE_RATIO);
        assert!(most < u32::MAX.into());
        assert_eq!(declared(&bytes, Compression::Gzip), most);
    }
}
