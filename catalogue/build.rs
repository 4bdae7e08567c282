//! Writes the data files of each language as one JSON text, which is read at every start: reading TOML takes longer.
//!
//! It knows the forms only. What the words mean, and which there are, is said by the library alone.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    for language in ["python", "rust"] {
        println!("cargo::rerun-if-changed={language}");
        let written = Path::new(&env::var("OUT_DIR")?).join(language).with_extension("json");
        fs::write(written, serde_json::to_vec(&files(language)?)?)?;
    }
    Ok(())
}

/// The files of a folder with their names, in the order of those.
fn files(folder: &str) -> Result<Vec<(String, toml::Table)>, Box<dyn Error>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.display().to_string();
        let table = fs::read_to_string(&path)?.parse().map_err(|error| format!("{name}: {error}"))?;
        files.push((name, table));
    }
    files.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(files)
}
