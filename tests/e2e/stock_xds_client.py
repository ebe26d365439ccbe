"""A client that has nothing of ours: stock tritonclient on gRPC's own xDS.

Usage: python -m tests.e2e.stock_xds_client MODEL, with `GRPC_XDS_BOOTSTRAP` set; says
which version answered.
"""

from __future__ import annotations

import sys

import numpy as np
from tritonclient.grpc import InferenceServerClient, InferInput

if __name__ == "__main__":
    [_, model] = sys.argv
    client = InferenceServerClient(f"xds:///{model}")
    [taken] = client.get_model_metadata(model).inputs
    image = InferInput(taken.name, [1, 64], taken.datatype)
    image.set_data_from_numpy(np.zeros([1, 64], dtype=np.float32))
    answer = client.infer(model, [image], headers={"x-algolink-unit": "user-1"})
    sys.stdout.write(answer.get_response().model_version)
