"""Corpora to token shards to batches."""
