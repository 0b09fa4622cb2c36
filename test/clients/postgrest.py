#!/usr/bin/python3
"""Do with PostgreSQL what PostgREST does with it for an HTTP request.

    postgrest.py CONNINFO [URL] < requests.json > answers.json

Without URL, PostgREST's part is played here: the same statements in the same
order with the same parameters, prepared, over one connection for all requests,
and the same table that makes an HTTP status of an SQLSTATE.  With URL, that is
where a real one listens, and the same requests go there over HTTP.

A request is {"method", "path", "headers", "body"}, the names of its headers in
any case.  Only for the part that is played here:

    "isolation"  "READ COMMITTED" if absent
    "settings"   values to replace those that PostgREST sets, by name
    "before"     SQL to run as the role of the request, before the pre-request
    "after"      SQL to run there, between the pre-request and the query
    "role"       the role that the token names, if it does

An answer is {"status", "headers", "body", "sqlstate"}.
"""

import ctypes
import http.client
import json
import re
import sys
import urllib.parse

ANONYMOUS = "web_anon"
SCHEMA = "api"


class Failure(Exception):
    """An error of the server."""

    def __init__(self, sqlstate, message, detail, hint):
        super().__init__(message)
        self.sqlstate, self.message = sqlstate, message
        self.detail, self.hint = detail, hint


class Connection:
    """libpq's extended protocol, with parameters as text."""

    def __init__(self, conninfo, prepare=True):
        pq = self.pq = ctypes.CDLL("libpq.so.5")
        for function in ("PQconnectdb", "PQprepare", "PQexecPrepared", "PQexecParams"):
            getattr(pq, function).restype = ctypes.c_void_p
        for function in ("PQerrorMessage", "PQresultErrorField", "PQgetvalue"):
            getattr(pq, function).restype = ctypes.c_char_p
        self.prepared = {} if prepare else None
        self.connection = ctypes.c_void_p(pq.PQconnectdb(conninfo.encode()))
        if pq.PQstatus(self.connection) != 0:
            raise SystemExit(pq.PQerrorMessage(self.connection).decode())
        # Notices and warnings are collected, not printed.
        self.notices = []
        kind = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p)
        self.processor = kind(lambda _, text: self.notices.append(text.decode()))
        pq.PQsetNoticeProcessor.restype = ctypes.c_void_p
        pq.PQsetNoticeProcessor(self.connection, self.processor, None)

    def check(self, result):
        pq, result = self.pq, ctypes.c_void_p(result)
        try:
            if pq.PQresultStatus(result) in (1, 2):
                return [
                    [
                        None if pq.PQgetisnull(result, row, column)
                        else pq.PQgetvalue(result, row, column).decode()
                        for column in range(pq.PQnfields(result))
                    ]
                    for row in range(pq.PQntuples(result))
                ]
            fields = [pq.PQresultErrorField(result, ord(code)) for code in "CMDH"]
            raise Failure(*[None if field is None else field.decode() for field in fields])
        finally:
            pq.PQclear(result)

    def run(self, sql, *parameters):
        """Run a statement, return its rows as lists of text."""
        count = len(parameters)
        values = (ctypes.c_char_p * max(count, 1))(
            *[None if each is None else each.encode() for each in parameters])
        if self.prepared is None or not parameters:
            return self.check(self.pq.PQexecParams(
                self.connection, sql.encode(), count, None, values, None, None, 0))
        if sql not in self.prepared:
            name = str(len(self.prepared)).encode()
            self.check(self.pq.PQprepare(self.connection, name, sql.encode(), count, None))
            self.prepared[sql] = name
        return self.check(self.pq.PQexecPrepared(
            self.connection, self.prepared[sql], count, values, None, None, 0))


def http_status(failure, authenticated):
    """PostgREST's table of SQLSTATEs."""
    state, message = failure.sqlstate, failure.message
    exact = {
        "23503": 409, "23505": 409, "25006": 405, "53400": 500, "57P01": 503,
        "P0001": 400, "42883": 404, "42P01": 404, "42P17": 500, "21000": 500,
        "22023": 401 if re.match(r"role.*does not exist$", message) else 400,
        "42501": 403 if authenticated else 401,
    }
    classes = {
        "08": 503, "09": 500, "0L": 403, "0P": 403, "25": 500, "28": 403, "2D": 500,
        "38": 500, "39": 500, "3B": 500, "40": 500, "53": 503, "54": 500, "55": 500,
        "57": 500, "58": 500, "F0": 500, "HV": 500, "P0": 500, "XX": 500,
    }
    if state in exact:
        return exact[state]
    if state.startswith("PT"):
        return int(state[2:])
    return classes.get(state[:2], 400)


def refusal(failure, authenticated):
    """The answer that PostgREST makes of an error."""
    if failure.sqlstate == "PGRST":
        body, head = json.loads(failure.message), json.loads(failure.detail)
        # These must be there, and be no more than this; else it is a 500.
        texts = [body["code"], body["message"], *head["headers"].values()]
        texts += [body[name] for name in ("details", "hint") if body.get(name) is not None]
        assert all(isinstance(text, str) for text in texts), texts
        status = head["status"]
        headers = {name.lower(): value for name, value in head["headers"].items()}
    else:
        body = {"code": failure.sqlstate, "message": failure.message,
                "details": failure.detail, "hint": failure.hint}
        status = http_status(failure, authenticated)
        headers = {"www-authenticate": "Bearer"} if status == 401 else {}
    return {"status": status, "headers": headers, "body": body,
            "sqlstate": failure.sqlstate}


def quote(name):
    return '"' + name.replace('"', '""') + '"'


