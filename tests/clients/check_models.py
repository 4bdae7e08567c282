"""The catalogue, and the models that the guide shows, by jsonschema against models.schema.json."""

import json
import re
import tomllib

from jsonschema import Draft202012Validator

from common import ROOT

schema = json.loads((ROOT / "models.schema.json").read_text())
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema)
files = sorted((ROOT / "catalogue").glob("*/*.toml"))
texts = {str(file.relative_to(ROOT)): file.read_text() for file in files}
assert len(texts) == len(files) > 80
[texts["courier.toml"]] = re.findall(r"^```toml\n# models/courier.toml\n(.*?)^```", (ROOT / "docs/own-models.md").read_text(), re.DOTALL | re.MULTILINE)
for name, text in texts.items():
    for error in validator.iter_errors(tomllib.loads(text)):
        raise SystemExit(f"{name}: {error.message} at {error.json_path}")
assert not validator.is_valid({**tomllib.loads(texts["courier.toml"]), "cal": []})
print(f"{len(texts)} files of models read by jsonschema")
