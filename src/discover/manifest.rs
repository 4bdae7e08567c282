//! Under which name other crates use the library whose root a file is.

use std::fs;
use std::path::Path;
use std::sync::Arc;

/// The name of the library that a file is the root of, as the manifest of its package says it; nothing for any other file,
/// and where there is no manifest or none that can be read.
pub(crate) fn library_of(file: &Path) -> Option<Arc<str>> {
    if file.file_name()? != "lib.rs" {
        return None;
    }
    let folder = file.parent()?;
    let package = if folder.file_name().is_some_and(|name| name == "src") { folder.parent()? } else { folder };
    let manifest: toml::Table = fs::read_to_string(package.join("Cargo.toml")).ok()?.parse().ok()?;
    let name_in = |table: &str| manifest.get(table)?.get("name")?.as_str();
    let name = name_in("lib").or_else(|| name_in("package"))?;
    Some(name.replace('-', "_").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_called_what_its_manifest_says() {
        let tree = tempfile::tempdir().unwrap();
        let package = tree.path().join("any-folder-1.2.3");
        fs::create_dir_all(package.join("src")).unwrap();
        let root = package.join("src/lib.rs");
        assert_eq!(library_of(&root), None, "there is no manifest");
        let name = |manifest: &str| {
            fs::write(package.join("Cargo.toml"), manifest).unwrap();
            library_of(&root)
        };
        assert_eq!(name("[package]\nname = \"far-call\"\n").as_deref(), Some("far_call"));
        assert_eq!(name("[package]\nname = \"far-call\"\n[lib]\nname = \"fc\"\n").as_deref(), Some("fc"));
        assert_eq!(name("not a manifest"), None);
        assert_eq!(library_of(&package.join("src/main.rs")), None, "nobody imports a program");
    }
}
