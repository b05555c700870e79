#!/bin/bash
# Compares the protos with those on main: clients that exist must go on working.
set -euo pipefail
cd "$(dirname "$0")/.."
# In a fresh clone main may exist only as the remote's branch.
main=$(git rev-parse --quiet --verify origin/main || git rev-parse --verify main)
if git diff --quiet "$main" -- protos; then
  # On main itself: what the last change to the protos did.
  main=$(git log --format=%H --max-count=2 -- protos | sed -n 2p)
fi
if [ -z "$main" ] || ! git rev-parse --quiet --verify "$main:protos" >/dev/null; then
  echo "No earlier protos: nothing to break."
  exit 0
fi
exec .venv/bin/buf breaking --against ".git#ref=$main"
