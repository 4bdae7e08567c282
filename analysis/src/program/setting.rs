//! Which code is of the product, and which of its tests, examples and benchmarks.

use super::{BodyRef, Program};

impl Program<'_> {
    /// Whether a body is test code: by its place, its marks or those of what is around it.
    pub fn is_test(&self, body: BodyRef) -> bool {
        let file = self.file(body.file);
        *file.is_test.get_or_init(|| is_of_tests(&file.path)) || self.is_marked_as_test(body)
    }

    fn is_marked_as_test(&self, body: BodyRef) -> bool {
        let mut at = Some(body);
        while let Some(here) = at {
            let owned = self.body(here);
            let marked = owned.marks.iter().any(|mark| {
                let last = mark.path.last().map_or("", |last| last.as_str());
                matches!(last, "test" | "fixture")
                    || (last == "cfg" && mark.arguments.contains("test") && !mark.arguments.contains("not(test"))
            });
            if marked || is_demonstration(&owned.name) {
                return true;
            }
            at = owned.parent.map(|parent| BodyRef { file: here.file, body: parent });
        }
        false
    }
}

fn is_of_tests(path: &str) -> bool {
    path.split('/').any(|part| {
        let stem = part.trim_end_matches(".py").trim_end_matches(".rs");
        matches!(stem, "tests" | "test" | "testing" | "conftest" | "benches" | "benchmark" | "benchmarks")
            || is_demonstration(stem)
            || part.starts_with("test_")
            || part.ends_with("_test.py")
            || part.ends_with("_test.rs")
            || part.ends_with("_tests.rs")
    })
}

/// Whether a folder, file or function says by its name that it only shows how something is used.
fn is_demonstration(name: &str) -> bool {
    let mut words = name.as_bytes().split(|sign| matches!(sign, b'_' | b'-'));
    words.any(|word| matches!(word, b"demo" | b"demos" | b"example" | b"examples"))
}
