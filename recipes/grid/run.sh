#!/usr/bin/env bash
# From the GRID corpus to a trained and evaluated model, stage by stage. See --help, and README.md.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"

data="" exp="" exp_root="$root/exp" splits="$here/splits" config="" device="" backend="local"
alignments="" librispeech="" librispeech_alignments=""
stage=0 stop_stage=9 force=false download=false
jobs="$(getconf _NPROCESSORS_ONLN)"

# shellcheck source=recipes/common/stages.sh
. "$root/recipes/common/stages.sh"

usage="Usage: recipes/grid/run.sh --data DIR --exp NAME [options] [-- SETTING=VALUE ...]

  --data DIR                    the GRID corpus (or where to put it, with --download true)
$common_options
  --download true|false         fetch missing parts of GRID from Zenodo; default: $download
  --alignments DIR              TextGrids of GRID (SPEAKER/NAME.TextGrid); without them, clips are aligned here
  --librispeech DIR             LibriSpeech, for the encoder to learn from too
  --librispeech-alignments DIR  its TextGrids (SUBSET/SPEAKER/UTTERANCE.TextGrid)
  -- SETTING=VALUE ...          single settings for training, over those of --config

$common_stages"

# shellcheck source=recipes/common/parse_options.sh
. "$root/recipes/common/parse_options.sh"

[ -n "$data" ] || die "--data is missing; expected the folder of the GRID corpus"
check_common_options "$alignments" "$librispeech" "$librispeech_alignments"

records_options=(--corpus grid) align_options=() features_options=(--sync)

check_tools_and_data() {
  local fetch=()
  [ "$download" = false ] || fetch=(--download)
  "$python" "$here/fetch.py" --data "$data" "${fetch[@]}"
}

run_stages "$@"
