/*-------------------------------------------------------------------------
 *
 * verdict.h
 *	  What can be wrong with a token or a key, and how it is said.
 *
 * The rooms of the token path return one of these and raise nothing.  Each
 * verdict belongs to one of the stable reason words of the SQL contract; the
 * sentence and the hint are constants, so that nothing of a token can get
 * into a message.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_VERDICT_H
#define PINDAH_VERDICT_H

/* name, reason word, sentence, hint */
#define TOKEN_VERDICTS(V) \
	V(TOKEN_OK, "", "the token is valid", "") \
	V(TOKEN_TOO_LARGE, "too_large", \
	  "the token is larger than pindah.max_token_size", \
	  "Put fewer permissions into the token, or let a superuser raise pindah.max_token_size.") \
	V(TOKEN_THROTTLED, "throttled", \
	  "too many bad tokens came from this address: none is looked at", \
	  "Wait for as long as pindah.throttle_window says, and send a token that is good.") \
	V(TOKEN_HEADER_TOO_LARGE, "too_large", \
	  "the header of the token is larger than 4096 bytes", \
	  "A header needs no more than alg, typ and kid.") \
	V(TOKEN_NOT_COMPACT, "malformed", \
	  "the token is not three segments divided by dots", \
	  "Send the compact form of a signed JWT (header.payload.signature), with no \"Bearer \" before it and no spaces or line breaks around it.") \
	V(TOKEN_BAD_BASE64URL, "malformed", \
	  "a segment of the token is not canonical base64url", \
	  "Segments hold A-Z, a-z, 0-9, \"-\" and \"_\" only, without padding (RFC 7515 section 2). Send the token with no \"Bearer \" before it and no spaces or line breaks around it.") \
	V(TOKEN_BAD_UTF8, "malformed", \
	  "the JSON of the token is not valid UTF-8", \
	  "JWT header and payload are UTF-8; see RFC 7519 section 3.") \
	V(TOKEN_BAD_JSON, "malformed", \
	  "the header or payload of the token is not well-formed JSON", \
	  "Issue the token with a JWT library; see RFC 8259 for the syntax.") \
	V(TOKEN_NOT_OBJECT, "malformed", \
	  "the header or payload of the token is not a JSON object", \
	  "See RFC 7519 section 7.2.") \
	V(TOKEN_DUPLICATE_MEMBER, "malformed", \
	  "a member name stands twice in one JSON object of the token", \
	  "Write every claim once; several permissions go into one array.") \
	V(TOKEN_TOO_DEEP, "malformed", \
	  "the JSON of the token is nested deeper than 64 levels", \
	  "Flatten the claims.") \
	V(TOKEN_NUMBER_RANGE, "malformed", \
	  "the JSON of the token holds a number with an exponent beyond 308", \
	  "Write large values as strings.") \
	V(TOKEN_ENCODING, "malformed", \
	  "the token holds characters that the encoding of this database lacks", \
	  "Use a database with encoding UTF8.") \
	V(TOKEN_CRITICAL_HEADER, "malformed", \
	  "the token has a crit, b64 or zip header", \
	  "No critical extension is understood here; issue the token without it (RFC 7515 section 4.1.11, RFC 7797).") \
	V(TOKEN_BAD_KEY_ID, "malformed", \
	  "the kid of the token is not a string of 1 to 256 bytes", \
	  "See RFC 7515 section 4.1.4.") \
	V(TOKEN_BAD_ALGORITHM_NAME, "unsupported_algorithm", \
	  "the alg of the token is missing or not a string", \
	  "See RFC 7515 section 4.1.1.") \
	V(TOKEN_ALGORITHM_URI, "unsupported_algorithm", \
	  "the alg of the token is an XML signature URI, not a JWA name", \
	  "In ASP.NET build SigningCredentials with SecurityAlgorithms.HmacSha256 (\"HS256\"), not SecurityAlgorithms.HmacSha256Signature.") \
	V(TOKEN_UNSUPPORTED_ALGORITHM, "unsupported_algorithm", \
	  "the alg of the token is not in pindah.algorithms", \
	  "Sign with one of the algorithms of pindah.algorithms, or let a superuser extend that list.") \
	V(TOKEN_ALGORITHM_NOT_OF_KEY, "unsupported_algorithm", \
	  "the alg of the token is not the algorithm of the key that its kid names", \
	  "A key has exactly one algorithm: give the JWK the \"alg\" that the issuer signs with.") \
	V(TOKEN_WRONG_TYPE, "wrong_type", \
	  "the typ or cty of the token is not that of an access token", \
	  "typ may be absent, JWT, at+jwt or application/at+jwt; nested JWTs are not accepted.") \
	V(TOKEN_UNTRUSTED_ISSUER, "untrusted_issuer", \
	  "the issuer of the token is not trusted", \
	  "Let an administrator call pindah_trust_issuer() with exactly the iss of the token ('' when it has none).") \
	V(TOKEN_UNKNOWN_KEY, "unknown_key", \
	  "the issuer has no usable key for the token", \
	  "Let an administrator add the issuer's key with pindah_add_key(); a token without kid needs exactly one key that fits its alg.") \
	V(TOKEN_KEY_REVOKED, "revoked", \
	  "the key that signed the token has been revoked", \
	  "Sign in again to get a token of a key in force.") \
	V(TOKEN_KEY_RETIRED, "revoked", \
	  "the key that signed the token has been retired, and its time is over", \
	  "Sign in again to get a token of a key in force.") \
	V(TOKEN_REVOKED, "revoked", \
	  "the token has been revoked", \
	  "Sign in again to get a new token.") \
	V(TOKEN_USER_REVOKED, "revoked", \
	  "the tokens of the user have been revoked", \
	  "Sign in again: a token with an iat after the revocation counts.") \
	V(TOKEN_ORGANISATION_REVOKED, "revoked", \
	  "the tokens of the organisation have been revoked", \
	  "Sign in again: a token with an iat after the revocation counts.") \
	V(TOKEN_ISSUER_REVOKED, "revoked", \
	  "the tokens of the issuer have been revoked", \
	  "Sign in again: a token with an iat after the revocation counts.") \
	V(TOKEN_TOO_OLD, "revoked", \
	  "the token is older than the revocations that are still kept", \
	  "Sign in again: a token with a recent iat counts.") \
	V(TOKEN_BAD_SIGNATURE, "bad_signature", \
	  "the signature of the token does not verify", \
	  "The token was altered, or signed with another key than the one that is trusted.") \
	V(TOKEN_EXPIRED, "expired", \
	  "the token has expired", \
	  "Get a new token with the refresh token, or sign in again.") \
	V(TOKEN_NOT_YET_VALID, "not_yet_valid", \
	  "the token is not valid yet", \
	  "Compare the clocks of the issuer and of this server; pindah.clock_skew is what they may differ.") \
	V(TOKEN_NO_EXPIRY, "missing_claim", \
	  "the token has no exp claim", \
	  "Issue tokens with an expiry, 60 minutes from now for instance.") \
	V(TOKEN_NO_USER, "missing_claim", \
	  "the token has no user id claim", \
	  "Issue tokens with sub or nameid, or name the claim in the claim_map of the issuer.") \
	V(TOKEN_NO_AUDIENCE, "missing_claim", \
	  "the token has no aud claim, and its issuer has an audience", \
	  "Issue tokens with the audience that pindah_trust_issuer() was given.") \
	V(TOKEN_WRONG_AUDIENCE, "wrong_audience", \
	  "the token is meant for another audience", \
	  "aud must hold one of the issuer's audiences, byte for byte.") \
	V(TOKEN_NO_ISSUED_AT, "missing_claim", \
	  "the token has no numeric iat claim, and pindah.max_token_lifetime is set", \
	  "Issue tokens with iat as a plain JSON number of seconds.") \
	V(TOKEN_LIVES_TOO_LONG, "invalid_claim", \
	  "exp is further from iat than pindah.max_token_lifetime", \
	  "Issue tokens with a shorter lifetime, or let a superuser raise pindah.max_token_lifetime.") \
	V(TOKEN_BAD_TIME, "invalid_claim", \
	  "exp, nbf or iat is not a number of seconds between 1970 and 9999", \
	  "Write NumericDate as a plain JSON number of seconds, not milliseconds, not a string; see RFC 7519 section 2.") \
	V(TOKEN_BAD_ISSUER, "invalid_claim", \
	  "iss is not a string", \
	  "See RFC 7519 section 4.1.1.") \
	V(TOKEN_BAD_AUDIENCE, "invalid_claim", \
	  "aud is not a string or an array of strings", \
	  "See RFC 7519 section 4.1.3.") \
	V(TOKEN_BAD_USER, "invalid_claim", \
	  "the user id claim is not a string, or empty", \
	  "Write the user id as a non-empty string.") \
	V(TOKEN_USERS_DISAGREE, "invalid_claim", \
	  "two user id claims of the token disagree", \
	  "Write the user id once, or equal in both claims.") \
	V(TOKEN_BAD_TEXT_CLAIM, "invalid_claim", \
	  "the name, e-mail or jti claim is not a string", \
	  "Write it as a string, or leave it out.") \
	V(TOKEN_BAD_LIST_CLAIM, "invalid_claim", \
	  "a role or permission claim is not a string or an array of strings", \
	  "Write one string, or an array of strings.") \
	V(TOKEN_BAD_ORGANISATION, "invalid_claim", \
	  "the organisation claim is not a non-empty string or an integer", \
	  "Write OrganisationId as a string or an integer.") \
	V(TOKEN_ORGANISATIONS_DISAGREE, "invalid_claim", \
	  "two organisation claims of the token disagree", \
	  "Write the organisation once, or equal in both claims.") \
	V(TOKEN_UNTRUSTED_ORGANISATION, "untrusted_organisation", \
	  "the issuer may not speak for the organisation of the token", \
	  "Let an administrator add the organisation to the issuer's organisations with pindah_trust_issuer().")

