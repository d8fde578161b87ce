//! `chunkdelta inspect DELTA|IMAGE`

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

use chunkdelta::compression::encoders;
use chunkdelta::delta::{NodeEncoder, re_encode_memory};
use chunkdelta::fault::Shown;
use chunkdelta::format::{Delta, NONE, Node, RoleKind, StreamKind, WayKind, used_len};
use chunkdelta::image::{BlobKind, Image};
use chunkdelta::inspect::{self, InspectOptions, Subject};
use chunkdelta::observer::Observer;
use chunkdelta::units::Size;
use serde_json::{Value, json};

use super::args::{InspectArgs, Work};
use super::argv::Manner;
use super::report::{self, Failure, SCHEMA_VERSION};

/// What `inspect` was asked to do.
#[derive(Debug)]
pub(super) struct Options {
    subject: OsString,
    settings: InspectOptions,
}

impl From<InspectArgs> for Options {
    fn from(args: InspectArgs) -> Self {
        let Work { tmpdir, .. } = args.work.into();
        let allow_missing = args.images.allow_missing;
        Self { subject: args.subject, settings: InspectOptions { tmpdir, allow_missing } }
    }
}

/// Shows what the delta or the image holds.
pub(super) fn run(
    options: &Options,
    observer: &dyn Observer,
    manner: Manner,
) -> Result<(), Failure> {
    let subject = inspect::inspect(&options.subject, &options.settings, observer)?;
    if manner.is_json {
        let value = match &subject {
            Subject::Delta { delta, encoders } => delta_json(delta, encoders),
            Subject::Image(image) => image_json(image),
        };
        return Ok(report::print_json(&value, manner)?);
    }
    let lines = match &subject {
        Subject::Delta { delta, encoders } => delta_text(delta, encoders),
        Subject::Image(image) => image_text(image),
    };
    Ok(report::print(&(lines.join("\n") + "\n"), manner)?)
}

fn delta_text(delta: &Delta, used: &[NodeEncoder]) -> Vec<String> {
    let header = delta.header();
    let needs = delta.needs();
    let mut lines = vec![
        format!("delta    {} format 1, {}", delta.id(), Size(delta.file_len())),
        format!("makes    {} in {} outputs", Size(needs.output_len), header.outputs.len()),
        format!(
            "memory   {} for all streams of a group at once, {} one after the other, {} for encoders",
            Size(needs.window_sum).short(),
            Size(needs.largest_window).short(),
            Size(re_encode_memory(delta)).short()
        ),
    ];
    for (role, row) in header.roles.iter().zip(0_usize..).filter(|(role, _)| !role.names.is_empty())
    {
        let names: Vec<String> =
            role.names.iter().map(|name| Shown(name.as_str()).to_string()).collect();
        lines.push(format!("image    {} (role {row})", names.join(", ")));
    }
    for (node, row) in header.nodes.iter().zip(0_u32..) {
        lines.push(format!(
            "{:<9}{} {}{}",
            ways(node),
            delta.digest(node.digest),
            Size(node.length).short(),
            used_of(node)
        ));
        for encoder in used.iter().filter(|encoder| encoder.node == row) {
            let name = encoders::name(encoder.encoder, &encoder.parameters);
            lines.push(format!("         compressed again by {name}"));
        }
    }
    for (name, (decoded, encoded)) in streams(delta) {
        lines.push(format!("stream   {name:<13}{encoded:>12} of {decoded} bytes"));
    }
    lines
}

fn ways(node: &Node) -> &'static str {
    let kinds: Vec<u32> = node.ways.iter().map(|way| way.kind).collect();
    match kinds.as_slice() {
        [0] => "needs",
        [1] => "held",
        [1, 2 | 3] => "portable",
        [3] => "again",
        _ => "made",
    }
}

fn used_of(node: &Node) -> String {
    let way = &node.ways[0];
    if way.kind == WayKind::GivenContent.number() {
        format!(", {} of it used", Size(used_len(&way.used, node.length)).short())
    } else {
        String::new()
    }
}

/// Decoded and encoded bytes of each kind of stream, by name in the order of kinds.
fn streams(delta: &Delta) -> Vec<(&'static str, (u64, u64))> {
    let mut sums: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
    for stream in delta.header().groups.iter().flat_map(|group| &group.streams) {
        let sum = sums.entry(stream.kind).or_default();
        sum.0 += stream.decoded_len();
        sum.1 += stream.encoded_len();
    }
    let named = |(kind, sum)| Some((StreamKind::from_number(kind).ok()?.name(), sum));
    sums.into_iter().filter_map(named).collect()
}

/// Numbers of the codecs that a reader of the delta must know, ascending.
fn codecs(delta: &Delta) -> BTreeSet<u32> {
    let streams = delta.header().groups.iter().flat_map(|group| &group.streams);
    streams.map(|stream| stream.codec).chain([delta.header_codec().number()]).collect()
}

