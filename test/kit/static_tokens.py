#!/usr/bin/python3
"""Print the tokens of test/sql/setup.sql and people.psql: valid until 2100, by PyJWT.

The regression tests need tokens that never change; run this only when they
have to.  The secret is that of test/sql/setup.sql and of nothing else.
"""
import base64
import json

import jwt

SECRET = "regression-tests-only-secret-32b"
HARARE = "a0000000-0000-4000-8000-000000000001"
BULAWAYO = "b0000000-0000-4000-8000-000000000002"
CLAIMS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"


def token(**claims):
    """An ASP.NET-shaped token; None leaves a claim out."""
    all_claims = {"iss": "https://api.pindah.example", "aud": "pindah",
                  "nbf": 1700000000, "iat": 1700000000, "exp": 4102444800}
    all_claims.update(claims)
    present = {k: v for k, v in all_claims.items() if v is not None}
    return jwt.encode(present, SECRET, "HS256", headers={"kid": "main"})


def with_payload(original, **changes):
    """The same header and signature over other claims."""
    header, payload, signature = original.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    claims.update(changes)
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return ".".join((header, payload, signature))


ann = token(nameid="ann", unique_name="Ann Moyo", email="ann@harare.example",
            role="Accountant", OrganisationId=HARARE,
            Permission=["accounting:invoices:view", "accounting:invoices:create",
                        "stock:*:view"])
tokens = {
    "ann": ann,
    "bob": token(nameid="bob", unique_name="Bob Ncube", role=["Manager", "Accountant"],
                 OrganisationId=BULAWAYO, Permission="accounting:*:*"),
    "vera": token(nameid="vera", unique_name="Vera Dube", OrganisationId=HARARE),
    "uri": token(**{CLAIMS + "nameidentifier": "una", CLAIMS + "name": "Una",
                    CLAIMS + "emailaddress": "una@harare.example",
                    "http://schemas.microsoft.com/ws/2008/06/identity/claims/role": "Clerk",
                    "OrganisationId": HARARE}),
    "number": token(sub="nora", OrganisationId=42, Permission=["stock:inventory:view"]),
    "nowhere": token(sub="neil", Permission=["*:*:*"]),
    "expired": token(sub="old", OrganisationId=HARARE, exp=1700003600),
    "forged": with_payload(ann, OrganisationId=BULAWAYO),
    "unsigned": jwt.encode({"sub": "nobody", "exp": 4102444800}, None, "none"),
}
for name, value in tokens.items():
    print(f"INSERT INTO tokens VALUES ('{name}', '{value}');")
