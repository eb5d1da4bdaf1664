"""Measurements, each stating its protocol."""
