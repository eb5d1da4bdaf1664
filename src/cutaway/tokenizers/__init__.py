"""Bytes to ids and back; no torch here."""
