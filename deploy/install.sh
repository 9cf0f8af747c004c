#!/usr/bin/env bash
# Sets up LLM Classroom on a fresh machine with Ubuntu 22.04, Debian 12 or newer. A second run changes only what differs
# from the options, and says so if nothing differs.
#   sudo ./install.sh --package llm-classroom_0.1.0_amd64.deb --domain class.example.kr --email teacher@example.kr \
#        --key-file ./openai-key
#     --package PATH    the Debian package, a file or an https address; not needed once it is installed
#     --sha256 HEX      its checksum; without it a file PACKAGE.sha256 beside it says so
#     --domain NAME     the address of the classroom, which must lead to this machine; without it, plain HTTP by number
#     --email ADDRESS   where Let's Encrypt writes to about certificates
#     --key-file PATH   a file with the OpenAI key; asked for at the terminal if not said
#     --practice        no key: the built-in practice partner answers
#     --tls HOW         nginx (certbot; the default), builtin (without nginx), or none
#     --no-nginx        another web server stands before it; only the service is set up
#     --no-firewall     leave the firewall alone
#     --ssh-port PORT   the port that the firewall keeps open for SSH, if not the one where sshd listens
#     --dry-run         show each step and change nothing
# Exit code: 0 it serves, 1 something is missing or failed, 2 the command line is wrong, 3 it serves but "doctor" found
# something to mend.
set -euo pipefail

readonly settings=/etc/llm-classroom/llm-classroom.env key=/etc/llm-classroom/OPENAI_API_KEY
readonly share=/usr/share/llm-classroom kept=/var/cache/llm-classroom service=llm-classroom.service
readonly example=class.example.kr
package='' sha256='' domain='' email='' key_file='' practice=false tls='' nginx=true firewall=true ssh_port='' dry_run=false

say() { printf '%s\n' "$*"; }
step() { printf '\n== %s\n' "$*"; }
usage() {
    printf '%s\n' "$@" "--help로 쓸 수 있는 것을 볼 수 있어요." >&2
    exit 2
}
fail() {
    printf '\n%s\n' "$1" >&2
    shift
    (($# == 0)) || printf '%s\n' "$@" >&2
    exit 1
}

while (($#)); do
    case $1 in
    --package | --sha256 | --domain | --email | --key-file | --tls | --ssh-port)
        (($# > 1)) || usage "$1 뒤에 값을 적어 주세요."
        case $1 in
        --package) package=$2 ;;
        --sha256) sha256=$2 ;;
        --domain) domain=${2,,} ;;
        --email) email=$2 ;;
        --key-file) key_file=$2 ;;
        --tls) tls=$2 ;;
        --ssh-port) ssh_port=$2 ;;
        esac
        shift
        ;;
    --practice) practice=true ;;
    --no-nginx) nginx=false ;;
    --no-firewall) firewall=false ;;
    --dry-run) dry_run=true ;;
    -h | --help)
        sed -n '2,/^set /{/^set /!s/^# \{0,1\}//p}' "$0"
        exit
        ;;
    *) usage "$1: 모르는 선택이에요." ;;
    esac
    shift
done

if [[ -z $tls ]]; then
    tls=none
    [[ -n $domain ]] && $nginx && tls=nginx
fi
[[ $tls =~ ^(nginx|builtin|none)$ ]] || usage "--tls는 nginx, builtin, none 가운데 하나예요."
[[ -z $domain || $domain =~ ^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$ ]] ||
    usage "$domain: 도메인 모양이 아니에요. class.example.kr처럼 적어 주세요(https://는 빼고요)."
[[ -z $email || $email =~ ^[^@[:space:]]+@[^@[:space:]]+$ ]] || usage "$email: 이메일 주소 모양이 아니에요."
[[ -z $sha256 || $sha256 =~ ^[0-9a-fA-F]{64}$ ]] || usage "--sha256에는 16진수 64자리를 적어 주세요."
[[ -z $ssh_port || $ssh_port =~ ^[1-9][0-9]{0,4}$ ]] || usage "--ssh-port에는 2222 같은 번호를 적어 주세요."
[[ $tls == none || -n $domain ]] || usage "TLS에는 도메인이 필요해요: --domain class.example.kr"
[[ $tls == none || -n $email ]] || usage "인증서에 문제가 생기면 알림을 받을 주소가 필요해요: --email teacher@example.kr"
[[ $tls != nginx ]] || $nginx || usage "--no-nginx와 --tls nginx는 함께 쓸 수 없어요."
[[ -z $key_file ]] || ! $practice || usage "--key-file과 --practice는 함께 쓸 수 없어요."
# The built-in way needs no other web server.
[[ $tls != builtin ]] || nginx=false

