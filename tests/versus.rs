//! What `cargo bench --bench versus` reckons, writes and draws, without the programs that it runs.
#![allow(clippy::unwrap_used, reason = "a test fails where something is not there")]
#![expect(clippy::print_stderr, reason = "a benchmark tells how far it is")]

#[path = "../benches/versus/failure.rs"]
#[expect(dead_code, reason = "what fails only where programs are run")]
mod failure;
#[path = "../benches/versus/grow.rs"]
mod grow;
#[path = "../benches/versus/image.rs"]
mod image;
#[path = "../benches/versus/machine.rs"]
#[expect(dead_code, reason = "tells of the machine, which is no matter here")]
mod machine;
#[path = "../benches/versus/measure.rs"]
#[expect(dead_code, reason = "runs programs")]
mod measure;
#[path = "../benches/versus/members.rs"]
mod members;
#[path = "../benches/versus/plot.rs"]
mod plot;
#[path = "../benches/versus/process.rs"]
mod process;
#[path = "../benches/versus/programs.rs"]
mod programs;
#[path = "../benches/versus/report.rs"]
#[expect(dead_code, reason = "the other tables and plots are made alike")]
mod report;
#[path = "../benches/versus/small.rs"]
mod small;
#[path = "../benches/versus/statistics.rs"]
mod statistics;
mod support;
#[path = "../benches/versus/table.rs"]
mod table;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use chunkdelta::create::{CreateOptions, create};
use chunkdelta::observer::NoObserver;

use grow::{Layers, grow, repetitions};
use image::SavedImage;
use measure::{Figures, Pair, Row};
use plot::{Point, Titles, svg};
use process::Memory;
use programs::{PROGRAMS, Places, Shelf, YARDSTICK, bita_archive_len, bita_fetched};
use statistics::{Samples, grouped, percent, ratio};
use support::fixture;
use table::Table;

fn samples(figures: &[f64]) -> Samples {
    let mut samples = Samples::default();
    for figure in figures {
        samples.push(*figure);
    }
    samples
}

#[test]
fn runs_give_their_least_and_how_much_the_slowest_is_above_it() {
    let three = samples(&[1.5, 1.0, 1.25]);
    assert_eq!((three.min(), percent(three.spread())), (Some(1.0), "+50 %".to_owned()));
    assert_eq!(percent(samples(&[1.0]).spread()), "-");
    assert_eq!(samples(&[]).min(), None);
}

#[test]
fn figures_that_are_missing_are_dashes() {
    assert_eq!(ratio(Some(1.9), Some(2.0)), "0.95");
    assert_eq!(ratio(None, Some(2.0)), "-");
    assert_eq!(ratio(Some(1.0), Some(0.0)), "-");
    assert_eq!(grouped(3_265_143), "3,265,143");
    assert_eq!(grouped(143), "143");
}

#[test]
fn a_table_is_markdown() {
    let mut table = Table::new(["what", "s"]);
    table.row(&["a | b".to_owned(), "1.0".to_owned()]);
    table.empty_row("peer", "not run");
    assert_eq!(
        table.to_string(),
        "| what | s |\n|---|---:|\n| a \\| b | 1.0 |\n| peer | not run |\n"
    );
}

#[test]
fn memory_is_what_the_kernel_cannot_take_back_beside_the_maximum() {
    let status = "Name:\tzstd\nVmHWM:\t    5124 kB\nVmRSS:\t    4000 kB\nRssAnon:\t     100 kB\n\
                  RssFile:\t    3000 kB\nRssShmem:\t      20 kB\n";
    let memory = Memory::parse(status);
    assert_eq!((memory.anonymous, memory.resident), (120 << 10, 5124 << 10));
    assert_eq!(Memory::parse("State:\tZ (zombie)\n").resident, 0);
}

#[test]
fn commands_get_files_and_a_window_above_the_base() {
    let places = Places {
        base: Path::new("a b.tar"),
        base_len: 249_425_920,
        target: Path::new("t.tar"),
        delta: Path::new("d"),
        out: Path::new("o"),
    };
    let shelf = Shelf::new("own".into(), Vec::new());
    let words = |command| shelf.words(command, &places);
    assert_eq!(words("zstd --patch-from=BASE TARGET"), ["zstd", "--patch-from=a b.tar", "t.tar"]);
    assert_eq!(words("xdelta3 -B WINDOW"), ["xdelta3", "-B", "268435456"].map(OsString::from));
    assert_eq!(words("chunkdelta BASE")[0], "own");
}

