#!/usr/bin/env bash
# Measures Lever on a GPU machine that has no network: the questions of docs/gpu.md, in steps of at most ten minutes.
#
#   bench/gpu.sh list MODEL           what must be carried there, with sizes
#   bench/gpu.sh pack MODEL PARTS     packs it into PARTS/part-000, part-001, ... of at most 64 MiB each, with SHA-256 sums
#   bench/gpu.sh unpack PARTS TO      checks the sums and unpacks there; then run the steps in TO/lever
#   bench/gpu.sh STEP MODEL RESULTS   one step, into RESULTS/STEP.*: doctor equality speed memory ties loop pytorch
#   bench/gpu.sh all MODEL RESULTS    all steps; one that fails does not keep the others from running
#
# MODEL is a folder in the Hub's ONNX layout. Settings: DEVICE (cuda), DTYPES ("fp32"; "fp16 q4" too), QUERIES (20),
# TIE_QUERIES (100, in the step ties), MAX_PIXELS (50176, none for a model that takes no limit), STEP_SECONDS (600).
#
# The step pytorch compares with generate() of transformers; it needs TORCH, the folder of the model's PyTorch weights,
# which is packed too, and LEVER_PYTHON, a Python with torch and transformers. The step loop needs a graph that
# `python bench/peers/loop.py MODEL SUFFIX` writes into MODEL/onnx (SUFFIX as in the names of the dtype's files, "" or
# _fp16; a Python with onnx): make it before packing.
set -euo pipefail
cd "$(dirname "$0")/.."

DEVICE=${DEVICE:-cuda}
DTYPES=${DTYPES:-fp32}
QUERIES=${QUERIES:-20}
TIE_QUERIES=${TIE_QUERIES:-100}
MAX_PIXELS=${MAX_PIXELS:-50176}
STEP_SECONDS=${STEP_SECONDS:-600}
PART_BYTES=$((64 * 1024 * 1024))
CUDA=${LEVER_CACHE:-$HOME/.cache/lever}/cuda

usage() { sed -n '2,18s/^# \{0,1\}//p' "$0" >&2; exit 2; }
lever() { timeout "$STEP_SECONDS" node apps/cli/bin/lever.js "$@"; }

# What travels: this checkout as built, Node, the CUDA libraries where they are installed, and the model.
carried() {
  echo "$PWD"; readlink -f "$(command -v node)"; readlink -f "$1"
  if [ -d "$CUDA" ]; then readlink -f "$CUDA"; fi
  if [ -n "${TORCH:-}" ]; then readlink -f "$TORCH"; fi
}

list() { carried "$1" | while read -r path; do du -shL --exclude=.git "$path"; done; }

pack() {
  mkdir -p "$2"
  local node model
  node=$(readlink -f "$(command -v node)"); model=$(readlink -f "$1")
  local sets=(-C "$PWD/.." --exclude=.git --transform="s,^$(basename "$PWD"),lever," "$(basename "$PWD")")
  sets+=(-C "$(dirname "$node")" "$(basename "$node")" -C "$(dirname "$model")" "$(basename "$model")")
  if [ -d "$CUDA" ]; then sets+=(-C "$(dirname "$CUDA")" cuda); fi
  if [ -n "${TORCH:-}" ]; then sets+=(-C "$(dirname "$(readlink -f "$TORCH")")" "$(basename "$(readlink -f "$TORCH")")"); fi
  tar -cf - "${sets[@]}" | gzip -1 | split -b "$PART_BYTES" -d -a 3 - "$2/part-"
  (cd "$2" && sha256sum part-* > SHA256SUMS && ls -l part-*)
}

unpack() {
  (cd "$1" && sha256sum --quiet -c SHA256SUMS)
  mkdir -p "$2"
  cat "$1"/part-* | tar -xzf - -C "$2"
  if [ -d "$2/cuda" ]; then # the links to the provider named the folder of the other machine
    local at="$2/lever/node_modules/onnxruntime-node/bin/napi-v6/linux/x64" name
    for name in cuda shared; do
      ln -sf "$(readlink -f "$2"/cuda/*/libonnxruntime_providers_$name.so)" "$at/libonnxruntime_providers_$name.so"
    done
  fi
  echo "unpacked in $2; put $2 first on PATH (its node), then: cd $2/lever && bench/gpu.sh doctor ..."
}

doctor() {
  { nvidia-smi || echo 'no nvidia-smi'; } > "$2/doctor.txt" 2>&1
  lever doctor --devices cpu "$DEVICE" --model "$1" --json > "$2/doctor.json" || true
  cat "$2/doctor.json"
}