#define KEY_VERDICTS(V) \
	V(KEY_OK, "the key is usable", "") \
	V(KEY_BAD_JSON, "the JWK is not a well-formed JSON object", \
	  "Give one JWK as the issuer publishes it, not a set (RFC 7517 section 4); pindah_jwk_from_pem() makes one of PEM.") \
	V(KEY_BAD_PEM, "the text is not one public key or certificate in PEM", \
	  "Give one block as it is, in several lines, from \"-----BEGIN PUBLIC KEY-----\" (or CERTIFICATE) to its END.") \
	V(KEY_IS_PRIVATE, "the PEM holds a private key", \
	  "Nobody but the issuer should have that: make the public one with \"openssl pkey -in FILE -pubout\".") \
	V(KEY_IS_SET, "this is a JWK set, not a JWK", \
	  "Give one of its keys; pindah_trust_issuer() takes a set.") \
	V(KEY_UNKNOWN_TYPE, "the kty or crv of the JWK is not supported", \
	  "Supported are kty RSA, EC (P-256, P-384, P-521, secp256k1), OKP (Ed25519, Ed448) and oct.") \
	V(KEY_UNKNOWN_ALGORITHM, "the alg of the JWK is not supported", \
	  "Known are HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, ES256K, EdDSA, Ed25519 and Ed448.") \
	V(KEY_ALGORITHM_MISMATCH, "the alg of the JWK does not fit its key type or curve", \
	  "ES256 needs P-256, ES384 P-384, ES512 P-521, ES256K secp256k1; RS and PS need RSA; HS needs oct.") \
	V(KEY_MISSING_MEMBER, "the JWK lacks a member that its key type needs, or has one that is not base64url", \
	  "RSA needs n and e; EC needs crv, x and y; OKP needs crv and x (RFC 7518 section 6).") \
	V(KEY_BAD_SECRET, "the JWK lacks the k of its secret, or has one that is not base64url", \
	  "k is not the text of the secret, but its bytes in base64url without padding (RFC 7518 section 6.4); README.md has the SQL that makes it.") \
	V(KEY_NOT_FOR_SIGNATURES, "the use or key_ops of the JWK does not allow verification", \
	  "use must be sig, key_ops must hold verify; publish a signing key, not an encryption key.") \
	V(KEY_BAD_KEY_ID, "the kid of the JWK is not a string of 1 to 256 bytes", \
	  "Leave kid out: the RFC 7638 thumbprint is taken then.") \
	V(KEY_RSA_SIZE, "the RSA modulus is not between 2048 and 16384 bits", \
	  "Make a new key of 2048 bits or more (RFC 7518 section 3.3).") \
	V(KEY_RSA_EXPONENT, "the RSA exponent is not an odd number between 65537 and 4294967295", \
	  "Make a new key with the usual exponent 65537.") \
	V(KEY_RSA_ROCA, "the RSA modulus has the fingerprint of CVE-2017-15361 (ROCA)", \
	  "The key can be factored: make a new one with other software or hardware.") \
	V(KEY_RSA_EVEN, "the RSA modulus is even", \
	  "This is not an RSA key; make a new one.") \
	V(KEY_OFF_CURVE, "the EC point is not on its curve, or x and y have not the length of its field", \
	  "Copy x and y as the issuer publishes them (RFC 7518 section 6.2.1).") \
	V(KEY_OKP_SIZE, "x has not the length of an Ed25519 or Ed448 public key", \
	  "Ed25519 has 32 bytes, Ed448 has 57 (RFC 8037 section 2).") \
	V(KEY_OKP_ORDER, "x is a point of small order: anybody can sign for it", \
	  "Make a new key: no random one is like this, but one of zeros is.") \
	V(KEY_SECRET_SIZE, "the secret is shorter than the output of its hash", \
	  "HS256 needs 32 random bytes or more, HS384 48, HS512 64 (RFC 7518 section 3.2).") \
	V(KEY_SECRET_KNOWN, "the secret is an example, a sequence or a repetition: anybody can guess it", \
	  "Make a random one with \"openssl rand -base64 48\", and give it to the issuer too.") \
	V(KEY_UNUSABLE, "OpenSSL does not accept the key", \
	  "Check the JWK with the issuer.")

#define VERDICT_AS_ENUM(name, ...) name,

typedef enum TokenVerdict
{
	TOKEN_VERDICTS(VERDICT_AS_ENUM)
} TokenVerdict;

typedef enum KeyVerdict
{
	KEY_VERDICTS(VERDICT_AS_ENUM)
} KeyVerdict;

extern const char *token_verdict_reason(TokenVerdict verdict);
extern const char *token_verdict_sentence(TokenVerdict verdict);
extern const char *token_verdict_hint(TokenVerdict verdict);
extern const char *key_verdict_sentence(KeyVerdict verdict);
extern const char *key_verdict_hint(KeyVerdict verdict);

#endif							/* PINDAH_VERDICT_H */
