"""From graph nodes to written mathematics: matrix notation and index notation."""
