#!/bin/sh
# psql with the token in PGOPTIONS; the connection comes from PG* variables.
[ -z "$TOKEN" ] || export PGOPTIONS="-c pindah.token=$TOKEN"
exec psql -XAtq -F ' ' -c "$QUERY"
