#!/usr/bin/python3
"""Requests of many tenants over few pooled connections.

Standard input: {"dsn", "tokens": {organisation: token}, "rows": rows of each,
"requests": how many, "explicit": use BEGIN and COMMIT}.  A thread for each
tenant; each request says who it is and looks at everything that it is shown,
every tenth says nothing and must see nothing, and every seventh leaves a token
for the session behind.  Standard output: {"requests", "nobody", "crossed"}.
"""
import json
import sys
import threading

import psycopg2

SEE = ("SELECT organisation, pindah_organisation_id(),"
       " coalesce(nullif(current_setting('pindah.organisation_id'), ''), 'nobody') FROM shared")
NOBODY = ("SELECT count(*), coalesce(pindah_organisation_id(), 'nobody'),"
          " to_regclass('pg_temp.shared') FROM shared")
LEAVE = ("; CREATE TEMP TABLE IF NOT EXISTS shared AS SELECT * FROM shared;"
         " SELECT FROM pindah_verify_jwt(%s, is_local => false)")

job = json.load(sys.stdin)
lock = threading.Lock()
told = {"requests": 0, "nobody": 0, "crossed": []}


def note(kind, wrong):
    with lock:
        told[kind] += 1
        told["crossed"].extend(wrong[:3])


def ask(connection, cursor, organisation, token, number):
    """One request; what is wrong with the answer."""
    if number % 10 == 9:
        cursor.execute(NOBODY)
        answer = cursor.fetchone()
        note("nobody", [] if answer == (0, "nobody", None) else [f"nobody saw {answer}"])
    elif job["explicit"]:
        cursor.execute("BEGIN")
        cursor.execute("SELECT FROM pindah_verify_jwt(%s)", (token,))
        cursor.execute(SEE)
        answer = cursor.fetchall()
        cursor.execute("COMMIT")
        check(organisation, answer)
    else:
        cursor.execute("SELECT FROM pindah_verify_jwt(%s);" + SEE, (token,))
        answer = cursor.fetchall()
        check(organisation, answer)
    if number % 7 == 6:
        cursor.execute("SELECT FROM pindah_verify_jwt(%s)" + LEAVE, (token, token))


def check(organisation, answer):
    wrong = [row for row in answer if row != (organisation,) * 3]
    if len(answer) != job["rows"]:
        wrong.append(f"{len(answer)} rows")
    note("requests", [f"{organisation} saw {w}" for w in wrong])


def serve(organisation, token):
    try:
        connection = psycopg2.connect(job["dsn"])
        connection.autocommit = True
        cursor = connection.cursor()
        for number in range(job["requests"] // len(job["tokens"])):
            ask(connection, cursor, organisation, token, number)
        connection.close()
    except Exception as error:  # a request that fails is a failure of the test
        with lock:
            told["crossed"].append(f"{organisation}: {error}")


threads = [threading.Thread(target=serve, args=item) for item in job["tokens"].items()]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
json.dump(told, sys.stdout)
