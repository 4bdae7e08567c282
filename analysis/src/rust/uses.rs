//! `use` trees, flattened.

use syn::{ItemExternCrate, ItemUse, UseTree};

use super::reader::Reader;
use super::types::{name, visibility};
use crate::unit::{Import, Name, Path, Span, Visibility};

impl Reader<'_> {
    pub(super) fn import(&mut self, item: &ItemUse) {
        let root = item.leading_colon.as_ref().map(|_| Name::default());
        self.use_tree(&item.tree, &root.into_iter().collect(), visibility(&item.vis));
    }

    pub(super) fn extern_crate(&mut self, item: &ItemExternCrate) {
        let binds = item.rename.as_ref().map_or(&item.ident, |(_, rename)| rename);
        let (binds, span) = (name(binds), self.at(item.ident.span()));
        self.add_import(span, vec![name(&item.ident)], Some(binds), visibility(&item.vis));
    }

    fn use_tree(&mut self, tree: &UseTree, prefix: &Path, visibility: Visibility) {
        match tree {
            UseTree::Path(tree) => {
                let mut prefix = prefix.clone();
                prefix.push(name(&tree.ident));
                self.deeper(|this| this.use_tree(&tree.tree, &prefix, visibility));
            }
            UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.use_tree(tree, prefix, visibility));
            }
            UseTree::Glob(glob) => {
                let span = self.at(glob.star_token.span);
                self.add_import(span, prefix.clone(), None, visibility);
            }
            UseTree::Name(leaf) => {
                let span = self.at(leaf.ident.span());
                let path = joined(prefix, name(&leaf.ident));
                let binds = path.last().cloned();
                self.add_import(span, path, binds, visibility);
            }
            UseTree::Rename(leaf) => {
                let span = self.between(leaf.ident.span(), leaf.rename.span());
                self.add_import(span, joined(prefix, name(&leaf.ident)), Some(name(&leaf.rename)), visibility);
            }
        }
    }

    fn add_import(&mut self, span: Span, path: Path, binds: Option<Name>, visibility: Visibility) {
        let (within, module) = (self.within(), self.module.clone());
        self.outline.imports.push(Import { span, path, level: 0, item: None, binds, within, module, visibility });
    }
}

/// `a::{self}` is `a`.
fn joined(prefix: &Path, leaf: Name) -> Path {
    let mut path = prefix.clone();
    if leaf != "self" || path.is_empty() {
        path.push(leaf);
    }
    path
}
