"""What operators ask for: health, metrics through the parser of `prometheus_client`, diagnostics, memory.

usage: operators.py http://127.0.0.1:8300
"""

import json
import sys
import time
import urllib.request

from prometheus_client.parser import text_string_to_metric_families


def get(path: str) -> str:
    with urllib.request.urlopen(sys.argv[1] + path, timeout=10) as answer:
        assert answer.status == 200, (path, answer.status)
        return answer.read().decode()


def metrics():
    families = {family.name: family for family in text_string_to_metric_families(get("/metrics"))}
    values = {(sample.name, *sorted(sample.labels.items())): sample.value for f in families.values() for sample in f.samples}
    return families, values


assert get("/healthz") == "alive\n" and get("/readyz") == "ready\n"
assert "<!doctype html>" in get("/")

# The clients before this one have left; the service notices soon.
for _ in range(100):
    families, values = metrics()
    if values[("sessions",)] == 0:
        break
    time.sleep(0.1)
kinds = {name: family.type for name, family in families.items()}
for name, kind in {
    "connections": "gauge",
    "sessions": "gauge",
    "turns": "gauge",
    "supervisor_exits": "counter",
    "drain_timeouts": "counter",
    "drain_seconds": "histogram",
    "gather_failures": "counter",
    "gather_seconds": "histogram",
    "turn_first_audio_seconds": "histogram",
}.items():
    assert kinds.get(name) == kind, (name, kinds)
assert values[("sessions",)] == 0 and values[("turns",)] == 0, values
assert values[("connections",)] == 1, "this one"
assert values[("supervisor_exits_total", ("label", "session"), ("reason", "disconnect"))] >= 1, values
assert values[("turn_first_audio_seconds_count", ("label", "turn"))] >= 3, values

tasks = {task["name"] for task in json.loads(get("/diagnostics"))["tasks"]}
assert tasks == {
    "http listener",
    "wyoming listener",
    "keeper",
    "archiver",
    "memory",
    "speaker",
    "aftermath writer",
    "http connection",
}, tasks
assert "VmRSS" in get("/memory")
print("operators: ok")
