"""JUnit's XML, read by junitparser."""

from junitparser import JUnitXml

from common import check, project, unleak

folder = project("junit")
unleak(folder, "check", "--output-file=junit=out.xml", "--min-level=note")
read = JUnitXml.fromfile(str(folder / "out.xml"))
report = check(folder)
failing = [finding for finding in report["findings"] if finding["level"] != "note"]
cases = [case for suite in read for case in suite]
failed = [case for case in cases if any(type(result).__name__ == "Failure" for result in case.result)]
assert len(cases) == len(report["findings"]) + len(report["problems"]) > 20
assert len(failed) == read.failures == len(failing) + len(report["problems"])
assert {suite.name for suite in read} >= {"ünusual name.py", "broken.py"}
assert sum(suite.tests for suite in read) == read.tests == len(cases)
print(f"{len(cases)} cases read by junitparser")
