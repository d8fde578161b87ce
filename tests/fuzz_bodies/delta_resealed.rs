//! Lawful deltas, changed below their digests: tables, instructions, streams and frames.
//!
//! The first four bytes choose a delta and how it is run; every twelve bytes after them are an edit.

use chunkdelta::digest::Digest;
use chunkdelta::format::{
    Codec, EncodeRun, FrameRow, Framing, HEADER_CLASS, Instruction, NONE, Output, Piece, Role,
    RoleKind, Run as Blocks, Way, WayKind,
};

use super::draw::Draw;
use super::memory::{Base, Mode, run_watched};
use super::model::{Built, Model, RAW, Run, Step, class, landing};
use super::scenarios::scenarios;

const EDIT_LEN: usize = 12;
const MOST_EDITS: usize = 24;
/// Longest instruction: sums of them must not overflow while a part is written.
const LONGEST: u64 = 1 << 44;

pub(super) fn run(input: &[u8]) {
    let mut draw = Draw::new(input);
    let scenario = &scenarios()[usize::from(draw.byte()) % scenarios().len()];
    let (options, how, missing) = (draw.byte(), draw.byte(), draw.byte());
    let bit = |bits: u8, number: u8| bits >> number & 1 == 1;
    let base = without(&scenario.base, missing);
    let mut model = scenario.model.clone();
    let mut late = Vec::new();
    for _ in 0..MOST_EDITS {
        if draw.is_empty() {
            break;
        }
        let edit = Draw::new(draw.bytes(EDIT_LEN));
        if !edit_model(&mut model, edit) {
            late.push(edit);
        }
    }
    if bit(how, 0) {
        put_lengths_right(&mut model);
    }
    let codec = match (bit(how, 1), bit(how, 4)) {
        (_, true) => Codec::Lzma,
        (true, _) => Codec::Zstd,
        _ => Codec::Stored,
    };
    let build = |model: &Model| {
        let mut built = Built { header: model.header.clone(), frames: Vec::new() };
        for runs in &model.groups {
            let (parts, mut streams) = model.group(runs);
            for edit in &late {
                edit_stream(&mut streams, *edit);
            }
            built.add_group(parts, streams, codec, bit(how, 2));
        }
        for edit in &late {
            edit_built(&mut built, *edit);
        }
        built.sealed()
    };
    let mut delta = build(&model);
    if bit(how, 3) && put_digests_right(&mut model, &delta, &base) {
        delta = build(&model);
    }
    let mode = Mode { is_unverified: bit(options, 0), is_spooled: bit(options, 1) };
    let result = run_watched(&delta, &base, mode);
    if bit(options, 2) {
        let other = Mode { is_spooled: !mode.is_spooled, ..mode };
        let other = run_watched(&delta, &base, other);
        assert_eq!(result.ok(), other.ok(), "scratch space changes nothing");
    } else if late.is_empty() && input.len() <= 4 && missing == 0 {
        let outputs = result.expect("what was not edited runs");
        assert!(outputs.is_some_and(|outputs| !outputs.is_empty()));
    }
}

fn without(base: &Base, missing: u8) -> Base {
    let mut base = base.clone();
    let gone = base.keys().nth(usize::from(missing).wrapping_sub(1)).copied();
    if let Some(gone) = gone {
        base.remove(&gone);
    }
    base
}

/// Applies an edit of tables or instructions; returns whether it was one.
fn edit_model(model: &mut Model, mut edit: Draw<'_>) -> bool {
    match edit.byte() {
        232..=239 => edit_raw(model, edit),
        240..=247 => edit_pieces(model, edit),
        248..=251 => edit_kept(model, edit),
        252..=255 => edit_contents(model, edit),
        kind => match kind % 20 {
            0..=5 => edit_steps(model, edit),
            6 | 7 => edit_parts(model, edit),
            8..=10 => edit_node(model, edit),
            11 => edit_ways(model, edit),
            12 | 13 => edit_outputs(model, edit),
            14 => edit_roles(model, edit),
            15 => edit_digests(model, edit),
            16 => edit_declared(model, edit),
            _ => return false,
        },
    }
    true
}

