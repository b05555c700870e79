#!/bin/bash
# with-toolchain.sh WHAT PROGRAM… -- COMMAND…: runs the command where all programs are there.
# Otherwise it says loudly what is left out, and fails if that may not be (CI has every toolchain).
set -euo pipefail
what=$1
shift
missing=()
while [ "$1" != -- ]; do
  command -v "$1" >/dev/null || missing+=("$1")
  shift
done
shift
if [ ${#missing[@]} -eq 0 ]; then
  exec "$@"
fi
echo "SKIPPED: $what, since this machine has no ${missing[*]}." >&2
[ -z "${CI:-}" ] || { echo "CI must not skip it." >&2; exit 1; }
