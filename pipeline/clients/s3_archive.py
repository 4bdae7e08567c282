"""The archive in a bucket: a server of the package `moto`, which checks signatures, stalls, goes away and comes back without
what it had. Each recording is there under the hash of its content, and was put once: the bucket keeps versions. Then the same
over https: to a server that nobody vouches for, nothing is given.

What is said goes through the package `openai`; what became of it is read by `boto3`.

usage: s3_archive.py PROGRAM MOTO_SERVER FOLDER
"""

import asyncio
import base64
import contextlib
import hashlib
import io
import json
import os
import pathlib
import signal
import ssl
import sys
import urllib.request
import wave

import boto3
import tones
import trustme
from openai import AsyncOpenAI
from processes import PATIENCE, Process, Server, free_port, until

PROGRAM, MOTO_SERVER, FOLDER = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
BUCKET, RATE, AWAY = "voices", 24_000, 4


class Store:
    """The server, and an account there that may use S3."""

    def __init__(self, authority: trustme.CA | None = None):
        port = free_port()
        command = [MOTO_SERVER, "-H", "127.0.0.1", "-p", str(port)]
        self.address, self.trusted = f"http://127.0.0.1:{port}", None
        if authority:
            certificate = authority.issue_cert("localhost")
            certificate.private_key_pem.write_to_path(FOLDER / "key.pem")
            certificate.cert_chain_pems[0].write_to_path(FOLDER / "certificate.pem")
            authority.cert_pem.write_to_path(FOLDER / "authority.pem")
            command += ["-c", str(FOLDER / "certificate.pem"), "-k", str(FOLDER / "key.pem")]
            self.address, self.trusted = f"https://localhost:{port}", str(FOLDER / "authority.pem")
        self.server = Server("S3", FOLDER / "s3.log", port, command)

    def start(self):
        """Starts it, with the same keys each time, and an empty bucket."""
        # The five calls below are not checked; all others are.
        self.server.start({"INITIAL_NO_AUTH_ACTION_COUNT": "5"})
        seed = urllib.request.Request(f"{self.address}/moto-api/seed?a=1", method="POST")
        context = ssl.create_default_context(cafile=self.trusted) if self.trusted else None
        urllib.request.urlopen(seed, timeout=5, context=context).close()
        iam = self.client("iam", "any", "any")
        iam.create_user(UserName="pipeline")
        key = iam.create_access_key(UserName="pipeline")["AccessKey"]
        allowed = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        iam.put_user_policy(UserName="pipeline", PolicyName="archive", PolicyDocument=policy)
        self.key, self.secret = key["AccessKeyId"], key["SecretAccessKey"]
        self.s3 = self.client("s3", self.key, self.secret)
        self.s3.create_bucket(Bucket=BUCKET)
        self.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})

    def client(self, service: str, key: str, secret: str):
        keys = {"aws_access_key_id": key, "aws_secret_access_key": secret}
        return boto3.client(service, endpoint_url=self.address, verify=self.trusted, region_name="us-east-1", **keys)

    def has(self) -> list[str]:
        """What is said in all that was ever put, each under the hash of its content."""
        texts = []
        for version in self.s3.list_object_versions(Bucket=BUCKET).get("Versions", []):
            name = version["Key"]
            content = self.s3.get_object(Bucket=BUCKET, Key=name, VersionId=version["VersionId"])
            body = content["Body"].read()
            assert name == hashlib.sha256(body).hexdigest() + ".wav", name
            assert content["ContentType"] == "audio/wav", content
            with wave.open(io.BytesIO(body)) as audio:
                texts.append(tones.decode(audio.readframes(audio.getnframes()), audio.getframerate()))
        return sorted(texts)

    def comes_to_have(self, expected: list[str], pipeline: Process, what: str):
        """Waits until nothing is left to archive."""
        until(lambda: not spilled(pipeline), f"{what}: the spill is empty")
        assert self.has() == sorted(expected), (what, self.has())
        print(f"{what}: {len(expected)} recordings in the bucket, each put once", flush=True)


@contextlib.contextmanager
def started(authority: trustme.CA | None = None):
    store = Store(authority)
    store.start()
    try:
        yield store
    finally:
        store.server.stop()