fn pick<'a, T>(items: &'a mut [T], edit: &mut Draw<'_>) -> Option<&'a mut T> {
    let index = edit.below(items.len());
    items.get_mut(index)
}

/// Puts a number worth trying in the place of one.
fn change(number: &mut u32, edit: &mut Draw<'_>) {
    let to = edit.number((*number).into()) & u64::from(u32::MAX);
    *number = u32::try_from(to).unwrap_or(NONE);
}

fn edit_steps(model: &mut Model, mut edit: Draw<'_>) {
    let what = edit.byte() % 6;
    let Some(runs) = pick(&mut model.groups, &mut edit) else { return };
    let Some(run) = pick(runs, &mut edit) else { return };
    let count = run.steps.len();
    let at = edit.below(count + 1);
    match (what, run.steps.get_mut(at)) {
        (0, Some(_)) => drop(run.steps.remove(at)),
        (1, Some(step)) => {
            let step = step.clone();
            run.steps.insert(at / 2, step);
        }
        (2 | 3, Some(step)) => edit_step(step, edit),
        _ if count < 64 => run.steps.insert(at, new_step(&mut edit)),
        _ => {}
    }
}

fn edit_step(step: &mut Step, mut edit: Draw<'_>) {
    let which = edit.flag();
    match &mut step.instruction {
        Instruction::Copy { node, .. }
        | Instruction::Patch { node, .. }
        | Instruction::Members { node, .. }
            if which && edit.flag() =>
        {
            change(node, &mut edit);
        }
        Instruction::Copy { offset, .. }
        | Instruction::Patch { offset, .. }
        | Instruction::Members { offset, .. }
            if which =>
        {
            *offset = edit.number(*offset) % LONGEST;
        }
        Instruction::Copy { length, .. }
        | Instruction::Patch { length, .. }
        | Instruction::Members { length, .. }
        | Instruction::Zero { length }
        | Instruction::Literal { length, .. } => *length = edit.number(*length) % LONGEST,
        Instruction::Place { node: row } | Instruction::HexDigest { digest: row } => {
            change(row, &mut edit);
        }
        // It says nothing: another instruction in its place.
        Instruction::Header => *step = new_step(&mut edit),
    }
    *step = whole(step.instruction, &step.literal);
}

fn new_step(edit: &mut Draw<'_>) -> Step {
    let (kind, row) = (edit.byte() % 8, u32::from(edit.byte()));
    let (offset, length) = (edit.byte().into(), edit.half().into());
    let instruction = match kind {
        0 => Instruction::Copy { node: row, offset, length },
        1 => Instruction::Zero { length },
        2 => Instruction::Place { node: row },
        3 => Instruction::HexDigest { digest: row },
        4 => Instruction::Header,
        5 => Instruction::Patch { node: row, offset, length },
        6 => Instruction::Members { node: row, offset, length },
        _ => Instruction::Literal { class: class(edit.byte()), length: length % 256 },
    };
    whole(instruction, b"literal")
}

/// A step with literal bytes of the right length, if that is short.
fn whole(instruction: Instruction, literal: &[u8]) -> Step {
    let mut literal = literal.to_vec();
    if let Instruction::Literal { length, .. } = instruction {
        literal.resize(usize::try_from(length.min(4096)).expect("it is short"), b'+');
    }
    Step { instruction, literal }
}

/// Changes differences, headers or gaps of a part.
fn edit_raw(model: &mut Model, mut edit: Draw<'_>) {
    let (what, kind) = (edit.byte() % 8, edit.below(RAW.len()));
    let runs = model.groups.iter_mut().flatten();
    let mut runs: Vec<&mut Run> = runs.filter(|run| run.pieces.is_empty()).collect();
    let Some(run) = pick(&mut runs, &mut edit) else { return };
    let bytes = &mut run.raw[kind];
    let at = edit.below(bytes.len() + 1);
    match (what, bytes.get_mut(at)) {
        (0, Some(byte)) => *byte = edit.byte(),
        (1, Some(byte)) => *byte ^= 1 << (edit.byte() % 8),
        (2, Some(_)) => drop(bytes.remove(at)),
        (3, _) => bytes.truncate(at),
        (4, _) => drop(bytes.splice(at..at, edit.rest().iter().copied())),
        // A difference and the gap before it.
        _ => {
            let [differences, _, gaps] = &mut run.raw;
            let (gap, difference) = (edit.byte() % 128, edit.byte());
            gaps.insert(edit.below(gaps.len() + 1), gap);
            differences.insert(edit.below(differences.len() + 1), difference);
        }
    }
}