def source_of(method, path, query):
    """The statement that PostgREST reads its answer from; $1 is the body."""
    name = f"{SCHEMA}.{quote(path.split('/')[-1])}"
    if path.startswith("/rpc/"):
        arguments = "".join(
            f", {quote(key)} := (request.body ->> '{key}')" for key in query["arguments"])[2:]
        return f"SELECT result AS value FROM (SELECT $1::json AS body) request, LATERAL {name}({arguments}) result"
    where = f"WHERE id = {int(query['id'])}" if "id" in query else ""
    if method in ("GET", "HEAD"):
        return f"SELECT * FROM {name} {where} ORDER BY id"
    if method == "DELETE":
        return f"DELETE FROM {name} {where} RETURNING *"
    columns = ", ".join(quote(column) for column in query["columns"])
    values = f"(SELECT {columns} FROM json_populate_record(NULL::{name}, $1::json))"
    if method == "PATCH":
        return f"UPDATE {name} SET ({columns}) = {values} {where} RETURNING *"
    conflict = ""
    if method == "PUT":
        excluded = ", ".join(f"{quote(c)} = excluded.{quote(c)}" for c in query["columns"])
        conflict = f"ON CONFLICT (id) DO UPDATE SET {excluded}"
    return f"INSERT INTO {name} ({columns}) {values} {conflict} RETURNING *"


class Player:
    """Plays PostgREST's part."""

    def __init__(self, connection):
        self.connection = connection
        # PostgREST's schema cache knows how volatile a function is.
        self.volatility = dict(connection.run(
            "SELECT proname::text, provolatile::text FROM pg_catalog.pg_proc"
            " WHERE pronamespace = $1::text::regnamespace", SCHEMA))

    def settings(self, request, role):
        """What is set for the transaction, in PostgREST's order."""
        headers, cookies = {}, {}
        for name, value in request.get("headers", {}).items():
            if name.lower() != "cookie":
                headers[name.lower()] = value
                continue
            for pair in value.split(";"):
                key, _, text = pair.strip().partition("=")
                cookies[key] = text
        values = {
            "search_path": '"api", "public"',
            "role": role,
            "request.jwt.claims": json.dumps({"role": role}),
            "request.method": request["method"],
            "request.path": request["path"].partition("?")[0],
            "request.headers": json.dumps(headers, ensure_ascii=False),
            "request.cookies": json.dumps(cookies, ensure_ascii=False),
        }
        values.update(request.get("settings", {}))
        return {name: value for name, value in values.items() if value is not None}

    def read_only(self, method, path):
        if method in ("GET", "HEAD"):
            return True
        return path.startswith("/rpc/") and self.volatility[path[5:]] in "si"

    def transaction(self, request, role, body):
        method, (path, _, query) = request["method"], request["path"].partition("?")
        query = {key: text.removeprefix("eq.") for key, text in urllib.parse.parse_qsl(query)}
        given = json.loads(body) if body else {}
        query["columns"], query["arguments"] = list(given), list(given)
        run = self.connection.run
        mode = "READ ONLY" if self.read_only(method, path) else "READ WRITE"
        run(f"BEGIN ISOLATION LEVEL {request.get('isolation', 'READ COMMITTED')} {mode}")
        settings = self.settings(request, role)
        run("select " + ", ".join(
            f"set_config('{name}', ${number}, true)"
            for number, name in enumerate(settings, 1)), *settings.values())
        if "before" in request:
            run(request["before"])
        run('select "public"."pindah_pre_request"()')
        if "after" in request:
            run(request["after"])
        source = source_of(method, path, query)
        function = path.startswith("/rpc/")
        rows = run(
            f"WITH pgrst_source AS ({source}) SELECT"
            + (" json_agg(s.value) -> 0," if function else " coalesce(json_agg(s), '[]'),")
            + " nullif(current_setting('response.headers', true), ''),"
            " nullif(current_setting('response.status', true), '')"
            " FROM (SELECT * FROM pgrst_source) s", *([body] if "$1" in source else []))
        run("COMMIT")
        return rows[0]

    def answer(self, request):
        role = request.get("role") or ANONYMOUS
        del self.connection.notices[:]
        try:
            body, headers, status = self.transaction(request, role, request.get("body") or "{}")
        except Failure as failure:
            self.connection.run("ROLLBACK")
            return dict(refusal(failure, role != ANONYMOUS),
                        notices=self.connection.notices)
        created = request["method"] == "POST" and not request["path"].startswith("/rpc/")
        collected = {}
        for header in json.loads(headers or "[]"):
            for name, value in header.items():
                collected[name.lower()] = value
        return {"status": int(status or (201 if created else 200)), "headers": collected,
                "body": None if request["method"] == "HEAD" else json.loads(body or "null"),
                "sqlstate": None, "notices": list(self.connection.notices)}


def ask(url, request):
    """Send a request to a real PostgREST."""
    address = urllib.parse.urlsplit(url)
    client = http.client.HTTPConnection(address.hostname, address.port, timeout=20)
    headers = {"Prefer": "return=representation", **request.get("headers", {})}
    if request.get("body"):
        headers["Content-Type"] = "application/json"
    client.request(request["method"], request["path"], request.get("body"), headers)
    response = client.getresponse()
    text = response.read().decode()
    client.close()
    return {"status": response.status, "body": json.loads(text) if text else None,
            "headers": {name.lower(): value for name, value in response.getheaders()},
            "sqlstate": None, "notices": []}


def main():
    requests = json.load(sys.stdin)
    if len(sys.argv) > 2 and sys.argv[2].startswith("http"):
        answers = [ask(sys.argv[2], request) for request in requests]
    else:
        player = Player(Connection(sys.argv[1], prepare="unprepared" not in sys.argv[2:]))
        answers = [player.answer(request) for request in requests]
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
