#!/usr/bin/env bash
# Every comparison of models with PyTorch, transformers and ONNX Runtime in Python, one after another:
#
#   pip install -r bench/peers/requirements.txt
#   LEVER_PYTHON=python bash bench/peers/models.sh OUT [STEP...]
#
#   pixels  golden pixel tensors are made again; they must be those of fixtures/golden/pixels
#   vlm     answers of every family, export and dtype (the table of docs/vqa-models.md); models are made in OUT and kept
#   speed   answers a second beside generate() of transformers, on two models of the step before
#   large   decoders of more than 2 GB in fp32 and fp16 (needs 5 GB of disk in OUT and 6 GB of memory)
#   loop    the decoding as one graph
#
# What a step prints also goes to OUT/STEP.txt. Small models; about half an hour of processor time, most of it in vlm.
set -euo pipefail
cd "$(dirname "$0")/../.."
export LEVER_PYTHON=${LEVER_PYTHON:-python3}

pixels() {
  "$LEVER_PYTHON" bench/peers/pixels.py --keep-files
  git diff --exit-code --stat -- fixtures/golden/pixels && echo 'the golden pixels are the same'
}
vlm() { npx tsx bench/peers/vlm.ts "$1"; }
speed() {
  npx tsx bench/peers/generate-speed.ts "$1/qwen2_5_vl-matmul" "$1/qwen2_5_vl-torch"
  npx tsx bench/peers/generate-speed.ts "$1/llava-matmul" "$1/llava-torch" --template shapes
}
large() { npx tsx bench/peers/large.ts "$1/large"; }
loop() { npx tsx bench/peers/loop.ts "$1/loop"; }

if [ $# -eq 0 ]; then sed -n '2,14s/^# \{0,1\}//p' "$0" >&2; exit 2; fi
out=$1
shift
mkdir -p "$out"
out=$(cd "$out" && pwd)
if [ $# -eq 0 ]; then set -- pixels vlm speed large loop; fi
for step in "$@"; do
  case $step in pixels | vlm | speed | large | loop) ;; *) echo "no step $step" >&2; exit 2 ;; esac
  echo "== $step"
  "$step" "$out" 2>&1 | tee "$out/$step.txt"
done
