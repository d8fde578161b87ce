//! Who made the many parts of a blob: members, frames.

use rayon::prelude::*;

use super::trial::Idle;

/// Parts for which no writer is found before the search ends: the others are as odd.
const MOST_FAILED: usize = 4;

/// Parts for which all writers are tried.
const MOST_SEARCHED: usize = 64;

/// Parts that one encoder looks at in turn, if there are many: its memory costs more than a short
/// part.
const MOST_AT_ONCE: usize = 64;

/// For each part the writer that made it, where one is found.
///
/// `search` tries all writers on a part, `makes` one of them. The longest parts are searched first,
/// and who is found for one is asked for all others, since few writers make a blob. Parts without
/// `len` are nobody's.
pub(super) fn writers<P: Sync, W: Clone + Send + Sync>(
    parts: &[P],
    len: impl Fn(&P) -> Option<usize> + Sync,
    search: impl Fn(&P) -> Option<W>,
    makes: impl Fn(&W, &P, &mut Idle) -> bool + Sync,
) -> Vec<Option<W>> {
    let mut by_len: Vec<usize> = (0..parts.len()).filter(|at| len(&parts[*at]).is_some()).collect();
    by_len.sort_by_key(|at| std::cmp::Reverse(len(&parts[*at])));
    let mut found = vec![None; parts.len()];
    let at_once = (parts.len() / MOST_AT_ONCE).clamp(1, MOST_AT_ONCE);
    let (mut searched, mut failed) = (0, 0);
    for at in by_len {
        if found[at].is_some() {
            continue;
        }
        if searched == MOST_SEARCHED || failed == MOST_FAILED {
            break;
        }
        searched += 1;
        let Some(writer) = search(&parts[at]) else {
            failed += 1;
            continue;
        };
        let all = found.par_iter_mut().zip(parts).enumerate().with_min_len(at_once);
        all.for_each_init(Idle::default, |idle, (other, (found, part))| {
            let is_open = found.is_none() && len(part).is_some();
            if other == at || is_open && makes(&writer, part, idle) {
                *found = Some(writer.clone());
            }
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Parts are numbers; a writer makes those that it divides.
    fn found(parts: &[usize], writers_known: &[usize]) -> (Vec<Option<usize>>, usize) {
        let searches = Cell::new(0);
        let search = |part: &usize| {
            searches.set(searches.get() + 1);
            writers_known.iter().copied().find(|writer| part.is_multiple_of(*writer))
        };
        let len = |part: &usize| Some(*part).filter(|part| *part > 0);
        (
            writers(parts, len, search, |writer, part, _| part.is_multiple_of(*writer)),
            searches.get(),
        )
    }

    #[test]
    fn a_writer_that_is_found_is_asked_for_all_other_parts() {
        let (found, searches) = found(&[10, 0, 9, 4, 3, 8], &[2, 3]);
        assert_eq!(found, [Some(2), None, Some(3), Some(2), Some(3), Some(2)]);
        assert_eq!(searches, 2);
    }

    #[test]
    fn a_search_ends_where_nobody_is_found() {
        let parts: Vec<usize> = (0..100).map(|number| 2 * number + 1).collect();
        assert_eq!(found(&parts, &[2]), (vec![None; 100], MOST_FAILED));
        let (found, searches) = found(&[199, 197, 193, 191, 187], &[187]);
        assert_eq!((found, searches), (vec![None; 5], MOST_FAILED), "the last one is not reached");
    }
}