fn edit_parts(model: &mut Model, mut edit: Draw<'_>) {
    let (what, group) = (edit.byte() % 8, edit.below(model.groups.len()));
    let Some(runs) = model.groups.get_mut(group) else { return };
    let count = runs.len();
    let at = edit.below(count);
    let Some(run) = runs.get_mut(at) else { return };
    match what {
        0 => change(&mut run.node, &mut edit),
        1 => change(&mut run.way, &mut edit),
        2 => drop(runs.remove(at)),
        3 if count < 32 => {
            let run = run.clone();
            runs.insert(at, run);
        }
        4 => {
            let other = edit.below(runs.len());
            runs.swap(at, other);
        }
        5 => {
            let steps = run.steps.split_off(edit.below(run.steps.len()));
            let later = Run { steps, ..run.clone() };
            runs.insert(at + 1, later);
        }
        6 => {
            let later = runs.split_off(at);
            model.groups.insert(group + 1, later);
        }
        _ => {
            let run = runs.remove(at);
            let to = edit.below(model.groups.len());
            model.groups[to].push(run);
        }
    }
}

/// Changes a re-encode: its pieces, and what it makes.
fn edit_pieces(model: &mut Model, mut edit: Draw<'_>) {
    let what = edit.byte() % 8;
    let runs = model.groups.iter_mut().flatten();
    let mut runs: Vec<&mut Run> = runs.filter(|run| !run.pieces.is_empty()).collect();
    let Some(run) = pick(&mut runs, &mut edit) else { return };
    let at = edit.below(run.pieces.len());
    match what {
        0 => drop(run.pieces.remove(at)),
        1 if run.pieces.len() < 16 => {
            let piece = run.pieces[at].clone();
            run.pieces.insert(at, piece);
        }
        2 => run.made = edit.number(run.made) % LONGEST,
        3 => {
            let literal = edit.bytes(6).to_vec();
            let (class, length) = (HEADER_CLASS, literal.len() as u64);
            run.pieces.insert(at, (Piece::Literal { class, length }, literal));
        }
        _ => match &mut run.pieces[at] {
            (Piece::Encode(run), _) => edit_encode(run, edit),
            (Piece::Literal { length, .. }, literal) => {
                *length = edit.number(*length) % LONGEST;
                literal.resize(usize::try_from((*length).min(4096)).expect("it is short"), b'+');
            }
        },
    }
}

fn edit_encode(run: &mut EncodeRun, mut edit: Draw<'_>) {
    match edit.byte() % 10 {
        0 => change(&mut run.encoder, &mut edit),
        1 => run.encoder = u32::from(edit.byte() % 8),
        2 => run.framing = if edit.flag() { Framing::Gzip } else { Framing::Bare },
        3 => run.parameters.push(edit.byte().into()),
        4 => match pick(&mut run.parameters, &mut edit) {
            Some(parameter) => *parameter = edit.number(*parameter),
            None => run.parameters.push(1),
        },
        5 => run.header = edit.bytes(6).to_vec(),
        6 => run.corrections = edit.bytes(6).to_vec(),
        7 => {
            // The sum stays: a piece is cut in two.
            let Some(last) = run.lengths.pop() else { return };
            let first = u64::from(edit.half()).min(last);
            run.lengths.extend([first, last - first]);
        }
        8 => {
            if let Some(length) = pick(&mut run.lengths, &mut edit) {
                *length = edit.number(*length);
            }
        }
        _ => drop(run.lengths.pop()),
    }
}

