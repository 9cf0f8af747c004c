#!/bin/sh
# /etc/letsencrypt/renewal-hooks/deploy/llm-classroom.sh: certbot runs it after it gets a new certificate. nginx loads the
# certificate with a reload, which closes no connection: old workers finish their streams.
# NGINX_COMMAND, for example "nginx -c /path/nginx.conf", is for an nginx that systemd does not manage.
set -eu

nginx=${NGINX_COMMAND:-nginx}
# Not quoted: the command may carry options.
# shellcheck disable=SC2086
if ! $nginx -t -q; then
    echo "nginx keeps the old certificate, since its configuration has an error: see 'nginx -t', mend it, then 'systemctl reload nginx'" >&2
    exit 1
fi
if [ -z "${NGINX_COMMAND:-}" ] && [ -d /run/systemd/system ]; then
    systemctl reload nginx
else
    # shellcheck disable=SC2086
    $nginx -s reload
fi
