# setup.sh: what the two commands of the README share. Sourced, never run.
#
# need GROUP...   makes the Debian packages of each group present, or says exactly which are missing and stops
# step TEXT       a heading on the terminal, with the seconds since the start
# die TEXT        one clear line, and exit 1
#
# Only development packages are installed. Kernels, hypervisors and other test inputs are downloaded as packages and unpacked under
# the build folder by the tests that want them; see tests/tools/fetch.py.

[ -n "${SETUP_T0:-}" ] || SETUP_T0=$(date +%s)

say() { printf '%s\n' "$*"; }
step() { printf '\n== [%3ds] %s\n' $(($(date +%s) - SETUP_T0)) "$*"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# What each group is for, in Debian's names.
packages_build="gcc libc6-dev meson ninja-build pkg-config libev-dev libjansson-dev liburing-dev libseccomp-dev libslirp-dev linux-libc-dev zlib1g-dev libbz2-dev liblzma-dev liblzo2-dev liblz4-dev libzstd-dev python3"
packages_job="curl tar coreutils"
packages_test="check clang clang-format libclang-rt-14-dev lld libxen-dev mandoc binutils qemu-system-x86 qemu-user-static|qemu-user gcc-aarch64-linux-gnu libc6-dev-arm64-cross iproute2 gzip bzip2 xz-utils lzop lz4 zstd acpica-tools mmdebstrap e2fsprogs git"
packages_bench="fio"

# The same for other families, so that a person can copy one line.
other_systems() {
	cat <<-'EOF'
	This is not Debian or Ubuntu. Install these with your package manager, then run this command again:
	  Fedora:    gcc meson ninja-build pkgconf-pkg-config libev-devel jansson-devel liburing-devel libseccomp-devel libslirp-devel zlib-devel bzip2-devel xz-devel lzo-devel lz4-devel libzstd-devel python3 curl
	             tests: check-devel clang clang-tools-extra compiler-rt lld xen-devel mandoc qemu-system-x86 qemu-user-static|qemu-user gcc-aarch64-linux-gnu iproute lzop lz4 zstd acpica-tools fio
	  Arch:      gcc meson ninja pkgconf libev jansson liburing libseccomp libslirp zlib bzip2 xz lzo lz4 zstd python curl
	             tests: check clang lld xen mandoc qemu-system-x86 qemu-user-static aarch64-linux-gnu-gcc iproute2 lzop acpica fio
	  openSUSE:  gcc meson ninja pkgconf libev-devel libjansson-devel liburing-devel libseccomp-devel libslirp-devel zlib-devel libbz2-devel xz-devel lzo-devel liblz4-devel libzstd-devel python3 curl
	             tests: check-devel clang lld xen-devel mandoc qemu-x86 qemu-linux-user cross-aarch64-gcc13 iproute2 lzop lz4 zstd acpica fio
	  Alpine:    build-base meson samurai pkgconf libev-dev jansson-dev liburing-dev libseccomp-dev libslirp-dev zlib-dev bzip2-dev xz-dev lzo-dev lz4-dev zstd-dev linux-headers python3 curl bash
	             tests: check-dev clang lld xen-dev mandoc qemu-system-x86_64 qemu-aarch64 iproute2 lzop lz4 zstd iasl fio
	EOF
}

installed() { [ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null | cut -c1-2)" = ii ]; }

# The name under which this release carries a package: of several ("a|b") the one that is there, else the first that can be had; the
# sanitizer runtime is named for its clang.
resolve() {
	local n
	case $1 in
	*"|"*)
		for n in ${1//|/ }; do installed "$n" && { echo "$n"; return; }; done
		for n in ${1//|/ }; do apt-cache show "$n" >/dev/null 2>&1 && { echo "$n"; return; }; done
		echo "${1%%|*}" ;;
	libclang-rt-14-dev)
		apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/libclang-rt-\1-dev/p' | head -n 1 ;;
	*) echo "$1" ;;
	esac
}

need() {
	local g p name missing="" list sudo="" have_tools=1
	# Without package lists nothing can be installed, and tests that unpack packages skip.
	if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ] && ! apt-cache show libev-dev >/dev/null 2>&1; then
		step "refreshing the package lists"
		apt-get -qq update || true
	fi
	for g; do
		list="packages_$g"
		for p in ${!list}; do
			name=$(resolve "$p")
			[ -n "$name" ] || name=$p
			installed "$name" || missing="$missing $name"
		done
	done
	if ! command -v apt-get >/dev/null; then
		# Elsewhere the build itself is the judge of what is missing.
		for p in cc meson ninja pkg-config; do command -v $p >/dev/null || have_tools=0; done
		[ $have_tools = 1 ] && pkg-config --exists jansson 2>/dev/null && return 0
		other_systems
		exit 1
	fi
	[ -z "$missing" ] && return 0
	step "installing packages:$missing"
	if [ "$(id -u)" != 0 ]; then
		if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
			sudo=sudo
		elif command -v sudo >/dev/null && [ -t 0 ]; then
			sudo=sudo
		else
			say "These packages are missing, and this user cannot install them. As root, run:"
			say "  apt-get update && apt-get install --no-install-recommends$missing"
			exit 1
		fi
	fi
	# An old package list is the usual reason for a failed install: refresh it once before giving up.
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing ||
		{ $sudo apt-get update && $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing; } ||
		die "apt-get could not install:$missing"
}
