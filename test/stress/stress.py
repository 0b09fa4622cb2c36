#!/usr/bin/python3
"""Verify in many sessions while trust changes many times a second.

Sessions present tokens from a common pool, for the transaction or for the
session, and ask who they are, several statements long.  Meanwhile one session
revokes users, tokens and keys, rotates the keys that sign, changes what
issuers may do, and distrusts issuers and trusts them again.  Every change is
noted before it is begun and after its COMMIT has returned.  Then

- an acceptance is wrong when the statement was begun after the change that
  forbids it had been committed;
- a refusal is wrong when no change that forbids it had been begun.

Prints one line "name value" for each figure; the status is 0 only when
nothing was wrong, nothing deadlocked, and no session grew.

Usage: stress.py [--seconds 8] [--sessions 50] [--rate 20] [--seed 1]
Connects as libpq's environment says, as a superuser, to a database with the
extension.
"""

import argparse
import base64
import hashlib
import hmac
import json
import os
import random
import threading
import time

import psycopg2

SECRET = os.urandom(64)
SIGNER = "https://signer.stress"      # its keys are made and rotated here
FOREIGN = "https://foreign.stress"    # its keys are given
FICKLE = "https://fickle.stress"      # distrusted and trusted again
OVERLAP = 4.0                         # seconds for which a retiring key verifies
SLACK = 1.0                           # for times that the server reads from its own clock


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def foreign_token(issuer, key_id, claims):
    """A token as an issuer elsewhere signs it."""
    now = int(time.time())
    payload = dict(claims, iss=issuer, iat=now - 5, exp=now + 3600)
    text = base64url(json.dumps({"alg": "HS256", "kid": key_id}).encode()) + "." + \
        base64url(json.dumps(payload).encode())
    return text + "." + base64url(hmac.new(SECRET, text.encode(), hashlib.sha256).digest())


def jwks(*key_ids):
    return json.dumps({"keys": [{"kty": "oct", "kid": k, "alg": "HS256", "k": base64url(SECRET)} for k in key_ids]})


class Span:
    """What forbids a token: begun, committed, and perhaps taken back again."""

    def __init__(self):
        self.begun = None
        self.committed = None
        self.lifting = None     # begun to be taken back
        self.lifted = None

    def forbids_surely(self, start, end):
        """Was it in force all the time from start to end?"""
        return self.committed is not None and self.committed < start and \
            (self.lifting is None or self.lifting > end)

    def forbids_perhaps(self, start, end):
        return self.begun is not None and self.begun < end and \
            (self.lifted is None or self.lifted > start)


class Token:
    def __init__(self, text, user, reasons):
        self.text = text
        self.user = user
        self.reasons = reasons  # lists of Spans


