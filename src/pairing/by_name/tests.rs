use super::*;

type Named = (&'static str, u64);

fn members(named: &[Named]) -> Vec<Member<'static>> {
    let member =
        |(name, len): &Named| Member { name: name.as_bytes(), content: 0, start: 0, len: *len };
    named.iter().map(member).collect()
}

/// Name, length and reason of the member of `base` that each of `target` is paired with.
fn pairs(base: &[Named], target: &[Named]) -> Vec<Option<(Named, By)>> {
    let found = by_name(&members(base), &members(target));
    found.into_iter().map(|pair| pair.map(|pair| (base[pair.base], pair.by))).collect()
}

fn pair(base: &[Named], target: Named) -> Option<(Named, By)> {
    pairs(base, &[target])[0]
}

#[test]
fn the_same_path_wins_whatever_its_size() {
    let base = [("./app/data", 1), ("other/data", 5000)];
    assert_eq!(pair(&base, ("app/data", 5000)), Some((base[0], By::Path)));
}

#[test]
fn the_topmost_layer_has_the_path() {
    let base = [("etc/passwd", 900), ("./etc/passwd", 800), ("etc/passwd-", 1000)];
    assert_eq!(pair(&base, ("etc/passwd", 1000)), Some((base[1], By::Path)));
}

#[test]
fn a_shadowed_file_of_the_same_length_is_rather_the_one() {
    let base = [("etc/passwd", 900), ("etc/passwd", 900), ("etc/passwd", 950)];
    let found = by_name(&members(&base), &members(&[("etc/passwd", 900)]));
    assert_eq!(found, [Some(Pair { base: 1, by: By::Path })]);
}

#[test]
fn another_release_of_a_directory_a_library_and_a_bundle_is_found() {
    let base = [
        ("usr/lib/python3.11/os.py", 39_000),
        ("usr/lib/python3.11/__pycache__/os.cpython-311.pyc", 40_000),
        ("usr/lib/libx.so.1.2.3", 70_000),
        ("static/main.3f2a77.js", 90_000),
        ("usr/lib/libldap-2.5.so.0.1.13", 400_000),
        ("assets/index-BfX3kq9_.js", 60_000),
    ];
    let target = [
        ("usr/lib/python3.13/os.py", 41_000),
        ("usr/lib/python3.13/__pycache__/os.cpython-313.pyc", 43_000),
        ("usr/lib/libx.so.1.10", 71_000),
        ("static/main.90ab3c4d.js", 91_000),
        ("usr/lib/libldap.so.2.0.200", 410_000),
        ("assets/index-Dq0-aaZx.js", 61_000),
    ];
    let by =
        [By::FoldedDirectory, By::FoldedPath, By::FoldedPath, By::FoldedPath, By::Stem, By::Stem];
    let expected: Vec<_> = base.into_iter().zip(by).map(Some).collect();
    assert_eq!(pairs(&base, &target), expected);
}

#[test]
fn among_folded_names_the_one_with_most_of_the_numbers_wins() {
    let base = [
        ("lib3.11/__pycache__/cp1250.cpython-311.pyc", 2000),
        ("lib3.11/__pycache__/cp1251.cpython-311.pyc", 2010),
        ("lib3.11/__pycache__/cp1252.cpython-311.pyc", 2020),
    ];
    let found = pair(&base, ("lib3.13/__pycache__/cp1251.cpython-313.pyc", 2020));
    assert_eq!(found, Some((base[1], By::FoldedPath)));
}

#[test]
fn a_bundle_comes_from_one_that_is_gone_and_near_in_size() {
    let base = [
        ("js/1a2b3c4d.js", 5000),
        ("js/2a2b3c4d.js", 5100),
        ("js/3a2b3c4d.js", 9000),
        ("js/4a2b3c4d.js", 5100),
    ];
    let target = [("js/1a2b3c4d.js", 5000), ("js/abcdef12.js", 5010)];
    // The nearest is still there; of two that are equally near the one further up in the layers.
    assert_eq!(pairs(&base, &target)[1], Some((base[3], By::Stem)));
}

