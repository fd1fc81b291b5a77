#!/usr/bin/env bash
# `make install` and `make uninstall`: a virtual environment, two commands, manual, units, group, catalog.
# `make install-farm`, after it: what makes this machine a host of a farm.
# package.sh has both fill a package (with DESTDIR and USR).
# What systemd has to be told it is told only if this is its machine: without DESTDIR, booted.
set -euo pipefail
shopt -s nullglob
cd "$(dirname "$0")/.."

DESTDIR=${DESTDIR:+$(realpath --canonicalize-missing "$DESTDIR")}
PREFIX=${PREFIX:-/opt/lipsyncd}
USR=${USR:-/usr/local}
SYSTEMD_UNIT_DIR=${SYSTEMD_UNIT_DIR:-$USR/lib/systemd/system}
PYTHON=${PYTHON:-/usr/bin/python3}

environment=$DESTDIR$PREFIX
manual=$environment/share/doc/lipsyncd
share=$DESTDIR$USR/share
commands=$DESTDIR$USR/bin
units=$DESTDIR$SYSTEMD_UNIT_DIR
group=$DESTDIR$USR/lib/sysusers.d/lipsyncd.conf
catalog=$DESTDIR$USR/lib/systemd/catalog/lipsyncd.catalog
config=$DESTDIR/etc/lipsyncd/lipsyncd.toml
farm=$DESTDIR/etc/lipsyncd/farms/farm.toml

fail() {
    echo "$1" >&2
    exit 1
}

systemd_runs() { [[ -z $DESTDIR && -d /run/systemd/system ]]; }

install_all() {
    check_python
    install_environment
    install --directory "$commands" "$units" "$manual"
    ln --symbolic --force "$PREFIX"/bin/{lipsyncd,lipsyncctl} "$commands"
    # as they lie here, so that links among them hold
    for page in README.md CHANGELOG.md LICENSE NOTICE daemon/PROTOCOL.md ctl/README.md \
        checkpoints/README.md tests/media/demo.jpg tests/bench/README.md \
        systemd/{README.md,FARM.md,lipsyncd.toml} systemd/{drop-ins,monitoring}/*; do
        install -D --mode=0644 "$page" "$manual/$page"
    done
    "$environment/bin/python" -m lipsyncctl.manual . "$share"
    for unit in systemd/lipsyncd*.{service,socket}; do install_unit "$unit"; done
    install -D --mode=0644 systemd/lipsyncd.sysusers "$group"
    install -D --mode=0644 systemd/lipsyncd.catalog "$catalog"
    [[ -e $config ]] || install -D --mode=0644 systemd/lipsyncd.toml "$config"
    if systemd_runs; then
        systemd-sysusers lipsyncd.conf
        journalctl --update-catalog
        systemctl daemon-reload
        say_what_is_next
    fi
}

install_unit() {
    sed "s|/opt/lipsyncd|$PREFIX|g" "$1" | install --mode=0644 /dev/stdin "$units/${1##*/}"
}

install_farm() {
    is_ours || fail "There is no lipsyncd in $environment: make install comes first."
    install_packages 'render,manual,farm'
    ln --symbolic --force "$PREFIX/bin/lipsyncfarm-worker" "$commands"
    install_unit systemd/lipsyncfarm-worker.service
    [[ -e $farm ]] || install -D --mode=0644 systemd/farm.toml "$farm"
    install --directory --mode=0700 "$DESTDIR/etc/lipsyncd/secrets"
    if systemd_runs; then systemctl daemon-reload; fi
    echo "Next: edit $farm, put the hosts' key into /etc/lipsyncd/secrets/key and the password of"
    echo 'Redis into /etc/lipsyncd/secrets/broker-password (empty if it has none), then'
    echo 'systemctl enable --now lipsyncfarm-worker'
}

