#!/usr/bin/python3
"""Mint tokens with Debian's python3-jwt, a library that is not ours.

README.md has the protocol, which mint.mjs and mint_jose.pl share.
"""
import base64
import json
import os
import sys

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding, NoEncryption, PrivateFormat, PublicFormat)
from jwt.algorithms import OKPAlgorithm

CURVES = {
    "ES256": (ec.SECP256R1, "P-256"),
    "ES384": (ec.SECP384R1, "P-384"),
    "ES512": (ec.SECP521R1, "P-521"),
    "ES256K": (ec.SECP256K1, "secp256k1"),
}
EDWARDS = {"Ed25519": ed25519.Ed25519PrivateKey, "Ed448": ed448.Ed448PrivateKey}

# python3-jwt 2.6 is older than RFC 9864, which named these two.
JWS = jwt.api_jws.PyJWS()
for name in EDWARDS:
    JWS.register_algorithm(name, OKPAlgorithm())


def b64u(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value, size=None):
    return b64u(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


def rsa_jwk(key):
    private = key.private_numbers()
    public = private.public_numbers
    return ({"kty": "RSA", "n": number(public.n), "e": number(public.e)},
            {"d": number(private.d), "p": number(private.p), "q": number(private.q),
             "dp": number(private.dmp1), "dq": number(private.dmq1), "qi": number(private.iqmp)})


def ec_jwk(key, crv):
    size = (key.curve.key_size + 7) // 8
    private = key.private_numbers()
    public = private.public_numbers
    return ({"kty": "EC", "crv": crv, "x": number(public.x, size), "y": number(public.y, size)},
            {"d": number(private.private_value, size)})


def okp_jwk(key, crv):
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    private = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    return {"kty": "OKP", "crv": crv, "x": b64u(public)}, {"d": b64u(private)}


def make_key(alg, crv, kid):
    """Make a key for an algorithm: what to sign with, and both halves as JWKs."""
    common = {"alg": alg, "kid": kid, "use": "sig"}
    if alg.startswith("HS"):
        key = os.urandom(int(alg[2:]) // 8)
        public, private = {"kty": "oct", "k": b64u(key)}, {}
    elif alg[:2] in ("RS", "PS"):
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public, private = rsa_jwk(key)
    elif alg in CURVES:
        curve, crv = CURVES[alg]
        key = ec.generate_private_key(curve())
        public, private = ec_jwk(key, crv)
    else:
        crv = crv or ("Ed25519" if alg == "EdDSA" else alg)
        key = EDWARDS[crv].generate()
        public, private = okp_jwk(key, crv)
    return {"sign": key, "public": {**public, **common},
            "private": {**public, **private, **common}}


def load_key(jwk, alg):
    """Take a private or secret JWK as the key of a job."""
    public = {name: value for name, value in jwk.items()
              if name not in ("d", "p", "q", "dp", "dq", "qi")}
    if jwk["kty"] == "oct":
        key = base64.urlsafe_b64decode(jwk["k"] + "==")
    elif jwk["kty"] == "OKP":
        key = EDWARDS[jwk["crv"]].from_private_bytes(base64.urlsafe_b64decode(jwk["d"] + "=="))
    else:
        loader = JWS.get_algorithm_by_name if jwk["kty"] == "RSA" else None
        key = (loader(alg).from_jwk(json.dumps(jwk)) if loader
               else ec.derive_private_key(
                   int.from_bytes(base64.urlsafe_b64decode(jwk["d"] + "=="), "big"),
                   CURVES[alg][0]()))
    return {"sign": key, "public": public, "private": jwk}


def key_of(job, keys):
    """Take the key of a job: by its name, made at first use, or given as a JWK."""
    given = isinstance(job["key"], dict)
    name = job["key"]["kid"] if given else job["key"]
    if name not in keys:
        keys[name] = (load_key(job["key"], job["alg"]) if given
                      else make_key(job["alg"], job.get("crv"), name))
    return name, keys[name]


def mint(job, keys):
    """Sign one job; null in its header takes a member away."""
    kid, key = key_of(job, keys)
    if "claims" not in job and "payload" not in job:
        return None
    header = {"typ": "JWT", "kid": kid, **job.get("header", {})}
    typ = header.get("typ")
    header = {name: value for name, value in header.items() if value is not None}
    header["typ"] = typ         # null must reach the library, whose default is JWT
    payload = job["payload"] if "payload" in job else json.dumps(job["claims"])
    return JWS.encode(payload.encode(), key["sign"], algorithm=job["alg"], headers=header)


def main():
    keys, tokens, skipped = {}, [], []
    for index, job in enumerate(json.load(sys.stdin)):
        try:
            tokens.append(mint(job, keys))
        except Exception as error:      # a library lacks an algorithm: say so, go on
            tokens.append(None)
            skipped.append({"job": index, "alg": job["alg"], "why": str(error)})
    for key in keys.values():
        key.pop("sign")
    json.dump({"library": "python3-jwt " + jwt.__version__,
               "tokens": tokens, "keys": keys, "skipped": skipped}, sys.stdout)


main()
