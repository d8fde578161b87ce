//! `-v`: how each layer was found and what became of it.

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
fn without_it_only_the_result_is_told() {
    let lab = Lab::with_images();
    let told = lab.create(&[]);
    assert_eq!(told.stderr, "");
    let lines: Vec<&str> = told.stdout().lines().collect();
    assert!(lines[0].starts_with("base    docker.io/fixture/hello:1"), "{}", told.stdout());
    assert!(lines[1].starts_with("target  docker.io/fixture/hello:2"), "{}", told.stdout());
    assert!(lines.last().is_some_and(|line| line.starts_with("delta   ") && line.ends_with(" s")));
}
