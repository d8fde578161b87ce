//! `chunkdelta create BASE TARGET -o DELTA`

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Instant;

use chunkdelta::create::{self, CreateReport, ImageReport, LayerReport, Outcome, Shares, ZstdLen};
use chunkdelta::delta::{Stage, Stages};
use chunkdelta::fault::Shown;
use chunkdelta::observer::Observer;
use chunkdelta::units::Size;
use serde_json::{Value, json};

use super::args::{CreateArgs, StdinTwice, Work, one_stdin};
use super::argv::Manner;
use super::report::{self, Failure, SCHEMA_VERSION};

/// What `create` was asked to do.
#[derive(Debug)]
pub(super) struct Options {
    base: OsString,
    target: OsString,
    output: PathBuf,
    settings: create::CreateOptions,
}

impl TryFrom<CreateArgs> for Options {
    type Error = StdinTwice;

    fn try_from(args: CreateArgs) -> Result<Self, StdinTwice> {
        one_stdin(("BASE", &args.base), ("TARGET", &args.target))?;
        let Work { jobs, memory, tmpdir } = args.work.into();
        Ok(Self {
            base: args.base,
            target: args.target,
            output: args.output.output,
            settings: create::CreateOptions {
                level: args.effort.level(),
                jobs,
                memory: memory.unwrap_or(create::CreateOptions::default().memory),
                tmpdir,
                has_self_check: !args.no_self_check,
                stages: args.disable.into_iter().fold(Stages::ALL, Stages::without),
                is_portable: args.portable,
                is_content_only: args.content_only,
                allow_missing: args.images.allow_missing,
                may_replace: args.output.force,
            },
        })
    }
}

/// Makes the delta.
pub(super) fn run(
    options: &Options,
    observer: &dyn Observer,
    manner: Manner,
) -> Result<(), Failure> {
    let start = Instant::now();
    let Options { base, target, output, settings } = options;
    if !settings.has_self_check {
        observer.warn(format_args!("the delta is not checked: --no-self-check"));
    }
    let report = create::create(base, target, output, settings, observer)?;
    let seconds = start.elapsed().as_secs_f64();
    if manner.is_json {
        report::print_json(&json(&report, settings, seconds), manner)?;
    } else {
        report::tell(&text(&report, settings, seconds), manner)?;
    }
    Ok(())
}

fn text(report: &CreateReport, options: &create::CreateOptions, seconds: f64) -> String {
    let count = |wanted: &str| {
        let layers = report.layers.iter().filter(|layer| layer.outcome.name() == wanted);
        (layers.clone().count(), layers.map(|layer| layer.len).sum::<u64>())
    };
    let mut lines = Vec::new();
    for (role, image) in [("base", &report.base), ("target", &report.target)] {
        let names = if image.names.is_empty() {
            "-".to_owned()
        } else {
            Shown(image.names.join(", ").as_str()).to_string()
        };
        lines.push(format!("{role:<8}{names}  {}  {}", image.form, Size(image.len).short()));
    }
    for outcome in ["reused", "held", "rebuilt", "stored"] {
        let (layers, len) = count(outcome);
        if layers > 0 {
            let noun = if layers == 1 { "layer" } else { "layers" };
            lines.push(format!("  {outcome:<8}{layers} {noun}, {}", Size(len).short()));
        }
    }
    let shared: u64 = report.layers.iter().map(shared_len).sum();
    let layers_len = report.layers.iter().map(|layer| layer.content_len).sum();
    lines.push(format!(
        "shared  {} of the target's layers, {}",
        Size(shared).short(),
        percent(shared, layers_len)
    ));
    let carried: u64 = report.streams.iter().map(|(_, decoded, _)| decoded).sum();
    lines.push(format!("carried {} of literals and instructions", Size(carried).short()));
    lines.push(format!(
        "delta   {} = {} of the target{}{}  {seconds:.1} s",
        Size(report.delta_len),
        percent(report.delta_len, report.target.len),
        report.zstd.map(|zstd| of_zstd(report.delta_len, zstd)).unwrap_or_default(),
        if options.has_self_check { ", checked" } else { ", not checked" },
    ));
    lines.join("\n")
}

