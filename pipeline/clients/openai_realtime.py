"""The Realtime client of the package `openai`, unmodified, against a running pipeline.

usage: openai_realtime.py ws://127.0.0.1:8300/v1 KEY
"""

import asyncio
import base64
import sys

import tones
from events import until
from openai import AsyncOpenAI

RATE = 24_000


def audio_of(text: str) -> bytes:
    silence = b"\0" * RATE
    return silence + tones.encode(text, RATE) + silence


async def say(connection, text: str) -> None:
    audio = audio_of(text)
    for at in range(0, len(audio), 9_600):
        await connection.input_audio_buffer.append(audio=base64.b64encode(audio[at : at + 9_600]).decode())


def heard(events) -> str:
    deltas = [event.delta for event in events if event.type == "response.output_audio.delta"]
    return tones.decode(b"".join(base64.b64decode(delta) for delta in deltas), RATE)


async def conversation(connection) -> None:
    created = await until(connection, "session.created")
    assert created[0].session.type == "realtime", created

    await connection.session.update(session={"type": "realtime", "instructions": "Be brief."})
    updated = (await until(connection, "session.updated"))[-1]
    assert updated.session.instructions == "Be brief.", updated

    await say(connection, "Hello. How are you?")
    events = await until(connection, "response.done")
    kinds = [event.type for event in events]
    order = [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "response.created",
        "conversation.item.input_audio_transcription.completed",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_audio_transcript.delta",
        "response.output_audio.delta",
        "response.output_audio.done",
        "response.output_item.done",
        "response.done",
    ]
    places = [kinds.index(kind) for kind in order]
    assert places == sorted(places), kinds
    assert heard(events) == "You said: Hello. How are you?", heard(events)
    assert events[-1].response.status == "completed", events[-1]
    print("spoken turn: ok")


async def barge_in(connection) -> None:
    await connection.conversation.item.create(
        item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Count to 900."}]}
    )
    await connection.response.create()
    await until(connection, "response.output_audio.delta")
    await say(connection, "Stop")
    interrupted = await until(connection, "response.done")
    assert interrupted[-1].response.status == "cancelled", interrupted[-1]
    assert interrupted[-1].response.status_details.reason == "turn_detected", interrupted[-1]
    item = interrupted[-1].response.output[0].id
    await connection.conversation.item.truncate(item_id=item, content_index=0, audio_end_ms=10)
    answered = await until(connection, "response.done")
    assert heard(answered) == "You said: Stop", heard(answered)
    assert any(event.type == "conversation.item.truncated" for event in answered)
    print("barge-in: ok")


async def text_and_cancel(connection) -> None:
    await connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
    await until(connection, "session.updated")
    await connection.conversation.item.create(
        item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Count to 900."}]}
    )
    await connection.response.create()
    await until(connection, "response.output_text.delta")
    await connection.response.cancel()
    done = (await until(connection, "response.done"))[-1]
    assert done.response.status == "cancelled", done
    await connection.send({"type": "response.dance", "event_id": "mine"})
    async for event in connection:
        if event.type == "error":
            assert event.error.event_id == "mine" and event.error.code == "unknown_event", event
            break
    print("text, cancel, error: ok")


async def main(url: str, key: str) -> None:
    client = AsyncOpenAI(api_key=key, websocket_base_url=url)
    async with client.realtime.connect(model="unleak-pipeline") as connection:
        await conversation(connection)
        await barge_in(connection)
        await text_and_cancel(connection)


asyncio.run(asyncio.wait_for(main(sys.argv[1], sys.argv[2]), 120))