# --- Functions for all changes, so that a dry run changes nothing and a second run knows that it changed nothing ---

# Checksums of the files that this script wrote: only unchanged files are replaced.
readonly written=/var/cache/llm-classroom/written
changes=0 restart=false reload=false updated=false text=''
do_it() { # do_it COMMAND...
    changes=$((changes + 1))
    if $dry_run; then
        say "[dry-run] $*"
    else
        "$@"
    fi
}
has() { [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }
get_packages() { # get_packages NAME...: those that are missing
    local missing=() name
    for name in "$@"; do
        has "$name" || missing+=("$name")
    done
    ((${#missing[@]})) || return 0
    if ! $updated; then
        do_it apt update
        updated=true
    fi
    do_it apt install "${missing[@]}"
}
apt() { # apt COMMAND...: its many lines only when it fails; nothing is asked, and settings stay as they are
    local quiet=(--yes -qq --no-install-recommends -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold
        -o Dpkg::Options::=--force-confdef)
    # The system's own nightly upgrades hold apt's lock for minutes.
    quiet+=(-o DPkg::Lock::Timeout=600)
    if ! DEBIAN_FRONTEND=noninteractive apt-get "${quiet[@]}" "$@" >"$work/apt" 2>&1 9>&-; then
        cat "$work/apt" >&2
        fail "apt-get $*: 되지 않았어요. 위의 까닭을 고친 다음 다시 실행해 주세요."
    fi
}
put() { # put SOURCE TARGET [MODE]: with the domain in it; what somebody changed by hand stays
    local source=$1 target=$2 mode=${3:-644}
    if [[ ! -f $source ]]; then
        # In a dry run before the package is there.
        do_it install -D -m "$mode" "$source" "$target"
        return
    fi
    text=$(sed "s/${example//./\\.}/${domain:-$example}/g" "$source")
    if [[ -f $target && $text == "$(<"$target")" ]]; then
        return
    fi
    # Another domain's file is from before this domain.
    if [[ -f $target ]] && ! is_ours "$target" && { ! grep -q "${example//./\\.}" "$source" || grep -qF -- "$domain" "$target"; }; then
        say "$target: 손으로 고친 파일이라 그대로 두었어요. 새 것으로 바꾸려면 지우고 다시 실행해 주세요."
        return
    fi
    do_it write "$target" "$mode"
    reload=true
}
write() { # write TARGET MODE: what is in $text
    local sum
    install -D -m "$2" /dev/null "$1"
    printf '%s\n' "$text" >"$1"
    sum=$(sha256sum <"$1")
    install -d -m 700 "${written%/*}"
    touch "$written"
    sed -i "\\| $1\$|d" "$written"
    printf '%s %s\n' "${sum%% *}" "$1" >>"$written"
}
is_ours() { # is_ours FILE: nobody changed it since this script wrote it
    local sum
    sum=$(sha256sum <"$1")
    grep -qxF "${sum%% *} $1" "$written" 2>/dev/null
}
link() { # link TARGET NAME
    [[ $(readlink "$2" || true) == "$1" ]] && return
    do_it ln -sfn "$1" "$2"
    reload=true
}
drop() { # drop FILE
    [[ -e $1 || -L $1 ]] || return 0
    do_it rm -f "$1"
    reload=true
}
setting() { # setting NAME VALUE: in the settings file, in the place of a line that was there, even as an example
    if grep -qxF "$1=$2" "$settings" 2>/dev/null; then
        return
    fi
    do_it change_setting "$1" "$2"
    restart=true
}
change_setting() {
    local text
    text=$(awk -v name="$1" -v value="$2" '
        !done && $0 ~ "^#?" name "=" { print name "=" value; done = 1; next }
        $0 ~ "^" name "=" { next }
        { print }
        END { if (!done) print name "=" value }' "$settings")
    # Into the same file: owner and mode stay.
    printf '%s\n' "$text" >"$settings"
}
unset_setting() { # unset_setting NAME: its line becomes an example; the program refuses an empty value
    if grep -q "^$1=" "$settings" 2>/dev/null; then
        do_it sed -i "s/^$1=/#$1=/" "$settings"
        restart=true
    fi
}
listener() { # listener PORT: the program that listens there, if any
    ss -Hltnp "sport = :$1" 2>/dev/null | sed -n 's/.*users:(("\([^"]*\)".*/\1/p' | sort -u | head -n 1
}

# --- Checks: all before the first change ---

check() {
    step "이 컴퓨터를 살펴봐요"
    $dry_run || ((EUID == 0)) || fail "관리자 권한이 필요해요. sudo를 붙여서 다시 실행해 주세요."
    [[ -d /run/systemd/system ]] || fail "systemd로 돌아가는 컴퓨터에서만 쓸 수 있어요."
    [[ $(dpkg --print-architecture) == amd64 ]] || fail "x86-64(amd64) 컴퓨터에서만 쓸 수 있어요." "AWS에서는 t3 계열을 골라 주세요(t4g는 안 돼요)."
    local ID='' VERSION_ID='' PRETTY_NAME=''
    # shellcheck source=/dev/null
    . /etc/os-release
    case $ID in
    ubuntu) dpkg --compare-versions "$VERSION_ID" ge 22.04 || fail "$PRETTY_NAME: Ubuntu 22.04부터 쓸 수 있어요." ;;
    debian) dpkg --compare-versions "${VERSION_ID:-99}" ge 12 || fail "$PRETTY_NAME: Debian 12부터 쓸 수 있어요." ;;
    *) fail "$PRETTY_NAME: Ubuntu 22.04 이상이나 Debian 12 이상에서만 시험했어요." "다른 곳에서는 컨테이너를 써 주세요." ;;
    esac
    local memory disk
    memory=$(awk '/^MemTotal:/ { print int($2 / 1024) }' /proc/meminfo)
    disk=$(df --output=avail -m /var | tail -n 1)
    ((memory >= 850)) || fail "메모리가 ${memory} MiB예요. 1 GiB(t3.micro) 이상이 필요해요."
    local hides=/etc/systemd/system/$service
    [[ ! -e $hides ]] || fail "첫 버전의 서비스 파일이 남아 있어서 새 서비스를 가려요: $hides" \
        "이렇게 지운 다음 다시 실행해 주세요: sudo systemctl disable --now llm-classroom; sudo rm $hides; sudo systemctl daemon-reload"
    ((disk >= 1024)) || fail "/var에 빈 곳이 $((disk)) MiB뿐이에요. 1 GiB 이상 비워 주세요."

    local port who
    for port in 80 443; do
        who=$(listener "$port")
        case $who in
        '') ;;
        nginx) [[ $tls != builtin ]] || fail "${port}번 포트를 nginx가 쓰고 있어요." "먼저 끄거나(sudo systemctl disable --now nginx) --tls nginx로 설치해 주세요." ;;
        systemd | llm-classroom) ;;
        *) [[ $nginx == false && $tls == none ]] || fail "${port}번 포트를 $who 프로그램이 쓰고 있어요." "먼저 끄거나, 그 프로그램을 계속 쓰려면 --no-nginx를 붙여 주세요." ;;
        esac
    done
    who=$(listener 8000)
    [[ -z $who || $who == systemd || $who == llm-classroom ]] || fail "8000번 포트를 $who 프로그램이 쓰고 있어요. 먼저 꺼 주세요."

    local site
    if $nginx; then
        for site in /etc/nginx/sites-enabled/*; do
            case ${site##*/} in
            default | llm-classroom.conf | llm-classroom-http.conf | '*') ;;
            *) fail "nginx에 다른 사이트가 있어요: $site" "더 쓰지 않는다면 sudo rm $site 로 지우고 다시 실행해 주세요. 계속 쓴다면 --no-nginx로 설치한 다음 운영 안내서의 nginx 부분을 따라 주세요." ;;
            esac
        done
    fi
    [[ -z $key_file ]] || [[ -f $key_file && -s $key_file ]] || fail "$key_file: 키가 든 파일이 없거나 비어 있어요."
    has llm-classroom || [[ -n $package ]] || fail "설치할 패키지를 알려 주세요: --package llm-classroom_0.1.0_amd64.deb"
    say "$PRETTY_NAME, 메모리 ${memory} MiB, 빈 디스크 $((disk)) MiB"
}

