//! `-v`: how each layer was found and what became of it.

use crate::archive::{Members, fast_zstd, gzip, hex, layer, noise};
use crate::lab::Lab;

#[test]
fn the_trace_says_how_each_layer_was_found() {
    let lab = Lab::with_pair("docker20-1.tar", "docker20-2.tar");
    let told = lab.create(&["-v"]);
    for number in 0..5 {
        told.has(&[&format!("base.tar: layer {number} of fixture/hello:1: manifest.json names ")]);
        told.has(&[&format!(
            "target.tar: layer {number} of fixture/hello:2: manifest.json names "
        )]);
    }
    told.has(&["/layer.tar, a link to "]);
    let told = lab.run(&["apply", "base.tar", "delta", "-o", "out", "-v"]).ok();
    told.has(&["base.tar: layer 4 of fixture/hello:1: manifest.json names "]);

    let lab = Lab::with_pair("skopeo-oci-gzip-1.tar", "skopeo-oci-gzip-2.tar");
    lab.create(&["-v"]).has(&["base.tar: layer of blobs/sha256/", ": blobs/sha256/"]);
}

#[test]
fn the_trace_says_what_became_of_each_layer() {
    let lab = Lab::with_images();
    let told = lab.create(&["-v"]);
    let fates: Vec<&str> =
        told.stderr.lines().filter(|line| line.contains("): rebuilt, ")).collect();
    assert_eq!(fates.len(), 4, "{}", told.stderr);
    assert!(fates.iter().all(|line| line.contains(" copies of ") && line.ends_with(" literals")));

    let lab = Lab::with_pair("skopeo-oci-zstd-1.tar", "skopeo-oci-zstd-3.tar");
    let told = lab.create(&["-v"]);
    let count = |fate: &str| told.stderr.lines().filter(|line| line.contains(fate)).count();
    let again = "compressed again by klauspost/compress zstd (since 1.17.8), default";
    assert_eq!((count("): held"), count(again)), (4, 1), "{}", told.stderr);

    let lab = Lab::with_pair("docker20-1.tar", "docker20-3.tar");
    let told = lab.create(&["-v"]);
    let count = |fate: &str| told.stderr.lines().filter(|line| line.ends_with(fate)).count();
    assert_eq!(count("): reused"), 4, "{}", told.stderr);
}

