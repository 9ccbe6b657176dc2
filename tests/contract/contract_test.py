"""The server against its own document: what /openapi.json says is what it does, and docs/http.md says no other.

usage: contract_test.py HOLDFAST-PROGRAM [unittest's arguments]

A real server on a free port of this machine, over a ledger that the document's own examples fill. Then schemathesis asks
every operation in thousands of ways: each answer must be documented, each field of it too, what the document allows must
be taken, and what it does not allow refused. With CONTRACT_EXAMPLES in the environment it asks each so often, and looks into
every corner of the lists of commands too.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent / "support"))

import openapi_spec_validator  # noqa: E402

from document import Document  # noqa: E402
from server import Server  # noqa: E402

PROGRAM = ""
SERVER: Server | None = None
DOCUMENT: Document | None = None
# A list of any commands has as many corners as all commands together, which each has its own path for.
QUICK = """
[[operations]]
include-path = ["/v1/commands", "/v1/atomics"]
phases.coverage.enabled = false
"""


def ask(method: str, path: str, body=None, key: str | None = "admin", **headers: str):
    """(status, headers, body as it came)"""
    request = urllib.request.Request(SERVER.url + path, method=method, headers=headers)
    if key:
        request.add_header("Authorization", f"Bearer {SERVER.keys[key]}")
    if body is not None:
        request.data = body if isinstance(body, bytes) else json.dumps(body).encode()
        if "Content-Type" not in headers:
            request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def setUpModule():
    global SERVER, DOCUMENT
    SERVER = Server(PROGRAM).__enter__()
    try:
        SERVER.run("webhooks", "add", "books", "http://127.0.0.1:9/nobody-is-here")
        DOCUMENT = Document(json.loads(ask("GET", "/openapi.json", key=None)[2]))
        fill()
    except BaseException:
        SERVER.__exit__()
        raise


def tearDownModule():
    SERVER.__exit__()


def fill():
    """Every command that the document shows, in its order, must be accepted as it stands there."""
    for path, method, operation in DOCUMENT.operations():
        if method != "post":
            continue
        for name, example in operation["requestBody"]["content"]["application/json"]["examples"].items():
            address = path.replace("{name}", "books")
            status, _, body = ask("POST", address, example["value"])
            if status != 200:
                raise AssertionError(f"the example {name} of POST {path} is answered {status}: {body.decode()}")
            pointer = f"/paths/{path.replace('/', '~1')}/post/responses/200/content/application~1json/schema"
            if wrong := DOCUMENT.wrong(pointer, json.loads(body)):
                raise AssertionError(f"the answer to the example {name} of POST {path} is not as documented: {wrong}")


class TheDocument(unittest.TestCase):
    def test_is_valid(self):
        openapi_spec_validator.validate(DOCUMENT.raw, cls=openapi_spec_validator.OpenAPIV31SpecValidator)

    def test_is_served_to_everyone_as_it_was_written(self):
        status, headers, body = ask("GET", "/openapi.json", key=None)
        self.assertEqual(status, 200)
        self.assertEqual(headers["Content-Type"], "application/json")
        self.assertEqual(body.decode(), (ROOT / "src/server/openapi/openapi.json").read_text(encoding="utf-8"))

    def test_shows_only_what_is_of_its_schemas(self):
        shown = 0
        for pointer, name, value in DOCUMENT.examples():
            shown += 1
            with self.subTest(schema=pointer, example=name):
                self.assertEqual(DOCUMENT.wrong(pointer, value), [])
        self.assertGreater(shown, 150)

    def test_every_operation_has_an_answer_to_show(self):
        silent = {"/metrics", "/openapi.json", "/", "/assets/{file}"}  # long, and of no use here
        for path, method, operation in DOCUMENT.operations():
            if path in silent:
                continue
            for media, content in operation["responses"]["200"]["content"].items():
                with self.subTest(operation=operation["operationId"], media=media):
                    self.assertTrue(content.get("examples"))

    def test_the_page_for_people_names_the_same_paths(self):
        """docs/http.md: every path of the document, in full or as a part of one, and no other."""
        page = (ROOT / "docs/http.md").read_text(encoding="utf-8")
        named = set()
        for row in re.findall(r"^\|.*\|$", page, re.MULTILINE):
            before = ""
            for text in re.findall(r"`((?:/|…/)[^`]*)`", row):
                text = text.partition("?")[0]
                before = text = before + text.removeprefix("…") if text.startswith("…") else text
                named.add(re.sub(r"\{\w+\}", "{}", text))
        documented = {re.sub(r"\{\w+\}", "{}", path) for path in DOCUMENT.raw["paths"]}
        self.assertEqual(named, documented)
        for parameter in re.findall(r"`(/v1/\w+)\?([^`]*)`", page):
            path, query = parameter
            known = {self.name_of(each) for each in DOCUMENT.raw["paths"][path]["get"]["parameters"]}
            self.assertLessEqual(set(query.split("&")), known, path)

    @staticmethod
    def name_of(parameter: dict) -> str:
        return DOCUMENT.resolve(parameter)["name"]


class TheServer(unittest.TestCase):
    def test_every_question_is_answered_as_the_document_shows(self):
        """With the examples of its parameters."""
        for path, method, operation in DOCUMENT.operations():
            if method != "get":
                continue
            query, address = {}, path
            for parameter in map(DOCUMENT.resolve, operation["parameters"]):
                if parameter["in"] == "path":
                    value = urllib.parse.quote(parameter["example"], safe="")
                    address = address.replace("{" + parameter["name"] + "}", value)
                elif parameter["in"] == "query" and "example" in parameter:
                    query[parameter["name"]] = parameter["example"]
            address += "?" + urllib.parse.urlencode(query) if query else ""
            with self.subTest(address=address):
                status, headers, body = ask("GET", address)
                self.assertEqual(status, 200, body)
                media = headers["Content-Type"].partition(";")[0]
                self.assertIn(media, operation["responses"]["200"]["content"])
                if media == "application/json":
                    pointer = f"/paths/{path.replace('/', '~1')}/get/responses/200/content/application~1json/schema"
                    answer = json.loads(body)
                    self.assertEqual(DOCUMENT.wrong(pointer, answer), [])
                    if "rows" in answer:
                        self.assertTrue(answer["rows"], "the examples lead to rows")
                head, _, nothing = ask("HEAD", address)
                self.assertEqual((head, nothing), (200, b""))

    def test_every_path_needs_a_key_where_it_is_said(self):
        for path, method, operation in DOCUMENT.operations():
            address = path.replace("{", "").replace("}", "")
            open_to_all = operation.get("security") == []
            with self.subTest(operation=operation["operationId"]):
                status, headers, _ = ask(method.upper(), address, {} if method == "post" else None, key=None)
                self.assertEqual(status == 401, not open_to_all, status)
                if not open_to_all:
                    self.assertEqual(headers["WWW-Authenticate"], 'Bearer realm="holdfast"')

    def test_every_role_is_what_is_said(self):
        for path, method, operation in DOCUMENT.operations():
            needed = re.search(r"Role `(\w+)`", operation.get("description", ""))
            role = needed.group(1) if needed else "read"
            address = path.replace("{", "").replace("}", "")
            for key in ("read", "operate", "admin"):
                with self.subTest(operation=operation["operationId"], key=key):
                    status, _, _ = ask(method.upper(), address, {} if method == "post" else None, key)
                    may = ("read", "operate", "admin").index(key) >= ("read", "operate", "admin").index(role)
                    self.assertEqual(status == 403, not may, status)
                    if not may:
                        self.assertIn("403", operation["responses"])

    def test_another_method_is_refused_with_those_that_are_known(self):
        for path, item in DOCUMENT.raw["paths"].items():
            known = {method.upper() for method in ("get", "post") if method in item}
            known |= {"HEAD"} if "GET" in known else set()
            for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} - known:
                with self.subTest(path=path, method=method):
                    status, headers, body = ask(method, path.replace("{", "").replace("}", ""))
                    self.assertEqual(status, 405)
                    self.assertEqual(set(headers["Allow"].split(", ")), known)
                    self.assertEqual(json.loads(body)["code"], "method_not_allowed")
                    self.assertEqual(DOCUMENT.wrong("/components/schemas/Problem", json.loads(body)), [])

    def test_events_as_a_stream(self):
        request = urllib.request.Request(SERVER.url + "/v1/events?after=1", headers={
            "Authorization": f"Bearer {SERVER.keys['read']}", "Accept": "text/event-stream", "Last-Event-ID": "2"})
        with urllib.request.urlopen(request, timeout=30) as stream:
            self.assertEqual(stream.headers["Content-Type"], "text/event-stream")
            seen: dict[str, str] = {}
            for line in stream:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                seen[name] = value
                if name == "data":
                    break
        event = json.loads(seen["data"])
        self.assertEqual((event["seq"], event["op"]), (3, seen["event"]))
        self.assertEqual(DOCUMENT.wrong("/components/schemas/Event", event), [])

    def test_a_replay_of_a_webhook_that_is_not_there_is_not_found(self):
        status, _, body = ask("POST", "/v1/webhooks/none/replay", {"after": 0})
        self.assertEqual((status, json.loads(body)["code"]), (404, "not_found"))


class WhateverIsAsked(unittest.TestCase):
    """Runs last: its name says so to unittest."""

    def test_is_answered_as_documented(self):
        """What it found and how to ask it again is in what it prints. The seed is fixed: a failure comes again."""
        examples = os.environ.get("CONTRACT_EXAMPLES")
        environment = {**os.environ, "PYTHONPATH": str(HERE), "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "160"}
        with tempfile.TemporaryDirectory(prefix="holdfast-contract-") as place:
            config = pathlib.Path(place) / "schemathesis.toml"
            config.write_text((HERE / "schemathesis.toml").read_text() + ("" if examples else QUICK))
            done = subprocess.run(
                [sys.executable, "-m", "schemathesis.cli", "--no-color", "--config-file", str(config), "run",
                 "--seed", "1", "--max-examples", examples or "15",
                 "--header", f"Authorization: Bearer {SERVER.keys['admin']}", SERVER.url + "/openapi.json"],
                cwd=place, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("No issues found", done.stdout)
        # All that was asked has left a sound ledger.
        SERVER.stop()
        audit = SERVER.run("audit", "--json")
        self.assertTrue(json.loads(audit)["ok"], audit)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    PROGRAM = sys.argv[1]
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
