"""The inference service: HTTP (`http`, `app`) → service (`service`, `batcher`) → model edge (`model`)."""
