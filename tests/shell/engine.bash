# shellcheck shell=bash
# A Docker engine and a registry of our own in $work, beside any that the machine has.
# shellcheck disable=SC2154 # work is of parts.bash
engine_pid=
registry_pid=

# All of the engine lies in $work but for a key that dockerd writes once (/etc/docker/key.json) and an
# empty directory (/run/containerd/s).
start_engine() {
  local driver
  for driver in overlay2 vfs; do
    if try_engine "$driver"; then
      return
    fi
    say "the engine does not start with $driver; its last lines:"
    tail -n 20 "$work/engine/log" >&2
    stop_engine
  done
  say "no engine, and the tests need one"
  return 1
}

try_engine() {
  local root=$work/engine
  mkdir -p "$root"
  echo '{}' >"$root/daemon.json"
  export CHUNKDELTA_DOCKER_HOST=unix://$root/socket DOCKER_CONFIG=$root/client
  /usr/sbin/dockerd --config-file "$root/daemon.json" --host "$CHUNKDELTA_DOCKER_HOST" \
    --data-root "$root/data" --exec-root "$root/exec" --pidfile "$root/pid" \
    --storage-driver "$1" --bridge=none --iptables=false --ip6tables=false >"$root/log" 2>&1 &
  engine_pid=$!
  for _ in {1..300}; do
    if /usr/bin/docker --host "$CHUNKDELTA_DOCKER_HOST" info >"$root/info" 2>&1; then
      grep -E 'Server Version|Storage Driver|Cgroup Version|Kernel Version' "$root/info"
      return
    fi
    kill -0 "$engine_pid" 2>/dev/null || return 1
    sleep 0.1
  done
  return 1
}

# On this machine alone, at a port that nobody has: a registry there may be spoken to without TLS.
start_registry() {
  local root=$work/registry
  mkdir -p "$root"
  printf 'version: 0.1\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: "127.0.0.1:0"}\n' \
    "$root/data" >"$root/config.yml"
  /usr/bin/docker-registry serve "$root/config.yml" >"$root/log" 2>&1 &
  registry_pid=$!
  for _ in {1..300}; do
    CHUNKDELTA_REGISTRY=$(sed -n 's/.*listening on \(127\.0\.0\.1:[0-9]*\).*/\1/p' "$root/log")
    if [ -n "$CHUNKDELTA_REGISTRY" ]; then
      export CHUNKDELTA_REGISTRY
      printf 'registry at %s\n' "$CHUNKDELTA_REGISTRY"
      return
    fi
    kill -0 "$registry_pid" 2>/dev/null || break
    sleep 0.1
  done
  say "the registry does not start; its last lines:"
  tail -n 20 "$root/log" >&2
  return 1
}

stop_registry() {
  [ -n "$registry_pid" ] || return 0
  kill "$registry_pid" 2>/dev/null || true
  wait "$registry_pid" 2>/dev/null || true
  registry_pid=
}

# Asks the engine to end, which takes its containers and containerd with it, then makes sure.
stop_engine() {
  [ -n "$engine_pid" ] || return 0
  local mount containerd
  containerd=$(cat "$work/engine/exec/containerd/containerd.pid" 2>/dev/null || true)
  kill "$engine_pid" 2>/dev/null || true
  for _ in {1..200}; do
    kill -0 "$engine_pid" 2>/dev/null || break
    sleep 0.1
  done
  if kill -KILL "$engine_pid" 2>/dev/null; then
    kill -KILL ${containerd:+"$containerd"} 2>/dev/null || true
  fi
  wait "$engine_pid" 2>/dev/null || true
  engine_pid=
  while read -r mount; do
    umount "$mount" 2>/dev/null || umount --lazy "$mount" || true
  done < <(awk -v root="$work/" 'index($5, root) == 1 { print $5 }' /proc/self/mountinfo | tac)
  rm -rf --one-file-system "$work/engine"
}
