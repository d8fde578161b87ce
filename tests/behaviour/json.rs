//! One object for scripts, from every command and for every kind of error.

use chunkdelta::delta::Stage;
use serde_json::Value;

use crate::archive::{Compress, Members, fast_zstd, gzip, layer, noise};
use crate::lab::{Lab, Told};

/// The one object on standard output.
fn object(told: &Told) -> Value {
    assert_eq!(told.stdout().lines().count(), 1, "{told:?}");
    let value: Value = serde_json::from_str(told.stdout()).expect("JSON");
    assert_eq!(value["schema_version"], 1);
    value
}

/// The error of a run that fails, which is all that it says.
#[track_caller]
fn error(lab: &Lab, arguments: &[&str]) -> Value {
    let before = lab.state();
    let told = lab.run(&[arguments, &["--json"]].concat());
    assert_eq!(told.stderr, "", "{arguments:?}");
    assert_eq!(lab.state(), before);
    let value = object(&told);
    let error = value["error"].clone();
    assert_eq!(error["code"], told.code, "{error}");
    assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "{error}");
    assert!(error["hint"].as_str().is_some_and(|text| !text.is_empty()), "{error}");
    error
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[test]
fn create_tells_each_layer_and_each_stream() {
    let lab = Lab::with_images();
    let value = object(&lab.create(&["--json"]));
    assert_eq!(value["base"]["form"], "docker-archive");
    assert_eq!(value["target"]["bytes"], lab.read("target.tar").len());
    assert_eq!(value["delta"]["bytes"], lab.read("delta").len());
    assert_eq!((&value["level"], &value["self_check"]), (&9.into(), &true.into()));
    let layers = value["layers"].as_array().expect("a list");
    assert_eq!(layers.len(), 4);
    for layer in layers {
        assert_eq!(layer["outcome"], "rebuilt");
        let sum =
            ["copied_bytes", "own_copied_bytes", "zero_bytes", "header_bytes", "literal_bytes"]
                .map(|key| layer[key].as_u64().expect("a number"))
                .iter()
                .sum::<u64>();
        assert_eq!(layer["bytes"], sum);
    }
    let streams = value["streams"].as_array().expect("a list");
    assert!(streams.iter().any(|stream| stream["name"] == "instructions"));
}

/// What the stages saved of something, one number.
fn saved(value: &Value) -> u64 {
    let ways = ["base_bytes", "target_bytes", "zero_bytes", "header_bytes", "coding_bytes"];
    assert_eq!(keys(&value["saved"]), [&ways[..], &["stages"]].concat());
    assert_eq!(keys(&value["saved"]["stages"]), Stage::ALL.map(Stage::name));
    ways.iter().map(|stage| value["saved"][stage].as_u64().expect("bytes")).sum()
}

#[test]
fn create_tells_what_each_stage_saved() {
    let lab = Lab::new();
    let [old, new, text] = [1, 2, 3].map(|seed| noise(seed, 100_000));
    let text: Vec<u8> = text.iter().map(|byte| b'a' + byte % 16).collect();
    let base = [layer("same", &old), layer("other", &new)];
    let mixed = [&new[..50_000], &text, &vec![0; 20_000], &text].concat();
    for (compress, outcomes) in [
        (<[u8]>::to_vec as Compress, ["reused", "rebuilt"]),
        (gzip as Compress, ["held", "rebuilt"]),
        (fast_zstd as Compress, ["held", "stored"]),
    ] {
        let target = [base[0].clone(), layer("mixed", &mixed)];
        lab.write("base.tar", &Members::oci("a", &base, compress).pack());
        lab.write("target.tar", &Members::oci("b", &target, compress).pack());
        let value = object(&lab.create(&["--json", "-f"]));
        adds_up(&value);
        let layers = value["layers"].as_array().expect("a list");
        assert_eq!(layers.iter().map(|layer| &layer["outcome"]).collect::<Vec<_>>(), outcomes);
        assert_eq!(layers[0]["saved"]["base_bytes"], layers[0]["bytes"]);
        assert_eq!(layers[0]["coded_bytes"], 0);
        let [rebuilt, coded] = [&layers[1]["saved"], &layers[1]["coded_bytes"]];
        if outcomes[1] == "rebuilt" {
            assert!((50_000..53_000).contains(&number(&rebuilt["base_bytes"])), "{rebuilt}");
            assert!((98_000..102_000).contains(&number(&rebuilt["target_bytes"])), "{rebuilt}");
            assert!((20_000..22_000).contains(&number(&rebuilt["zero_bytes"])), "{rebuilt}");
            // Letters of 4 bits each.
            assert!((49_000..53_000).contains(&number(coded)), "{coded}");
        }
    }
}

