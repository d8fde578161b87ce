//! Header blocks that programs wrote, byte for byte: Go 1.19, GNU tar 1.34, Python 3.11 and bsdtar
//! 3.6.2.

use super::Spelled;

type Written = (&'static str, Spelled<'static>, Spelled<'static>, &'static str);

/// Who wrote it, a block, what the same member's block has 60 days later and one byte longer where not
/// said otherwise, and the entry in hex.
pub(super) const WRITTEN: [Written; 13] = [
    ("Go, ustar", GO, &[(134, b"4\x0014550605400\x00011521")], "0f80e8f80402"),
    (
        "Go, GNU, base 256, unchanged time before 1970",
        &[
            (0, b"big"),
            (100, b"0000644\0\x80"),
            (112, b"\x02"),
            (116, b"0000000\0\x80"),
            (131, b"\x02"),
            (136, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfb013423\0 0"),
            (257, b"ustar  "),
            (329, b"0000000\x000000000"),
        ],
        &[(135, b"\x05"), (148, b"013430")],
        "080a",
    ),
    (
        "Go, PAX records, which have no time",
        &[
            (0, b"usr/bin/PaxHeaders.0/tool"),
            (100, b"0000000\x000000000\x000000000\x0000000000047\x0000000000000\x00012503\0 x"),
            (257, b"ustar\x0000"),
        ],
        &[],
        "00",
    ),
    (
        "GNU tar, gnu and oldgnu",
        &[(0, b"d/f"), (100, GNU_NUMBERS), (148, b"010143\0 0"), (257, b"ustar  \0root"), ROOT],
        &[(134, b"4\x0014550605400\x00010140")],
        "0f80e8f80402",
    ),
    (
        "GNU tar, posix",
        &[
            (0, b"d/f"),
            (100, GNU_NUMBERS),
            (148, b"011443\0 0"),
            (257, b"ustar\x0000root"),
            ROOT,
            (329, b"0000000\x000000000"),
        ],
        &[(134, b"4\x0014550605400\x00011440")],
        "0f80e8f80402",
    ),
    (
        "GNU tar, posix, a sparse file's name with a process number",
        &[
            (0, b"d/GNUSparseFile.23911/sparse"),
            (100, b"0000644\x000000000\x000000000\x0000000011000\x0014524770400\x00015577\0 0"),
            (257, b"ustar\x0000root"),
            ROOT,
            (329, b"0000000\x000000000"),
        ],
        &[(17, b"4004"), (136, b"14550605400"), (148, b"015565")],
        "1780e8f80411343030340005",
    ),
    (
        "GNU tar, v7",
        &[(0, b"d/f"), (100, GNU_NUMBERS), (148, b"006334\0 "), DEVICE],
        &[(134, b"4\x0014550605400\x00006331")],
        "0f80e8f80402",
    ),
    (
        "GNU tar, gnu, a sparse file, its time alone",
        &[
            (0, b"d/sparse"),
            (100, b"0000644\x000000000\x000000000\x0000000010000\x0014524770400\x00016417\0 S"),
            (257, b"ustar  \0root"),
            ROOT,
            (386, b"00001720000\x0000000010000\x0000004000000\x0000000000000"),
            (483, b"00004000000"),
        ],
        &[(136, b"14550605400"), (148, b"016413")],
        "0780e8f804",
    ),
    (
        "Python, PAX",
        &[(0, b"d/f"), (100, GNU_NUMBERS), (148, b"010203\0 0"), (257, b"ustar\x0000root"), ROOT],
        &[(134, b"4\x0014550605400\x00010200")],
        "0f80e8f80402",
    ),
    (
        "Python, GNU, a symbolic link that leads elsewhere",
        &[
            (0, b"d/l"),
            (
                100,
                b"0000777\x000000000\x000000000\x0000000000000\x0014524770400\x00011447\0 2target1",
            ),
            (257, b"ustar  \0root"),
            ROOT,
        ],
        &[(136, b"14550605400"), (148, b"011444"), (163, b"2")],
        "2780e8f80406320000",
    ),
    (
        "bsdtar, pax and ustar",
        &[
            (0, b"d/f"),
            (100, BSD_NUMBERS),
            (148, b"011423\0 0"),
            (257, b"ustar\x0000root"),
            ROOT,
            (329, b"000000 \x00000000 "),
        ],
        &[(134, b"4 14550605400 011420")],
        "0f80e8f80402",
    ),
    (
        "bsdtar, v7",
        &[(0, b"d/f"), (100, BSD_NUMBERS), (148, b"005114\0 ")],
        &[(134, b"4 14550605400 005111")],
        "0f80e8f80402",
    ),
    (
        "bsdtar, pax records",
        &[
            (0, b"d/PaxHeader/f"),
            (100, b"000644 \x00000000 \x00000000 \x0000000000074 14524770400 013404\0 x"),
            (257, b"ustar\x0000root"),
            ROOT,
            (329, b"000000 \x00000000 "),
        ],
        &[(136, b"14550605400"), (148, b"013400")],
        "0780e8f804",
    ),
];
const GO: Spelled<'static> = &[
    (0, b"usr/bin/tool"),
    (100, b"0000755\x000000000\x000000000\x0000000000003\x0014524770400\x00011524\0 0"),
    (257, b"ustar\x0000"),
    DEVICE,
];
const GNU_NUMBERS: &[u8] = b"0000644\x000000000\x000000000\x0000000000003\x0014524770400";
const BSD_NUMBERS: &[u8] = b"000644 \x00000000 \x00000000 \x0000000000003 14524770400 ";
const ROOT: (usize, &[u8]) = (297, b"root");
const DEVICE: (usize, &[u8]) = (329, b"0000000\x000000000");
