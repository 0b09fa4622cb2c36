#!/usr/bin/python3
"""Make what no honest library makes: weak keys and odd signatures.

Reads a JSON array of requests, prints a JSON array of answers.

	{"make": "rsa", "bits": 1024, "e": 3}	a real RSA key
	{"make": "roca", "bits": 2048}			an RSA key of CVE-2017-15361's form
	{"make": "pem", "jwk": {…}}				the public half as PEM
	{"sign": "<signing input>", "jwk": {…}, "how": …, …}	one signature

how is pss (hash, mgf, salt), pkcs1 (hash), digestinfo (prefix: hex before the
SHA-256 hash, suffix: hex after it), ecdsa-der (hash) or ecdsa (hash).
"""
import base64
import hashlib
import json
import random
import sys

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CURVES = {"P-256": ec.SECP256R1, "P-384": ec.SECP384R1,
          "P-521": ec.SECP521R1, "secp256k1": ec.SECP256K1}


def b64u(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value):
    return b64u(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def integer(text):
    return int.from_bytes(base64.urlsafe_b64decode(text + "=="), "big")


def rsa_jwk(p, q, e):
    d = pow(e, -1, (p - 1) * (q - 1))
    return {"kty": "RSA", "n": number(p * q), "e": number(e), "d": number(d),
            "p": number(p), "q": number(q), "dp": number(d % (p - 1)),
            "dq": number(d % (q - 1)), "qi": number(pow(q, -1, p))}


def make_rsa(request):
    numbers = rsa.generate_private_key(
        public_exponent=request["e"], key_size=request["bits"]).private_numbers()
    return rsa_jwk(numbers.p, numbers.q, numbers.public_numbers.e)


def small_primes(count):
    primes, candidate = [], 2
    while len(primes) < count:
        if all(candidate % prime for prime in primes):
            primes.append(candidate)
        candidate += 1
    return primes


def is_prime(candidate, small):
    return (all(candidate % prime for prime in small)
            and all(pow(base, candidate - 1, candidate) == 1 for base in (2, 3, 5, 7)))


def roca_prime(bits, primorial, small):
    """A prime of the form k * M + (65537^a mod M), as the Infineon library made them."""
    top = (1 << bits) - 1
    while True:
        residue = pow(65537, random.getrandbits(62), primorial)
        # The upper half of the range, so that p * q has all its bits.
        k = random.randrange((top - (1 << (bits - 2))) // primorial, top // primorial)
        candidate = k * primorial + residue
        if candidate.bit_length() == bits and is_prime(candidate, small):
            return candidate


def make_roca(request):
    # M for keys of 1984 to 3936 bits is the product of the first 126 primes.
    small = small_primes(126)
    primorial = 1
    for prime in small:
        primorial *= prime
    bits = request["bits"] // 2
    while True:
        p, q = (roca_prime(bits, primorial, small) for _ in range(2))
        if p != q and (p * q).bit_length() == request["bits"]:
            return rsa_jwk(p, q, 65537)


LOADED = {}


def private_key(jwk):
    """The key of a JWK; loading one takes longer than signing with it."""
    if jwk["d"] not in LOADED:
        LOADED[jwk["d"]] = load_private_key(jwk)
    return LOADED[jwk["d"]]


def load_private_key(jwk):
    if jwk["kty"] == "EC":
        return ec.derive_private_key(integer(jwk["d"]), CURVES[jwk["crv"]]())
    public = rsa.RSAPublicNumbers(integer(jwk["e"]), integer(jwk["n"]))
    return rsa.RSAPrivateNumbers(
        *(integer(jwk[name]) for name in ("p", "q", "d", "dp", "dq", "qi")),
        public).private_key()


def make_pem(request):
    jwk = request["jwk"]
    if jwk["kty"] == "RSA":
        key = rsa.RSAPublicNumbers(integer(jwk["e"]), integer(jwk["n"])).public_key()
    else:
        key = ec.EllipticCurvePublicNumbers(
            integer(jwk["x"]), integer(jwk["y"]), CURVES[jwk["crv"]]()).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def sign_digestinfo(request, data):
    """RSA's bare power over a DigestInfo that the request spells, in PKCS #1 v1.5 padding."""
    jwk = request["jwk"]
    n, d = integer(jwk["n"]), integer(jwk["d"])
    size = (n.bit_length() + 7) // 8
    info = (bytes.fromhex(request["prefix"]) + hashlib.sha256(data).digest()
            + bytes.fromhex(request.get("suffix", "")))
    filler = request.get("filler", size - 3 - len(info))
    block = b"\x00\x01" + b"\xff" * filler + b"\x00" + info
    block += b"\x00" * (size - len(block))
    return pow(int.from_bytes(block, "big"), d, n).to_bytes(size, "big")


def sign(request):
    data = request["sign"].encode()
    how = request["how"]
    if how == "digestinfo":
        return b64u(sign_digestinfo(request, data))
    key = private_key(request["jwk"])
    digest = getattr(hashes, request["hash"])()
    if how == "pkcs1":
        return b64u(key.sign(data, padding.PKCS1v15(), digest))
    if how == "pss":
        mgf = padding.MGF1(getattr(hashes, request.get("mgf", request["hash"]))())
        return b64u(key.sign(data, padding.PSS(mgf, request["salt"]), digest))
    der = key.sign(data, ec.ECDSA(digest))
    if how == "ecdsa-der":
        return b64u(der)
    size = (key.curve.key_size + 7) // 8
    return b64u(b"".join(part.to_bytes(size, "big") for part in utils.decode_dss_signature(der)))


MAKERS = {"rsa": make_rsa, "roca": make_roca, "pem": make_pem}

json.dump([MAKERS[request["make"]](request) if "make" in request else sign(request)
           for request in json.load(sys.stdin)], sys.stdout)