class Stress:
    def __init__(self, options):
        self.options = options
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.pool = []
        self.key_spans = {}         # (issuer, kid) -> [Span]
        self.fickle = []
        self.figures = {}
        self.problems = []
        self.latencies = []
        self.serial = 0

    def count(self, name, by=1):
        with self.lock:
            self.figures[name] = self.figures.get(name, 0) + by

    def problem(self, text):
        with self.lock:
            self.problems.append(text)

    # The session that changes trust.

    def new_user(self, cursor):
        """Put tokens of a user that nobody has seen before into the pool."""
        self.serial += 1
        user = "user-%d" % self.serial
        claims = {"sub": user, "OrganisationId": str(self.serial % 20), "Permission": ["stock:inventory:view"]}
        user_span, foreign_span, fickle_span = Span(), Span(), Span()
        kid = random.choice(["a", "b"])
        made = [
            Token(foreign_token(FOREIGN, kid, dict(claims, jti="f" + user)), user,
                  [[user_span, foreign_span], self.key_spans[(FOREIGN, kid)]]),
            Token(foreign_token(FICKLE, "k", claims), user, [[fickle_span], self.fickle]),
        ]
        cursor.execute("SELECT pindah_issue_jwt(%s::jsonb, '1 hour', %s)", (json.dumps(claims), SIGNER))
        text = cursor.fetchone()[0]
        header = text.split(".")[0]
        kid = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))["kid"]
        made.append(Token(text, user, [[Span()], self.key_spans.setdefault((SIGNER, kid), [])]))
        with self.lock:
            self.pool.extend(made)
            if len(self.pool) > 240:
                del self.pool[:len(self.pool) - 240]
        return user, user_span, foreign_span

    def change(self, cursor, span, sql, *arguments):
        span.begun = time.monotonic()
        cursor.execute(sql, arguments)
        span.committed = time.monotonic()
        self.count("changes")

    def rotate(self, cursor):
        """A key that retires verifies for OVERLAP more seconds."""
        cursor.execute("SELECT kid FROM pindah.keys WHERE issuer = %s AND state = 'active'", (SIGNER,))
        old = cursor.fetchone()[0]
        span = Span()
        self.key_spans.setdefault((SIGNER, old), []).append(span)
        span.begun = time.monotonic() + OVERLAP - SLACK
        cursor.execute("SELECT pindah_rotate_key(%s, make_interval(secs => %s))", (SIGNER, OVERLAP))
        span.committed = time.monotonic() + OVERLAP + SLACK
        self.count("changes")
        self.count("rotations")

    def step(self, cursor, users):
        kind = random.choice(["user", "user", "token", "rotate", "key", "issuer", "audience", "organisations"])
        if kind in ("user", "token") and len(users) > 10:
            user, user_span, token_span = users.pop(random.randrange(len(users)))
            if kind == "user":
                self.change(cursor, user_span, "SELECT pindah_revoke_user(%s, %s)", FOREIGN, user)
            else:
                self.change(cursor, token_span, "SELECT pindah_revoke_token(%s, %s)", FOREIGN, "f" + user)
        elif kind == "rotate":
            self.rotate(cursor)
        elif kind == "key":
            span = Span()
            self.key_spans[(FOREIGN, "b")].append(span)
            self.change(cursor, span, "SELECT pindah_revoke_key(%s, 'b')", FOREIGN)
            time.sleep(random.random() * 0.1)
            span.lifting = time.monotonic()
            cursor.execute("UPDATE pindah.keys SET state = 'active' WHERE issuer = %s AND kid = 'b'", (FOREIGN,))
            span.lifted = time.monotonic()
        elif kind == "issuer":
            span = Span()
            self.fickle.append(span)
            self.change(cursor, span, "SELECT pindah_distrust_issuer(%s)", FICKLE)
            time.sleep(random.random() * 0.1)
            span.lifting = time.monotonic()
            cursor.execute("SELECT pindah_trust_issuer(%s, %s::jsonb)", (FICKLE, jwks("k")))
            span.lifted = time.monotonic()
        elif kind == "audience":
            # Changes nothing for anybody, but every backend must read again.
            self.change(cursor, Span(), "UPDATE pindah.issuers SET changed_at = now()")
        else:
            self.change(cursor, Span(), "SELECT pindah_trust_issuer(%s, organisations => %s)", FOREIGN,
                        [str(n) for n in random.sample(range(100), 50)] + [str(n) for n in range(20)])

    def run_changer(self):
        connection = psycopg2.connect("")
        connection.autocommit = True
        cursor = connection.cursor()
        users = []
        next_change = time.monotonic()
        while not self.stopping.is_set():
            users.append(self.new_user(cursor))
            try:
                self.step(cursor, users)
            except psycopg2.errors.DeadlockDetected:
                self.problem("deadlock")
            next_change += 1.0 / self.options.rate
            time.sleep(max(0.0, next_change - time.monotonic()))
        connection.close()

    # The sessions that verify.

    def judge(self, token, start, end, accepted):
        """Was the answer right?"""
        spans = [span for reason in token.reasons for span in list(reason)]
        if accepted:
            self.count("accepted")
            if any(span.forbids_surely(start, end) for span in spans):
                self.problem("accepted after it was forbidden: %s" % token.user)
        else:
            self.count("refused")
            if not any(span.forbids_perhaps(start, end) for span in spans):
                self.problem("refused without a reason: %s" % token.user)

    def ask(self, cursor, token, sql, arguments=()):
        """One statement; was the token accepted in it?"""
        start = time.monotonic()
        try:
            cursor.execute(sql, arguments)
            row = cursor.fetchone() if cursor.description else None
            accepted = True
            if row is not None and row[0] is not None and row[0] != token.user:
                self.problem("%s was taken for %s" % (token.user, row[0]))
        except psycopg2.errors.InvalidAuthorizationSpecification:
            accepted = False
        end = time.monotonic()
        self.judge(token, start, end, accepted)
        with self.lock:
            self.latencies.append(end - start)
        return accepted

    def run_verifier(self, seed):
        pick = random.Random(seed)
        connection = psycopg2.connect("")
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]
        sizes = []
        while not self.stopping.is_set():
            with self.lock:
                token = pick.choice(self.pool)
            local = pick.random() < 0.7
            if local:
                cursor.execute("BEGIN")
            good = self.ask(cursor, token, "SELECT pindah_verify_jwt(%s, %s)->>'sub'", (token.text, local))
            for _ in range(pick.randrange(4)):
                if not good:
                    break
                time.sleep(pick.random() * 0.02)
                good = self.ask(cursor, token, "SELECT pindah_user_id()")
            cursor.execute("ROLLBACK" if local else "RESET pindah.token")
            sizes.append(memory_of(pid))
            self.count("rounds")
        # The first quarter fills caches.
        grown = sizes[-1] - sizes[len(sizes) // 4] if len(sizes) > 8 else 0
        with self.lock:
            self.figures["largest growth of a session, kB"] = max(grown, self.figures.get("largest growth of a session, kB", 0))
        connection.close()

    # All of it.

    def prepare(self):
        connection = psycopg2.connect("")
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute("SELECT pindah_trust_issuer(%s, %s::jsonb), pindah_trust_issuer(%s, %s::jsonb), pindah_trust_issuer(%s)",
                       (FOREIGN, jwks("a", "b"), FICKLE, jwks("k"), SIGNER))
        cursor.execute("SELECT pindah_create_key(%s)", (SIGNER,))
        self.key_spans = {(FOREIGN, "a"): [], (FOREIGN, "b"): []}
        for _ in range(20):
            self.new_user(cursor)
        connection.close()

    def guarded(self, function, *arguments):
        try:
            function(*arguments)
        except Exception as error:
            self.problem("%s: %s" % (type(error).__name__, str(error).split("\n")[0]))
            self.stopping.set()

    def run(self):
        random.seed(self.options.seed)
        self.prepare()
        threads = [threading.Thread(target=self.guarded, args=(self.run_changer,))]
        threads += [threading.Thread(target=self.guarded, args=(self.run_verifier, n)) for n in range(self.options.sessions)]
        started = time.monotonic()
        for thread in threads:
            thread.start()
        self.stopping.wait(self.options.seconds)
        self.stopping.set()
        for thread in threads:
            thread.join()
        self.figures["seconds"] = round(time.monotonic() - started, 1)
        self.latencies.sort()
        if self.latencies:
            self.figures["median, ms"] = round(1000 * self.latencies[len(self.latencies) // 2], 2)
            self.figures["99th percentile, ms"] = round(1000 * self.latencies[len(self.latencies) * 99 // 100], 2)


def memory_of(pid):
    """Private memory of a process in kB."""
    with open("/proc/%d/statm" % pid) as statm:
        fields = statm.read().split()
    return (int(fields[1]) - int(fields[2])) * os.sysconf("SC_PAGE_SIZE") // 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument("--seed", type=int, default=1)
    stress = Stress(parser.parse_args())
    stress.run()
    stress.figures["problems"] = len(stress.problems)
    for name in sorted(stress.figures):
        print("%s: %s" % (name, stress.figures[name]))
    for problem in stress.problems[:10]:
        print("problem: " + problem)
    raise SystemExit(1 if stress.problems else 0)


main()
