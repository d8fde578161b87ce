//! Images that lack something, lie about a digest, or hide their layers behind links.

use tar::EntryType;

use crate::archive::{Members, Tar, gzip, hex, layer, noise, versions};
use crate::lab::{Lab, Told};

/// A lab with two built images in Docker's form, small.
fn lab() -> Lab {
    Lab::with_built(4000, None)
}

fn docker(layers: usize) -> Members {
    let layers: Vec<_> =
        (0..layers).map(|number| layer("file", &noise(number as u64 + 1, 4000))).collect();
    Members::docker("app:1", &layers)
}

/// Refused as BASE and as TARGET of `create`, alike.
#[track_caller]
fn refused_by_create(code: i32, bad: &[u8], words: &[&str]) -> Told {
    let lab = lab();
    lab.write("bad", bad);
    let told = lab.refused(code, &["create", "bad", "target.tar", "-o", "out"]);
    told.has(words);
    lab.refused(code, &["create", "base.tar", "bad", "-o", "out"]).has(words);
    told
}

/// Both in `create` and as BASE of `apply`.
#[track_caller]
fn refused(code: i32, bad: &[u8], words: &[&str]) {
    refused_by_create(code, bad, words);
    let lab = lab();
    lab.create(&[]);
    lab.write("bad", bad);
    lab.refused(code, &["apply", "bad", "delta", "-o", "out"]).has(words);
}

#[test]
fn a_layer_that_is_not_there_is_named() {
    let bad = docker(2).without("1/layer.tar").pack();
    refused_by_create(
        4,
        &bad,
        &["1/layer.tar is not in the image (it is layer 1 of app:1)", "--allow-missing"],
    );
}

#[test]
fn with_allow_missing_what_is_there_is_used() {
    let lab = lab();
    lab.write("partial", &docker(2).without("1/layer.tar").pack());
    let run = ["create", "partial", "target.tar", "-o", "one", "--allow-missing"];
    lab.run(&run).ok();
    lab.run(&["apply", "partial", "one", "-o", "out"]).ok();
    lab.assert_same("out", "target.tar");

    let run = ["create", "base.tar", "partial", "-o", "two", "--allow-missing", "-v"];
    lab.run(&run).ok().has(&["layer 1/layer.tar is absent"]);
    lab.run(&["apply", "base.tar", "two", "-o", "back"]).ok();
    lab.assert_same("back", "partial");
    assert!(lab.run(&["inspect", "partial"]).code == 4);
    let told = lab.run(&["inspect", "partial", "--allow-missing"]).ok();
    assert!(told.stdout().contains("@0       app:1, incomplete"), "{}", told.stdout());
}

