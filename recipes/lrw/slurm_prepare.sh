#!/usr/bin/env bash
# Prepare a corpus on many machines of a SLURM cluster: a Dask scheduler on the first of them, a worker for every task.
#
#     sbatch --ntasks 64 --time 12:00:00 recipes/lrw/slurm_prepare.sh --step lips --out /shared/exp/lrw/data
#
# Everything after the script's name goes to `phonolips prepare`. The corpus, --out and the Python environment must lie
# on a file system that all machines share, under the same paths. A job that ran out of time or was killed: submit the
# same again, and it goes on. Set ENVIRONMENT to the virtual environment (default: the one that is active).
#
# Without this script: `phonolips prepare --backend dask:slurm --jobs 64` on a login node lets dask-jobqueue submit the
# workers one by one, as ~/.config/dask/jobqueue.yaml describes them.
#
# Written for SLURM's documented behaviour; has not run on a SLURM cluster yet.
#SBATCH --job-name=phonolips-prepare
#SBATCH --ntasks=32
#SBATCH --cpus-per-task=1
#SBATCH --mem-per-cpu=3G
#SBATCH --time=12:00:00
#SBATCH --output=%x-%j.log
set -euo pipefail

die() {
  echo "slurm_prepare.sh: $1" >&2
  exit 2
}

[ "$#" -gt 0 ] || die "no options for phonolips prepare; expected such as --step lips --out /shared/exp/lrw/data"
[ -n "${SLURM_JOB_ID:-}" ] || die "not in a SLURM job; start it with sbatch"
if [ -n "${ENVIRONMENT:-}" ]; then
  # shellcheck source=/dev/null
  . "$ENVIRONMENT/bin/activate"
fi
command -v phonolips > /dev/null || die "no phonolips on PATH; set ENVIRONMENT to its virtual environment"
python -c "import distributed" || die "Dask is missing; pip install 'phonolips[cluster]'"

export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1  # one core for each worker
scheduler_file="$SLURM_SUBMIT_DIR/.dask-$SLURM_JOB_ID.json"
scratch="${SLURM_TMPDIR:-${TMPDIR:-/tmp}}"
workers=""

python -m dask scheduler --scheduler-file "$scheduler_file" --port 0 --no-dashboard &
scheduler=$!
stop() {
  [ -z "$workers" ] || kill "$workers" 2> /dev/null || true
  kill "$scheduler" 2> /dev/null || true
  rm -f "$scheduler_file"
}
trap stop EXIT

for _ in $(seq 120); do
  [ ! -s "$scheduler_file" ] || break
  kill -0 "$scheduler" 2> /dev/null || die "the scheduler ended; see above"
  sleep 1
done
[ -s "$scheduler_file" ] || die "the scheduler has not written $scheduler_file in 120 s"

# --kill-on-bad-exit=0: where one worker dies the others go on; the nanny of each starts it again. --no-kill: the job
# survives the loss of a machine.
srun --no-kill --kill-on-bad-exit=0 --ntasks "$SLURM_NTASKS" --cpus-per-task 1 \
  python -m dask worker --scheduler-file "$scheduler_file" --nthreads 1 --nworkers 1 --no-dashboard \
  --memory-limit 0 --local-directory "$scratch" &
workers=$!

phonolips prepare --backend "dask:$scheduler_file" "$@"
