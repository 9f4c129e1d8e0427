# What the scripts that test a cluster share; they set `main`, the program of a node, and source this.
# shellcheck shell=bash

logs=$(mktemp -d)
declare -A pids=()
declare -A address=()

if [ -z "${NODE:-}" ]; then
  NODE=$(dirname "${BASH_SOURCE[0]}")/../../../node_modules/.bin/node
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

# free_port: sets $port to one below those that systems give to outgoing connections, so that nobody
# takes it while its node is down.
free_port() {
  for _ in $(seq 100); do
    port=$((10000 + RANDOM % 18000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || return 0
  done
  fail "a free port" "100 that are taken"
}

# start_node ID [OPTION...]: on any free port, if the options name none.
start_node() {
  local id=$1 log=$logs/$1.log
  : >"$log"
  "$NODE" --conditions=quorate-source "$main" --id "$id" --addr 127.0.0.1:0 "${@:2}" >"$log" 2>&1 &
  pids[$id]=$!
  for _ in $(seq 150); do
    address[$id]=$(sed -n 's/.* listens on //p' "$log")
    [ -n "${address[$id]}" ] && break
    kill -0 "${pids[$id]}" 2>/dev/null || fail "node $id to listen" "a node that ended"
    sleep 0.1
  done
  [ -n "${address[$id]}" ] || fail "node $id to listen" "nothing within 15 s"
  echo "Node $id listens on ${address[$id]}"
}

# kill_node ID: as a power cut would, but for what the system still has in memory.
kill_node() {
  echo "--- node $1: kill -9"
  kill -9 "${pids[$1]}"
  wait "${pids[$1]}" 2>/dev/null || true
  unset "pids[$1]"
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
