#!/usr/bin/env bash
# Writes both lock files, the GPU one with the same versions as the plain one. Needs uv.
# Versions that are locked already stay, unless it is called with --upgrade.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

lock() {
  uv pip compile --quiet --generate-hashes --python-version 3.11 --only-binary :all: \
    --custom-compile-command bazel/lock_requirements.sh "$@"
}

lock requirements.in --output-file requirements_lock.txt "$@"
lock requirements_gpu.in --constraint requirements_lock.txt \
  --output-file requirements_gpu_lock.txt "$@"
