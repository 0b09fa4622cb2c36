# Shared by the scripts that need another Debian than this machine's, for the
# PostgreSQL that it has; to be sourced after lib.sh.
# shellcheck shell=bash

CHROOTS=${CHROOTS:-/var/cache/pindah_auth/versions}
TREE=/usr/local/src/pindah_auth

# Print the suite of Debian that has a version, if one has.
suite_of()
{
	case $1 in
		15) echo bookworm ;;
		17) echo trixie ;;
		18) echo forky ;;
	esac
}

mirror()
{
	local found=${DEBIAN_MIRROR:-}

	# shellcheck disable=SC2016 # apt's own variables
	[ -n "$found" ] || found=$(apt-get indextargets --format '$(REPO_URI)' \
		'Created-By: Packages' 'Label: Debian' 'Component: main' | sed -n 1p)
	[ -n "$found" ] || die "apt tells no mirror of Debian; set DEBIAN_MIRROR"
	printf '%s\n' "$found"
}

# Run a command that sees nobody else's processes and shared memory, and whose
# mounts nobody sees.  "offline" before it: with a loopback of its own.
in_namespaces()
{
	local net=()

	if [ "$1" = offline ]; then
		net=(--net -- sh -c 'ip link set lo up && exec "$@"' sh)
		shift
	fi
	unshare --mount --ipc --pid --fork --kill-child "${net[@]}" "$@"
}

# Run a command in a Debian; "offline" as above.
in_chroot()
{
	local folder=$1 offline=()

	shift
	if [ "$1" = offline ]; then offline=(offline); shift; fi
	# shellcheck disable=SC2016 # for the inner shell
	in_namespaces "${offline[@]}" bash -euc '
		folder=$1
		shift
		mount -t proc proc "$folder/proc"
		mount --rbind /dev "$folder/dev"
		mount -t tmpfs -o mode=1777 tmpfs "$folder/dev/shm"
		exec chroot "$folder" env -u PG_CONFIG -u PG_BIN HOME=/root "$@"' bash "$folder" "$@"
}

# Make the Debian of a suite, unless it is there: whole, or not at all.
make_chroot()
{
	local suite=$1 folder=$CHROOTS/$1 recipe=$1 mirror

	[ ! -d "$folder" ] || return 0
	say "making a Debian $suite in $folder"
	# One that this debootstrap does not know yet is made as sid is.
	[ -e "/usr/share/debootstrap/scripts/$suite" ] || recipe=sid
	mirror=$(mirror) || return
	rm -rf "$folder.new"
	if ! in_namespaces debootstrap --variant=minbase --include=ca-certificates \
		"$suite" "$folder.new" "$mirror" "$recipe" >"$folder.log" 2>&1; then
		tail -n 20 "$folder.log"
		return 1
	fi
	# Packages of daemons are installed, but nothing starts them.  The lists of
	# a mirror that stands still are out of date some day, and still right.
	printf '#!/bin/sh\nexit 101\n' >"$folder.new/usr/sbin/policy-rc.d"
	chmod 755 "$folder.new/usr/sbin/policy-rc.d"
	say 'Acquire::Check-Valid-Until "false";' >"$folder.new/etc/apt/apt.conf.d/90pindah_auth"
	mv "$folder.new" "$folder"
}

# Put this tree into a Debian, in the place of the one of before, which reaches
# then whom this machine reaches.
copy_tree()
{
	local authorities=/etc/ssl/certs/ca-certificates.crt

	rm -rf "$1$TREE" "$1"/tmp/*
	mkdir -p "$1$TREE"
	pack_tree | tar -C "$1$TREE" -x --no-same-owner
	cp -L /etc/resolv.conf /etc/hosts "$1/etc/"
	[ ! -e "$authorities" ] || cp "$authorities" "$1$authorities"
}
