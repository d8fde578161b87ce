//! The way of an image through a real Docker engine: built, saved, sent as a delta, loaded, run.
//!
//! `tests/run` starts the engine and names it in `CHUNKDELTA_DOCKER_HOST`, and a registry beside it in
//! `CHUNKDELTA_REGISTRY`. Without an engine these tests leave themselves out and say so; under
//! `CHUNKDELTA_REQUIRE_ENGINE` they fail instead.

use std::path::{Path, PathBuf};
use std::process::Stdio;

#[path = "engine/lab.rs"]
mod lab;

use lab::{Form, Lab, assert_same, prefixed, run, size, text};
use serde_json::json;

#[test]
fn the_engine_loads_and_runs_what_apply_wrote() {
    let Some(lab) = Lab::open("loads-and-runs") else { return };
    let (old, new) = (lab.save("app-1.tar", &[1]), lab.save("app-2.tar", &[2]));
    let before = lab.image(2);

    let delta = lab.create(&old, &new, &[]);
    let out = lab.apply(&old, &delta);
    assert_same(&out, &new);
    assert!(size(&delta) < 64 * 1024, "the delta has {} bytes", size(&delta));

    lab.forget(1);
    lab.forget(2);
    lab.docker(&["load", "--input", text(&out)]);
    assert_eq!(lab.image(2), before);
}

#[test]
fn both_versions_in_one_archive_come_back_together() {
    let Some(lab) = Lab::open("in-one-archive") else { return };
    let (old, both) = (lab.save("app-1.tar", &[1]), lab.save("app-both.tar", &[1, 2]));
    let before = [lab.image(1), lab.image(2)];

    let out = lab.apply(&old, &lab.create(&old, &both, &[]));
    assert_same(&out, &both);

    lab.forget(1);
    lab.forget(2);
    lab.docker(&["load", "--input", text(&out)]);
    assert_eq!([lab.image(1), lab.image(2)], before);
}

#[test]
fn an_archive_of_both_versions_serves_as_base() {
    let Some(lab) = Lab::open("both-as-base") else { return };
    let (both, new) = (lab.save("app-both.tar", &[1, 2]), lab.save("app-2.tar", &[2]));

    let delta = lab.create(&both, &new, &[]);
    assert_same(&lab.apply(&both, &delta), &new);
    assert!(size(&delta) < 16 * 1024, "the delta has {} bytes", size(&delta));
}

