"""Output formats. They print the steps of a story and hold no mathematics."""