/// Changes what parts keep.
fn edit_kept(model: &mut Model, mut edit: Draw<'_>) {
    let what = edit.byte() % 5;
    let Some(runs) = pick(&mut model.groups, &mut edit) else { return };
    let Some(run) = pick(runs, &mut edit) else { return };
    let count = run.kept.len();
    let at = edit.below(count);
    match (what, run.kept.get_mut(at)) {
        (0, Some(_)) => drop(run.kept.remove(at)),
        (1, Some([since, length, _])) => {
            let less = u64::from(edit.byte()).min(*length);
            (*since, *length) = (*since + less, *length - less);
        }
        (2 | 3, Some(numbers)) => {
            let number = &mut numbers[usize::from(edit.byte() % 3)];
            *number = edit.number(*number);
        }
        _ if count < 16 => {
            let range = [edit.byte().into(), edit.half().into(), (edit.byte() % 3).into()];
            run.kept.insert(at, range);
        }
        _ => {}
    }
}

/// Changes which content a re-encode has, the encoders it names, and where a content lies.
fn edit_contents(model: &mut Model, mut edit: Draw<'_>) {
    let what = edit.byte() % 4;
    let nodes = model.header.nodes.iter_mut();
    let kind = WayKind::ReEncode.number();
    let mut nodes: Vec<_> =
        nodes.filter(|node| node.ways.iter().any(|way| way.kind == kind)).collect();
    let Some(node) = pick(&mut nodes, &mut edit) else { return };
    let Some(way) = node.ways.iter_mut().find(|way| way.kind == kind) else { return };
    let number = u32::from(edit.byte()).to_le_bytes();
    match (what, way.parameters.first_chunk_mut()) {
        (0, Some(content)) => *content = number,
        (1, _) => way.parameters.extend(number),
        (2, _) => way.parameters.truncate(edit.below(13)),
        (_, Some(content)) => {
            let content = u32::from_le_bytes(*content);
            let parent = edit.byte();
            if let Some(content) = model.header.nodes.get_mut(content as usize) {
                content.parent = if parent == u8::MAX { NONE } else { parent.into() };
                content.parent_offset = (edit.byte() % 4).into();
            }
        }
        (_, None) => {}
    }
}

fn edit_node(model: &mut Model, mut edit: Draw<'_>) {
    let nodes = &mut model.header.nodes;
    let (what, at) = (edit.byte() % 8, edit.below(nodes.len()));
    let Some(node) = nodes.get_mut(at) else { return };
    match what {
        0 => node.length = edit.number(node.length),
        1 => change(&mut node.digest, &mut edit),
        2 => change(&mut node.parent, &mut edit),
        3 => node.parent_offset = edit.number(node.parent_offset),
        4 => change(&mut node.last_group, &mut edit),
        5 => {
            // Whole places at once: a small number as parent, and where in it.
            node.parent = edit.byte().into();
            node.parent_offset = edit.half().into();
        }
        6 => {
            let other = edit.below(nodes.len());
            nodes.swap(at, other);
        }
        _ if edit.flag() => drop(nodes.remove(at)),
        _ => nodes.insert(at, nodes[at].clone()),
    }
}

fn edit_ways(model: &mut Model, mut edit: Draw<'_>) {
    let what = edit.byte() % 6;
    let Some(node) = pick(&mut model.header.nodes, &mut edit) else { return };
    let at = edit.below(node.ways.len());
    match (what, node.ways.get_mut(at)) {
        (0, Some(_)) => drop(node.ways.remove(at)),
        (1, Some(way)) => change(&mut way.kind, &mut edit),
        (2, Some(way)) => way.used.push(Blocks { first: edit.byte().into(), count: 1 }),
        (3, Some(Way { used, .. })) => {
            if let Some(run) = pick(used, &mut edit) {
                let number = if edit.flag() { &mut run.first } else { &mut run.count };
                change(number, &mut edit);
            }
        }
        (4, Some(way)) => way.parameters.push(edit.byte()),
        _ => {
            let used = vec![Blocks { first: 0, count: 1 }];
            let used = if edit.flag() { used } else { Vec::new() };
            let kind = u32::from(edit.byte() % 4);
            let content = [edit.byte(), 0, 0, 0, 1, 0, 0, 0];
            let parameters = if kind == 3 { content.to_vec() } else { Vec::new() };
            node.ways.insert(at, Way { kind, used, parameters });
        }
    }
}