#[test]
fn every_program_reads_its_inputs_and_writes_its_outputs() {
    for program in &PROGRAMS {
        let has = |command: &str, names: &[&str]| {
            let is_in = |name: &&str| command.split([' ', '=']).any(|word| word == *name);
            names.iter().all(is_in)
        };
        assert!(has(program.create, &["TARGET", "DELTA"]), "{}", program.name);
        assert!(has(program.apply, &["DELTA", "OUT"]), "{}", program.name);
        assert!(program.checked.is_none_or(|checked| has(checked, &["BASE", "TARGET", "DELTA"])));
    }
    assert!(PROGRAMS.iter().any(|program| program.name == YARDSTICK));
}

#[test]
fn bita_counts_its_header_and_what_it_fetched() {
    let archive = [b"BITA1\0".as_slice(), &100_u64.to_le_bytes(), &[0; 200]].concat();
    let log = "Used 1.0 KiB (1025 bytes) from seed\n\
               Fetched 114.8 KiB (117601 bytes) from archive and decompressed to 12 bytes.\n";
    assert_eq!(bita_fetched(&archive, log), Some(117_601 + 100 + 86));
    assert_eq!(bita_fetched(b"no archive", log), None);
    assert_eq!(bita_archive_len("  Archive size: 199.2 KiB (203941 bytes)\n"), Some(203_941));
}

#[test]
fn a_section_takes_the_place_of_the_one_it_renews_and_leaves_the_others() {
    let section = |heading: &str, text: &str| (heading.to_owned(), text.to_owned());
    let first =
        report::with_sections("", "# R\n", &[section("a", "1"), section("b", "2\n\n### c")]);
    assert_eq!(first, "# R\n\n## a\n\n1\n\n## b\n\n2\n\n### c\n");
    let renewed = report::with_sections(&first, "# S\n", &[section("a", "3"), section("d", "4")]);
    assert_eq!(renewed, "# S\n\n## a\n\n3\n\n## b\n\n2\n\n### c\n\n## d\n\n4\n");
}

#[test]
fn a_program_that_did_not_run_has_a_row_that_says_so() {
    let measured = |delta_len, seconds| Figures {
        delta_len,
        create: samples(&[seconds, seconds * 1.1]),
        apply: samples(&[0.5]),
        ..Figures::default()
    };
    let row = |name: &str, outcome| {
        let program = PROGRAMS.iter().find(|program| program.name == name).expect("there");
        Row { program: *program, outcome }
    };
    let rows = vec![
        row("chunkdelta", Ok(measured(950, 2.0))),
        row(YARDSTICK, Ok(measured(1000, 8.0))),
        row("bsdiff", Err("not run: bsdiff is not installed".to_owned())),
    ];
    let (hash, copy) = (samples(&[0.25]), samples(&[1.0]));
    let pair = Pair { base_len: 10_000, target_len: 20_000, rows, hash, copy };
    let text = report::pair(&pair);
    assert!(text.contains("| chunkdelta | 2 | 950 | 0.95 | 2.000 | +10 % | 0.25 |"), "{text}");
    assert!(text.contains("| chunkdelta | 2 | 0.500 | - | 2.00 |"), "{text}");
    assert!(text.contains("| bsdiff | not run: bsdiff is not installed |"), "{text}");
    assert_eq!(report::size_points(&pair).len(), 2);
}

#[test]
fn time_by_length_is_told_for_each_byte_of_the_first_length() {
    let pair = |target_len, seconds| {
        let figures = Figures { create: samples(&[seconds]), ..Figures::default() };
        let program = *PROGRAMS.iter().find(|program| program.name == "chunkdelta").unwrap();
        let rows = vec![Row { program, outcome: Ok(figures) }];
        let (hash, copy) = Default::default();
        Pair { base_len: target_len, target_len, rows, hash, copy }
    };
    let text = report::scale(&[pair(1_000_000_000, 2.0), pair(2_000_000_000, 5.0)]);
    assert!(text.contains("| 1,000,000,000 | 0 | 2.000 | - | 500 | 1.00 |"), "{text}");
    assert!(text.contains("| 2,000,000,000 | 0 | 5.000 | - | 400 | 1.25 |"), "{text}");
}

/// Where the texts of class `name` are in a drawing, each with its length in letters.
fn names(drawing: &str) -> Vec<(f64, f64, usize)> {
    let attribute = |line: &str, key: &str| -> f64 {
        let value = line.split_once(&format!(" {key}=\"")).unwrap().1;
        value.split_once('"').unwrap().0.parse().unwrap()
    };
    let named = drawing.lines().filter(|line| line.starts_with("<text class=\"name"));
    let length = |line: &str| line.split(['>', '<']).nth(2).unwrap().len();
    named.map(|line| (attribute(line, "x"), attribute(line, "y"), length(line))).collect()
}

