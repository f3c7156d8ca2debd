"""The table of resources, where `books` and the HTTP side look for it.

It lives in `xero_sandbox.shapes`, because the store below `books` needs it as well.
"""

from __future__ import annotations

from xero_sandbox.shapes import RESOURCES, Resource

__all__ = ["RESOURCES", "Resource"]
