#!/usr/bin/env bash
# RL data in 16 parts, a GPU each; then one task that joins them:
#   JOB=$(sbatch --parsable docs/examples/slurm-array.sh)
#   sbatch --dependency=afterok:$JOB --wrap "npx lever data merge runs/rl/part-*/rl-data.jsonl --out runs/rl/rl-data.json"
# A part that failed is submitted again alone, and continues: sbatch --array=3 docs/examples/slurm-array.sh
#SBATCH --job-name=lever-generate
#SBATCH --array=0-15
#SBATCH --gres=gpu:1
#SBATCH --cpus-per-task=8
#SBATCH --mem=64G
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --signal=B:TERM@120
#SBATCH --output=runs/rl/slurm-%A-%a.log
set -euo pipefail

# i is the number of the task, n the parts of the whole.
npx lever generate \
  --dataset "${DATASET:?the dataset folder}" \
  --embeddings "${EMBEDDINGS:?made by lever embed}" \
  --model "${MODEL:?the model folder}" --device cuda --workers 1 \
  --shard auto/16 \
  --out "runs/rl/part-$SLURM_ARRAY_TASK_ID" &
lever=$!

# Two minutes before the time is up Slurm tells this script: lever saves and ends with 130.
trap 'kill -TERM $lever' TERM
code=0
wait $lever || code=$?
if [ $code -gt 128 ]; then
  wait $lever || code=$?
fi
if [ $code -eq 130 ]; then
  scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
fi
exit $code
