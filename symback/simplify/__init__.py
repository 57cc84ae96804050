"""From a gradient as the sweep leaves it to the form that a good textbook prints."""