#[test]
fn the_engine_loads_from_the_pipe_that_apply_writes() {
    let Some(lab) = Lab::open("from-a-pipe") else { return };
    let (old, new) = (lab.save("app-1.tar", &[1]), lab.save("app-2.tar", &[2]));
    let before = lab.image(2);
    let delta = lab.create(&old, &new, &[]);
    lab.forget(2);

    let mut apply = lab
        .chunkdelta(&["apply", text(&old), text(&delta), "-o", "-"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("chunkdelta starts");
    let pipe = apply.stdout.take().expect("standard output is a pipe");
    run(lab.docker_command(&["load"]).stdin(pipe));
    assert!(apply.wait().expect("chunkdelta ends").success());
    assert_eq!(lab.image(2), before);
}

#[test]
fn images_are_read_from_the_engine_by_name() {
    let Some(lab) = Lab::open("by-name") else { return };
    let new = lab.save("app-2.tar", &[2]);
    let (old_name, new_name) = (lab.in_engine(1), lab.in_engine(2));

    let delta = lab.create(&old_name, &new_name, &[]);
    assert_same(&lab.apply(&old_name, &delta), &new);
}

#[test]
fn skopeo_reads_what_apply_wrote() {
    let Some(lab) = Lab::open("skopeo-reads") else { return };
    let (old, new) = (lab.save("app-1.tar", &[1]), lab.save("app-2.tar", &[2]));
    let out = lab.apply(&old, &lab.create(&old, &new, &[]));

    let inspect = |archive: &Path| {
        run(lab.skopeo().arg("inspect").arg(prefixed("docker-archive:", archive, "")))
    };
    assert_eq!(inspect(&out), inspect(&new));
    for form in Form::ALL {
        let copy = lab.convert(&out, form, 2);
        assert!(copy.exists(), "{form:?}");
    }
}

#[test]
fn a_plain_target_can_be_applied_to_its_base_in_every_form() {
    let Some(lab) = Lab::open("base-in-every-form") else { return };
    let (old, new) = (lab.save("app-1.tar", &[1]), lab.save("app-2.tar", &[2]));
    let mut bases: Vec<PathBuf> =
        Form::ALL.iter().map(|form| lab.convert(&old, *form, 1)).collect();
    bases.push(old);

    for creator in &bases {
        let delta = lab.create(creator, &new, &[]);
        for applier in &bases {
            assert_same(&lab.apply(applier, &delta), &new);
        }
    }
}

#[test]
fn every_form_that_skopeo_writes_comes_back_from_a_base_in_its_own_form() {
    let Some(lab) = Lab::open("own-form") else { return };
    let (old, new) = (lab.save("app-1.tar", &[1]), lab.save("app-2.tar", &[2]));

    for form in Form::ALL {
        let (base, target) = (lab.convert(&old, form, 1), lab.convert(&new, form, 2));
        assert_same(&lab.apply(&base, &lab.create(&base, &target, &[])), &target);
    }
}

#[test]
fn a_portable_delta_of_every_form_can_be_applied_to_what_the_engine_saved() {
    let Some(lab) = Lab::open("portable") else { return };
    let (old, new) = (lab.save("app-1.tar", &[1]), lab.save("app-2.tar", &[2]));

    for form in Form::ALL {
        let (base, target) = (lab.convert(&old, form, 1), lab.convert(&new, form, 2));
        let delta = lab.create(&base, &target, &["--portable"]);
        assert_same(&lab.apply(&old, &delta), &target);
    }
}

#[test]
fn an_image_that_travelled_in_the_oci_form_runs() {
    let Some(lab) = Lab::open("travelled-as-oci") else { return };
    let (old, new) = (lab.save("app-1.tar", &[1]), lab.save("app-2.tar", &[2]));
    let before = lab.image(2);
    let (base, target) = (lab.convert(&old, Form::OciGzip, 1), lab.convert(&new, Form::OciGzip, 2));
    let out = lab.apply(&base, &lab.create(&base, &target, &[]));

    lab.forget(1);
    lab.forget(2);
    let back = lab.fresh("back.tar");
    run(lab.skopeo().arg("copy").arg(prefixed("oci-archive:", &out, "")).arg(prefixed(
        "docker-archive:",
        &back,
        &format!(":{}", lab.name(2)),
    )));
    lab.docker(&["load", "--input", text(&back)]);
    assert_eq!(lab.image(2).printed, before.printed);
}

#[test]
fn what_was_pushed_to_a_registry_comes_back_as_it_lies_there() {
    let Some(lab) = Lab::open("pushed") else { return };
    let (old, new) = (lab.save("app-1.tar", &[1]), lab.save("app-2.tar", &[2]));
    let before = lab.image(2);
    lab.push(2);
    let plain = size(&lab.create(&old, &new, &[]));

    for transport in ["oci:", "dir:"] {
        let target = lab.pull(2, transport);
        let (delta, report) = lab.create_reported(&old, &target);
        for layer in report["layers"].as_array().expect("layers") {
            let found = (&layer["outcome"], &layer["encoders"]);
            let go = json!(["Go 1.8-1.26 compress/flate, level 6"]);
            assert!(found == (&"rebuilt".into(), &go), "{transport} {found:?}");
        }
        let len = size(&delta);
        assert!(len <= plain + plain / 50 + 2048, "{transport} {len} bytes, {plain} when plain");
        assert_same(&lab.apply(&old, &delta), &target);
    }

    lab.forget(1);
    lab.forget(2);
    let back = lab.fresh("back.tar");
    let out = lab.apply(&old, &lab.create(&old, &lab.pull(2, "dir:"), &[]));
    run(lab.skopeo().arg("copy").arg(prefixed("dir:", &out, "")).arg(prefixed(
        "docker-archive:",
        &back,
        &format!(":{}", lab.name(2)),
    )));
    lab.docker(&["load", "--input", text(&back)]);
    assert_eq!(lab.image(2), before);
}
