#!/usr/bin/python3
"""psqlODBC, through pyodbc, with the token in `pqopt`."""
import glob
import os

import pyodbc

token = os.environ["TOKEN"]
driver = glob.glob("/usr/lib/*/odbc/psqlodbcw.so")[0]
connection = pyodbc.connect(
    f"Driver={driver};Servername={os.environ['PGHOST']};Port={os.environ['PGPORT']};"
    f"Database={os.environ['PGDATABASE']};Uid={os.environ['PGUSER']};"
    + (f"pqopt={{options='-c pindah.token={token}'}}" if token else ""))
print(*connection.execute(os.environ["QUERY"]).fetchone())
