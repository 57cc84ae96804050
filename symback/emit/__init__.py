"""Source code written from graph nodes."""
