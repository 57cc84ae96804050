"""`symback verify FILE`: are the derivatives right?"""

from __future__ import annotations

from symback import bundle
from symback.cli.derive_command import File
from symback.cli.options import Json, print_json