#[test]
fn create_tells_what_a_layer_saved_that_is_compressed_again() {
    for (base, target, has_exceptions) in [
        ("skopeo-oci-zstd-1.tar", "skopeo-oci-zstd-3.tar", false),
        // A member of gzip has a header and a trailer.
        ("skopeo-oci-zstd-1.tar", "skopeo-oci-gzip-2.tar", true),
    ] {
        let lab = Lab::with_pair(base, target);
        for options in [&["--json", "-f"][..], &["--json", "-f", "--portable"]] {
            let value = object(&lab.create(options));
            adds_up(&value);
            let layers = value["layers"].as_array().expect("a list");
            let again = layers.iter().find(|layer| layer["encoders"].is_array());
            let again = again.expect("one is compressed again");
            assert_eq!(number(&again["exception_bytes"]) > 0, has_exceptions, "{again}");
            assert!(number(&again["content_bytes"]) > number(&again["bytes"]), "{again}");
        }
    }
}

/// Checks that what the stages saved and what is carried make up each layer, the target, and the
/// delta.
#[track_caller]
fn adds_up(value: &Value) {
    for layer in value["layers"].as_array().expect("a list") {
        let len = layer.get("content_bytes").unwrap_or(&layer["bytes"]);
        assert_eq!(number(len), saved(layer) + number(&layer["coded_bytes"]), "{layer}");
    }
    assert_eq!(number(&value["content_bytes"]), saved(value) + number(&value["coded_bytes"]));
    let streams = value["streams"].as_array().expect("a list").iter();
    let control = ["instructions", "lengths", "offsets", "numbers", "kept ranges"];
    let is_control = |stream: &&Value| control.iter().any(|name| stream["name"] == *name);
    let control = streams.filter(is_control).map(|stream| number(&stream["encoded_bytes"]));
    let carried = ["coded_bytes", "difference_bytes", "exception_bytes"];
    let carried: u64 = carried.iter().map(|key| number(&value[*key])).sum();
    let header = number(&value["delta"]["header_bytes"]);
    assert_eq!(number(&value["delta"]["bytes"]), carried + control.sum::<u64>() + header);
}

