"""The expression language: text in, syntax tree with places out. Nothing is evaluated here."""
