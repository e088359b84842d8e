# Where this machine's apt gets Debian from, for the root of another machine. Sourced; needs `unavailable` to end with.

# apt_suite: the release that runs here, or the one of of_another_release.
apt_suite() { echo "${other_release:-$(. /etc/os-release && echo "$VERSION_CODENAME")}"; }

# of_another_release SUITE DIRECTORY: from here on apt is asked about that release of Debian, from the same mirrors. What
# it knows of it is kept in DIRECTORY.
of_another_release() {
    mkdir -p "$2"/{lists,archives}/partial
    apt_sources | sed "s/ $(apt_suite)/ $1/" >"$2/sources.list"
    cat >"$2/apt.conf" <<CONFIGURATION
Dir::Etc::SourceList "$2/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::State::Lists "$2/lists";
Dir::State::status "/dev/null";
Dir::Cache "$2";
CONFIGURATION
    other_release=$1
    export APT_CONFIG=$2/apt.conf
    timeout 300 apt-get update >"$2/log" 2>&1 || unavailable "apt-get update, of Debian $1: $(tail -n1 "$2/log")"
}

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
