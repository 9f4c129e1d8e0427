#!/usr/bin/env bash
# Three nodes with their state in RocksDB become a cluster; the first one is killed and comes back;
# then they shrink to one. Nothing but curl: what is sent and answered is shown as it goes over the
# wire. Prints PASS or FAIL last. Set NODE for another Node. Options are those of main.ts, for each
# node: `test-cluster.sh --network http` lets them speak HTTP to one another instead of TCP.

set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
main=$here/main.ts
source "$here/../kv-memstore/test-support/cluster.sh"

# Sets $leader to one of these nodes. A node that was killed is not asked.
find_leader() {
  for _ in $(seq 150); do
    for id in "$@"; do
      rpc "$id" metrics >/dev/null
      case $answer in
        *'"state":"Leader"'*)
          leader=$id
          echo "Node $id leads"
          return
          ;;
      esac
    done
    sleep 0.1
  done
  fail "a leader among nodes $* within 15 s" "none"
}

echo "Start three nodes that belong to no cluster"
free_port
first_address=127.0.0.1:$port
start_node 1 --addr "$first_address" --data "$logs/node-1" "$@"
for id in 2 3; do start_node "$id" --data "$logs/node-$id" "$@"; done

echo "Make node 1 a cluster of its own"
rpc 1 init '{}'
expect '{"Ok":null}'
until_answer '"state":"Leader"' 1 metrics

echo "Add nodes 2 and 3 as learners"
# A leader changes no membership before an entry of its own term is committed.
until_answer '"Ok"' 1 add-learner "[2, \"${address[2]}\"]"
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

echo "Kill node 1, which leads"
kill_node 1
rpc 3 read '"foo"'
expect '{"Ok":"bar"}'

echo "Nodes 2 and 3 go on: one of them leads, and the other one names it"
find_leader 2 3
for id in 2 3; do
  if [ "$id" = "$leader" ]; then
    rpc "$id" write "{\"Set\":{\"key\":\"from-$id\",\"value\":\"written on $id\"}}"
    expect "\"value\":\"written on $id\""
  else
    until_answer "\"leader_id\":$leader" "$id" write "{\"Set\":{\"key\":\"from-$id\",\"value\":\"x\"}}"
    expect 'RAFT_NOT_LEADER'
  fi
done
rpc "$leader" write '{"Set":{"key":"foo","value":"wow"}}'
expect '"value":"wow"'
for id in 2 3; do until_answer '{"Ok":"wow"}' "$id" read '"foo"'; done

echo "Start node 1 again on its data: it has what it had, and catches up"
start_node 1 --addr "$first_address" --data "$logs/node-1" "$@"
until_answer '{"Ok":"wow"}' 1 read '"foo"'
until_answer "{\"Ok\":\"written on $leader\"}" 1 read "\"from-$leader\""

echo "Shrink the cluster to node 3"
find_leader 1 2 3
until_answer '"configs":[[3]]' "$leader" change-membership '[3]'
until_answer '"state":"Leader"' 3 metrics
until_answer '"configs":[[3]]' 3 metrics

echo "Write and read on node 3"
rpc 3 write '{"Set":{"key":"foo","value":"zoo"}}'
expect '"value":"zoo"'
rpc 3 read '"foo"'
expect '{"Ok":"zoo"}'
