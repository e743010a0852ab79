"""Lets go of the sessions of closed pages on time.

Streamlit keeps a session two minutes for a page that connects again, and then until somebody else's page closes: on a
quiet server the scans of the last visitor would stay in memory overnight.
"""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from streamlit import runtime
from streamlit.runtime.memory_session_storage import MemorySessionStorage
from streamlit.runtime.websocket_session_manager import WebsocketSessionManager

EVERY = 5.0
"""Seconds between two looks."""


def let_go() -> int:
    """Drop the sessions whose time is over; how many they were."""
    manager = runtime.get_instance()._session_mgr
    storage = manager._session_storage if isinstance(manager, WebsocketSessionManager) else None
    if not isinstance(storage, MemorySessionStorage):
        return 0
    kept = storage._cache
    over = kept.expire()  # type: ignore[attr-defined]  # Streamlit types it as any mapping
    number = len(over)
    if over:
        del over
        gc.collect()  # a session holds itself in circles
    return number


@asynccontextmanager
async def departed_go(app: object) -> AsyncIterator[None]:
    """Lifespan of the application: looks every few seconds while it runs."""
    task = asyncio.create_task(_look())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _look() -> None:
    while True:
        await asyncio.sleep(EVERY)
        let_go()
