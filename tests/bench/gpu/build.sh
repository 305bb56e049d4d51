#!/bin/bash
# A CUDA build of the binding, made on a machine without a GPU: the wheel that is installed, with ggml built again.
#
#   tests/bench/gpu/build.sh OUT [ARCHITECTURES]      90-real for an H100 (the default), "80-real;89-real" for two kinds
#
# OUT/site gets a copy of the installed llama_cpp package whose ggml has CUDA: put it before it on PYTHONPATH. libllama,
# libmtmd, ggml-base and ggml-cpu are the wheel's own: nothing in them depends on CUDA. Only what the family needs of the
# template instances is compiled (head sizes 64 and 72, F16, BF16, Q8_0, Q4_K and Q6_K: some 40 processor minutes for one
# architecture); what is left out ends the process where it is called. ALL=1 compiles everything, which takes hours.
#
# Needed: nvcc of CUDA 12.4 or later on PATH, cuBLAS beside it, cmake, ninja, a C++ compiler. Without a toolkit lay PyPI's
# nvidia-cuda-nvcc, nvidia-nvvm, nvidia-cuda-crt, nvidia-cuda-runtime and nvidia-cuda-cccl (of one version) into one
# folder as bin include lib nvvm, and put its bin on PATH. CUBLAS=FOLDER (include/ and lib/ in it) names a cuBLAS that is
# elsewhere, such as PyPI's nvidia-cublas. SDIST=FILE names llama-cpp-python's source if it is here already; PYTHON, JOBS.
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,16s/^# \{0,1\}//p' "$0"; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd) architectures=${2:-90-real} python=${PYTHON:-python3} jobs=${JOBS:-$(nproc)}
for tool in nvcc cmake ninja c++; do
  command -v $tool >/dev/null || { echo "build.sh: there is no $tool on PATH (see the head of this file)." >&2; exit 1; }
done

# --- the source of the wheel that is installed
version=$($python -c 'from importlib.metadata import version; print(version("llama-cpp-python"))')
package=$($python -c 'import importlib.util; print(importlib.util.find_spec("llama_cpp").submodule_search_locations[0])')
source=$out/llama_cpp_python-$version/vendor/llama.cpp/ggml
if [ ! -d "$source" ]; then
  if [ -z "${SDIST:-}" ]; then
    $python -m pip download -q --no-deps --no-binary llama-cpp-python -d "$out" "llama-cpp-python==$version"
    SDIST=$out/llama_cpp_python-$version.tar.gz
  fi
  tar xf "$SDIST" -C "$out"
fi

touch "$source/ggml.pc.in"  # the sdist leaves it out

# --- what the family needs
if [ -z "${ALL:-}" ]; then
  cd "$source/src/ggml-cuda/template-instances"
  for file in fattn-tile-instance-*.cu mmq-instance-*.cu; do
    case $file in
      *-dkq64-* | *-dkq72-* | *-instance-q8_0.cu | *-instance-q4_k.cu | *-instance-q6_k.cu) ;;
      *) rm -f "$file" ;;
    esac
  done
fi

# --- the driver's library is on the machine with the GPU; here an empty one of its name is linked against
mkdir -p "$out/stubs"
echo | cc -shared -Wl,-soname,libcuda.so.1 -x c - -o "$out/stubs/libcuda.so"
options=(-DCUDA_cuda_driver_LIBRARY="$out/stubs/libcuda.so")
if [ -n "${CUBLAS:-}" ]; then
  for name in cublas cublasLt; do
    library=$(find "$CUBLAS" -name "lib$name.so*" | sort | head -1)
    options+=("-DCUDA_${name}_LIBRARY=$library")
  done
  options+=("-DCMAKE_CUDA_FLAGS=-I$CUBLAS/include" "-DCMAKE_CXX_FLAGS=-I$CUBLAS/include")
