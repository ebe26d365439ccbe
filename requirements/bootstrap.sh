#!/usr/bin/env bash
# Makes a virtual environment with the locked versions. Usage: bootstrap.sh FOLDER
set -euo pipefail
folder=$1
here=$(cd "$(dirname "$0")/.." && pwd)
stamp=$folder/.installed

# One at a time: whoever waited finds the work done.
mkdir -p "$folder"
exec 9>"$folder/.lock"
if command -v flock >/dev/null; then
  flock 9
fi
if [ "$stamp" -nt "$here/requirements/dev.txt" ] && [ "$stamp" -nt "$here/pyproject.toml" ] &&
  [ "$stamp" -nt "$here/requirements/bootstrap.sh" ]; then
  exit 0
fi

python=
for candidate in "${ALGOLINK_PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11; do
  [ -n "$candidate" ] || continue
  if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    python=$candidate
    break
  fi
done
if [ -z "$python" ]; then
  echo "AlgoLink needs Python 3.11 or newer (apt-get install python3), or set ALGOLINK_PYTHON" >&2
  exit 1
fi

if [ ! -x "$folder/bin/python" ]; then
  # Debian ships Python without ensurepip; with its pip the environment can be filled all the same.
  if "$python" -c 'import ensurepip' 2>/dev/null; then
    "$python" -m venv "$folder"
  elif "$python" -m pip --version >/dev/null 2>&1; then
    "$python" -m venv --without-pip "$folder"
  else
    echo "Python's venv module is incomplete here: apt-get install python3-venv, then run make again" >&2
    exit 1
  fi
fi

pip=("$python" -m pip --python "$folder/bin/python")
if "$folder/bin/python" -m pip --version >/dev/null 2>&1; then
  pip=("$folder/bin/python" -m pip)
fi
echo "installing the locked packages into $folder (once; about a minute)"
"${pip[@]}" install --quiet --disable-pip-version-check --require-hashes -r "$here/requirements/dev.txt"
"${pip[@]}" install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e "$here"
touch "$stamp"
