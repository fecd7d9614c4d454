"""TFX-style components and the commands that run them."""
