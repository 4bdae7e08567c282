"""What clients of the Realtime interface say, and how they wait for the answer."""


async def answered(connection, text: str):
    """The response to one message of a user, when it is done."""
    content = [{"type": "input_text", "text": text}]
    await connection.conversation.item.create(item={"type": "message", "role": "user", "content": content})
    await connection.response.create()
    async for event in connection:
        assert event.type != "error", event
        if event.type == "response.done":
            return event.response
    raise AssertionError(f"the connection ended before the answer to: {text}")
