"""The front end's end of a widget's wire, in place of a notebook."""

import queue
from typing import Any

import comm
from comm.base_comm import BaseComm

__all__ = ["Wire", "wired"]

SECONDS = 60


class Wire(BaseComm):
    """A comm that keeps what the kernel sends, and hands over what a page would."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.sent: queue.Queue[tuple[dict[str, Any], list[bytes]]] = queue.Queue()
        self.state: dict[str, Any] = {}
        super().__init__(*args, **kwargs)

    def publish_msg(
        self,
        msg_type: str,
        data: Any = None,
        metadata: Any = None,
        buffers: Any = None,
        **keys: Any,
    ) -> None:
        if msg_type == "comm_open":
            self.state = data["state"]
        elif msg_type == "comm_msg" and data["method"] == "custom":
            self.sent.put((data["content"], [bytes(one) for one in buffers or []]))

    def deliver(self, content: object) -> None:
        """A custom message from the page."""
        self._from_page({"method": "custom", "content": content})

    def write(self, **state: object) -> None:
        """State that the page has changed."""
        self._from_page({"method": "update", "state": state, "buffer_paths": []})

    def _from_page(self, data: dict[str, Any]) -> None:
        self.handle_msg({"content": {"comm_id": self.comm_id, "data": data}, "buffers": []})

    def ask(self, id: str, method: str, path: str, body: object = None) -> tuple[Any, bytes]:
        """Asks and waits for the whole answer: its head and its bytes."""
        self.deliver({"id": id, "method": method, "path": path, "body": body})
        data = b""
        while True:
            head, buffers = self.next()
            assert head["id"] == id
            data += b"".join(buffers)
            if head["done"]:
                return head, data

    def next(self) -> tuple[dict[str, Any], list[bytes]]:
        return self.sent.get(timeout=SECONDS)


def wired(monkeypatch: Any) -> list[Wire]:
    """From now on widgets speak through wires, which are put into this list."""
    wires: list[Wire] = []

    def create(*args: Any, **kwargs: Any) -> Wire:
        wire = Wire(*args, **kwargs)
        if "_esm" in wire.state:  # and not the layout that every widget brings along
            wires.append(wire)
        return wire

    monkeypatch.setattr(comm, "create_comm", create)
    return wires
