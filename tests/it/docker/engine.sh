# The first process of an engine: it runs in network, mount and process namespaces of its own, so that
# all the engine does to the machine ends with it. $1 is the folder of the engine, $2 the size of the
# disk it has for itself, or nothing.
set -eu
dir=$1 size=${2:-}
# What the engine and its helpers write at fixed places: sockets, the lock of iptables, the key that is
# the engine's identity. Settings of the machine's own engine are not read either.
mkdir -p /etc/docker
for place in /run /etc/docker; do mount -t tmpfs engine "$place"; done
mkdir -p "$dir/data"
if [ -n "$size" ]; then mount -t tmpfs -o "size=$size" engine "$dir/data"; fi
ip link set lo up
touch "$dir/is-set-up"
# Waiting for a child, it takes up the ends of all processes whose parents have gone.
sleep 2147483647 &
wait
