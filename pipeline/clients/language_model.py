"""A running pipeline whose language model is the server of the package `fakellm`, with clients/fakellm.yaml. It answers,
and says what is worth remembering, which is found in the embedded database.

usage: language_model.py ws://127.0.0.1:8300/v1 KEY DATABASE
"""

import asyncio
import sqlite3
import sys

from openai import AsyncOpenAI
from processes import until


async def ask(connection, text: str):
    await connection.conversation.item.create(
        item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    )
    await connection.response.create()
    said = ""
    async for event in connection:
        if event.type == "response.output_text.delta":
            said += event.delta
        if event.type == "response.done":
            return said, event.response


def remembered(database: str) -> list[tuple]:
    with sqlite3.connect(database) as store:
        return store.execute("SELECT text FROM memories").fetchall()


async def main(url: str, key: str, database: str) -> None:
    client = AsyncOpenAI(api_key=key, websocket_base_url=url)
    async with client.realtime.connect(model="unleak-pipeline") as connection:
        await connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        said, response = await ask(connection, "hello")
        assert response.status == "completed" and said == "Hi there! I am a mock. It is 3.14 o'clock.", (said, response)
    await asyncio.to_thread(until, lambda: remembered(database) == [("They greet whoever they meet.",)], "it is remembered")
    print("language model: ok")


asyncio.run(asyncio.wait_for(main(sys.argv[1], sys.argv[2], sys.argv[3]), 60))
