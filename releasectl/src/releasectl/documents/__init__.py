"""Values to and from JSON, env files and text. Decoding raises Failure (code 2)."""
