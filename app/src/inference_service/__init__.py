"""The inference service: HTTP (`app`, `routes`) → service (`service`, `batcher`) → model edge (`model`)."""
