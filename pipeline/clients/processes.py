"""Processes that clients start: the pipeline, and servers that they stop and start again."""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import time

PATIENCE = 60


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def until(reached, what: str):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if reached():
                return
        time.sleep(0.05)
    raise AssertionError(f"not in {PATIENCE} seconds: {what}")


class Server:
    """A server that listens on a port of loopback."""

    def __init__(self, name: str, log: pathlib.Path, port: int, command: list[str]):
        self.name, self.log, self.port, self.command, self.process = name, log, port, command, None

    def start(self, environment: dict[str, str] | None = None):
        with self.log.open("a") as log:
            environment = {**os.environ, **(environment or {})}
            self.process = subprocess.Popen(self.command, env=environment, stdout=log, stderr=log)
        until(lambda: socket.create_connection(("127.0.0.1", self.port), 1).close() or True, f"{self.name} listens")

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE)


class Process:
    """A process of the pipeline, in a role."""

    def __init__(self, program: str, folder: pathlib.Path, role: str, name: str, environment: dict[str, str]):
        self.name, self.log = name, folder / f"{name}.log"
        environment = {**os.environ, **environment, "UNLEAK_PIPELINE_STORE_FOLDER": str(folder / name)}
        command = [program, "--role", role]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
        first, second = self.process.stdout.readline(), self.process.stdout.readline()
        assert second.startswith("listening on http://"), f"{name} does not start: {first}{second}{self.log.read_text()}"
        self.http = second.split("http://")[1].split("/")[0]

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE)
        assert code == 0, f"{self.name} ended with {code}:\n{self.log.read_text()}"
