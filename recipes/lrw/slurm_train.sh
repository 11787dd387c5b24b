#!/usr/bin/env bash
# Train on a SLURM cluster, on any number of machines with any number of GPUs each.
#
#   sbatch --nodes 2 --gpus-per-node 4 recipes/lrw/slurm_train.sh
#   DATA=exp/lrw/data OUT=exp/lrw/model PART=lips sbatch recipes/lrw/slurm_train.sh
#
# A checkpoint is kept after every epoch. A job that ran out of time or lost a machine goes on from there when it is
# submitted again, with the same command; on any number of GPUs, since BATCH is that of all of them together. A job that
# SLURM itself takes off a machine is queued again (--requeue). To have several jobs one after the other:
#
#   for _ in 1 2 3; do sbatch --dependency singleton recipes/lrw/slurm_train.sh; done
#
# DATA and OUT lie on a file system that all machines see. Read `tools/bench/training.py --help` before you ask for more
# GPUs than one.
#
#SBATCH --job-name=phonolips-train
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --mem=32G
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x.log

set -euo pipefail

# What to train, from what, and where to.
PART="${PART:-all}"                            # encoder, durations, lips, or all of them
DATA="${DATA:-exp/lrw/data}"                   # the prepared corpus
OUT="${OUT:-exp/lrw/model}"                    # gets network/, checkpoints and histories
CONFIG="${CONFIG:-recipes/lrw/conf/default.yaml}"
SETTINGS="${SETTINGS:-}"                       # more of them: "encoder.precision=bf16 encoder.batch=256 encoder.workers=4"

# How.
PYTHON="${PYTHON:-python}"                     # of an environment with '.[train]'
GPUS="${GPUS:-${SLURM_GPUS_ON_NODE:-0}}"       # processes on each machine, one GPU each; 0 = one process without a GPU
PORT="${PORT:-$((20000 + ${SLURM_JOB_ID:-0} % 20000))}"  # of the first machine, where the processes find each other
RESTARTS="${RESTARTS:-1}"                      # how often torchrun itself starts all again after one process died

: "${SLURM_JOB_ID:?is not set; submit this script with sbatch}"
[ -d "$DATA/features" ] || { echo "$DATA/features: no prepared corpus here; set DATA" >&2; exit 1; }
if [ "$GPUS" -gt 0 ]; then device=cuda processes="$GPUS"; else device=cpu processes=1; fi
first="$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)"
read -r -a settings <<< "$SETTINGS"

export OMP_NUM_THREADS="${OMP_NUM_THREADS:-$(( (${SLURM_CPUS_PER_TASK:-1} + processes - 1) / processes ))}"

echo "$(date): $PART on $SLURM_JOB_NUM_NODES machines with $processes processes each, first $first:$PORT"
srun --kill-on-bad-exit=1 "$PYTHON" -m torch.distributed.run \
  --nnodes "$SLURM_JOB_NUM_NODES" --nproc-per-node "$processes" --max-restarts "$RESTARTS" \
  --rdzv-backend c10d --rdzv-id "$SLURM_JOB_ID" --rdzv-endpoint "$first:$PORT" \
  -m phonolips train "$PART" --data "$DATA" --out "$OUT" --config "$CONFIG" --device "$device" \
  ${settings[@]+"${settings[@]}"}
echo "$(date): done; the model is in $OUT/network"
