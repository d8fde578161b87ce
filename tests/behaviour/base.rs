//! What becomes of a base that is another one, lacks something, or is damaged.

use crate::archive::{Compress, Members, gzip, hex, layer, noise, versions, zstd};
use crate::lab::Lab;

#[test]
fn another_base_is_refused_with_what_it_lacks() {
    let lab = Lab::with_delta();
    let base = lab.run(&["inspect", "delta"]).ok();
    let needs = base.stdout().lines().filter(|line| line.starts_with("needs "));
    let digests: Vec<&str> = needs.filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(digests.len(), 3);
    let run = ["apply", "target.tar", "delta", "-o", "out"];
    let told = lab.refused(3, &run);
    told.has(&["target.tar does not have what the delta needs: content sha256:"]);
    told.has(&digests);
    told.has(&[
        "expected: sha256:",
        "found: sha256:",
        "hint: find the image that the delta was made",
    ]);
    lab.refused(3, &["verify", "delta", "target.tar"]).has(&digests);
}

#[test]
fn a_base_without_one_layer_is_refused_with_its_digest() {
    let lab = Lab::with_built(100_000, None);
    lab.create(&[]);
    let [old, _] = versions(100_000);
    lab.write("partial", &Members::docker("app:1", &old).without("1/layer.tar").pack());
    let told = lab.refused(3, &["apply", "partial", "delta", "-o", "out"]);
    told.has(&[&format!("content sha256:{}", hex(&old[1]))]);
    assert!(!told.stderr.contains(&format!("content sha256:{}", hex(&old[0]))), "{}", told.stderr);
}

#[test]
fn a_base_in_another_form_or_with_more_images_does_as_well() {
    let lab = Lab::with_built(6000, None);
    lab.create(&[]);
    let [old, new] = versions(6000);
    lab.write("gzip.tar", &Members::oci("x", &old, gzip).pack());
    lab.write("zstd.tar", &Members::oci("x", &old, zstd).pack());
    lab.write(
        "more.tar",
        &Members::docker("x", &[new[1].clone(), old[1].clone(), old[0].clone()]).pack(),
    );
    for base in ["gzip.tar", "zstd.tar", "more.tar"] {
        let out = format!("out-{base}");
        lab.run(&["apply", base, "delta", "-o", &out]).ok();
        lab.assert_same(&out, "target.tar");
    }
}

/// A base of two layers of which the delta uses the second alone.
fn lab_that_uses_one_layer(compress: Option<Compress>) -> (Lab, Members) {
    let lab = Lab::new();
    let (unused, used) = (layer("unused", &noise(1, 40_000)), layer("used", &noise(2, 40_000)));
    let base = [unused, used.clone()];
    let base = match compress {
        Some(compress) => Members::oci("app:1", &base, compress),
        None => Members::docker("app:1", &base),
    };
    lab.write("base.tar", &base.pack());
    lab.write("target.tar", &Members::docker("app:2", &[used, layer("new", b"new")]).pack());
    lab.create(&[]);
    (lab, base)
}

#[test]
fn damage_in_what_the_delta_does_not_use_is_never_judged() {
    for compress in [None, Some(gzip as Compress)] {
        let (lab, mut base) = lab_that_uses_one_layer(compress);
        let name = base.0[0].0.clone();
        let name = if compress.is_some() { base.blobs()[0].clone() } else { name };
        base.bytes(&name)[20_000] ^= 1;
        lab.write("damaged", &base.pack());
        lab.run(&["apply", "damaged", "delta", "-o", "out"]).ok();
        lab.assert_same("out", "target.tar");
        let without = base.without(&name);
        lab.write("without", &without.pack());
        lab.run(&["apply", "without", "delta", "-o", "out2"]).ok();
        lab.assert_same("out2", "target.tar");
    }
}

