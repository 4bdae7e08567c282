//! JUnit's XML: a suite a file, a failed case a finding.

use std::collections::BTreeMap;

use unleak_lints::Level;

use super::{level, one_line};
use crate::place::Place;
use crate::report::Report;

/// One case of a suite.
struct Case {
    place: Place,
    name: String,
    /// `None` for what does not make the run fail.
    failure: Option<&'static str>,
    says: String,
}

/// All findings and problems; when there are none, one case that passes.
pub(crate) fn print(report: &Report) -> String {
    let findings = report.findings.iter().map(|finding| Case {
        place: finding.place,
        name: finding.lint.to_owned(),
        failure: (finding.level >= Level::Warning).then(|| level(finding.level)),
        says: one_line(&finding.message),
    });
    let problems = report.problems.iter().map(|problem| Case {
        place: problem.place,
        name: "problem".to_owned(),
        failure: Some("problem"),
        says: one_line(&problem.message),
    });
    let mut suites: BTreeMap<&str, Vec<Case>> = BTreeMap::new();
    for case in findings.chain(problems) {
        suites.entry(&report.files.get(case.place.file).shown).or_default().push(case);
    }
    let all = || suites.values().flatten();
    let (tests, failures) = (all().count().max(1), all().filter(|case| case.failure.is_some()).count());
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuites name=\"unleak\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\">\n"
    );
    if suites.is_empty() {
        xml += "  <testsuite name=\"unleak\" tests=\"1\" failures=\"0\" errors=\"0\">\n";
        xml += "    <testcase name=\"nothing leaks\" classname=\"unleak\"/>\n  </testsuite>\n";
    }
    for (path, cases) in &suites {
        xml += &suite(report, path, cases);
    }
    xml + "</testsuites>\n"
}

fn suite(report: &Report, path: &str, cases: &[Case]) -> String {
    let (name, failures) = (escaped(path), cases.iter().filter(|case| case.failure.is_some()).count());
    let tests = cases.len();
    let head = format!("  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\">\n");
    let cases = cases.iter().map(|case| {
        let start = report.files.start(case.place);
        let point = format!("{}:{}:{}", path, start.line, start.column);
        let (says, point) = (escaped(&case.says), escaped(&point));
        let inside = match case.failure {
            Some(kind) => format!("<failure type=\"{kind}\" message=\"{says}\">{point}: {says}</failure>"),
            None => format!("<system-out>{point}: {says}</system-out>"),
        };
        let (lint, line) = (escaped(&case.name), start.line);
        format!(
            "    <testcase name=\"{lint} at {line}:{}\" classname=\"{name}\" line=\"{line}\">{inside}</testcase>\n",
            start.column
        )
    });
    head + &cases.collect::<String>() + "  </testsuite>\n"
}

/// Text as XML has it; control characters have no place there.
fn escaped(text: &str) -> String {
    let mut xml = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => xml += "&amp;",
            '<' => xml += "&lt;",
            '>' => xml += "&gt;",
            '"' => xml += "&quot;",
            '\u{fffe}' | '\u{ffff}' => xml.push('\u{fffd}'),
            c if c.is_control() => xml.push('\u{fffd}'),
            c => xml.push(c),
        }
    }
    xml
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        assert_eq!(escaped("a<b> & \"c\"\u{1b}é"), "a&lt;b&gt; &amp; &quot;c&quot;\u{fffd}é");
        assert!(print(&Report::default()).contains("tests=\"1\" failures=\"0\""));
    }
}
