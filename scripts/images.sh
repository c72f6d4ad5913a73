# What need-node and need-docker share: images put together from programs of this machine, for there
# is no registry. Sourced, with $work set to a folder of their own.

# A program and the libraries it wants, where it wants them.
add() {
  local root=$1 file library
  file=$(PATH=$PATH:/usr/sbin:/sbin command -v "$2")
  install -D -m 755 "$(readlink -f "$file")" "$root/bin/$(basename "$2")"
  for library in $(ldd "$file" 2>/dev/null | grep -o '/[^ )]*' | sort -u); do
    [ -e "$root$library" ] || install -D -m 755 "$(readlink -f "$library")" "$root$library"
  done
}
root_of() {
  local root=$work/$1 name
  mkdir -p "$root/tmp" "$root/data" "$root/etc"
  add "$root" busybox
  for name in $(busybox --list); do [ -e "$root/bin/$name" ] || ln -s busybox "$root/bin/$name"; done
  printf 'root:x:0:0:root:/:/bin/sh\n' >"$root/etc/passwd"
  printf 'root:x:0:\n' >"$root/etc/group"
}
# image NAME ROOT CONFIG TAG...: an archive as `docker save` writes it, of the folder ROOT. CONFIG are
# members of a JSON object.
image() {
  local name=$1 root=$2 settings=$3 layer config arch tags
  shift 3
  arch=$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')
  mkdir "$work/image"
  tar -C "$work/$root" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf "$work/image/layer.tar" .
  layer=$(sha256sum "$work/image/layer.tar" | cut -d' ' -f1)
  printf '{"architecture":"%s","os":"linux","created":"2026-01-01T00:00:00Z","config":{"Env":["PATH=/bin"],%s},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
    "$arch" "$settings" "$layer" >"$work/config.json"
  config=$(sha256sum "$work/config.json" | cut -d' ' -f1).json
  mv "$work/config.json" "$work/image/$config"
  tags=$(printf '"%s",' "$@")
  printf '[{"Config":"%s","RepoTags":[%s],"Layers":["layer.tar"]}]' "$config" "${tags%,}" >"$work/image/manifest.json"
  tar -C "$work/image" -cf "$work/out/$name.tar" manifest.json "$config" layer.tar
  rm -r "$work/image"
}
