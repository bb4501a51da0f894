"""A TCP proxy that a test can cut, stall and slow down."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable
from typing import Self

from streamadapt.ops.services.ports import HOST, free_ports

CHUNK_BYTES = 65_536
CHUNKS_HELD = 64  # per direction: what is on its way while it is slow or stalled
LIMIT_S = 10


class TcpProxy:
    """Listens on a free port of this machine and forwards to a target, byte for byte.

    Works in a thread of its own; each method returns once it holds.
    """

    def __init__(self, target_host: str, target_port: int) -> None:
        self.target = (target_host, target_port)
        self.port = free_ports(1)[0]
        self._delay_s = 0.0
        self._connections: dict[asyncio.Task[None], None] = {}
        self._server: socket.socket | None = None
        self._loop = asyncio.new_event_loop()
        self._flowing = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._do(self._heal)

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    def cut(self) -> None:
        """Reset all connections and refuse new ones, as when the server is gone."""
        self._do(self._cut)

    def black_hole(self) -> None:
        """Accept connections and bytes, forward none, as when packets are lost.

        What is held back passes on `heal`, as a late retransmission would; `cut` drops it.
        """
        self._do(self._stall)

    def delay(self, ms: float) -> None:
        """Hold all that passes from now on back by this time, in each direction."""
        self._delay_s = ms / 1000

    def heal(self) -> None:
        """Forward again, at once."""
        self._do(self._heal)

    def close(self) -> None:
        """End the proxy and all that passes through it."""
        self._do(self._cut)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _do(self, change: Callable[[], Awaitable[None]]) -> None:
        async def changed() -> None:
            await change()

        asyncio.run_coroutine_threadsafe(changed(), self._loop).result(LIMIT_S)

    async def _cut(self) -> None:
        if self._server is not None:
            self._loop.remove_reader(self._server)
            self._server.close()
            self._server = None
        tasks = list(self._connections)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # transports close in a turn of the loop of their own

    async def _stall(self) -> None:
        self._listen()  # if it was cut
        self._flowing.clear()

    async def _heal(self) -> None:
        self._listen()
        self._delay_s = 0.0
        self._flowing.set()

    def _listen(self) -> None:
        if self._server is None:
            self._server = socket.create_server((HOST, self.port))
            self._server.setblocking(False)
            self._loop.add_reader(self._server, self._accept, self._server)

    def _accept(self, server: socket.socket) -> None:
        """Take a connection and know it in one step: a cut must find every one."""
        try:
            client, _ = server.accept()
        except OSError:  # it went while it waited
            return
        task = self._loop.create_task(self._connect(client))
        self._connections[task] = None
        task.add_done_callback(self._connections.pop)
        task.add_done_callback(lambda _: client.close())  # also when it never began

    async def _connect(self, client: socket.socket) -> None:
        writers = []
        try:
            reader, writer = await asyncio.open_connection(sock=client)
            writers.append(writer)
            await self._flowing.wait()
            target_reader, target_writer = await asyncio.open_connection(*self.target)
            writers.append(target_writer)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._forward(reader, target_writer))
                group.create_task(self._forward(target_reader, writer))
        except* OSError:
            pass  # one side is gone: the other is told by the reset
        finally:
            for writer in writers:
                writer.transport.abort()

    async def _forward(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """Copy one direction, each chunk no earlier than its delay after it came."""
        held: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(CHUNKS_HELD)
        deliver = asyncio.create_task(self._deliver(held, sink))
        try:
            chunk = b"none yet"
            while chunk:
                chunk = await source.read(CHUNK_BYTES)  # b"" at its end, which passes too
                await held.put((self._loop.time() + self._delay_s, chunk))
            await deliver
        finally:
            deliver.cancel()
            await asyncio.gather(deliver, return_exceptions=True)

    async def _deliver(
        self, held: asyncio.Queue[tuple[float, bytes]], sink: asyncio.StreamWriter
    ) -> None:
        while True:
            due_s, chunk = await held.get()
            await asyncio.sleep(due_s - self._loop.time())
            await self._flowing.wait()
            if not chunk:
                sink.write_eof()
                return
            sink.write(chunk)
            await sink.drain()