def spilled(pipeline: Process) -> list[pathlib.Path]:
    return list((FOLDER / pipeline.name / "spill").glob("*.wav"))


def failures(pipeline: Process) -> int:
    return pipeline.log.read_text().count("the archive does not take a recording")


async def say(connection, text: str):
    """Says a text, and waits until it is committed."""
    await connection.input_audio_buffer.append(audio=base64.b64encode(tones.encode(text, RATE)).decode())
    await connection.input_audio_buffer.commit()
    async for event in connection:
        assert event.type != "error", event
        if event.type == "input_audio_buffer.committed":
            return


@contextlib.asynccontextmanager
async def running(name: str, store: Store, **more: str):
    """A pipeline over a store, and a conversation with it."""
    environment = {
        "UNLEAK_PIPELINE_LISTEN_HTTP": "127.0.0.1:0",
        "UNLEAK_PIPELINE_LISTEN_WYOMING": "127.0.0.1:0",
        "UNLEAK_PIPELINE_STORE_ARCHIVE_BUCKET": BUCKET,
        "UNLEAK_PIPELINE_STORE_ARCHIVE_ENDPOINT": store.address,
        "UNLEAK_PIPELINE_STORE_ARCHIVE_KEY": store.key,
        "UNLEAK_PIPELINE_STORE_ARCHIVE_SECRET": store.secret,
        "UNLEAK_PIPELINE_TIMES_ARCHIVE": "1",
        "UNLEAK_PIPELINE_TIMES_RETRY": "2",
        **more,
    }
    pipeline = Process(PROGRAM, FOLDER, "all", name, environment)
    try:
        client = AsyncOpenAI(api_key="any", websocket_base_url=f"ws://{pipeline.http}/v1")
        async with client.realtime.connect(model="any") as connection:
            manual = {"type": "realtime", "audio": {"input": {"turn_detection": None}}}
            await connection.session.update(session=manual)
            yield pipeline, connection
        pipeline.end()
        log = pipeline.log.read_text()
        assert store.key not in log and store.secret not in log, "a key is shown"
        assert not (FOLDER / name / "archive").exists(), "the archive is in the folder"
    except BaseException:
        print(f"== {name}\n{pipeline.log.read_text()[-3_000:]}", file=sys.stderr)
        raise
    finally:
        pipeline.process.kill()


async def restarts():
    with started() as store:
        async with running("archive", store) as (pipeline, connection):
            await say(connection, "one")
            await asyncio.to_thread(store.comes_to_have, ["one"], pipeline, "at work")

            # A call that was given up is taken all the same when the server goes on; then it is tried again.
            os.kill(store.server.process.pid, signal.SIGSTOP)
            try:
                await say(connection, "two")
                await asyncio.to_thread(until, lambda: failures(pipeline) == 1, "a silent server is given up")
            finally:
                os.kill(store.server.process.pid, signal.SIGCONT)
            await asyncio.to_thread(store.comes_to_have, ["one", "two"], pipeline, "stalled")

            before = failures(pipeline)
            store.server.stop()
            await say(connection, "three")
            await asyncio.to_thread(until, lambda: failures(pipeline) > before, "a server that is gone is told")
            await asyncio.sleep(AWAY)
            assert len(spilled(pipeline)) == 1, "it waits in the spill"
            await asyncio.to_thread(store.start)
            await asyncio.to_thread(store.comes_to_have, ["three"], pipeline, "came back")


async def secure():
    trustme.CA().cert_pem.write_to_path(FOLDER / "stranger.pem")
    with started(trustme.CA()) as store:
        async with running("https", store, SSL_CERT_FILE=str(FOLDER / "stranger.pem")) as (pipeline, connection):
            await say(connection, "four")
            await asyncio.to_thread(until, lambda: "certificate" in pipeline.log.read_text(), "the server is not trusted")
            assert store.has() == [], store.has()
        async with running("https", store, SSL_CERT_FILE=store.trusted) as (pipeline, connection):
            await say(connection, "five")
            await asyncio.to_thread(store.comes_to_have, ["five", "four"], pipeline, "over https")


async def main():
    await restarts()
    await secure()


asyncio.run(asyncio.wait_for(main(), 3 * PATIENCE))