#[test]
fn names_in_a_plot_are_on_the_paper_and_do_not_overlap() {
    let point = |number: u32| Point {
        name: format!("program number {number}"),
        x: 1.0 + 0.01 * f64::from(number),
        y: 5.0,
        x_with: None,
        is_own: number < 3,
    };
    let points: Vec<Point> = (0..15).map(point).collect();
    let drawing = svg(Titles { title: "t", x: "x < 1", y: "y" }, &points);
    assert!(drawing.contains("x &lt; 1"));
    let names = names(&drawing);
    assert_eq!(names.len(), points.len());
    for (at, (x, y, letters)) in names.iter().enumerate() {
        let width = 6.0 * f64::from(u32::try_from(*letters).unwrap());
        assert!(*x >= 0.0 && x + width <= 860.0 && *y >= 0.0 && *y <= 560.0);
        for (other_x, other_y, _) in &names[..at] {
            let is_apart = (y - other_y).abs() > 13.0 || (x - other_x).abs() > width;
            assert!(is_apart, "{x} {y} and {other_x} {other_y}");
        }
    }
}

/// The members of all layers of an archive: name and data.
fn layer_members(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let image = SavedImage::open(path).unwrap();
    let mut members = BTreeMap::new();
    for index in 0..image.layer_count() {
        let mut archive = tar::Archive::new(image.layer(index).unwrap());
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let mut data = Vec::new();
            entry.read_to_end(&mut data).unwrap();
            members.insert(name, data);
        }
    }
    members
}

/// A delta that was proved, in bytes.
fn delta_len(base: &Path, target: &Path, dir: &Path) -> u64 {
    let delta = dir.join("delta");
    let options = CreateOptions { may_replace: true, ..CreateOptions::default() };
    create(base.as_os_str(), target.as_os_str(), &delta, &options, &NoObserver).unwrap();
    std::fs::metadata(&delta).unwrap().len()
}

fn grown(name: &str, layers: Layers, dir: &Path) -> PathBuf {
    let path = dir.join(name);
    grow(&SavedImage::open(&fixture(name)).unwrap(), 3, layers, &path).unwrap();
    path
}

#[test]
fn a_grown_image_has_permuted_files_under_numbered_names_and_is_an_image() {
    let dir = tempfile::tempdir().unwrap();
    let original = layer_members(&fixture("docker20-1.tar"));
    for layers in [Layers::Several, Layers::One] {
        let (base, target) = (
            grown("docker20-1.tar", layers, dir.path()),
            grown("docker20-2.tar", layers, dir.path()),
        );
        let members = layer_members(&base);
        assert_eq!(members.len(), 3 * original.len());
        for number in 0..3 {
            let data = &members[&format!("r00{number}/srv/blob.bin")];
            let mut values: BTreeMap<u8, u8> = BTreeMap::new();
            for (from, to) in original["srv/blob.bin"].iter().zip(data) {
                assert_eq!(values.entry(*from).or_insert(*to), to);
            }
            assert_ne!(data, &original["srv/blob.bin"]);
        }
        assert_ne!(members["r000/srv/blob.bin"], members["r001/srv/blob.bin"]);
        assert!(delta_len(&base, &target, dir.path()) > 0);
    }
}

#[test]
fn repetitions_come_as_near_to_the_length_as_they_can() {
    assert_eq!(repetitions(250, 1000), 4);
    assert_eq!(repetitions(555, 1000), 2);
    assert_eq!(repetitions(555, 1), 1);
}

#[test]
fn the_small_cases_differ_in_nothing_and_in_one_file() {
    let dir = tempfile::tempdir().unwrap();
    let image = SavedImage::open(&fixture("docker20-1.tar")).unwrap();
    let images = small::make(&image, dir.path()).unwrap();
    let read = |path: &Path| std::fs::read(path).unwrap();
    assert!(read(&images.base) == read(&images.same));
    let (base, changed) = (layer_members(&images.base), layer_members(&images.changed));
    assert_eq!(base, layer_members(&fixture("docker20-1.tar")));
    let differing = base.iter().filter(|(name, data)| changed.get(*name) != Some(data));
    assert_eq!((differing.count(), changed.len()), (1, base.len()));
    assert!(images.same_bound < images.changed_bound);
    assert!(delta_len(&images.base, &images.same, dir.path()) < 2000);
}
