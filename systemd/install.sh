#!/usr/bin/env bash
# `make install` and `make uninstall`: a virtual environment, two commands, manual, units, group, catalog.
# `make install-farm`, after it: what makes this machine a host of a farm.
# `make install-web`: the page, in an environment of its own, since its libraries are other ones.
# package.sh has both of the former fill a package (with DESTDIR and USR).
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
groups=$DESTDIR$USR/lib/sysusers.d
catalog=$DESTDIR$USR/lib/systemd/catalog/lipsyncd.catalog
config=$DESTDIR/etc/lipsyncd/lipsyncd.toml
farm=$DESTDIR/etc/lipsyncd/farms/farm.toml
web=${PREFIX%/*}/lipsyncweb
web_options=$DESTDIR/etc/lipsyncd/web.env

fail() {
    echo "$1" >&2
    exit 1
}

systemd_runs() { [[ -z $DESTDIR && -d /run/systemd/system ]]; }

install_all() {
    check_python
    install_environment "$PREFIX" render,manual
    install --directory "$commands" "$units" "$manual"
    ln --symbolic --force "$PREFIX"/bin/{lipsyncd,lipsyncctl} "$commands"
    # as they lie here, so that links among them hold
    for page in README.md CHANGELOG.md LICENSE NOTICE daemon/PROTOCOL.md ctl/README.md \
        checkpoints/README.md tests/media/demo.jpg tests/bench/README.md \
        systemd/{README.md,FARM.md,lipsyncd.toml} systemd/{drop-ins,monitoring,proxies,kubernetes,container}/*; do
        install -D --mode=0644 "$page" "$manual/$page"
    done
    "$environment/bin/python" -m lipsyncctl.manual . "$share"
    for unit in systemd/lipsyncd*.{service,socket}; do install_unit "$unit"; done
    install -D --mode=0644 systemd/lipsyncd.sysusers "$groups/lipsyncd.conf"
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
    sed "s|/opt/lipsyncd|$PREFIX|g; s|/opt/lipsyncweb|$web|g" "$1" | install --mode=0644 /dev/stdin "$units/${1##*/}"
}

install_farm() {
    is_ours "$environment" || fail "There is no lipsyncd in $environment: make install comes first."
    install_packages "$PREFIX" render,manual,farm
    ln --symbolic --force "$PREFIX/bin/lipsyncfarm-worker" "$commands"
    install_unit systemd/lipsyncfarm-worker.service
    [[ -e $farm ]] || install -D --mode=0644 systemd/farm.toml "$farm"
    install --directory --mode=0700 "$DESTDIR/etc/lipsyncd/secrets"
    if systemd_runs; then systemctl daemon-reload; fi
    echo "Next: edit $farm, put the hosts' key into /etc/lipsyncd/secrets/key and the password of"
    echo 'Redis into /etc/lipsyncd/secrets/broker-password (empty if it has none), then'
    echo 'systemctl enable --now lipsyncfarm-worker'
}

install_web() {
    check_python
    install_environment "$web" web,farm
    install --directory "$commands" "$units"
    ln --symbolic --force "$web/bin/lipsyncweb" "$commands"
    for unit in systemd/lipsyncweb.{service,socket}; do install_unit "$unit"; done
    install -D --mode=0644 systemd/lipsyncweb.sysusers "$groups/lipsyncweb.conf"
    for proxy in systemd/proxies/*; do
        install -D --mode=0644 "$proxy" "$DESTDIR$web/share/doc/lipsyncweb/${proxy##*/}"
    done
    [[ -e $web_options ]] || install -D --mode=0644 systemd/web.env "$web_options"
    if systemd_runs; then
        systemd-sysusers lipsyncweb.conf
        systemctl daemon-reload
    fi
    echo "Next: edit $web_options, put a proxy in front ($web/share/doc/lipsyncweb), let it connect:"
    echo 'usermod --append --groups lipsync-web www-data; then'
    echo 'systemctl enable --now lipsyncweb.socket'
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
install_environment() { # PLACE EXTRAS
    local place=$DESTDIR$1 version='import sys; print(sys.version_info[:2])'
    is_ours "$place" || [[ ! -e $place ]] || fail "$place is not an environment of lipsyncd."
    if [[ $("$PYTHON" -c "$version") != $("$place/bin/python" -c "$version" 2>&1) ]]; then
        echo "Making $place. This downloads its libraries (PyTorch has some GB)."
        "$PYTHON" -m venv --clear "$place"
    fi
    install_packages "$@"
}

install_packages() { # PLACE EXTRAS
    local place=$DESTDIR$1
    "$place/bin/python" -m pip install --quiet --disable-pip-version-check ".[$2]"
    if [[ -n $DESTDIR ]]; then # its programs begin with the path at which they were made
        grep --recursive --files-with-matches --null --fixed-strings "$DESTDIR" "$place"/{bin,pyvenv.cfg} |
            xargs --null --no-run-if-empty sed --in-place "s|$place|$1|g"
    fi
}

is_ours() { [[ -e $1/pyvenv.cfg ]]; }

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
        systemctl stop 'lipsyncweb*' 'lipsyncfarm*.service' 'lipsyncd*.socket' 'lipsyncd*.service'
        systemctl --quiet disable lipsyncd{,@}.{service,socket} 2>/dev/null || true
        systemctl --quiet disable lipsyncfarm-worker.service lipsyncweb.socket 2>/dev/null || true
        systemctl reset-failed 'lipsync*' 2>/dev/null || true
        rm -rf /var/cache/{,private/}lipsync{d,farm,web}
    fi
    rm -f "$units"/lipsyncd{,@}.{service,socket} "$groups"/lipsync{d,web}.conf "$catalog" "$commands"/{lipsyncd,lipsyncctl}
    rm -f "$share"/man/man?/{lipsyncctl.1,lipsync{d,farm-worker}.8,lipsyncd.toml.5,lipsyncfarm.7,lipsync-protocol.7} \
        "$share"/bash-completion/completions/{lipsyncd,lipsyncctl} \
        "$share"/zsh/site-functions/_{lipsyncd,lipsyncctl} \
        "$share"/fish/vendor_completions.d/{lipsyncd,lipsyncctl}.fish
    rm -f "$units/lipsyncfarm-worker.service" "$commands/lipsyncfarm-worker"
    rm -f "$units"/lipsyncweb.{service,socket} "$commands/lipsyncweb"
    for place in "$environment" "$DESTDIR$web"; do
        if is_ours "$place"; then rm -rf "$place"; fi
    done
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
install-web) install_web ;;
*) fail 'usage: systemd/install.sh install|install-farm|install-web|uninstall' ;;
esac
