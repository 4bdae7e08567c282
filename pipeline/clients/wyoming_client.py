"""The client of the package `wyoming`, unmodified, against a running pipeline.

usage: wyoming_client.py tcp://127.0.0.1:10300
"""

import asyncio
import sys

import tones
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncClient
from wyoming.error import Error
from wyoming.info import Describe, Info
from wyoming.ping import Ping, Pong
from wyoming.tts import Synthesize

RATE = 16_000


async def transcribe(client: AsyncClient, audio: bytes, rate: int = RATE) -> str:
    await client.write_event(Transcribe().event())
    await client.write_event(AudioStart(rate=rate, width=2, channels=1).event())
    for at in range(0, len(audio), 2_048):
        await client.write_event(AudioChunk(rate=rate, width=2, channels=1, audio=audio[at : at + 2_048]).event())
    await client.write_event(AudioStop().event())
    return Transcript.from_event(await client.read_event()).text


async def synthesize(client: AsyncClient, text: str) -> bytes:
    await client.write_event(Synthesize(text=text).event())
    start = AudioStart.from_event(await client.read_event())
    assert (start.rate, start.width, start.channels) == (RATE, 2, 1), start
    audio = b""
    while not AudioStop.is_type((event := await client.read_event()).type):
        audio += AudioChunk.from_event(event).audio
    return audio


async def main(uri: str) -> None:
    async with AsyncClient.from_uri(uri) as client:
        await client.write_event(Describe().event())
        info = Info.from_event(await client.read_event())
        assert info.asr[0].models[0].name == "tones" and info.tts[0].voices[0].name == "tones", info
        await client.write_event(Ping(text="here").event())
        assert Pong.from_event(await client.read_event()).text == "here"
        for text in ["Hello there.", "Grüße. 你好。"]:
            assert await transcribe(client, tones.encode(text, RATE)) == text
            assert tones.decode(await synthesize(client, text), RATE) == text
        assert await transcribe(client, tones.encode("Another rate", 48_000), 48_000) == "Another rate"
        await client.write_event(AudioStart(rate=1, width=2, channels=1).event())
        assert Error.from_event(await client.read_event()).code == "invalid-request"
        assert await transcribe(client, b"\0" * RATE) == "", "silence has no text"
    print("wyoming: ok")


asyncio.run(asyncio.wait_for(main(sys.argv[1]), 60))