# generate MODEL RESULTS DTYPE DEVICE: a run in RESULTS/run-DTYPE-DEVICE; again, it continues
generate() {
  local limit=()
  if [ "$MAX_PIXELS" != none ]; then limit=(--max-pixels "$MAX_PIXELS"); fi
  lever generate --dataset fixtures/shapes-vqa/world/train --queries "$QUERIES" --seed 1 --model "$1" --dtype "$3" \
    "${limit[@]}" --workers 1 --device "$4" --out "$2/run-$3-$4"
}

# Answers of both devices, line by line; how many lines differ.
equality() {
  local dtype device different
  for dtype in $DTYPES; do
    for device in cpu "$DEVICE"; do
      generate "$1" "$2" "$dtype" "$device"
      grep -o '"vqa_raw_generation":"[^"]*"' "$2/run-$dtype-$device/rl-data.jsonl" > "$2/answers-$dtype-$device.txt"
    done
    different=$(diff "$2/answers-$dtype-cpu.txt" "$2/answers-$dtype-$DEVICE.txt" | grep -c '^<' || true)
    echo "$dtype: $different of $(wc -l < "$2/answers-$dtype-cpu.txt") answers on $DEVICE differ from the CPU's" | tee -a "$2/equality.txt"
  done
}

# Rewards a second by the clock, with the opening of the model.
speed() {
  local dtype start rewards
  for dtype in $DTYPES; do
    rm -rf "$2/run-$dtype-$DEVICE"
    start=$(date +%s.%N)
    generate "$1" "$2" "$dtype" "$DEVICE"
    rewards=$(grep -o '"vqa_raw_generation"' "$2/run-$dtype-$DEVICE/rl-data.jsonl" | wc -l)
    awk -v n="$rewards" -v a="$start" -v b="$(date +%s.%N)" -v what="$dtype $DEVICE" \
      'BEGIN { printf "%s: %d rewards in %.1f s, %.2f a second\n", what, n, b - a, n / (b - a) }' | tee -a "$2/speed.txt"
  done
}

# Memory and use of the GPU, every second of a run.
memory() {
  local watcher=
  if command -v nvidia-smi > /dev/null; then
    nvidia-smi --query-gpu=memory.used,utilization.gpu --format=csv,noheader -l 1 > "$2/memory.csv" &
    watcher=$!
  else
    echo 'no nvidia-smi: memory of the GPU is not measured' | tee "$2/memory.txt"
  fi
  speed "$1" "$2"
  if [ -n "$watcher" ]; then
    kill "$watcher"
    sort -n "$2/memory.csv" | tail -1 | sed 's/^/most: /' | tee "$2/memory.txt"
  fi
}

# Near ties and equality with plain generate() of transformers.js, on the small models of the benchmark.
ties() {
  timeout "$STEP_SECONDS" npx tsx bench/vqa-model.ts --device "$DEVICE" --queries "$TIE_QUERIES" | tee "$2/ties.txt"
}

# The decoder run once a token, as Lever does it, against the whole decoding as one graph: the same tokens, and the time.
loop() {
  local dtype
  for dtype in $DTYPES; do
    timeout "$STEP_SECONDS" npx tsx bench/peers/loop.ts "$2" "$1" "$dtype" --device "$DEVICE" | tee -a "$2/loop.txt"
  done
}

# Answers a second beside generate() of transformers on the same device, and how many are equal.
pytorch() {
  local dtype limit=()
  if [ -z "${TORCH:-}" ]; then echo 'no TORCH: nothing was compared with PyTorch' | tee "$2/pytorch.txt"; return; fi
  if [ "$MAX_PIXELS" != none ]; then limit=(--max-pixels "$MAX_PIXELS"); fi
  for dtype in $DTYPES; do
    timeout "$STEP_SECONDS" npx tsx bench/peers/generate-speed.ts "$1" "$TORCH" --device "$DEVICE" --dtype "$dtype" \
      "${limit[@]}" | tee -a "$2/pytorch.txt"
  done
}

step=${1:-}
case $step in
  list) [ $# -eq 2 ] || usage ;;
  pack | unpack) [ $# -eq 3 ] || usage ;;
  doctor | equality | speed | memory | ties | loop | pytorch) [ $# -eq 3 ] || usage; mkdir -p "$3" ;;
  all)
    [ $# -eq 3 ] || usage
    failed=()
    for each in doctor equality speed memory ties loop pytorch; do "$0" "$each" "$2" "$3" || failed+=("$each ($?)"); done
    if [ ${#failed[@]} -eq 0 ]; then exit; fi
    echo "did not end well (124: above STEP_SECONDS): ${failed[*]}" >&2
    exit 1 ;;
  *) usage ;;
esac
"$step" "${@:2}"
