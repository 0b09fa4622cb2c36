-- One issuer for each algorithm, with its one key.
SELECT pindah_trust_issuer('https://' || lower(algorithm) || '.example',
	jsonb_build_object('keys', jsonb_build_array(jwk)), ARRAY['https://api.example']) FROM bench.keys;
VACUUM ANALYZE bench.tokens, bench.keys;