/// `, about 12 % of its zstd -3`
fn of_zstd(delta_len: u64, zstd: ZstdLen) -> String {
    let about = if zstd.is_estimate { "about " } else { "" };
    format!(", {about}{} of its zstd -{}", percent(delta_len, zstd.len), ZstdLen::LEVEL)
}

/// Bytes of a layer that the base has.
fn shared_len(layer: &LayerReport) -> u64 {
    match layer.outcome {
        Outcome::Reused | Outcome::Held => layer.len,
        Outcome::Rebuilt(stats) => stats.base_bytes,
        Outcome::Stored => 0,
    }
}

fn percent(part: u64, whole: u64) -> String {
    let basis_points = u128::from(part) * 10_000 / u128::from(whole.max(1));
    format!("{}.{:02} %", basis_points / 100, basis_points % 100)
}

fn json(report: &CreateReport, options: &create::CreateOptions, seconds: f64) -> Value {
    let image = |image: &ImageReport| json!({ "form": image.form, "names": image.names, "bytes": image.len });
    let layers = report.layers.iter().map(|layer| {
        let mut value = json!({
            "name": layer.name,
            "digest": layer.digest.to_string(),
            "bytes": layer.len,
            "outcome": layer.outcome.name(),
        });
        value["saved"] = saved(&layer.shares);
        value["coded_bytes"] = layer.shares.coded.into();
        value["difference_bytes"] = layer.shares.differences.into();
        value["exception_bytes"] = layer.shares.exceptions.into();
        if let Outcome::Rebuilt(stats) = layer.outcome {
            value["copies"] = stats.copies.into();
            value["copied_bytes"] = stats.base_bytes.into();
            value["own_copied_bytes"] = stats.target_bytes.into();
            value["zero_bytes"] = stats.zero_bytes.into();
            value["header_bytes"] = stats.header_bytes.into();
            value["patched_bytes"] = stats.patched_bytes.into();
            value["literal_bytes"] = stats.literal_bytes.into();
            value["content_bytes"] = layer.content_len.into();
            value["encoders"] = layer.encoders.clone().into();
        }
        value
    });
    let streams = report.streams.iter().map(|(name, decoded, encoded)| {
        json!({ "name": name, "decoded_bytes": decoded, "encoded_bytes": encoded })
    });
    json!({
        "schema_version": SCHEMA_VERSION,
        "base": image(&report.base),
        "target": image(&report.target),
        "target_zstd": report.zstd.map(|zstd| json!({
            "level": ZstdLen::LEVEL, "bytes": zstd.len, "estimated": zstd.is_estimate,
        })),
        "delta": { "bytes": report.delta_len, "header_bytes": report.head_len },
        "saved": saved(&report.shares),
        "coded_bytes": report.shares.coded,
        "difference_bytes": report.shares.differences,
        "exception_bytes": report.shares.exceptions,
        "content_bytes": report.content_len,
        "level": options.level.number(),
        "best": options.level.is_best(),
        "self_check": options.has_self_check,
        "portable": options.is_portable,
        "layers": layers.collect::<Vec<_>>(),
        "streams": streams.collect::<Vec<_>>(),
        "seconds": seconds,
    })
}

/// What each stage saved.
fn saved(shares: &Shares) -> Value {
    let stages = Stage::ALL.iter().zip(shares.found);
    let stages = stages.map(|(stage, bytes)| (stage.name().to_owned(), bytes.into()));
    json!({
        "base_bytes": shares.base,
        "target_bytes": shares.target,
        "zero_bytes": shares.zeros,
        "header_bytes": shares.headers,
        "coding_bytes": shares.coding,
        "stages": stages.collect::<serde_json::Map<String, Value>>(),
    })
}
