#!/bin/bash
# Compares the protos with those on main: clients that exist must go on working.
set -euo pipefail
cd "$(dirname "$0")/.."
# In a fresh clone main may exist only as the remote's branch; the very first commits have no protos to compare with.
for base in origin/main main; do
  if git rev-parse --quiet --verify "$base:protos" >/dev/null; then
    exec .venv/bin/buf breaking --against ".git#ref=$(git rev-parse "$base")"
  fi
done
echo "No protos on main yet: nothing to break."
