# In no shell script of the project does shellcheck find a mistake, and those of the initramfs are read by the shells
# that it has. If this fails, a script may do something else than it says, on a machine that has no console.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../../.."
command -v shellcheck >/dev/null || { echo "FAILED: no shellcheck; packaging/install-dependencies test"; exit 1; }

scripts=() inner=()
while IFS= read -r -d '' file; do
    IFS= read -r -n 80 first <"$file" 2>/dev/null || true
    case $first in
    '#!'*bash* | '#!'*/sh | '#!'*'busybox sh' | '# shellcheck shell='*) ;;
    *) [[ $file == *.sh ]] || continue ;;
    esac
    case $file in ./initramfs-hooks/*) inner+=("$file") ;; *) scripts+=("$file") ;; esac
done < <(find . \( -name build -o -name .git -o -path ./tests/fuzz/corpus \) -prune -o -type f -size -200k -print0)
[ ${#inner[@]} -ge 6 ] && [ ${#scripts[@]} -ge 15 ] || { echo "FAILED: found only ${#inner[@]} and ${#scripts[@]} scripts"; exit 1; }

status=0
# Those of the initramfs to the last remark; the others, which share the variables of what they source, to the
# warnings, but for a cd that may fail. A few at a time: with all of them shellcheck takes four times as long.
printf '%s\0' "${inner[@]}" | xargs -0 -n 4 shellcheck --external-sources || status=1
printf '%s\0' "${scripts[@]}" |
    xargs -0 -n 2 shellcheck --shell=bash --severity=warning --exclude=SC2034,SC2154,SC2164 || status=1
for file in "${inner[@]}"; do
    case $(head -n 1 "$file") in *bash*) bash -n "$file" || status=1; continue ;; esac
    for shell in dash "busybox sh"; do
        # shellcheck disable=SC2086
        $shell -n "$file" || { echo "FAILED: $shell can't read $file"; status=1; }
    done
done
echo "${#inner[@]} scripts of the initramfs, ${#scripts[@]} others"
exit $status
