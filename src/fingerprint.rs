//! What makes a finding the same one in another version of the code: neither its line nor its file.

use std::collections::HashMap;
use std::fmt;

use crate::place::Files;
use crate::report::Finding;

/// The same for the same finding, wherever its code has moved to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Fingerprint {
    /// What it is about: the lint, the function it stands in, what makes the resource and what holds it.
    pub(crate) identity: u128,
    /// Which one it is of those that are alike, from 1, in the order of path and place.
    pub(crate) nth: usize,
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}:{}", self.identity, self.nth)
    }
}

/// Gives each finding its fingerprint. They stand in the order of path and place, and nothing is left out yet.
pub(crate) fn mark(findings: &mut [Finding], files: &Files) {
    let mut alike: HashMap<u128, usize> = HashMap::new();
    for finding in findings {
        let identity = identity(finding, files);
        let nth = alike.entry(identity).or_default();
        *nth += 1;
        finding.fingerprint = Fingerprint { identity, nth: *nth };
    }
}

fn identity(finding: &Finding, files: &Files) -> u128 {
    let about = match &finding.born {
        Some(born) => [born.within.as_str(), born.maker.as_str()],
        None => ["", files.get(finding.place.file).text_of(finding.place.span)],
    };
    hash([finding.lint, finding.subject.as_str()].iter().chain(&about).copied())
}

/// FNV-1a in 128 bits, which needs no package and is the same in every version. Parts are kept apart.
pub(crate) fn hash<'a>(parts: impl Iterator<Item = &'a str>) -> u128 {
    const START: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let bytes = parts.flat_map(|part| part.bytes().chain([0xff]));
    bytes.fold(START, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use unleak_lints::Level;

    use super::*;
    use crate::report::{BornIn, examples};

    fn marked(text: &str, shown: &str) -> Vec<String> {
        let mut files = Files::default();
        let file = examples::file(&mut files, shown, text);
        let born = BornIn { within: "Server.start".into(), maker: "spawn".into() };
        let mut found: Vec<Finding> = text
            .match_indices("spawn()")
            .map(|(at, word)| {
                let span = unleak_analysis::unit::Span::new(at as u32, (at + word.len()) as u32);
                let place = crate::place::Place { file, span };
                Finding { born: Some(born.clone()), ..examples::finding("fire-and-forget", Level::Error, place) }
            })
            .collect();
        mark(&mut found, &files);
        found.iter().map(|finding| finding.fingerprint.to_string()).collect()
    }

    #[test]
    fn neither_lines_nor_names_of_files_matter() {
        assert_eq!(marked("spawn()\n", "a.py"), marked("\n\n    spawn()\n", "b/c.py"));
    }

    #[test]
    fn those_that_are_alike_are_counted() {
        let two = marked("spawn()\nspawn()\n", "a.py");
        assert!(two[0].ends_with(":1") && two[1].ends_with(":2"));
        assert_eq!(two[0].split_once(':').unwrap().0, two[1].split_once(':').unwrap().0);
    }

    #[test]
    fn the_hash_is_the_published_one_and_keeps_parts_apart() {
        assert_eq!(hash(std::iter::empty()), 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
        assert_ne!(hash(["ab", "c"].into_iter()), hash(["a", "bc"].into_iter()));
    }
}
