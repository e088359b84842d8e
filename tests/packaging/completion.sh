#!/bin/bash
# What bash offers after a word that was begun: what the programs themselves say they take.
#
# BUILD is the build directory.
set -euo pipefail
top=$(dirname "$(readlink -f "$0")")/../..
PATH=$BUILD/bootview:$BUILD/fuse-fatimg:$BUILD/tftp-bridge:$PATH
source "$top/packaging/bash-completion"

failed=0
# offers WORDS EXPECTED: the last of the words is the one that was begun.
offers() {
    local IFS=' '
    read -ra COMP_WORDS <<<"$1"
    [[ $1 != *' ' ]] || COMP_WORDS+=('')
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    COMPREPLY=()
    _bootview "${COMP_WORDS[0]}" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
    [[ "${COMPREPLY[*]}" == "$2" ]] || {
        echo "\"$1\": offered \"${COMPREPLY[*]}\", expected \"$2\""
        failed=1
    }
}
offers 'bootview ser' serve
offers 'bootview --v' --version
offers 'bootview serve --nb' --nbd-port
offers 'bootview serve image --tft' --tftp-port
offers 'bootview serve image --log-level d' debug
offers 'bootview serve ima' '' # a file, which is bash's own to find
offers 'bootview conf' config
offers 'bootview config ' 'check import units'
offers 'bootview config import n' 'nbd-server nobodd'
offers 'bootview config check fil' ''
offers 'bootview config --h' --help
offers 'bootview serve --conf' --config
offers 'fuse-fatimg --j' --json
offers 'fuse-fatimg --for' --foreground
offers 'tftp-bridge --max-t' '--max-transfers --max-transfers-per-client'
offers 'tftp-bridge --interface l' lo
offers 'tftp-bridge --nothing' ''

# Every option of the programs, no other.
for command in 'bootview serve' fuse-fatimg tftp-bridge; do
    # shellcheck disable=SC2086 # of two words
    expected=$($command --help | grep -oE '^  (-[a-zA-Z],)?--[a-z0-9-]+' | grep -oE -- '--.*' | paste -sd' ')
    offers "$command --" "$expected"
done
exit $failed
