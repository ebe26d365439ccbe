#!/usr/bin/env bash
# Makes environments with the clients of others. Usage: clients.sh PYTHON FOLDER
# One in FOLDER for each client; PYTHON has pip. Exits with 3 where they do not install.
set -euo pipefail
python=$1
folder=$2
version=$("$python" -c 'import sys; print("{}.{}".format(*sys.version_info))')
if [[ ! $version =~ ^3\.1[12]$ ]]; then
  echo "no clients of kserve and MLServer for this machine: they need Python 3.11 or 3.12" >&2
  exit 3
fi
here=$(cd "$(dirname "$0")" && pwd)

# One at a time: whoever waited finds the work done.
mkdir -p "$folder"
exec 9>"$folder/.lock"
if command -v flock >/dev/null; then
  flock 9
fi
for client in kserve mlserver; do
  own=$folder/$client
  if [ "$own/.installed" -nt "$here/clients/$client.txt" ]; then
    continue
  fi
  echo "installing the client of $client into $own (once; 300 MB)"
  [ -x "$own/bin/python" ] || "$python" -m venv --without-pip "$own"
  "$python" -m pip --python "$own/bin/python" install --quiet --disable-pip-version-check \
    --no-deps --require-hashes -r "$here/clients/$client.txt"
  touch "$own/.installed"
done
