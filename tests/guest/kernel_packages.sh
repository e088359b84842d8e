# Debian's packages of a kernel, as files. Sourced; needs $scratch, and `unavailable` to end with.

# cloud_kernels: the kernels for virtual machines that apt knows of the release's own series, newest first.
cloud_kernels() {
    local newest
    newest=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null |
        sed -n 's/^ *Depends: \(linux-image-[0-9].*\)$/\1/p' | sort -V | tail -n1)
    [ -n "$newest" ] || return 0
    # linux-image-6.1.0-56-cloud-amd64: of the series linux-image-6.1.0
    { echo "$newest"; apt-cache pkgnames "${newest%-*-cloud-amd64}-" | grep -E -- '-[0-9]+-cloud-amd64$'; } | sort -ruV
}

# fetch_packages DIRECTORY PACKAGE...: their files.
fetch_packages() {
    local directory=$1
    shift
    mkdir -p "$directory"
    _download() { (cd "$directory" && timeout 600 apt-get -o APT::Sandbox::User=root download "$@") >"$scratch/log" 2>&1; }
    # The lists may be older than what the mirror still holds.
    _download "$@" || { [ "$(id -u)" = 0 ] && timeout 300 apt-get update >/dev/null 2>&1 && _download "$@"; } ||
        unavailable "apt-get download $*: $(tail -n1 "$scratch/log")"
}

# with_dependencies MODULES.DEP MODULE...: their paths, what they need first.
with_dependencies() {
    local from=$1 module line
    shift
    for module in "$@"; do
        line=$(grep -E "/$module\.ko(\.xz)?:" "$from") || continue # built in
        printf '%s\n' "${line%%:*}"
        tr ' ' '\n' <<<"${line#*:}"
    done | sed '/^$/d' | sort -u
}
