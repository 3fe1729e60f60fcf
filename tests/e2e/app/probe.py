"""An app that runs what it is sent: POST Python, get as JSON what it assigned to `result`. It looks at its sandbox from
the inside."""

import json
import os
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Probe(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer({"from": self.client_address[0]})

    def do_POST(self):
        code = self.rfile.read(int(self.headers["Content-Length"])).decode()
        world = {"result": None}
        try:
            exec(code, world)  # the test's own words
            self.answer({"result": world["result"]})
        except BaseException:
            self.answer({"raised": traceback.format_exc()})

    def answer(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Probe).serve_forever()
