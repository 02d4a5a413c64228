# Helpers of the scripts beside this file; sourced, never run. Sets: repository, logs, python.
set -euo pipefail
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
logs=$repository/build/logs
python=/usr/bin/python3   # another python3 may come first on PATH; Debian's has the headers and the packages
cd "$repository"

say() { printf '%s\n' "$*"; }
fail() { printf '%s\n' "$*" >&2; exit 1; }

# step "what" log command...: runs the command quietly into build/logs/<log>.log; one line when it is well, the end of the
# log and its name when it is not.
step() {
  local what=$1 log=$logs/$2.log begin=$SECONDS status=0
  shift 2
  mkdir -p "$logs"
  [ -t 1 ] && printf '%-34s …' "$what"
  { printf '+ %s\n' "$*"; "$@"; } >"$log" 2>&1 </dev/null || status=$?
  [ -t 1 ] && printf '\r'
  if [ $status -eq 0 ]; then
    printf '%-34s ok  %4d s\n' "$what" $((SECONDS - begin))
    return 0
  fi
  printf '%-34s FAILED after %d s (exit status %d)\n' "$what" $((SECONDS - begin)) $status
  grep -nE '(^|[^_[:alnum:]])(error|Error|FAILED)[: ]' "$log" | head -n 20 || true
  say "--- end of the log:"
  tail -n 30 "$log"
  say "--- the whole log: $log"
  return $status
}

# One compiler for each core, but none that the memory cannot hold (a file of coroutines takes some 700 MB).
jobs_here() {
  local cores memory
  cores=$(nproc)
  memory=$(awk '/MemAvailable/ {print int($2 / 716800)}' /proc/meminfo)
  [ "${memory:-1}" -lt 1 ] && memory=1
  [ "$cores" -lt "$memory" ] && echo "$cores" || echo "$memory"
}

# configure preset [-D...]: again only when something of it changed.
configure() {
  local preset=$1
  shift
  cmake --preset "$preset" -DPARVIS_PYTHON="$python" "$@"
}

build() {
  local preset=$1
  shift
  cmake --build "build/$preset" -j "$(jobs_here)" "$@"
}
