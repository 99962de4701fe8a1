# Read by the other scripts: `. "$(dirname "$0")/common.sh"`. Leaves them in the source folder.
# shellcheck shell=bash

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '\n==> %s\n' "$*" >&2; }

# The comment at the head of the script is its help.
help() {
  sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"
}

usage_error() {
  printf '%s: %s (see --help)\n' "$(basename "$0")" "$1" >&2
  exit 2
}

# One compile against LibTorch takes up to 1.3 GB.
jobs_that_fit() {
  local cores gigabytes
  cores=$(nproc)
  gigabytes=$(awk '/^MemAvailable/ {printf "%d", $2 / 1500000}' /proc/meminfo)
  echo $((gigabytes < 1 ? 1 : gigabytes < cores ? gigabytes : cores))
}
