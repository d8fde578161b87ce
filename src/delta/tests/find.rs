//! What each stage promises, on layers in memory.

use super::*;
use crate::chunker::Normalization;
use crate::index::extend_forward;

/// A tar archive, and its members as its reader names them.
pub(super) struct Layer {
    pub(super) bytes: Vec<u8>,
    members: Vec<Member>,
}

impl Layer {
    /// Files with these names, data and times, in order.
    pub(super) fn new(files: &[(&str, &[u8], u64)]) -> Self {
        let mut builder = tar::Builder::new(Vec::new());
        let mut members = Vec::new();
        for &(name, data, time) in files {
            let start: usize = builder.get_ref().len();
            let mut header = tar::Header::new_ustar();
            header.set_size(data.len() as u64);
            header.set_mode(0o644);
            header.set_mtime(time);
            header.set_cksum();
            builder.append_data(&mut header, name, data).expect("memory");
            let data_start = start + 512;
            members.push(Member {
                name: name.as_bytes().to_vec(),
                header: start..data_start,
                data: data_start..data_start + data.len(),
            });
        }
        Self { bytes: builder.into_inner().expect("memory"), members }
    }

    pub(super) fn content(&self) -> BaseContent<'_> {
        BaseContent { members: self.members.clone(), ..content(&self.bytes) }
    }

    pub(super) fn target(&self) -> Target<'_> {
        let mut stretches = Vec::new();
        for member in &self.members {
            let header = Stretch { end: member.data.start as u64, class: Class::TAR_HEADER };
            stretches
                .extend([header, Stretch { end: member.data.end as u64, class: Class::OTHER }]);
        }
        let end = self.bytes.len() as u64;
        stretches.push(Stretch { end, class: Class::TAR_HEADER });
        let members = self.members.clone();
        one_file(vec![TargetNode { stretches, members, ..made(&self.bytes, Class::OTHER) }])
    }
}

fn delta(base: &Layer, target: &Layer, stages: Stages) -> (Vec<u8>, NodeStats) {
    let options = EncodeOptions { stages, ..options() };
    let (delta, stats) = create_with(&[base.content()], target.target(), options);
    assert!(run(&[&base.bytes], &delta).expect("own delta").0[0] == target.bytes);
    (delta, stats.nodes[0])
}

/// Bytes with a different one every so often, as in a program with other addresses in it.
pub(super) fn relinked(bytes: &[u8], every: usize) -> Vec<u8> {
    let change =
        |(at, byte): (usize, &u8)| if at % every == 7 { byte.wrapping_add(3) } else { *byte };
    bytes.iter().enumerate().map(change).collect()
}

#[test]
fn a_layer_with_other_times_is_one_instruction() {
    let data: Vec<Vec<u8>> = (1..60).map(|seed| samples::random(seed, 700)).collect();
    let names: Vec<String> = (1..60).map(|number| format!("dir/file-{number}")).collect();
    let layer = |time| {
        let files = names.iter().zip(&data);
        let files: Vec<_> = files.map(|(name, data)| (&name[..], &data[..], time)).collect();
        Layer::new(&files)
    };
    let (delta, stats) = delta(&layer(1_700_000_000), &layer(1_705_000_000), Stages::ALL);
    assert_eq!((stats.copies, stats.patches, stats.literal_bytes), (1, 1, 0));
    assert!(delta.len() < 600, "{}", delta.len());
}

#[test]
fn a_program_with_other_addresses_costs_its_differences() {
    let old = samples::random(3, 200_000);
    let new = relinked(&old, 40);
    let base = Layer::new(&[("bin/a", &old, 1)]);
    let target = Layer::new(&[("bin/a", &new, 2)]);
    let (with, stats) = delta(&base, &target, Stages::ALL);
    assert_eq!(stats.literal_bytes, 0);
    let (without, stats) = delta(&base, &target, Stages::ALL.without(Stage::Covers));
    assert!(stats.literal_bytes > 190_000);
    assert!(with.len() * 100 < without.len(), "{} {}", with.len(), without.len());
}

#[test]
fn a_file_that_moved_is_found_by_its_chunks_and_a_changed_one_by_them_too() {
    let old = samples::random(4, 300_000);
    let mut new = relinked(&old[..100_000], 60);
    new.extend(&old[100_000..]);
    let base = Layer::new(&[("first/a-name", &old, 1)]);
    let target = Layer::new(&[("elsewhere/other.thing", &new, 1)]);
    let (_, stats) = delta(&base, &target, Stages::ALL);
    assert!(stats.literal_bytes < 2000, "{}", stats.literal_bytes);
}

