"""What the clients of the Realtime protocol wait for."""


async def until(connection, kind: str):
    """The events up to the first of a kind."""
    events = []
    async for event in connection:
        events.append(event)
        if event.type == "error":
            raise AssertionError(f"an error while waiting for {kind}: {event}")
        if event.type == kind:
            return events
    raise AssertionError(f"closed while waiting for {kind}: {[event.type for event in events]}")
