"""SARIF: its schema, by jsonschema; its readers sarif-tools and Microsoft's multitool."""

import copy
import json
import os
import subprocess

import jsonschema
from sarif import loader

from common import FOLDER, check, project, unleak

MULTITOOL = FOLDER / "npm/node_modules/@microsoft/sarif-multitool-linux"
folder = project("sarif")
written = folder / "out.sarif"
written.write_text(unleak(folder, "check", "--format=sarif"), encoding="utf-8")
sarif = json.loads(written.read_text(encoding="utf-8"))

schema = json.loads((MULTITOOL / "sarif-2.1.0.json").read_text(encoding="utf-8-sig"))
validator = jsonschema.validators.validator_for(schema)(schema)
assert [error.message for error in validator.iter_errors(sarif)] == []
broken = copy.deepcopy(sarif)
broken["runs"][0]["results"][0]["level"] = "fatal"
assert not validator.is_valid(broken), "the schema is looked at"


def multitool(path):
    """What Microsoft's own validator finds wrong, friendly notes aside."""
    environment = {**os.environ, "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"}
    found = path.with_suffix(".found")
    options = ["--level", "Error;Warning;Note", "--log", "ForceOverwrite", "--output", found]
    command = [MULTITOOL / "Sarif.Multitool", "validate", path, *options]
    subprocess.run(command, env=environment, capture_output=True, check=True)
    results = json.loads(found.read_text(encoding="utf-8-sig"))["runs"][0]["results"]
    return [result for result in results if result.get("level", "warning") != "note"]


assert multitool(written) == []
broken = copy.deepcopy(sarif)
region = broken["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]
region["startLine"] = region["endLine"] + 1
(folder / "broken.sarif").write_text(json.dumps(broken), encoding="utf-8")
assert multitool(folder / "broken.sarif") != [], "the validator is asked"

report = check(folder)
shown = [result for result in sarif["runs"][0]["results"] if "suppressions" not in result]
assert len(shown) == len(report["findings"]) > 20
read = loader.load_sarif_file(str(written))
counted = read.get_report().get_issue_type_histogram_for_severity
levels = {level: sum(counted(level).values()) for level in ("error", "warning", "note")}
suppressed = len(sarif["runs"][0]["results"]) - len(shown)
assert suppressed == report["statistics"]["detached"] + report["statistics"]["ignored"] > 0
assert sum(levels.values()) in (len(shown), len(shown) + suppressed), levels

# A column counts characters, not bytes and not UTF-16 units, and a path is a URI.
odd = [result for result in shown if "%C3%BC" in result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]]
assert [result["locations"][0]["physicalLocation"]["region"]["startColumn"] for result in odd] == [10], odd
assert sarif["runs"][0]["columnKind"] == "unicodeCodePoints"
print(f"{len(shown)} findings and {suppressed} suppressed read by jsonschema, sarif-tools and the multitool")
