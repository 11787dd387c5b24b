#!/usr/bin/env bash
# From a folder of talking-face videos, without transcripts, to a model that knows their lips. See --help, and README.md.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"

data="" exp="" exp_root="$root/exp" splits="$root/recipes/grid/splits" config="$here/conf/default.yaml" device=""
backend="local" grid="" alignments="" librispeech="" librispeech_alignments=""
start="default" test_people="" folds=0 gru=false
stage=0 stop_stage=9 force=false
jobs="$(getconf _NPROCESSORS_ONLN)"

# shellcheck source=recipes/common/stages.sh
. "$root/recipes/common/stages.sh"

common_stages="Stages: 0 check tools and data, 1 find speech in every video, and cut long ones at pauses, 2 track the lips,
3 read the phones, 4 find every video's lag between sound and picture, and compute features, 5 leave people out in turn
(--folds), 6 train the lips, 7 synthesise the clips of the people held out, 8 score them, 9 plot.
A stage that is done is skipped; so the same command goes on where it was stopped."

usage="Usage: recipes/videos/run.sh --data FOLDER --exp NAME [options] [-- SETTING=VALUE ...]

  --data FOLDER                 talking-face videos with their sound: FOLDER/PERSON/.../anything.mp4; a video directly in
                                FOLDER is a person of its own. One face, one voice; no transcripts, any length and rate
$common_options
  --test-people N|FILE          how many people are held out of the training, or a file that names them, one a line;
                                default: a tenth, and nobody where there are folds
  --folds N                     also train N times, each time with other people held out, until everybody was: figures
                                on everybody for N times the training time; default: $folds
  --gru true|false              score a plain GRU, trained on the same people, beside the model; default: $gru
  --start DIR                   the model that is trained further: its encoder and durations stay, its lips learn;
                                default: the one in the package
  --grid DIR                    the GRID corpus, to be learnt beside the videos, so that its speakers are not forgotten
  --alignments DIR              TextGrids of GRID (SPEAKER/NAME.TextGrid); without them, its clips are aligned here
  -- SETTING=VALUE ...          single settings for training, over those of --config

What cannot be used (no face, two faces, a cut, no sound, no speech, a still mouth, ...) is left out, with the reason, in
EXP_ROOT/NAME/data/dropped*.tsv. The model is EXP_ROOT/NAME/model/network:

  phonolips synth --audio speech.wav --model EXP_ROOT/NAME/model/network --out out

Whose videos: your own, of people who agree; or a corpus that you may use, such as VoxCeleb or LRS (see README.md).

$common_stages"

# shellcheck source=recipes/common/parse_options.sh
. "$root/recipes/common/parse_options.sh"

[ -n "$data" ] || die "--data is missing; expected a folder of videos"
[ "$start" = default ] || [ -d "$start" ] || die "--start $start: no such folder"
[ "$folds" -ne 1 ] || die "--folds is 1; expected 0 (none), or 2 and more"
[[ "$test_people" =~ ^[0-9]*$ ]] || [ -f "$test_people" ] || die "--test-people $test_people; expected a number or a file"
check_common_options "$grid" "$alignments"
[ -n "$test_people" ] || [ "$folds" -eq 0 ] || test_people=0

model=() encoder=()
[ "$start" = default ] || model=(--encoder "$start") encoder=(--encoder "$start")
records_options=(--corpus videos --jobs "$jobs" --backend "$backend" ${test_people:+--test-people "$test_people"}
  ${grid:+--grid "$grid"} "${model[@]}")
align_options=("${encoder[@]}")
features_options=(--sync "${encoder[@]}")
evaluate_options=(--beside "$start")
[ "$gru" = false ] || evaluate_options+=(--gru)

check_tools_and_data() {
  "$python" "$here/local/check_data.py" --data "$data"
}

stage_5_title="leave people out in turn"
stage_5() {
  local fold name
  for ((fold = 1; fold <= folds; fold++)); do
    name="$exp/folds/$(printf '%02d' "$fold")"
    [ ! -e "$name/.done" ] || continue
    log "fold $fold of $folds"
    "${prepare[@]}" fold --data "$exp/data" --out "$name/data" --fold "$fold/$folds"
    "${phonolips[@]}" train lips --data "$name/data" --out "$name/model" "${training[@]:4}"
    "${phonolips[@]}" evaluate --data "$name/data" --model "$name/model/network" --out "$name/results" \
      "${evaluate_options[@]}" --step synthesise
    "${phonolips[@]}" evaluate --data "$name/data" --model "$name/model/network" --out "$name/results" \
      "${evaluate_options[@]}" --step score > /dev/null
    touch "$name/.done"
  done
  [ "$folds" -eq 0 ] || "${phonolips[@]}" evaluate --step join --data "$exp/folds" --out "$exp/folds"
}

stage_6_title="train the lips"
stage_6() {
  "${phonolips[@]}" train lips "${training[@]}"
}

run_stages "lips.start=$start" "$@"
