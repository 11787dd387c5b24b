#!/usr/bin/env bash
# Give a model new lips: its own, trained further on a prepared corpus with what teachers make of speech without lips.
# Encoder, durations and voice activity stay as they are. docs/training.md says how the shipped lips were made with it.
set -euo pipefail

usage="Usage: tools/release/renew_lips.sh MODEL DATA OUT [TEACHER ...] [-- SETTING=VALUE ...]

  MODEL    a model folder, such as phonolips/weights/default
  DATA     a prepared corpus: GRID and LibriSpeech, the GRID recipe's after stage 4
  OUT      gets the training and, in OUT/final, the model in half precision
  TEACHER  model folders; default: MODEL"

[ $# -ge 3 ] || { echo "$usage" >&2; exit 2; }
model="$1" data="$2" out="$3"
shift 3
teachers=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  teachers+=("$1")
  shift
done
[ $# -eq 0 ] || shift
[ ${#teachers[@]} -gt 0 ] || teachers=("$model")

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
if [ ! -d "$out/network" ]; then
  mkdir -p "$out"
  cp -r "$model" "$out/network"
fi
python -m phonolips train lips --data "$data" --out "$out" --config "$root/recipes/grid/conf/default.yaml" \
  "lips.start=$model" "lips.teachers=[$(IFS=,; echo "${teachers[*]}")]" lips.epochs=20 lips.learning_rate=0.0015 "$@"
python "$root/tools/release/ship_weights.py" "$out/network" "$out/final"
