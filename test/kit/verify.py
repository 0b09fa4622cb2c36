#!/usr/bin/python3
"""Verify tokens with Debian's python3-jwt; the protocol is that of verify.mjs."""
import json
import sys

import jwt
from jwt.algorithms import OKPAlgorithm

JWS = jwt.api_jws.PyJWS()
for name in ("Ed25519", "Ed448"):   # RFC 9864 is younger than python3-jwt 2.6
    JWS.register_algorithm(name, OKPAlgorithm())


def answer(it, keys):
    """Answer one line of input."""
    if "jwks" in it:
        keys.clear()
        keys.update((key["kid"], key) for key in it["jwks"]["keys"])
        return "ok"
    header = jwt.get_unverified_header(it["token"])
    key = keys[header["kid"]]
    if key["alg"] != header["alg"]:
        return "the algorithm is not that of the key"
    loaded = JWS.get_algorithm_by_name(key["alg"]).from_jwk(json.dumps(key))
    claims = json.loads(JWS.decode(it["token"], loaded, algorithms=[key["alg"]]))
    return "ok" if claims["iss"] == it["issuer"] else "another issuer"


def main():
    keys = {}
    for line in sys.stdin:
        try:
            print(answer(json.loads(line), keys), flush=True)
        except Exception as error:
            print(repr(error), flush=True)


main()
