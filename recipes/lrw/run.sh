#!/usr/bin/env bash
# From the LRW corpus, or a part of it, to a trained and evaluated model, stage by stage. See --help, and README.md.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"

data="" exp="" exp_root="$root/exp" splits="$root/recipes/grid/splits" config="$here/conf/default.yaml" device=""
backend="local" words="" most_clips=0 encoder="" grid=""
alignments="" librispeech="" librispeech_alignments=""
stage=0 stop_stage=9 force=false
jobs="$(getconf _NPROCESSORS_ONLN)"
renamed="ears=encoder"  # the name of version 0.1

# shellcheck source=recipes/common/stages.sh
. "$root/recipes/common/stages.sh"

usage="Usage: recipes/lrw/run.sh --data DIR --exp NAME [options] [-- SETTING=VALUE ...]

  --data DIR                    the LRW corpus: lipread_mp4/WORD/{train,val,test}/WORD_00001.mp4 with .txt
$common_options
  --words FILE                  only these words, one a line
  --most-clips N                at most so many clips for each word and split; 0 = all; default: $most_clips
  --encoder DIR                 a model whose encoder labels what nobody transcribed; default: the one in the package
  --grid DIR                    the GRID corpus, whose named speakers are learnt beside LRW's unnamed ones
  --alignments DIR              TextGrids of GRID (SPEAKER/NAME.TextGrid); without them, clips are aligned here
  --librispeech DIR             LibriSpeech, for the encoder to learn from too
  --librispeech-alignments DIR  its TextGrids (SUBSET/SPEAKER/UTTERANCE.TextGrid)
  -- SETTING=VALUE ...          single settings for training, over those of --config

LRW is the BBC's: for research, after signing its agreement. Apply for it at
https://www.robots.ox.ac.uk/~vgg/data/lip_reading/lrw1.html

$common_stages"

# shellcheck source=recipes/common/parse_options.sh
. "$root/recipes/common/parse_options.sh"

[ -n "$data" ] || die "--data is missing; expected the folder of the LRW corpus"
check_common_options "$encoder" "$grid" "$alignments" "$librispeech" "$librispeech_alignments"
[ -z "$words" ] || [ -f "$words" ] || die "--words $words: no such file"

records_options=(--corpus lrw ${words:+--words "$words"} --most-clips "$most_clips" ${grid:+--grid "$grid"})
align_options=(${encoder:+--encoder "$encoder"})
features_options=(${encoder:+--encoder "$encoder"})

check_tools_and_data() {
  "$python" "$here/local/check_data.py" --data "$data"
}

run_stages "$@"
