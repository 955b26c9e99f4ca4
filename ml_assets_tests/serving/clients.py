"""Asks a server of umbrellas with the clients of Triton and KServe, in every shape that they send; prints the answers as JSON.

Run by an interpreter that has both (``pip install kserve 'tritonclient[http]'``): KServe's wants another pandas than ours.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import numpy as np

NAME = "umbrellas"
ROWS = 3
COLUMNS = {
    "clouds": ("FP64", np.array([0.5, -0.5, 0.1])),
    "above_usual": ("FP64", np.array([0.25, 0.0, -1.0])),
    "shop": ("BYTES", np.array(["east", "west", "east"], dtype=object)),
}


def by_triton(url: str) -> list[Any]:
    import tritonclient.http as triton

    client = triton.InferenceServerClient(url.removeprefix("http://"))
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready(NAME)
    assert client.get_server_metadata()["extensions"] == ["binary_tensor_data"]
    (version,) = client.get_model_metadata(NAME)["versions"]

    def inputs(*, binary: bool, shape: tuple[int, ...]) -> list[Any]:
        made = []
        for name, (kind, values) in COLUMNS.items():
            one = triton.InferInput(name, list(shape), kind)
            one.set_data_from_numpy(values.reshape(shape), binary_data=binary)
            made.append(one)
        return made

    found = []
    for binary in (True, False):
        for shape in ((ROWS,), (ROWS, 1)):
            for outputs in (None, [triton.InferRequestedOutput("prediction", binary_data=not binary)]):
                for packed in (None, "gzip", "deflate"):
                    reply = client.infer(
                        NAME,
                        inputs(binary=binary, shape=shape),
                        outputs=outputs,
                        model_version=version if packed else "",
                        request_id="7",
                        request_compression_algorithm=packed,
                    )
                    assert reply.get_response()["id"] == "7"
                    found.append(reply.as_numpy("prediction").tolist())
    try:
        client.infer(NAME, inputs(binary=True, shape=(ROWS,))[:2])
    except triton.InferenceServerException as refused:
        found.append(str(refused))
    client.close()
    return found


async def by_kserve(url: str) -> list[Any]:
    from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig

    client, found = InferenceRESTClient(RESTConfig(protocol="v2")), []
    assert await client.is_server_live(url) and await client.is_server_ready(url)
    assert await client.is_model_ready(url, NAME)
    for binary in (False, True):
        inputs = [InferInput(name, [ROWS], kind) for name, (kind, _) in COLUMNS.items()]
        for one, (_, values) in zip(inputs, COLUMNS.values(), strict=True):
            one.set_data_from_numpy(values, binary_data=binary)
        reply = await client.infer(url, InferRequest(NAME, inputs, request_id="k"), model_name=NAME)
        assert reply.id == "k" and len(reply.parameters["model_version"]) == 64
        found.append(reply.outputs[0].as_numpy().tolist())
    return found


if __name__ == "__main__":
    print(json.dumps({"triton": by_triton(sys.argv[1]), "kserve": asyncio.run(by_kserve(sys.argv[1]))}))