#[test]
fn a_name_is_sure_only_where_no_other_one_is_as_like() {
    let bundles = [("js/1a2b3c4d.js", 5000), ("js/2a2b3c4d.js", 5100), ("js/2a2b3c4d.js", 5200)];
    let found = |base: &[Named]| pair(base, ("js/9f9f9f9f.js", 5010)).map(|pair| pair.1);
    assert_eq!(found(&bundles[..1]), Some(By::FoldedPath));
    assert_eq!(found(&bundles[..2]), Some(By::Stem));
    assert_eq!(found(&bundles[1..]), Some(By::FoldedPath), "one path in two layers");
    assert!(By::FoldedPath.is_sure() && By::Name.is_sure());
    assert!(!By::Stem.is_sure() && !By::Votes.is_sure());
}

#[test]
fn a_file_moves_with_its_package_rather_than_to_another_one() {
    let base = [
        ("usr/share/doc/libssh2-1/copyright", 5000),
        ("usr/share/doc/libssl3/copyright", 4000),
        ("usr/share/doc/zlib/copyright", 5000),
    ];
    let found = pair(&base, ("usr/share/doc/libssl3t64/copyright", 5000));
    assert_eq!(found, Some((base[1], By::Name)));
    let found = pair(&base[..1], ("opt/copyright", 5000));
    assert_eq!(found, Some((base[0], By::NameElsewhere)));
}

#[test]
fn without_the_path_sizes_are_near_each_other() {
    let base = [("a/license", 1000), ("b/license", 100)];
    assert_eq!(pair(&base, ("c/license", 10_000)), Some((base[0], By::NameElsewhere)));
    assert_eq!(pair(&base, ("c/license", 10_010)), None);
    assert_eq!(pair(&base, ("c/license", 99)), Some((base[1], By::NameElsewhere)));
}

#[test]
fn empty_and_tiny_members_are_paired_by_their_path_alone() {
    let base = [("a/empty", 0), ("a/tiny", 63), ("b/tiny", 64)];
    let target = [("a/empty", 9), ("b/tiny", 0), ("a/tiny", 5), ("c/tiny", 63), ("c/tiny", 64)];
    let by: Vec<_> = pairs(&base, &target).iter().map(|pair| pair.map(|pair| pair.1)).collect();
    let path = Some(By::Path);
    assert_eq!(by, [path, path, path, None, Some(By::NameElsewhere)]);
}

#[test]
fn names_are_any_bytes() {
    let name = |name| Member { name, content: 0, start: 0, len: 100 };
    let base = [name(b"\xff\xfe/1"), name(b"\0"), name(b"")];
    let found = by_name(&base, &[name(b"\xff\xfe/2"), name(b"./"), name(b"/\0"), name(b"\xff")]);
    let bases: Vec<_> = found.iter().map(|pair| pair.map(|pair| pair.base)).collect();
    assert_eq!(bases, [Some(0), Some(2), Some(1), None]);
}

#[test]
fn a_very_long_name_has_only_its_path() {
    let long = format!("{}/1", "d".repeat(FOLDED_LEN));
    let other = format!("{}/2", "d".repeat(FOLDED_LEN));
    let member = |name| Member { name, content: 0, start: 0, len: 100 };
    let found =
        by_name(&[member(long.as_bytes())], &[member(other.as_bytes()), member(long.as_bytes())]);
    assert_eq!(found, [None, Some(Pair { base: 0, by: By::Path })]);
}

#[test]
fn pairs_are_the_same_on_any_number_of_threads() {
    let names: Vec<String> =
        (0..3000).map(|n| format!("d{}/f{}.x{}", n % 7, n % 13, n % 5)).collect();
    let member =
        |(n, name): (u64, &'static [u8])| Member { name, content: 0, start: 0, len: 70 + n % 900 };
    let names: &'static [String] = names.leak();
    let all: Vec<_> = (0..).zip(names.iter().map(String::as_bytes)).map(member).collect();
    let (base, target) = all.split_at(1500);
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("pool");
        pool.install(|| by_name(base, target))
    };
    let expected = on(1);
    assert!(expected.iter().all(Option::is_some));
    assert_eq!(on(2), expected);
    assert_eq!(on(5), expected);
}
