# Sourced by the tools: makes .venv with what kerasser needs, once, and says in plain words what is missing.
# What is installed is what was tested: the releases and hashes in requirements/, which tools/lock writes.
# Usage: environment EXTRAS, for instance "environment ''" or "environment '[test,docs]'".

fail() {
  echo "$(basename "$0"): $*" >&2
  exit 1
}

find_python() {
  local candidate
  for candidate in ${PYTHON:-} python3.11 python3.12 python3; do
    if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  fail "Python 3.11 or 3.12 is needed, found $(python3 --version 2>/dev/null || echo none);" \
    "set PYTHON to one, for instance PYTHON=/usr/bin/python3.11"
}

# What pip builds, it builds with the locked setuptools: nothing is fetched that has no hash.
installed() {
  .venv/bin/python -m pip install --disable-pip-version-check --quiet --require-hashes "$@" &&
    .venv/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .
}

environment() {
  local extras="$1" stamp wanted python free log each
  local -a locks=(--requirement requirements/default.lock)
  for each in ${extras//[^a-z]/ }; do locks+=(--requirement "requirements/$each.lock"); done
  stamp=".venv/.installed${extras}"
  python="$(find_python)" || exit 1
  wanted="$(cat setup.cfg pyproject.toml requirements/*.lock | cksum)"
  if [ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    return
  fi
  free="$(df -Pk . | awk 'NR == 2 { print int($4 / 1024) }')"
  if [ ! -d .venv ] && [ "$free" -lt 5000 ]; then
    fail "5 GB of disk are needed for TensorFlow and its libraries, $((free / 1024)) GB are free in $PWD"
  fi
  log=".venv/install.log"
  [ -x .venv/bin/python ] || "$python" -m venv .venv ||
    fail "could not make .venv; on Debian and Ubuntu the package python3-venv may be missing"
  echo "$(basename "$0"): installing into .venv, once (two to three minutes) …" >&2
  if ! installed "${locks[@]}" >"$log" 2>&1; then
    tail -n 3 "$log" >&2
    if grep -qi 'do not match the hashes' "$log"; then
      fail "the package index has other files than requirements/ names; $log says which"
    fi
    if grep -qiE 'no space left' "$log"; then
      fail "the disk is full; 5 GB are needed in $PWD"
    elif grep -qiE 'connection|name resolution|timed out|network is unreachable|max retries|from versions: none' "$log"; then
      fail "the Python package index could not be reached; a network is needed for the first run only"
    fi
    fail "the installation failed; $log says why"
  fi
  echo "$wanted" >"$stamp"
}
