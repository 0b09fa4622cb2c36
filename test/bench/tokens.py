#!/usr/bin/python3
"""Write bench.keys and bench.tokens as SQL: tokens of the shape that ASP.NET
makes, each with what OpenSSL needs to verify it without us.

They are minted by python3-jwt, through test/kit/mint.py.
"""
import base64
import json
import os
import subprocess
import sys
import time
import uuid

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.utils import raw_to_der_signature

KIT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "kit", "mint.py")
SOAP = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
ROLE = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
TENANT = "00000000-0000-4000-8000-000000000007"    # bench.tenant(7)

# How many of each: far more than the extension's cache of verified tokens
# holds, so that each is new to it whenever it comes round again.
COUNTS = {"HS256": 5000, "RS256": 1000, "ES256": 1000}
OTHERS = ["HS384", "HS512", "RS384", "RS512", "PS256", "PS384", "PS512",
          "ES384", "ES512", "ES256K", "Ed25519", "Ed448"]
MODULES = ["accounting:invoices", "stock:inventory", "hr:employees", "sales:orders"]


def payload(alg, permissions, name="user"):
    now = int(time.time())
    claims = {
        SOAP + "nameidentifier": str(uuid.uuid4()),
        SOAP + "name": name,
        SOAP + "emailaddress": name + "@tenant-7.example",
        ROLE: ["Accountant", "Storekeeper"],
        "OrganisationId": TENANT,
        "Permission": permissions,
        "jti": str(uuid.uuid4()),
        "nbf": now,
        "exp": now + 3600,
        "iss": "https://" + alg.lower() + ".example",
        "aud": "https://api.example",
    }
    return json.dumps(claims, separators=(",", ":"))


def usual(alg):
    return payload(alg, [module + ":view" for module in MODULES])


def jobs():
    """The jobs for the kit, and under which name each token is asked for."""
    for alg in [*COUNTS, *OTHERS]:
        for _ in range(COUNTS.get(alg, 400)):
            yield alg, alg, usual(alg)
    yield "HS256", "one permission", payload("HS256", ["accounting:invoices:view"])
    yield "HS256", "no permission", payload("HS256", [])
    yield "HS256", "10,000 permissions", payload("HS256", [
        f"accounting:invoices{i:04}:view" for i in range(9999)] + ["accounting:invoices:view"])


def public_key(jwk):
    """The key as OpenSSL reads it: the secret, or a SubjectPublicKeyInfo."""
    if jwk["kty"] == "oct":
        return base64.urlsafe_b64decode(jwk["k"] + "==")
    reader = {"RSA": RSAAlgorithm, "EC": ECAlgorithm, "OKP": OKPAlgorithm}[jwk["kty"]]
    return reader.from_jwk(json.dumps(jwk)).public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def parts(token, alg, jwk):
    """What is signed, and the signature as OpenSSL wants it."""
    message, _, signature = token.rpartition(".")
    signature = base64.urlsafe_b64decode(signature + "==")
    if alg.startswith("ES"):
        signature = raw_to_der_signature(signature, json_curve(jwk))
    return message.encode(), signature


def json_curve(jwk):
    return ECAlgorithm.from_jwk(json.dumps(jwk)).curve


def main():
    wanted = list(jobs())
    minted = json.loads(subprocess.run(
        [sys.executable, KIT], check=True, stdout=subprocess.PIPE,
        input=json.dumps([{"alg": alg, "key": alg, "payload": claims}
                          for alg, _, claims in wanted]).encode()).stdout)
    keys = {alg: key["public"] for alg, key in minted["keys"].items()}

    print("COPY bench.keys FROM stdin;")
    for alg, jwk in keys.items():
        print(alg, json.dumps(jwk), "\\\\x" + public_key(jwk).hex(), sep="\t")
    print("\\.\nCOPY bench.tokens FROM stdin;")
    for (alg, name, _), token in zip(wanted, minted["tokens"]):
        message, signature = parts(token, alg, keys[alg])
        print(name, token, "\\\\x" + message.hex(), "\\\\x" + signature.hex(), sep="\t")
    print("\\.")


main()
