"""A server that records requests as they arrive, and answers them itself or asks another server."""

import http.client
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TIMEOUT_S = 15


@dataclass(frozen=True)
class Recorded:
    method: str
    # Path and query, not decoded.
    target: str
    # In order of arrival, with names as they were written.
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        values = [value for key, value in self.headers if key.lower() == name]
        if len(values) > 1:
            raise AssertionError(f"the header {name} came {len(values)} times")
        return values[0] if values else None


class RecordingServer:
    """`upstream`: the host and port of who answers; without one every answer is an empty good one."""

    def __init__(self, upstream: str | None = None):
        self.requests: list[Recorded] = []
        recording = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = TIMEOUT_S

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", "0")))
                target = self.requestline.split(" ")[1]
                request = Recorded(self.command, target, list(self.headers.items()), body)
                recording.requests.append(request)
                self._answer(*(forward(upstream, request) if upstream else (200, [], b"{}")))

            do_GET = do_PUT = do_POST

            def _answer(self, status, headers, body):
                self.send_response_only(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> "RecordingServer":
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self.server.shutdown()
        self.server.server_close()


def forward(upstream: str, request: Recorded):
    """Byte for byte: the signature covers the host that the client believes to speak to."""
    connection = http.client.HTTPConnection(upstream, timeout=TIMEOUT_S)
    try:
        connection.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
        for name, value in request.headers:
            connection.putheader(name, value)
        connection.endheaders(request.body)
        reply = connection.getresponse()
        body = reply.read()
        kept = [(name, value) for name, value in reply.getheaders() if name.lower() != "content-length"]
        return reply.status, kept, body
    finally:
        connection.close()
