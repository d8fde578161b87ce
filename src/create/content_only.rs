//! The target with plain layers, which is then the target: `--content-only`.
//!
//! What becomes of the documents is `image::rewrite`'s business; here are the contents, the file
//! that the rewritten archive is, and the words about what changed. Nothing here has a name on
//! disk: an archive is an unnamed file, and of a directory each new file is one.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use rayon::prelude::*;

use super::inflate::{Inflated, LayerInflater, is_compressed_layer};
use super::named::{Named, stored};
use crate::compression::Compression;
use crate::digest::Digest;
use crate::error::Error;
use crate::fault::Shown;
use crate::image::rewrite::{self, Changed, Dropped, NewBlob, Plan, Rewrite, Run};
use crate::image::{Blob, BlobKind, Image, ImageError, Source};
use crate::map::MappedFile;
use crate::observer::{Detail, Observer};
use crate::spool::Spooler;
use crate::units::Size;

/// What rewriting needs besides the image.
pub(super) struct Rewriter<'a> {
    /// The target as the user named it.
    pub(super) name: &'a str,
    pub(super) spooler: &'a Spooler,
    pub(super) inflater: &'a LayerInflater<'a>,
    pub(super) allow_missing: bool,
    pub(super) observer: &'a dyn Observer,
}

impl Rewriter<'_> {
    /// Puts the content of each compressed layer in its place, and changes what cites it.
    ///
    /// # Errors
    /// Where a layer or a document is not what its digest says, or cannot be changed.
    pub(super) fn rewrite(&self, mut target: Image) -> Result<Image, Error> {
        let shown = Shown(self.name);
        if target.wrapper != Compression::Plain {
            let wrapper = target.wrapper;
            self.observer.warn(format_args!(
                "{shown} loses the {wrapper} wrapper around it: --content-only"
            ));
            target = rewrite::unwrapped(target);
        }
        let bad = |source: rewrite::RewriteError| Error::image(self.name)(source.into());
        let rewrite = Rewrite::read(&target).map_err(bad)?;
        self.tell_kept(&target, &rewrite);
        if rewrite.layers().is_empty() {
            let text =
                format_args!("{shown} has no compressed layers to replace: it is taken as it is");
            self.observer.note(Detail::Usual, text);
            return Ok(target);
        }
        self.verify(&target)?;
        let places: BTreeSet<_> =
            rewrite.layers().iter().map(|blob| place(&target.blobs[*blob])).collect();
        let wanted = |blob: &Blob| places.contains(&place(blob));
        let mut inflated = self.inflater.keep(self.named(&target), &wanted, self.observer)?;
        let contents: BTreeMap<usize, NewBlob> = inflated
            .iter()
            .enumerate()
            .filter_map(|(blob, inflated)| Some((blob, new_blob(inflated.as_ref()?))))
            .collect();
        let plan = rewrite.plan(&contents);
        self.tell(&target, &contents, &plan);
        if target.form.is_archive {
            return self.archive(target, &plan, &inflated);
        }
        let content = |blob: usize| match inflated.get_mut(blob).and_then(Option::take) {
            Some(inflated) => Box::new(inflated.bytes) as Source,
            None => Box::new(Vec::new()),
        };
        let made = rewrite::directory(target, &plan, content, self.allow_missing);
        let (image, dropped) = made.map_err(Error::image(self.name))?;
        self.tell_dropped(&dropped);
        Ok(image)
    }

    /// Checks the digests that the rewritten target will not have any more.
    fn verify(&self, target: &Image) -> Result<(), Error> {
        let changes = |blob: &Blob| {
            is_compressed_layer(blob) || matches!(blob.kind, BlobKind::Index | BlobKind::Manifest)
        };
        let blobs = target.blobs.par_iter().with_max_len(1).enumerate();
        blobs.filter(|(_, blob)| changes(blob)).try_for_each(|(number, blob)| {
            let claimed = blob.claimed.map(|claimed| claimed.0);
            let found = Digest::of(stored(target, blob));
            self.named(target).expect(number, "blob digest", claimed, found)
        })
    }

    fn named<'i>(&'i self, image: &'i Image) -> Named<'i> {
        Named { image, name: self.name }
    }

    fn archive(
        &self,
        target: Image,
        plan: &Plan,
        inflated: &[Option<Inflated>],
    ) -> Result<Image, Error> {
        let bad = Error::image(self.name);
        let content = |blob: usize| {
            let inflated: Option<&Inflated> = inflated.get(blob).and_then(Option::as_ref);
            inflated.map_or(&[][..], |inflated| &inflated.bytes)
        };
        let old = target.files.first().and_then(|file| file.source.in_memory()).unwrap_or_default();
        let len_of = |blob| content(blob).len() as u64;
        let laid_out = rewrite::lay_out(&old, plan, len_of).map_err(ImageError::from);
        let (runs, dropped) = match laid_out {
            Ok(laid_out) => laid_out,
            Err(error) => return Err(bad(error)),
        };
        self.tell_dropped(&dropped);
        let parts: Vec<&[u8]> = runs
            .iter()
            .map(|run| match run {
                Run::Old(range) => range.of(old).unwrap_or_default(),
                Run::New(bytes) => bytes,
                Run::Content(blob) => content(*blob),
            })
            .collect();
        let len = parts.iter().map(|part| part.len() as u64).sum();
        let shown = format!("{} with plain layers", Shown(self.name));
        let file = self.spooler.spool_told(&shown, Parts::new(&parts), Some(len), self.observer)?;
        let source = Box::new(MappedFile::map(&file, self.spooler.dir())?);
        rewrite::archive(target, source, self.allow_missing).map_err(bad)
    }

    fn tell_kept(&self, target: &Image, rewrite: &Rewrite<'_>) {
        for (blob, reason) in rewrite.kept() {
            let name = Shown(target.blobs[*blob].name.as_slice());
            self.observer.warn(format_args!("{name} stays compressed: {reason}"));
        }
    }

    fn tell(&self, target: &Image, contents: &BTreeMap<usize, NewBlob>, plan: &Plan) {
        let stored: u64 = contents.keys().map(|blob| target.blobs[*blob].range.len()).sum();
        let new_len: u64 = contents.values().map(|new| new.len).sum();
        self.observer.note(
            Detail::Usual,
            format_args!(
                "{} layers of {} become plain ({} instead of {})",
                contents.len(),
                Shown(self.name),
                Size(new_len).short(),
                Size(stored).short()
            ),
        );
        for changed in &plan.changed {
            let Changed { what, old, new, .. } = changed;
            let label = label(changed);
            self.observer.warn(format_args!("{label}{what} {old} becomes {new}"));
        }
        self.tell_dropped(&plan.dropped);
    }

    fn tell_dropped(&self, dropped: &[Dropped]) {
        for Dropped { what, name, digest } in dropped {
            let name = Shown(name.as_str());
            match digest {
                Some(digest) if *what == "subject" => self
                    .observer
                    .warn(format_args!("{name} loses its subject, which is no more: {digest}")),
                Some(digest) => {
                    self.observer.warn(format_args!("the {what} {name} is dropped: {digest}"));
                }
                None => self.observer.warn(format_args!("the {what} {name} is dropped")),
            }
        }
    }
}

/// `NAMES (PLATFORM): `, as far as there are any.
fn label(changed: &Changed) -> String {
    let names = changed.names.join(", ");
    let platform = match changed.platform.as_str() {
        "" => String::new(),
        platform if names.is_empty() => platform.to_owned(),
        platform => format!(" ({platform})"),
    };
    match names + &platform {
        label if label.is_empty() => label,
        label => format!("{}: ", Shown(label.as_str())),
    }
}

fn new_blob(inflated: &Inflated) -> NewBlob {
    NewBlob { digest: inflated.digest, len: inflated.bytes.len() as u64 }
}

fn place(blob: &Blob) -> (usize, u64) {
    (blob.file, blob.range.start())
}

/// Slices read one after the other.
struct Parts<'a> {
    parts: std::slice::Iter<'a, &'a [u8]>,
    rest: &'a [u8],
}

impl<'a> Parts<'a> {
    fn new(parts: &'a [&'a [u8]]) -> Self {
        Self { parts: parts.iter(), rest: &[] }
    }
}

impl Read for Parts<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            match self.parts.next() {
                Some(part) => self.rest = part,
                None => return Ok(0),
            }
        }
        self.rest.read(buf)
    }
}
