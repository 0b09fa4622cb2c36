#!/usr/bin/python3
"""Stand between sqlsmith and the server and look for canaries.

    proxy.py LISTEN SERVER REPORT FORBIDDEN [...]

LISTEN and SERVER are paths of sockets.  Every byte that the server answers is
searched for the canaries of schema.sql and for the words in FORBIDDEN.  What
is found is written to REPORT.found, with the statement; internal errors to
REPORT.internal.  On SIGTERM the figures
go to REPORT as JSON.

Only simple queries pass by (sqlsmith knows no others).  On the way they are
made to find more: most samples become whole tables, many NULL constants values,
and half of the queries lose their outermost condition.  Each is then tried in
two more FORMS, in transactions of their own; sqlsmith sees the first answer.
"""
import collections
import json
import os
import random
import re
import signal
import socket
import struct
import sys
import threading

# As text, as bytea's text, and backwards; case does not matter.  (A collation is
# of the Canary Islands.)
CANARIES = ["canary", "canary".encode().hex(), "yranac", "19770770", "3977-07-", "c0ffee00-cafe"]
OWN = re.compile(rb"own[ab]-\d", re.I)

CONTROL = re.compile(rb"\s*(rollback|begin|set)\b", re.I)
STATEMENT_TIMEOUT = b"set statement_timeout to '200ms'"
AS_IS = ("as it is", "{}")
EXPLAIN = ("EXPLAIN ANALYZE", "EXPLAIN (ANALYZE, VERBOSE, BUFFERS) {}")
PREPARE = ("PREPARE", "DEALLOCATE ALL; PREPARE smith AS {}; EXECUTE smith")
FORMS = [
    ("COPY", "COPY ({}) TO STDOUT"),
    EXPLAIN,
    ("cursor", "DECLARE smith CURSOR FOR {}; FETCH 3 FROM smith; FETCH ALL FROM smith"),
    PREPARE,
    ("CREATE TABLE AS", "CREATE TEMPORARY TABLE smith ON COMMIT DROP AS {}; TABLE smith"),
]

# sqlsmith knows neither privileges nor polymorphic types, and most of its
# statements would fail for them: it is told less of the catalogs.  (Locks of a
# session would fill the lock table in the end.)
USELESS = """(SELECT oid FROM pg_type WHERE typtype = 'p'
	OR typname IN ('refcursor', 'json', 'xml', 'point', 'polygon', 'jsonpath', 'txid_snapshot'))"""
OPERATORS = f" AND oprleft NOT IN {USELESS} AND oprright NOT IN {USELESS} AND oprresult NOT IN {USELESS}"
ROUTINES = f""" AND prorettype NOT IN {USELESS} AND has_function_privilege(oid, 'EXECUTE')
	AND proname !~ 'advisory|sleep' AND NOT EXISTS (SELECT FROM unnest(proargtypes) a WHERE a IN {USELESS})"""

VALUES = {
    "text": "'P'", "varchar": "'P'", "bpchar": "'P'", "name": "'P'", "bytea": "'P'",
    "int2": "3", "int4": "3", "int8": "3", "numeric": "3", "float4": "3", "float8": "3", "bool": "true",
    "date": "'2026-01-04'", '"timestamp"': "'2026-01-04'", "timestamptz": "'2026-01-04'",
    '"interval"': "'1 day'", "uuid": "'a0000000-aaaa-4000-8000-000000000003'", "_text": "'{P}'",
    "jsonb": "'{\"name\": 3}'", "tsvector": "'p'", "tsquery": "'p'",
}
NULL = re.compile(r"cast\(null as ([\"\w]+)\)")
SAMPLE = re.compile(r"tablesample (system|bernoulli) \([\d.]+\)")
OFFSET = re.compile(r"(?<=limit 1 offset )\d+")
# The condition of the outermost query, as sqlsmith indents it.
CONDITION = re.compile(r"\nwhere .*?(?=\nlimit \d+[;\s]*\Z|;?\s*\Z)", re.S)
WRITES = re.compile(r"\b(insert|update|delete|merge)\b", re.I)


class Tally:
    """What was seen; shared by all connections."""

    def __init__(self, report, forbidden):
        self.report = report
        self.pattern = re.compile(b"(?:" + "|".join(map(re.escape, CANARIES + forbidden)).encode() + b")(?! islands)", re.I)
        self.lock = threading.Lock()
        self.count = collections.Counter()
        self.states = collections.Counter()
        self.kinds = collections.Counter()
        self.forms = collections.Counter()

    def look(self, statement, answer):
        """Search an answer."""
        match = self.pattern.search(answer)
        if match:
            with self.lock, open(self.report + ".found", "ab") as f:
                self.count["canaries"] += 1
                f.write(b"-- " + match.group() + b"\n" + statement + b"\n-- " +
                        answer[max(0, match.start() - 200):match.end() + 200].replace(b"\n", b" ") + b"\n\n")

    def keep_internal_error(self, statement, error):
        """Nobody should see one; most are PostgreSQL's own.  All are kept to be read."""
        with self.lock, open(self.report + ".internal", "ab") as f:
            f.write(b"-- " + re.search(rb"\0M([^\0]*)", error).group(1) + b"\n" + statement + b"\n\n")

    def add(self, form, answer, rows, states):
        with self.lock:
            self.count["statements"] += 1
            self.count["bytes"] += len(answer)
            self.count["rows"] += rows
            self.count["statements with rows"] += rows > 0
            self.count["statements with own names in their rows"] += bool(OWN.search(answer))
            self.forms[form] += 1
            self.states.update(states)

    def write(self):
        with self.lock, open(self.report, "w", encoding="utf-8") as f:
            json.dump({**self.count, "kinds": self.kinds, "forms": self.forms, "states": self.states}, f)


