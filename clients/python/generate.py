"""Makes gen/ of the contract."""

import pathlib
import sys

from grpc_tools import protoc

HERE = pathlib.Path(__file__).resolve().parent
PROTO = HERE.parents[1] / "proto"
GEN = HERE / "gen"

GEN.mkdir(exist_ok=True)
out = [f"--python_out={GEN}", f"--grpc_python_out={GEN}"]
files = [str(file) for file in sorted(PROTO.rglob("*.proto"))]
# protoc brings the well-known types, as grpcio-tools holds them.
include = pathlib.Path(protoc.__file__).parent / "_proto"
sys.exit(protoc.main(["protoc", f"-I{PROTO}", f"-I{include}", *out, *files]))
