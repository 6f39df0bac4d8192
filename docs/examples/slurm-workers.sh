#!/usr/bin/env bash
# Workers of a queue, as many as Slurm has room for; start and end them whenever you like:
#   sbatch --array=0-31%16 docs/examples/slurm-workers.sh
# On a machine that stays: npx lever generate ... --queue env --out runs/rl (LEVER_QUEUE set there too)
#SBATCH --job-name=lever-worker
#SBATCH --gres=gpu:1
#SBATCH --cpus-per-task=8
#SBATCH --mem=64G
#SBATCH --time=08:00:00
#SBATCH --signal=B:TERM@60
set -euo pipefail
: "${LEVER_QUEUE:?the URL of the queue, redis://host:6379}"
exec npx lever worker \
  --model "${MODEL:?the model folder}" --device cuda \
  --idle-seconds 600
