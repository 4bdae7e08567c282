"""A running pipeline on real engines: it is asked in writing, answers aloud, and is told its own answer.

usage: real_engines.py ws://127.0.0.1:8300/v1 KEY
"""

import asyncio
import base64
import re
import sys

from events import until
from openai import AsyncOpenAI

RATE = 24_000
TEXT = "The weather today is sunny and warm with a light breeze."


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


async def main(url: str, key: str) -> None:
    client = AsyncOpenAI(api_key=key, websocket_base_url=url)
    async with client.realtime.connect(model="unleak-pipeline") as connection:
        await until(connection, "session.created")
        await connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": TEXT}]}
        )
        await connection.response.create()
        events = await until(connection, "response.done")
        deltas = [event.delta for event in events if event.type == "response.output_audio.delta"]
        spoken = b"".join(base64.b64decode(delta) for delta in deltas)
        assert 3 < len(spoken) / 2 / RATE < 10, f"{len(spoken)} bytes of speech"

        audio = spoken + b"\0" * 2 * RATE
        for at in range(0, len(audio), 9_600):
            await connection.input_audio_buffer.append(audio=base64.b64encode(audio[at : at + 9_600]).decode())
        kind = "conversation.item.input_audio_transcription.completed"
        heard = (await until(connection, kind))[-1].transcript
        await until(connection, "response.done")
    said = words("You said: " + TEXT)
    right = sum(word in words(heard) for word in said)
    assert right >= 0.8 * len(said), f"said {said}, heard {heard!r}"
    print(f"real engines: ok ({len(spoken) / 2 / RATE:.1f} s of speech, heard as {heard!r})")


asyncio.run(asyncio.wait_for(main(sys.argv[1], sys.argv[2]), 120))
