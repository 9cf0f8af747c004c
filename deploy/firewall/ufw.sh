#!/usr/bin/env bash
# Allows only 80 and 443 for browsers, and SSH with a rate limit. The program's port 8000 stays closed; nginx reaches it on
# 127.0.0.1, which the firewall does not filter.
#   sudo ./ufw.sh --dry-run                 show what would be done
#   sudo ./ufw.sh                           do it; running it again changes nothing
#   sudo ./ufw.sh --ssh-from 203.0.113.0/24 SSH from this network alone
#   sudo ./ufw.sh --ssh-port 2222           where sshd listens, if not on 22
#   sudo ./ufw.sh --no-ssh                  for machines entered through AWS Session Manager
set -euo pipefail

dry_run=false
ssh=limited
ssh_port=22
ssh_from=any

fail() {
    echo "ufw.sh: $1" >&2
    exit 2
}
while (($#)); do
    case $1 in
        --dry-run) dry_run=true ;;
        --no-ssh) ssh=shut ;;
        --ssh-port | --ssh-from)
            (($# > 1)) || fail "$1 needs a value"
            if [[ $1 == --ssh-port ]]; then ssh_port=$2; else ssh_from=$2; fi
            shift
            ;;
        -h | --help)
            sed -n '2,/^set /{/^set /!s/^# \{0,1\}//p}' "$0"
            exit
            ;;
        *) fail "$1 is unknown; --help shows what there is" ;;
    esac
    shift
done
[[ $ssh_port =~ ^[1-9][0-9]{0,4}$ ]] || fail "--ssh-port must be a number such as 22"
[[ $ssh_from =~ ^(any|[0-9a-fA-F.:]+(/[0-9]+)?)$ ]] || fail "--ssh-from must be an address or a network such as 203.0.113.0/24"

do_it() {
    if $dry_run; then
        echo "would run: $*"
    else
        "$@"
    fi
}
if ! $dry_run; then
    ((EUID == 0)) || fail "run it with sudo, or with --dry-run to look first"
    command -v ufw >/dev/null || fail "ufw is missing: sudo apt install ufw"
fi

ours="LLM Classroom SSH"
rules() { # one a line, as the command that would add it; nothing without root, where a dry run is allowed too
    ufw show added 2>/dev/null | grep "^ufw " || true
}

before=$(rules)
# Allow SSH first, so that the operator is not locked out.
if [[ $ssh == limited ]]; then
    # Blocks an address after six connections in 30 seconds.
    do_it ufw limit proto tcp from "$ssh_from" to any port "$ssh_port" comment "$ours"
fi
do_it ufw default deny incoming
do_it ufw default allow outgoing
do_it ufw allow proto tcp from any to any port 80,443 comment "LLM Classroom"
after=$(rules)
new_ssh=$(grep "$ours" <<<"$after" | grep --invert-match --line-regexp --fixed-strings "$before" || true)

# Close ports that earlier instructions opened. An open port 8000 bypasses TLS, limits and log.
unwanted="^ufw (allow|limit) (.* port )?8000(/tcp|/udp)?( proto [a-z]+)?$"
# A rule that allows SSH without a rate limit, or from anywhere, would take precedence.
unwanted+="|^ufw allow (OpenSSH|$ssh_port(/tcp)?)$"
if [[ $ssh == shut || $ssh_from != any ]]; then
    unwanted+="|^ufw limit (OpenSSH|$ssh_port(/tcp)?)$"
fi
while read -r rule; do
    plain=${rule%% comment *}
    if [[ $plain =~ $unwanted ]] || [[ $rule == *"$ours"* && ($ssh == shut || -n $new_ssh) ]]; then
        read -ra words <<<"${plain#ufw }"
        do_it ufw delete "${words[@]}"
    fi
done < <(grep --line-regexp --fixed-strings "$before" <<<"$after" | grep . || true)

do_it ufw --force enable
do_it ufw status verbose
