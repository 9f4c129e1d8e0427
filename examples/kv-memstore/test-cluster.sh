#!/usr/bin/env bash
# Three nodes become a cluster, replicate and shrink to one, with nothing but curl: what is sent and
# answered is shown as it goes over the wire. Prints PASS or FAIL last. Set NODE for another Node.

set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
logs=$(mktemp -d)
pids=()
declare -A address

if [ -z "${NODE:-}" ]; then
  NODE=$here/../../node_modules/.bin/node
  [ -x "$NODE" ] || NODE=node
fi

# Ends what this script has started, and nothing else.
clean_up() {
  local status=$?
  for pid in ${pids[@]+"${pids[@]}"}; do
    kill -9 "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  if [ "$status" -eq 0 ]; then
    echo PASS
  else
    tail -n 20 "$logs"/*.log 2>/dev/null || true
    echo FAIL
  fi
  rm -rf "$logs"
  exit "$status"
}
trap clean_up EXIT

fail() {
  echo "Wanted $1; got $2"
  exit 1
}

start_node() {
  local id=$1 log=$logs/$1.log
  : >"$log"
  "$NODE" --conditions=quorate-source "$here/main.ts" --id "$id" --addr 127.0.0.1:0 >"$log" 2>&1 &
  pids+=($!)
  for _ in $(seq 150); do
    address[$id]=$(sed -n 's/.* listens on //p' "$log")
    [ -n "${address[$id]}" ] && break
    kill -0 "${pids[-1]}" 2>/dev/null || fail "node $id to listen" "a node that ended"
    sleep 0.1
  done
  [ -n "${address[$id]}" ] || fail "node $id to listen" "nothing within 15 s"
  echo "Node $id listens on ${address[$id]}"
}

# rpc NODE CALL [BODY]: the answer is left in $answer.
rpc() {
  echo "--- node $1: /$2 ${3:-}"
  local url=${address[$1]}/$2
  if [ $# -lt 3 ]; then
    answer=$(curl --silent --show-error --max-time 15 "$url")
  else
    answer=$(curl --silent --show-error --max-time 15 -H 'content-type: application/json' -d "$3" "$url")
  fi
  echo "$answer"
}

# expect TEXT: the last answer has to contain it.
expect() {
  case $answer in
    *"$1"*) ;;
    *) fail "an answer with $1" "$answer" ;;
  esac
}

# until_answer TEXT NODE CALL [BODY]: calls again until the answer contains the text, for at most 15 s.
until_answer() {
  local text=$1
  shift
  for _ in $(seq 150); do
    rpc "$@" >/dev/null
    case $answer in
      *"$text"*)
        echo "--- node $1: /$2 ${3:-}"
        echo "$answer"
        return
        ;;
    esac
    sleep 0.1
  done
  fail "an answer with $text within 15 s" "$answer"
}

echo "Start three nodes that belong to no cluster"
for id in 1 2 3; do start_node "$id"; done

echo "Make node 1 a cluster of its own"
rpc 1 init '{}'
expect '{"Ok":null}'
until_answer '"state":"Leader"' 1 metrics

echo "Add nodes 2 and 3 as learners"
rpc 1 add-learner "[2, \"${address[2]}\"]"
expect '"Ok"'
rpc 1 add-learner "[3, \"${address[3]}\"]"
expect '"Ok"'
rpc 1 metrics
expect '"configs":[[1]]'
expect "\"3\":{\"addr\":\"${address[3]}\"}"

echo "Make all three voters"
rpc 1 change-membership '[1, 2, 3]'
expect '"configs":[[1,2,3]]'
for id in 1 2 3; do until_answer '"configs":[[1,2,3]]' "$id" metrics; done

echo "Write on the leader, read on every node"
rpc 1 write '{"Set":{"key":"foo","value":"bar"}}'
expect '"value":"bar"'
for id in 1 2 3; do until_answer '{"Ok":"bar"}' "$id" read '"foo"'; done

echo "Shrink the cluster to node 3"
rpc 1 change-membership '[3]'
expect '"configs":[[3]]'
until_answer '"state":"Leader"' 3 metrics
until_answer '"configs":[[3]]' 3 metrics

echo "Write and read on node 3"
rpc 3 write '{"Set":{"key":"foo","value":"zoo"}}'
expect '"value":"zoo"'
rpc 3 read '"foo"'
expect '{"Ok":"zoo"}'
