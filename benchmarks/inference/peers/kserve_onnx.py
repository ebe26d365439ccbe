"""The benchmark's models behind kserve's server; runs in `.venv-bench`.

python kserve_onnx.py --http_port P --grpc_port Q --models name=path [name=path ...]
"""

from __future__ import annotations

import argparse

import onnxruntime
from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer, model_server


class OnnxModel(Model):
    def __init__(self, name: str, path: str) -> None:
        super().__init__(name)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"]
        )
        self.ready = True

    async def predict(self, payload: InferRequest, headers=None, response_headers=None):  # noqa: ARG002  kserve's signature
        (y,) = self._session.run(["y"], {"x": payload.inputs[0].as_numpy()})
        output = InferOutput("y", list(y.shape), "FP32")
        output.set_data_from_numpy(y)
        return InferResponse(payload.id, self.name, [output])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(parents=[model_server.parser])
    parser.add_argument("--models", nargs="+")
    arguments = parser.parse_args()
    server = ModelServer(http_port=arguments.http_port, grpc_port=arguments.grpc_port, workers=1)
    server.start([OnnxModel(*model.split("=", 1)) for model in arguments.models])
