"""The explorer over HTTP: one run, its numbers, and the page that shows them."""

from cutaway.server.app import STATIC, create_app

__all__ = ["STATIC", "create_app"]
