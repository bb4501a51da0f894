"""A cold browser, told over a pipe to open a page, and how long that takes."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["opening_times"]

_OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-quic", "--window-size=1280,900", "--remote-debugging-pipe",
)  # fmt: skip

# The page marks itself when its charts are there; then fonts, and two frames: the first may be
# under way already.  performance.now() counts from the start of the navigation.
_DRAWN = """new Promise(done => {
  const frame = () => new Promise(requestAnimationFrame);
  const look = () => document.body && document.body.dataset.drawn
    ? document.fonts.ready.then(frame).then(frame).then(() => done(performance.now()))
    : setTimeout(look, 2);
  look();
})"""


def opening_times(page: Path) -> tuple[float, float]:
    """Return the seconds until a page stands still, without and with the start of the browser.

    Raises
    ------
    FileNotFoundError
        If there is no Chromium.
    """
    start = time.perf_counter()
    with _browser() as ask:
        target = ask("Target.createTarget", url="about:blank")["targetId"]
        session = ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        ask("Page.enable", session)
        ask("Page.navigate", session, url=page.resolve().as_uri())
        found = ask("Runtime.evaluate", session, expression=_DRAWN, awaitPromise=True)
        return found["result"]["value"] / 1e3, time.perf_counter() - start


@contextmanager
def _browser() -> Iterator[Any]:
    chromium = shutil.which("chromium")
    if chromium is None:
        raise FileNotFoundError("chromium")
    profile = tempfile.mkdtemp(prefix="streamadapt-browser-")
    (told, tell), (hear, said) = os.pipe(), os.pipe()
    # The browser hears on 3 and speaks on 4; what is moved there must not lie there already.
    told, said = (fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (told, said))
    process = subprocess.Popen(
        [chromium, *_OPTIONS, f"--user-data-dir={profile}"], stderr=subprocess.DEVNULL,
        close_fds=False, preexec_fn=lambda: (os.dup2(told, 3), os.dup2(said, 4)),
    )  # fmt: skip
    os.close(told)
    os.close(said)
    with os.fdopen(hear, "rb") as answers, os.fdopen(tell, "wb", buffering=0) as questions:
        asked = iter(range(1, 1_000))

        def ask(method: str, session: str | None = None, **params: object) -> Any:
            number = next(asked)
            question = {"id": number, "method": method, "params": params}
            question |= {"sessionId": session} if session else {}
            questions.write(json.dumps(question).encode() + b"\0")
            while (answer := json.loads(_message(answers))).get("id") != number:
                pass
            if "error" in answer:
                raise RuntimeError(f"{method}: {answer['error']}")
            return answer["result"]

        try:
            yield ask
        finally:
            process.terminate()
            process.wait()
            shutil.rmtree(profile, ignore_errors=True)


def _message(answers: Any) -> bytes:
    found = bytearray()
    while (byte := answers.read(1)) != b"\0":
        if not byte:
            raise RuntimeError("the browser has gone")
        found += byte
    return bytes(found)