#[track_caller]
fn number(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

#[test]
fn create_tells_what_the_target_takes_without_a_base() {
    let lab = Lab::with_images();
    let told = lab.create(&["--json"]);
    let zstd = object(&told)["target_zstd"].clone();
    let len = zstd::encode_all(lab.read("target.tar").as_slice(), 3).expect("memory").len();
    assert_eq!((&zstd["level"], &zstd["estimated"]), (&3.into(), &false.into()));
    let bytes = zstd["bytes"].as_u64().expect("a number");
    assert!(bytes.abs_diff(len as u64) * 100 < bytes, "{bytes}, and {len} by itself");

    // Too long to be compressed whole: half noise, half letters of four bits.
    let noise = noise(1, 12 << 20);
    let text: Vec<u8> = noise.iter().map(|byte| b'a' + byte % 16).collect();
    lab.write("base.tar", &Members::docker("a", &[layer("a", b"a")]).pack());
    let layers = [layer("noise", &noise), layer("text", &text)];
    lab.write("target.tar", &Members::docker("b", &layers).pack());
    let value = object(&lab.create(&["--json", "-f", "-3", "--no-self-check"]));
    assert_eq!(value["target_zstd"]["estimated"], true);
    let bytes = value["target_zstd"]["bytes"].as_u64().expect("a number");
    assert!((18 << 20..19 << 20).contains(&bytes), "{bytes}");
    let told = lab.create(&["-f", "-3", "--no-self-check"]);
    assert!(told.stdout().contains(" of the target, about "), "{}", told.stdout());
    assert!(told.stdout().contains(" % of its zstd -3, not checked"), "{}", told.stdout());
}

#[test]
fn apply_and_verify_tell_where_the_bytes_came_from() {
    let lab = Lab::with_delta();
    let applied = object(&lab.run(&["apply", "base.tar", "delta", "-o", "out", "--json"]).ok());
    let len = lab.read("target.tar").len() as u64;
    assert_eq!(applied["output"]["bytes"], len);
    let parts = ["copied_bytes", "own_copied_bytes", "placed_bytes", "zero_bytes", "literal_bytes"];
    let parts = parts.map(|key| applied[key].as_u64().expect("a number"));
    assert_eq!(parts.iter().sum::<u64>(), len, "{applied}");
    assert_eq!(applied["delta"]["bytes"], lab.read("delta").len());
    let verified = object(&lab.run(&["verify", "delta", "base.tar", "--json"]).ok());
    assert_eq!(keys(&verified), keys(&applied));
    let alone = object(&lab.run(&["verify", "delta", "--json"]).ok());
    assert_eq!(alone["bytes"], lab.read("delta").len());
    assert!(alone["id"].as_str().is_some_and(|id| id.starts_with("sha256:")));
}

#[test]
fn inspect_tells_tables_of_a_delta_and_blobs_of_an_image() {
    let lab = Lab::with_delta();
    let delta = object(&lab.run(&["inspect", "delta", "--json"]).ok());
    assert_eq!((&delta["kind"], &delta["format"]), (&"delta".into(), &1.into()));
    let encoded = delta["streams"].as_array().expect("a list").iter();
    let encoded: u64 = encoded.map(|stream| stream["encoded_bytes"].as_u64().expect("bytes")).sum();
    let header = delta["header_bytes"].as_u64().expect("bytes");
    assert_eq!(delta["bytes"], header + encoded, "the streams and the header are the delta");
    let image = object(&lab.run(&["inspect", "base.tar", "--json"]).ok());
    assert_eq!((&image["kind"], &image["form"]), (&"image".into(), &"docker-archive".into()));
    let blobs = image["blobs"].as_array().expect("a list");
    let layers: Vec<_> = blobs.iter().filter(|blob| blob["kind"] == "layer").collect();
    assert_eq!(layers.len(), 4);
    assert!(layers.iter().all(|layer| layer["diff_id"] == layer["digest"]));
}

#[test]
fn inspect_names_the_codecs_that_a_delta_uses() {
    let lab = Lab::with_delta();
    lab.write("stored", include_bytes!("../golden/v1/one-byte-stored.ckd"));
    for (delta, codecs) in [("delta", &[1, 2][..]), ("stored", &[0])] {
        let value = object(&lab.run(&["inspect", delta, "--json"]).ok());
        assert_eq!(value["codecs"], serde_json::json!(codecs), "{delta}");
    }
}

#[test]
fn every_class_of_error_has_its_code_and_kind() {
    let lab = Lab::with_delta();
    lab.write("bad", b"nothing");
    let classes = [
        (1, "failed", &["apply", "none", "delta", "-o", "out"][..]),
        (2, "usage", &["apply", "delta", "base.tar", "-o", "out"]),
        (2, "usage", &["apply", "delta", "base.tar", "-o", "out", "--frob"]),
        (3, "base-mismatch", &["apply", "target.tar", "delta", "-o", "out"]),
        (4, "damaged", &["apply", "bad", "delta", "-o", "out"]),
        (5, "unsupported", &["create", "docker://x", "target.tar", "-o", "out"]),
        (7, "limit", &["apply", "base.tar", "delta", "-o", "out", "--memory", "1"]),
    ];
    for (code, kind, run) in classes {
        let error = error(&lab, run);
        assert_eq!((&error["code"], &error["kind"]), (&code.into(), &kind.into()));
    }
}

#[test]
fn a_mismatch_has_whole_digests_of_what_was_expected_and_found() {
    let lab = Lab::with_built(100_000, None);
    lab.create(&[]);
    let mut members = Members::docker("app:1", &[layer("a", &noise(1, 3000))]);
    members.bytes("0/layer.tar")[700] ^= 1;
    lab.write("bad", &members.pack());
    let mut delta = lab.read("delta");
    *delta.last_mut().expect("long") ^= 1;
    lab.write("flipped", &delta);
    for run in [
        &["create", "bad", "target.tar", "-o", "out"][..],
        &["apply", "target.tar", "delta", "-o", "out"],
        &["verify", "flipped"],
    ] {
        let error = error(&lab, run);
        for key in ["expected", "found"] {
            let digests = error[key].as_str().expect("digests");
            assert!(digests.split(", ").all(|digest| {
                digest.strip_prefix("sha256:").is_some_and(|hex| hex.len() == 64)
            }));
        }
        assert_ne!(error["expected"], error["found"]);
    }
}

#[test]
fn with_the_output_on_standard_output_json_goes_to_standard_error() {
    let lab = Lab::with_delta();
    let told = lab.run(&["apply", "base.tar", "delta", "-o", "-", "--json"]).ok();
    assert!(told.stdout == lab.read("target.tar"));
    let value: Value = serde_json::from_str(&told.stderr).expect("JSON and nothing else");
    assert_eq!(value["output"]["bytes"], told.stdout.len());
    for run in [
        &["apply", "target.tar", "delta", "-o", "-", "--json"][..],
        &["create", "none", "delta", "--output=-", "--json"],
        &["apply", "--json", "-o-", "--frob"],
    ] {
        let told = lab.run(run);
        assert_eq!(told.stdout(), "");
        let value: Value = serde_json::from_str(&told.stderr).expect("JSON and nothing else");
        assert_eq!(value["error"]["code"], told.code);
        assert_ne!(told.code, 0);
    }
}
