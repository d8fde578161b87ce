//! One image out of several.

use super::{Image, ImageError, Selector};

impl Image {
    /// Keeps what belongs to the chosen image, or to every image under a chosen index; files stay.
    ///
    /// A name may be given as written in the image, without `docker.io/library/`, or without
    /// `:latest`; a digest of a manifest or index works too.
    ///
    /// # Errors
    /// [`ImageError::UnknownImage`] with the names of what is there; nothing changes then.
    pub fn narrow(&mut self, selector: &Selector) -> Result<(), ImageError> {
        let chosen = self.chosen_roles(selector);
        if chosen.is_empty() {
            let (wanted, available) = (selector.to_string(), self.available());
            return Err(ImageError::UnknownImage { wanted, available });
        }
        let mut is_kept = vec![false; self.roles.len()];
        for (index, role) in self.roles.iter().enumerate() {
            let is_below = role.parent.is_some_and(|parent| is_kept[parent]);
            is_kept[index] = is_below || chosen.contains(&index);
        }
        self.keep(&is_kept);
        Ok(())
    }

    fn chosen_roles(&self, selector: &Selector) -> Vec<usize> {
        match selector {
            Selector::Index(index) => {
                self.images.get(*index).map(|image| image.role).into_iter().collect()
            }
            Selector::Name(wanted) => {
                let plain = plain_name(wanted);
                let roles = self.roles.iter().enumerate().filter(|(_, role)| {
                    role.names.iter().any(|name| name == wanted || plain_name(name) == plain)
                        || role.digest.is_some_and(|digest| digest.to_string() == *wanted)
                });
                roles.map(|(index, _)| index).collect()
            }
        }
    }

    /// What can be chosen, in order.
    fn available(&self) -> Vec<String> {
        let numbered = self.images.iter().enumerate();
        numbered
            .map(|(index, image)| match self.names(image).as_slice() {
                [] => format!("@{index}"),
                names => format!("@{index} = {}", names.join(" = ")),
            })
            .collect()
    }

    fn keep(&mut self, is_kept: &[bool]) {
        let mut is_used = vec![false; self.blobs.len()];
        for (role, _) in self.roles.iter().zip(is_kept).filter(|(_, kept)| **kept) {
            if let Some(blob) = role.blob {
                is_used[blob] = true;
            }
        }
        let new_blob = renumbered(&is_used);
        let new_role = renumbered(is_kept);
        self.blobs = kept(&mut self.blobs, &is_used);
        self.roles = kept(&mut self.roles, is_kept);
        for role in &mut self.roles {
            role.blob = role.blob.and_then(|blob| new_blob[blob]);
            role.parent = role.parent.and_then(|parent| new_role[parent]);
        }
        self.images.retain(|image| is_kept[image.role]);
        for image in &mut self.images {
            image.role = new_role[image.role].expect("it is kept");
        }
    }
}

fn renumbered(is_kept: &[bool]) -> Vec<Option<usize>> {
    let mut next = 0;
    let number = |kept: &bool| {
        kept.then(|| {
            next += 1;
            next - 1
        })
    };
    is_kept.iter().map(number).collect()
}

fn kept<T>(items: &mut Vec<T>, is_kept: &[bool]) -> Vec<T> {
    items.drain(..).zip(is_kept).filter(|(_, kept)| **kept).map(|(item, _)| item).collect()
}

/// A name without what Docker adds by itself.
fn plain_name(name: &str) -> String {
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    let name = name.strip_prefix("library/").unwrap_or(name);
    let last = name.rsplit('/').next().unwrap_or(name);
    if last.contains([':', '@']) { name.to_owned() } else { format!("{name}:latest") }
}
