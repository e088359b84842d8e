# The manual of bootview names every option that --help does, and every finding that there is: or people
# look for what does not exist.
source "$(dirname "$0")/../functions.sh"
top=$(dirname "$(realpath "$0")")/../../..
page=$top/bootview/bootview.pod

for command in doctor serve; do
    "$BOOTVIEW" "$command" --help | grep -oE '^  -[-a-z]+' | tr -d ' ' | grep -v -- --help | sort -u >"$scratch/help"
    sed -n "/^=head1 OPTIONS OF ${command^^}/,/^=head1 [^O]/p" "$page" | sed '2,${/^=head1/,$d}' |
        grep '^=item' | grep -oE 'B<-[-a-z]+' | sed 's/B<//' | sort -u >"$scratch/page"
    [ "$(wc -l <"$scratch/help")" -ge 6 ] || fail "found hardly any: $(cat "$scratch/help")"
    diff "$scratch/help" "$scratch/page" || fail "$command --help (<) and the manual (>) differ"
done

sed -n '/^=head1 FINDINGS/,/^=head1 ENV/p' "$page" | grep -oE 'C<[-a-z0-9]+>' | sed 's/C<//; s/>//' |
    sort >"$scratch/page"
[ -z "$(uniq -d "$scratch/page")" ] || fail "the manual names one twice: $(uniq -d "$scratch/page")"
# Each of these stands in the sources; those of the two ports are put together there.
while read -r id; do
    grep -rqF "\"$id\"" "$top/bootview/doctor" ||
        grep -rqF "\"-${id#*-}\"" "$top/bootview/doctor/ports.cpp" || fail "no such finding: $id"
done <"$scratch/page"
cat "$top"/bootview/doctor/*.cpp | tr -d '\n' |
    grep -oE '(\.|->|\b)(fail|warn|not_checked|fine|once|miss)\( *"[a-z0-9-]+"' | sed 's/.*"\(.*\)"/\1/' |
    grep -vxE 'socket' | sort -u >"$scratch/sources"
[ "$(wc -l <"$scratch/sources")" -ge 80 ] || fail "found hardly any: $(cat "$scratch/sources")"
missing=$(sort -u "$scratch/page" | comm -23 "$scratch/sources" - | grep -v '^port 68$' || true)
[ -z "$missing" ] || fail "not in the manual: $missing"
echo "the manual, --help and the sources agree"
