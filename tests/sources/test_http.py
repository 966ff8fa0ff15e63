"""HTTP on loopback: each way of failing is a line of its own, what broke off goes on."""

import io
import pickle
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import numpy as np
import pytest

from gausscheck.core import GausscheckError
from gausscheck.sources import http, inspect_source, open_source

X = np.random.default_rng(4).standard_normal((5000, 16)).astype(np.float32)


def npy(array):
    held = io.BytesIO()
    np.save(held, array)
    return held.getvalue()


BODY = npy(X)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.seen.append((self.path, dict(self.headers)))
        getattr(self, self.path[1:].split(".")[0].split("?")[0])()

    def answer(self, code=200, body=b"", **headers):
        self.send_response(code)
        for name, value in {"Content_Length": len(body), **headers}.items():
            if value is not None:
                self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

    def good(self):
        self.answer(body=BODY)

    def nameless(self):
        self.answer(body=BODY, Content_Length=None)

    def forbidden(self):
        self.answer(403)

    def missing(self):
        self.answer(404)

    def broken(self):
        self.answer(500)

    def shaky(self):
        self.answer(*((200, BODY) if len(self.server.seen) > 2 else (503,)))

    def circle(self):
        self.answer(302, Location="/circle.npy")

    def away(self):
        self.answer(302, Location="file:///etc/passwd")

    def moved(self):
        self.answer(302, Location="/good.npy")

    def mute(self):
        self.server.over.wait(5)

    def half_mute(self):
        self.answer(body=BODY[:1000], Content_Length=len(BODY))
        self.server.over.wait(5)

    def drip(self):
        self.answer(Content_Length=len(BODY))
        for _ in range(100):
            if self.server.over.wait(0.05):
                return
            self.wfile.write(b"x")

    def cut(self):
        """Break off twice; go on where asked to."""
        start = int(self.headers.get("Range", "bytes=0-")[6:-1])
        end = min(start + 150_000, len(BODY))
        code = 206 if start else 200
        self.answer(code, BODY[start:end], Content_Length=len(BODY) - start, ETag='"one"')

    def changed(self):
        """Break off, and be another file the next time."""
        if len(self.server.seen) == 1:
            self.answer(body=BODY[:100_000], Content_Length=len(BODY), ETag='"one"')
        else:
            self.answer(body=npy(X + 1), ETag='"two"')

    def huge(self):
        self.answer(Content_Length=1 << 60)

    def page(self):
        self.answer(body=b"<!DOCTYPE html><html>not here</html>")


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(http, "_PAUSE", 0.0)
    monkeypatch.setattr(http, "TIMEOUT", 0.5)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as held:
        held.seen, held.over = [], Event()
        thread = Thread(target=held.serve_forever, args=(0.01,))
        thread.start()
        held.url = f"http://127.0.0.1:{held.server_port}"
        yield held
        held.over.set()
        held.shutdown()
        thread.join()


@pytest.mark.parametrize("name", ["good", "nameless", "moved", "shaky", "cut"])
def test_rows_arrive(server, name):
    source = open_source(f"{server.url}/{name}.npy")
    np.testing.assert_array_equal(source.read(0, 5000), X)
    assert inspect_source(f"{server.url}/good.npy").entries[0].shape == (5000, 16)


def test_what_breaks_off_goes_on_where_it_stopped(server):
    open_source(f"{server.url}/cut.npy")
    asked = [headers.get("Range") for _, headers in server.seen]
    assert asked == [None, "bytes=150000-", "bytes=300000-"]
    assert server.seen[1][1]["If-Range"] == '"one"'


def test_another_file_is_fetched_from_its_beginning(server):
    source = open_source(f"{server.url}/changed.npy")
    np.testing.assert_array_equal(source.read(0, 5000), X + 1)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("forbidden", r"the server says 403 \(access is denied"),
        ("missing", r"the server says 404 \(no such file\)"),
        ("broken", r"the server says 500 \(Internal Server Error\)"),
        ("circle", "it redirects in circles"),
        ("away", "file:///etc/passwd' is not allowed"),
        ("mute", r"no answer in 0\.5 seconds"),
        ("half_mute", r"no answer in 0\.5 seconds"),
        ("drip", r"no answer in 0\.5 seconds"),
        ("huge", "do not fit the disk"),
        ("page", "an HTML page, not data"),
    ],
)
def test_each_way_of_failing_is_its_own_line(server, name, words):
    url = f"{server.url}/{name}.npy"
    start = time.monotonic()
    with pytest.raises(GausscheckError, match=words) as caught:
        open_source(url)
    assert str(caught.value).startswith(url)
    assert len(str(caught.value).splitlines()) == 1
    assert time.monotonic() - start < 10


def test_nobody_there(server):
    with pytest.raises(GausscheckError, match="connection refused"):
        open_source("http://127.0.0.1:9/x.npy")
    with pytest.raises(GausscheckError, match="cannot be fetched"):
        open_source("http://nowhere.invalid/x.npy")
    with pytest.raises(GausscheckError, match="HTTP lists no files"):
        open_source(f"{server.url}/*.npy")


def test_bytes_that_changed_between_two_fetches_are_told(server):
    source = open_source(f"{server.url}/changed.npy")  # the second answer
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(source)).read(0, 9), X[:9] + 1)
    back = pickle.loads(pickle.dumps(source))
    back._url = f"{server.url}/good.npy"
    with pytest.raises(GausscheckError, match="changed since it was fetched first"):
        back.read(0, 9)
