//! The list of embedded data files is that of the folders. When it is not, this test writes it anew and fails once
//! (where `CI` is set it only fails).

use std::fs;
use std::path::Path;

#[test]
fn every_data_file_is_embedded() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut names = Vec::new();
    for folder in ["python", "rust"] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(name.ends_with(".toml"), "{folder}/{name} is no data file");
            names.push(format!("{folder}/{name}"));
        }
    }
    names.sort();
    let mut wanted = "//! The data files. Written by `tests/file_list.rs`.\n\n".to_owned();
    wanted += "pub(crate) const FILES: &[(&str, &str)] = &[\n";
    for name in names {
        wanted += &format!("    (\"{name}\", include_str!(\"../{name}\")),\n");
    }
    wanted += "];\n";

    let list = root.join("src/files.rs");
    if fs::read_to_string(&list).unwrap_or_default() != wanted {
        if std::env::var_os("CI").is_none() {
            fs::write(&list, wanted).unwrap();
        }
        panic!("`src/files.rs` was not the list of the data files; it is now, run the tests again");
    }
}
