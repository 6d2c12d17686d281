"""FastAPI and scikit-learn as most tutorials write it: validated, one run of the model a request."""

from __future__ import annotations

import sys

import joblib
import numpy as np
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

model = joblib.load(sys.argv[2])
labels = ["malignant", "benign"]
app = FastAPI()


class Request(BaseModel):
    instances: list[list[float]]


class Prediction(BaseModel):
    label: str
    probability: float


class Answer(BaseModel):
    predictions: list[Prediction]


@app.get("/ready")
def ready() -> dict[str, str]:
    return {"status": "ready"}


@app.post("/predict")
def predict(request: Request) -> Answer:
    probabilities = model.predict_proba(np.array(request.instances, dtype=np.float32))
    chosen = probabilities.argmax(axis=1)
    return Answer(
        predictions=[
            Prediction(label=labels[n], probability=row[n]) for n, row in zip(chosen, probabilities, strict=True)
        ]
    )


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        log_level="error",
        access_log=False,
    )
