//! Why an image cannot be rewritten.

use crate::fault::{Class, Explain, Shown};

/// Why an image cannot be rewritten. Names are members' names as the image spells them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RewriteError {
    /// A document that was read before has no values where they are looked for.
    #[error("{} cannot be changed", Shown(name.as_slice()))]
    Document {
        /// The document.
        name: Vec<u8>,
    },
    /// A tar header says name or length in a way that is not written here.
    #[error("the header of {} in the archive cannot be changed", Shown(name.as_slice()))]
    Header {
        /// The member.
        name: Vec<u8>,
    },
    /// A link is named after a digest that changes, or leads to such a name.
    #[error(
        "the link {} goes by a digest that changes (target={})",
        Shown(name.as_slice()), Shown(target.as_slice())
    )]
    Link {
        /// Name of the link.
        name: Vec<u8>,
        /// Where it points, as stored.
        target: Vec<u8>,
    },
}

impl Explain for RewriteError {
    fn class(&self) -> Class {
        match self {
            Self::Document { .. } => Class::Damaged,
            Self::Header { .. } | Self::Link { .. } => Class::Unsupported,
        }
    }

    fn hint(&self) -> Option<String> {
        Some("pack the image anew with `skopeo copy`, or leave --content-only out".to_owned())
    }
}
