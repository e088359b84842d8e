# Every option that fuse-fatimg --help lists is in the man page, and every one in the man page exists. If
# this fails, people read of options that are not there, or never hear of one that is.
source "$(dirname "$0")/functions.sh"
page=$(dirname "$(realpath "$0")")/../../fuse-fatimg/fuse-fatimg.pod
"$FUSE_FATIMG" --help >"$scratch/help"

# Options of the command line: -x and --words at the beginning of a line of the help; in the page, of
# an item.
grep -oE '^  (-[-a-z,]+)' "$scratch/help" | tr -d ' ' | tr , '\n' | sort -u >"$scratch/help.options"
sed -n '/^=head1 OPTIONS/,/^=head2 Mount options/p' "$page" | grep '^=item' |
    grep -oE 'B<-[-a-z]+' | sed 's/B<//' | sort -u >"$scratch/page.options"
# Mount options: one a line, then those without effect.
sed -n '/^Mount options/,/^Taken/p' "$scratch/help" | grep -E '^  [a-z]' |
    sed -E 's/^  ([a-z_0-9]+).*/\1/' >"$scratch/names"
sed -n '/^Taken without effect/{n;p;}' "$scratch/help" | tr -s ' ' '\n' | grep . >>"$scratch/names"
sort -u "$scratch/names" >"$scratch/help.mount"
sed -n '/^=head2 Mount options/,/^=head1/p' "$page" | grep '^=item' |
    grep -oE 'B<[a-z_0-9]+' | sed 's/B<//' | sort -u >"$scratch/page.mount"

for kind in options mount; do
    [ "$(wc -l <"$scratch/help.$kind")" -ge 7 ] || fail "found hardly any: $(cat "$scratch/help.$kind")"
    diff "$scratch/help.$kind" "$scratch/page.$kind" ||
        fail "--help (<) and the man page (>) differ"
done
# And they are what is really taken: each is known to the program, if only to be refused by its value.
while read -r name; do
    "$FUSE_FATIMG" -o "$name" /nonexistent /nonexistent 2>&1 | grep -q "unknown option" &&
        fail "-o $name is unknown"
    true
done <"$scratch/page.mount"
echo "the man page and --help agree"
