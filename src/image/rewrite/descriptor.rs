//! What changes in a descriptor when the blob that it cites does.

use super::edits::Edits;
use super::json::{Item, Value};
use crate::digest::Digest;

/// Bytes that stand in the place of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NewBlob {
    /// Their digest.
    pub(crate) digest: Digest,
    /// Their length.
    pub(crate) len: u64,
}

/// Annotations of a layer that describe its compressed bytes: the table of contents and the frames
/// of zstd:chunked and eStargz, and which content they have, which its own digest says now.
const OF_COMPRESSED: [&str; 4] = [
    "io.github.containers.zstd-chunked.",
    "containerd.io/snapshot/stargz/",
    "io.containers.estargz.",
    "containerd.io/uncompressed",
];

/// Media types of layers without their compression.
const LAYER_TYPES: [&str; 4] = [
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
    "application/vnd.docker.image.rootfs.diff.tar",
    "application/vnd.docker.image.rootfs.foreign.diff.tar",
];

/// The media type of a layer's content; `None` where the stored bytes are no compressed tar that
/// has a plain form, such as an encrypted one or the blob of an artifact. No type stays none.
pub(super) fn plain_type(media_type: &str) -> Option<&str> {
    let plain = ["+gzip", "+zstd", ".gzip", ".zstd"]
        .iter()
        .find_map(|suffix| media_type.strip_suffix(suffix))
        .unwrap_or(media_type);
    (plain.is_empty() || LAYER_TYPES.contains(&plain)).then_some(plain)
}

/// Changes what a descriptor says of its blob.
pub(super) fn cite(edits: &mut Edits, descriptor: Value<'_>, new: NewBlob) {
    change(edits, descriptor, new, |_, _| false);
}

/// The same of a layer whose content stands in its place.
pub(super) fn cite_layer(edits: &mut Edits, descriptor: Value<'_>, new: NewBlob) {
    change(edits, descriptor, new, |edits, item| match item.key.as_deref() {
        Some("mediaType") => {
            let media_type = item.value.string().unwrap_or_default();
            if let Some(plain) = plain_type(&media_type).filter(|plain| *plain != media_type) {
                edits.replace(item.value.range(), quoted(plain));
            }
            false
        }
        Some("annotations") => drop_annotations(edits, item.value),
        _ => false,
    });
}

/// Takes out what describes compressed bytes; true where nothing would be left.
fn drop_annotations(edits: &mut Edits, annotations: Value<'_>) -> bool {
    let is_of_compressed = |item: &Item<'_>| {
        let key = item.key.as_deref().unwrap_or_default();
        OF_COMPRESSED.iter().any(|prefix| key.starts_with(prefix))
    };
    let items: Vec<_> =
        annotations.items().map(|item| (item.range.clone(), is_of_compressed(&item))).collect();
    if !items.is_empty() && items.iter().all(|(_, goes)| *goes) {
        return true;
    }
    edits.remove(&items);
    false
}

/// Changes digest and length, takes out an embedded copy of the old bytes, and members that
/// `goes` is true for.
fn change(
    edits: &mut Edits,
    descriptor: Value<'_>,
    new: NewBlob,
    mut goes: impl FnMut(&mut Edits, &Item<'_>) -> bool,
) {
    let mut items = Vec::new();
    for item in descriptor.items() {
        let is_gone = match item.key.as_deref() {
            Some("data") => true,
            _ => goes(edits, &item),
        };
        match item.key.as_deref() {
            Some("digest") => edits.replace(item.value.range(), quoted(&new.digest.to_string())),
            Some("size") => edits.replace(item.value.range(), new.len.to_string()),
            _ => {}
        }
        items.push((item.range, is_gone));
    }
    edits.remove(&items);
}

/// A string without anything to escape.
fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(text: &str, change: fn(&mut Edits, Value<'_>, NewBlob)) -> String {
        let mut edits = Edits::default();
        let new = NewBlob { digest: Digest::of(b"new"), len: 3 };
        change(&mut edits, Value::document(text.as_bytes()).expect("an object"), new);
        let out = edits.apply(text.as_bytes()).expect("a change");
        String::from_utf8(out).expect("UTF-8").replace(&new.digest.to_string(), "NEW")
    }

    #[test]
    fn of_a_layer_digest_length_and_type_change_and_nothing_else() {
        let text = "{\n  \"size\" : 12,\n  \"x\":{\"size\":1} ,\"digest\":\"sha256:1\",\n  \
            \"mediaType\": \"application/vnd.docker.image.rootfs.diff.tar.gzip\"\n}";
        let expected = "{\n  \"size\" : 3,\n  \"x\":{\"size\":1} ,\"digest\":\"NEW\",\n  \
            \"mediaType\": \"application/vnd.docker.image.rootfs.diff.tar\"\n}";
        assert_eq!(changed(text, cite_layer), expected);
    }

    #[test]
    fn annotations_of_the_compressed_bytes_go_and_others_stay() {
        let chunked = r#""io.github.containers.zstd-chunked.manifest-position":"1:2:3:1""#;
        let stargz = r#""containerd.io/snapshot/stargz/toc.digest":"sha256:1""#;
        let layer = |annotations: &str| {
            format!(r#"{{"digest":"d","annotations":{{{annotations}}},"size":1}}"#)
        };
        let both = format!("{chunked},{stargz}");
        assert_eq!(changed(&layer(&both), cite_layer), r#"{"digest":"NEW","size":3}"#);
        let mixed = format!(r#"{chunked}, "x":"y" ,{stargz}"#);
        let expected = r#"{"digest":"NEW","annotations":{"x":"y"},"size":3}"#;
        assert_eq!(changed(&layer(&mixed), cite_layer), expected);
        let expected = r#"{"digest":"NEW","annotations":{},"size":3}"#;
        assert_eq!(changed(&layer(""), cite_layer), expected);
        assert_eq!(
            changed(&layer(&both), cite),
            layer(&both).replace("\"d\"", "\"NEW\"").replace(":1}", ":3}")
        );
    }

    #[test]
    fn an_embedded_copy_goes() {
        let text = r#"{"data":"e30=","digest":"d"}"#;
        assert_eq!(changed(text, cite), r#"{"digest":"NEW"}"#);
    }

    #[test]
    fn only_types_of_compressed_tars_have_a_plain_form() {
        let plain = |media_type: &'static str| plain_type(media_type);
        let oci = "application/vnd.oci.image.layer.v1.tar";
        assert_eq!(plain("application/vnd.oci.image.layer.v1.tar+gzip"), Some(oci));
        assert_eq!(plain("application/vnd.oci.image.layer.v1.tar+zstd"), Some(oci));
        assert_eq!(plain(oci), Some(oci));
        assert_eq!(plain(""), Some(""));
        for other in [
            "application/vnd.oci.image.layer.v1.tar+gzip+encrypted",
            "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
            "application/vnd.in-toto+json",
        ] {
            assert_eq!(plain(other), None, "{other}");
        }
    }
}
