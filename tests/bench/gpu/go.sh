#!/bin/bash
# All of it on the machine with the GPU: models of full size and random weights, measure.py and peer.py, one report.
#
#   tests/bench/gpu/go.sh BUILD [OUT] [SIZES]      BUILD: what build.sh made; SIZES: "256m", or "256m 500m 2.2b"
#
# Some two minutes for the 256M: half a minute for the model and its conversion, the rest for what is measured. Nothing is
# installed: PYTHON needs the packages of smol on PYTHONPATH or its own, and for the peer torch and transformers.
# DEVICE=cpu QUICK=--quick NOPEER=1 tries it without a GPU.
set -uo pipefail
[ $# -ge 1 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2; }
here=$(cd "$(dirname "$0")" && pwd) root=$(cd "$(dirname "$0")/../../.." && pwd)
build=$1 out=${2:-gpu-report} sizes=${3:-256m} device=${DEVICE:-cuda} python=${PYTHON:-python3} budget=${BUDGET:-80}
mkdir -p "$out" && out=$(cd "$out" && pwd) || exit 1
exec > >(tee "$out/report.txt") 2>&1
export HF_HUB_OFFLINE=1 SMOL_CACHE_DIR="$out/cache" SMOL_STATE_DIR="$out/state" SMOL_DATA_DIR="$out/data" SMOL_CONFIG="$out/config.toml"

# --- the libraries of CUDA that torch brings, or the system's
libraries=$($python - <<'PYTHON'
import glob, os, sys
found = []
for name in ("libcudart.so.*", "libcublas.so.*"):
    places = [f"{path}/nvidia/**/{name}" for path in sys.path] + [f"/usr/local/cuda*/**/{name}"]
    hits = [hit for place in places for hit in sorted(glob.glob(place, recursive=True))]
    found += [os.path.dirname(hits[0])] if hits else []
print(":".join(dict.fromkeys(found)))
PYTHON
)
[ -d "$build/site" ] && export PYTHONPATH="$build/site${PYTHONPATH:+:$PYTHONPATH}"
export PYTHONPATH="${PYTHONPATH:+$PYTHONPATH:}$root" LD_LIBRARY_PATH="$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader 2>/dev/null || echo "no nvidia-smi here"
grep -m1 'model name' /proc/cpuinfo | cut -d: -f2; nproc

# --- the built-in model on both: the same text
for on in "$device" cpu; do
  "$python" -m smolcli ask -q --no-store --device "$on" "$root/examples/sign.jpg" "What does it say?" >"$out/ask.$on.txt"
  echo "ask --device $on: exit code $?, $(tr '\n' '|' <"$out/ask.$on.txt")"
done
cmp -s "$out/ask.$device.txt" "$out/ask.cpu.txt" && echo "the same text on $device and cpu" || echo "THE TEXTS DIFFER"

# --- models of full size
for size in $sizes; do
  folder=$out/$size
  if [ ! -d "$folder/gguf" ]; then
    "$python" "$root/tests/bench/make_checkpoint.py" "$folder" --size "$size" &&
      "$python" -m gguf_convert "$folder" -o "$folder/gguf" --name full --lm q8_0 --mmproj f16 --no-verify -q || continue
  fi
  echo "== $size, smol"
  timeout $((budget + 60)) "$python" "$here/measure.py" "$folder/gguf/full-q8_0.gguf" "$folder/gguf/mmproj-full-f16.gguf" \
    --device "$device" --budget "$budget" --json "$out/$size.json" ${QUICK:-}
  if [ -z "${NOPEER:-}" ]; then
    echo "== $size, transformers"
    timeout 90 "$python" "$here/peer.py" "$folder/config.json" --device "$device" ${PEER_OPTIONS:-}
  fi
done
