"""One reader of the running app without a browser: speaks the app's own protocol, so that only the app is measured."""

import ssl
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

TIMEOUT = 600.0


@dataclass
class Screen:
    """What the last run of the page has shown so far."""

    widgets: dict[str, str] = field(default_factory=dict)
    """Widget id by the key that the page gave it."""
    texts: list[str] = field(default_factory=list)
    exceptions: list[str] = field(default_factory=list)
    link: str = ""
    """Where the browser is sent."""


class Session:
    """A connection of its own to the app at `address`, open on its first page.

    After each run of the page, `screen` holds what it shows and `first_bar` the seconds until a first bar was shown.
    Behind a proxy `via` is the (host, port) to connect to; `cookie` goes along, and `secure` says what to trust.
    `origin` is that of another page; `xsrf` proves that the cookie was sent by a page of the app.
    """

    def __init__(
        self,
        address: str,
        *,
        via: tuple[str, int] | None = None,
        origin: str | None = None,
        cookie: str = "",
        xsrf: str = "",
        secure: ssl.SSLContext | None = None,
    ) -> None:
        self._pages: dict[str, str] = {}
        self._page = ""
        self._heard = threading.Condition()
        self._finished = 0
        self.first_bar = 0.0
        self.screen = Screen()
        self.id = ""
        to: dict[str, Any] = {} if via is None else {"address": via}
        self._socket: ClientConnection = connect(
            f"{address.replace('http', 'ws', 1)}/_stcore/stream",
            subprotocols=["streamlit", *([xsrf] if xsrf else [])],  # type: ignore[list-item]
            origin=origin or address,  # type: ignore[arg-type]
            additional_headers={"Cookie": cookie} if cookie else None,
            ssl=secure,
            max_size=None,  # type: ignore[arg-type,list-item]
            **to,
        )
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()
        self._rerun()

    def go(self, path: str) -> float:
        """Open another page; seconds until it stands."""
        self._page = self._pages[path]
        return self._rerun()

    def press(self, key: str, **numbers: int) -> float:
        """Press the button of that key, with numbers typed into fields by key; seconds until the page stands."""
        return self._rerun(self.screen.widgets[key], {self.screen.widgets[name]: n for name, n in numbers.items()})

    @property
    def pages(self) -> dict[str, str]:
        """Pages that this visitor is offered, by the path of each."""
        return dict(self._pages)

    def go_to(self, page: str) -> float:
        """Ask for a page by its hash, offered or not; seconds until something stands."""
        self._page = page
        return self._rerun()

    def press_for_link(self, key: str) -> str:
        """Press a button that sends the browser elsewhere; the path that it is sent to."""
        self.press(key)
        return self.screen.link

    def close(self) -> None:
        """Leave, as one who closes the tab."""
        self._socket.close()
        self._reader.join()

    def _rerun(self, button: str = "", numbers: dict[str, int] | None = None) -> float:
        message = BackMsg()
        state = message.rerun_script
        state.page_script_hash = self._page
        if button:
            state.widget_states.widgets.add(id=button, trigger_value=True)
        for widget, number in (numbers or {}).items():
            state.widget_states.widgets.add(id=widget, double_value=float(number))
        self.first_bar = 0.0
        with self._heard:
            before, began = self._finished, time.monotonic()
            self._socket.send(message.SerializeToString())
            if not self._heard.wait_for(lambda: self._finished > before, timeout=TIMEOUT):
                raise TimeoutError("the page did not come to rest")
        self.first_bar -= began
        return time.monotonic() - began

    def _listen(self) -> None:
        with suppress(ConnectionClosed, ConnectionResetError):  # the app has gone: whoever waits hears by the clock
            for data in self._socket:
                message = ForwardMsg()
                message.ParseFromString(data)  # type: ignore[arg-type]
                with self._heard:
                    self._take(message)
                    self._heard.notify_all()

    def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self.id = message.new_session.initialize.session_id
            self.screen = Screen()
        elif kind == "navigation":
            self._pages = {page.url_pathname: page.page_script_hash for page in message.navigation.app_pages}
            self._page = self._page or message.navigation.page_script_hash
        elif kind == "auth_redirect":
            self.screen.link = message.auth_redirect.url
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            self._show(message.delta.new_element)
        elif kind == "script_finished" and message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
            self._finished += 1

    def _show(self, element: Any) -> None:
        kind = element.WhichOneof("type")
        shown = getattr(element, kind)
        identity = getattr(shown, "id", "")
        if identity.startswith("$$"):
            self.screen.widgets[identity.split("-", 2)[2]] = identity
        if kind == "progress":
            self.first_bar = self.first_bar or time.monotonic()
        if kind == "exception":
            self.screen.exceptions.append(shown.message)
        if kind in ("alert", "markdown"):
            self.screen.texts.append(shown.body)
