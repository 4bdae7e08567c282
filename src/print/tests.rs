use insta::assert_snapshot;

use unleak_analysis::source::Language;
use unleak_analysis::unit::Span;

use super::*;
use crate::place::{File, FileId, Place, Scope};
use crate::report::{Report, Silencer, examples};

fn server(report: &Report) -> FileId {
    let found = report.files.iter().find(|(_, file)| file.shown == "server.py");
    found.expect("the example has a server").0
}

fn full(colours: Colours) -> String {
    String::from_utf8(full::print(&examples::report(), colours)).unwrap()
}

#[test]
fn full_shows_the_ownership_story() {
    assert_snapshot!(full(Colours::Off));
}

#[test]
fn colours_change_nothing_but_colours() {
    let coloured = full(Colours::On(Links::Off));
    assert!(coloured.contains('\u{1b}'));
    let mut parts = coloured.split('\u{1b}');
    let first = parts.next().unwrap_or_default();
    let rest = parts.map(|part| part.split_once('m').map_or("", |(_, text)| text));
    let plain: String = std::iter::once(first).chain(rest).collect();
    assert_eq!(plain, full(Colours::Off));
}

#[test]
fn concise_is_one_line_a_finding() {
    assert_snapshot!(concise::print(&examples::report(), Colours::Off));
}

#[test]
fn json_has_the_versioned_shape() {
    assert_snapshot!(json::check(&examples::report()));
}

#[test]
fn sarif_tells_the_story_and_what_is_silenced() {
    let mut report = examples::report();
    let finding = report.findings.remove(0);
    let by = Silencer::Comment(report.findings[0].place);
    report.silenced.push(crate::report::Silenced { finding, by, reason: "it ends by itself".into() });
    let mut sarif: serde_json::Value = serde_json::from_str(&sarif::print(&report)).unwrap();
    let rules = sarif["runs"][0]["tool"]["driver"]["rules"].as_array_mut().unwrap();
    let named: Vec<_> = rules.iter().map(|rule| rule["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(named, crate::selection::every_name().collect::<Vec<_>>());
    rules.retain(|rule| rule["id"] == "unused-suppression");
    sarif["runs"][0]["tool"]["driver"]["version"] = "VERSION".into();
    sarif["runs"][0]["tool"]["driver"]["semanticVersion"] = "VERSION".into();
    assert_snapshot!(serde_json::to_string_pretty(&sarif).unwrap());
}

#[test]
fn the_census_is_a_table() {
    assert_snapshot!(census::print(&examples::report()));
}

#[test]
fn the_census_in_json() {
    assert_snapshot!(json::census(&examples::report()));
}

#[test]
fn why_tells_a_finding() {
    let report = examples::report();
    assert_snapshot!(why::print(&report, server(&report), 5));
}

#[test]
fn why_tells_a_silence() {
    let mut report = examples::report();
    report.findings.clear();
    let server = server(&report);
    assert!(why::print(&report, server, 5).contains("silent: no lint asks about this"));
    assert_snapshot!(why::print(&report, server, 6));
    assert_snapshot!(why::print(&report, server, 1));
}

#[test]
fn why_tells_a_suppression() {
    let mut report = examples::report();
    let finding = report.findings.remove(0);
    let by = Silencer::Comment(finding.place);
    let reason = "it ends by itself".to_owned();
    report.silenced.push(crate::report::Silenced { finding, by, reason });
    let told = why::print(&report, server(&report), 5);
    assert!(told.contains("silent: the comment at server.py:5:9 suppresses fire-and-forget: it ends by itself"));
}

#[test]
fn findings_with_one_root_are_one_cause() {
    let mut report = examples::report();
    let again = crate::report::Finding { place: report.findings[1].place, ..report.findings[0].clone() };
    report.findings.push(again);
    report.problems.clear();
    assert_eq!(summary::print(&report), "Found 2 errors, 1 warning in 2 files (2 distinct causes).\n");
    report.findings.clear();
    assert_eq!(summary::print(&report), "Found nothing that leaks in 2 files.\n");
}

#[test]
fn a_line_that_nobody_wrote_is_named_and_not_shown() {
    let mut report = examples::report();
    let text = format!("{}\n", "f(1);".repeat(10_000));
    let file = File::new("bundle.py".into(), text.as_str().into(), Some(Language::Python), Scope::Named);
    let place = Place { file: report.files.add(file), span: Span::new(40_000, 40_004) };
    report.findings.truncate(1);
    report.findings[0].place = place;
    report.problems.clear();
    let full = full::print(&report, Colours::Off);
    let full = String::from_utf8(full).unwrap();
    assert!(full.contains("at bundle.py:1:40001"), "{full}");
    assert!(full.lines().all(|line| line.len() < 400), "a line is drawn in full");
    assert!(full.contains(&report.findings[0].message));
}

#[test]
fn spans_beyond_the_text_do_no_harm() {
    let mut report = examples::report();
    for finding in &mut report.findings {
        finding.place.span = unleak_analysis::unit::Span::new(9_999, 99_999);
    }
    assert!(!full::print(&report, Colours::Off).is_empty());
    assert!(!concise::print(&report, Colours::Off).is_empty());
    assert!(!json::check(&report).is_empty());
    let server = server(&report);
    for line in 0..20 {
        why::print(&report, server, line);
    }
}
