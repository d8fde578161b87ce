//! Documents that are no JSON, or too much of it.

use super::*;

#[test]
fn names_without_end_are_a_limit_and_notes_stay_short() {
    let mut layout = Layout::default();
    let mut manifest = layout.image(&[b"a"]);
    let name = "n".repeat(limits::TEXT_LEN + 1);
    manifest["annotations"] = json!({ "io.containerd.image.name": name });
    let (message, class) = refused(layout.finish(&[manifest]));
    assert_eq!(message, format!("too many bytes in {} (limit=4096)", &name[..64]));
    assert_eq!(class, Class::Limit);

    let path = format!("{}l", "./".repeat(2000));
    let image = read(docker_image(&path, vec![("l", layer())])).expect("an image");
    let note = image.notes.iter().find(|note| note.starts_with("layer 0")).expect("a note");
    assert_eq!(note.len(), limits::NOTE_LEN + "...".len());
}

#[test]
fn a_document_past_its_limits_is_refused_at_once() {
    let long = vec![b' '; usize::try_from(limits::JSON_LEN).expect("small") + 1];
    let bytes = archive(vec![("index.json", Put::Bytes(long))]);
    let (message, class) = refused(bytes);
    assert_eq!(message, "index.json is too long (len=20971521, limit=20.0 MiB (20971520 bytes))");
    assert_eq!(class, Class::Limit);
    let deep = "[".repeat(10_000).into_bytes();
    let (message, class) = refused(archive(vec![("manifest.json", Put::Bytes(deep))]));
    assert_eq!(message, "manifest.json is nested too deep (limit=128)");
    assert_eq!(class, Class::Limit);
}

#[test]
fn a_document_that_is_no_json_is_damage() {
    for text in ["", "{", "null", "[null]", "[{\"Config\":1}]", "[] x", "\"text\""] {
        let bytes = archive(vec![("manifest.json", Put::Bytes(text.into()))]);
        let (message, class) = refused(bytes);
        assert_eq!(message, "manifest.json cannot be read as JSON", "{text}");
        assert_eq!(class, Class::Damaged, "{text}");
    }
    let none = archive(vec![("manifest.json", Put::Bytes(b"[]".to_vec()))]);
    assert_eq!(refused(none).0, "manifest.json lists no image");
    let only_layout = archive(vec![("oci-layout", Put::Bytes(b"{}".to_vec()))]);
    let expected = "index.json is not in the image (oci-layout says that there is one)";
    assert_eq!(refused(only_layout), (expected.to_owned(), Class::Damaged));
}
