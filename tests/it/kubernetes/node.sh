# The first process of a node: it runs in network, mount and process namespaces of its own, so that
# all the node does to the machine ends with it. $1 is the folder of the node, $2 its cgroup.
set -eu
dir=$1 cgroup=$2
# Volumes are mounted for pods; the machine does not see them.
mount --make-rshared /
# What the programs write at fixed places: /run/netns, /var/lib/cni, /var/log/pods and so on.
for place in /run /var/lib /var/log; do mount -t tmpfs node "$place"; done
mkdir -p /run/netns
# The kubelet sets these for the whole machine; here it finds them set, in files that stand before them.
set_to() {
  [ -e "/proc/sys/$1" ] || return 0
  echo "$2" >"/run/$(basename "$1")"
  mount --bind "/run/$(basename "$1")" "/proc/sys/$1"
}
set_to vm/overcommit_memory 1
set_to vm/panic_on_oom 0
set_to kernel/panic 10
set_to kernel/panic_on_oops 1
set_to kernel/keys/root_maxkeys 1000000
set_to kernel/keys/root_maxbytes 25000000
# One cgroup above all of the pods', in each hierarchy.
for tree in /sys/fs/cgroup /sys/fs/cgroup/*; do
  [ -e "$tree/cgroup.procs" ] || continue
  mkdir -p "$tree/$cgroup"
  for file in cpuset.cpus cpuset.mems; do
    [ -e "$tree/$file" ] && cat "$tree/$file" >"$tree/$cgroup/$file" || true
  done
done
# The kubelet wants a default route.
ip link set lo up
ip link add nd0 type bridge
ip addr add 10.88.0.1/24 dev nd0
ip link set nd0 up
ip route add default via 10.88.0.254
# Old kubelets ask the clouds where they run: nobody there answers at once, rather than after seconds.
ip route add unreachable 169.254.0.0/16
if [ -e /etc/resolv.conf ]; then
  echo nameserver 127.0.0.1 >/run/resolv.conf
  mount --bind /run/resolv.conf /etc/resolv.conf
fi
touch "$dir/node-is-set-up"
# Waiting for a child, it takes up the ends of all processes whose parents have gone.
sleep 2147483647 &
wait
