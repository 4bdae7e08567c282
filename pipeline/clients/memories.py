"""A language model over https that says what is worth remembering, stalls, breaks off, refuses and talks nonsense: what is worth
it is remembered once, and nonsense is not. The turns are made by the package `openai`.

usage: memories.py PROGRAM FOLDER
"""

import asyncio
import collections
import http.server
import json
import pathlib
import sqlite3
import ssl
import sys
import threading
import urllib.request

import trustme
from conversation import answered
from openai import AsyncOpenAI
from processes import PATIENCE, Process, until
from prometheus_client.parser import text_string_to_metric_families

PROGRAM, FOLDER = sys.argv[1], pathlib.Path(sys.argv[2]) / "memories"
KEY = "a-key-of-the-model"


class Model(http.server.BaseHTTPRequestHandler):
    """Answers turns, and says of each what is worth remembering, in the way that its first word names: the first time."""

    asked = collections.Counter()
    told = collections.Counter()
    over = threading.Event()
    wrong = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/hook":
            self.told[self.headers["idempotency-key"]] += 1
            self.send_response(204)
            self.end_headers()
            return
        if self.headers["authorization"] != f"Bearer {KEY}" or self.path != "/v1/chat/completions":
            self.wrong.append(f"{self.path}: {self.headers}")
        system, *rest = json.loads(body)["messages"]
        if "worth remembering" not in system["content"]:
            self.say(["You ", "are ", "welcome."])
            return
        said = json.loads(rest[0]["content"])
        if said["assistant"] != "You are welcome.":
            self.wrong.append(said)
        manner = said["user"].split()[0]
        self.asked[manner] += 1
        first = self.asked[manner] == 1
        if manner == "stall" and first:
            self.say(["["], done=False)
            self.over.wait(PATIENCE)
        elif manner == "break" and first:
            self.say(['["half a'], done=False)
        elif manner == "refuse" and first:
            self.send_response(500)
            self.end_headers()
        elif manner == "nonsense":
            self.say(["They ", "like ", "tea."])
        elif manner == "endless":
            self.say(['["tea", ' * 100] * 100)
        else:
            self.say(['["They like ', f'{manner}."]'])

    def say(self, tokens: list[str], done: bool = True):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        try:
            for token in tokens:
                chunk = {"choices": [{"delta": {"content": token}}]}
                self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
            if done:
                self.wfile.write(b"data: [DONE]\n\n")
            self.wfile.flush()
        except OSError:
            # Nobody listens to endless talk.
            pass

    def log_message(self, *_):
        pass


class Endpoint(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A client that does not trust it, or has heard enough, leaves."""


async def turns(pipeline: Process, manners: list[str]):
    client = AsyncOpenAI(api_key="any", websocket_base_url=f"ws://{pipeline.http}/v1")
    async with client.realtime.connect(model="any") as connection:
        session = {"type": "realtime", "output_modalities": ["text"], "instructions": "Be kind."}
        await connection.session.update(session=session)
        for manner in manners:
            response = await answered(connection, f"{manner} is what I like")
            assert response.status == "completed", response


def jobs(pipeline: Process) -> dict[tuple[str, str], float]:
    with urllib.request.urlopen(f"http://{pipeline.http}/metrics", timeout=5) as page:
        families = {family.name: family for family in text_string_to_metric_families(page.read().decode())}
    told = {(s.labels["label"], s.labels["outcome"]): s.value for s in families["jobs"].samples}
    told["nonsense", ""] = families["memory_nonsense"].samples[0].value
    return told


def main(port: int, authority: str):
    manners = ["tea", "stall", "break", "refuse", "nonsense", "endless"]
    environment = {
        "UNLEAK_PIPELINE_LISTEN_HTTP": "127.0.0.1:0",
        "UNLEAK_PIPELINE_LISTEN_WYOMING": "127.0.0.1:0",
        "UNLEAK_PIPELINE_ENGINES_LANGUAGE_MODEL_URL": f"https://localhost:{port}/v1",
        "UNLEAK_PIPELINE_ENGINES_LANGUAGE_MODEL_KEY": KEY,
        "UNLEAK_PIPELINE_AFTERMATH_WEBHOOK": f"https://localhost:{port}/hook",
        "UNLEAK_PIPELINE_TIMES_LANGUAGE_MODEL": "1",
        "UNLEAK_PIPELINE_TIMES_RETRY": "0.2",
        "SSL_CERT_FILE": authority,
    }
    pipeline = Process(PROGRAM, FOLDER, "all", "model", environment)
    try:
        asyncio.run(asyncio.wait_for(turns(pipeline, manners), PATIENCE))
        for label in ("memory", "webhook"):
            until(lambda: jobs(pipeline).get((label, "done")) == len(manners), f"the jobs of {label} are done")
        told = jobs(pipeline)
        assert told["memory", "put_off"] == 3 and told["nonsense", ""] == 2, told
        assert ("memory", "given_up") not in told, told
        assert Model.asked == {**dict.fromkeys(manners, 1), "stall": 2, "break": 2, "refuse": 2}, Model.asked
        assert len(Model.told) == len(manners) and not Model.wrong, (Model.told, Model.wrong)
        with sqlite3.connect(FOLDER / "model" / "store.sqlite") as store:
            kept = sorted(text for (text,) in store.execute("SELECT text FROM memories"))
        assert kept == [f"They like {manner}." for manner in ("break", "refuse", "stall", "tea")], kept
        pipeline.end()
        log = pipeline.log.read_text()
        assert KEY not in log and "too long to say what is worth remembering" in log and "makes no sense" in log, log
    except BaseException:
        print(f"== {pipeline.name}\n{pipeline.log.read_text()[-3_000:]}", file=sys.stderr)
        raise
    finally:
        Model.over.set()
        pipeline.process.kill()
    # A server that nobody vouches for is told nothing.
    Model.asked.clear()
    stranger = {**environment, "SSL_CERT_FILE": str(FOLDER / "stranger.pem")}
    pipeline = Process(PROGRAM, FOLDER, "all", "stranger", stranger)
    try:
        try:
            asyncio.run(asyncio.wait_for(turns(pipeline, ["tea"]), PATIENCE))
            raise SystemExit("a turn is answered by a stranger")
        except AssertionError as error:
            assert "failed" in str(error), error
        pipeline.end()
        assert not Model.asked, Model.asked
    finally:
        pipeline.process.kill()
    print("memories: what is worth it is remembered once, and nonsense is not; over https", flush=True)


FOLDER.mkdir()
authority = trustme.CA()
authority.cert_pem.write_to_path(FOLDER / "authority.pem")
trustme.CA().cert_pem.write_to_path(FOLDER / "stranger.pem")
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
authority.issue_cert("localhost").configure_cert(context)
with Endpoint(("127.0.0.1", 0), Model) as server:
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        main(server.server_port, str(FOLDER / "authority.pem"))
    finally:
        server.shutdown()
        serving.join()
