#!/usr/bin/env bash
# Makes an environment with a Triton server. Usage: triton.sh PYTHON FOLDER
# PYTHON has pip, and gives the folder its version. Exits with 3 where there is none.
set -euo pipefail
python=$1
folder=$2
version=$("$python" -c 'import sys; print("{}.{}".format(*sys.version_info))')
if [ "$(uname)" != Linux ] || [[ ! $version =~ ^3\.1[12]$ ]]; then
  echo "no Triton for this machine: nvidia-pytriton needs Linux, and Python 3.11 or 3.12" >&2
  exit 3
fi
here=$(cd "$(dirname "$0")" && pwd)

# One at a time: whoever waited finds the work done.
mkdir -p "$folder"
exec 9>"$folder/.lock"
if command -v flock >/dev/null; then
  flock 9
fi
if [ "$folder/.installed" -nt "$here/triton.txt" ] && [ "$folder/.installed" -nt "$here/triton.sh" ]; then
  exit 0
fi

echo "installing Triton into $folder (once; 300 MB)"
[ -x "$folder/bin/python" ] || "$python" -m venv --without-pip "$folder"
"$python" -m pip --python "$folder/bin/python" install --quiet --disable-pip-version-check \
  --no-deps --require-hashes -r "$here/triton.txt"

# The Python backend looks for the program that runs models beside itself.
server=$("$folder/bin/python" -c 'import sysconfig; print(sysconfig.get_path("platlib"))')/pytriton/tritonserver
cp "$server/python_backend_stubs/$version/triton_python_backend_stub" "$server/backends/python/"
touch "$folder/.installed"