fn delta_json(delta: &Delta, used: &[NodeEncoder]) -> Value {
    let header = delta.header();
    let needs = delta.needs();
    let digest = |row: u32| (row != NONE).then(|| delta.digest(row).to_string());
    let nodes = header.nodes.iter().map(|node| {
        json!({
            "digest": digest(node.digest),
            "bytes": node.length,
            "ways": node.ways.iter().map(|way| match way.kind {
                0 => "given-content",
                1 => "given-blob",
                2 => "recipe",
                _ => "re-encode",
            }).collect::<Vec<_>>(),
            "used_bytes": used_len(&node.ways[0].used, node.length),
        })
    });
    let outputs = header.outputs.iter().map(|output| {
        json!({
            "path": String::from_utf8_lossy(&output.path),
            "node": (output.node != NONE).then_some(output.node),
        })
    });
    let roles = header.roles.iter().map(|role| {
        json!({
            "parent": (role.parent != NONE).then_some(role.parent),
            "role": role_name(role.role),
            "node": (role.node != NONE).then_some(role.node),
            "diff_id": digest(role.diff_id),
            "media_type": role.media_type,
            "platform": role.platform,
            "names": role.names,
        })
    });
    let streams = streams(delta).into_iter().map(|(name, (decoded, encoded))| {
        json!({ "name": name, "decoded_bytes": decoded, "encoded_bytes": encoded })
    });
    let encoders = used.iter().map(|encoder| {
        json!({
            "node": encoder.node,
            "encoder": encoder.encoder,
            "parameters": encoder.parameters,
            "name": encoders::name(encoder.encoder, &encoder.parameters),
        })
    });
    json!({
        "schema_version": SCHEMA_VERSION,
        "kind": "delta",
        "format": 1,
        "id": delta.id().to_string(),
        "bytes": delta.file_len(),
        "header_bytes": delta.head_len(),
        "needs": {
            "output_bytes": needs.output_len,
            "base_bytes": needs.base_len,
            "stream_bytes": needs.stream_len,
            "largest_window_bytes": needs.largest_window,
            "window_sum_bytes": needs.window_sum,
            "encoder_bytes": re_encode_memory(delta),
            "largest_group_bytes": needs.largest_group,
            "instructions": needs.instructions,
        },
        "nodes": nodes.collect::<Vec<_>>(),
        "encoders": encoders.collect::<Vec<_>>(),
        "outputs": outputs.collect::<Vec<_>>(),
        "roles": roles.collect::<Vec<_>>(),
        "streams": streams.collect::<Vec<_>>(),
        "codecs": codecs(delta),
    })
}

fn role_name(number: u32) -> &'static str {
    match RoleKind::from_number(number) {
        Ok(RoleKind::Index) => "index",
        Ok(RoleKind::Manifest) => "manifest",
        Ok(RoleKind::Config) => "config",
        Ok(RoleKind::Layer) => "layer",
        Ok(RoleKind::Attestation) => "attestation",
        _ => "other",
    }
}

fn kind_name(kind: BlobKind) -> &'static str {
    match kind {
        BlobKind::Index => "index",
        BlobKind::Manifest => "manifest",
        BlobKind::Config => "config",
        BlobKind::Layer { .. } => "layer",
        BlobKind::Other => "other",
    }
}

fn image_text(image: &Image) -> Vec<String> {
    let mut lines = vec![format!("image    {}, {} images", image.form, image.images.len())];
    for (number, entry) in image.images.iter().enumerate() {
        let names = image.names(entry);
        let names = if names.is_empty() { "-".to_owned() } else { names.join(", ") };
        let state = if entry.is_complete { "" } else { ", incomplete" };
        lines.push(format!("@{number:<8}{}{state}", Shown(names.as_str())));
    }
    for blob in &image.blobs {
        let claimed = blob.claimed.map_or("-".to_owned(), |claimed| claimed.to_string());
        let diff_id = match blob.kind {
            BlobKind::Layer { diff_id: Some(diff_id) } => format!(" diff ID {diff_id}"),
            _ => String::new(),
        };
        lines.push(format!(
            "{:<9}{} {} {claimed}{diff_id}",
            kind_name(blob.kind),
            Size(blob.range.len()).short(),
            blob.compression
        ));
    }
    lines
}

fn image_json(image: &Image) -> Value {
    let images = image
        .images
        .iter()
        .map(|entry| json!({ "names": image.names(entry), "complete": entry.is_complete }));
    let blobs = image.blobs.iter().map(|blob| {
        json!({
            "kind": kind_name(blob.kind),
            "name": String::from_utf8_lossy(&blob.name),
            "bytes": blob.range.len(),
            "compression": blob.compression.name(),
            "digest": blob.claimed.map(|claimed| claimed.to_string()),
            "diff_id": match blob.kind {
                BlobKind::Layer { diff_id } => diff_id.map(|diff_id| diff_id.to_string()),
                _ => None,
            },
        })
    });
    json!({
        "schema_version": SCHEMA_VERSION,
        "kind": "image",
        "form": image.form.to_string(),
        "wrapper": image.wrapper.name(),
        "images": images.collect::<Vec<_>>(),
        "blobs": blobs.collect::<Vec<_>>(),
    })
}
