"""The model as a BentoML service; MODEL names the file."""

from __future__ import annotations

import os

import bentoml
import joblib
import numpy as np

LABELS = ["malignant", "benign"]


@bentoml.service(workers=1, traffic={"timeout": 10}, logging={"access": {"enabled": False}})
class Inference:
    def __init__(self) -> None:
        self.model = joblib.load(os.environ["MODEL"])

    @bentoml.api(route="/predict")
    def predict(self, instances: list[list[float]]) -> dict[str, list[dict[str, float | str]]]:
        probabilities = self.model.predict_proba(np.array(instances, dtype=np.float32))
        chosen = probabilities.argmax(axis=1)
        return {
            "predictions": [
                {"label": LABELS[n], "probability": float(row[n])} for n, row in zip(chosen, probabilities, strict=True)
            ]
        }
