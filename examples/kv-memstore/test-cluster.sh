#!/usr/bin/env bash
# Three nodes become a cluster, replicate and shrink to one, with nothing but curl: what is sent and
# answered is shown as it goes over the wire. Prints PASS or FAIL last. Set NODE for another Node.
#
#   test-cluster.sh                  the nodes speak TCP to one another
#   test-cluster.sh --network http   they speak HTTP; other options of main.ts can be given as well

set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
main=$here/main.ts
source "$here/test-support/cluster.sh"

echo "Start three nodes that belong to no cluster"
for id in 1 2 3; do start_node "$id" "$@"; done

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
