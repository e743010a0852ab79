"""What the server does beside its pages: it loads what the first page needs, and lets go of closed pages on time.

Streamlit keeps a session two minutes for a page that connects again, and then until somebody else's page closes: on a
quiet server the scans of the last visitor would stay in memory overnight.
"""

import asyncio
import ctypes
import gc
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from streamlit import runtime
from streamlit.runtime.memory_session_storage import MemorySessionStorage
from streamlit.runtime.websocket_session_manager import WebsocketSessionManager

from dashboard.services.errors import MedDefError

EVERY = 5.0
"""Seconds between two looks for closed pages."""


@asynccontextmanager
async def lifespan(app: object) -> AsyncIterator[None]:
    """Of the application: warms up in a thread, and looks for closed pages until the server stops."""
    threading.Thread(target=warm_up, daemon=True).start()
    task = asyncio.create_task(_look())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def warm_up() -> None:
    """Load PyTorch, the model of the first page and the decoders, so that the first visitor does not wait for them."""
    from dashboard.services import shared as services  # here, since it takes seconds

    with suppress(MedDefError):  # the page that needs it says what is wrong
        for choice in services.models_to_read_with(next(iter(services.tasks())))[:1]:
            services.loaded(choice.id)
        services.warm_up()


def let_go() -> int:
    """Drop the sessions whose time is over, and give their memory back to the system; how many they were."""
    manager = runtime.get_instance()._session_mgr
    storage = manager._session_storage if isinstance(manager, WebsocketSessionManager) else None
    if not isinstance(storage, MemorySessionStorage):
        return 0
    over = storage._cache.expire()  # type: ignore[attr-defined]  # Streamlit types it as any mapping
    number = len(over)
    if over:
        del over
        gc.collect()  # a session holds itself in circles
        _trim()
    return number


def _trim() -> None:
    """Return free memory to the system: glibc keeps what many threads freed, hundreds of megabytes after a class."""
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)


async def _look() -> None:
    while True:
        await asyncio.sleep(EVERY)
        let_go()
