//! Rewrites a layer member by member, so that it stays a layer: what is changed is a member's name or
//! its data, and headers follow.

use std::io::{self, Read, Write};

use tar::{Builder, EntryType, Header};

/// Length of the name fields of a header; longer names go into a PAX record.
const NAME_LEN: usize = 100;

/// What becomes of each member.
pub(crate) trait Change {
    /// The name, as a path in the layer, that a member or the other end of a hard link gets.
    fn path(&self, path: &[u8]) -> Vec<u8>;

    /// The data of a regular file, for which `header` has to say the length.
    ///
    /// # Errors
    ///
    /// When `data` cannot be read.
    fn data<'a>(
        &mut self,
        header: &mut Header,
        data: Box<dyn Read + 'a>,
    ) -> io::Result<Box<dyn Read + 'a>>;
}

/// Adds the members of `layer` to `out`, each as `change` has it. PAX records are kept, GNU's long
/// names become such.
///
/// # Errors
///
/// When `layer` is no tar or has sparse members, and when a byte cannot be read or written.
pub(crate) fn copy_members<W: Write>(
    layer: impl Read,
    out: &mut Builder<W>,
    change: &mut dyn Change,
) -> io::Result<()> {
    for entry in tar::Archive::new(layer).entries()? {
        let mut entry = entry?;
        let mut header = entry.header().clone();
        let kind = header.entry_type();
        if kind.is_gnu_sparse() {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "a sparse member"));
        }
        let mut records = records(&mut entry)?;
        if !kind.is_pax_global_extensions() {
            let path = change.path(&entry.path_bytes());
            let fields = header.as_old_mut();
            set_name(&mut fields.name, "path", &path, &mut records);
            if let Some(link) = entry.link_name_bytes() {
                let is_hard = kind == EntryType::Link;
                let link = if is_hard { change.path(&link) } else { link.into_owned() };
                set_name(&mut fields.linkname, "linkpath", &link, &mut records);
            }
            if let Some(fields) = header.as_ustar_mut() {
                fields.prefix.fill(0);
            }
        }
        let data: Box<dyn Read> = Box::new(&mut entry);
        let data = if kind.is_file() { change.data(&mut header, data)? } else { data };
        header.set_cksum();
        out.append_pax_extensions(records.iter().map(|(key, value)| (&**key, &**value)))?;
        out.append(&header, data)?;
    }
    Ok(())
}

/// A member's PAX records, but for names.
fn records<R: Read>(entry: &mut tar::Entry<'_, R>) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut records = Vec::new();
    for record in entry.pax_extensions()?.into_iter().flatten() {
        let record = record?;
        let key = record.key().map_err(io::Error::other)?;
        if !["path", "linkpath"].contains(&key) {
            records.push((key.to_owned(), record.value_bytes().to_owned()));
        }
    }
    Ok(records)
}

fn set_name(
    field: &mut [u8; NAME_LEN],
    key: &str,
    name: &[u8],
    records: &mut Vec<(String, Vec<u8>)>,
) {
    let len = name.len().min(NAME_LEN);
    field.fill(0);
    field[..len].copy_from_slice(&name[..len]);
    if len < name.len() {
        records.push((key.to_owned(), name.to_owned()));
    }
}
