# Sourced by the tools: makes an environment with what kerasser needs, once, and says in plain words what is missing.
# What is installed is what was tested: the releases and hashes in requirements/STACK/, which tools/lock writes.
# Usage: environment EXTRAS [STACK], for instance "environment ''" or "environment '[test,docs]' modern"; VENV is then
# the folder it lies in. Without STACK that is .venv, with the stack of the newest Python found: modern on 3.13, default
# on 3.11 and 3.12. A STACK that .venv does not hold lies beside it, in .venv-STACK.

fail() {
  echo "$(basename "$0"): $*" >&2
  exit 1
}

say() {
  echo "$(basename "$0"): $*" >&2
}

# The Pythons that a stack runs on, newest first; any stack's without one.
pythons_of() {
  case "$1" in
    default) echo 3.12 3.11 ;;
    *) echo 3.13 3.12 3.11 ;;
  esac
}

# Prints major.minor of a Python, nothing if it does not run.
version_of() {
  "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true
}

# Prints the newest Python of a stack on the PATH, or the one in PYTHON; nothing where there is none.
found_python() {
  local version candidate pythons
  pythons="$(pythons_of "$1")"
  if [ -n "${PYTHON:-}" ]; then
    version="$(version_of "$PYTHON")"
    case " $pythons " in
      *" ${version:-none} "*) echo "$PYTHON" ;;
      *) fail "PYTHON: expected Python ${pythons// /, }. Received: $PYTHON, ${version:-which does not run}" ;;
    esac
    return
  fi
  for version in $pythons; do
    for candidate in "python$version" python3; do
      if [ "$(version_of "$candidate")" = "$version" ]; then
        echo "$candidate"
        return
      fi
    done
  done
}

# Prints the user's uv, or one of our own in .venv-uv, of the release and hashes in requirements/uv.lock.
find_uv() {
  local -a pinned=(--quiet --disable-pip-version-check --require-hashes --requirement requirements/uv.lock)
  if command -v uv; then
    return
  fi
  if [ ! -x .venv-uv/bin/uv ]; then
    { python3 -m venv .venv-uv && .venv-uv/bin/python -m pip install "${pinned[@]}"; } >/dev/null 2>&1 ||
      python3 -m pip install --target .venv-uv "${pinned[@]}" >/dev/null 2>&1 || return
  fi
  echo .venv-uv/bin/uv
}

# Prints a Python of a stack that uv knows, or else downloads.
python_by_uv() {
  local uv pythons version
  pythons="$(pythons_of "$1")"
  uv="$(find_uv)" || return
  for version in $pythons; do
    UV_PYTHON_DOWNLOADS=never "$uv" python find --quiet --no-project "$version" 2>/dev/null && return
  done
  version="${pythons%% *}"
  say "uv downloads Python $version, once …"
  "$uv" python install --quiet "$version" >/dev/null 2>&1 && "$uv" python find --quiet --no-project "$version"
}

# Prints the Python that a new environment of a stack is made with.
find_python() {
  local found pythons
  found="$(found_python "$1")" || exit 1
  pythons="$(pythons_of "$1")"
  if [ -z "$found" ]; then
    say "no Python ${pythons// /, } on the PATH: asking uv for one …"
    found="$(python_by_uv "$1")" || true
  fi
  if [ -z "$found" ]; then
    fail "Python ${pythons// /, } is needed, found $(python3 --version 2>/dev/null || echo none), and uv could not get" \
      "one; set PYTHON to one, for instance PYTHON=/usr/bin/python${pythons%% *}"
  fi
  echo "$found"
}

# Prints which stack an environment holds; where there is none, which one it would.
stack_in() {
  local python="$1/bin/python"
  if [ -s "$1/.stack" ]; then
    cat "$1/.stack"
    return
  fi
  if [ ! -x "$python" ]; then
    python="$(found_python '')" || exit 1
  fi
  case "$(version_of "${python:-none}")" in
    3.11 | 3.12) echo default ;;
    *) echo modern ;;
  esac
}

# Reads requirements as a stack wants them on each of its Pythons: the markers of setup.cfg and METADATA part at 3.13.
of_stack() {
  local parting=3.11
  [ "$1" = modern ] || parting=3.14
  sed -E "s/(python_version (<|>=)) \"3\\.13\"/\\1 \"$parting\"/"
}

# What pip builds, it builds with the locked setuptools: nothing is fetched that has no hash.
installed() {
  local stack="$1" metadata
  shift
  "$VENV/bin/python" -m pip install --disable-pip-version-check --quiet --require-hashes "$@" || return
  "$VENV/bin/python" -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable . ||
    return
  # The lock files chose the stack, whatever the Python: so that pip check agrees, what is installed says the same.
  for metadata in "$VENV"/lib/python3.*/site-packages/kerasser-*.dist-info/METADATA; do
    of_stack "$stack" <"$metadata" >"$metadata.new" && mv "$metadata.new" "$metadata" || return
  done
}

environment() {
  local extras="$1" stack="${2:-}" stamp wanted python free log each
  local -a locks
  VENV=.venv
  each="$(stack_in .venv)" || exit 1
  [ -z "$stack" ] || [ "$each" = "$stack" ] || VENV=".venv-$stack"
  stack="${stack:-$each}"
  locks=(--requirement "requirements/$stack/base.lock")
  for each in ${extras//[^a-z]/ }; do locks+=(--requirement "requirements/$stack/$each.lock"); done
  stamp="$VENV/.installed${extras}"
  wanted="$(cat setup.cfg pyproject.toml "requirements/$stack"/*.lock | cksum)"
  if [ -x "$VENV/bin/python" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    return
  fi
  free="$(df -Pk . | awk 'NR == 2 { print int($4 / 1024) }')"
  if [ ! -d "$VENV" ] && [ "$free" -lt 5000 ]; then
    fail "5 GB of disk are needed for TensorFlow and its libraries, $((free / 1024)) GB are free in $PWD"
  fi
  log="$VENV/install.log"
  if [ ! -x "$VENV/bin/python" ]; then
    python="$(find_python "$stack")" || exit 1
    "$python" -m venv "$VENV" ||
      fail "could not make $VENV; on Debian and Ubuntu the package python3-venv may be missing"
  fi
  echo "$stack" >"$VENV/.stack"
  say "installing the $stack stack for Python $(version_of "$VENV/bin/python") into $VENV, once (two to three minutes) …"
  if ! installed "$stack" "${locks[@]}" >"$log" 2>&1; then
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
