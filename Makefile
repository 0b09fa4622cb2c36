# pindah_auth: build, install and test.
#
# Two commands for people: `make demo` and `make check`; both install from
# Debian what is missing.  Everything else works as for any PGXS extension.
# The version stands in pindah_auth.control and nowhere else.

EXTENSION = pindah_auth
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" pindah_auth.control)

MODULE_big = pindah_auth
ROOMS = base64url json_reader verdict crypto_algorithms crypto jws weak_secret jwk claims settings stored_settings \
	encoding file_reader keyring trust_stats trust_document trust_file trust_tables trust \
	revocation verify identity_block token_cache \
	citus identity readable_settings plan_walk child_plans plan_constants identity_guard \
	session_state connection_start log_redaction \
	signing_keys issue json_values authorization policy_support null_rows token_functions \
	trust_functions trust_view \
	http_error http_request throttle pre_request oauth_validator pindah_auth
OBJS = $(ROOMS:%=src/%.o)
SHLIB_LINK += -lcrypto
# The server's headers as system headers: our warnings are about our code.
PG_CPPFLAGS = -isystem $(includedir_server) -DPINDAH_VERSION='"$(EXTVERSION)"'

# The install script is assembled, in this order, from one file a capability.
SQL_PARTS = sql/schema.sql sql/trust.sql sql/signing_keys.sql sql/revocation.sql \
	sql/trust_view.sql sql/identity.sql sql/reporting_roles.sql \
	sql/authorization.sql sql/pre_request.sql sql/tenants.sql sql/protect_schema.sql sql/advisor.sql sql/advisor_tables.sql \
	sql/advisor_objects.sql sql/advisor_trust.sql
DATA_built = sql/$(EXTENSION)--$(EXTVERSION).sql

REGRESS = setup denials jws whoami permissions survive trusting keys pem weak_secrets signing role_claims revoking protect shapes \
	whole_schema second_thoughts long_scans cleanup
REGRESS_OPTS = --inputdir=test --load-extension=plpgsql
ISOLATION = revoke_key revoke_user change_keys
ISOLATION_OPTS = --inputdir=test
# Whatever the cluster has: names and claims are not ASCII only.
ENCODING = UTF8

EXTRA_CLEAN = sql/$(EXTENSION)--*.sql

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)

ifneq ($(PGXS),)
include $(PGXS)
override CFLAGS += $(PINDAH_CFLAGS)
$(OBJS): $(wildcard src/*.h)
endif

sql/$(EXTENSION)--$(EXTVERSION).sql: $(SQL_PARTS) pindah_auth.control
	cat $(SQL_PARTS) > $@

include script/targets.mk
