"""Train the sample model reproducibly and write it the way the service reads it.

    python train.py --out model [--golden golden.json]

`--out` receives `model.onnx` and `manifest.json`. The manifest says what the model is: features, classes, metrics, the
hash of its training data, its SHA-256, the training distribution (for drift) and golden requests with the answers that
are expected of it. `--golden` also writes those requests in the form that the rollout's gate asks for.
The data is scikit-learn's bundled breast-cancer set (569 rows, 30 features), so nothing is downloaded.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import sklearn
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from sklearn.model_selection import train_test_split

NAME = "breast-cancer"
DEFAULT_VERSION = "m1"
SEED = 20240501
TREES = 100
OPSET = 17
# Wide enough for the rounding of another CPU, far narrower than any two classes of the golden rows are apart.
TOLERANCE = 0.02
GOLDEN_ROWS_PER_CLASS = 2
DRIFT_BINS = 10


def train(version: str, out: Path, estimator: Path | None = None, trees: int = TREES) -> dict[str, Any]:
    """Fit, export to `out`, and return the manifest that was written beside the model.

    trees: how many the ensemble has; fewer are less sure of their predictions.
    estimator: where to leave the fitted scikit-learn estimator too, for comparisons with services that run that.
    """
    data = load_breast_cancer()
    # The service computes in float32: training on the same numbers keeps both on the same side of every split.
    rows = data.data.astype(np.float32)
    fit_rows, test_rows, fit_labels, test_labels = train_test_split(
        rows, data.target, test_size=0.25, random_state=SEED, stratify=data.target
    )
    model = GradientBoostingClassifier(n_estimators=trees, max_depth=3, learning_rate=0.1, random_state=SEED)
    model.fit(fit_rows, fit_labels)
    probabilities = model.predict_proba(test_rows)
    if estimator:
        joblib.dump(model, estimator)

    exported = to_onnx(
        model,
        # A fixed graph name: the exporter's default is random and would change the hash of an equal model.
        name=f"{NAME}-{version}",
        initial_types=[("features", FloatTensorType([None, rows.shape[1]]))],
        options={id(model): {"zipmap": False}},
        target_opset={"": OPSET, "ai.onnx.ml": 3},
    )
    # The exporter takes them from a set, whose order changes from run to run.
    imports = sorted(exported.opset_import, key=lambda opset: str(opset.domain))
    del exported.opset_import[:]
    exported.opset_import.extend(imports)
    content: bytes = exported.SerializeToString(deterministic=True)
    classes = [str(name) for name in data.target_names]
    manifest: dict[str, Any] = {
        "name": NAME,
        "version": version,
        "file": "model.onnx",
        "sha256": hashlib.sha256(content).hexdigest(),
        "features": [str(name) for name in data.feature_names],
        "classes": classes,
        "metrics": {
            "accuracy": round(float(accuracy_score(test_labels, probabilities.argmax(axis=1))), 6),
            "roc_auc": round(float(roc_auc_score(test_labels, probabilities[:, 1])), 6),
            "log_loss": round(float(log_loss(test_labels, probabilities)), 6),
            "test_rows": len(test_rows),
        },
        "training": {
            "data_sha256": hashlib.sha256(rows.tobytes() + data.target.astype(np.int64).tobytes()).hexdigest(),
            "rows": len(fit_rows),
            "seed": SEED,
            "estimator": f"GradientBoostingClassifier(n_estimators={trees}, max_depth=3, learning_rate=0.1)",
            "scikit_learn": sklearn.__version__,
        },
        "distribution": distribution(fit_rows),
        "golden": golden_requests(test_rows, probabilities, classes),
    }
    out.mkdir(parents=True, exist_ok=True)
    (out / "model.onnx").write_bytes(content)
    (out / "manifest.json").write_text(dump(manifest))
    return manifest


def distribution(rows: np.ndarray) -> list[dict[str, list[float]]]:
    """Per feature the inner edges of its deciles, and the share of the training rows in each bin."""
    result = []
    for column in rows.T:
        edges = np.unique(np.quantile(column, np.linspace(0, 1, DRIFT_BINS + 1)[1:-1]).astype(np.float32))
        counts = np.bincount(np.searchsorted(edges, column, side="right"), minlength=len(edges) + 1)
        result.append({"edges": [float(edge) for edge in edges], "shares": [float(n / len(column)) for n in counts]})
    return result


def golden_requests(rows: np.ndarray, probabilities: np.ndarray, classes: list[str]) -> list[dict[str, Any]]:
    """Requests with the answers expected of them, in the form of the rollout's `gates.golden`.

    Taken are the rows that the model is surest of, so that a correct model on another CPU cannot miss them; the last
    request is a batch of them all.
    """
    chosen: list[tuple[str, int]] = []
    for number, label in enumerate(classes):
        surest = np.argsort(-probabilities[:, number], kind="stable")[:GOLDEN_ROWS_PER_CLASS]
        chosen += [(label, int(index)) for index in surest]

    def request(name: str, members: list[tuple[str, int]]) -> dict[str, Any]:
        return {
            "name": name,
            "method": "POST",
            "path": "/predict",
            # The shortest decimals that give back the float32 the model saw.
            "body": {"instances": [[float(str(value)) for value in rows[index]] for _, index in members]},
            "status": 200,
            "expect": {
                "predictions": [
                    {"label": label, "probability": round(float(probabilities[index].max()), 6)}
                    for label, index in members
                ]
            },
            "tolerance": TOLERANCE,
        }

    single = [request(f"{label}-{n % GOLDEN_ROWS_PER_CLASS + 1}", [(label, i)]) for n, (label, i) in enumerate(chosen)]
    return [*single, request("batch", chosen)]


def dump(value: object) -> str:
    return json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--out", type=Path, required=True, help="directory for model.onnx and manifest.json")
    parser.add_argument(
        "--model-version", default=DEFAULT_VERSION, help="version recorded in the manifest (%(default)s)"
    )
    parser.add_argument("--trees", type=int, default=TREES, help="trees of the ensemble (%(default)s)")
    parser.add_argument("--golden", type=Path, help="also write the golden requests here")
    parser.add_argument("--estimator", type=Path, help="also write the scikit-learn estimator here (joblib)")
    arguments = parser.parse_args()
    manifest = train(arguments.model_version, arguments.out, arguments.estimator, arguments.trees)
    if arguments.golden:
        # One request a line: 30 numbers each on a line of their own would be a file that nobody can read.
        lines = ",\n".join(json.dumps(request, sort_keys=True) for request in manifest["golden"])
        arguments.golden.write_text(f"[\n{lines}\n]\n")
    print(f"{manifest['name']} {manifest['version']}: accuracy {manifest['metrics']['accuracy']}, {manifest['sha256']}")


if __name__ == "__main__":
    main()
