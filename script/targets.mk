# The project's own targets; those of PGXS (all, install, installcheck, clean)
# are untouched.
#
# A machine that was never provisioned has no pg_config and so no PGXS: these
# targets are shell scripts, which provision first and call make again.

.PHONY: help check check-build check-versions check-upgrade stress demo demo-stop bench fuzz fuzz-sql dist

help:
	@echo 'make               build (needs pg_config; script/provision build installs it)'
	@echo 'make install       install into the PostgreSQL of PG_CONFIG'
	@echo 'make installcheck  run the regression tests in a running server'
	@echo 'make demo          see it work: two organisations, real tokens; leaves a server running'
	@echo 'make demo-stop     stop that server and remove all of it'
	@echo 'make check         build and run every test in throw-away clusters (LAYERS="regress tap")'
	@echo 'make check-build   build a copy of the tree with every warning an error'
	@echo 'make check-versions  the same on PostgreSQL 15, 17 and 18 (VERSIONS="17 18"; needs root)'
	@echo 'make check-upgrade pg_upgrade to PostgreSQL 17 with the extension in the database (needs root)'
	@echo 'make stress        fifty sessions verify while trust changes (STRESS_SECONDS=60)'
	@echo 'make bench         print a table of speed ratios (PARTS="scans denied", ROWS=10000000 for "large")'
	@echo 'make fuzz          fuzz the parsers (FUZZ_SECONDS=60 for each)'
	@echo 'make fuzz-sql      let sqlsmith try to see rows of another tenant (STATEMENTS=200000, about an hour)'
	@echo 'make dist          make the archive for PGXN from the last commit'

# PGXS has a recipe for this target, which says that there is none.  Ours is a
# prerequisite, and true(1) runs the recipe: no rule is overridden.
check: run-check
check: private SHELL = /bin/true

.PHONY: run-check
run-check:
	@script/check $(LAYERS)

check-build:
	@script/check --build-only

check-versions:
	@script/check-versions $(LAYERS)

check-upgrade:
	@script/check-upgrade

stress:
	@script/stress $(STRESS_SECONDS)

demo:
	@demo/run

demo-stop:
	@demo/stop

bench:
	@script/bench $(PARTS)

fuzz:
	@script/fuzz $(FUZZ_SECONDS)

fuzz-sql:
	@script/fuzz-sql $(STATEMENTS)

dist:
	@script/dist

ifeq ($(PGXS),)
.DEFAULT_GOAL := all
.PHONY: all install installcheck uninstall clean
all install installcheck uninstall:
	@echo 'There is no pg_config here, so PostgreSQL cannot be built against.' >&2
	@echo 'Run "script/provision build" first, or set PG_CONFIG to the path of pg_config.' >&2
	@exit 1

clean:
	rm -f $(OBJS) $(OBJS:.o=.bc) $(MODULE_big).so $(EXTRA_CLEAN)
endif