#[test]
fn a_few_bytes_are_looked_for_in_all_of_a_large_base_from_level_13_on_alone() {
    let params = ChunkerParams::new(64, 256, 1024, Normalization::Level1).expect("valid");
    let large = samples::random(9, 22 << 20);
    let (file, noise) = (samples::random(10, 2500), samples::random(11, 100));
    let (gone, other) = (samples::random(12, 1 << 20), [&large[..], &noise].concat());
    let part = &gone[500_000..][..2500];
    let base = Layer::new(&[
        ("large", &large, 1),
        ("large-too", &other, 1),
        ("docs/a", &file, 1),
        ("gone", &gone, 1),
    ]);
    let literals = |level: u8, data: &[u8]| {
        let target =
            Layer::new(&[("large", &large, 1), ("large-too", &other, 1), ("new/b.txt", data, 1)]);
        let options = EncodeOptions { level: level.into(), params, ..options() };
        let (delta, stats) = create_with(&[base.content()], target.target(), options);
        assert!(run(&[&base.bytes], &delta).expect("own delta").0[0] == target.bytes);
        stats.nodes[0].literal_bytes
    };
    assert!(literals(13, part) < 1000, "{}", literals(13, part));
    assert_eq!(literals(12, part), 2500);
    // What only has another name is found anyway.
    assert_eq!((literals(13, &file), literals(12, &file)), (0, 0));
}

#[test]
fn what_went_from_one_compared_file_to_another_is_found_from_level_4_on() {
    let params = ChunkerParams::new(64, 256, 1024, Normalization::Level1).expect("valid");
    let [a, b, gone] = [20, 21, 22].map(|seed| samples::random(seed, 100_000));
    let base = Layer::new(&[("a", &a, 1), ("b", &b, 1), ("gone", &gone, 1)]);
    let (changed, part) = (relinked(&a, 40), &a[50_000..60_000]);
    let grown = [&b[..70_000], part, &b[70_000..]].concat();
    let literals = |level: u8| {
        // The last one only has another name, but not quite.
        let files: [(&str, &[u8], u64); 3] =
            [("a", &changed, 1), ("b", &grown, 1), ("new/name", &gone[1..], 1)];
        let target = Layer::new(&files);
        let options = EncodeOptions { level: level.into(), params, ..options() };
        let (delta, stats) = create_with(&[base.content()], target.target(), options);
        assert!(run(&[&base.bytes], &delta).expect("own delta").0[0] == target.bytes);
        stats.nodes[0].literal_bytes
    };
    assert!((9_000..11_000).contains(&literals(3)), "{}", literals(3));
    assert!(literals(4) < 1000, "{}", literals(4));
}

#[test]
fn files_that_change_places_or_are_copied_are_found_at_every_level() {
    let params = ChunkerParams::new(64, 256, 1024, Normalization::Level1).expect("valid");
    let [a, b, c, new] = [30, 31, 32, 33].map(|seed| samples::random(seed, 100_000));
    let base = Layer::new(&[("log", &a, 1), ("log.1", &b, 1), ("log.2", &c, 1), ("conf", &c, 1)]);
    let changed = relinked(&c, 40);
    let files: [(&str, &[u8], u64); 5] = [
        ("log", &new, 2),
        ("log.1", &a, 2),
        ("log.2", &b, 2),
        ("conf", &changed, 2),
        ("conf.orig", &c, 2),
    ];
    let target = Layer::new(&files);
    for level in [1, 3, 4, 9] {
        let options = EncodeOptions { level: level.into(), params, ..options() };
        let (delta, stats) = create_with(&[base.content()], target.target(), options);
        assert!(run(&[&base.bytes], &delta).expect("own delta").0[0] == target.bytes);
        let literals = stats.nodes[0].literal_bytes;
        assert!(literals < 101_000, "{literals} at level {level}");
    }
}

