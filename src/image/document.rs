//! The JSON documents of images, as far as they are needed.
//!
//! Unknown keys are skipped, `null` is absence, of a key that occurs twice the last counts, and
//! every list is counted while it is read, so that a hostile one costs no memory.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::ImageError;
use crate::limits;

/// Begins the message of a list that is too long, so that [`parse`] can tell.
const TOO_MANY: &str = "too many elements";

/// Parses a document that is already in memory; `name` is for the error.
pub(super) fn parse<T: de::DeserializeOwned>(name: &[u8], bytes: &[u8]) -> Result<T, ImageError> {
    check_depth(name, bytes)?;
    serde_json::from_slice(bytes).map_err(|source| {
        let name = name.to_vec();
        if source.to_string().starts_with(TOO_MANY) {
            ImageError::TooMany { what: "list elements", name, limit: limits::LAYERS }
        } else {
            ImageError::Json { name, source }
        }
    })
}

/// Skipped values nest without recursion in `serde_json`, so depth is looked at here, for all alike.
fn check_depth(name: &[u8], bytes: &[u8]) -> Result<(), ImageError> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > limits::JSON_DEPTH {
            return Err(ImageError::JsonTooDeep { name: name.to_vec(), limit: limits::JSON_DEPTH });
        }
    }
    Ok(())
}

/// Is it a JSON array, as far as the first byte tells?
pub(super) fn is_array(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(b"[")
}

/// A list of `MAX` elements at most.
#[derive(Debug)]
pub(super) struct Bounded<T, const MAX: usize>(pub(super) Vec<T>);

impl<T, const MAX: usize> Default for Bounded<T, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for Bounded<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List<T, const MAX: usize>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for List<T, MAX> {
            type Value = Bounded<T, MAX>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut elements = Vec::new();
                while let Some(element) = list.next_element()? {
                    if elements.len() == MAX {
                        return Err(de::Error::custom(TOO_MANY));
                    }
                    elements.push(element);
                }
                Ok(Bounded(elements))
            }
        }

        deserializer.deserialize_seq(List(PhantomData))
    }
}

macro_rules! document {
    ($(#[$meta:meta])* $name:ident { $($(#[$note:meta])* $field:ident: $type:ty = $key:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Default)]
        pub(super) struct $name {
            $($(#[$note])* pub(super) $field: $type,)*
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Keys;

                impl<'de> Visitor<'de> for Keys {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<$name, A::Error> {
                        let mut document = $name::default();
                        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
                            match key.as_ref() {
                                $($key => {
                                    document.$field =
                                        map.next_value::<Option<$type>>()?.unwrap_or_default();
                                })*
                                _ => drop(map.next_value::<IgnoredAny>()?),
                            }
                        }
                        Ok(document)
                    }
                }

                deserializer.deserialize_map(Keys)
            }
        }
    };
}

document! {
    /// An index or a manifest; which of the two its keys tell, since `mediaType` is optional.
    Manifest {
        schema_version: Option<u64> = "schemaVersion",
        media_type: String = "mediaType",
        artifact_type: String = "artifactType",
        manifests: Option<Bounded<Descriptor, { limits::IMAGES }>> = "manifests",
        config: Option<Descriptor> = "config",
        layers: Option<Bounded<Descriptor, { limits::LAYERS }>> = "layers",
        fs_layers: Option<IgnoredAny> = "fsLayers",
    }
}

document! {
    /// Cites a blob.
    Descriptor {
        media_type: String = "mediaType",
        artifact_type: String = "artifactType",
        digest: String = "digest",
        size: Option<u64> = "size",
        urls: Bounded<IgnoredAny, { limits::LAYERS }> = "urls",
        annotations: Annotations = "annotations",
        platform: Option<Platform> = "platform",
        /// The blob itself in base64.
        data: Option<String> = "data",
    }
}

document! {
    /// The annotations that mean something here.
    Annotations {
        ref_name: Option<String> = "org.opencontainers.image.ref.name",
        containerd_name: Option<String> = "io.containerd.image.name",
        reference_type: Option<String> = "vnd.docker.reference.type",
    }
}

document! {
    /// What a manifest is for.
    Platform {
        os: String = "os",
        architecture: String = "architecture",
        variant: String = "variant",
    }
}

impl Platform {
    /// `BuildKit` marks attestations so.
    pub(super) fn is_unknown(&self) -> bool {
        self.os == "unknown" && self.architecture == "unknown"
    }
}

document! {
    /// An image config.
    Config {
        os: String = "os",
        architecture: String = "architecture",
        variant: String = "variant",
        rootfs: Option<RootFs> = "rootfs",
    }
}

document! {
    /// The layers of an image by their uncompressed bytes, lowest first.
    RootFs {
        diff_ids: Bounded<String, { limits::LAYERS }> = "diff_ids",
    }
}

document! {
    /// One image in Docker's manifest.json.
    DockerImage {
        config: String = "Config",
        repo_tags: Bounded<String, { limits::IMAGES }> = "RepoTags",
        layers: Bounded<String, { limits::LAYERS }> = "Layers",
        layer_sources: LayerSources = "LayerSources",
    }
}

/// Diff IDs of layers that Docker need not put into the archive, since they have `urls`.
#[derive(Debug, Default)]
pub(super) struct LayerSources {
    pub(super) with_urls: Vec<String>,
}

impl<'de> Deserialize<'de> for LayerSources {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Sources;

        impl<'de> Visitor<'de> for Sources {
            type Value = LayerSources;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<LayerSources, A::Error> {
                let mut sources = LayerSources::default();
                while let Some((diff_id, descriptor)) = map.next_entry::<String, Descriptor>()? {
                    if sources.with_urls.len() == limits::LAYERS {
                        return Err(de::Error::custom(TOO_MANY));
                    }
                    if !descriptor.urls.0.is_empty() {
                        sources.with_urls.push(diff_id);
                    }
                }
                Ok(sources)
            }
        }

        deserializer.deserialize_map(Sources)
    }
}

