"""Memories in a PostgreSQL over TLS: whoever may answer for it is said in its address, as for other clients, and nobody else is
told anything. What the server sees is read by `psycopg`.

usage: postgres_tls.py PROGRAM FOLDER_OF_POSTGRESQL FOLDER
"""

import asyncio
import contextlib
import os
import pathlib
import shutil
import subprocess
import sys

import psycopg
import trustme
from openai import AsyncOpenAI
from processes import PATIENCE, Process, Server, free_port, until

PROGRAM, BINARIES, FOLDER = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]) / "postgres-tls"
PASSWORD, PORT = "p?a@ss", free_port()
OWN = {"UNLEAK_PIPELINE_LISTEN_HTTP": "127.0.0.1:0", "UNLEAK_PIPELINE_LISTEN_WYOMING": "127.0.0.1:0"}
AUTHORITY, STRANGER = str(FOLDER / "authority.pem"), str(FOLDER / "stranger.pem")
# The server refuses to run as root.
AS_OWNER = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []


def prepare():
    FOLDER.mkdir()
    (FOLDER / "password").write_text(PASSWORD)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(AUTHORITY)
    trustme.CA().cert_pem.write_to_path(STRANGER)
    certificate = authority.issue_cert("localhost")
    certificate.private_key_pem.write_to_path(FOLDER / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(FOLDER / "certificate.pem")
    # From this machine's network with a password and over TLS only; whoever looks comes through a file.
    lines = ["local all all trust", "hostssl all all 127.0.0.1/32 scram-sha-256", "host all plain 127.0.0.1/32 scram-sha-256"]
    (FOLDER / "hba.conf").write_text("\n".join(lines) + "\n")
    (FOLDER / "key.pem").chmod(0o600)
    if AS_OWNER:
        for path in [FOLDER, *FOLDER.iterdir()]:
            shutil.chown(path, "postgres")
    data = ["-D", str(FOLDER / "data"), "-U", "ada", "-A", "scram-sha-256", f"--pwfile={FOLDER / 'password'}"]
    made = subprocess.run([*AS_OWNER, str(BINARIES / "initdb"), *data], capture_output=True, text=True, cwd=FOLDER)
    assert made.returncode == 0, made.stderr


@contextlib.contextmanager
def database(ssl: str):
    options = {
        "ssl": ssl,
        "ssl_cert_file": FOLDER / "certificate.pem",
        "ssl_key_file": FOLDER / "key.pem",
        "hba_file": FOLDER / "hba.conf",
        "unix_socket_directories": FOLDER,
        "listen_addresses": "127.0.0.1",
    }
    command = [*AS_OWNER, str(BINARIES / "postgres"), "-D", str(FOLDER / "data"), "-p", str(PORT)]
    command += [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    server = Server("PostgreSQL", FOLDER / "postgres.log", PORT, command)
    server.start()
    until(lambda: "ready to accept connections" in server.log.read_text().split("starting PostgreSQL")[-1], "it starts")
    try:
        yield
    finally:
        # The fast end, for connections that are open.
        subprocess.run([*AS_OWNER, str(BINARIES / "pg_ctl"), "-D", str(FOLDER / "data"), "-m", "fast", "stop"], check=True, stdout=subprocess.DEVNULL, cwd=FOLDER)
        server.process.wait(PATIENCE)


def address(host: str, options: str, user: str = "ada") -> str:
    return f"postgres://{user}:p%3Fa%40ss@{host}:{PORT}/postgres?{options}"


def ask(question: str) -> list[tuple]:
    with psycopg.connect(host=str(FOLDER), port=PORT, user="ada", dbname="postgres", autocommit=True) as connection:
        return connection.execute(question).fetchall()


@contextlib.contextmanager
def connected(where: str, secured: bool | None, **environment: str):
    """A pipeline at this address. Its connection is over TLS, or not, or not one that could be."""
    name = f"tls-{free_port()}"
    pipeline = Process(PROGRAM, FOLDER, "all", name, {**OWN, "UNLEAK_PIPELINE_STORE_POSTGRES": where, **environment})
    try:
        seen = ask("SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'unleak-pipeline'")
        assert seen and all(ssl == bool(secured) for (ssl,) in seen), (where, seen)
        yield pipeline
        pipeline.end()
        assert PASSWORD not in pipeline.log.read_text() and "p%3Fa" not in pipeline.log.read_text()
    finally:
        pipeline.process.kill()


def refused(where: str, why: str, **environment: str):
    """No pipeline starts at this address, and it says why."""
    environment = {**os.environ, **OWN, "UNLEAK_PIPELINE_STORE_FOLDER": str(FOLDER / "refused"), **environment}
    environment["UNLEAK_PIPELINE_STORE_POSTGRES"] = where
    ended = subprocess.run([PROGRAM], env=environment, capture_output=True, text=True, timeout=PATIENCE, cwd=FOLDER)
    assert ended.returncode == 2 and why in ended.stderr, (where, ended.returncode, ended.stderr)
    assert PASSWORD not in ended.stderr and "p%3Fa" not in ended.stderr, ended.stderr


async def remember(pipeline: Process):
    client = AsyncOpenAI(api_key="any", websocket_base_url=f"ws://{pipeline.http}/v1")
    async with client.realtime.connect(model="any") as connection:
        await connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        content = [{"type": "input_text", "text": "Remember the milk."}]
        await connection.conversation.item.create(item={"type": "message", "role": "user", "content": content})
        await connection.response.create()
        async for event in connection:
            assert event.type != "error", event
            if event.type == "response.done":
                break
    await asyncio.to_thread(until, lambda: ask("SELECT text FROM memories") == [("Remember the milk.",)], "it is remembered")


def main():
    prepare()
    with database("on"):
        with connected(address("localhost", f"sslmode=verify-full&sslrootcert={AUTHORITY}"), True) as pipeline:
            asyncio.run(asyncio.wait_for(remember(pipeline), PATIENCE))
        for host, options in [
            ("127.0.0.1", f"sslmode=verify-ca&sslrootcert={AUTHORITY}"),
            ("127.0.0.1", f"sslmode=require&sslrootcert={AUTHORITY}"),
            ("127.0.0.1", "sslmode=require"),
            ("127.0.0.1", ""),
        ]:
            with connected(address(host, options), True):
                pass
        with connected(address("localhost", "sslrootcert=system"), True, SSL_CERT_FILE=AUTHORITY):
            pass
        with connected(f"host={FOLDER} port={PORT} user=ada dbname=postgres sslmode=require", False):
            pass
        print("PostgreSQL over TLS: whoever may answer does", flush=True)

        name, issuer = "not valid for name", "UnknownIssuer"
        for host, options, why in [
            ("127.0.0.1", f"sslmode=verify-full&sslrootcert={AUTHORITY}", name),
            ("localhost", f"sslmode=verify-full&sslrootcert={STRANGER}", issuer),
            ("localhost", f"sslmode=verify-ca&sslrootcert={STRANGER}", issuer),
            ("localhost", f"sslmode=require&sslrootcert={STRANGER}", issuer),
            ("localhost", "sslmode=verify-full", issuer),
            ("localhost", f"sslmode=verify-full&sslrootcert={FOLDER}/nowhere.pem", "nowhere.pem"),
            ("localhost", f"sslmode=verify-full&sslrootcert={FOLDER}/password", "no certificate is in it"),
            ("localhost", "sslmode=disable", "no encryption"),
            ("localhost", "sslmode=allow", "say prefer, or require"),
            ("localhost", f"sslmode=require&sslcert={AUTHORITY}", "`sslcert`"),
        ]:
            refused(address(host, options), why)
        print("PostgreSQL over TLS: nobody else does", flush=True)
        ask_plain = "SET password_encryption = 'scram-sha-256'; CREATE USER plain SUPERUSER PASSWORD 'p?a@ss'"
        with psycopg.connect(host=str(FOLDER), port=PORT, user="ada", dbname="postgres", autocommit=True) as connection:
            connection.execute(ask_plain)
    with database("off"):
        for options in ["sslmode=require", f"sslmode=verify-full&sslrootcert={AUTHORITY}"]:
            refused(address("localhost", options, "plain"), "does not support TLS")
        for options in ["sslmode=disable", "sslmode=prefer"]:
            with connected(address("localhost", options, "plain"), False):
                pass
        print("PostgreSQL without TLS: used where it is not required", flush=True)


main()