#[test]
fn new_files_have_their_headers_made_of_those_before() {
    let data: Vec<Vec<u8>> = (1..40).map(|seed| samples::random(seed, 10)).collect();
    let names: Vec<String> = (1..40).map(|number| format!("usr/share/new/file-{number}")).collect();
    let files: Vec<_> =
        names.iter().zip(&data).map(|(name, data)| (&name[..], &data[..], 1_700_000_000)).collect();
    let (base, target) = (Layer::new(&[]), Layer::new(&files));
    let (with, stats) = delta(&base, &target, Stages::ALL);
    assert_eq!(stats.header_bytes, 39 * 512);
    let (without, _) = delta(&base, &target, Stages::ALL.without(Stage::Headers));
    assert!(with.len() < without.len(), "{} {}", with.len(), without.len());
}

#[test]
fn every_stage_can_be_left_out_and_the_target_comes_back() {
    let old = samples::random(5, 50_000);
    let base = Layer::new(&[("a", &old, 1), ("b", &old[..20_000], 1), ("c", b"", 1)]);
    let new = relinked(&old, 100);
    let files: [(&str, &[u8], u64); 5] =
        [("a", &new, 2), ("b", &old[..20_000], 2), ("c", b"", 2), ("d", &new, 2), ("e-1", &old, 3)];
    let target = Layer::new(&files);
    let all = delta(&base, &target, Stages::ALL).0.len();
    for stage in Stage::ALL {
        let less = delta(&base, &target, Stages::ALL.without(stage)).0.len();
        assert!(less >= all, "{} {less} {all}", stage.name());
    }
    let none = Stage::ALL.into_iter().fold(Stages::ALL, Stages::without);
    assert!(delta(&base, &target, none).0.len() > 50_000);
}

#[test]
fn members_that_lie_about_themselves_change_nothing_but_the_size() {
    let base =
        Layer::new(&[("a", &samples::random(6, 5000), 1), ("b", &samples::random(7, 900), 1)]);
    let target =
        Layer::new(&[("a", &samples::random(6, 5000), 2), ("b", &samples::random(8, 900), 2)]);
    let lies: [fn(&mut Member, usize); 7] = [
        |member, _| member.header = 0..0,
        |member, _| member.header.start += 100,
        |member, len| member.data.end = len + 1,
        |member, len| member.header.start = len,
        |member, _| member.data = 0..7,
        |member, _| member.header.end += 3,
        // A header shorter than a block.
        |member, _| (member.header, member.data) = (0..100, 100..700),
    ];
    for lie in lies {
        for index in 0..2 {
            let (mut content, mut file) = (base.content(), target.target());
            lie(&mut content.members[index], base.bytes.len());
            lie(&mut file.nodes[0].members[1 - index], target.bytes.len());
            let (delta, _) = create_with(&[content], file, options());
            let made = run(&[&base.bytes], &delta).expect("own delta").0;
            assert_eq!(extend_forward(&made[0], &target.bytes), target.bytes.len());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_changes_in_a_layer_comes_back(
        files in prop::collection::vec((0_u8..12, 0_usize..3000, 0_u64..4, 0_u8..6), 0..14),
        level in prop::sample::select(Level::all().collect::<Vec<_>>()),
        workers in 1_usize..4,
    ) {
        let data: Vec<(String, Vec<u8>, Vec<u8>)> = files.iter().map(|(name, len, seed, change)| {
            let old = samples::random(*seed + 1, *len);
            let new = match change {
                0 => relinked(&old, 30),
                1 => [&old[..len / 2], b"inserted", &old[len / 2..]].concat(),
                2 => samples::random(seed + 9, *len),
                3 => Vec::new(),
                _ => old.clone(),
            };
            (format!("d{seed}/f{name}"), old, new)
        }).collect();
        let old: Vec<_> = data.iter().map(|(name, old, _)| (&name[..], &old[..], 5)).collect();
        let new: Vec<_> = data.iter().rev().map(|(name, _, new)| (&name[..], &new[..], 6)).collect();
        let (base, target) = (Layer::new(&old), Layer::new(&new));
        let workers = Workers { coders: workers, matchers: workers };
        let options = EncodeOptions { level, workers, ..options() };
        let (delta, _) = create_with(&[base.content()], target.target(), options);
        let one = EncodeOptions { workers: Workers { coders: 1, matchers: 1 }, ..options };
        prop_assert!(create_with(&[base.content()], target.target(), one).0 == delta);
        let made = run(&[&base.bytes], &delta).expect("own delta").0;
        prop_assert!(made[0] == target.bytes);
    }
}