/// Docker's manifest.json; the layers of all its images together are counted while it is read.
#[derive(Debug)]
pub(super) struct DockerManifest(pub(super) Vec<DockerImage>);

impl<'de> Deserialize<'de> for DockerManifest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Images;

        impl<'de> Visitor<'de> for Images {
            type Value = DockerManifest;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of images")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let (mut images, mut strings) = (Vec::new(), 0);
                while let Some(image) = list.next_element::<DockerImage>()? {
                    strings += image.layers.0.len()
                        + image.repo_tags.0.len()
                        + image.layer_sources.with_urls.len();
                    if images.len() == limits::IMAGES || strings > limits::ROLES {
                        return Err(de::Error::custom(TOO_MANY));
                    }
                    images.push(image);
                }
                Ok(DockerManifest(images))
            }
        }

        deserializer.deserialize_seq(Images)
    }
}

/// Decodes standard base64 with padding, as descriptors embed blobs; `None` where it is malformed.
pub(super) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let text = text.as_bytes();
    let digits = text.strip_suffix(b"==").or(text.strip_suffix(b"=")).unwrap_or(text);
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for group in digits.chunks(4) {
        let mut bits = 0_u32;
        for digit in group {
            bits = bits << 6 | u32::from(base64_digit(*digit)?);
        }
        bits <<= 6 * (4 - group.len());
        let shifts = [16, 8, 0].into_iter().take(group.len() - 1);
        bytes.extend(shifts.filter_map(|shift| u8::try_from(bits >> shift & 0xff).ok()));
    }
    Some(bytes)
}

fn base64_digit(digit: u8) -> Option<u8> {
    match digit {
        b'A'..=b'Z' => Some(digit - b'A'),
        b'a'..=b'z' => Some(digit - b'a' + 26),
        b'0'..=b'9' => Some(digit - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Class, Explain as _};

    #[test]
    fn unknown_null_and_repeated_keys_are_tolerated() {
        let json = br#"{"x":[{"y":[1]}],"layers":null,"mediaType":"a","mediaType":"b",
            "manifests":[{"digest":"d","size":3,"platform":null,"annotations":null}]}"#;
        let manifest: Manifest = parse(b"index.json", json).expect("tolerated");
        assert_eq!(manifest.media_type, "b");
        assert!(manifest.layers.is_none());
        let descriptors = manifest.manifests.expect("there").0;
        assert_eq!((descriptors[0].digest.as_str(), descriptors[0].size), ("d", Some(3)));
    }

    #[test]
    fn a_deep_document_is_a_limit_wherever_the_depth_is() {
        let deep = "[".repeat(10_000) + &"]".repeat(10_000);
        for json in [deep.clone(), format!("{{\"x\":{deep}}}"), format!("{{\"layers\":{deep}}}")] {
            let error = parse::<Manifest>(b"m", json.as_bytes()).expect_err("too deep");
            assert_eq!(error.to_string(), "m is nested too deep (limit=128)");
            assert_eq!(error.class(), Class::Limit);
        }
        let brackets_in_text = format!("{{\"x\":\"{}\\\"[\"}}", "[".repeat(1000));
        parse::<Manifest>(b"m", brackets_in_text.as_bytes()).expect("text does not nest");
    }

    #[test]
    fn a_million_layers_are_a_limit() {
        let list = vec!["{}"; 1_000_000].join(",");
        let json = format!("{{\"layers\":[{list}]}}");
        let error = parse::<Manifest>(b"m", json.as_bytes()).expect_err("too many");
        assert_eq!(error.to_string(), "too many list elements in m (limit=4096)");
        assert_eq!(error.class(), Class::Limit);
        let images = vec![format!("{{\"Layers\":[{}]}}", vec!["\"\""; 4000].join(",")); 100];
        let json = format!("[{}]", images.join(","));
        let error = parse::<DockerManifest>(b"m", json.as_bytes()).expect_err("too many");
        assert_eq!(error.class(), Class::Limit);
    }

    #[test]
    fn base64_is_decoded_as_rfc_4648_has_it() {
        for (text, bytes) in [
            ("", &b""[..]),
            ("Zg==", b"f"),
            ("Zm8=", b"fo"),
            ("Zm9v", b"foo"),
            ("e30=", b"{}"),
            ("+/+/", &[0xfb, 0xff, 0xbf]),
        ] {
            assert_eq!(decode_base64(text).as_deref(), Some(bytes), "{text}");
        }
        for text in ["Z", "Zg", "Zg=", "Z===", "Zm9v\n", "Zm 9"] {
            assert!(decode_base64(text).is_none_or(|bytes| bytes.is_empty()), "{text}");
        }
    }
}
