//! A table in markdown.

use std::fmt;

/// Rows under heads; the first column is text, the others are figures.
#[derive(Debug)]
pub(crate) struct Table {
    heads: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new<const COLUMNS: usize>(heads: [&str; COLUMNS]) -> Self {
        Self { heads: heads.map(str::to_owned).to_vec(), rows: Vec::new() }
    }

    /// A row that has all its figures.
    pub(crate) fn row<const COLUMNS: usize>(&mut self, cells: &[String; COLUMNS]) {
        assert_eq!(COLUMNS, self.heads.len(), "BUG: a row has a cell for each head");
        self.rows.push(cells.to_vec());
    }

    /// A row that has none: what it is, and why.
    pub(crate) fn empty_row(&mut self, what: &str, why: &str) {
        let mut cells = vec![String::new(); self.heads.len()];
        what.clone_into(&mut cells[0]);
        why.clone_into(&mut cells[1]);
        self.rows.push(cells);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |out: &mut fmt::Formatter<'_>, cells: &[String]| {
            let escaped: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
            writeln!(out, "| {} |", escaped.join(" | "))
        };
        line(out, &self.heads)?;
        writeln!(out, "|---|{}", "---:|".repeat(self.heads.len() - 1))?;
        self.rows.iter().try_for_each(|cells| line(out, cells))
    }
}
