"""Settings: the JSON schema, by jsonschema, says the same as the binary."""

import json
import re
import subprocess
import tomllib

import jsonschema

from common import BINARY, FOLDER, ROOT

schema = json.loads((ROOT / "unleak.schema.json").read_text())
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
folder = FOLDER / "projects" / "settings"
folder.mkdir(parents=True, exist_ok=True)
(folder / "a.py").write_text("")


def accepted(text):
    """Whether the binary takes these settings."""
    (folder / "unleak.toml").write_text(text)
    ran = subprocess.run([BINARY, "check"], cwd=folder, capture_output=True, text=True, check=False)
    assert ran.returncode in (0, 2), ran.stderr
    return ran.returncode == 0


example = re.search(r"```toml\n(.*?)```", (ROOT / "docs" / "settings.md").read_text(), re.DOTALL).group(1)
documented = tomllib.loads(example)
assert set(documented) == set(schema["properties"]), "the guide has every key"
assert validator.is_valid(documented)
reading = {key: value for key, value in documented.items() if key not in ("extend", "models")}
cases = [
    "",
    "strict = true",
    "strict = 1",
    "exlude = []",
    "exclude = 'x'",
    "levels.raw-gather = 'off'",
    "levels.raw-gather = 'of'",
    "min-confidence = 'certain'",
    "min-confidence = 'sure'",
    "min-level = 'note'",
    "min-level = 'off'",
    "[per-file-ignores]\n'tests/' = ['raw-gather']",
    "[per-file-ignores]\n'tests/' = 'raw-gather'",
    "[prefer]\n'a.b' = 1",
    "owners = ['a.b']",
]
for text in cases:
    assert validator.is_valid(tomllib.loads(text)) == accepted(text), text
example = "\n".join(line for line in example.splitlines() if not line.startswith(("extend", "models")))
assert accepted(example) and set(tomllib.loads(example)) == set(reading)
print(f"{len(cases)} settings files judged alike by jsonschema and the binary")
