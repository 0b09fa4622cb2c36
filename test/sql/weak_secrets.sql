-- HMAC secrets that somebody can guess: refused, or warned of.
\set SHOW_CONTEXT never
CREATE FUNCTION judge(secret bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	jwk jsonb := jsonb_build_object('kty', 'oct', 'kid', 'k', 'k',
		rtrim(translate(encode(secret, 'base64'), E'+/=\n', '-_'), '='));
BEGIN
	PERFORM pindah_trust_issuer('weak');
	PERFORM pindah_add_key('weak', jwk);
	PERFORM pindah_distrust_issuer('weak');
	RETURN 'taken';
EXCEPTION WHEN invalid_parameter_value THEN
	RETURN CASE WHEN SQLERRM LIKE 'key refused: the secret is an example%' THEN 'known' ELSE SQLERRM END;
END $$;

-- What stands in standards, tutorials and wordlists.
SELECT s, judge(convert_to(s, 'UTF8')) FROM unnest(ARRAY[
	'your-256-bit-secret-your-256-bit-secret', 'a-string-secret-at-least-256-bits-long',
	'reallyreallyreallyreallyverysafe', 'super-secret-jwt-token-with-at-least-32-characters-long',
	'ThisIsMySuperSecretKeyForJwtAuthentication123!', 'changemechangemechangemechangeme1234',
	'my_very_long_secret_key_for_signing_tokens', 'SECRET_KEY_MUST_BE_AT_LEAST_32_CHARACTERS',
	'secret00000000000000000000000000000', 'password!!!!!!!!!!!!!!!!!!!!!!!!!!', '12345678901234567890123456789012',
	'0123456789abcdef0123456789abcdef', 'abcdefghijklmnopqrstuvwxyz123456', 'qwertyuiopasdfghjklzxcvbnm123456',
	'09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7',
	'404E635266556A586E3272357538782F413F4428472B4B6250645367566B5970',
	'3EK6FD+o0+c7tzBNVfjpMkNDi2yARAAKzQlk8O2IKoxQu4nF7EdAh8s3TwpHwrdWT6R']) s;
SELECT name, judge(s) FROM (VALUES
	('RFC 7515 A.1', '\x0323354b2b0fa5bc837e0665777ba68f5ab328e6f054c928a90f84b2d2502ebfd3fb5a92d20647ef968ab4c377623d223d2e2172052e4f08c0cd9af567d080a3'::bytea),
	('RFC 7520 3.5', '\x849b57219dae48de646d07dbb533566e976686457c1491be3a76dcea6c427188'),
	('Spring', decode('404E635266556A586E3272357538782F413F4428472B4B6250645367566B5970', 'hex')),
	('zeros', decode(repeat('00', 32), 'hex')), ('ones', decode(repeat('ff', 64), 'hex')),
	('padded with zeros', 'secret' || decode(repeat('00', 40), 'hex')),
	('counting', decode('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f', 'hex')),
	('counting down', decode('f0efeeedecebeae9e8e7e6e5e4e3e2e1e0dfdedddcdbdad9d8d7d6d5d4d3d2d1', 'hex')),
	('few bytes', decode('0003060912151b1e', 'hex') || decode(repeat('00', 32), 'hex')),
	('deadbeef', decode(repeat('deadbeef', 8), 'hex')),
	('half, twice', decode(repeat('9f86d081884c7d659a2feaa0c55ad015', 2), 'hex')),
	('half, and a bit', decode(repeat('9f86d081884c7d659a2feaa0c55ad015', 2) || '9f86d0', 'hex'))) t(name, s);

-- What looks as if somebody had typed it: a warning, which does not show it.
SELECT judge('Chikanga-High-School-invoices-of-2026');
SELECT judge('regression-tests-only-secret-32b');
SELECT judge(decode(repeat('00', 29) || 'c1a2b3', 'hex'));

-- What is random is taken without a word: bytes, base64, hexadecimal, uuids.
SELECT count(*) FILTER (WHERE judge(s) = 'taken') AS taken, count(*) FROM (VALUES
	('\x9c2f5e1d7b8a4036c1d95f20ab73e648fd10927cb5e3684a0f7d21c896b34e5f'::bytea),
	('Kq3vXz8RmN1tYb6WcJ0sLd5HgF2pAe9UoT7iQk4='), ('wJ8nT+5kZq/1YcVb3RmX7sLd0HgF2pAe9UoTiQk4vNs='),
	('7f83b1657ff1fc53b92dc18148a1d65dfc2d4b1fa3d677284addd200126d9069'),
	('3b1f8a52-6c0d-4e97-a2b4-5d7f9018c3e6'), ('8305719264018375629410583726914057')) t(s);

-- The examples of the standards verify, all the same, where nothing is trusted.
SELECT pindah_verify_jws('eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk',
	'{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}');
-- A huge one is judged at once, by whomever: it is no way to keep the server busy.
SET statement_timeout = '3s';
SELECT pindah_verify_jws('a.b.c', jsonb_build_object('kty', 'oct', 'k',
	rtrim(translate(encode((repeat('a', 1500000) || 'b')::bytea, 'base64'), E'+/\n=', '-_'), '')));
RESET statement_timeout;
SELECT judge(repeat('Kq3vXz8RmN1tYb6WcJ0sLd5HgF2pAe9UoT7iQk4', 100)::bytea);
SELECT judge((repeat('Kq3vXz8RmN1tYb6WcJ0sLd5HgF2pAe9UoT7iQk4', 100) || '!')::bytea);
-- By a set, too; and put into the table by hand, it verifies nothing.
SELECT pindah_trust_issuer('weak', '{"keys": [{"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}]}');
BEGIN;
UPDATE pindah.keys SET jwk = '{"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}';
SELECT reason FROM tokens, pindah_inspect_jwt(token) WHERE name = 'ann';
ROLLBACK;
DROP FUNCTION judge;
