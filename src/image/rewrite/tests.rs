use serde_json::{Value, json};

use super::*;
use crate::compression::Compression;
use crate::source::ReadAt as _;

/// A tar of regular files.
fn tar(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, bytes) in members {
        let mut header = ::tar::Header::new_ustar();
        header.set_path(name).expect("short");
        header.set_size(bytes.len() as u64);
        header.set_cksum();
        out.extend(header.as_bytes());
        out.extend(bytes);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out.resize(out.len() + 1024, 0);
    out
}

fn blob(members: &mut Vec<(String, Vec<u8>)>, bytes: &[u8]) -> Value {
    let digest = Digest::of(bytes).to_string();
    members.push((digest.replace("sha256:", "blobs/sha256/"), bytes.to_vec()));
    json!({ "digest": digest, "size": bytes.len() })
}

fn document(members: &mut Vec<(String, Vec<u8>)>, document: &Value) -> Value {
    blob(members, document.to_string().as_bytes())
}

/// An image in a nested index, with an attestation, and something that refers to it; manifest.json
/// and index.json both lead to it.
fn archive() -> Vec<u8> {
    let mut members = Vec::new();
    let content = b"a layer";
    let config = json!({ "rootfs": { "diff_ids": [Digest::of(content).to_string()] } });
    let config = document(&mut members, &config);
    let mut layer = blob(&mut members, &zstd::encode_all(&content[..], 1).expect("memory"));
    layer["mediaType"] = json!("application/vnd.oci.image.layer.v1.tar+zstd");
    layer["annotations"] = json!({ "containerd.io/snapshot/stargz/toc.digest": "x" });
    let path = |cited: &Value| {
        cited["digest"].as_str().map(|text| text.replace("sha256:", "blobs/sha256/"))
    };
    let list = json!([{ "Config": path(&config), "Layers": [path(&layer)], "RepoTags": ["a:1"] }]);
    let image = document(&mut members, &json!({ "config": config, "layers": [layer] }));
    let statement = blob(&mut members, b"{}");
    let attestation = json!({ "config": statement, "layers": [statement] });
    let mut attestation = document(&mut members, &attestation);
    attestation["platform"] = json!({ "os": "unknown", "architecture": "unknown" });
    let referrer = json!({ "config": statement, "layers": [], "subject": image });
    let referrer = document(&mut members, &referrer);
    let index = document(&mut members, &json!({ "manifests": [attestation, image, referrer] }));
    members.push(("index.json".to_owned(), json!({ "manifests": [index] }).to_string().into()));
    members.push(("manifest.json".to_owned(), list.to_string().into()));
    tar(&members)
}

/// The plan where each layer becomes other bytes.
fn planned(image: &Image, content: &[u8]) -> Result<Plan, RewriteError> {
    let rewrite = Rewrite::read(image)?;
    let new = NewBlob { digest: Digest::of(content), len: content.len() as u64 };
    Ok(rewrite.plan(&rewrite.layers().iter().map(|blob| (*blob, new)).collect()))
}

fn rewritten(old: &[u8], plan: &Plan, content: &[u8]) -> Result<Vec<u8>, RewriteError> {
    let (runs, _) = lay_out(&old, plan, |_| content.len() as u64)?;
    let mut out = Vec::new();
    for run in &runs {
        out.extend_from_slice(match run {
            Run::Old(range) => range.of(old).expect("inside"),
            Run::New(bytes) => bytes,
            Run::Content(_) => content,
        });
    }
    Ok(out)
}

#[test]
fn the_rewritten_archive_leads_to_plain_layers_by_both_lists() {
    let (old, content) = (archive(), b"a layer");
    let image = Image::from_archive(Box::new(old.clone()), false).expect("an image");
    let plan = planned(&image, content).expect("sound");
    let new = rewritten(&old, &plan, content).expect("can be said");
    let whats: Vec<&str> = plan.dropped.iter().map(|dropped| dropped.what).collect();
    assert_eq!(whats, ["attestation", "subject"]);
    let whats: Vec<&str> = plan.changed.iter().map(|changed| changed.what).collect();
    assert_eq!(whats, ["manifest", "manifest", "index"]);

    let image = Image::from_archive(Box::new(new), false).expect("an image");
    assert!(image.images.iter().all(|image| image.is_complete));
    assert_eq!(image.images.len(), 2, "manifest.json and index.json have the same image");
    for blob in &image.blobs {
        let mut bytes = vec![0; usize::try_from(blob.range.len()).expect("small")];
        image.stored(blob).read_exact_at(&mut bytes, 0).expect("inside");
        assert!(blob.claimed.is_none_or(|claimed| claimed.0 == Digest::of(&bytes)));
        assert_eq!(blob.compression, Compression::Plain);
    }
    assert!(planned(&image, content).expect("sound").documents.is_empty(), "it is done");
}

#[test]
fn spoiled_documents_never_panic() {
    let whole = archive();
    let steering: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] != 0).collect();
    let mut seed = 1_u64;
    let mut random = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        usize::try_from(seed >> 40).expect("24 bits")
    };
    let mut planned_count = 0;
    for _ in 0..3000 {
        let mut bytes = whole.clone();
        for _ in 0..=random() % 3 {
            let at = steering[random() % steering.len()];
            bytes[at] = b"\"{}[],:0aZ\\ n"[random() % 13];
        }
        // A header that was spoiled shows by its checksum; texts do not.
        let Ok(image) = Image::from_archive(Box::new(bytes.clone()), true) else { continue };
        if let Ok(plan) = planned(&image, b"content") {
            planned_count += 1;
            rewritten(&bytes, &plan, b"content").ok();
        }
    }
    assert!(planned_count > 100, "{planned_count}");
}
