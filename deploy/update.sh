#!/usr/bin/env bash
# Updates LLM Classroom on this machine, and rolls back if the new version does not start.
#   sudo ./update.sh 0.2.0        a release, from RELEASES_URL in /etc/llm-classroom/llm-classroom.env; also an earlier one
#   sudo ./update.sh --package llm-classroom_0.2.0_amd64.deb    a file, or an https address
#   sudo ./update.sh --rollback   the version that served before the last update
#     --sha256 HEX     what its checksum must be; without it a file PACKAGE.sha256 beside it says so
#     --wait SECONDS   how long the new version may take until it serves (60)
#     --no-backup      don't make a backup first
#     --dry-run        show what would be done
# Exit code: 0 the new version serves (or did already), 1 nothing was changed, 2 the command line is wrong, 3 the former
# version serves again, 4 nothing serves.
set -euo pipefail

readonly service=llm-classroom.service kept=/var/cache/llm-classroom
readonly settings=/etc/llm-classroom/llm-classroom.env
package='' release='' rollback=false sha256='' wait=60 backup=true dry_run=false

say() { printf '%s\n' "$*"; }
fail() { # fail CODE SENTENCE...
    local code=$1
    shift
    printf '%s\n' "$@" >&2
    exit "$code"
}

while (($#)); do
    case $1 in
    --package | --sha256 | --wait)
        (($# > 1)) || fail 2 "$1 뒤에 값을 적어 주세요."
        case $1 in
        --package) package=$2 ;;
        --sha256) sha256=$2 ;;
        --wait) wait=$2 ;;
        esac
        shift
        ;;
    --rollback) rollback=true ;;
    --no-backup) backup=false ;;
    --dry-run) dry_run=true ;;
    -h | --help)
        sed -n '2,/^set /{/^set /!s/^# \{0,1\}//p}' "$0"
        exit
        ;;
    [0-9]*) release=$1 ;;
    *) fail 2 "$1: 모르는 선택이에요. --help로 쓸 수 있는 것을 볼 수 있어요." ;;
    esac
    shift
