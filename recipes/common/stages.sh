# shellcheck shell=bash disable=SC2154
# The ten stages that every recipe has, and how they are begun, finished and skipped. A run.sh sources it after its
# options; it must have set `here`, `root`, and the options that `common_options` below describes, and may fill
#
#   records_options, align_options, features_options   words for `phonolips prepare --step records|align|features`
#   evaluate_options                                   words for `phonolips evaluate`
#   check_tools_and_data                               a function, run in stage 0
#
# and may define `stage_5` and `stage_6` anew, with their titles `stage_5_title` and `stage_6_title`: how it trains.

common_options="  --exp NAME                    name of this experiment; everything it makes lies in EXP_ROOT/NAME
  --exp-root DIR                default: $root/exp
  --stage N, --stop-stage M     first and last stage to run; default: 0 and 9
  --force true|false            run these stages even where they are done; default: false
  --config FILE                 settings for training, such as $here/conf/x.yaml
  --splits DIR                  the lists that assign clips of GRID to the splits; default: recipes/grid/splits
  --jobs N                      processes at a time; default: the number of cores
  --backend BACKEND             who prepares: local, dask, or dask:ADDRESS of a running scheduler; default: local
  --device cpu|cuda             where to train; default: what phonolips chooses"
common_stages="Stages: 0 check tools and data, 1 find the clips, 2 track the lips, 3 align words and phones, 4 compute
features, 5 train the encoder, 6 train durations, lips and voice activity, 7 synthesise the test clips, 8 score them, 9 plot.
A stage that is done is skipped; so the same command goes on where it was stopped."

log() {
  printf '%s (%s) %s\n' "$(date '+%Y-%m-%d %H:%M:%S')" "${BASH_SOURCE[-1]##*recipes/}" "$1"
}

die() {
  echo "run.sh: $1 (see --help)" >&2
  exit 2
}

check_common_options() {
  [ -n "$exp" ] || die "--exp is missing; expected a name for this experiment"
  [[ "$exp" != */* ]] || die "--exp is '$exp'; expected a name without a slash (the folder is --exp-root)"
  [ "$stage" -le "$stop_stage" ] || die "--stage $stage comes after --stop-stage $stop_stage"
  [ "$stop_stage" -le 9 ] || die "--stop-stage is $stop_stage; the last stage is 9"
  [ "$jobs" -ge 1 ] || die "--jobs is $jobs; expected at least 1"
  [[ "$backend" =~ ^(local|dask(:.+)?)$ ]] || die "--backend is '$backend'; expected local, dask or dask:ADDRESS"
  [[ "$device" =~ ^(|cpu|cuda(:[0-9]+)?)$ ]] || die "--device is '$device'; expected cpu or cuda"
  [ -z "$config" ] || [ -f "$config" ] || die "--config $config: no such file"
  local folder
  for folder in "$splits" "$@"; do
    [ -z "$folder" ] || [ -d "$folder" ] || die "$folder: no such folder"
  done
}

begin() {  # begin N TITLE: succeed where stage N is to be run
  [ "$1" -ge "$stage" ] && [ "$1" -le "$stop_stage" ] || return 1
  if [ -e "$exp/.done/$1" ] && [ "$force" = false ]; then
    log "stage $1: done already ($exp/.done/$1)"
    return 1
  fi
  rm -f "$exp/.done/$1"
  current="$1"
  log "stage $1: $2"
}

finish() {  # mark the current stage as done
  touch "$exp/.done/$current"
  current=""
}

report_failure() {
  local code=$?
  [ "$code" -eq 0 ] || [ -z "$current" ] || log "stage $current failed with exit code $code" >&2
}

stage_5_title="train the encoder"
stage_5() {
  "${phonolips[@]}" train encoder "${training[@]}"
}

stage_6_title="train the durations, the lips and the voice activity"
stage_6() {
  "${phonolips[@]}" train durations "${training[@]}"
  "${phonolips[@]}" train lips "${training[@]}"
  "${phonolips[@]}" train activity "${training[@]}"
}

evaluate_options=()

run_stages() {  # run_stages [SETTING=VALUE ...]
  python="$(command -v python || command -v python3)" || die "no python on PATH; activate the environment"
  "$python" -c "import phonolips" 2> /dev/null || export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}"
  phonolips=(phonolips)
  command -v phonolips > /dev/null || phonolips=("$python" -m phonolips)
  exp="$exp_root/$exp"
  current=""
  mkdir -p "$exp/.done"
  trap report_failure EXIT
  local prepare=("${phonolips[@]}" prepare --step)
  local workers=(--out "$exp/data" --jobs "$jobs" --backend "$backend")
  local training=(--data "$exp/data" --out "$exp/model" ${config:+--config "$config"} ${device:+--device "$device"} "$@")
  local evaluation=(--data "$exp/data" --model "$exp/model/network" --out "$exp/results" "${evaluate_options[@]}")

  if begin 0 "check tools and data"; then
    "${phonolips[@]}" info
    check_tools_and_data
    finish
  fi
  if begin 1 "find the clips and what was said in them"; then
    "${prepare[@]}" records --out "$exp/data" --data "$data" --splits "$splits" ${librispeech:+--librispeech "$librispeech"} \
      "${records_options[@]}"
    finish
  fi
  if begin 2 "track the lips in every video"; then
    "${prepare[@]}" lips "${workers[@]}"
    finish
  fi
  if begin 3 "find the times of words and phones"; then
    "${prepare[@]}" align "${workers[@]}" ${alignments:+--alignments "$alignments"} \
      ${librispeech_alignments:+--librispeech-alignments "$librispeech_alignments"} "${align_options[@]}"
    finish
  fi
  if begin 4 "compute the features, and check the data"; then
    "${prepare[@]}" features "${workers[@]}" "${features_options[@]}"
    "${phonolips[@]}" check-data "$exp/data"
    finish
  fi
  if begin 5 "$stage_5_title"; then
    stage_5
    finish
  fi
  if begin 6 "$stage_6_title"; then
    stage_6
    finish
  fi
  local number=7 step
  for step in synthesise score plots; do
    if [ "$number" -le "$stop_stage" ] && [ -e "$exp/data/records.jsonl" ] \
      && ! grep -q '"split": "test' "$exp/data/records.jsonl"; then
      log "nobody is held out, so there is nothing to evaluate"
      break
    fi
    if begin "$number" "evaluate on the test clips: $step"; then
      "${phonolips[@]}" evaluate "${evaluation[@]}" --step "$step"
      finish
    fi
    number=$((number + 1))
  done
  log "ready: $exp"
}
