"""`symback verify FILE`: are the derivatives right?"""

from __future__ import annotations
