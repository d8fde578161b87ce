//! Equal inputs and equal options give equal bytes, whatever surrounds them.

use crate::archive::gzip;
use crate::lab::Lab;

fn same_whatever_surrounds(lab: &Lab, level: &[&str]) {
    let first = {
        lab.create(level);
        lab.read("delta")
    };
    std::fs::create_dir(lab.path("tmp")).expect("writable");
    for more in [
        &["-j", "1"][..],
        &["-j", "2"],
        &["-j", "7"],
        &["-T3"],
        &["--memory", "590MB"],
        &["--memory", "2GB", "-j", "4"],
        &["--tmpdir", "tmp"],
        &["-v"],
        &["-vv"],
        &["-q"],
        &["--json"],
        &["--color", "always"],
        &["--no-self-check"],
    ] {
        lab.create(&[level, more, &["-f"]].concat());
        assert!(lab.read("delta") == first, "{more:?}");
    }
    let told = lab.run(&[&["create", "base.tar", "target.tar", "-o", "-"], level].concat()).ok();
    assert!(told.stdout == first, "-o -");
    std::fs::remove_dir(lab.path("tmp")).expect("empty");
}

#[test]
fn a_delta_between_archives_is_the_same_every_time() {
    same_whatever_surrounds(&Lab::with_images(), &[]);
}

#[test]
fn a_delta_between_compressed_images_is_the_same_every_time() {
    same_whatever_surrounds(&Lab::with_pair("skopeo-oci-zstd-1.tar", "skopeo-oci-zstd-3.tar"), &[]);
}

#[test]
fn an_image_is_a_delta_away_from_itself() {
    let lab = Lab::with_images();
    lab.run(&["create", "base.tar", "base.tar", "-o", "none"]).ok();
    lab.run(&["apply", "base.tar", "none", "-o", "out"]).ok();
    lab.assert_same("out", "base.tar");
    assert!(lab.read("none").len() < 4096, "{}", lab.read("none").len());
}

#[test]
fn a_delta_of_several_frames_is_the_same_every_time() {
    same_whatever_surrounds(&Lab::with_built(3 << 20, None), &["-1"]);
    same_whatever_surrounds(&Lab::with_built(1 << 20, Some(gzip)), &["-9"]);
}
