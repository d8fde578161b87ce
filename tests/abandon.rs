//! What a signal does to outputs in the making. One test, since it concerns the whole process.

use std::fs;
use std::io::Write as _;

use chunkdelta::publish::{Output, abandon_all};
use chunkdelta::spool::Spooler;

#[test]
fn a_signal_leaves_nothing_that_is_not_complete() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let spooler = Spooler::new(Some(dir.path().to_owned()));
    let prepare = |name| Output::prepare(&dir.path().join(name), false, &[]).expect("possible");
    let entries = || fs::read_dir(dir.path()).expect("there").count();

    let file = prepare("file").stage_file(&spooler, None).expect("writable");
    file.file().write_all(b"whole").expect("writable");
    let directory = prepare("directory").stage_directory(None).expect("writable");
    directory.create_file(b"a/b").expect("new").write_all(b"half").expect("writable");
    assert_eq!(entries(), 1);
    let abandoned = abandon_all();
    assert!(!abandoned.was_published());
    assert_eq!(entries(), 0);
    drop(abandoned);
    directory.create_file(b"a/c").expect_err("what was abandoned is not made again");
    directory.publish().expect_err("what was abandoned cannot be published");
    assert_eq!(entries(), 0);

    file.publish().expect("free name");
    let abandoned = abandon_all();
    assert!(abandoned.was_published());
    assert_eq!(fs::read(dir.path().join("file")).expect("complete"), b"whole");
}