# --- Steps ---

fetch() { # the package into $file, with its checksum looked at
    file=$package
    if [[ $package == https://* ]]; then
        if $dry_run; then
            do_it curl --location --output "$(basename "$package")" "$package"
            return
        fi
        file=$work/$(basename "${package%%\?*}")
        curl --fail --silent --show-error --location --proto '=https' --output "$file" "$package" ||
            fail "패키지를 내려받지 못했어요. 주소와 인터넷 연결을 확인해 주세요."
        [[ -n $sha256 ]] || curl --fail --silent --location --proto '=https' --output "$file.sha256" "$package.sha256" || true
    fi
    [[ -f $file ]] || fail "$file 파일이 없어요."
    if [[ -z $sha256 && -f $file.sha256 ]]; then
        sha256=$(cut -c 1-64 "$file.sha256")
    fi
    if [[ -z $sha256 && $package != https://* ]]; then
        # The operator is responsible for a local file.
        say "$file: 릴리스의 sha256을 몰라서 비교하지 않았어요."
        sha256=$(sha256sum "$file" | cut -c 1-64)
    fi
    [[ $sha256 =~ ^[0-9a-fA-F]{64}$ ]] || fail "받은 파일이 온전한지 알 수 없어요. --sha256으로 릴리스에 적힌 값을 알려 주세요."
    echo "${sha256,,}  $file" | sha256sum --check --status || fail "$file: 릴리스와 다른 파일이에요(sha256). 다시 내려받아 주세요."
    [[ $(dpkg-deb --field "$file" Package 2>/dev/null) == llm-classroom ]] || fail "$file: LLM Classroom 패키지가 아니에요."
}

install_program() {
    step "프로그램"
    # Repairs a half-installed package, after a lost connection or a power cut.
    [[ -z $(dpkg --audit) ]] || do_it dpkg --force-confold --force-confdef --configure -a
    get_packages ca-certificates curl
    local now new file=''
    now=$(dpkg-query --show --showformat='${Version}' llm-classroom 2>/dev/null || true)
    if [[ -z $package ]]; then
        say "$now 버전이 설치되어 있어요."
        return
    fi
    fetch
    new=$(dpkg-deb --field "$file" Version 2>/dev/null || true)
    if ! has llm-classroom; then
        do_it apt install "$(realpath -m "$file")"
    elif [[ $now == "$new" ]]; then
        say "$now 버전이 설치되어 있어요."
    else
        do_it "$share/update.sh" --package "$file" --sha256 "$sha256"
        return
    fi
    # For the rollback of the first update.
    [[ -f $kept/llm-classroom_${new}_amd64.deb ]] ||
        do_it install -D -m 600 "$file" "$kept/llm-classroom_${new}_amd64.deb"
}

put_key() {
    step "OpenAI 키"
    local given=''
    if $practice; then
        say "키 없이 연습 짝꿍이 대답해요."
        [[ ! -s $key ]] || { do_it truncate --size 0 "$key" && restart=true; }
        return
    elif [[ -n $key_file ]]; then
        cmp --silent "$key_file" "$key" && { say "키가 그대로예요." && return; }
        do_it install -m 600 -o root -g root "$key_file" "$key"
    elif [[ -s $key ]]; then
        say "넣어 둔 키를 그대로 써요."
        return
    elif $dry_run; then
        do_it install -m 600 "(키)" "$key"
    elif [[ -t 0 ]]; then
        # Not on the command line, where the list of processes and the shell's history would show it.
        read -rsp "OpenAI 키를 붙여 넣고 Enter를 눌러 주세요(화면에 보이지 않아요): " given
        say ""
        [[ -n $given ]] || fail "키가 비어 있어요. 키 없이 쓰려면 --practice를 붙여 주세요."
        changes=$((changes + 1))
        (umask 077 && printf '%s\n' "$given" >"$key")
    else
        fail "OpenAI 키가 필요해요: --key-file 파일" "키 없이 연습 짝꿍을 쓰려면 --practice를 붙여 주세요."
    fi
    restart=true
}

put_settings() {
    step "설정 $settings"
    local url=''
    case $tls in
    nginx | builtin) url=https://$domain ;;
    none) [[ -z $domain ]] || url=http://$domain ;;
    esac
    if [[ -n $url ]]; then
        setting APP_BASE_URL "$url"
        setting APP_ENV production
    fi
    if [[ $tls == builtin ]]; then
        # There is no proxy, so no forwarded address is trusted.
        unset_setting TRUSTED_PROXIES
        setting TLS_DOMAIN "$domain"
        setting TLS_EMAIL "$email"
        setting TLS_CACHE /var/lib/llm-classroom/tls
        # systemd opens the ports; "doctor" reads the address from these settings.
        setting APP_HOST 0.0.0.0
        setting APP_PORT 443
    elif [[ -f $settings ]] && grep -q '^TLS_DOMAIN=.' "$settings"; then
        setting TRUSTED_PROXIES 127.0.0.1
        unset_setting TLS_DOMAIN
        unset_setting APP_HOST
        unset_setting APP_PORT
    fi
}

set_units() {
    local units=/etc/systemd/system before=$reload
    reload=false
    if [[ $tls == builtin ]]; then
        put "$share/systemd/tls.conf" $units/$service.d/tls.conf
        put "$share/systemd/tls-socket.conf" $units/llm-classroom.socket.d/tls.conf
    else
        drop $units/$service.d/tls.conf
        drop $units/llm-classroom.socket.d/tls.conf
    fi
    if $reload; then
        do_it systemctl daemon-reload
        # The ports change, so the service that holds them is stopped first.
        do_it systemctl stop llm-classroom.socket llm-classroom-redirect.socket $service
        if [[ $tls == builtin ]]; then
            do_it systemctl enable --quiet --now llm-classroom-redirect.socket
        else
            do_it systemctl disable --quiet llm-classroom-redirect.socket
        fi
        do_it systemctl start llm-classroom.socket
        restart=true
    fi
    reload=$before
}

serves() { # serves PATH: whether the program answers 200 there within a minute
    local deadline=$((SECONDS + 60)) how=(--fail --silent --max-time 5)
    local url=http://127.0.0.1:8000$1
    [[ $tls != builtin ]] || { url=https://$domain$1 && how+=(--insecure --resolve "$domain:443:127.0.0.1"); }
    until systemctl is-active --quiet "$service" && curl "${how[@]}" --output /dev/null "$url"; do
        ((SECONDS < deadline)) || return 1
        sleep 0.5
    done
}

start_service() {
    step "서비스"
    systemctl is-enabled --quiet $service 2>/dev/null || do_it systemctl enable --quiet $service
    if $restart || ! systemctl is-active --quiet $service; then
        # Does not wait: the check below shows whether it starts, and the reason if not.
        do_it systemctl restart --no-block $service
    fi
    if ! $dry_run; then
        if ! serves /health || ! serves /ready; then
            journalctl --unit $service --lines 10 --no-pager --output cat >&2 || true
            fail "프로그램이 시작하지 않았어요. 위의 기록을 보고 고친 다음 다시 실행해 주세요."
        fi
        say "프로그램이 대답해요."
    fi
}

reload_nginx() {
    $reload || return 0
    $dry_run || nginx -t -q || fail "nginx 설정에 잘못이 있어서 멈췄어요. 지금 열린 사이트는 그대로예요." "sudo nginx -t 로 확인해 주세요."
    if systemctl is-active --quiet nginx; then
        do_it systemctl reload nginx
    else
        do_it systemctl start nginx
    fi
    reload=false
}

set_nginx() {
    $nginx || return 0
    step "nginx"
    get_packages nginx
    local file from=$share/nginx available=/etc/nginx/sites-available enabled=/etc/nginx/sites-enabled
    put "$from/conf.d/llm-classroom.conf" /etc/nginx/conf.d/llm-classroom.conf
    for file in "$from"/snippets/*.conf; do
        put "$file" "/etc/nginx/snippets/${file##*/}"
    done
    put "$from/tuning.conf" /etc/nginx/modules-enabled/90-llm-classroom.conf
    put "$from/llm-classroom-http.conf" $available/llm-classroom-http.conf
    if [[ ! -f /etc/nginx/nginx.conf ]] || ! grep -q 'worker_connections 4096;' /etc/nginx/nginx.conf; then
        do_it sed -i 's/worker_connections [0-9]*;/worker_connections 4096;/' /etc/nginx/nginx.conf
        reload=true
    fi
    [[ -d /var/www/letsencrypt ]] || do_it install -d /var/www/letsencrypt
    # Only the page that the nginx package itself puts there.
    if [[ $(readlink $enabled/default || true) == "$available/default" ]]; then
        drop $enabled/default
    fi
    if [[ $tls != nginx ]]; then
        drop $enabled/llm-classroom.conf
        link $available/llm-classroom-http.conf $enabled/llm-classroom-http.conf
        reload_nginx
        return
    fi

    step "인증서 ($domain)"
    get_packages certbot
    if [[ ! -e /etc/letsencrypt/live/$domain/fullchain.pem ]]; then
        drop $enabled/llm-classroom.conf
        link $available/llm-classroom-http.conf $enabled/llm-classroom-http.conf
        reload_nginx
        do_it certbot certonly --webroot --webroot-path /var/www/letsencrypt --domain "$domain" --email "$email" \
            --agree-tos --no-eff-email --non-interactive --quiet ||
            fail "인증서를 받지 못했어요. $domain 이 이 컴퓨터의 주소를 가리키는지, 80번 포트가 열려 있는지 확인해 주세요." \
                "지금은 http://$domain 으로 열려요. 고친 다음 같은 명령을 다시 실행해 주세요."
    else
        say "인증서가 있어요."
    fi
    put "$from/certbot-deploy-hook.sh" /etc/letsencrypt/renewal-hooks/deploy/llm-classroom.sh 755
    put "$from/llm-classroom.conf" $available/llm-classroom.conf
    drop $enabled/llm-classroom-http.conf
    link $available/llm-classroom.conf $enabled/llm-classroom.conf
    reload_nginx
}

set_firewall() {
    $firewall || return 0
    step "방화벽"
    get_packages ufw
    local options=() before
    [[ -n $ssh_port ]] || ssh_port=$(ss -Hltnp 2>/dev/null | sed -n '/"sshd"/s/^[^ ]* *[^ ]* *[^ ]* *[^ ]*:\([0-9]*\) .*/\1/p' | head -n 1)
    [[ -z $ssh_port ]] || options=(--ssh-port "$ssh_port")
    if $dry_run; then
        do_it "$share/firewall/ufw.sh" "${options[@]}"
        return
    fi
    before=$(ufw show added && ufw status verbose)
    "$share/firewall/ufw.sh" "${options[@]}" >"$work/ufw" 2>&1 || fail "방화벽을 켜지 못했어요: $(tail -n 3 "$work/ufw")"
    [[ $before == "$(ufw show added && ufw status verbose)" ]] || changes=$((changes + 1))
    say "80, 443과 SSH만 열려 있어요. 8000번은 닫혀 있어요."
}

make_backup() {
    step "백업"
    local backups
    backups=$(runuser -u llm-classroom -- llm-classroom backup list --json 2>/dev/null) || backups=''
    if [[ $backups == *'"complete": true'* ]]; then
        say "백업이 있어요."
        return
    fi
    do_it systemctl start llm-classroom-backup.service ||
        fail "백업을 만들지 못했어요: $(journalctl --unit llm-classroom-backup --identifier llm-classroom --lines 1 --no-pager --output cat)"
    $dry_run || say "첫 백업을 만들고 다시 읽어 확인했어요. 이제 매일 밤 만들어요."
}

finish() {
    if $dry_run; then
        step "여기까지 하게 돼요. 아무것도 바꾸지 않았어요."
        return
    fi
    step "확인"
    local well=true
    llm-classroom doctor --language ko || well=false
    step "끝났어요"
    ((changes)) || say "모두 이미 되어 있어서 바꾼 것이 없어요."
    case $tls in
    nginx | builtin) say "열어 보세요: https://$domain" ;;
    none) if $nginx; then say "열어 보세요: http://${domain:-이 컴퓨터의 주소}"; else say "이 컴퓨터 안에서 열려요: http://127.0.0.1:8000"; fi ;;
    esac
    say "기록: sudo journalctl -u llm-classroom -f   상태: sudo llm-classroom doctor"
    if ! $well; then
        say "doctor가 찾은 것을 고쳐 주세요."
        exit 3
    fi
}

# One run at a time; the kernel releases the lock when this process ends.
if ! $dry_run && ((EUID == 0)); then
    exec 9>/run/lock/llm-classroom-setup
    # update.sh, when it's called from here.
    export LLM_CLASSROOM_SETUP=$$
    flock --nonblock 9 || fail "다른 설치나 업데이트가 진행되고 있어요. 끝난 다음 다시 실행해 주세요."
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
check
install_program
put_key
put_settings
set_units
start_service
set_nginx
set_firewall
make_backup
finish
