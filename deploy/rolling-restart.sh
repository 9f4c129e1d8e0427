#!/usr/bin/env bash
# Restarts the members of a cluster one after the other, the leader last, without a failed request
# of a client that tries again what may be tried again, as the clients of @quorate/kv do.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: rolling-restart.sh --restart COMMAND [--timeout SECONDS] URL URL ...

  URL        The HTTP address of a member, as http://10.0.0.1:8001; name all members.
  --restart  Run for each member, by sh. {name}, {host} and {url} stand for its own. The command
             must stop the member by SIGTERM and start it again, as systemctl restart does.
  --timeout  How long a member may take until it is ready again. Default 120.

Options of curl, for certificates say, are taken from CURL_OPTIONS.

Examples:
  rolling-restart.sh --restart 'ssh {host} sudo systemctl restart quorate' \
    http://10.0.0.1:8001 http://10.0.0.2:8001 http://10.0.0.3:8001
  CURL_OPTIONS='--cacert ca.pem --cert me.pem --key me.key' rolling-restart.sh \
    --restart 'kubectl delete pod {name}' https://a:8001 https://b:8001 https://c:8001

Ends with 0 when all are restarted and ready; with 1 at the first thing that is wrong, before it
touches the next member; with 2 if it is called wrongly.
TEXT
}

fail() {
  echo "rolling-restart: $1" >&2
  exit "${2:-1}"
}

restart_command=''
timeout=120
urls=()
while [ $# -gt 0 ]; do
  case "$1" in
    --restart) restart_command="${2:-}"; shift 2 || fail 'give a command after --restart.' 2 ;;
    --timeout) timeout="${2:-}"; shift 2 || fail 'give seconds after --timeout.' 2 ;;
    --help | -h) usage; exit 0 ;;
    -*) fail "there is no option $1; see --help." 2 ;;
    *) urls+=("${1%/}"); shift ;;
  esac
done
[ -n "$restart_command" ] || fail 'give --restart COMMAND; see --help.' 2
[[ "$timeout" =~ ^[1-9][0-9]*$ ]] || fail "--timeout wants whole seconds; got \"$timeout\"." 2
[ ${#urls[@]} -ge 3 ] || fail "name all members, at least three: with fewer, each restart stops the service; got ${#urls[@]}." 2

ask() {
  # shellcheck disable=SC2086 # The options of curl are words.
  curl --silent --show-error --max-time 10 ${CURL_OPTIONS:-} "$@"
}

is_ready() { ask --fail --output /dev/null "$1/readyz" 2>/dev/null; }
name_of() { ask "$1/healthz" | sed -n 's/.*"member":"\([^"]*\)".*/\1/p'; }
figure() { ask "$1/metrics" 2>/dev/null | sed -n "s/^$2 //p"; }
leads() { [ "$(figure "$1" quorate_is_leader)" = 1 ]; }

# Waits until the command after the first two arguments succeeds: so many seconds, for what.
wait_until() {
  local seconds="$1" what="$2" until
  shift 2
  until=$((SECONDS + seconds))
  until "$@"; do
    [ "$SECONDS" -lt "$until" ] || fail "waited $seconds s in vain: $what. Mend that, then start again."
    sleep 0.2
  done
}

is_started_again() {
  local started
  started="$(figure "$1" process_start_time_seconds)"
  [ -n "$started" ] && [ "$started" != "$2" ] && is_ready "$1"
}

all_ready() {
  local url
  for url in "${urls[@]}"; do is_ready "$url" || return 1; done
}

hand_over() {
  ask --fail --output /dev/null --request POST "$1/v1/leader/transfer" 2>/dev/null || true
  ! leads "$1"
}

fill_in() {
  local url="$1" name="$2" host command="$restart_command"
  host="${url#*://}"
  host="${host%%/*}"
  host="${host%:*}"
  command="${command//\{name\}/$name}"
  command="${command//\{host\}/$host}"
  printf '%s' "${command//\{url\}/$url}"
}

restart() {
  local url="$1" name started
  name="$(name_of "$url")"
  [ -n "$name" ] || fail "$url does not say which member it is."
  # One at a time: the others must be able to go on without it.
  wait_until "$timeout" "all members are ready before $name is restarted" all_ready
  if leads "$url"; then
    echo "$name: hands the leadership over"
    wait_until "$timeout" "$name hands the leadership over" hand_over "$url"
  fi
  started="$(figure "$url" process_start_time_seconds)"
  echo "$name: restarts"
  sh -c "$(fill_in "$url" "$name")" || fail "the command failed for $name ($url); nobody else was touched."
  wait_until "$timeout" "$name is ready again, as a new process" is_started_again "$url" "$started"
  echo "$name: ready"
}

for url in "${urls[@]}"; do
  is_ready "$url" || fail "$url is not ready, so none is restarted: $(ask "$url/readyz" 2>&1 || true)"
done

# Who leads goes last, so that the leadership moves once.
left=("${urls[@]}")
while [ ${#left[@]} -gt 0 ]; do
  next="${left[0]}"
  for url in "${left[@]}"; do
    if ! leads "$url"; then
      next="$url"
      break
    fi
  done
  restart "$next"
  rest=()
  for url in "${left[@]}"; do
    if [ "$url" != "$next" ]; then rest+=("$url"); fi
  done
  left=("${rest[@]+"${rest[@]}"}")
done
wait_until "$timeout" 'all members are ready' all_ready
echo 'all members are restarted and ready'
