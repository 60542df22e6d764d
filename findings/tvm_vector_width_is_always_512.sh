#!/usr/bin/env bash
# apache-tvm 0.27.0.post1: `tvm.target.codegen.llvm_get_vector_width` tells 512 bits for x86 processors whose
# vectors have 256 or 128. `target_has_features` tells right of the same targets.
# What is worked out from the width, peak performance or how far to vectorise, is twice or four times too much.
#
# Seen: znver3 512 (AVX2, no AVX-512), core2 512 (SSE), znver4 512 (right). Fails when that is no longer so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  apache-tvm==0.27.0.post1 apache-tvm-ffi==0.1.14.post0 numpy==2.4.0
cat > "$folder/width.py" <<'PYTHON'
import tvm
from tvm.target.codegen import llvm_get_vector_width, target_has_features

for mcpu, bits in (("core2", 128), ("znver3", 256), ("znver4", 512)):
    target = tvm.target.Target({"kind": "llvm", "mtriple": "x86_64-unknown-linux-gnu", "mcpu": mcpu})
    told = llvm_get_vector_width(target)
    has = {name: bool(target_has_features(name, target)) for name in ("avx512f", "avx2", "sse2")}
    print(f"{mcpu}: {told} bits told, {bits} right; {has}")
    assert has == {"avx512f": bits == 512, "avx2": bits >= 256, "sse2": True}
    assert told == 512, "this has changed"
PYTHON
"$folder/venv/bin/python" "$folder/width.py" 2>/dev/null