fn edit_outputs(model: &mut Model, mut edit: Draw<'_>) {
    let outputs = &mut model.header.outputs;
    let count = outputs.len();
    let (what, at) = (edit.byte() % 6, edit.below(count));
    match (what, outputs.get_mut(at)) {
        (0, Some(output)) => change(&mut output.node, &mut edit),
        (1, Some(output)) => change(&mut output.kind, &mut edit),
        (2, Some(output)) => output.path = edit.bytes(6).to_vec(),
        (3, Some(_)) => drop(outputs.remove(at)),
        (4, Some(output)) => change(&mut output.target, &mut edit),
        _ if count < 32 => {
            let (node, last) = (edit.byte().into(), edit.byte());
            // One file alone has no path; it needs one beside another.
            for (output, name) in outputs.iter_mut().zip(b'a'..) {
                if output.path.is_empty() {
                    output.path.push(name);
                }
            }
            outputs.push(Output { target: 0, path: vec![last], kind: 0, node });
            outputs.sort_by(|left, right| left.path.cmp(&right.path));
        }
        _ => {}
    }
}

fn edit_roles(model: &mut Model, mut edit: Draw<'_>) {
    let roles = &mut model.header.roles;
    let (what, at) = (edit.byte() % 7, edit.below(roles.len()));
    match (what, roles.get_mut(at)) {
        (0, Some(role)) => change(&mut role.parent, &mut edit),
        (1, Some(role)) => change(&mut role.role, &mut edit),
        (2, Some(role)) => change(&mut role.node, &mut edit),
        (3, Some(role)) => change(&mut role.diff_id, &mut edit),
        (4, Some(_)) => drop(roles.remove(at)),
        (5, Some(role)) => {
            role.names.push(String::from_utf8_lossy(edit.bytes(6)).into_owned());
        }
        _ => roles.push(Role {
            parent: edit.byte().into(),
            role: RoleKind::Layer.number(),
            node: edit.byte().into(),
            diff_id: NONE,
            media_type: String::new(),
            platform: String::new(),
            names: Vec::new(),
        }),
    }
}

fn edit_digests(model: &mut Model, mut edit: Draw<'_>) {
    let digests = &mut model.header.digests;
    let (what, at) = (edit.byte() % 4, edit.below(digests.len()));
    match (what, digests.get_mut(at)) {
        (0, Some(_)) => drop(digests.remove(at)),
        (1, Some(digest)) => digest[usize::from(edit.byte() % 32)] ^= edit.byte(),
        (2, Some(digest)) => digest[0] = edit.byte(),
        _ => digests.insert(at, [edit.byte(); 32]),
    }
}

fn edit_declared(model: &mut Model, mut edit: Draw<'_>) {
    let declared = &mut model.header.declared;
    let number = match edit.byte() % 6 {
        0 => &mut declared.kept_peak,
        1 => &mut declared.encoder_memory,
        2 => &mut declared.inline_count,
        3 => &mut declared.inline_longest,
        4 => &mut declared.inline_live,
        _ => return change(&mut declared.inline_depth, &mut edit),
    };
    *number = edit.number(*number);
}

/// Changes decoded streams of every group alike.
fn edit_stream(streams: &mut [Vec<u8>], mut edit: Draw<'_>) {
    if edit.byte() % 20 != 17 {
        return;
    }
    let (what, kind) = (edit.byte() % 4, edit.below(streams.len()));
    let stream = &mut streams[kind];
    let at = edit.below(stream.len() + 1);
    match (what, stream.get_mut(at)) {
        (0, Some(byte)) => *byte = edit.byte(),
        (1, Some(byte)) => *byte ^= 1 << (edit.byte() % 8),
        (2, _) => stream.truncate(at),
        _ => {
            let bytes = edit.rest().to_vec();
            stream.splice(at..at, bytes);
        }
    }
}