#[test]
fn one_complete_image_suffices_in_an_index_and_none_does_not() {
    let layers = [layer("a", b"one"), layer("b", b"two")];
    let whole = Members::oci("app:1", &layers, gzip);
    let missing = whole.blobs()[1].clone();
    let bad = whole.clone().without(&missing).pack();
    let digest = missing.replace("blobs/sha256/", "sha256:");
    refused_by_create(4, &bad, &[&digest, "is not in the image"]);

    // The same index with a second entry for a manifest that is not there.
    let lab = lab();
    let mut partial = whole;
    let index = String::from_utf8(partial.bytes("index.json").clone()).expect("UTF-8");
    let absent = format!(
        r#","manifests":[{{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":3,"digest":"sha256:{}"}},"#,
        hex(b"absent")
    );
    *partial.bytes("index.json") = index.replace(r#","manifests":["#, &absent).into_bytes();
    lab.write("partial", &partial.pack());
    lab.run(&["create", "base.tar", "partial", "-o", "delta", "-v"]).ok().has(&[&hex(b"absent")]);
    lab.run(&["apply", "base.tar", "delta", "-o", "out"]).ok();
    lab.assert_same("out", "partial");
}

#[test]
fn layers_kept_elsewhere_are_lawfully_absent() {
    let lab = lab();
    let mut members = Members::oci("app:1", &[layer("a", b"one")], gzip);
    let [blob, _, manifest] = &members.blobs()[..] else { panic!("three blobs") };
    let text = String::from_utf8(members.bytes(manifest).clone()).expect("UTF-8");
    let text = text.replace(r#""layers":[{"#, r#""layers":[{"urls":["https://elsewhere"],"#);
    let (old, new) = (manifest.clone(), format!("blobs/sha256/{}", hex(text.as_bytes())));
    let size = members.bytes(&old).len();
    let index = String::from_utf8(members.bytes("index.json").clone()).expect("UTF-8");
    let index = index.replace(&old["blobs/sha256/".len()..], &new["blobs/sha256/".len()..]);
    *members.bytes("index.json") =
        index.replace(&format!(r#""size":{size}"#), &format!(r#""size":{}"#, text.len())).into();
    let blob = blob.clone();
    let mut members = members.without(&blob).without(&old);
    members.0.push((new, text.into_bytes()));
    lab.write("partial", &members.pack());
    let told = lab.run(&["create", "base.tar", "partial", "-o", "delta", "-v"]).ok();
    told.has(&["is kept elsewhere (urls)"]);
}

#[test]
fn a_wrong_diff_id_names_blob_expected_and_found() {
    let mut bad = docker(2);
    let right = hex(bad.bytes("1/layer.tar"));
    bad.bytes("1/layer.tar")[600] ^= 1;
    let wrong = hex(bad.bytes("1/layer.tar"));
    let told =
        refused_by_create(4, &bad.pack(), &["1/layer.tar of bad does not match its diff ID"]);
    told.has(&[&format!("(expected sha256:{right}, found sha256:{wrong})"), "hint: "]);
}

#[test]
fn a_false_claim_is_found_whatever_else_has_the_digest() {
    let lab = lab();
    let [old, new] = ["base.tar", "target.tar"].map(|name| lab.read(name));
    let layers: Vec<Vec<u8>> = versions(4000).concat();
    let claims = [layers.clone(), vec![old, new, Vec::new()]].concat();
    let mut seen = 0;
    for claimed in &claims {
        for stored in layers.iter().filter(|stored| *stored != claimed) {
            for place in 0..2 {
                // The documents are about layers of which one is then another one.
                let mut about = [layers[0].clone(), layers[1].clone()];
                about[place].clone_from(claimed);
                let mut bad = Members::docker("app:1", &about);
                bad.bytes(&format!("{place}/layer.tar")).clone_from(stored);
                lab.write("bad", &bad.pack());
                let words = format!("{place}/layer.tar of bad does not match its diff ID");
                for (base, target) in [("bad", "target.tar"), ("base.tar", "bad")] {
                    let told = lab.refused(4, &["create", base, target, "-o", "out"]);
                    told.has(&[&words, &hex(claimed), &hex(stored)]);
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 50, "{seen}");
}

/// An image whose one layer is `stored`, and said to have the digest `claimed`.
fn claiming(content: &[u8], stored: &[u8], claimed: &str) -> Vec<u8> {
    let mut members = Members::oci("app:1", &[content.to_vec()], |_| stored.to_vec());
    let [layer, _, manifest] = &members.blobs()[..] else { panic!("three blobs") };
    let new_layer = format!("blobs/sha256/{claimed}");
    let replaced = |bytes: &[u8], old: &str, new: &str| {
        String::from_utf8(bytes.to_vec()).expect("UTF-8").replace(old, new).into_bytes()
    };
    let hex_of = |name: &str| name["blobs/sha256/".len()..].to_owned();
    let text = replaced(members.bytes(manifest), &hex_of(layer), claimed);
    let new_manifest = format!("blobs/sha256/{}", hex(&text));
    let index = replaced(members.bytes("index.json"), &hex_of(manifest), &hex(&text));
    *members.bytes("index.json") = index;
    for (name, bytes) in &mut members.0 {
        if name == layer {
            name.clone_from(&new_layer);
        } else if name == manifest {
            (*name, *bytes) = (new_manifest.clone(), text.clone());
        }
    }
    members.pack()
}

/// A gzip stream of `content` that is as long as that.
fn as_long(content: &[u8]) -> Vec<u8> {
    let stored = gzip(content);
    let name = vec![b'n'; content.len() - stored.len() - 1];
    let header = [&stored[..3], &[8], &stored[4..10]].concat();
    [&header[..], &name, &[0], &stored[10..]].concat()
}

#[test]
fn a_layer_that_is_said_to_be_its_own_content_is_found() {
    // Hardly any of it is the name that makes it long: more would be stored and not made again.
    let content = layer("file", &noise(7, 4000));
    let stored = as_long(&content);
    assert_eq!(stored.len(), content.len());
    let lab = lab();
    lab.write("bad", &claiming(&content, &stored, &hex(&content)));
    for (base, target) in [("bad", "target.tar"), ("base.tar", "bad"), ("bad", "bad")] {
        let told = lab.refused(4, &["create", base, target, "-o", "out"]);
        told.has(&["of bad does not match its blob digest", &hex(&content), &hex(&stored)]);
    }
    lab.write("good", &claiming(&content, &stored, &hex(&stored)));
    lab.run(&["create", "base.tar", "good", "-o", "fine"]).ok();
}

#[test]
fn a_blob_with_the_bytes_of_another_one_is_found_in_a_directory_too() {
    let layers = [layer("a", &noise(9, 5000)), layer("b", &noise(8, 7000))];
    let whole = Members::oci("app:1", &layers, gzip);
    let [first, second, config, ..] = &whole.blobs()[..] else { panic!("four blobs") };
    for (one, other) in [(first, second), (second, first), (first, config)] {
        let mut bad = whole.clone();
        let bytes = bad.bytes(other).clone();
        *bad.bytes(one) = bytes;
        let lab = lab();
        bad.unpack(&lab.path("bad"));
        for (base, target) in [("bad", "target.tar"), ("base.tar", "bad")] {
            let told = lab.refused(4, &["create", base, target, "-o", "out"]);
            told.has(&[one, "of bad "]);
        }
    }
}

#[test]
fn a_wrong_blob_digest_names_blob_expected_and_found() {
    let mut bad = Members::oci("app:1", &[layer("a", &noise(9, 5000))], gzip);
    let name = bad.blobs()[0].clone();
    let len = bad.bytes(&name).len();
    // The stored block's bytes are noise, so gzip's own checksum would find it as well.
    bad.bytes(&name)[len / 2] ^= 1;
    let lab = lab();
    lab.write("bad", &bad.pack());
    for run in
        [["create", "bad", "target.tar", "-o", "out"], ["create", "base.tar", "bad", "-o", "out"]]
    {
        lab.refused(4, &run).has(&[&name, " of bad ", "hint: save or copy the image again"]);
    }
}

#[test]
fn layers_behind_links_are_found_as_docker_and_skopeo_write_them() {
    let lab = lab();
    let bytes = layer("file", &noise(1, 4000));
    let members = Members::docker("app:1", &[bytes.clone(), bytes.clone()]);
    let docker = |kind, target: &str| {
        let tar = Tar::new().file("0/layer.tar", &bytes).link(kind, "1/layer.tar", target);
        let rest = members.0.iter().filter(|(name, _)| !name.ends_with("layer.tar"));
        rest.fold(tar, |tar, (name, bytes)| tar.file(name, bytes)).finish()
    };
    lab.write("symbolic", &docker(EntryType::Symlink, "../0/layer.tar"));
    lab.write("hard", &docker(EntryType::Link, "0/layer.tar"));
    for image in ["symbolic", "hard"] {
        let told = lab.run(&["create", "base.tar", image, "-o", "delta", "-f", "-v"]).ok();
        told.has(&["layer 1 of app:1: manifest.json names 1/layer.tar, a link to 0/layer.tar"]);
        lab.run(&["apply", "base.tar", "delta", "-o", "out", "-f"]).ok();
        lab.assert_same("out", image);
        lab.run(&["create", image, "target.tar", "-o", "delta", "-f"]).ok();
        lab.run(&["apply", image, "delta", "-o", "out", "-f"]).ok();
        lab.assert_same("out", "target.tar");
    }
}

#[test]
fn a_needed_link_that_leads_nowhere_is_refused_and_any_other_is_bytes() {
    let members = docker(1).without("0/layer.tar");
    let with = |links: &[(&str, &str)]| {
        let tar = links
            .iter()
            .fold(Tar::new(), |tar, (name, target)| tar.link(EntryType::Symlink, name, target));
        members.0.iter().fold(tar, |tar, (name, bytes)| tar.file(name, bytes)).finish()
    };
    let message = "the link 0/layer.tar does not lead to a file of the archive";
    refused(4, &with(&[("0/layer.tar", "../../etc/passwd")]), &[message, "it leads outside"]);
    refused(4, &with(&[("0/layer.tar", "/etc/passwd")]), &[message, "it leads outside"]);
    refused(4, &with(&[("0/layer.tar", "none")]), &[message, "nothing is there"]);
    let circle = with(&[("0/layer.tar", "b"), ("0/b", "layer.tar")]);
    refused(4, &circle, &["there are more than 8 links on the way"]);

    let lab = lab();
    let odd = docker(1).0.iter().fold(
        Tar::new().link(EntryType::Symlink, "passwd", "/etc/passwd"),
        |tar, (name, bytes)| tar.file(name, bytes),
    );
    lab.write("odd", &odd.finish());
    lab.run(&["create", "base.tar", "odd", "-o", "delta"]).ok();
    lab.run(&["apply", "base.tar", "delta", "-o", "out"]).ok();
    lab.assert_same("out", "odd");
}

#[test]
fn odd_names_are_bytes_unless_they_are_needed() {
    let lab = lab();
    let tar = Tar::new().named(b"../evil", b"x").named(b"/etc/evil", b"x");
    let odd = docker(1).0.iter().fold(tar, |tar, (name, bytes)| tar.file(name, bytes));
    lab.write("odd", &odd.finish());
    lab.run(&["create", "base.tar", "odd", "-o", "delta"]).ok();
    lab.run(&["apply", "base.tar", "delta", "-o", "out"]).ok();
    lab.assert_same("out", "odd");
    assert_eq!(lab.listing(), ["base.tar", "delta", "odd", "out", "target.tar"]);

    for needed in ["../evil", "/etc/evil", "a\\u0000b"] {
        let mut bad = docker(1);
        let manifest = String::from_utf8(bad.bytes("manifest.json").clone()).expect("UTF-8");
        *bad.bytes("manifest.json") = manifest.replace("0/layer.tar", needed).into_bytes();
        let bad = bad
            .0
            .iter()
            .fold(Tar::new().named(b"../evil", b"x"), |tar, (name, bytes)| tar.file(name, bytes));
        refused(4, &bad.finish(), &["is no path inside an image (it is layer 0 of app:1)"]);
    }
}

#[test]
fn a_layer_that_is_no_tar_is_bytes() {
    let lab = lab();
    lab.write("odd", &Members::docker("app:1", &[noise(5, 9000), b"text".to_vec(), vec![]]).pack());
    lab.run(&["create", "base.tar", "odd", "-o", "delta"]).ok();
    lab.run(&["apply", "base.tar", "delta", "-o", "out"]).ok();
    lab.assert_same("out", "odd");
    lab.run(&["create", "odd", "target.tar", "-o", "back"]).ok();
    lab.run(&["apply", "odd", "back", "-o", "out2"]).ok();
    lab.assert_same("out2", "target.tar");
}

#[test]
fn manifest_json_decides_and_the_last_of_a_name_counts() {
    let lab = lab();
    let tar = Tar::new().file("manifest.json", b"this one is overridden");
    let odd = docker(2).0.iter().fold(tar, |tar, (name, bytes)| tar.file(name, bytes));
    lab.write("odd", &odd.finish());
    lab.run(&["create", "base.tar", "odd", "-o", "delta"]).ok();
    lab.run(&["apply", "base.tar", "delta", "-o", "out"]).ok();
    lab.assert_same("out", "odd");
}