#[test]
fn the_trace_of_apply_says_how_each_blob_came() {
    let lab = Lab::new();
    let [shared, changed, newer] = [1, 2, 3].map(|seed| noise(seed, 300_000));
    let (shared, old) = (layer("shared", &shared), layer("file", &changed));
    let new = layer("file", &[&changed[..200_000], &newer[..1000]].concat());
    let (same, again) = (gzip(&shared), gzip(&layer("newer", &newer)));
    let carried = fast_zstd(&layer("newer", &newer));
    lab.write("base.tar", &Members::docker("a", &[shared.clone(), old.clone()]).pack());
    lab.write("target.tar", &Members::docker("b", &[shared.clone(), new.clone()]).pack());
    lab.create(&[]);
    let digest = |bytes: &[u8]| format!("sha256:{}", hex(bytes));
    let lines = [
        format!("layer {} (294.5 KiB): reused, the content of 0/layer.tar", digest(&shared)),
        format!(
            "content {} (294.5 KiB): copied from, 294.5 KiB of it in 1/layer.tar",
            digest(&old)
        ),
        format!("layer {} (198.0 KiB): rebuilt, ", digest(&new)),
        "config sha256:".to_owned(),
        format!("file {} (", digest(&lab.read("target.tar"))),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    lab.run(&["apply", "base.tar", "delta", "-o", "out", "-v"]).ok().has(&lines);
    let told = lab.run(&["verify", "delta", "base.tar", "-v"]).ok();
    told.has(&lines);
    assert!(told.stderr.lines().any(|line| {
        line.starts_with(lines[2])
            && line.contains(" instructions, ")
            && line.ends_with(" literals")
    }));

    lab.write("base.tar", &Members::oci("a", &[shared.clone(), old], gzip).pack());
    lab.create(&["-f"]);
    let told = lab.run(&["apply", "base.tar", "delta", "-o", "out", "-f", "-v"]).ok();
    let from = format!("reused, the content of blobs/sha256/{}, inflated", hex(&same));
    told.has(&[&format!("layer {} (294.5 KiB): {from}", digest(&shared))]);

    let layers = [shared, layer("newer", &newer)];
    lab.write("target.tar", &Members::oci("b", &layers, gzip).pack());
    lab.create(&["-f"]);
    let told = lab.run(&["apply", "base.tar", "delta", "-o", "out", "-f", "-v"]).ok();
    let from = format!("held, copied from blobs/sha256/{}", hex(&same));
    told.has(&[
        &format!("layer {} (", digest(&same)),
        &format!("): {from}"),
        &format!("layer {} (", digest(&again)),
        "): compressed again by zlib, level 1, from sha256:",
    ]);

    lab.write("target.tar", &Members::oci("b", &layers, fast_zstd).pack());
    lab.create(&["-f"]);
    let told = lab.run(&["apply", "base.tar", "delta", "-o", "out", "-f", "-v"]).ok();
    told.has(&[&format!("layer {} (", digest(&carried)), "): carried by the delta"]);

    let lab = Lab::with_pair("skopeo-oci-zstd-1.tar", "skopeo-oci-zstd-3.tar");
    lab.create(&[]);
    let told = lab.run(&["apply", "base.tar", "delta", "-o", "out", "-v"]).ok();
    let again =
        "): compressed again by klauspost/compress zstd (since 1.17.8), default, from sha256:";
    let lines: Vec<&str> = told.stderr.lines().filter(|line| line.contains(again)).collect();
    let [line] = lines[..] else { panic!("{}", told.stderr) };
    let (_, content) = line.split_once(", from ").expect("it is there");
    let (content, _) = content.split_once(", ").expect("it is there");
    told.has(&[&format!("content {content} (52.5 KiB): rebuilt, ")]);
}

#[test]
fn the_trace_of_an_image_says_how_each_layer_was_found() {
    let lab = Lab::with_images();
    let told = lab.run(&["inspect", "base.tar", "-v"]).ok();
    told.has(&["base.tar: layer 0 of fixture/hello:1: manifest.json names blobs/"]);
    assert_eq!(lab.run(&["inspect", "base.tar"]).ok().stderr, "");
}

#[test]
fn twice_it_times_every_stage() {
    let lab = Lab::with_delta();
    let create = ["create", "base.tar", "target.tar", "-o", "other", "-vv"];
    let apply = ["apply", "base.tar", "delta", "-o", "out", "-vv"];
    let of_create = ["reading the base", "indexing the base", "checking the delta"];
    for (run, stages) in [
        (&create[..], &of_create[..]),
        (&apply, &["reading the delta", "reading the base", "rebuilding"]),
        (&["verify", "delta", "base.tar", "-vv"], &["rebuilding"]),
        (&["verify", "delta", "-vv"], &["reading the delta"]),
    ] {
        let told = lab.run(run).ok();
        for stage in stages.iter().chain(run.contains(&"-o").then_some(&"writing the output")) {
            let is_timed = |line: &str| {
                let seconds = line.strip_prefix(stage).and_then(|rest| rest.strip_prefix(": "));
                seconds.is_some_and(|seconds| seconds.ends_with(" s"))
            };
            assert_eq!(told.stderr.lines().filter(|line| is_timed(line)).count(), 1, "{told:?}");
        }
    }
}

#[test]
fn without_it_only_the_result_is_told() {
    let lab = Lab::with_images();
    let told = lab.create(&[]);
    assert_eq!(told.stderr, "");
    let lines: Vec<&str> = told.stdout().lines().collect();
    assert!(lines[0].starts_with("base    docker.io/fixture/hello:1"), "{}", told.stdout());
    assert!(lines[1].starts_with("target  docker.io/fixture/hello:2"), "{}", told.stdout());
    assert!(lines.last().is_some_and(|line| line.starts_with("delta   ") && line.ends_with(" s")));
}
