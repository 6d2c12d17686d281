"""The model as a LitServe service."""

# No postponed annotations here: LitServe looks at the type of decode_request's argument.

import sys
from typing import Any

import joblib
import litserve
import numpy as np

LABELS = ["malignant", "benign"]


class Inference(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self.model = joblib.load(sys.argv[2])

    def decode_request(self, request):  # type: ignore[no-untyped-def]
        return np.array(request["instances"], dtype=np.float32)

    def predict(self, rows: Any) -> Any:
        return self.model.predict_proba(rows)

    def encode_response(self, probabilities: Any) -> dict[str, Any]:
        chosen = probabilities.argmax(axis=1)
        pairs = zip(chosen, probabilities, strict=True)
        return {"predictions": [{"label": LABELS[n], "probability": float(row[n])} for n, row in pairs]}


if __name__ == "__main__":
    server = litserve.LitServer(Inference(), accelerator="cpu", workers_per_device=1)
    server.run(
        host="127.0.0.1", port=int(sys.argv[1]), num_api_servers=1, generate_client_file=False, log_level="error",
        access_log=False,
    )  # fmt: skip
