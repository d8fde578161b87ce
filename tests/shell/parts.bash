# shellcheck shell=bash
# Parts of a run with the time that each took, and the packages that they need. A script that sources
# this sets work to a directory of its own when it has one, and traps finish at its exit.
# shellcheck disable=SC2034,SC2154 # work, passed and script are the sourcing script's
work=
table=()
current=
passed=

# part NAME COMMAND...: run one part, and note in the table what it took.
part() {
  current=$1
  started=${EPOCHREALTIME/./}
  printf '\n=== %s\n' "$current"
  "${@:2}"
  note "done"
  current=
}

note() {
  local took=$(((${EPOCHREALTIME/./} - started) / 100000))
  table+=("$(printf '%-34s %5d.%d  %s' "$current" $((took / 10)) $((took % 10)) "$1")")
}

finish() {
  set +e
  [ -z "$current" ] || note FAILED
  stop_registry
  stop_engine
  [ -z "$work" ] || rm -rf --one-file-system "$work"
  printf '\n%-34s %7s\n' part seconds
  printf '%s\n' "${table[@]}"
  printf '%-34s %5d    ' all "$SECONDS"
  [ -n "$passed" ] && echo passed || echo FAILED
}

say() {
  printf '%s: %s\n' "$script" "$*" >&2
}

install_packages() {
  local package missing=()
  for package in "$@"; do
    if [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
      missing+=("$package")
    fi
  done
  if [ ${#missing[@]} -gt 0 ]; then
    say "installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq -o Acquire::Retries=3 update
    apt-get -qq -y -o Acquire::Retries=3 install --no-install-recommends "${missing[@]}"
  fi
}
