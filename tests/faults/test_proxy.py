"""The proxy of the fault tests does what it says: otherwise those tests show nothing."""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from collections.abc import Iterator

import pytest

from tests.faults.proxy import TcpProxy

SOON_S = 0.3  # nothing must come in this time
PATIENCE_S = 10.0


class Echo(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        while data := self.request.recv(65_536):
            self.request.sendall(data)


@pytest.fixture
def target() -> Iterator[int]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.fixture
def proxy(target: int) -> Iterator[TcpProxy]:
    with TcpProxy("127.0.0.1", target) as proxy:
        yield proxy


def connect(proxy: TcpProxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), PATIENCE_S)


def echoed(client: socket.socket, data: bytes) -> bytes:
    client.sendall(data)
    return received(client, len(data))


def received(client: socket.socket, n: int) -> bytes:
    data = b""
    while len(data) < n and (more := client.recv(n - len(data))):
        data += more
    return data


def nothing_comes(client: socket.socket) -> bool:
    client.settimeout(SOON_S)
    try:
        client.recv(1)
    except TimeoutError:
        return True
    finally:
        client.settimeout(PATIENCE_S)
    return False


def is_closed(client: socket.socket) -> bool:
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


def test_what_goes_in_comes_out(proxy: TcpProxy) -> None:
    data = bytes(range(256)) * 4000
    with connect(proxy) as one, connect(proxy) as two:
        assert echoed(two, b"second") == b"second"
        sender = threading.Thread(target=one.sendall, args=(data,))
        sender.start()
        assert received(one, len(data)) == data
        sender.join()


def test_the_end_of_one_direction_is_passed_on(proxy: TcpProxy) -> None:
    with connect(proxy) as client:
        assert echoed(client, b"last") == b"last"
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""


def test_a_cut_closes_what_is_open_and_refuses_what_comes(proxy: TcpProxy) -> None:
    with connect(proxy) as client:
        assert echoed(client, b"x") == b"x"
        proxy.cut()
        assert is_closed(client)
    with pytest.raises(ConnectionRefusedError):
        connect(proxy)


def test_after_a_cut_the_same_port_works_again(proxy: TcpProxy) -> None:
    port = proxy.port
    proxy.cut()
    proxy.heal()
    assert proxy.port == port
    with connect(proxy) as client:
        assert echoed(client, b"back") == b"back"


def test_a_black_hole_takes_everything_and_gives_nothing(proxy: TcpProxy) -> None:
    with connect(proxy) as before:
        assert echoed(before, b"x") == b"x"
        proxy.black_hole()
        with connect(proxy) as after:
            before.sendall(b"lost?")
            after.sendall(b"lost?")
            assert nothing_comes(before)
            assert nothing_comes(after)


def test_what_a_black_hole_held_comes_late(proxy: TcpProxy) -> None:
    with connect(proxy) as before:
        assert echoed(before, b"x") == b"x"
        proxy.black_hole()
        with connect(proxy) as after:
            before.sendall(b"old")
            after.sendall(b"new")
            proxy.heal()
            assert received(before, 3) == b"old"
            assert received(after, 3) == b"new"


def test_a_cut_drops_what_a_black_hole_held(proxy: TcpProxy) -> None:
    proxy.black_hole()
    with connect(proxy) as client:
        client.sendall(b"gone")
        proxy.cut()
        assert is_closed(client)
        proxy.heal()


def test_a_delay_holds_back_each_direction(proxy: TcpProxy) -> None:
    with connect(proxy) as client:
        assert echoed(client, b"x") == b"x"
        proxy.delay(150)
        began = time.monotonic()
        assert echoed(client, b"slow") == b"slow"
        assert time.monotonic() - began >= 0.3  # there and back: a lower bound, never an upper one
        proxy.heal()
        assert echoed(client, b"fast") == b"fast"


def test_a_target_that_is_gone_closes_the_client() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))  # bound and not listening: refused
        with TcpProxy("127.0.0.1", server.getsockname()[1]) as proxy, connect(proxy) as client:
            assert is_closed(client)


def test_closing_ends_connections_in_any_state(target: int) -> None:
    proxy = TcpProxy("127.0.0.1", target)
    with connect(proxy) as open_, connect(proxy) as slow:
        assert echoed(open_, b"x") == b"x"
        proxy.delay(60_000)
        slow.sendall(b"in flight")
        proxy.black_hole()
        with connect(proxy) as stalled:
            proxy.close()
            assert is_closed(open_)
            assert is_closed(slow)
            assert is_closed(stalled)