/// Changes frames, and what the tables say of them.
fn edit_built(built: &mut Built, mut edit: Draw<'_>) {
    match edit.byte() % 20 {
        18 => {
            let Some(frame) = pick(&mut built.frames, &mut edit) else { return };
            let at = edit.below(frame.len());
            match (edit.byte() % 3, frame.get_mut(at)) {
                (0, Some(byte)) => *byte = edit.byte(),
                (1, Some(byte)) => *byte ^= 1 << (edit.byte() % 8),
                _ => frame.truncate(at),
            }
        }
        19 => {
            let what = edit.byte() % 8;
            let Some(group) = pick(&mut built.header.groups, &mut edit) else { return };
            if what < 4 {
                let Some(part) = pick(&mut group.parts, &mut edit) else { return };
                match pick(&mut part.taken, &mut edit) {
                    Some(taken) if what < 2 => *taken = edit.number(*taken),
                    _ => part.made = edit.number(part.made),
                }
                return;
            }
            let Some(stream) = pick(&mut group.streams, &mut edit) else { return };
            match (what, pick(&mut stream.frames, &mut edit)) {
                (4, _) => change(&mut stream.codec, &mut edit),
                (5, _) => change(&mut stream.kind, &mut edit),
                (_, Some(FrameRow { encoded, decoded, window_log })) => {
                    let numbers = [encoded, decoded, window_log];
                    change(numbers[usize::from(edit.byte() % 3)], &mut edit);
                }
                (_, None) => {}
            }
        }
        _ => {}
    }
}

/// Gives made nodes the lengths that their parts come to, and every node the last group to be used
/// in, so that edits of instructions get past the tables.
fn put_lengths_right(model: &mut Model) {
    // A child is complete before its parent: one pass settles them in the order of their numbers.
    for row in 0..model.header.nodes.len() {
        let runs: Vec<&Run> =
            model.groups.iter().flatten().filter(|run| run.node as usize == row).collect();
        let steps = runs.iter().flat_map(|run| &run.steps);
        let sum = steps.fold(0_u64, |sum, step| sum.saturating_add(model.made(step.instruction)));
        // What encoders make is not known here.
        let is_made = !runs.is_empty() && runs.iter().all(|run| run.pieces.is_empty());
        if is_made {
            model.header.nodes[row].length = sum;
        }
    }
    let last = u32::try_from(model.groups.len()).expect("few").checked_sub(1).unwrap_or(NONE);
    for node in &mut model.header.nodes {
        node.last_group = last;
    }
}

/// Gives made nodes the digests of what the delta makes of them, as a forger would.
fn put_digests_right(model: &mut Model, delta: &[u8], base: &Base) -> bool {
    let mode = Mode { is_unverified: true, is_spooled: false };
    let Ok(Some(outputs)) = run_watched(delta, base, mode) else { return false };
    let header = &mut model.header;
    let mut digests = header.digests.clone();
    for run in model.groups.iter().flatten() {
        let Some((output, offset)) = landing(header, run.node) else { continue };
        let node = &header.nodes[run.node as usize];
        let range = usize::try_from(offset).ok().zip(usize::try_from(node.length).ok());
        let bytes = range.and_then(|(start, len)| outputs[output].get(start..)?.get(..len));
        if let Some(bytes) = bytes {
            digests[node.digest as usize] = *Digest::of(bytes).as_bytes();
        }
    }
    let mut sorted = digests.clone();
    sorted.sort_unstable();
    sorted.dedup();
    let row = |old: u32| {
        let new = digests.get(old as usize).and_then(|digest| sorted.binary_search(digest).ok());
        new.and_then(|new| u32::try_from(new).ok()).unwrap_or(NONE)
    };
    header.nodes.iter_mut().for_each(|node| node.digest = row(node.digest));
    header.roles.iter_mut().for_each(|role| role.diff_id = row(role.diff_id));
    for step in model.groups.iter_mut().flatten().flat_map(|run| &mut run.steps) {
        if let Instruction::HexDigest { digest } = &mut step.instruction {
            *digest = row(*digest);
        }
    }
    header.digests = sorted;
    true
}