class Session:
    """One connection: a message from the client, the answer of the server."""

    def __init__(self, client, server, tally):
        self.client, self.server, self.tally = client, server, tally
        self.random = random.Random(1)
        self.generated = 0
        self.testing = False    # not the connection that reads the catalogs

    def read(self, size):
        data = b""
        while len(data) < size:
            chunk = self.client.recv(size - len(data))
            if not chunk:
                raise ConnectionError
            data += chunk
        return data

    def ask(self, message, statement=b""):
        """Send a message, wait for ReadyForQuery; the answer, rows, SQLSTATEs."""
        self.server.sendall(message)
        answer, at, rows, states, kind = bytearray(), 0, 0, [], b""
        while kind != b"Z":
            chunk = self.server.recv(1 << 18)
            if not chunk:
                break
            answer += chunk
            while len(answer) >= at + 5 and kind != b"Z":
                size = struct.unpack_from("!i", answer, at + 1)[0]
                if len(answer) < at + 1 + size:
                    break
                kind = bytes(answer[at:at + 1])
                rows += kind in (b"D", b"d")
                if kind == b"E":
                    states += re.findall(rb"\0C(\w{5})\0", answer[at + 5:at + 1 + size])
                    if states[-1:] == [b"XX000"]:
                        self.tally.keep_internal_error(statement, answer[at + 5:at + 1 + size])
                at += 1 + size
        answer = bytes(answer)
        self.tally.look(statement, answer)
        if kind != b"Z":
            raise ConnectionError
        return answer, rows, [state.decode() for state in states]

    def query(self, text):
        body = text.encode() + b"\0"
        return self.ask(b"Q" + struct.pack("!i", len(body) + 4) + body, body)

    def enliven(self, query):
        """The same query, less empty."""
        def value(match):
            known = VALUES.get(match.group(1))
            if known is None or self.random.random() < 0.4:
                return match.group()
            return f"cast({known} as {match.group(1)})"

        def sample(match):
            return match.group() if self.random.random() < 0.2 else f"tablesample {match.group(1)} (100)"

        query = SAMPLE.sub(sample, NULL.sub(value, query))
        if query.startswith("select") and self.random.random() < 0.5:
            query = CONDITION.sub("", query)
        return OFFSET.sub(lambda match: str(int(match.group()) % 5), query)

    def try_out(self, query, form):
        name, pattern = form
        answer, rows, states = self.query(pattern.format(query))
        self.tally.add(name, answer, rows, states)
        return answer

    def test(self, query):
        """What sqlsmith has made up, in three forms."""
        query = self.enliven(query.rstrip("; \n"))
        self.generated += 1
        with self.tally.lock:
            self.tally.count["statements made up"] += 1
            self.tally.kinds[query.split(None, 1)[0].upper()] += 1
        answer = self.try_out(query, AS_IS)
        forms = [EXPLAIN, PREPARE]
        if query.startswith(("select", "with", "WITH")) and not WRITES.search(query):
            forms = [FORMS[(2 * self.generated + i) % len(FORMS)] for i in (0, 1)]
        for form in forms:
            self.query("ROLLBACK")
            self.query("BEGIN")
            self.try_out(query, form)
        return answer

    def answer(self, query):
        """The answer to a query of the client's."""
        if query.startswith(b"set statement_timeout"):
            self.testing = True
            query = STATEMENT_TIMEOUT
        elif self.testing and not CONTROL.match(query):
            return self.test(query.decode())
        elif b" from pg_catalog.pg_operator " in query:
            query += OPERATORS.encode()
        elif b" from pg_proc where prorettype" in query:
            query += ROUTINES.encode()
        return self.query(query.decode())[0]

    def run(self):
        try:
            head = self.read(4)
            message = head + self.read(struct.unpack("!i", head)[0] - 4)
            self.client.sendall(self.ask(message)[0])
            while True:
                head = self.read(5)
                body = self.read(struct.unpack("!i", head[1:])[0] - 4)
                if head[:1] == b"Q":
                    self.client.sendall(self.answer(body.rstrip(b"\0")))
                elif head[:1] == b"X":
                    break
                else:
                    raise ConnectionError(f"unexpected message {head[:1]}")
        except OSError:
            pass
        finally:
            self.client.close()
            self.server.close()


def main():
    listen, server_path, report, *forbidden = sys.argv[1:]
    tally = Tally(report, forbidden)

    def end(*_):
        tally.write()
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(listen)
    listener.listen()
    while True:
        client, _ = listener.accept()
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(server_path)
        except OSError:
            client.close()
            continue
        threading.Thread(target=Session(client, server, tally).run, daemon=True).start()


if __name__ == "__main__":
    main()