fi
configure() {
  cmake -G Ninja -S "$source" -B "$out/build" -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=ON -DGGML_CUDA=ON \
    -DCMAKE_CUDA_ARCHITECTURES="$architectures" -DGGML_CUDA_FA_ALL_QUANTS=OFF -DGGML_CUDA_NCCL=OFF -DGGML_NATIVE=OFF \
    -DGGML_AVX2=ON -DGGML_FMA=ON -DGGML_F16C=ON -DGGML_BMI2=ON -DGGML_BUILD_TESTS=OFF -DGGML_BUILD_EXAMPLES=OFF \
    -DCMAKE_BUILD_WITH_INSTALL_RPATH=ON '-DCMAKE_INSTALL_RPATH=$ORIGIN' "${options[@]}" "$@"
}
configure
[ -n "${CONFIGURE_ONLY:-}" ] && exit 0
cmake --build "$out/build" --target ggml-cuda ggml -j "$jobs"

# --- what was left out must be there by name, as libraries are loaded whole: each name jumps to abort
built=$(find "$out/build" -name libggml-cuda.so | head -1)
known=$(mktemp)
find "$(dirname "$built")" "$package/lib" "$out/build" -name '*.so*' -exec nm -D --defined-only {} + 2>/dev/null | awk '{print $NF}' | sort -u >"$known"
nm -D --undefined-only "$built" | awk '{print $NF}' | grep -E '^_Z[A-Za-z0-9_]*(ggml_cuda_flash_attn|mul_mat_q_case|mul_mat_f)' | sort -u |
  comm -23 - "$known" >"$out/left_out.txt"
{ echo '.section .note.GNU-stack,"",@progbits'; echo '.text'; sed 's/.*/.globl &\n&: jmp abort@PLT/' "$out/left_out.txt"; } >"$out/left_out.s"
cc -shared -fPIC -Wl,-soname,libggml-left-out.so "$out/left_out.s" -o "$out/libggml-left-out.so"
rm -f "$known"

# --- the package with its new libraries
rm -rf "$out/site"
mkdir -p "$out/site"
cp -r "$package" "$out/site/llama_cpp"
lib=$out/site/llama_cpp/lib
for name in libggml.so libggml-cuda.so; do
  for file in $(find "$out/build" -name "$name*"); do cp -P "$file" "$lib/"; done
done
cp "$out/libggml-left-out.so" "$lib/"
if [ -s "$out/left_out.txt" ]; then
  relinked=$(find "$out/build" -name libggml-cuda.so | head -1)
  configure -DCMAKE_SHARED_LINKER_FLAGS="-Wl,--no-as-needed -L$out -lggml-left-out" >/dev/null
  cmake --build "$out/build" --target ggml-cuda -j "$jobs"
  for file in "$(dirname "$relinked")"/libggml-cuda.so*; do cp -P "$file" "$lib/"; done
fi
for file in "$lib"/libggml*.so*; do [ -L "$file" ] || strip --strip-unneeded "$file"; done
du -sh "$out/site"

# --- does it load? Without a card the driver's names are stood in for: each says CUDA_ERROR_NO_DEVICE
names=$(nm -D --undefined-only "$lib/libggml-cuda.so" | awk '{print $NF}' | grep -E '^cu[A-Z]')
mkdir -p "$out/no-device"
for name in $names cuInit; do echo "int $name(void) { return 100; }"; done | sort -u |
  cc -shared -fPIC -Wl,-soname,libcuda.so.1 -x c - -o "$out/no-device/libcuda.so.1"
LD_LIBRARY_PATH="$out/no-device:${CUBLAS:+$CUBLAS/lib:}$(dirname "$(readlink -f "$(command -v nvcc)")")/../lib64" \
  PYTHONPATH="$out/site" $python -c 'from llama_cpp import llama_cpp; llama_cpp.llama_backend_init()'
echo "ready: PYTHONPATH=$out/site:\$PYTHONPATH on a machine with a GPU, libcudart and libcublas on LD_LIBRARY_PATH"