# The service has no home, so it could not execute an interpreter that lives in one.
check_python() {
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "lipsyncd needs Python 3.11 or newer: make install PYTHON=/usr/bin/python3.12"
    "$PYTHON" -c 'import ensurepip' 2>/dev/null ||
        fail "The venv module is missing: apt install python3-venv"
    case $("$PYTHON" -c 'import os, sys; print(os.path.realpath(sys.executable))') in
    /home/* | /root/* | /tmp/*) fail "The service cannot reach $PYTHON: choose PYTHON=/usr/bin/python3" ;;
    esac
}

# Made once; later it is upgraded in place, and a running daemon keeps what it has loaded.
install_environment() {
    is_ours || [[ ! -e $environment ]] || fail "$environment is not an environment of lipsyncd."
    local version='import sys; print(sys.version_info[:2])'
    if [[ $("$PYTHON" -c "$version") != $("$environment/bin/python" -c "$version" 2>&1) ]]; then
        echo "Making $environment. This downloads PyTorch and its libraries (some GB)."
        "$PYTHON" -m venv --clear "$environment"
    fi
    install_packages 'render,manual'
}

install_packages() {
    "$environment/bin/python" -m pip install --quiet --disable-pip-version-check ".[$1]"
    if [[ -n $DESTDIR ]]; then # its programs begin with the path at which they were made
        grep --recursive --files-with-matches --null --fixed-strings "$DESTDIR" "$environment"/{bin,pyvenv.cfg} |
            xargs --null --no-run-if-empty sed --in-place "s|$DESTDIR$PREFIX|$PREFIX|g"
    fi
}

is_ours() { [[ -e $environment/pyvenv.cfg ]]; }

is_packaged() { [[ -z $DESTDIR ]] && dpkg-query --search "$environment/pyvenv.cfg" &>/dev/null; }

say_what_is_next() {
    echo
    if systemctl --quiet is-active 'lipsyncd*.service'; then
        echo 'systemctl restart lipsyncd     runs what was installed just now; queued jobs are kept'
        echo '                               (of instances: lipsyncd@cuda0 and so on)'
    else
        echo 'systemctl enable --now lipsyncd.socket lipsyncd    starts it, now and at each boot'
        echo '                               (the first start compiles, for up to a minute)'
        echo 'usermod --append --groups lipsync NAME             lets NAME hand in jobs'
    fi
}

uninstall_all() {
    if systemd_runs; then
        systemctl stop 'lipsyncfarm*.service' 'lipsyncd*.socket' 'lipsyncd*.service'
        systemctl --quiet disable lipsyncd{,@}.{service,socket} 2>/dev/null || true
        systemctl --quiet disable lipsyncfarm-worker.service 2>/dev/null || true
        systemctl reset-failed 'lipsync*' 2>/dev/null || true
        rm -rf /var/cache/{,private/}lipsync{d,farm}
    fi
    rm -f "$units"/lipsyncd{,@}.{service,socket} "$group" "$catalog" "$commands"/{lipsyncd,lipsyncctl}
    rm -f "$share"/man/man?/{lipsyncctl.1,lipsyncd.8,lipsyncd.toml.5,lipsyncfarm.7,lipsync-protocol.7} \
        "$share"/bash-completion/completions/{lipsyncd,lipsyncctl} \
        "$share"/zsh/site-functions/_{lipsyncd,lipsyncctl} \
        "$share"/fish/vendor_completions.d/{lipsyncd,lipsyncctl}.fish
    rm -f "$units/lipsyncfarm-worker.service" "$commands/lipsyncfarm-worker"
    if is_ours; then rm -rf "$environment"; fi
    if systemd_runs; then
        systemctl daemon-reload
        journalctl --update-catalog
    fi
    echo "Kept: $DESTDIR/etc/lipsyncd, $DESTDIR/var/lib/lipsync*, the group lipsync."
}

! is_packaged || fail "The lipsyncd in $PREFIX is a package's: apt installs, upgrades and removes it."
case ${1-} in
install | uninstall) "$1_all" ;;
install-farm) install_farm ;;
*) fail 'usage: systemd/install.sh install|install-farm|uninstall' ;;
esac
