#!/usr/bin/env bash
# Runs a command on a machine through AWS Systems Manager, waits for it and prints its output.
#   ssm.sh INSTANCE COMMAND
set -euo pipefail
readonly instance=${1:?the instance, such as i-0123456789abcdef0} command=${2:?the command}

parameters=$(jq --null-input --arg command "$command" '{commands: [$command], executionTimeout: ["900"]}')
id=$(aws ssm send-command --document-name AWS-RunShellScript --instance-ids "$instance" --timeout-seconds 120 \
    --parameters "$parameters" --query Command.CommandId --output text)

invocation() { aws ssm get-command-invocation --command-id "$id" --instance-id "$instance" --query "$1" --output text; }

status=Pending
while [[ $status == @(Pending|InProgress|Delayed|Cancelling) ]]; do
    sleep "${SSM_PAUSE_SECONDS:-5}"
    # The command is unknown for a moment after it was sent.
    status=$(invocation Status) || status=Pending
done
invocation StandardOutputContent
invocation StandardErrorContent >&2
echo "$command: $status" >&2
[[ $status == Success ]]
