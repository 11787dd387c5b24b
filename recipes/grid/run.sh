#!/usr/bin/env bash
# From the GRID corpus to a trained and evaluated model, stage by stage. See --help, and README.md.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"

data="" exp="" exp_root="$root/exp" splits="$here/splits" config="" device=""
alignments="" librispeech="" librispeech_alignments=""
stage=0 stop_stage=9 force=false download=false
jobs="$(getconf _NPROCESSORS_ONLN)"

usage="Usage: recipes/grid/run.sh --data DIR --exp NAME [options] [-- SETTING=VALUE ...]

  --data DIR                    the GRID corpus (or where to put it, with --download true)
  --exp NAME                    name of this experiment; everything it makes lies in EXP_ROOT/NAME
  --exp-root DIR                default: $exp_root
  --stage N, --stop-stage M     first and last stage to run; default: $stage and $stop_stage
  --force true|false            run these stages even where they are done; default: $force
  --config FILE                 settings for training, such as recipes/grid/conf/x.yaml
  --splits DIR                  the lists that say which clip is for what; default: recipes/grid/splits
  --jobs N                      processes at a time; default: $jobs
  --device cpu|cuda             where to train; default: what phonolips chooses
  --download true|false         fetch missing parts of GRID from Zenodo; default: $download
  --alignments DIR              TextGrids of GRID (SPEAKER/NAME.TextGrid); without them, clips are aligned here
  --librispeech DIR             LibriSpeech, for the ears to learn from too
  --librispeech-alignments DIR  its TextGrids (SUBSET/SPEAKER/UTTERANCE.TextGrid)
  -- SETTING=VALUE ...          single settings for training, over those of --config

Stages: 0 check tools and data, 1 find the clips, 2 track the lips, 3 align words and phones, 4 compute
features, 5 train the ears, 6 train durations and lips, 7 synthesise the test clips, 8 score them, 9 plot.
A stage that is done is skipped; so the same command goes on where it was stopped."

# shellcheck source=tools/parse_options.sh
. "$root/tools/parse_options.sh"

log() {
  printf '%s (run.sh:%s) %s\n' "$(date '+%Y-%m-%d %H:%M:%S')" "${BASH_LINENO[${2:-0}]}" "$1"
}

die() {
  echo "run.sh: $1 (see --help)" >&2
  exit 2
}

[ -n "$data" ] || die "--data is missing; expected the folder of the GRID corpus"
[ -n "$exp" ] || die "--exp is missing; expected a name for this experiment"
[[ "$exp" != */* ]] || die "--exp is '$exp'; expected a name without a slash (the folder is --exp-root)"
[ "$stage" -le "$stop_stage" ] || die "--stage $stage comes after --stop-stage $stop_stage"
[ "$stop_stage" -le 9 ] || die "--stop-stage is $stop_stage; the last stage is 9"
[ "$jobs" -ge 1 ] || die "--jobs is $jobs; expected at least 1"
[[ "$device" =~ ^(|cpu|cuda(:[0-9]+)?)$ ]] || die "--device is '$device'; expected cpu or cuda"
[ -z "$config" ] || [ -f "$config" ] || die "--config $config: no such file"
for folder in "$splits" "$alignments" "$librispeech" "$librispeech_alignments"; do
  [ -z "$folder" ] || [ -d "$folder" ] || die "$folder: no such folder"
done

python="$(command -v python || command -v python3)" || die "no python on PATH; activate the environment"
"$python" -c "import phonolips" 2> /dev/null || export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}"
phonolips=(phonolips)
command -v phonolips > /dev/null || phonolips=("$python" -m phonolips)

exp="$exp_root/$exp"
training=(${config:+--config "$config"} ${device:+--device "$device"} "$@")
evaluation=(--data "$exp/data" --model "$exp/model/network" --out "$exp/results")
current=""
mkdir -p "$exp/.done"

begin() {  # begin N TITLE: succeed where stage N is to be run
  [ "$1" -ge "$stage" ] && [ "$1" -le "$stop_stage" ] || return 1
  if [ -e "$exp/.done/$1" ] && [ "$force" = false ]; then
    log "stage $1: done already ($exp/.done/$1)" 1
    return 1
  fi
  rm -f "$exp/.done/$1"
  current="$1"
  log "stage $1: $2" 1
}

finish() {  # mark the current stage as done
  touch "$exp/.done/$current"
  current=""
}

report_failure() {
  local code=$?
  [ "$code" -eq 0 ] || [ -z "$current" ] || log "stage $current failed with exit code $code" >&2
}
trap report_failure EXIT

if begin 0 "check tools and data"; then
  "${phonolips[@]}" info
  fetch=()
  [ "$download" = false ] || fetch=(--download)
  "$python" "$here/fetch.py" --data "$data" "${fetch[@]}"
  finish
fi

if begin 1 "find the clips and what was said in them"; then
  "${phonolips[@]}" prepare --step records --corpus grid --data "$data" --splits "$splits" \
    --out "$exp/data" ${librispeech:+--librispeech "$librispeech"}
  finish
fi

if begin 2 "track the lips in every video"; then
  "${phonolips[@]}" prepare --step lips --out "$exp/data" --jobs "$jobs"
  finish
fi

if begin 3 "find the times of words and phones"; then
  "${phonolips[@]}" prepare --step align --out "$exp/data" --jobs "$jobs" \
    ${alignments:+--alignments "$alignments"} \
    ${librispeech_alignments:+--librispeech-alignments "$librispeech_alignments"}
  finish
fi

if begin 4 "compute the features, and check the data"; then
  "${phonolips[@]}" prepare --step features --out "$exp/data" --jobs "$jobs"
  "${phonolips[@]}" check-data "$exp/data"
  finish
fi

if begin 5 "train the ears"; then
  "${phonolips[@]}" train ears --data "$exp/data" --out "$exp/model" "${training[@]}"
  finish
fi

if begin 6 "train the durations and the lips"; then
  "${phonolips[@]}" train durations --data "$exp/data" --out "$exp/model" "${training[@]}"
  "${phonolips[@]}" train lips --data "$exp/data" --out "$exp/model" "${training[@]}"
  finish
fi

number=7
for step in synthesise score plots; do
  if begin "$number" "evaluate on the test clips: $step"; then
    "${phonolips[@]}" evaluate "${evaluation[@]}" --step "$step"
    finish
  fi
  number=$((number + 1))
done

log "ready: $exp"
