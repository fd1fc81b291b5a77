#!/usr/bin/env bash
# `make deb`: a Debian package of what install.sh installs; to install it takes no network.
# ENVIRONMENT=/opt/lipsyncd: it begins with a copy of this one, which make install has made.
# DIST: the folder where it is built and then lies.
set -euo pipefail
cd "$(dirname "$0")/.."

CHECKOUT=$PWD
ENVIRONMENT=${ENVIRONMENT:+$(realpath "$ENVIRONMENT")}
DIST=${DIST:-dist}

version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' daemon/lipsyncd/__init__.py)
build=$DIST/build
log=$DIST/build.log

fail() {
    echo "$1" >&2
    exit 1
}

changelog() {
    echo "lipsyncd ($version) unstable; urgency=medium"
    echo
    echo '  * What has changed is in /opt/lipsyncd/share/doc/lipsyncd/CHANGELOG.md.'
    echo
    echo " -- $(sed -n 's/^Maintainer: //p' systemd/debian/control)  $(date --rfc-email --reference=pyproject.toml)"
}

command -v dh >/dev/null || fail 'A package is built by debhelper: apt install debhelper python3-venv'
[[ -z $ENVIRONMENT || -e $ENVIRONMENT/pyvenv.cfg ]] || fail "$ENVIRONMENT is not an environment of lipsyncd."
[[ -n $ENVIRONMENT ]] || echo 'Making the package. This downloads PyTorch and its libraries (some GB).'

rm -rf "$build"
mkdir -p "$build/lipsyncd"
cp --recursive systemd/debian "$build/lipsyncd"
changelog >"$build/lipsyncd/debian/changelog"
cat LICENSE NOTICE >>"$build/lipsyncd/debian/copyright"
export CHECKOUT ENVIRONMENT
unset MAKEFLAGS # what is said to make on the command line is not for debian/rules
# Nothing is compiled, so there need not be a compiler.
options=(--build=binary --no-check-builddeps --no-pre-clean --unsigned-changes)
if ! (cd "$build/lipsyncd" && dpkg-buildpackage "${options[@]}") >"$log" 2>&1; then
    tail --lines=20 "$log" >&2
    fail "The package was not built; the whole story is in $log."
fi
mv "$build"/lipsyncd_*.deb "$DIST"
rm -r "$build" "$log"
ls "$DIST/lipsyncd_$version"_*.deb
