//! Images that want too much: refused at once, with little memory.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::archive::{Members, Tar, layer};
use crate::lab::Lab;

/// Refused with 7 in every role, in two seconds, within 200 MB of address space beyond the file.
#[track_caller]
fn refused(document: &[u8], words: &[&str]) {
    let lab = Lab::with_built(4000, None);
    lab.create(&[]);
    let mut members = Members::docker("app:1", &[layer("a", b"a")]);
    *members.bytes("manifest.json") = document.to_vec();
    lab.write("bad", &members.pack());
    for run in [
        ["create", "bad", "target.tar", "-o", "out"],
        ["create", "base.tar", "bad", "-o", "out"],
        ["apply", "bad", "delta", "-o", "out"],
    ] {
        let before = lab.state();
        let start = Instant::now();
        let output = Command::new("sh")
            .args(["-c", "ulimit -v 600000; exec \"$0\" \"$@\""])
            .arg(env!("CARGO_BIN_EXE_chunkdelta"))
            .args(run)
            .current_dir(lab.root())
            .env("TMPDIR", lab.spools())
            .output()
            .expect("a shell");
        let stderr = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(output.status.code(), Some(7), "{stderr}");
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
        for word in words {
            assert!(stderr.contains(word), "no {word:?} in {stderr}");
        }
        assert!(stderr.contains("hint: no engine writes such an image"), "{stderr}");
        assert_eq!(lab.state(), before);
        lab.assert_no_spool();
    }
}

#[test]
fn a_document_of_100_mb_is_refused() {
    let document = [&b"["[..], &b" ".repeat(100_000_000), b"]"].concat();
    refused(&document, &["manifest.json is too long (len=100000002, limit=20.0 MiB"]);
}

#[test]
fn a_document_nested_10000_deep_is_refused() {
    let document = format!("[{}{}]", "[".repeat(10_000), "]".repeat(10_000));
    refused(document.as_bytes(), &["manifest.json is nested too deep (limit=128)"]);
}

#[test]
fn a_million_layers_are_refused() {
    let layers = vec![r#""a""#; 1_000_000].join(",");
    let document = format!(r#"[{{"Config":"c","RepoTags":[],"Layers":[{layers}]}}]"#);
    refused(document.as_bytes(), &["too many list elements in manifest.json (limit=4096)"]);
}

#[test]
fn a_gzip_bomb_around_an_archive_is_refused() {
    let lab = Lab::with_built(4000, None);
    // 32 MiB of zeros in 32 KiB of zstd: more than deflate could make of an archive.
    lab.write("bad", &crate::archive::zstd(&vec![0; 32 << 20]));
    for run in
        [["create", "bad", "target.tar", "-o", "out"], ["create", "base.tar", "bad", "-o", "out"]]
    {
        lab.refused(7, &run).has(&["cannot use bad as an image", "yields too much (limit="]);
    }
}

#[test]
fn an_archive_of_odd_members_alone_is_no_image() {
    let lab = Lab::with_images();
    lab.write("bad", &Tar::new().named(b"../manifest.json", b"[]").finish());
    lab.refused(5, &["create", "bad", "target.tar", "-o", "out"]).has(&["no image: neither"]);
}
