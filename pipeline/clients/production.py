"""Two gateways and two workers, as separate processes over PostgreSQL and NATS JetStream. A worker is killed while it works,
the database stalls, the server of the jobs goes away and comes back: nothing is lost, and nothing takes effect twice.

The turns are made by the package `openai`; what became of them is read by `psycopg` and `nats-py`.

usage: production.py PROGRAM POSTGRES_ADDRESS NATS_SERVER FOLDER
"""

import asyncio
import base64
import collections
import contextlib
import http.server
import io
import pathlib
import sys
import threading
import time
import urllib.error
import urllib.request
import wave

import nats
import psycopg
import tones
from conversation import answered
from openai import AsyncOpenAI
from processes import PATIENCE, Process, Server, free_port, until
from websockets.exceptions import ConnectionClosed

PROGRAM, POSTGRES, NATS_SERVER, FOLDER = sys.argv[1], sys.argv[2], sys.argv[3], pathlib.Path(sys.argv[4])


class Integration(http.server.BaseHTTPRequestHandler):
    """Takes what it is told while its door is open, and lets the others wait."""

    told = collections.Counter()
    open = threading.Event()
    waiting = 0
    lock = threading.Lock()
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.wait(+1)
        self.open.wait(PATIENCE)
        time.sleep(0.02)
        self.wait(-1)
        with contextlib.suppress(ConnectionError):
            self.send_response(204)
            self.send_header("content-length", "0")
            self.end_headers()

    def wait(self, more: int):
        with self.lock:
            Integration.waiting += more
            self.told[self.headers["idempotency-key"]] += more < 0

    def log_message(self, *_):
        pass


async def turns(gateway: Process, names: list[str], done=lambda name: None):
    """Asks a gateway to remember each of these names, in a conversation. What is answered is `done`."""
    client = AsyncOpenAI(api_key="any", websocket_base_url=f"ws://{gateway.http}/v1")
    async with client.realtime.connect(model="any") as connection:
        await connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        for name in names:
            await answered(connection, f"Remember {name}.")
            done(name)


def remembered() -> list[str]:
    with psycopg.connect(POSTGRES) as connection:
        return sorted(text for (text,) in connection.execute("SELECT text FROM memories"))


async def waiting(jobs: Server) -> int:
    connection = await nats.connect(f"nats://127.0.0.1:{jobs.port}")
    state = (await connection.jetstream().stream_info("unleak-pipeline-jobs")).state
    await connection.close()
    return state.messages


async def round_of(gateways: list[Process], number: int, meanwhile) -> list[str]:
    """Turns at all gateways at once, while something happens. Returns what must be remembered."""
    names = {gateway.name: [f"{gateway.name} {number} {turn}" for turn in range(25)] for gateway in gateways}
    talking = [turns(gateway, names[gateway.name]) for gateway in gateways]
    await asyncio.wait_for(asyncio.gather(*talking, asyncio.to_thread(meanwhile)), PATIENCE)
    return [f"Remember {name}." for of_one in names.values() for name in of_one]


async def settled(jobs: Server, expected: list[str], what: str):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and (await waiting(jobs) or len(Integration.told) < len(expected)):
        await asyncio.sleep(0.1)
    assert await waiting(jobs) == 0, f"{what}: {await waiting(jobs)} jobs are left"
    assert remembered() == sorted(expected), f"{what}: {set(expected) ^ set(remembered())}"
    assert len(Integration.told) == len(expected), f"{what}: {len(Integration.told)} of {len(expected)} turns were told"
    again = sum(Integration.told.values()) - len(expected)
    print(f"{what}: {len(expected)} turns remembered and told, {again} told again under the same key", flush=True)
    return again


async def a_voice_is_kept(gateway: Process):
    """Speaks twice in a conversation. Whoever speaks leaves one sample of the voice, which a worker keeps."""
    client = AsyncOpenAI(api_key="any", websocket_base_url=f"ws://{gateway.http}/v1")
    async with client.realtime.connect(model="any") as connection:
        for text in ("Good morning.", "Good night."):
            await connection.input_audio_buffer.append(audio=base64.b64encode(tones.encode(text, 24_000)).decode())
            await connection.input_audio_buffer.commit()
            async for event in connection:
                assert event.type != "error", event
                if event.type == "input_audio_buffer.committed":
                    break
    with psycopg.connect(POSTGRES, autocommit=True) as connection:
        voices = lambda: connection.execute("SELECT wave FROM voices").fetchall()
        await asyncio.to_thread(until, voices, "a voice is kept")
        ((kept,),) = voices()
    with wave.open(io.BytesIO(kept)) as sample:
        assert (sample.getframerate(), sample.getnchannels()) == (16_000, 1) and 0 < sample.getnframes() <= 32_000, sample.getparams()
    print("a voice: one sample of it is kept", flush=True)