done
given=0
[[ -z $package ]] || given=$((given + 1))
[[ -z $release ]] || given=$((given + 1))
! $rollback || given=$((given + 1))
((given == 1)) || fail 2 "버전 번호, --package, --rollback 가운데 하나를 알려 주세요. 예: --package llm-classroom_0.2.0_amd64.deb"
[[ -z $release || $release =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || fail 2 "$release: 0.2.0처럼 적어 주세요."
[[ $wait =~ ^[1-9][0-9]*$ ]] || fail 2 "--wait에는 60 같은 초를 적어 주세요."
[[ -z $sha256 || $sha256 =~ ^[0-9a-fA-F]{64}$ ]] || fail 2 "--sha256에는 16진수 64자리를 적어 주세요."

# --- Before anything is changed ---

$dry_run || ((EUID == 0)) || fail 1 "관리자 권한이 필요해요. sudo를 붙여서 다시 실행해 주세요."
[[ -d /run/systemd/system ]] || fail 1 "systemd로 돌아가는 컴퓨터에서만 쓸 수 있어요."
for tool in curl dpkg-deb sha256sum; do
    command -v "$tool" >/dev/null || fail 1 "$tool 명령이 없어요: sudo apt-get install $tool"
done
old=$(dpkg-query --show --showformat='${db:Status-Status} ${Version}' llm-classroom 2>/dev/null || true)
status=${old%% *} old=${old#* }
# A half-installed package, after a lost connection or a power cut, counts as installed: this run repairs it.
[[ $status =~ ^(installed|half-|unpacked|triggers-) ]] ||
    fail 1 "LLM Classroom이 아직 설치되어 있지 않아요. install.sh로 먼저 설치해 주세요."

# One run at a time; the kernel releases the lock when this process ends.
if ! $dry_run && [[ -z ${LLM_CLASSROOM_SETUP-} ]]; then
    exec 9>/run/lock/llm-classroom-setup
    flock --nonblock 9 || fail 1 "다른 설치나 업데이트가 진행되고 있어요. 끝난 다음 다시 실행해 주세요."
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

setting() { # setting NAME: as the settings file has it
    sed -n "s/^$1=//p" "$settings" 2>/dev/null | tail -n 1 | tr -d "\"'"
}
if [[ -n $release ]]; then
    releases=$(setting RELEASES_URL)
    [[ $releases == https://* ]] || fail 1 "릴리스가 있는 주소를 $settings 에 적어 주세요:" \
        "RELEASES_URL=https://github.com/주인/저장소/releases/download"
    package=${releases%/}/v$release/llm-classroom_${release}_amd64.deb
elif $rollback; then
    file=$kept/llm-classroom_$(cat "$kept/former" 2>/dev/null || true)_amd64.deb
    if [[ -f $file && $file != *"/llm-classroom_${old}_"* ]]; then
        package=$file
        # We saved this file in a folder that only root can write to, and checked it then.
        sha256=$(sha256sum "$file" | cut -c 1-64)
    fi
    [[ -n $package ]] || fail 1 "되돌아갈 버전이 남아 있지 않아요. --package로 알려 주세요."
fi

if [[ $package == https://* ]]; then
    say "패키지를 내려받고 있어요: $package"
    file=$work/$(basename "${package%%\?*}")
    curl --fail --silent --show-error --location --proto '=https' --output "$file" "$package" ||
        fail 1 "내려받지 못했어요. 주소와 인터넷 연결을 확인해 주세요."
    [[ -n $sha256 ]] || curl --fail --silent --location --proto '=https' --output "$file.sha256" "$package.sha256" || true
else
    file=$package
    [[ -f $file ]] || fail 1 "$file 파일이 없어요."
fi
if [[ -z $sha256 && -f $file.sha256 ]]; then
    sha256=$(cut -c 1-64 "$file.sha256")
fi
[[ $sha256 =~ ^[0-9a-fA-F]{64}$ ]] || fail 1 "받은 파일이 온전한지 알 수 없어요. --sha256으로 릴리스에 적힌 값을 알려 주세요."
echo "${sha256,,}  $file" | sha256sum --check --status ||
    fail 1 "파일이 릴리스와 달라요(sha256). 다시 내려받아 주세요. 아무것도 바꾸지 않았어요."

name=$(dpkg-deb --field "$file" Package 2>/dev/null) || fail 1 "$file: Debian 패키지가 아니에요."
[[ $name == llm-classroom ]] || fail 1 "$file: LLM Classroom이 아니라 $name 패키지예요."
[[ $(dpkg-deb --field "$file" Architecture) == $(dpkg --print-architecture) ]] ||
    fail 1 "이 컴퓨터($(dpkg --print-architecture))에 맞는 패키지가 아니에요."
new=$(dpkg-deb --field "$file" Version)
# An update that was killed may have left the former program running.
runs_from_before() {
    [[ $(readlink "/proc/$(systemctl show --value --property=MainPID "$service")/exe") == *' (deleted)' ]]
}
if [[ $status == installed ]] && dpkg --compare-versions "$new" eq "$old" && ! runs_from_before; then
    say "이미 $new 버전이에요. 바꿀 것이 없어요."
    exit 0
fi
# A version on the command line takes precedence over a file of an earlier run.
if [[ -z $release ]] && ! $rollback && dpkg --compare-versions "$new" lt "$old"; then
    fail 1 "$new 버전은 지금 쓰는 $old 버전보다 오래됐어요. 이전 버전으로 되돌리려면 --rollback을 쓰세요."
fi

# --- The running version and its state ---

# Where the program answers on this machine: settings, and the port that systemd holds.
domain=$(setting TLS_DOMAIN)
domain=${domain%%,*}
address=$(systemctl show --value --property=Listen llm-classroom.socket | sed -n '1s/ .*//p')
ask() { # ask PATH: the answer, if it's a 200
    local how=(curl --fail --silent --max-time 5)
    if [[ -n $domain ]]; then
        # "llm-classroom doctor" checks the certificate; here only the response counts.
        "${how[@]}" --insecure --resolve "$domain:443:127.0.0.1" "https://$domain$1"
    else
        "${how[@]}" "http://${address:-127.0.0.1:8000}$1"
    fi
}
serves() { # serves SECONDS: within this time, and then the same process for ten more: not one that soon falls over
    local deadline=$((SECONDS + $1)) steady=10 process first='' since=0
    while ((SECONDS < deadline)) || [[ -n $first ]]; do
        sleep 0.5
        process=$(systemctl show --value --property=MainPID "$service")
        # While it is starting, a question would only wait in the port's queue.
        if systemctl is-active --quiet "$service" && ask /health >/dev/null && ask /ready >/dev/null &&
            [[ $process == "$(systemctl show --value --property=MainPID "$service")" ]]; then
            if [[ $process != "$first" ]]; then
                ((SECONDS < deadline)) || return 1
                first=$process since=$SECONDS
            fi
            ((SECONDS - since < steady)) || return 0
        else
            first=''
        fi
    done
    return 1
}

# The version to roll back to. A killed run recorded it before its first change.
noted=$(cat "$kept/former" 2>/dev/null || true)
is_whole=true
if [[ $status != installed || $old == "$new" ]]; then
    is_whole=false old=${noted:-$old}
fi

say "$old → $new 업데이트를 시작할게요."

if $dry_run; then
    ! $backup || say "[dry-run] systemctl start llm-classroom-backup.service"
    say "[dry-run] dpkg --install $file"
    say "[dry-run] systemctl restart $service"
    say "[dry-run] /health와 /ready를 ${wait}초 동안 확인하고, 안 되면 $old 버전으로 되돌려요."
    exit 0
fi

if $backup; then
    if /usr/bin/llm-classroom help backup >/dev/null 2>&1; then
        say "먼저 백업해요."
        systemctl start llm-classroom-backup.service ||
            fail 1 "백업하지 못해서 업데이트를 멈췄어요. 아무것도 바꾸지 않았어요." \
                "까닭: journalctl -u llm-classroom-backup -n 20   백업 없이 하려면 --no-backup"
    else
        say "지금 버전에는 백업 명령이 없어서 백업 없이 진행해요."
    fi
fi

# For the rollback: the package of the running version, or else its program.
former=$kept/llm-classroom_${old}_amd64.deb
install -d -m 700 "$kept"
if $is_whole || [[ ! -f $kept/llm-classroom.former ]]; then
    { cp /usr/bin/llm-classroom "$kept/unfinished" && mv "$kept/unfinished" "$kept/llm-classroom.former"; } ||
        fail 1 "되돌아갈 파일을 남겨 두지 못해서 멈췄어요. 아무것도 바꾸지 않았어요. df -h 로 디스크를 살펴 주세요."
fi
printf '%s' "$old" >"$kept/former"

# Settings stay as they are here; the service is restarted below, where it's seen how that goes. The system's own nightly
# upgrades hold dpkg's lock for minutes.
put() {
    local patience=$((SECONDS + 600))
    until LC_ALL=C LLM_CLASSROOM_RESTART_LATER=1 \
        dpkg --force-confold --force-confdef --install "$1" >"$work/dpkg" 2>&1 9>&-; do
        grep -q 'lock.* locked by another process' "$work/dpkg" && ((SECONDS < patience)) || return 1
        sleep 1
    done
}
restart() {
    systemctl daemon-reload
    systemctl start llm-classroom.socket llm-classroom-backup.timer || true
    # Does not wait, so that we notice a version that hangs before systemd's timeout of five minutes.
    systemctl restart --no-block "$service"
}

# From here on, an interruption such as a lost connection does not stop the update or the rollback.
trap '' HUP INT TERM

come_back() { # come_back: the former version, one way or the other
    if ! [[ -f $former ]] || ! put "$former"; then
        say "이전 패키지를 쓸 수 없어서 프로그램 파일만 되돌려요. dpkg에는 $new 버전으로 보여요."
        install -m 755 "$kept/llm-classroom.former" /usr/bin/llm-classroom || return 1
    fi
    restart
    # Wait longer here: there is no other version to roll back to.
    serves 120
}

say "설치해요."
if put "$file" && restart && serves "$wait"; then
    # For the rollback of the next update.
    find "$kept" -name 'llm-classroom_*.deb' ! -name "llm-classroom_${old}_*.deb" ! -name "llm-classroom_${new}_*.deb" -delete
    # Written atomically, because half a file is useless for a rollback.
    if [[ ! $file -ef $kept/llm-classroom_${new}_amd64.deb ]] &&
        ! { cp "$file" "$kept/unfinished" && mv "$kept/unfinished" "$kept/llm-classroom_${new}_amd64.deb"; }; then
        rm -f "$kept/unfinished"
        say "디스크가 모자라 이 패키지를 남겨 두지 못했어요. 다음 업데이트에서는 프로그램 파일로만 되돌아갈 수 있어요."
    fi
    rm -f "$kept/llm-classroom.former"
    say "$new 버전이 잘 돌아가요."
    if [[ -e /etc/nginx/conf.d/llm-classroom.conf ]]; then
        say "nginx의 새 파일은 install.sh를 처음과 같은 말로 다시 실행하면 들어가요. 고친 파일은 그대로 둬요."
    fi
    exit 0
fi

{
    say "$new 버전이 ${wait}초 안에 제대로 시작하지 못했어요. 마지막 기록이에요:"
    tail -n 3 "$work/dpkg"
    journalctl --unit "$service" --lines 8 --no-pager --output cat 2>/dev/null || true
    say "$old 버전으로 되돌려요."
} >&2
if come_back; then
    # Never roll back to the running version; the version before it is still the target.
    printf '%s' "$noted" >"$kept/former"
    fail 3 "$old 버전으로 되돌렸고 잘 돌아가요. 저장된 내용은 그대로예요." \
        "까닭을 더 보려면: journalctl -u llm-classroom --since '10 minutes ago'"
fi
fail 4 "$old 버전으로 되돌렸지만 서비스가 시작하지 않아요. 저장된 내용은 /var/lib/llm-classroom에 그대로 있어요." \
    "systemctl status llm-classroom 과 sudo llm-classroom doctor 로 까닭을 살펴 주세요."
