#!/usr/bin/python3
"""psycopg2 with the token in `options`."""
import os

import psycopg2

token = os.environ["TOKEN"]
connection = psycopg2.connect(
    host=os.environ["PGHOST"], port=os.environ["PGPORT"],
    dbname=os.environ["PGDATABASE"], user=os.environ["PGUSER"],
    **({"options": f"-c pindah.token={token}"} if token else {}))
with connection, connection.cursor() as cursor:
    cursor.execute(os.environ["QUERY"])
    print(*cursor.fetchone())
