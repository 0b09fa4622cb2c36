#!/usr/bin/python3
"""Play the ASP.NET Core API: mint the demo's tokens with python3-jwt.

usage: mint_tokens.py SCHOOL HARDWARE    (the two OrganisationIds)

Prints psql's \\set commands, one a token, and one for the public key.  The
private key never leaves this process.
"""
import base64
import json
import sys
import time

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

ISSUER, AUDIENCE, KID = "https://api.pindah.example", "pindah", "pindah-2025-01"
SCHOOL, HARDWARE = sys.argv[1:3]
NOW = int(time.time())


def b64u(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value):
    return b64u(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def new_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public_jwks(key):
    public = key.public_key().public_numbers()
    return {"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": KID,
                      "n": number(public.n), "e": number(public.e)}]}


def payload(user, email, role, permission, organisation, lifetime=12 * 3600, age=0):
    """The claims as JwtSecurityTokenHandler writes them."""
    return {
        "nameid": "%d" % (sum(map(ord, email)) * 7),
        "unique_name": user,
        "email": email,
        "role": role,
        "Permission": permission,
        "OrganisationId": organisation,
        "nbf": NOW - age, "iat": NOW - age, "exp": NOW - age + lifetime,
        "iss": ISSUER, "aud": AUDIENCE,
    }


def sign(claims, key):
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": KID})


def segment(value):
    return b64u(json.dumps(value, separators=(",", ":")).encode())


def main():
    key, stranger = new_key(), new_key()
    tariro = payload("Tariro Moyo", "tariro@harareprimary.example", "Bursar",
                     ["accounting:invoices:view", "accounting:invoices:create",
                      "accounting:invoices:edit", "stock:items:view"], SCHOOL)
    # One permission is a string and not an array: so ASP.NET writes it.
    blessing = payload("Blessing Dube", "blessing@harareprimary.example", "Storekeeper",
                       "stock:items:view", SCHOOL)
    nomsa = payload("Nomsa Ndlovu", "nomsa@bulawayohardware.example", ["Manager", "Owner"],
                    ["accounting:*:*", "stock:*:*", "hr:employees:*"], HARDWARE)
    stolen = dict(tariro, OrganisationId=HARDWARE)

    tokens = {
        "tariro": sign(tariro, key),
        "blessing": sign(blessing, key),
        "nomsa": sign(nomsa, key),
        "expired": sign(payload("Tariro Moyo", "tariro@harareprimary.example", "Bursar",
                                "accounting:*:*", SCHOOL, 3600, 2 * 3600), key),
        "stranger": sign(stolen, stranger),
        "audience": sign(dict(tariro, aud="somebody-else"), key),
        "unsigned": "%s.%s." % (segment({"alg": "none", "typ": "JWT"}), segment(stolen)),
    }
    header, _, signature = tokens["tariro"].split(".")
    tokens["forged"] = "%s.%s.%s" % (header, segment(stolen), signature)

    for name, token in tokens.items():
        print("\\set %s '%s'" % (name, token))
    print("\\set jwks '%s'" % json.dumps(public_jwks(key), separators=(",", ":")))


main()
