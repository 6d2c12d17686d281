#!/bin/sh
# {{ ansible_managed }}
# Packages ask here before they start, stop, reload or restart a service (invoke-rc.d(8), deb-systemd-invoke). 101 forbids it:
# an upgrade does not restart what serves, playbooks/upgrade.yml does, and `releasectl status` names it until then. Starts,
# reloads, and the stop of a package that is removed are allowed.
[ "$1" = --quiet ] && shift
name=${1%.service}
case "$2" in
restart | try-restart)
    for kept in {{ baseline_upgrades_keep_running | map('quote') | join(' ') }}; do
        [ "${name%.socket}" = "$kept" ] && exit 101
    done
    ;;
esac
exit 0
