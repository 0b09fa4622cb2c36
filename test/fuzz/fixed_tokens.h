/* Written by mint_seeds.py: keys, and the one token of each. */

static const struct
{
	const char *jwk;
	const char *token;
}	fixed_tokens[] =
{
	/* HS256 */
	{
		"{\"kty\":\"oct\",\"k\":\"tEBktLSG7d1-DzUWmddoJrIkHluc_1WclhsiZwCa47w\",\"alg\":\"HS"
		"256\"}",
		"eyJhbGciOiJIUzI1NiIsImtpZCI6ImZpeGVkLUhTMjU2IiwidHlwIjoiSldUIn0.eyJuYW1l"
		"aWQiOiI3YzFlM2QwYS00YzVlLTRmN2UtOWE1My0yZjFmNGEwZjVhMTEiLCJ1bmlxdWVfbmFt"
		"ZSI6ImFpc2hhQGFjbWUuZXhhbXBsZSIsImVtYWlsIjoiYWlzaGFAYWNtZS5leGFtcGxlIiwi"
		"cm9sZSI6WyJBY2NvdW50YW50IiwiQ2xlcmsiXSwiT3JnYW5pc2F0aW9uSWQiOiIwYjdlNGE1"
		"Mi05ZDdhLTRhNmUtOGE0MC01YTJjM2ExYjlmMTAiLCJQZXJtaXNzaW9uIjpbImFjY291bnRp"
		"bmc6aW52b2ljZXM6dmlldyIsInN0b2NrOio6dmlldyJdLCJuYmYiOjE3MDAwMDAwMDAsImV4"
		"cCI6MTcwMDAwMzYwMCwiaWF0IjoxNzAwMDAwMDAwLCJpc3MiOiJodHRwczovL2lkLmV4YW1w"
		"bGUiLCJhdWQiOiJwaW5kYWgifQ.zNjH37Xs9XQzNQx51fJ2Oc1PiKiy85ZmMaCAx3P_Tyg"
	},
	/* RS256 */
	{
		"{\"kty\":\"RSA\",\"n\":\"9T_mEXWqbwPk59Q01aKsgtZlMvAulJhe1LQi3GodKM-B26Dkcgpdx1"
		"_avWfnnQAJ2uyUqOg0ICEHyqFd0r-_efAMHuclVCjZF7neNEXvmXRPFqdPcnp6ZtiuR01H8p"
		"n6m0P0RShiNFkEnCi-tY8iDs-peDoyXCFa3N2tewMSH-Ziuur8vhiSTGVc-67aDudUZRPxOX"
		"zIRB-fkZ9Y5ePKPik4-FX6YX9c6f0ATLlL0bcy8F9RQLRTQeNy7g1DB35wyDlhxx7l1PQIcp"
		"fKbsjK6r_NfJVCpV_I2p5Sads3RNO3zUqCjXVZPz3cIn6YrKNBmgdSetrITa8OqSbjkXDAgw"
		"\",\"e\":\"AQAB\",\"alg\":\"RS256\"}",
		"eyJhbGciOiJSUzI1NiIsImtpZCI6ImZpeGVkLVJTMjU2IiwidHlwIjoiSldUIn0.eyJuYW1l"
		"aWQiOiI3YzFlM2QwYS00YzVlLTRmN2UtOWE1My0yZjFmNGEwZjVhMTEiLCJ1bmlxdWVfbmFt"
		"ZSI6ImFpc2hhQGFjbWUuZXhhbXBsZSIsImVtYWlsIjoiYWlzaGFAYWNtZS5leGFtcGxlIiwi"
		"cm9sZSI6WyJBY2NvdW50YW50IiwiQ2xlcmsiXSwiT3JnYW5pc2F0aW9uSWQiOiIwYjdlNGE1"
		"Mi05ZDdhLTRhNmUtOGE0MC01YTJjM2ExYjlmMTAiLCJQZXJtaXNzaW9uIjpbImFjY291bnRp"
		"bmc6aW52b2ljZXM6dmlldyIsInN0b2NrOio6dmlldyJdLCJuYmYiOjE3MDAwMDAwMDAsImV4"
		"cCI6MTcwMDAwMzYwMCwiaWF0IjoxNzAwMDAwMDAwLCJpc3MiOiJodHRwczovL2lkLmV4YW1w"
		"bGUiLCJhdWQiOiJwaW5kYWgifQ.le5xn26pEOxiqqNuj-eFigxEPlW86PxMtPwrhQogHt7Rq"
		"sB5XlgdIPxD3VMKjS9nWrdxP1-gsYgvkNIXGE_QLSjuXtRvKmnEDiUCm1xHmvdZW1UAWkilU"
		"yEzq9nuOAwZllCp2u_M8C5gKmBp7oFGmUL3CJUpIIrCQnz5Irvr0exFEkvgKiFOrlE5RLkcq"
		"DKDvht0NPk94WL97DPFR5z7l-CXWzqHA77zcmKcN6_Ek_xksVkhpcJa8etwA8v_GrzIJoM-2"
		"K8NBK7_2m8QRLt9g1ZPKYiRIwtnbcbdJKcniRAUgOBRnRX2W3H0lJeMnLJzBSjE6cFR7o_NV"
		"eJMdtdydQ"
	},
	/* PS256 */
	{
		"{\"kty\":\"RSA\",\"n\":\"9T_mEXWqbwPk59Q01aKsgtZlMvAulJhe1LQi3GodKM-B26Dkcgpdx1"
		"_avWfnnQAJ2uyUqOg0ICEHyqFd0r-_efAMHuclVCjZF7neNEXvmXRPFqdPcnp6ZtiuR01H8p"
		"n6m0P0RShiNFkEnCi-tY8iDs-peDoyXCFa3N2tewMSH-Ziuur8vhiSTGVc-67aDudUZRPxOX"
		"zIRB-fkZ9Y5ePKPik4-FX6YX9c6f0ATLlL0bcy8F9RQLRTQeNy7g1DB35wyDlhxx7l1PQIcp"
		"fKbsjK6r_NfJVCpV_I2p5Sads3RNO3zUqCjXVZPz3cIn6YrKNBmgdSetrITa8OqSbjkXDAgw"
		"\",\"e\":\"AQAB\",\"alg\":\"PS256\"}",
		"eyJhbGciOiJQUzI1NiIsImtpZCI6ImZpeGVkLVBTMjU2IiwidHlwIjoiSldUIn0.eyJuYW1l"
		"aWQiOiI3YzFlM2QwYS00YzVlLTRmN2UtOWE1My0yZjFmNGEwZjVhMTEiLCJ1bmlxdWVfbmFt"
		"ZSI6ImFpc2hhQGFjbWUuZXhhbXBsZSIsImVtYWlsIjoiYWlzaGFAYWNtZS5leGFtcGxlIiwi"
		"cm9sZSI6WyJBY2NvdW50YW50IiwiQ2xlcmsiXSwiT3JnYW5pc2F0aW9uSWQiOiIwYjdlNGE1"
		"Mi05ZDdhLTRhNmUtOGE0MC01YTJjM2ExYjlmMTAiLCJQZXJtaXNzaW9uIjpbImFjY291bnRp"
		"bmc6aW52b2ljZXM6dmlldyIsInN0b2NrOio6dmlldyJdLCJuYmYiOjE3MDAwMDAwMDAsImV4"
		"cCI6MTcwMDAwMzYwMCwiaWF0IjoxNzAwMDAwMDAwLCJpc3MiOiJodHRwczovL2lkLmV4YW1w"
		"bGUiLCJhdWQiOiJwaW5kYWgifQ.AK0ejb6AYH6INvsPdDRBqxMiC39IckupdDRDqC43Dfb8o"
		"8TriPygCIlTUr2iBfRl9gPXOLVT14wLr2G4k4NVyndducEJJi4Ef5V2Pow6BKdeoYvs19KLM"
		"zrBgYPPDs6Qyk8fB5ysARu445jN5k3tIfKv8cOkguPmBODyyT8coAkO-6H1cTz4iWwUUCG3a"
		"QcbXGnTYRg7qkz22OpmUlWnOjs_BdceqVE9EtJChFBsno0c_U4PZnLrKzfE0mweYQzW2Hnj6"
		"NnTyFHxV57EzzyGgcaaR9iei3XhHgN6kqODl8vkxB1tmnvzPQqievT-irXAVwMvKEW23AtMm"
		"ZN-oklneA"
	},
	/* ES256 */
	{
		"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"ibs4vvTeur3U9Nf8jXM-0gwyOSWtKQBLcBm8fmcHt"
		"7Q\",\"y\":\"tahiGEvSNzuPySYqXyMtofWkTDDu9YosPHhztUjXb-I\",\"alg\":\"ES256\"}",
		"eyJhbGciOiJFUzI1NiIsImtpZCI6ImZpeGVkLUVTMjU2IiwidHlwIjoiSldUIn0.eyJuYW1l"
		"aWQiOiI3YzFlM2QwYS00YzVlLTRmN2UtOWE1My0yZjFmNGEwZjVhMTEiLCJ1bmlxdWVfbmFt"
		"ZSI6ImFpc2hhQGFjbWUuZXhhbXBsZSIsImVtYWlsIjoiYWlzaGFAYWNtZS5leGFtcGxlIiwi"
		"cm9sZSI6WyJBY2NvdW50YW50IiwiQ2xlcmsiXSwiT3JnYW5pc2F0aW9uSWQiOiIwYjdlNGE1"
		"Mi05ZDdhLTRhNmUtOGE0MC01YTJjM2ExYjlmMTAiLCJQZXJtaXNzaW9uIjpbImFjY291bnRp"
		"bmc6aW52b2ljZXM6dmlldyIsInN0b2NrOio6dmlldyJdLCJuYmYiOjE3MDAwMDAwMDAsImV4"
		"cCI6MTcwMDAwMzYwMCwiaWF0IjoxNzAwMDAwMDAwLCJpc3MiOiJodHRwczovL2lkLmV4YW1w"
		"bGUiLCJhdWQiOiJwaW5kYWgifQ.0tjzId8X1XzJIcKSzGwtSoGQ5U0V0keHKk5U-4cc9jm3v"
		"AZl8K-_QYJP_WxkC-eOR0rhod95yAMbW0EiUb3IDA"
	},
	/* ES512 */
	{
		"{\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"ADc28_b0VdZGOnlbPK7bbwuFkS9GhD4ntlE24FkOm"
		"vtXob0kqTNQpZpmb087N0ILTiMFLuIzMvJKiNjJw-0v7DOY\",\"y\":\"AEDcWRd1A8PreYWgSy"
		"kPQftDtW9cSB-gU-LyCPobHSUf-_H9rgQeSrwky4mexcxQcdHYFyd4a4ahyRHthr5jBGcf\","
		"\"alg\":\"ES512\"}",
		"eyJhbGciOiJFUzUxMiIsImtpZCI6ImZpeGVkLUVTNTEyIiwidHlwIjoiSldUIn0.eyJuYW1l"
		"aWQiOiI3YzFlM2QwYS00YzVlLTRmN2UtOWE1My0yZjFmNGEwZjVhMTEiLCJ1bmlxdWVfbmFt"
		"ZSI6ImFpc2hhQGFjbWUuZXhhbXBsZSIsImVtYWlsIjoiYWlzaGFAYWNtZS5leGFtcGxlIiwi"
		"cm9sZSI6WyJBY2NvdW50YW50IiwiQ2xlcmsiXSwiT3JnYW5pc2F0aW9uSWQiOiIwYjdlNGE1"
		"Mi05ZDdhLTRhNmUtOGE0MC01YTJjM2ExYjlmMTAiLCJQZXJtaXNzaW9uIjpbImFjY291bnRp"
		"bmc6aW52b2ljZXM6dmlldyIsInN0b2NrOio6dmlldyJdLCJuYmYiOjE3MDAwMDAwMDAsImV4"
		"cCI6MTcwMDAwMzYwMCwiaWF0IjoxNzAwMDAwMDAwLCJpc3MiOiJodHRwczovL2lkLmV4YW1w"
		"bGUiLCJhdWQiOiJwaW5kYWgifQ.AY--HPJUdj2m7rKZ3TC2fZQeA27kAjyubNYPxZNdUA6zJ"
		"aACU0OthPpZXKfgr3UsPt3nzVtB8CY7kgPbStXkm3JbAYAycSslDWhr5A68C2SFGmculshly"
		"BDQ4VjW8QFZW4ONsiMTJSJ3mNii1wDYKrDImbe3fYXQGTPD6OBbUWQ_k0qM"
	},
	/* EdDSA */
	{
		"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"SvIkiiC55Cony5OcIFrXC9d0Zm8kwGJfKhhqEz"
		"IXpPk\",\"alg\":\"EdDSA\"}",
		"eyJhbGciOiJFZERTQSIsImtpZCI6ImZpeGVkLUVkRFNBIiwidHlwIjoiSldUIn0.eyJuYW1l"
		"aWQiOiI3YzFlM2QwYS00YzVlLTRmN2UtOWE1My0yZjFmNGEwZjVhMTEiLCJ1bmlxdWVfbmFt"
		"ZSI6ImFpc2hhQGFjbWUuZXhhbXBsZSIsImVtYWlsIjoiYWlzaGFAYWNtZS5leGFtcGxlIiwi"
		"cm9sZSI6WyJBY2NvdW50YW50IiwiQ2xlcmsiXSwiT3JnYW5pc2F0aW9uSWQiOiIwYjdlNGE1"
		"Mi05ZDdhLTRhNmUtOGE0MC01YTJjM2ExYjlmMTAiLCJQZXJtaXNzaW9uIjpbImFjY291bnRp"
		"bmc6aW52b2ljZXM6dmlldyIsInN0b2NrOio6dmlldyJdLCJuYmYiOjE3MDAwMDAwMDAsImV4"
		"cCI6MTcwMDAwMzYwMCwiaWF0IjoxNzAwMDAwMDAwLCJpc3MiOiJodHRwczovL2lkLmV4YW1w"
		"bGUiLCJhdWQiOiJwaW5kYWgifQ.7MrjtaTxy3Dw4SiZPy042FADMYgPW5gBqxPgT_E8wYInq"
		"RCEv7lZIFB3D0lqawkHeGYB7XkaDOvMivfXkC-uDg"
	},
};
