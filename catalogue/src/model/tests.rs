//! The JSON schema of models follows from their types.

use std::path::Path;

use super::Library;

#[test]
fn the_json_schema_is_current() {
    let schema = serde_json::to_string_pretty(&schemars::schema_for!(Library)).unwrap() + "\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models.schema.json");
    if std::fs::read_to_string(&path).is_ok_and(|now| now == schema) {
        return;
    }
    if std::env::var_os("CI").is_none_or(|value| value.is_empty() || value == "false") {
        std::fs::write(&path, schema).unwrap();
    }
    panic!("models.schema.json was not current; the tests write it where CI is not set");
}
