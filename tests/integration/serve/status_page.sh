# The status page in a browser: no error, nothing cut off, on a wide screen and on a telephone, and without scripts.
#
# SCREENSHOTS=DIR keeps the pictures there, to be looked at.
. "$(dirname "$0")/serving.sh"

command -v chromium >/dev/null || skip "no chromium; packaging/install-dependencies test"
image=$scratch/disk.img
make_image one "$image"
start_serve "$image" --status-page 0
page=$(sed -n 's/.*status page: //p' "$scratch/serve.err")
fetch cmdline.txt >/dev/null
head -c 100000 /dev/urandom >"$scratch/kernel"
client_writes "$scratch/kernel" kernel8.img
fetch kernel8.img >/dev/null
shows_the_kernel() { curl --silent "${page}client/127.0.0.1" | grep 'kernel8.img' >/dev/null; }
wait_for 30 shows_the_kernel || die "the page shows nothing"

# browser NAME ARGUMENT...: what it prints goes to $scratch/NAME, what it has to say to NAME.err.
browser() {
    local name=$1
    shift
    timeout 120 chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
        --user-data-dir="$scratch/profile" --enable-logging=stderr --v=0 --disable-background-networking \
        --host-resolver-rules='MAP * ~NOTFOUND, EXCLUDE 127.0.0.1' "$@" >"$scratch/$name" 2>"$scratch/$name.log" ||
        { tail "$scratch/$name.log"; die "chromium failed"; }
    # What a page has to say about itself, such as what its policy forbids.
    ! grep 'CONSOLE' "$scratch/$name.log" || die "the browser's console has errors"
}
# The page itself forbids scripts, so what these show is what is seen by whoever runs none.
curl --silent --head "$page" | grep "^Content-Security-Policy: default-src 'none'; img-src data:; style-src 'unsafe-inline'.\?$" >/dev/null ||
    die "the page does not forbid scripts"
pictures=${SCREENSHOTS:-$scratch}
for what in '' client/127.0.0.1; do
    for size in 1280,900 390,844; do
        name=page-${what%%/*}-${size%,*}
        rm -f "$pictures/$name.png"
        browser "$name" --window-size="$size" --screenshot="$pictures/$name.png" "$page$what"
        # A picture of one colour says nothing: it is a few bytes.
        (($(stat -c %s "$pictures/$name.png") > 8000)) || die "$name shows nothing"
    done
    curl --silent "$page$what" >"$scratch/html"
    ! grep -q '<script' "$scratch/html" || die "there is a script"
done
echo "ok: the page at two sizes, without scripts, without errors"
stop_serve
