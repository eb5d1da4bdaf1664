#!/usr/bin/env bash
# The processes of one node of a run: torchrun, and an exit code that says what became of them.
#
#   node.sh NODES GPUS ENDPOINT ID train RECIPE ...
#
# NODES  nodes of the run            ENDPOINT  host:port of the first node, the same on all
# GPUS   processes on this node      ID        the same on all, another for each run
#
# Ends as cutaway does: 0 done; 6 if a process has saved its state because it was asked to stop, so
# that the same command goes on; 2 to 5 for what the documentation says of them. torchrun itself
# ends with 1 whatever its processes end with, which is 1 here, too, if one was lost.
set -uo pipefail
nodes=$1 gpus=$2 endpoint=$3 id=$4
shift 4

CODES=$(mktemp -d)
export CODES
# shellcheck disable=SC2016 # the inner shell is the one that expands
torchrun --nnodes="$nodes" --nproc-per-node="$gpus" --rdzv-backend=c10d \
    --rdzv-endpoint="$endpoint" --rdzv-id="$id" --max-restarts=3 --shutdown-timeout=600 \
    --no-python bash -c '
        trap : TERM INT  # torchrun asks the whole group; wait for the answer of cutaway
        cutaway "$@"
        code=$?
        echo "$code" >"$CODES/$LOCAL_RANK"
        exit "$code"' rank "$@" &
agent=$!
trap 'kill -TERM "$agent" 2>/dev/null' TERM INT
code=1
while true; do
    wait "$agent"
    code=$?
    kill -0 "$agent" 2>/dev/null || break  # else a signal has come, and torchrun is at its end
done
if [ "$code" -ne 0 ]; then
    told=$(cat "$CODES"/* 2>/dev/null | grep -x '[2-6]' | sort | tail -n 1)
    code=${told:-1}
fi
rm -rf "$CODES"
exit "$code"
