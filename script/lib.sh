# Shared by the scripts in this folder and by demo/run; to be sourced.
#
# What it offers: messages, the PostgreSQL to work with, a user who may run a
# server (PostgreSQL refuses root), and a private copy of the tree to build
# and test in, so that the checkout stays as it was.
# shellcheck shell=bash

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export LC_ALL=C.UTF-8 LANG=C.UTF-8
umask 022

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
	export BOLD=$'\e[1m' RED=$'\e[31m' GREEN=$'\e[32m' DIM=$'\e[2m' PLAIN=$'\e[0m'
else
	export BOLD='' RED='' GREEN='' DIM='' PLAIN=''
fi

say() { printf '%s\n' "$*"; }
heading() { printf '\n%s== %s%s\n' "$BOLD" "$*" "$PLAIN"; }
die() { printf '%s%s%s\n' "$RED" "pindah_auth: $*" "$PLAIN" >&2; exit 1; }

#
# Which PostgreSQL
#

# The major version to use: PG_MAJOR, or PG_CONFIG's, or the newest server
# installed, or the one that this release of Debian has.
pg_major()
{
	local major=${PG_MAJOR:-}

	if [ -z "$major" ] && [ -n "${PG_CONFIG:-}" ]; then
		major=$("$PG_CONFIG" --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/')
	fi
	if [ -z "$major" ]; then
		major=$(printf '%s\n' /usr/lib/postgresql/*/bin/postgres |
			sed -n 's|.*/postgresql/\([0-9]*\)/.*|\1|p' | sort -n | tail -n 1)
	fi
	if [ -z "$major" ]; then
		major=$(apt-cache policy postgresql 2>/dev/null |
			sed -n 's/^ *Candidate: *\([0-9]*\).*/\1/p')
	fi
	[ -n "$major" ] || return 1
	printf '%s\n' "$major"
}

# Sets PG_MAJOR, PG_CONFIG and PG_BIN, for the build and for every test.
use_postgresql()
{
	PG_MAJOR=$(pg_major) || die "no PostgreSQL found; set PG_CONFIG to its pg_config"
	if [ -z "${PG_CONFIG:-}" ]; then
		PG_CONFIG=/usr/lib/postgresql/$PG_MAJOR/bin/pg_config
		[ -x "$PG_CONFIG" ] || PG_CONFIG=$(command -v pg_config) ||
			die "no pg_config found; run script/provision build"
	fi
	[ "$PG_MAJOR" -ge "${OLDEST:-15}" ] || die "PostgreSQL $PG_MAJOR is too old; 15 or later is needed"
	PG_BIN=$("$PG_CONFIG" --bindir)
	export PG_MAJOR PG_CONFIG PG_BIN
}

#
# Who does what
#

as_root()
{
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "'$1' needs root, and there is no sudo: run this as root"
	fi
}

# The user who runs servers and tests: oneself, or postgres for root.
tester()
{
	if [ "$(id -u)" = 0 ]; then echo postgres; else id -un; fi
}

# Run a command as that user in WORKSPACE, with nothing inherited that could
# change its outcome.
as_tester()
{
	local run=()

	[ "$(id -u)" = 0 ] && run=(runuser -u postgres --)
	(
		cd "$WORKSPACE" || exit
		exec "${run[@]}" env -i \
			PATH="$PG_BIN:$PATH" HOME="$WORKSPACE/home" TMPDIR="$WORKSPACE/tmp" \
			USER="$(tester)" LOGNAME="$(tester)" TERM="${TERM:-dumb}" \
			LC_ALL=C.UTF-8 LANG=C.UTF-8 PYTHONDONTWRITEBYTECODE=1 \
			PG_CONFIG="$PG_CONFIG" PG_MAJOR="$PG_MAJOR" WORKSPACE="$WORKSPACE" \
			"$@"
	)
}

#
# The private copy
#

# Make WORKSPACE: a temporary folder owned by the tester, with the tree as it
# stands, committed or not, in WORKSPACE/tree.
make_workspace()
{
	# Not TMPDIR: the path of a socket may have 107 bytes and no more.
	WORKSPACE=$(mktemp -d "/tmp/pindah_auth_$1.XXXXXX")
	trap clean_up EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	[ "$(id -u)" != 0 ] || chown postgres: "$WORKSPACE"
	chmod 700 "$WORKSPACE"
	as_tester mkdir tree tmp home
	pack_tree | as_tester tar -C tree -x --no-same-owner
}

# Print an archive of the tree as it stands, without build products.
pack_tree()
{
	tar -C "$ROOT" -c --exclude-vcs --exclude='*.o' --exclude='*.so' --exclude='*.bc' \
		--exclude='./sql/pindah_auth--*.sql' --exclude=./results --exclude=./output_iso \
		--exclude=./tmp_check --exclude=./build --exclude=./test/fuzz/out \
		--exclude=./test/fuzz/bin .
}

# Keep these files of the workspace, and its server, when the script ends.
keep_workspace()
{
	local kept

	for kept; do set -- "$@" ! -name "$kept"; shift; done
	find "$WORKSPACE" -mindepth 1 -maxdepth 1 "$@" -exec rm -rf {} +
	trap - EXIT HUP INT TERM
}

# Leave nothing behind: end what run_group started, which gets time to stop its
# servers; stop every server that still has its data in the workspace; remove it.
clean_up()
{
	local status=$?

	trap '' HUP INT TERM
	trap - EXIT
	[ -z "${GROUP:-}" ] || end_group
	if [ -d "${WORKSPACE:-}" ]; then
		stop_servers "$WORKSPACE"
		restore_installation "$WORKSPACE"
		rm -rf "$WORKSPACE"
	fi
	exit "$status"
}

end_group()
{
	local tenths

	kill -TERM -- "-$GROUP" 2>/dev/null || return 0
	for ((tenths = 0; tenths < 200; tenths++)); do
		kill -0 -- "-$GROUP" 2>/dev/null || return 0
		sleep 0.1
	done
	kill -KILL -- "-$GROUP" 2>/dev/null || true
}

# Stop, without a checkpoint, the servers whose data lies under a folder.
stop_servers()
{
	local pidfile pid tenths

	find "$1" -name postmaster.pid 2>/dev/null | while read -r pidfile; do
		pid=$(head -n 1 "$pidfile" 2>/dev/null) || continue
		[ "$(cat "/proc/$pid/comm" 2>/dev/null)" = postgres ] || continue
		kill -QUIT "$pid" 2>/dev/null || continue
		# Until the file goes, its children may still be writing.
		for ((tenths = 0; tenths < 100; tenths++)); do
			[ -e "$pidfile" ] || break
			sleep 0.1
		done
	done
}

# Run a command in a process group of its own, which clean_up can end: ^C then
# stops all of it at once, also what reads no terminal signals.
run_group()
{
	local status=0

	set -m
	"$@" </dev/null &
	GROUP=$!
	set +m
	wait "$GROUP" || status=$?
	GROUP=
	return "$status"
}

# Build the workspace's tree from nothing; any warning is an error.  (Not every
# SQL-callable function uses the parameter that PG_FUNCTION_ARGS declares.)
build_tree()
{
	as_tester make -s -C tree -j "$(nproc)" PG_CONFIG="$PG_CONFIG" \
		PINDAH_CFLAGS="-Wall -Wextra -Wno-unused-parameter -Werror" all >"$WORKSPACE/tmp/build.log" 2>&1 ||
		{ cat "$WORKSPACE/tmp/build.log"; die "the build failed"; }
	grep -i 'warning' "$WORKSPACE/tmp/build.log" || true
}

# Install what build_tree made, until restore_installation.  The server has one
# place for extensions: the lock keeps a second run on this machine from replacing
# the library meanwhile.
install_tree()
{
	local log=$WORKSPACE/tmp/install.log

	may_install
	lock_install
	as_tester make -s -C tree PG_CONFIG="$PG_CONFIG" DESTDIR="$WORKSPACE/tmp/staged" install >"$log" 2>&1 ||
		{ cat "$log"; die "the installation failed"; }
	keep_installation
	as_installer make -s -C "$WORKSPACE/tree" PG_CONFIG="$PG_CONFIG" install >"$log" 2>&1 ||
		{ cat "$log"; die "the installation failed"; }
}

# Run a command as somebody who may write where extensions are.
as_installer()
{
	if [ -w "$("$PG_CONFIG" --pkglibdir)" ]; then "$@"; else as_root "$@"; fi
}

# Say so now, and not in a log, if that is nobody.
may_install()
{
	local folder

	folder=$("$PG_CONFIG" --pkglibdir)
	[ -w "$folder" ] || [ "$(id -u)" = 0 ] || command -v sudo >/dev/null ||
		die "installing into $folder needs root, and there is no sudo: run this as root"
}

lock_install()
{
	[ -z "${INSTALL_LOCK:-}" ] || return 0
	exec {INSTALL_LOCK}<"$("$PG_CONFIG" --pkglibdir)"
	flock -n "$INSTALL_LOCK" || { say "waiting for another run to finish"; flock "$INSTALL_LOCK"; }
}

unlock_install() { exec {INSTALL_LOCK}<&-; INSTALL_LOCK=; }

# Where keep_installation puts what belongs to a workspace: not into that one, whose
# owner could make whoever installs put anything anywhere.
kept_installation() { printf '/tmp/pindah_auth_installed.%s\n' "${1##*.}"; }

# Keep what an installation is going to replace, and a list of what it adds.
keep_installation()
{
	local kept file

	kept=$(kept_installation "$WORKSPACE")
	as_installer mkdir -m 700 "$kept"
	(cd "$WORKSPACE/tmp/staged" && find . -type f -printf '/%P\n') |
		while IFS= read -r file; do
			if [ -e "$file" ]; then
				as_installer mkdir -p "$kept${file%/*}" </dev/null
				as_installer cp -p "$file" "$kept$file" </dev/null
			else
				printf '%s\n' "$file"
			fi
		done | as_installer tee "$kept/added" >/dev/null
}

# Put back what was installed before a workspace, and take away what was not.
restore_installation()
{
	local kept file

	kept=$(kept_installation "$1")
	[ -d "$kept" ] && [ ! -L "$kept" ] && as_installer test -O "$kept" || return 0
	lock_install
	as_installer find "$kept" -type f ! -path "$kept/added" -printf '/%P\n' |
		while IFS= read -r file; do
			as_installer cp -p --remove-destination "$kept$file" "$file" </dev/null
		done
	as_installer xargs -r -d '\n' -a "$kept/added" rm -f
	as_installer xargs -r -d '\n' -a "$kept/added" dirname -z |
		sort -zu | as_installer xargs -r -0 rmdir -p --ignore-fail-on-non-empty 2>/dev/null || true
	as_installer rm -rf "$kept"
}
