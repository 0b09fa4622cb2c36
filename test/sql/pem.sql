-- The JWK of a public key in PEM.
\set SHOW_CONTEXT never
\set rsa '-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA0vx7agoebGcQSuuPiLJX\nZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tS\noc/BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ/2W+5JsGY4Hc5n9yBXArwl93lqt\n7/RN5w6Cf0h4QyQ5v+65YGjQR0/FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0\nzgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt+bFTWhAI4vMQFh6WeZu0f\nM4lFd2NcRwr3XPksINHaQ+G/xBniIqbw0Ls1jF44+csFCur+kEgU8awapJzKnqDK\ngwIDAQAB\n-----END PUBLIC KEY-----\n'
\set pkcs1 '-----BEGIN RSA PUBLIC KEY-----\nMIIBCgKCAQEA0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4\ncbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc/BJECPebWKRXjBZCiFV4n3oknjhMst\nn64tZ/2W+5JsGY4Hc5n9yBXArwl93lqt7/RN5w6Cf0h4QyQ5v+65YGjQR0/FDW2Q\nvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbIS\nD08qNLyrdkt+bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ+G/xBniIqbw\n0Ls1jF44+csFCur+kEgU8awapJzKnqDKgwIDAQAB\n-----END RSA PUBLIC KEY-----\n'
\set ec '-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEMKBCTNIcKUSDii11ySs3526iDZ8A\niTo7Tu6KPAqv7D7gS2XpJFbZiItSs3m9+9Ue6GnvHw/GW2ZZaVtszggXIw==\n-----END PUBLIC KEY-----\n'
\set brainpool '-----BEGIN PUBLIC KEY-----\nMFowFAYHKoZIzj0CAQYJKyQDAwIIAQEHA0IABHMg5PFuYedEhNBwAG20X12D0AWO\n5g3/dwbGHJLGJtZDezcYVGpFCvsw18ozcoXz4Wrg/xLPNxaZVcHyCzABnHk=\n-----END PUBLIC KEY-----\n'
\set x25519 '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VuAyEAzWX0slB6YhPELdCVKJ9oJEyWX8TqEHQvAHtEf06XDQ8=\n-----END PUBLIC KEY-----\n'
\set small '-----BEGIN PUBLIC KEY-----\nMIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCkF1ZXOLuaV7DaWlX8VmptjUOk\nAOmvm2uJl6C1KDM6s3xsR/JnknThokoojCfrfV+rEtmuuwUynLCnljPOAItD5Quu\naLKu/A/6hAXtNLzotZATkXFlg/NsgmoCNkW7N/oBAU832Bg8B32NttH5APEY2lOq\nioYnELm4480J6pvI8QIDAQAB\n-----END PUBLIC KEY-----\n'
\set okp '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n'
\set certificate '-----BEGIN CERTIFICATE-----\nMIIBCjCBsaADAgECAgEBMAoGCCqGSM49BAMCMA8xDTALBgNVBAMMBHRlc3QwHhcN\nMDEwMTAxMDAwMDAwWhcNMDIwMTAxMDAwMDAwWjAPMQ0wCwYDVQQDDAR0ZXN0MFkw\nEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEMKBCTNIcKUSDii11ySs3526iDZ8AiTo7\nTu6KPAqv7D7gS2XpJFbZiItSs3m9+9Ue6GnvHw/GW2ZZaVtszggXIzAKBggqhkjO\nPQQDAgNIADBFAiAzaKdG0g+2QnVYyZSX/sL4oN1C0Kzw/XhZFU/1x8RGsAIhAL2M\ngaD0hrIyvvogsBDLJM18No0Np2onlPDGuWkb+aHq\n-----END CERTIFICATE-----\n'

-- What is refused: a private key above all, and what OpenSSL would ask a
-- password for.
SELECT pindah_jwk_from_pem('');
SELECT pindah_jwk_from_pem('ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBm/RAlphM3+hUG6wWfcO5bIUIaqMLa2ywxcOK1wMWbh');
SELECT pindah_jwk_from_pem('-----BEGIN PUBLIC KEY-----');
SELECT pindah_jwk_from_pem(E'-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n');
SELECT pindah_jwk_from_pem(:'okp' || E'-----BEGIN RSA PRIVATE KEY-----\n');
SELECT pindah_jwk_from_pem(replace(:'okp', E'\n', ' '));
SELECT pindah_jwk_from_pem(:'okp' || :'ec');
SELECT pindah_jwk_from_pem(:'certificate' || :'certificate');
SELECT pindah_jwk_from_pem(replace(:'okp', E'KEY-----\nM', E'KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00000000000000000000000000000000\n\nM'));
SELECT pindah_jwk_from_pem(replace(:'okp', 'MCow', 'MCox'));
SELECT pindah_jwk_from_pem(:'brainpool');
SELECT pindah_jwk_from_pem(:'x25519');
SELECT pindah_jwk_from_pem(:'small');
SELECT pindah_jwk_from_pem(:'rsa', algorithm => 'ES256');
SELECT pindah_jwk_from_pem(:'rsa', algorithm => 'HS256');
SELECT pindah_jwk_from_pem(:'rsa', algorithm => 'none');
SELECT pindah_jwk_from_pem(:'rsa', algorithm => 'RS256", "k": "');
SELECT pindah_jwk_from_pem(:'ec', '');
SELECT pindah_jwk_from_pem(:'ec', repeat('k', 257));
SELECT pindah_add_key('https://api.pindah.example', to_jsonb(:'ec'::text));
SET ROLE regress_pindah_app;
SELECT pindah_jwk_from_pem(:'okp');
RESET ROLE;

-- The keys of RFC 7517 A.1 and RFC 8037 A.2.
SELECT pindah_jwk_from_pem(:'rsa') AS rsa_jwk \gset
SELECT :'rsa_jwk'::jsonb - 'n' AS rsa, :'rsa_jwk'::jsonb->>'n' = '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw' AS n,
	pindah_jwk_from_pem(:'pkcs1') = :'rsa_jwk' AS pkcs1;
SELECT pindah_jwk_from_pem(:'ec');
SELECT pindah_jwk_from_pem(:'okp', 'my key');
SELECT pindah_jwk_from_pem(:'certificate') = pindah_jwk_from_pem(:'ec') AS certificate,
	pindah_jwk_from_pem(replace(:'ec', E'\n', E'\r\n')) = pindah_jwk_from_pem(:'ec') AS crlf,
	pindah_jwk_from_pem(E'a comment before it\n' || :'ec' || 'and behind') = pindah_jwk_from_pem(:'ec') AS comments,
	pindah_jwk_from_pem(NULL) IS NULL AS none;
SELECT pindah_jwk_from_pem(:'ec', E'"}\\\n')->>'kid' = E'"}\\\n' AS kid;

-- It is a key like others: RFC 8037 A.3 and A.4.
SELECT pindah_trust_issuer('pem', audience => '{erp}');
SELECT pindah_add_key('pem', pindah_jwk_from_pem(:'okp'));
SELECT pindah_verify_jws('eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg',
	pindah_jwk_from_pem(:'okp'));
SELECT pindah_add_key('pem', pindah_jwk_from_pem(:'rsa', 'ps', 'PS256'));
SELECT kid, algorithm FROM pindah.keys WHERE issuer = 'pem' ORDER BY kid;
SELECT pindah_distrust_issuer('pem');
