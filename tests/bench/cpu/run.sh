#!/bin/sh
# run.sh BUILD [start] [option of bench.py, or start.py ...]: makes what is missing of the peers' Python, and of the models, and measures. README.md tells more.
#
# NFC_BENCH_CACHE is the folder of all that: BUILD/bench by default. NFC_BENCH_PYTHON a Python that has the packages already.
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?the build folder}" && pwd) || exit 2
shift
program=bench.py
[ "$1" != start ] || { program=start.py; shift; }
cache=${NFC_BENCH_CACHE:-$build/bench}
mkdir -p "$cache" && cache=$(cd "$cache" && pwd) || exit 2
room=$(df -Pk "$cache" | awk 'NR == 2 { print int($4 / 1000000) }')
if [ -z "$NFC_BENCH_PYTHON" ] && [ ! -e "$cache/venv/installed" ] && [ "$room" -lt 40 ]; then
    echo "bench-cpu: packages and models take about 25 GB, and $cache has room for $room only; NFC_BENCH_CACHE names another folder" >&2
    exit 1
fi
python=${NFC_BENCH_PYTHON:-$cache/venv/bin/python}
if [ -z "$NFC_BENCH_PYTHON" ] && [ ! -e "$cache/venv/installed" ]; then
    echo "bench-cpu: installing the peers from PyPI into $cache/venv: some gigabytes"
    ${PYTHON:-/usr/bin/python3} -m venv "$cache/venv" || exit 2
    # What models are made with must be there; a peer that is not to be had is named in the table.
    "$python" -m pip install -q --no-cache-dir -r "$here/requirements.txt" || exit 2
    while read -r package; do
        "$python" -m pip install -q --no-cache-dir "$package" || echo "bench-cpu: $package does not install here"
    done < "$here/requirements-peers.txt"
    : > "$cache/venv/installed"
fi
# What converts to LiteRT wants a PyTorch of its own.
litert=$cache/venv-litert
if [ -z "$NFC_BENCH_PYTHON" ] && [ ! -e "$litert" ]; then
    ${PYTHON:-/usr/bin/python3} -m venv "$litert" || exit 2
    "$litert/bin/python" -m pip install -q --no-cache-dir -r "$here/requirements-litert.txt" || { echo "bench-cpu: litert-torch does not install here; remove $litert to try again"; rm -f "$litert/bin/python"; }
fi
models=
for word in "$@"; do
    [ "$models" = next ] && models=$word
    [ "$word" = --models ] && models=next
done
[ $program != start.py ] || [ -n "$models" ] || models=resnet50
# When all models are there, made by the very same scripts, nothing is to be made.
scripts=$(cat "$here/models.py" "$here/nets.py" "$here/work.py" | cksum)
if [ "$(cat "$cache/made" 2>/dev/null)" != "$scripts" ]; then
    # shellcheck disable=SC2086 # the names are words
    "$python" -B "$here/models.py" "$cache" $(echo "$models" | tr , ' ') || exit 1
    [ -n "$models" ] || echo "$scripts" > "$cache/made"
fi
exec "$python" -B "$here/$program" --cache "$cache" --nfc "$build/nfc" "$@"
