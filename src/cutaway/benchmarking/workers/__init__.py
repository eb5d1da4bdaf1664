"""One module an engine; each runs in the engine's own environment and answers one JSON a line."""
