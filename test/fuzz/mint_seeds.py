#!/usr/bin/python3
"""Write the seeds of the fuzzers and fixed_tokens.h.

Tokens are minted with Debian's python3-jwt.  The keys follow from a label, so
that the same keys come out each time; ES and PS signatures are random, and so
a second run changes them.  The keys are known to everybody and open nothing.
"""
import base64
import hashlib
import json
import os
import shutil
import sys

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

HERE = os.path.dirname(os.path.abspath(__file__))
NOW = 1700000000
MICROSOFT = "http://schemas.microsoft.com/ws/2008/06/identity/claims/"
XMLSOAP = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"


def b64u(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def text(value):
    return json.dumps(value, separators=(",", ":"))


def number(value, size=None):
    return b64u(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


def stream(label, size):
    """Bytes that follow from a label."""
    return hashlib.shake_256(b"pindah_auth fuzz " + label.encode()).digest(size)


def is_prime(n):
    """Miller and Rabin, with the first primes for bases."""
    d, twos = n - 1, 0
    while d % 2 == 0:
        d, twos = d // 2, twos + 1
    for base in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37):
        x = pow(base, d, n)
        if x in (1, n - 1):
            continue
        for _ in range(twos - 1):
            x = x * x % n
            if x == n - 1:
                break
        else:
            return False
    return True


def prime(label, bits):
    n = int.from_bytes(stream(label, bits // 8), "big") | 3 << bits - 2 | 1
    while n % 65537 == 1 or not is_prime(n):
        n += 2
    return n


def rsa_key(bits):
    p, q = sorted((prime(f"p{bits}", bits // 2), prime(f"q{bits}", bits // 2)), reverse=True)
    e, n = 65537, p * q
    d = pow(e, -1, (p - 1) * (q - 1))
    numbers = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p),
                                    rsa.RSAPublicNumbers(e, n))
    return numbers.private_key(), {"kty": "RSA", "n": number(n), "e": "AQAB"}, {
        "d": number(d), "p": number(p), "q": number(q), "dp": number(d % (p - 1)),
        "dq": number(d % (q - 1)), "qi": number(pow(q, -1, p))}


def ec_key(curve, crv):
    size = (curve.key_size + 7) // 8
    key = ec.derive_private_key(
        int.from_bytes(stream(crv, size), "big") >> (8 * size - curve.key_size + 1), curve)
    point = key.public_key().public_numbers()
    return key, {"kty": "EC", "crv": crv, "x": number(point.x, size), "y": number(point.y, size)}, {
        "d": number(key.private_numbers().private_value, size)}


def okp_key(kind, crv, size):
    secret = stream(crv, size)
    key = kind.from_private_bytes(secret)
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return key, {"kty": "OKP", "crv": crv, "x": b64u(public)}, {"d": b64u(secret)}


def secret_key(size):
    secret = stream(f"secret {size}", size)
    return secret, {"kty": "oct", "k": b64u(secret)}, {}


# What signs, the public members, the private members.
KEYS = {
    "HS256": secret_key(32), "HS384": secret_key(48), "HS512": secret_key(64),
    "RS256": rsa_key(2048), "ES256": ec_key(ec.SECP256R1(), "P-256"),
    "ES384": ec_key(ec.SECP384R1(), "P-384"), "ES512": ec_key(ec.SECP521R1(), "P-521"),
    "ES256K": ec_key(ec.SECP256K1(), "secp256k1"),
    "EdDSA": okp_key(ed25519.Ed25519PrivateKey, "Ed25519", 32),
    "Ed448": okp_key(ed448.Ed448PrivateKey, "Ed448", 57),
}
KEYS["PS256"] = KEYS["RS256"]

ASP_NET = {
    "nameid": "7c1e3d0a-4c5e-4f7e-9a53-2f1f4a0f5a11", "unique_name": "aisha@acme.example",
    "email": "aisha@acme.example", "role": ["Accountant", "Clerk"],
    "OrganisationId": "0b7e4a52-9d7a-4a6e-8a40-5a2c3a1b9f10",
    "Permission": ["accounting:invoices:view", "stock:*:view"],
    "nbf": NOW, "exp": NOW + 3600, "iat": NOW, "iss": "https://id.example", "aud": "pindah"}
PLAIN = {"sub": "42", "name": "Ünï", "organisation_id": 17, "roles": "admin", "permissions": [],
         "exp": NOW + 60.5, "iat": "today", "jti": "a1"}
LONG_NAMES = {XMLSOAP + "nameidentifier": "9", XMLSOAP + "name": "n", XMLSOAP + "emailaddress": "e@x",
              MICROSOFT + "role": "Admin", "organisationId": -3, "aud": ["a", "b"], "exp": NOW + 1}
MAPPED = {"oid": "u", "tid": "t", "groups": ["g", "h"], "scp": "a:b:c", "preferred_username": "p",
          "exp": NOW + 1}


def mint(algorithm, claims, **header):
    return jwt.encode(claims, KEYS[algorithm][0], algorithm, headers=header)


def signature_of(token):
    return base64.urlsafe_b64decode(token.split(".")[2] + "==")


def sealed(header, payload, signature=b"\0" * 32):
    """A token of any bytes, signed by nobody."""
    return ".".join(map(b64u, (header, payload, signature)))


def fixed_tokens():
    """The keys that fuzz_jws knows, each with the one token that it takes."""
    for algorithm in ("HS256", "RS256", "PS256", "ES256", "ES512", "EdDSA"):
        key = {**KEYS[algorithm][1], "alg": algorithm}
        token = mint(algorithm, ASP_NET, kid=f"fixed-{algorithm}")
        while algorithm == "PS256" and not signature_of(token).startswith(b"\0"):
            token = mint(algorithm, ASP_NET, kid=f"fixed-{algorithm}")
        yield algorithm, text(key), token


def jws_seeds(fixed):
    for algorithm, _, token in fixed:
        yield f"fixed-{algorithm}", token
        parts = token.split(".")
        yield f"cut-{algorithm}", ".".join((*parts[:2], parts[2][:-4]))
        if algorithm == "PS256":
            yield "no-leading-zero", ".".join((*parts[:2], b64u(signature_of(token)[1:])))
    yield "plain-HS384", mint("HS384", PLAIN)
    yield "long-names-ES384", mint("ES384", LONG_NAMES, typ="at+jwt")
    yield "mapped-HS512", mint("HS512", MAPPED, typ="application/at+jwt", cty="json")
    yield "ES256K", mint("ES256K", PLAIN)
    yield "none", jwt.encode(ASP_NET, None, "none")
    yield "none-sealed", sealed(b'{"alg":"none"}', text(PLAIN).encode())
    yield "uri", sealed(b'{"alg":"http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"}', b"{}")
    yield "crit", sealed(b'{"alg":"HS256","crit":["b64"],"b64":false}', b"{}")
    yield "crit-alone", sealed(b'{"alg":"HS256","crit":[]}', b"{}")
    yield "b64", sealed(b'{"alg":"HS256","b64":true}', b"{}")
    yield "zip", sealed(b'{"alg":"HS256","zip":"DEF"}', b"{}")
    yield "nested", sealed(b'{"alg":"HS256","cty":"JWT","kid":7}', b"{}")
    yield "jku", sealed(b'{"alg":"RS256","jku":"https://x/","jwk":{"kty":"oct","k":"AA"}}', b"[]")
    yield "long-header", sealed(b'{"alg":"HS256","kid":"%s"}' % (b"k" * 3100), b"{}")
    yield "long-kid", sealed(b'{"alg":"HS256","kid":"%s"}' % (b"k" * 257), b"{}")
    yield "jwe", "eyJhbGciOiJkaXIifQ..AAAA.AAAA.AAAA"
    yield "bearer", "Bearer " + mint("HS256", PLAIN)


def jwk_seeds():
    for algorithm, (_, public, private) in KEYS.items():
        yield f"{algorithm}-public", {**public, "alg": algorithm, "use": "sig", "kid": "k1"}
        if private:
            yield f"{algorithm}-private", {**private, **public, "key_ops": ["sign", "verify"]}
    rsa_public, p256 = KEYS["RS256"][1], KEYS["ES256"][1]
    n = int.from_bytes(base64.urlsafe_b64decode(rsa_public["n"] + "=="), "big")
    yield "rsa-even", {**rsa_public, "n": number(n - 1)}
    yield "rsa-short", {**rsa_public, "n": number(n >> 1)}
    yield "rsa-roca", {**rsa_public, "n": number(roca_modulus())}
    yield "rsa-factor-3", {**rsa_public, "n": number(n + 2 * (n % 3))}
    yield "rsa-factor-751", {**rsa_public, "n": number(n + 2 * (-n * pow(2, -1, 751) % 751))}
    yield "rsa-e3", {**rsa_public, "e": "Aw"}
    yield "rsa-e-long", {**rsa_public, "e": "AQAAAAE"}
    yield "rsa-leading-zero", {**rsa_public, "n": b64u(b"\0" + n.to_bytes(256, "big"))}
    yield "ec-off-curve", {**p256, "y": p256["x"]}
    yield "ec-wrong-alg", {**p256, "alg": "ES384"}
    yield "ec-infinity", {**p256, "x": b64u(bytes(32)), "y": b64u(bytes(32))}
    yield "okp-short", {**KEYS["EdDSA"][1], "x": "AAAA"}
    yield "oct-short", {**KEYS["HS256"][1], "alg": "HS384"}
    yield "oct-padded", {**KEYS["HS256"][1], "k": KEYS["HS256"][1]["k"] + "="}
    yield "for-encryption", {**p256, "use": "enc", "key_ops": ["wrapKey"]}
    yield "unknown", {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA"}


def roca_modulus():
    """A modulus with the fingerprint of CVE-2017-15361."""
    primorial = 1
    for p in range(2, 168):
        if all(p % d for d in range(2, p)):
            primorial *= p
    k = (3 << 2046) // primorial
    return k * primorial + pow(65537, 12345, primorial)


def claims_seeds():
    mapping = {"user_id": ["oid", "sub"], "name": "preferred_username", "email": "mail",
               "roles": "groups", "permissions": ["scp", "scope"], "organisation_id": ["tid", "org"]}
    yield "asp-net", ASP_NET
    yield "plain", PLAIN
    yield "long-names", LONG_NAMES
    yield "mapped", text(mapping) + "\n" + text(MAPPED)
    yield "disagree", {"sub": "1", "nameid": "2", "exp": NOW}
    yield "agree", {"sub": "1", "nameid": "1", "exp": NOW + 1, "nbf": NOW}
    yield "organisations", {"sub": "1", "OrganisationId": "1", "organisation_id": 1, "exp": NOW}
    yield "organisations-disagree", {"sub": "1", "OrganisationId": "1", "organisation_id": 2, "exp": NOW}
    yield "nulls", {"sub": None, "role": None, "OrganisationId": None, "exp": NOW}
    yield "fraction", '{"sub":"1","exp":1700000000.0000001,"nbf":0.999999,"iat":0}'
    yield "exponent", '{"sub":"1","exp":17e8}'
    yield "milliseconds", {"sub": "1", "exp": NOW * 1000}
    yield "negative", {"sub": "1", "exp": -1}
    yield "odd-lists", {"sub": "1", "exp": NOW, "role": ["a", 1], "aud": [[]]}
    yield "empty-map", '{}\n{"sub":"","exp":1}'
    yield "bad-map", '{"roles":[]}\n{}'
    yield "odd-organisation", '{"sub":"1","exp":9,"OrganisationId":-0}'


def json_seeds():
    yield "claims", ASP_NET
    yield "kinds", {"s": "x", "n": -1.5e-3, "t": True, "f": False, "z": None, "o": {"a": {}}, "a": [1, "b", []]}
    yield "escapes", r'{"\u0061\ud83d\ude00":"\"\\\/\b\f\n\r\t\u00e9"}'
    yield "same-name", r'{"alg":1,"\u0061lg":2}'
    yield "same-name-plain", '{"alg":1, "b":[{"b":2,"b" : 3}]}'
    yield "same-name-deep", '{"a":[{"b":1,"c":{"b":2}},{"b":1,"b":2}]}'
    yield "spaces", ' \t\r\n{ "a" : [ ] , "b" : 0 } \n'
    yield "deep-enough", '{"a":' + "[" * 63 + "]" * 63 + "}"
    yield "too-deep", '{"a":' + "[" * 64 + "]" * 64 + "}"
    yield "brackets-in-string", '{"a":"' + "[" * 70 + r'\"' + '"}'
    yield "exponents", '{"a":1e308,"b":1E-308,"c":0.1e+0000000001}'
    yield "exponent", '{"a":[1e309]}'
    yield "many", {f"m{i}": i for i in range(140)}
    yield "utf8", '{"é€😀":"\x7f߿\uffff\U0010ffff"}'
    yield "bad-utf8", b'{"a":"\xed\xa0\x80\xc0\xaf"}'
    yield "nul", b'{"a":"\0"}'
    yield "escaped-nul", r'{"a":"\u0000"}'
    yield "lone-surrogate", r'{"a":"\udc00"}'
    yield "bom", b'\xef\xbb\xbf{}'
    yield "array", '[{}]'
    yield "scalar", '"x"'
    yield "cut-string", '{"a":"b\\'
    yield "cut-escape", '{"a":"\\u00'
    yield "cut-word", '{"a":tru'
    yield "cut-number", '{"a":1e'
    yield "number", "17"
    yield "trailing", '{"a":1}x'
    yield "control", b'{"a":"long enough\x1f to be skipped by eights"}'
    yield "name-lengths", {"n" * i: i for i in range(40)}


def base64url_seeds():
    yield "rfc4648", "FPucA9l-"
    yield "all", b64u(bytes(range(256)))
    for letter in "BCEI":
        yield f"spare-bit-{letter}", "A" + letter
        yield f"spare-bit-{letter}-of-three", "AA" + letter
    yield "impossible", "AAAAA"
    yield "padded", "AA=="
    yield "standard", "-_+/"
    yield "space", "AA\nAA"
    yield "empty", ""


def as_bytes(seed):
    if isinstance(seed, (dict, list)):
        seed = text(seed)
    return seed if isinstance(seed, bytes) else seed.encode()


def write_seeds(kind, seeds):
    folder = os.path.join(HERE, "seeds", kind)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    for name, seed in seeds:
        with open(os.path.join(folder, name), "wb") as file:
            file.write(as_bytes(seed))


def c_string(value):
    """A C string literal in lines of bearable length."""
    pieces = [value[i:i + 72] for i in range(0, len(value), 72)]
    return "\n\t\t".join('"' + piece.replace('"', '\\"') + '"' for piece in pieces)


def write_header(fixed):
    with open(os.path.join(HERE, "fixed_tokens.h"), "w", encoding="ascii") as file:
        file.write("/* Written by mint_seeds.py: keys, and the one token of each. */\n\n"
                   "static const struct\n{\n\tconst char *jwk;\n\tconst char *token;\n}\tfixed_tokens[] =\n{\n")
        for algorithm, key, token in fixed:
            file.write(f"\t/* {algorithm} */\n\t{{\n\t\t{c_string(key)},\n\t\t{c_string(token)}\n\t}},\n")
        file.write("};\n")


def main():
    fixed = list(fixed_tokens())
    write_header(fixed)
    write_seeds("jws", jws_seeds(fixed))
    write_seeds("jwk", jwk_seeds())
    write_seeds("claims", claims_seeds())
    write_seeds("json", json_seeds())
    write_seeds("base64url", base64url_seeds())


sys.exit(main())
