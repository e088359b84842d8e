# Where this machine's apt gets Debian from, for the root of another machine. Sourced; needs `unavailable` to end with.

# apt_suite: the release that runs here.
apt_suite() { (. /etc/os-release && echo "$VERSION_CODENAME"); }

# apt_sources: as lines of a sources.list.
apt_sources() {
    local suite
    suite=$(apt_suite)
    _sources() {
        # shellcheck disable=SC2016 # apt puts these in
        apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 'Origin: Debian' |
            grep -E " $suite(-[a-z]+)? main$" | sort -u
    }
    _sources || { timeout 300 apt-get update >/dev/null 2>&1 && _sources; } || unavailable "apt knows no sources of Debian $suite"
}

# apt_configuration: how it fetches.
apt_configuration() { apt-config dump | grep -E '^Acquire::(https?|Check|Retries|ForceIPv)' | grep -v '""' || true; }