async def killed_while_it_serves(gateway: Process, jobs: Server, before: int) -> list[str]:
    """Kills a gateway in a conversation. What it answered is remembered; the last answer may be on its way still."""
    answered = []

    def done(name: str):
        answered.append(f"Remember {name}.")
        if len(answered) == 10:
            gateway.kill()

    with contextlib.suppress(ConnectionClosed):
        await turns(gateway, [f"{gateway.name} killed {turn}" for turn in range(25)], done)
        raise AssertionError("a gateway that was killed goes on")
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and await waiting(jobs):
        await asyncio.sleep(0.1)
    kept = [text for text in remembered() if "killed" in text]
    assert sorted(answered[:-1]) == sorted(set(kept) - {answered[-1]}), (answered, kept)
    assert len(remembered()) == before + len(kept)
    print(f"a gateway killed: of {len(answered)} answered turns {len(kept)} are remembered", flush=True)
    return kept


async def main(integration: str):
    Integration.open.set()
    port = free_port()
    command = [NATS_SERVER, "-js", "-a", "127.0.0.1", "-p", str(port), "-sd", str(FOLDER / "jetstream")]
    jobs = Server("NATS", FOLDER / "nats.log", port, command)
    jobs.start()
    environment = {
        "UNLEAK_PIPELINE_LISTEN_HTTP": "127.0.0.1:0",
        "UNLEAK_PIPELINE_LISTEN_WYOMING": "127.0.0.1:0",
        "UNLEAK_PIPELINE_STORE_POSTGRES": POSTGRES,
        "UNLEAK_PIPELINE_STORE_NATS": f"nats://127.0.0.1:{port}",
        "UNLEAK_PIPELINE_AFTERMATH_WEBHOOK": integration,
        "UNLEAK_PIPELINE_TIMES_STORE": "1",
        "UNLEAK_PIPELINE_TIMES_WEBHOOK": "1",
        "UNLEAK_PIPELINE_TIMES_MEMORY": "1",
        "UNLEAK_PIPELINE_TIMES_JOB": "3",
        "UNLEAK_PIPELINE_TIMES_RETRY": "0.2",
    }
    gateways = [Process(PROGRAM, FOLDER, "gateway", f"gateway-{name}", environment) for name in "ab"]
    workers = [Process(PROGRAM, FOLDER, "worker", f"worker-{name}", environment) for name in "ab"]
    try:
        with contextlib.suppress(urllib.error.HTTPError):
            urllib.request.urlopen(f"http://{workers[0].http}/v1/realtime", timeout=5)
            raise AssertionError("a worker serves conversations")

        def kill_a_worker():
            until(lambda: len(Integration.told) >= 10, "work has begun")
            Integration.open.clear()
            until(lambda: Integration.waiting == len(workers), "each worker has a job in its hands")
            workers.pop(0).kill()
            Integration.open.set()

        expected = await round_of(gateways, 1, kill_a_worker)
        again = await settled(jobs, expected, "a worker killed")
        assert again == 1, "what the killed worker had in its hands was done by the other"
        workers.append(Process(PROGRAM, FOLDER, "worker", "worker-c", environment))

        def stall_the_database():
            with psycopg.connect(POSTGRES) as connection:
                connection.execute("LOCK TABLE memories IN ACCESS EXCLUSIVE MODE")
                time.sleep(3)

        expected += await round_of(gateways, 2, stall_the_database)
        await settled(jobs, expected, "the database stalled")
        assert any("a job is put off" in worker.log.read_text() for worker in workers)

        def restart_the_jobs():
            until(lambda: len(Integration.told) >= len(expected) + 5, "work has begun")
            jobs.stop()
            time.sleep(2)
            jobs.start()

        expected += await round_of(gateways, 3, restart_the_jobs)
        again = await settled(jobs, expected, "the server of the jobs restarted") - again
        assert again <= len(workers), "a worker has one job of a kind in its hands"
        await a_voice_is_kept(gateways[0])
        expected += await killed_while_it_serves(gateways.pop(), jobs, len(expected))
        for process in [*gateways, *workers]:
            process.end()
        print("those that were left ended well", flush=True)
    except BaseException:
        for process in [*gateways, *workers]:
            print(f"== {process.name}\n{process.log.read_text()[-3_000:]}", file=sys.stderr)
        raise
    finally:
        for process in [*gateways, *workers]:
            process.process.kill()
        jobs.stop()


with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Integration) as server:
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        asyncio.run(asyncio.wait_for(main(f"http://127.0.0.1:{server.server_port}/hook"), 10 * PATIENCE))
    finally:
        server.shutdown()
        serving.join()