#[test]
fn damage_in_a_used_layer_names_the_layer_and_both_digests() {
    let (lab, mut base) = lab_that_uses_one_layer(None);
    let right = hex(base.bytes("1/layer.tar"));
    base.bytes("1/layer.tar")[20_000] ^= 1;
    let wrong = hex(base.bytes("1/layer.tar"));
    lab.write("damaged", &base.pack());
    for run in [&["apply", "damaged", "delta", "-o", "out"][..], &["verify", "delta", "damaged"]] {
        let told = lab.refused(3, run);
        told.has(&["1/layer.tar of damaged is damaged: it does not match its digest"]);
        told.has(&[&format!("(expected sha256:{right}, found sha256:{wrong})")]);
        told.has(&["hint: restore the base from a good copy"]);
    }
}

#[test]
fn a_used_layer_that_is_cut_or_will_not_inflate_is_named() {
    let (lab, base) = lab_that_uses_one_layer(Some(gzip));
    let name = base.blobs()[1].clone();
    let damaged = |damage: fn(&mut Vec<u8>)| {
        let mut base = base.clone();
        damage(base.bytes(&name));
        base.pack()
    };
    lab.write("cut", &damaged(|bytes| bytes.truncate(10_000)));
    lab.write("flipped", &damaged(|bytes| bytes[20_000] ^= 1));
    lab.write("broken", &damaged(|bytes| bytes[12] ^= 0xff));
    for image in ["cut", "flipped", "broken"] {
        let told = lab.refused(3, &["apply", image, "delta", "-o", "out"]);
        told.has(&[&format!("{name} of {image} "), "hint: restore the base from a good copy"]);
    }
}

#[test]
fn an_envelope_or_document_of_the_base_that_cannot_be_read_is_damage() {
    let (lab, base) = lab_that_uses_one_layer(None);
    let mut bad = base.clone();
    *bad.bytes("manifest.json") = b"[{".to_vec();
    lab.write("document", &bad.pack());
    let told = lab.refused(4, &["apply", "document", "delta", "-o", "out"]);
    told.has(&["cannot use document as an image: manifest.json cannot be read as JSON"]);
    let mut envelope = base.pack();
    envelope[..512].fill(b'x');
    lab.write("envelope", &envelope);
    lab.refused(4, &["apply", "envelope", "delta", "-o", "out"]).has(&["not an image"]);
}

#[test]
fn a_held_blob_in_other_compression_names_digest_and_portable() {
    let lab = Lab::with_pair("skopeo-oci-zstd-1.tar", "skopeo-oci-zstd-3.tar");
    std::fs::copy(crate::support::fixture("skopeo-oci-gzip-1.tar"), lab.path("gzip.tar"))
        .expect("writable");
    lab.create(&[]);
    let told = lab.refused(3, &["apply", "gzip.tar", "delta", "-o", "out"]);
    let held = lab.run(&["inspect", "delta"]).ok();
    let held: Vec<String> = held
        .stdout()
        .lines()
        .filter(|line| line.starts_with("held "))
        .filter_map(|line| line.split_whitespace().nth(1).map(str::to_owned))
        .collect();
    assert_eq!(held.len(), 4);
    for digest in &held {
        told.has(&[&format!("blob {digest} (there in other compression)")]);
    }
    told.has(&["hint: this base stores these layers in other compression", "--portable"]);

    // A base that has not even the contents is another base.
    std::fs::copy(crate::support::fixture("docker26-2.tar"), lab.path("other.tar"))
        .expect("writable");
    let told = lab.refused(3, &["apply", "other.tar", "delta", "-o", "out"]);
    told.has(&[&held[0], "hint: find the image that the delta was made against"]);

    // With --portable the delta carries what would be held.
    lab.create(&["-f", "--portable"]);
    for base in ["base.tar", "gzip.tar"] {
        lab.run(&["apply", base, "delta", "-o", "out", "-f"]).ok();
        lab.assert_same("out", "target.tar");
    }
}
